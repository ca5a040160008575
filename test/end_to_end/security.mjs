#!/usr/bin/env node
// What stands between the network and the documents: TLS with a certificate that is replaced, limits,
// pages of other sites, and the audit log with its checker, also after a crash.
// Needs the program "openssl" for certificates.
import { execFileSync, spawnSync } from 'node:child_process'
import fs from 'node:fs'
import https from 'node:https'
import path from 'node:path'
import PouchDB from 'pouchdb'
import memory from 'pouchdb-adapter-memory'
import { Checks, Server, admin, binary, eventually, freePort, tempFolder } from './support.mjs'

PouchDB.plugin(memory)
const checks = new Checks('security')

function makeCertificate (folder, name) {
  const [certificate, key] = [path.join(folder, 'cert.pem'), path.join(folder, 'key.pem')]
  execFileSync('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes',
    '-days', '2', '-subj', `/CN=${name}`, '-addext', 'subjectAltName=IP:127.0.0.1',
    '-keyout', key, '-out', certificate], { stdio: 'pipe' })
  return { certificate, key }
}

function get (port, options) {
  return new Promise((resolve, reject) => {
    https.get({ host: '127.0.0.1', port, path: '/', ...options }, reply => {
      const peer = reply.socket.getPeerCertificate().subject.CN
      reply.resume()
      reply.on('end', () => resolve({ status: reply.statusCode, peer, version: reply.socket.getProtocol() }))
    }).on('error', reject)
  })
}

function signInBy (port, ca) {
  return new Promise((resolve, reject) => {
    const request = https.request({ host: '127.0.0.1', port, path: '/_session', method: 'POST', ca, agent: false,
      headers: { 'content-type': 'application/json' } }, reply => {
      reply.resume()
      reply.on('end', () => resolve(reply.headers['set-cookie'] ?? []))
    })
    request.on('error', reject)
    request.end(JSON.stringify(admin))
  })
}

async function tls () {
  const folder = tempFolder()
  const port = await freePort()
  const files = makeCertificate(folder, 'first')
  const server = await Server.start({
    ini: `[ssl]\nenable = true\nport = ${port}\ncert_file = ${files.certificate}\nkey_file = ${files.key}\n` +
      '[security_headers]\nstrict_transport_security = max-age=60\n'
  })
  const ca = fs.readFileSync(files.certificate)
  checks.same(await get(port, { ca, agent: false }), { status: 200, peer: 'first', version: 'TLSv1.3' }, 'https')
  checks.same(await get(port, { ca, agent: false, maxVersion: 'TLSv1.2' }),
    { status: 200, peer: 'first', version: 'TLSv1.2' }, 'https by TLS 1.2')
  const old = await get(port, { ca, agent: false, minVersion: 'TLSv1', maxVersion: 'TLSv1.1', ciphers: 'ALL:@SECLEVEL=0' })
    .catch(error => error.code)
  checks.that(typeof old === 'string', 'TLS 1.1 is refused')

  const cookies = await signInBy(port, ca)
  checks.that(cookies.length === 1 && /; Secure;/.test(cookies[0]), `the session's cookie is Secure: ${cookies}`)

  const agent = new https.Agent({ ca, keepAlive: true })
  const remote = new PouchDB(`https://admin:secret@127.0.0.1:${port}/notes`, {
    fetch: (url, options) => PouchDB.fetch(url, { ...options, agent })
  })
  const local = new PouchDB('tls-local', { adapter: 'memory' })
  const file = Buffer.alloc(3 << 20, 'x')
  await local.putAttachment('doc', 'file', file, 'application/octet-stream')
  for (let i = 0; i < 200; i++) await local.put({ _id: `d${i}`, i })
  await local.sync(remote)
  checks.same((await remote.info()).doc_count, 201, 'PouchDB pushes over TLS')
  const back = await remote.getAttachment('doc', 'file')
  checks.that(file.equals(back), 'a large attachment comes back')
  const feed = remote.changes({ live: true, since: (await remote.info()).update_seq })
  const seen = new Promise(resolve => feed.on('change', resolve))
  await local.put({ _id: 'late' })
  await local.replicate.to(remote)
  checks.same((await seen).id, 'late', 'a live feed over TLS')
  feed.cancel()

  makeCertificate(folder, 'second')
  process.kill(server.pid, 'SIGHUP')
  await eventually(async () => (await get(port, { rejectUnauthorized: false, agent: false })).peer === 'second', 60,
    'SIGHUP brings the new certificate')
  checks.same((await remote.info()).doc_count, 202, 'old connections live on')
  agent.destroy()
  checks.same((await server.stop()).code, 0, 'stops with TLS clients')
}

