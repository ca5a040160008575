#!/usr/bin/env node
// Signing in as clients do it: the patient record NOSH3, whose pages send RS256 tokens of a key that
// was set over HTTP, from another origin, with headers of several kilobytes and tokens that are
// swapped while they sync; a page with a session cookie; and an app with access and refresh tokens.
import crypto from 'node:crypto'
import http from 'node:http'
import net from 'node:net'
import PouchDB from 'pouchdb'
import memory from 'pouchdb-adapter-memory'
import { Checks, Server, admin, eventually } from './support.mjs'

PouchDB.plugin(memory)
const checks = new Checks('sign_in')
const origin = 'https://record.example'
const server = await Server.start({
  ini: '[log]\nlevel = warning\n' +
    '[chttpd]\nauthentication_handlers = {chttpd_auth, cookie_authentication_handler}, ' +
    '{chttpd_auth, jwt_authentication_handler}, {chttpd_auth, default_authentication_handler}\n' +
    '[httpd]\nenable_cors = true\n' +
    '[cors]\norigins = *\ncredentials = true\n' +
    'headers = accept, authorization, content-type, origin, referer\n'
})
const keySetting = '/_node/_local/_config/jwt_keys/rsa:_default'

/** A request with just these headers: nobody's, unless they say whose. */
function send (method, path, headers = {}, body) {
  return new Promise((resolve, reject) => {
    const request = http.request(server.origin + path, { method, headers }, reply => {
      const chunks = []
      reply.on('data', chunk => chunks.push(chunk))
      reply.on('end', () => {
        const text = Buffer.concat(chunks).toString()
        let json
        try { json = JSON.parse(text) } catch {}
        resolve({ status: reply.statusCode, headers: reply.headers, text, json })
      })
    })
    request.on('error', reject)
    request.end(body)
  })
}

const asJson = { 'content-type': 'application/json' }
const bearer = token => ({ authorization: `Bearer ${token}` })
const who = async headers => {
  const { status, json } = await send('GET', '/_session', headers)
  return status === 200 ? json.userCtx.name : status
}

const keys = crypto.generateKeyPairSync('rsa', { modulusLength: 2048 })
const others = crypto.generateKeyPairSync('rsa', { modulusLength: 2048 })
const part = value => Buffer.from(JSON.stringify(value)).toString('base64url')

/** A token as NOSH3's server makes it: the header has nothing but the algorithm. */
function makeToken (claims = {}, key = keys.privateKey) {
  const now = Math.floor(Date.now() / 1000)
  const text = part({ alg: 'RS256' }) + '.' + part({
    sub: 'dr-who', '_couchdb.roles': ['_admin'], iss: origin, aud: origin, iat: now, exp: now + 3600, ...claims
  })
  return `${text}.${crypto.sign('RSA-SHA256', Buffer.from(text), key).toString('base64url')}`
}

// A connection on which nothing was asked yet; `ended` resolves when the server has closed it.
async function idleConnection () {
  const socket = net.connect(server.port, '127.0.0.1')
  const ended = new Promise(resolve => socket.on('error', () => {}).on('close', resolve).resume())
  await new Promise((resolve, reject) => socket.on('connect', resolve).on('error', reject))
  return { ended }
}

async function restart () {
  const { json: { uuid } } = await send('GET', '/')
  const idle = await idleConnection()
  const reply = await server.call('POST', '/_node/_local/_restart', '""')
  checks.same(reply.json, { ok: true }, 'the restart is answered before the connection drops')
  await idle.ended // Until then it is the old one that would answer.
  const again = await eventually(async () => {
    const reply = await send('GET', '/').catch(() => undefined)
    return reply?.status === 200 && reply
  }, 120, 'it comes back')
  checks.same(again.json.uuid, uuid, 'the uuid stays')
}

await checks.run('NOSH3: the key is set through _config with literal \\n, and outlives a restart', async () => {
  const pem = keys.publicKey.export({ type: 'spki', format: 'pem' }).replaceAll('\n', '\\n')
  checks.same(await who(bearer(makeToken())), 400, 'before there is a key')
  const set = await server.call('PUT', keySetting, JSON.stringify(pem))
  checks.same([set.status, set.json], [200, ''], 'the old value is told')
  checks.same(await who(bearer(makeToken())), 'dr-who', 'at once')
  await restart()
  checks.same(await server.json('GET', keySetting), pem, 'the key is still set')
  checks.same(await who(bearer(makeToken())), 'dr-who', 'after the restart')
})

await checks.run('NOSH3: an RS256 token without kid is a login, and nothing like it is', async () => {
  checks.same((await send('GET', '/_all_dbs', bearer(makeToken()))).status, 200, 'an admin')
  checks.same((await send('GET', '/_all_dbs', bearer(makeToken({ '_couchdb.roles': [] })))).status, 401,
    'without the role')
  checks.same(await who(bearer(makeToken({ exp: 1 }))), 401, 'an old token')
  checks.same(await who(bearer(makeToken({}, others.privateKey))), 400, 'by another key')
  checks.same(await who(bearer(makeToken().slice(0, -4) + 'AAAA')), 400, 'tampered with')
  const forged = part({ alg: 'HS256' }) + '.' + part({ sub: 'x', exp: 4102444800 })
  const pem = keys.publicKey.export({ type: 'spki', format: 'pem' })
  checks.same(await who(bearer(forged + '.' +
    crypto.createHmac('sha256', pem).update(forged).digest('base64url'))), 400,
  'with the public key as a secret')
  checks.same(await who(bearer(part({ alg: 'none' }) + '.' + part({ sub: 'x', exp: 4102444800 }) + '.')), 400,
    'unsigned')
})

