#!/usr/bin/env node
// Node clients of CouchDB against the server: nano and @ibm-cloud/cloudant make every call that a
// web application with its sessions, chats and audit log in CouchDB makes, over HTTP and HTTPS, with
// Basic credentials and with a session; and the errors are those that it looks at.
// Needs the program "openssl" for a certificate.
import { execFileSync } from 'node:child_process'
import fs from 'node:fs'
import https from 'node:https'
import path from 'node:path'
import cloudant from '@ibm-cloud/cloudant'
import nano from 'nano'
import { Checks, Server, admin, freePort, sleep, tempFolder } from './support.mjs'

const { BasicAuthenticator, CloudantV1, CouchdbSessionAuthenticator } = cloudant
const checks = new Checks('clients')

const chatViews = {
  views: {
    by_share_id: { map: 'function (doc) { if (doc.shareId) emit(doc.shareId, null); }' },
    count: { map: 'function (doc) { if (doc.shareId) emit(doc.patientOwner, 1); }', reduce: '_count' }
  }
}

const refused = async (promise, status) => {
  const error = await promise.then(() => undefined, failure => failure)
  return [error?.[status], error?.error ?? error?.result?.error ?? error?.message]
}

// ---------------------------------------------------------------- nano
async function chats (client) {
  await client.db.create('maia_chats')
  checks.same(await refused(client.db.create('maia_chats'), 'statusCode'), [412, 'file_exists'], 'a database that is there')
  const chats = client.db.use('maia_chats')
  const made = await chats.insert({ _id: 'Public User', kind: 'user' })
  checks.same([made.ok, made.id], [true, 'Public User'], 'insert with an id in the body')
  checks.same((await chats.get('Public User')).kind, 'user', 'an id with a space')
  checks.same(await refused(chats.insert({ _id: 'Public User' }), 'statusCode'), [409, 'conflict'], 'insert without the revision')
  checks.same(await refused(chats.get('Nobody'), 'statusCode'), [404, 'not_found'], 'a document that is not there')
  await chats.insert({ _id: '_design/chats', ...chatViews })
  for (let n = 0; n < 40; n++) {
    const shareId = n % 4 ? `share-${n}` : undefined
    await chats.insert({ _id: `chat ${n}`, shareId, patientOwner: `p${n % 3}`, status: ['open', 'done', 'old'][n % 3], n })
  }
  const shared = await chats.view('chats', 'by_share_id', { key: 'share-7', include_docs: true })
  checks.same(shared.rows.map(row => [row.id, row.doc.n]), [['chat 7', 7]], 'view with key and documents')
  const counts = await chats.view('chats', 'count', { group: true })
  checks.same(counts.rows.map(row => row.value), [10, 10, 10], 'a reduced view')
  const all = await chats.list({ include_docs: true })
  checks.same([all.total_rows, all.rows.filter(row => row.doc).length], [42, 42], 'list with documents')
  await finds(chats)
  checks.same((await chats.info()).doc_count, 43, 'doc_count')
  await removal(chats)
}

async function finds (chats) {
  const find = async (selector, more = {}) => (await chats.find({ selector, limit: 1000, ...more })).docs.length
  checks.same(await find({ status: { $nin: ['open', 'done'] }, n: { $exists: true } }), 13, '$nin, $exists')
  checks.same(await find({ $or: [{ status: 'open' }, { n: { $eq: 1 } }] }), 15, '$or, $eq')
  checks.same(await find({ n: { $gt: 3 } }, { limit: 5, fields: ['_id'] }), 5, 'limit')
  checks.same(await refused(chats.find({ selector: { n: { $gt: 0 } }, sort: [{ timestamp: 'desc' }] }), 'statusCode'),
    [400, 'no_usable_index'], 'a sort without an index')
  await chats.createIndex({ index: { fields: ['n'] }, name: 'by-n' })
  const { docs } = await chats.find({ selector: { n: { $gt: 30 } }, sort: [{ n: 'desc' }], limit: 3 })
  checks.same(docs.map(({ n }) => n), [39, 38, 37], 'a sort with one')
}

async function removal (chats) {
  const { _id, _rev } = await chats.get('chat 1')
  checks.same((await chats.destroy(_id, _rev)).ok, true, 'destroy')
  checks.same(await refused(chats.destroy(_id, _rev), 'statusCode'), [404, 'not_found'], 'destroy what is gone')
  checks.same(await refused(chats.get(_id), 'statusCode'), [404, 'not_found'], 'and it is gone')
}