async function limits () {
  const server = await Server.start({
    ini: '[rate_limit]\nrequests = 100/86400\n[chttpd]\ntrusted_proxies = 127.0.0.1\n'
  })
  const from = client => server.call('GET', '/', undefined, { 'x-forwarded-for': client })
  const statuses = []
  for (let i = 0; i < 101; i++) statuses.push((await from('192.0.2.1')).status)
  checks.same(statuses.indexOf(429), 100, 'the 101st request of an address is refused')
  const refused = await from('192.0.2.1')
  checks.that(Number(refused.headers['retry-after']) >= 1, 'with Retry-After')
  checks.same(refused.json?.error, 'too_many_requests', 'and the error')
  checks.same((await from('192.0.2.2')).status, 200, 'another address is served')
  await server.stop()
}

const auditor = path.join(path.dirname(binary()), 'divan-audit')
function verify (...args) {
  const run = spawnSync(auditor, ['verify', ...args], { encoding: 'utf8' })
  return { code: run.status, text: run.stdout + run.stderr }
}
// Those that are there in full: the last one may just be written.
const linesOf = folder => fs.readdirSync(folder).sort().flatMap(name =>
  fs.readFileSync(path.join(folder, name), 'utf8').split('\n').slice(0, -1).map(line => JSON.parse(line)))

async function audit () {
  const server = await Server.start({ ini: '[audit]\ndocuments = true\n' })
  const folder = path.join(server.dataFolder, 'audit')
  await server.json('PUT', '/records')
  await server.json('PUT', '/records/patient', { v: 1 })
  await server.call('GET', '/records/patient', undefined, { 'user-agent': 'a reader' })
  await server.json('PUT', '/records/_security', { members: { names: ['ann'] } })
  await server.json('PUT', '/_node/_local/_config/admins/ann', JSON.stringify('pass word'))
  const user = { type: 'user', name: 'bea', password: 'pass word', roles: ['nurse'] }
  const made = await server.json('PUT', '/_users/org.couchdb.user:bea', user)
  await server.json('PUT', '/_users/org.couchdb.user:bea',
    { ...user, password: 'other pass word', roles: ['doctor'], _rev: made.rev })
  await server.json('PUT', '/_users/org.couchdb.user:bea', { ...user, _rev: made.rev }, 409)
  await server.json('POST', '/_users/_bulk_docs', { docs: [{ ...user, _id: 'org.couchdb.user:cem', name: 'cem' }] })
  await server.json('PUT', '/_node/_local/_config/audit/enable', JSON.stringify('false'), 403)
  const last = line => line.event === 'config_changed' && line.resource === 'audit/enable'
  await eventually(() => linesOf(folder).some(last), 60, 'the events are written')
  const lines = linesOf(folder)
  const find = (event, more = {}) => lines.find(line => line.event === event &&
    Object.entries(more).every(([key, value]) => line[key] === value))
  checks.that(find('access', { user: 'admin', action: 'GET', resource: '/records/patient', status: 200, agent: 'a reader', address: '127.0.0.1' }),
    'who looked at a document')
  checks.that(find('access', { action: 'PUT', resource: '/records/patient', status: 201 }), 'who changed it')
  checks.that(find('security_changed', { user: 'admin', resource: '/records/_security' }), 'a changed _security')
  checks.that(find('admin_changed', { user: 'ann', actor: 'admin', ok: true }), 'a new administrator')
  checks.that(find('user_made', { user: 'bea', actor: 'admin', detail: 'roles ["nurse"]', ok: true }), 'a new user')
  checks.that(find('user_changed', { user: 'bea', detail: 'roles ["nurse"] became ["doctor"], password', ok: true }),
    'another role and password')
  checks.that(find('user_changed', { user: 'bea', ok: false }), 'a change that was refused')
  checks.that(find('user_made', { user: 'cem' }), 'a user made in bulk')
  checks.that(find('config_changed', { resource: 'audit/enable', ok: false }), 'a refused change')
  checks.that(!JSON.stringify(lines).includes('pass word'), 'no secret is in it')

  await Promise.all(Array.from({ length: 200 }, (_, i) => server.call('GET', `/records/d${i}`)))
  await server.kill()
  checks.that([0, 3].includes(verify(folder).code), 'the chain holds after SIGKILL')
  await server.run()
  checks.same(verify(folder).code, 0, 'and goes on')
  await server.stop()
  const good = verify(folder)
  checks.same(good.code, 0, 'divan-audit verify')
  const [, hash] = /hash ([0-9a-f]{64})/.exec(good.text) ?? []
  checks.same(verify('--noted', hash, folder).code, 0, 'a noted hash is found')

  const file = path.join(folder, fs.readdirSync(folder)[0])
  const text = fs.readFileSync(file, 'utf8')
  fs.writeFileSync(file, text.replace('"user":"ann"', '"user":"bob"'))
  const bad = verify(folder)
  checks.same(bad.code, 1, 'a changed line is found')
  checks.that(bad.text.startsWith(`broken: ${file}, line `), 'and named')
  fs.writeFileSync(file, text.slice(0, text.lastIndexOf('\n', text.length - 2) + 1))
  checks.same(verify(folder).code, 0, 'a log cut at its end looks whole')
  checks.same(verify('--noted', hash, folder).code, 1, 'but the noted hash is missing')
  checks.same(verify('/nowhere').code, 2, 'a file that is not there')
}

