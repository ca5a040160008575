// The pages at /_account: one document, one view at a time, named by the fragment of the address.
import { Refusal, call, get, post } from './api.js'
import { $, action, ask, attempt, card, complain, element, on, onFailure, say } from './page.js'
import * as passkey from './passkey.js'
import { ago, dateAndTime, explain, passkeyLabel, program, signedInBy } from './words.js'

const suggestionSeconds = 240 // A challenge lasts five minutes.

const views = {
  'sign-in': { title: 'Sign in', guest: true, open: openSignIn },
  create: { title: 'Create an account', guest: true, open: openCreate },
  recover: { title: 'Use a recovery code', guest: true },
  passkeys: { title: 'Passkeys', open: listPasskeys },
  sessions: { title: 'Sessions', open: listSessions },
  codes: { title: 'Recovery codes' },
  invite: { title: 'Invite someone', open: openInvite }
}

let user // Who is signed in: {name, roles}; undefined where nobody is.
let policy
let code // Of the link that led here.
let shown // The view that is shown.
let wanted // The view to go to after signing in.
let suggestion // Aborts the browser's waiting list of passkeys.

// ---------------------------------------------------------------- views

function viewName () {
  const name = location.hash.slice(1)
  if (!Object.hasOwn(views, name)) return user ? 'passkeys' : 'sign-in'
  const { guest } = views[name]
  if (Boolean(guest) === !user) return name
  if (!guest) wanted = name
  return user ? 'passkeys' : 'sign-in'
}

async function show () {
  takeCode()
  suggestion?.abort()
  const name = viewName()
  const view = views[name]
  if (name !== 'codes') showCodes([]) // They are seen once.
  for (const section of document.querySelectorAll('main > section')) section.hidden = section.id !== name
  for (const link of document.querySelectorAll('nav a')) mark(link, link.hash === `#${name}`)
  document.body.classList.toggle('narrow', Boolean(view.guest))
  document.title = `${view.title} · ${policy.rp.name}`
  $('menu').hidden = $('who').hidden = !user
  $('user').textContent = user?.name ?? ''
  const next = nextPage()
  $('back').hidden = !user || !next
  if (next) $('back-link').href = next
  $('invite-item').hidden = !user?.roles.includes('_admin')
  if (shown) $(name).querySelector('h1').focus({ preventScroll: true }) // Tells where one is now.
  shown = name
  await attempt($(name), async () => view.open?.())
}

function mark (link, current) {
  if (current) link.setAttribute('aria-current', 'page')
  else link.removeAttribute('aria-current')
}

/** Shows a view, anew where it is the one that is shown. */
function go (name) {
  if (location.hash !== `#${name}`) history.pushState(null, '', `#${name}`)
  return show()
}

// An enrolment link carries its code behind the "#", which is sent to no server and no log. It
// leaves the address, and the history with it, as soon as it is read.
function takeCode () {
  const found = new URLSearchParams(location.hash.slice(1)).get('code')
  if (!found) return
  code = found
  history.replaceState(null, '', '#create')
  if (user) say(`You are signed in as ${user.name}. To use the link for another account, sign out first.`)
}

// A session that somebody ended is noticed by whatever is refused next.
function noticeEnd (error) {
  if (!user || !(error instanceof Refusal) || error.status !== 401) return false
  user = undefined
  go('sign-in')
  complain('This session has ended. Please sign in again.')
  return true
}

// ---------------------------------------------------------------- signing in and out

function openSignIn () {
  $('sign-in-password').value = $('sign-in-code').value = ''
  suggestPasskeys()
}

// Offers passkeys among the suggestions of the name's field, as long as this view is shown.
async function suggestPasskeys () {
  if (!usable() || !await passkey.canSuggest()) return
  suggestion?.abort()
  const mine = suggestion = new AbortController()
  const renew = setTimeout(() => { if (mine === suggestion) suggestPasskeys() }, suggestionSeconds * 1000)
  mine.signal.addEventListener('abort', () => clearTimeout(renew))
  try {
    const options = await post('_passkey/signin/options')
    if (mine.signal.aborted) return
    const response = await passkey.get(options, { mediation: 'conditional', signal: mine.signal })
    await attempt($('sign-in'), () => finishSignIn(response))
  } catch {
    clearTimeout(renew) // It was only an offer: the button says what is wrong.
  }
}