// Two documents a session, found by user and by cookie; an audit log beside them.
async function sessions (client) {
  await client.db.create('maia_sessions').catch(() => {})
  const db = client.db.use('maia_sessions')
  const open = { type: 'session', isActive: true, lastActivity: '2025-06-01T00:00:00.000Z' }
  await db.insert({ _id: 'wed271', ...open, sessionId: 's:1' })
  await db.insert({ _id: 'session_s:1', ...open, userId: 'wed271' })
  const found = await db.get('session_s:1')
  await db.insert({ ...found, isActive: false })
  const { docs } = await db.find({ selector: { type: 'session', isActive: { $eq: true } } })
  checks.same(docs.map(doc => doc._id), ['wed271'], 'sessions that are open')
  const events = ['login_success', 'login_failure', 'logout', 'passkey_registered', 'session_expired']
  for (const type of events) await db.insert({ type, userId: 'wed271', timestamp: new Date(0).toISOString(), ip: '::1' })
  const audit = await db.find({ selector: { type: { $in: events } }, limit: 100 })
  checks.same(audit.docs.length, 5, 'the audit log')
}

// Its scripts: all documents into a file, and one by one into another database.
async function migration (client) {
  const [from, to] = [client.db.use('maia_chats'), client.db.use('maia_copy')]
  const file = path.join(tempFolder(), 'backup.json')
  const { rows } = await from.list({ include_docs: true })
  fs.writeFileSync(file, JSON.stringify(rows.map(row => row.doc)))
  await client.db.create('maia_copy')
  for (const { _rev, ...doc } of JSON.parse(fs.readFileSync(file))) await to.insert(doc)
  const copy = await to.list({ include_docs: true })
  const bodies = list => list.map(({ doc: { _rev, ...doc } }) => doc)
  checks.same(bodies(copy.rows), bodies(rows), 'a backup restored')
  await client.db.destroy('maia_copy')
  checks.same(await refused(client.db.get('maia_copy'), 'statusCode'), [404, 'not_found'], 'a database that was deleted')
}

async function nanoCalls (url, agent) {
  const client = nano({ url, requestDefaults: agent ? { agent } : {} })
  const welcome = await client.info()
  checks.same([welcome.couchdb, welcome.version.split('.')[0]], ['Welcome', '3'], 'info')
  await chats(client)
  await sessions(client)
  await migration(client)
  for (const name of ['maia_chats', 'maia_sessions']) await client.db.destroy(name)
}

async function nanoSession (server) {
  const client = nano({ url: server.origin, jar: true })
  await client.auth(admin.name, admin.password)
  checks.same((await client.session()).userCtx.name, admin.name, 'nano signs in')
  await client.db.create('by_session')
  await client.db.use('by_session').insert({ _id: 'a' })
  await client.db.destroy('by_session')
  const stranger = nano({ url: server.origin })
  checks.same(await refused(stranger.db.create('x'), 'statusCode'), [401, 'unauthorized'], 'without credentials')
}

// ---------------------------------------------------------------- @ibm-cloud/cloudant
async function cloudantCalls (service) {
  const db = 'cloudant_chats'
  checks.same((await service.getServerInformation()).result.couchdb, 'Welcome', 'getServerInformation')
  checks.same((await service.putDatabase({ db })).status, 201, 'putDatabase')
  checks.same(await refused(service.putDatabase({ db }), 'status'), [412, 'file_exists'], 'putDatabase again')
  const { result: made } = await service.postDocument({ db, document: { _id: 'Public User', kind: 'user' } })
  checks.same(made.id, 'Public User', 'postDocument')
  const { result: read } = await service.getDocument({ db, docId: 'Public User' })
  checks.same([read.kind, read._rev], ['user', made.rev], 'getDocument')
  checks.same(await refused(service.getDocument({ db, docId: 'x' }), 'status'), [404, 'not_found'], 'getDocument of none')
  checks.same(await refused(service.postDocument({ db, document: { _id: 'Public User' } }), 'status'), [409, 'conflict'], 'a conflict')
  await service.putDesignDocument({ db, ddoc: 'chats', designDocument: chatViews })
  const docs = Array.from({ length: 30 }, (_, n) => ({ _id: `chat ${n}`, shareId: `s${n}`, patientOwner: 'p', n }))
  const { result: written } = await service.postBulkDocs({ db, bulkDocs: { docs } })
  checks.same(written.filter(row => row.ok).length, 30, 'postBulkDocs')
  const { result: view } = await service.postView({ db, ddoc: 'chats', view: 'by_share_id', key: 's7', includeDocs: true })
  checks.same(view.rows.map(row => row.doc.n), [7], 'postView')
  const { result: all } = await service.postAllDocs({ db, includeDocs: true, limit: 10 })
  checks.same([all.totalRows, all.rows.length], [32, 10], 'postAllDocs')
  const { result: found } = await service.postFind({ db, selector: { n: { $gt: 26 } }, fields: ['n'] })
  checks.same(found.docs, [{ n: 27 }, { n: 28 }, { n: 29 }], 'postFind')
  checks.same(await refused(service.postFind({ db, selector: {}, sort: [{ n: 'desc' }] }), 'status'),
    [400, 'no_usable_index'], 'a sort without an index')
  const { result: changes } = await service.postChanges({ db, since: '0' })
  checks.same([changes.results.length, changes.pending], [32, 0], 'postChanges')
  await service.deleteDocument({ db, docId: 'Public User', rev: made.rev })
  checks.same((await service.getDatabaseInformation({ db })).result.docCount, 31, 'getDatabaseInformation')
  await service.deleteDatabase({ db })
}