async function sessionsInAudit () {
  const server = await Server.start()
  const folder = path.join(server.dataFolder, 'audit')
  // As nobody, unless the cookie says who.
  const send = async (method, target, body, cookie) => {
    const headers = { ...(body ? { 'content-type': 'application/json' } : {}), ...(cookie ? { cookie } : {}) }
    const reply = await fetch(server.origin + target, { method, headers, body: body && JSON.stringify(body) })
    return { status: reply.status, json: await reply.json(), cookie: reply.headers.getSetCookie()[0]?.split(';')[0] }
  }
  const secrets = ['a wrong guess', 'a right one']
  await server.json('PUT', '/_users/org.couchdb.user:dia', { type: 'user', name: 'dia', password: secrets[1], roles: [] })
  const signIn = (name, password) => send('POST', '/_session', { name, password })
  await signIn('dia', secrets[0])
  await signIn('nobody', secrets[0])
  const cookies = []
  for (let i = 0; i < 3; i++) cookies.push((await signIn('dia', secrets[1])).cookie)
  const [here, there, third] = cookies
  const { sessions } = (await send('GET', '/_session/list', undefined, here)).json
  const [other, another] = sessions.filter(session => !session.current).map(session => session.id)
  checks.same((await send('DELETE', `/_session/list/${other}`, undefined, here)).status, 200, 'revokes its own')
  checks.same((await server.call('DELETE', `/_session/list/${another}?user=dia`)).status, 200, 'the admin revokes one')
  const pair = (await send('POST', '/_session/token', undefined, here)).json
  const refresh = () => send('POST', '/_session/refresh', { refresh_token: pair.refresh_token })
  checks.same([(await refresh()).status, (await refresh()).status], [200, 401], 'a refresh token is good once')
  checks.same((await send('DELETE', '/_session', undefined, here)).status, 200, 'signs out')
  checks.same((await send('GET', '/_session/list', undefined, there)).status, 401, 'revoked')
  checks.same((await send('GET', '/_session/list', undefined, third)).status, 401, 'revoked too')
  await server.json('POST', '/_passkey/invitation', { name: 'eli' })
  await send('POST', '/_passkey/recover', { name: 'dia', code: 'no-such-code' })
  await server.json('DELETE', `/_users/org.couchdb.user:dia?rev=${(await server.json('GET', '/_users/org.couchdb.user:dia'))._rev}`)
  await server.stop()

  const lines = linesOf(folder)
  const events = [
    ['sign_in', { user: 'dia', ok: false, address: '127.0.0.1' }], ['sign_in', { user: 'nobody', ok: false }],
    ['sign_in', { user: 'dia', ok: true, detail: 'password' }],
    ['session_revoked', { user: 'dia', resource: other }],
    ['session_revoked', { user: 'dia', actor: 'admin', resource: another }],
    ['token_issued', { user: 'dia' }], ['token_refreshed', { user: 'dia', ok: true }],
    ['token_refreshed', { ok: false, detail: 'The refresh token was used before; its session has been ended.' }],
    ['sign_out', { user: 'dia' }], ['invitation_made', { user: 'eli', actor: 'admin' }],
    ['sign_in', { user: 'dia', ok: false, detail: 'recovery code: Name or code is incorrect.' }],
    ['user_removed', { user: 'dia', actor: 'admin' }]
  ]
  for (const [event, members] of events) {
    checks.that(lines.some(line => line.event === event &&
      Object.entries(members).every(([key, value]) => line[key] === value)), `${event} ${JSON.stringify(members)}`)
  }
  const text = JSON.stringify(lines)
  for (const secret of [...secrets, pair.access_token, pair.refresh_token, here.split('=')[1], 'no-such-code']) {
    checks.that(!text.includes(secret), 'no secret is in the log')
  }
  checks.same(verify(folder).code, 0, 'the chain holds')
}

await checks.run('tls', tls)
await checks.run('limits', limits)
await checks.run('audit', audit)
await checks.run('sessions in the audit log', sessionsInAudit)
checks.finish()
