// Requests to the server that these pages come from, wherever it is mounted.

const root = new URL('..', import.meta.url)

/** An answer that is no success. `status` is 0 where there was none. */
export class Refusal extends Error {
  constructor (status, name, reason, wait) {
    super(reason)
    Object.assign(this, { status, name, wait })
  }
}

/** The JSON of the answer. Throws `Refusal`. */
export async function call (method, path, body) {
  const request = { method, credentials: 'same-origin', cache: 'no-store', headers: { Accept: 'application/json' } }
  if (body !== undefined) {
    request.headers['Content-Type'] = 'application/json'
    request.body = JSON.stringify(body)
  }
  let reply
  try {
    reply = await fetch(new URL(path, root), request)
  } catch {
    throw new Refusal(0, 'unreachable', 'The server cannot be reached. Check your connection and try again.')
  }
  const answer = await reply.json().catch(() => ({}))
  if (reply.ok) return answer
  const reason = answer.reason || `The server refused this (${reply.status}).`
  throw new Refusal(reply.status, answer.error, reason, Number(reply.headers.get('Retry-After')) || 0)
}

export const get = path => call('GET', path)
export const post = (path, body = {}) => call('POST', path, body)