async function signInWithPasskey () {
  suggestion?.abort()
  const name = $('sign-in-name').value.trim()
  try {
    const options = await post('_passkey/signin/options', name ? { name } : {})
    await finishSignIn(await passkey.get(options))
  } catch (error) {
    suggestPasskeys()
    if (error.name !== 'NotAllowedError' || name) throw error
    throw new Error(`${explain(error)} Some security keys need your user name: enter it first.`)
  }
}

async function finishSignIn (response) {
  try {
    await signedIn(await post('_passkey/signin/verify', { response }))
  } catch (error) {
    throw error.status === 401 ? new Error('This passkey does not sign you in here.') : error
  }
}

async function signInWithPassword () {
  const name = $('sign-in-name').value.trim()
  const password = $('sign-in-password').value
  const token = $('sign-in-code').value.replaceAll(' ', '')
  try {
    await signedIn(await post('_session', { name, password, ...(token ? { token } : {}) }))
  } catch (error) {
    $('sign-in-password').select()
    throw error.status === 401 ? new Error('This name and password do not belong together.') : error
  }
}

async function recover () {
  const name = $('recover-name').value.trim()
  try {
    const answer = await post('_passkey/recover', { name, code: $('recover-code').value.trim() })
    wanted = 'passkeys'
    await signedIn(answer, { stay: true })
  } catch (error) {
    throw error.status === 401 ? new Error('This name and code do not belong together, or the code was used.') : error
  }
  $('recover-form').reset()
  say('You are in. Now add a new passkey, and remove the one you lost.')
}

/** After any sign-in; goes back to the app that sent us here, where there is one. */
async function signedIn (answer, { stay = false } = {}) {
  suggestion?.abort()
  user = { name: answer.name, roles: answer.roles }
  code = undefined
  const next = nextPage()
  if (next && !stay) return location.assign(next)
  await go(wanted ?? 'passkeys')
  wanted = undefined
}

/** `?next=`, where it stays on this origin. */
function nextPage () {
  const sent = new URLSearchParams(location.search).get('next')
  if (!sent || !URL.canParse(sent, location.href)) return undefined
  const page = new URL(sent, location.href)
  return page.origin === location.origin ? page.href : undefined
}

async function whoIsSignedIn () {
  try {
    const { userCtx } = await get('_session')
    return userCtx.name ? userCtx : undefined
  } catch (error) {
    if (error.status === 401) return undefined // A server that wants everybody signed in.
    throw error
  }
}

async function signOut () {
  await call('DELETE', '_session')
  user = undefined
  await go(code ? 'create' : 'sign-in')
  say('You are signed out.')
}

// ---------------------------------------------------------------- a new account

async function openCreate () {
  const { registration } = policy
  const invited = code && await readInvitation()
  const asksCode = !code && registration !== 'open'
  $('create-code-field').hidden = !asksCode
  $('create-code').required = asksCode
  $('create-name-field').hidden = Boolean(invited)
  $('create-lead').textContent = invited
    ? `This link is for ${invited}. Make a passkey to sign in with.`
    : asksCode
      ? 'Accounts are by invitation here. Enter the code that you were sent, and your user name.'
      : 'Choose a name and make a passkey. No password is needed.'
}

// The name that the code of the link is for; empty where its bearer chooses.
async function readInvitation () {
  try {
    return (await post('_passkey/register/options', { code })).user.name
  } catch (error) {
    if (error.status === 400) return ''
    if (error.status !== 401 && error.status !== 403) throw error
    code = undefined
    complain('This link was used, or is too old. Ask for a new one.')
    return ''
  }
}