await checks.run('NOSH3: from another origin, preflight first', async () => {
  const preflight = await send('OPTIONS', '/_all_dbs', {
    origin, 'access-control-request-method': 'GET', 'access-control-request-headers': 'authorization'
  })
  checks.same(preflight.status, 204, 'the preflight needs no login')
  checks.same(preflight.headers['access-control-allow-origin'], origin, 'the origin is echoed')
  checks.same(preflight.headers['access-control-allow-credentials'], 'true', 'credentials')
  for (const [token, status] of [[makeToken(), 200], [makeToken({ exp: 1 }), 401]]) {
    const reply = await send('GET', '/_all_dbs', { origin, ...bearer(token) })
    checks.same([reply.status, reply.headers['access-control-allow-origin']], [status, origin],
      'the page may read the answer')
  }
})

await checks.run('NOSH3: tokens of several kilobytes', async () => {
  for (const size of [4, 16, 40]) {
    checks.same(await who(bearer(makeToken({ app: 'x'.repeat(size * 1024) }))), 'dr-who', `${size} KB`)
  }
})

await checks.run('NOSH3: a PouchDB syncs on with a token that is swapped in', async () => {
  let token = makeToken()
  const remote = new PouchDB(`${server.origin}/users`, {
    fetch: (url, options) => {
      options.headers.set('Authorization', `Bearer ${token}`)
      return PouchDB.fetch(url, options)
    }
  })
  const local = new PouchDB('nosh3', { adapter: 'memory' })
  await local.put({ _id: 'one' })
  checks.same((await local.sync(remote)).push.docs_written, 1, 'with the first token')
  token = makeToken({ exp: 1 })
  await local.put({ _id: 'two' })
  const refused = await local.sync(remote).then(() => 'no error', error => error.status)
  checks.same(refused, 401, 'with one that has expired')
  token = makeToken()
  checks.same((await local.sync(remote)).push.docs_written, 1, 'with the next one')
  checks.same((await remote.allDocs()).rows.map(row => row.id), ['one', 'two'], 'all is there')
})

await checks.run('a page with a session cookie syncs, until it is signed out elsewhere', async () => {
  const signIn = async () => {
    const reply = await send('POST', '/_session', asJson, JSON.stringify(admin))
    checks.same(reply.status, 200, 'signed in')
    return reply.headers['set-cookie'][0].split(';')[0]
  }
  const [here, there] = [await signIn(), await signIn()]
  const remote = new PouchDB(`${server.origin}/mine`, {
    fetch: (url, options) => {
      options.headers.set('Cookie', here)
      return PouchDB.fetch(url, options)
    }
  })
  const local = new PouchDB('mine', { adapter: 'memory' })
  await local.put({ _id: 'one' })
  checks.same((await local.sync(remote)).push.docs_written, 1, 'it syncs')
  const { json: { sessions } } = await send('GET', '/_session/list', { cookie: there })
  const other = sessions.filter(session => !session.current)
  checks.same([sessions.length, other.length], [2, 1], 'both sessions are listed')
  const revoked = await send('DELETE', `/_session/list/${other[0].id}`, { cookie: there })
  checks.same(revoked.status, 200, 'the other one is ended')
  await local.put({ _id: 'two' })
  checks.same(await local.sync(remote).then(() => 'no error', error => error.status), 401, 'it stops')
  checks.same(await who({ cookie: there }), admin.name, 'the one that ended it goes on')
})

await checks.run('an app with access and refresh tokens', async () => {
  const basic = { authorization: 'Basic ' + Buffer.from(`${admin.name}:${admin.password}`).toString('base64') }
  const first = (await send('POST', '/_session/token', basic)).json
  checks.same([first.token_type, first.expires_in], ['Bearer', 3600], 'the pair')
  checks.same(await who(bearer(first.access_token)), admin.name, 'no key was configured for it')
  await restart()
  checks.same(await who(bearer(first.access_token)), admin.name, 'after a restart')
  const refresh = token =>
    send('POST', '/_session/refresh', asJson, JSON.stringify({ refresh_token: token }))
  const second = (await refresh(first.refresh_token)).json
  checks.same(await who(bearer(second.access_token)), admin.name, 'the next pair')
  checks.same((await refresh(first.refresh_token)).status, 401, 'a refresh token is good once')
  checks.same((await refresh(second.refresh_token)).status, 401, 'used twice, the session is over')
  checks.same(await who(bearer(second.access_token)), 401, 'and its access token with it')
})

await server.stop()
checks.finish()
