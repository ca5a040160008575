// What the pages say in words: failures, times, programs.

const ceremonyFailures = {
  NotAllowedError: 'Nothing was confirmed: it was cancelled, or took too long. You can try again.',
  InvalidStateError: 'There is a passkey for this account on that device already.',
  SecurityError: 'Passkeys are not set up for this address.',
  NotSupportedError: 'That device cannot make a passkey that is accepted here.'
}

/** A failure in words for whoever sits in front of it. */
export function explain (error) {
  if (error.status === 429) return `Too many tries. Please wait ${duration(error.wait || 60)}, then try again.`
  if (error instanceof DOMException) return ceremonyFailures[error.name] ?? error.message
  return error.message
}

function duration (seconds) {
  if (seconds < 90) return `${seconds} seconds`
  return `${Math.ceil(seconds / 60)} minutes`
}

const units = [['year', 31557600], ['month', 2629800], ['day', 86400], ['hour', 3600], ['minute', 60]]
const relative = new Intl.RelativeTimeFormat('en', { numeric: 'auto' })
const exact = new Intl.DateTimeFormat('en', { dateStyle: 'long', timeStyle: 'short' })

/** "3 hours ago" of a time in seconds since 1970. */
export function ago (seconds) {
  const passed = Date.now() / 1000 - seconds
  const [unit, length] = units.find(([, length]) => passed >= length) ?? []
  return unit ? relative.format(-Math.floor(passed / length), unit) : 'just now'
}

export const dateAndTime = seconds => exact.format(new Date(seconds * 1000))

const browsers = [
  ['Edg', 'Edge'], ['OPR/', 'Opera'], ['SamsungBrowser/', 'Samsung Internet'], ['Firefox/', 'Firefox'],
  ['FxiOS/', 'Firefox'], ['CriOS/', 'Chrome'], ['Chrome/', 'Chrome'], ['Safari/', 'Safari']
]
const systems = [
  ['iPhone', 'iPhone'], ['iPad', 'iPad'], ['Android', 'Android'], ['Windows', 'Windows'],
  ['Mac OS', 'Mac'], ['CrOS', 'ChromeOS'], ['Linux', 'Linux']
]
const named = (table, agent) => table.find(([mark]) => agent.includes(mark))?.[1]

/** "Firefox on Linux" of a User-Agent; its first words where it is no browser's. */
export function program (agent) {
  if (!agent) return 'A program without a name'
  const browser = agent.startsWith('Mozilla/') && named(browsers, agent)
  if (!browser) return agent.slice(0, 60)
  const system = named(systems, agent)
  return system ? `${browser} on ${system}` : browser
}

/** A name for a passkey that was just made; its owner may change it. */
export function passkeyLabel (attachment, transports) {
  if (attachment === 'platform') return named(systems, navigator.userAgent) ?? 'This device'
  if (transports.includes('hybrid')) return 'Phone or tablet'
  return 'Security key'
}

export const signedInBy = {
  password: 'signed in with a password',
  passkey: 'signed in with a passkey',
  token: 'an app with a token',
  recovery: 'signed in with a recovery code'
}