async function createAccount () {
  const name = $('create-name-field').hidden ? '' : $('create-name').value.trim()
  const given = code ?? $('create-code').value.trim()
  const options = await post('_passkey/register/options', {
    ...(name ? { name, display_name: name } : {}),
    ...(given ? { code: given } : {})
  })
  const answer = await register(options)
  $('create-form').reset()
  const codes = answer.recovery_codes ?? []
  if (codes.length === 0) return signedIn(answer)
  wanted = 'codes'
  await signedIn(answer, { stay: true })
  showCodes(codes)
  say(`Welcome, ${answer.name}. Your account is ready.`)
}

async function register (options) {
  const response = await passkey.create(options)
  const label = passkeyLabel(response.authenticatorAttachment, response.response.transports)
  return post('_passkey/register/verify', { response, label })
}

// ---------------------------------------------------------------- passkeys

async function listPasskeys () {
  const { passkeys } = await get('_passkey')
  $('passkey-list').replaceChildren(...passkeys.map(one => passkeyItem(one, passkeys.length === 1)))
  $('passkey-none').hidden = passkeys.length > 0
}

function passkeyItem (one, last) {
  const used = one.last_used ? `used ${ago(one.last_used)}` : 'not used yet'
  return card({
    title: one.label,
    badge: one.backed_up ? 'Synced' : undefined,
    lines: [[`Added ${ago(one.created)}, ${used}`, dateAndTime(one.created)]],
    actions: [
      action('Rename', one.label, () => renamePasskey(one)),
      action('Remove', one.label, () => removePasskey(one, last), true)
    ]
  })
}

async function addPasskey () {
  const answer = await register(await post('_passkey/register/options'))
  await listPasskeys()
  say(`“${answer.passkey.label}” was added.`)
}

async function renamePasskey (one) {
  const label = await ask({ title: 'Rename this passkey', label: 'Name', value: one.label, yes: 'Save' })
  if (!label) return
  await call('PUT', `_passkey/${encodeURIComponent(one.id)}`, { label })
  await listPasskeys()
  say(`It is called “${label}” now.`)
}

async function removePasskey (one, last) {
  const text = last
    ? 'It is your only one. Without it you need a password or a recovery code to sign in.'
    : 'You will not be able to sign in with it any more.'
  const sure = await ask({ title: `Remove “${one.label}”?`, text, yes: 'Remove', danger: true })
  if (sure === undefined) return
  await call('DELETE', `_passkey/${encodeURIComponent(one.id)}`)
  await listPasskeys()
  $('passkeys').querySelector('h1').focus()
  say(`“${one.label}” was removed. You may want to delete it on your device, too.`)
}

// ---------------------------------------------------------------- sessions

async function listSessions () {
  const { sessions } = await get('_session/list')
  sessions.sort((one, other) => other.current - one.current || other.last_used - one.last_used)
  $('session-list').replaceChildren(...sessions.map(sessionItem))
  $('session-end-others').hidden = sessions.length < 2
}

function sessionItem (one) {
  const title = program(one.agent)
  const since = `${one.address}, ${signedInBy[one.kind] ?? one.kind} ${ago(one.created)}`
  return card({
    title,
    badge: one.current ? 'This one' : undefined,
    lines: [[since, dateAndTime(one.created)], [`Last used ${ago(one.last_used)}`, dateAndTime(one.last_used)]],
    actions: one.current ? [] : [action('Sign out', title, () => endSession(one, title), true)]
  })
}

async function endSession (one, title) {
  await call('DELETE', `_session/list/${encodeURIComponent(one.id)}`)
  await listSessions()
  $('sessions').querySelector('h1').focus()
  say(`${title} is signed out.`)
}

async function endOtherSessions () {
  const sure = await ask({
    title: 'Sign out everywhere else?', text: 'Every session but this one ends.', yes: 'Sign out', danger: true
  })
  if (sure === undefined) return
  await call('DELETE', '_session/list')
  await listSessions()
  $('sessions').querySelector('h1').focus()
  say('All other sessions have ended.')
}