function cloudantService (url, authenticator, options = {}) {
  const service = new CloudantV1({ authenticator, ...options })
  service.setServiceUrl(url)
  return service
}

// ---------------------------------------------------------------- too many requests
// Waits 1, 2, 4 … seconds before it gives up.
async function patiently (work, met) {
  for (const seconds of [1, 2, 4, 8, 16, 0]) {
    try { return await work() } catch (error) {
      const limited = error.statusCode === 429 || error.error === 'too_many_requests'
      if (!limited || !seconds) throw error
      met.push(error)
      await sleep(seconds * 1000)
    }
  }
}

async function limited () {
  const server = await Server.start({ ini: '[log]\nlevel = warning\n[rate_limit]\nrequests = 30/3\n' })
  const client = nano({ url: server.url })
  const met = []
  await patiently(() => client.db.create('busy'), met)
  let written = 0
  const burst = size => Promise.all(Array.from({ length: size }, () => `d${written++}`)
    .map(_id => patiently(() => client.db.use('busy').insert({ _id }), met)))
  // A machine may be too slow for the limit; fifty times in a row it is not.
  for (let times = 0; times < 50 && met.length === 0; times++) await burst(40)
  checks.that(met.length > 0, 'some requests were too many')
  checks.that(met.every(({ statusCode, error }) => statusCode === 429 && error === 'too_many_requests'), 'and were told so')
  checks.same((await patiently(() => client.db.get('busy'), met)).doc_count, written, 'a client that waits loses nothing')
  await server.stop()
}

// ---------------------------------------------------------------- all of it
const folder = tempFolder()
const [certificate, key] = [path.join(folder, 'cert.pem'), path.join(folder, 'key.pem')]
execFileSync('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2',
  '-subj', '/CN=clients', '-addext', 'subjectAltName=IP:127.0.0.1', '-keyout', key, '-out', certificate], { stdio: 'pipe' })
const port = await freePort()
const server = await Server.start({
  ini: `[log]\nlevel = warning\n[ssl]\nenable = true\nport = ${port}\ncert_file = ${certificate}\nkey_file = ${key}\n`
})
const ca = fs.readFileSync(certificate)
const { name: username, password } = admin
const basic = new BasicAuthenticator({ username, password })
const secure = `https://127.0.0.1:${port}`

await checks.run('nano over HTTP', () => nanoCalls(server.url))
await checks.run('nano over HTTPS', () => nanoCalls(`https://${username}:${password}@127.0.0.1:${port}`, new https.Agent({ ca })))
await checks.run('nano with a session', () => nanoSession(server))
await checks.run('cloudant over HTTP', () => cloudantCalls(cloudantService(server.origin, basic)))
await checks.run('cloudant over HTTPS', () =>
  cloudantCalls(cloudantService(secure, basic, { httpsAgent: new https.Agent({ ca }) })))
await checks.run('cloudant with a session', () =>
  cloudantCalls(cloudantService(server.origin, new CouchdbSessionAuthenticator({ username, password }))))
await checks.run('too many requests', limited)
checks.that(server.exit === undefined, `the server ended: ${server.output}`)
checks.same(await server.stop(), { code: 0, signal: null }, 'the server ends cleanly')
checks.finish()