// ---------------------------------------------------------------- recovery codes

function showCodes (codes) {
  $('code-list').replaceChildren(...codes.map(one => element('li', {}, one)))
  $('codes-shown').hidden = codes.length === 0
  $('codes-about').hidden = codes.length > 0
}

async function makeCodes () {
  const sure = await ask({
    title: 'Make new codes?', text: 'Codes that you have saved before stop working.', yes: 'Make new codes'
  })
  if (sure === undefined) return
  const { recovery_codes: codes } = await post('_passkey/recovery')
  showCodes(codes)
  $('code-list').focus()
  say('These are your new codes.')
}

async function copy (text) {
  await navigator.clipboard.writeText(text)
  say('Copied.')
}

const shownCodes = () => Array.from($('code-list').children, item => item.textContent).join('\n')

async function leaveCodes () {
  showCodes([])
  const next = nextPage()
  if (next) return location.assign(next)
  await go('passkeys')
}

// ---------------------------------------------------------------- invitations

function openInvite () {
  const { registration } = policy
  $('invite-form').reset()
  $('invite-made').hidden = true
  $('invite-name').required = registration === 'closed'
  $('invite-choice').hidden = registration === 'closed'
}

async function invite () {
  const name = $('invite-name').value.trim()
  const roles = $('invite-roles').value.split(',').map(role => role.trim()).filter(role => role)
  const made = await post('_passkey/invitation', {
    ...(name ? { name } : {}),
    ...(roles.length > 0 ? { roles } : {}),
    expires_in: Number($('invite-days').value) * 86400
  })
  $('invite-link').value = made.url
  $('invite-expires').textContent = `It works until ${dateAndTime(made.expires)}, and once.`
  $('invite-made').hidden = false
  $('invite-link').select()
  say('The link is ready.')
}

function applyPolicy () {
  const parts = kind => document.querySelectorAll(`[data-${kind}]`)
  for (const part of parts('site')) part.textContent = policy.rp.name
  if (!policy.rp.id) for (const part of parts('no-passkeys')) part.textContent = 'Passkeys are not set up on this server.'
  for (const part of parts('no-passkeys')) part.hidden = usable()
  if (!usable()) for (const part of parts('passkeys')) part.hidden = true
  if (policy.registration !== 'open') for (const part of parts('create')) part.textContent = 'I have an invitation'
  if (!policy.password_sign_in) for (const part of parts('passwords')) part.hidden = true
  $('sign-in-name').required = $('sign-in-password').required = policy.password_sign_in
}

const usable = () => passkey.available && Boolean(policy.rp.id)

// A server on which passkeys are not set up has passwords only.
async function readPolicy () {
  try {
    return await get('_passkey/policy')
  } catch (error) {
    if (error.status !== 501) throw error
    return { registration: 'closed', rp: { name: 'Divan' }, password_sign_in: true }
  }
}

async function start () {
  onFailure(noticeEnd)
  on('passkey-sign-in', 'click', signInWithPasskey)
  on('sign-in-form', 'submit', () => policy.password_sign_in ? signInWithPassword() : signInWithPasskey())
  on('create-form', 'submit', createAccount)
  on('recover-form', 'submit', recover)
  on('sign-out', 'click', signOut)
  on('passkey-add', 'click', addPasskey)
  on('session-end-others', 'click', endOtherSessions)
  on('codes-make', 'click', makeCodes)
  on('codes-copy', 'click', () => copy(shownCodes()))
  on('codes-print', 'click', () => window.print())
  on('codes-done', 'click', leaveCodes)
  on('invite-form', 'submit', invite)
  on('invite-copy', 'click', () => copy($('invite-link').value))
  await attempt(document.body, async () => {
    [policy, user] = await Promise.all([readPolicy(), whoIsSignedIn()])
    applyPolicy()
    addEventListener('hashchange', () => { say(''); show() })
    await show()
  })
}

start()
