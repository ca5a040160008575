#!/usr/bin/env node
// divan-import with a live server as its source: express-pouchdb, behind a proxy that refuses requests
// now and then (429) and wants a token of IAM. The importer is killed with SIGKILL in the middle and
// resumed; every leaf is compared, and nothing may have been written twice.
// $DIVAN_IMPORT names the importer, $DIVAN the server.
import { spawn } from 'node:child_process'
import crypto from 'node:crypto'
import fs from 'node:fs'
import http from 'node:http'
import path from 'node:path'
import express from 'express'
import expressPouchDB from 'express-pouchdb'
import PouchDB from 'pouchdb'
import memory from 'pouchdb-adapter-memory'
import { Checks, Server, binary, eventually, freePort, numbers, tempFolder } from './support.mjs'

PouchDB.plugin(memory)
const checks = new Checks('import live')
const importer = path.resolve(process.env.DIVAN_IMPORT ?? path.join(path.dirname(binary()), 'divan-import'))
const folder = tempFolder('divan-import-live')
const documents = 1500

// ---------------------------------------------------------------- the source
const Source = PouchDB.defaults({ adapter: 'memory' })
const notes = new Source('notes')
const more = new Source('more')

async function listen (handler) {
  const server = http.createServer(handler)
  server.keepAliveTimeout = 0 // Else what is kept may end just when it is used again.
  await new Promise(resolve => server.listen(0, '127.0.0.1', resolve))
  return server
}

async function fill () {
  const random = numbers(7)
  const hash = () => random.bytes(16).toString('hex')
  const rows = []
  for (let n = 0; n < documents; n++) {
    const [first, second] = [hash(), hash()]
    const _id = `note-${String(n).padStart(5, '0')}`
    rows.push({ _id, _rev: `2-${second}`, _revisions: { start: 2, ids: [second, first] }, n, text: 'ä'.repeat(n % 50) })
    if (n % 10 === 3) rows.push({ _id, _rev: `2-${hash()}`, _revisions: { start: 2, ids: [hash(), first] }, n, other: true })
    if (n % 10 === 4) {
      const third = hash()
      rows.push({ _id, _rev: `3-${third}`, _revisions: { start: 3, ids: [third, second, first] }, _deleted: true })
    }
  }
  for (const row of rows) row._rev = `${row._revisions.start}-${row._revisions.ids[0]}`
  await notes.bulkDocs(rows, { new_edits: false })
  for (let n = 0; n < 20; n++) {
    await notes.put({
      _id: `file-${n}`,
      _attachments: {
        'small.txt': { content_type: 'text/plain', data: Buffer.from(`text ${n}`).toString('base64') },
        'large.bin': { content_type: 'application/octet-stream', data: random.bytes(1000 + n * 60000).toString('base64') }
      }
    })
  }
  await notes.put({ _id: '_design/d', views: { v: { map: 'function (doc) { emit(doc.n) }' } } })
  await more.put({ _id: 'only one', list: [1, 1.5, null, { deep: 'x' }] })
}

const app = express()
app.use(expressPouchDB(Source, { inMemoryConfig: true, logPath: path.join(folder, 'pouch.log') }))
const pouch = await listen(app)
await fill()
const documentsAtEnd = (await notes.info()).doc_count

// ---------------------------------------------------------------- the proxy before it
let asked = 0
let unauthorized = 0
let locked = false
let refused = 0
let tokens = 0
// After so many requests it answers no more.
let askedMax = Infinity
let heldReading = false
// Where the feeds of changes that were asked for begin.
let begun = []
// A token is good for some requests only, instead of an hour; one of a wrong key for none.
const requestsOfToken = 40
let left = 0
const proxy = await listen((request, reply) => {
  if (request.url === '/identity/token') {
    tokens++
    reply.setHeader('content-type', 'application/json')
    left = requestsOfToken
    const name = `token ${tokens}`.replace(' ', '-')
    return request.resume().on('end', () => reply.end(JSON.stringify({ access_token: name, expires_in: 3600 })))
  }
  if (request.headers.authorization !== `Bearer token-${tokens}` || left-- <= 0 || locked) {
    unauthorized++
    reply.statusCode = 401
    return reply.end('{"error":"unauthorized","reason":"no token"}')
  }
  if (asked === askedMax) {
    heldReading = true
    return request.resume()
  }
  const since = /^\/notes\/_changes\?.*since=([^&]*)/.exec(request.url)?.[1]
  if (since) begun.push(decodeURIComponent(since))
  if (++asked % 7 === 0) {
    refused++
    reply.statusCode = 429
    return reply.end('{"error":"too_many_requests","reason":"slow down"}')
  }
  const on = http.request({
    host: '127.0.0.1', port: pouch.address().port, method: request.method, path: request.url, headers: request.headers
  }, answer => {
    reply.writeHead(answer.statusCode, answer.headers)
    answer.pipe(reply)
  })
  on.on('error', () => reply.destroy())
  request.pipe(on)
})
const direct = `http://127.0.0.1:${pouch.address().port}`
const guarded = `http://127.0.0.1:${proxy.address().port}`
const iam = { CLOUDANT_IAM_API_KEY: 'a key', CLOUDANT_IAM_TOKEN_URL: `${guarded}/identity/token` }

// ---------------------------------------------------------------- the importer
const children = new Set()
process.on('exit', () => { for (const child of children) child.kill('SIGKILL') })

function start (args, env = {}) {
  const child = spawn(importer, ['--journals', path.join(folder, 'runs'), ...args], {
    env: { ...process.env, CLOUDANT_IAM_API_KEY: '', ...env }, stdio: ['ignore', 'pipe', 'pipe']
  })
  children.add(child)
  child.output = ''
  for (const stream of [child.stdout, child.stderr]) stream.on('data', bytes => { child.output += bytes })
  child.ended = new Promise(resolve => child.on('close', (code, signal) => resolve({ code, signal, output: child.output })))
  return child
}
const run = (...args) => start(args).ended

// Every leaf of every document, in one order.
async function trees (db) {
  const { results } = await db.changes({ since: 0, style: 'all_docs' })
  const out = {}
  for (const { id } of results) {
    const leaves = await db.get(id, { open_revs: 'all', revs: true, attachments: true })
    out[id] = leaves.map(({ ok }) => leafText(ok)).sort()
  }
  return out
}

function leafText (doc) {
  const { _id, _rev, _deleted = false, _revisions, _attachments = {}, ...body } = doc
  const files = Object.entries(_attachments).sort(([a], [b]) => a < b ? -1 : 1)
    .map(([name, { content_type: type, data }]) => [name, type, data])
  const sorted = Object.fromEntries(Object.entries(body).sort(([a], [b]) => a < b ? -1 : 1))
  return JSON.stringify([_rev, _deleted, _revisions, sorted, files])
}

async function sameTrees (source, target, what) {
  const [left, right] = [await trees(source), await trees(target)]
  checks.same(Object.keys(right).sort(), Object.keys(left).sort(), `${what}: the documents`)
  for (const id of Object.keys(left)) checks.same(right[id], left[id], `${what}: ${id}`)
}

const divan = await Server.start()
const remote = name => new PouchDB(`${divan.url}/${encodeURIComponent(name)}`)

await checks.run('the plan tells what the server has', async () => {
  const { code, output } = await run('plan', direct, '--databases', 'notes')
  checks.same(code, 0, `plan: ${output}`)
  checks.that(/^notes +\d+/m.test(output), `plan: ${output}`)
})

// Before the target: once documents came all at once, it can hold what is to be written next.
let holdsWriting = true
let wroteBatch = false
let heldWriting = false
const gate = await listen((request, reply) => {
  const bulk = request.method === 'POST' && request.url.startsWith('/notes/_bulk_docs')
  const writing = bulk || (request.method === 'PUT' && request.url.startsWith('/notes/file-'))
  if (writing && holdsWriting && wroteBatch) {
    heldWriting = true
    return request.resume()
  }
  const on = http.request({
    host: '127.0.0.1', port: divan.port, method: request.method, path: request.url, headers: request.headers
  }, answer => {
    if (bulk) wroteBatch = true
    reply.writeHead(answer.statusCode, answer.headers)
    answer.pipe(reply)
  })
  on.on('error', () => reply.destroy())
  request.pipe(on)
})
const held = divan.url.replace(`:${divan.port}`, `:${gate.address().port}`)

await checks.run('killed in the middle and resumed, into a running server', async () => {
  const args = ['run', guarded, '--to', held, '--databases', 'notes,more*', '--jobs', '2']
  const killed = async (reached, what) => {
    const child = start(args, iam)
    await eventually(() => child.exitCode !== null || reached(), 120, what)
    checks.same(child.exitCode, null, `${what}: ${child.output}`)
    child.kill('SIGKILL')
    return (await child.ended).output
  }
  askedMax = asked + 30
  await killed(() => heldReading, 'held while it reads')
  askedMax = Infinity
  const again = await killed(() => heldWriting, 'held while it writes the second batch')
  checks.that(/going on with import/.test(again), 'it goes on after a kill while it read')
  holdsWriting = false
  const there = (await divan.json('GET', '/notes')).doc_count
  checks.that(there > 0 && there < documentsAtEnd, `killed in the middle, not after ${there} documents`)

  begun = []
  const { code, output } = await start(args, iam).ended
  checks.same(code, 0, `resumed: ${output}`)
  checks.that(/going on with import/.test(output), `it goes on where it was: ${output}`)
  checks.that(begun.length > 0 && !begun.includes('0'), `not from the beginning: ${begun}`)
  checks.that(refused > 0 && tokens > 4, `${refused} refusals and ${tokens} tokens on the way`)
  checks.that(unauthorized > 2, `${unauthorized} requests came with a token that had ended`)
  await sameTrees(notes, remote('notes'), 'notes')
  await sameTrees(more, remote('more'), 'more')
  const info = await divan.json('GET', '/notes')
  const leaves = Object.values(await trees(notes)).flat().length
  checks.that(Number.parseInt(info.update_seq) <= leaves, `nothing was written twice: ${info.update_seq} of ${leaves} leaves`)
})

await checks.run('a key without rights is not asked for tokens without end', async () => {
  const before = unauthorized
  locked = true
  const { code, output } = await start(['plan', guarded], iam).ended
  locked = false
  checks.same(code, 2, output)
  checks.that(/unauthorized/.test(output), output)
  checks.that(unauthorized - before < 3, `${unauthorized - before} requests`)
})

await checks.run('verified against both, and what differs is told', async () => {
  const args = ['verify', direct, '--to', divan.url, '--databases', 'notes']
  const same = await run(...args)
  checks.same(same.code, 0, `verify: ${same.output}`)
  const doc = await divan.json('GET', '/notes/note-00000')
  await divan.json('PUT', '/notes/note-00000', { ...doc, changed: true })
  const differs = await run(...args)
  checks.same(differs.code, 1, 'a changed document differs')
  checks.that(/note-00000/.test(differs.output), differs.output)
})

await checks.run('no password is written down', async () => {
  const runs = path.join(folder, 'runs')
  for (const id of fs.readdirSync(runs)) {
    for (const file of fs.readdirSync(path.join(runs, id))) {
      const text = fs.readFileSync(path.join(runs, id, file), 'utf8')
      checks.that(!text.includes('secret@') && !text.includes(':secret'), `${file} has no password`)
    }
  }
})

await checks.run('into a stopped data folder', async () => {
  const data = path.join(folder, 'data')
  const imported = await run('run', direct, '--to', data, '--databases', 'notes,more*')
  checks.same(imported.code, 0, imported.output)
  const verified = await run('verify', direct, '--to', data, '--databases', 'notes,more*')
  checks.same(verified.code, 0, verified.output)
  const other = await Server.start({ folder, port: await freePort() })
  await sameTrees(notes, new PouchDB(`${other.url}/notes`), 'notes of the folder')
  await other.stop()
})

await checks.run('follows the source until it is interrupted', async () => {
  const child = start(['run', direct, '--to', divan.url, '--databases', 'more*', '--rename', 'more=followed', '--continuous'])
  await eventually(() => /caught up/.test(child.output) || child.exitCode !== null, 60, 'caught up')
  await more.put({ _id: 'later', late: true })
  await eventually(async () => (await divan.call('GET', '/followed/later')).status === 200, 60, 'the later document')
  await more.put({ _id: 'last', last: true })
  child.kill('SIGINT')
  const { code, output } = await child.ended
  checks.same(code, 0, output)
  await sameTrees(more, remote('followed'), 'followed')
})

await checks.run('settings are put into the running server, and taken away again', async () => {
  const ini = path.join(folder, 'local.ini')
  const salt = '0123456789abcdef0123456789abcdef'
  const key = crypto.pbkdf2Sync('boss password', salt, 10, 20, 'sha1').toString('hex')
  fs.writeFileSync(ini, `[admins]\nboss = -pbkdf2-${key},${salt},10\nadmin = -pbkdf2-00,00,10\n` +
    '[jwt_keys]\nhmac:clinic = aGVsbG8=\n[cors]\norigins = https://clinic.example\n' +
    '[chttpd]\nauthentication_handlers = {chttpd_auth, jwt_authentication_handler}\nport = 15984\n' +
    '[ssl]\ncert_file = /etc/old.pem\n[couchdb]\nuuid = 00000000000000000000000000000001\n')
  const args = ['--config', ini, '--databases', 'more*', '--rename', 'more=configured']
  const imported = await run('run', direct, '--to', divan.url, ...args)
  checks.same(imported.code, 0, imported.output)
  const [, id] = /^Import ([^:]+):/m.exec(imported.output) ?? []
  checks.that(/settings carried: .*admins\/boss/.test(imported.output), imported.output)
  checks.that(/values of its own for: admins\/admin/.test(imported.output), imported.output)
  checks.that(/not taken: chttpd\/authentication_handlers/.test(imported.output), imported.output)
  checks.that(/\[ssl\] cert_file: /.test(imported.output), imported.output)
  checks.that(!imported.output.includes('aGVsbG8='), 'no value is shown')
  const boss = { authorization: 'Basic ' + Buffer.from('boss:boss password').toString('base64') }
  const session = await divan.call('GET', '/_session', undefined, boss)
  checks.same(session.json?.userCtx?.roles, ['_admin'], 'the old admin is one here')
  checks.same(await divan.json('GET', '/_node/_local/_config/jwt_keys'), { 'hmac:clinic': 'aGVsbG8=' }, 'keys')
  checks.same(await divan.json('GET', '/_node/_local/_config/cors/origins'), 'https://clinic.example', 'origins')

  const undone = await run('rollback', id, '--to', divan.url)
  checks.same(undone.code, 0, undone.output)
  checks.same(await divan.json('GET', '/_node/_local/_config/jwt_keys'), {}, 'no keys')
  checks.same(Object.keys(await divan.json('GET', '/_node/_local/_config/admins')), ['admin'], 'admins as before')
})

await checks.run('rolled back at the server', async () => {
  const args = ['--databases', 'more*,notes', '--rename', 'more=undone', '--rename', 'notes=undone/notes']
  const imported = await run('run', direct, '--to', divan.url, ...args, '--json')
  checks.same(imported.code, 0, imported.output)
  const { id } = JSON.parse(/\{.*\}/s.exec(imported.output)[0])
  const undone = await run('rollback', id, '--to', divan.url)
  checks.same(undone.code, 0, undone.output)
  checks.same((await divan.call('GET', '/undone')).status, 404, 'the database is gone')
  checks.same((await divan.call('GET', '/undone%2Fnotes')).status, 404, 'that of many documents, too')
})

await checks.run('purges come along from a server that lists them', async () => {
  await divan.json('PUT', '/purging')
  const docs = Array.from({ length: 250 }, (_, n) => ({ _id: `p${n}`, n }))
  const rows = await divan.json('POST', '/purging/_bulk_docs', { docs })
  const purge = some => divan.json('POST', '/purging/_purge', Object.fromEntries(some.map(({ id, rev }) => [id, [rev]])))
  for (const at of [0, 50, 100]) await purge(rows.slice(at, at + 50))
  const args = [divan.url, '--to', divan.url, '--databases', 'purging', '--rename', 'purging=purged']
  const purged = async name => (await divan.json('GET', `/${name}/_purged_infos`)).purged_infos
  checks.same((await run('run', ...args)).code, 0, 'the first run')
  checks.same(await purged('purged'), await purged('purging'), 'what was purged before')
  await purge(rows.slice(200))
  const told = await run('verify', ...args)
  checks.that(told.code === 1 && /p249: its purge is not remembered/.test(told.output), told.output)
  const again = await run('run', ...args)
  checks.same(again.code, 0, again.output)
  checks.same((await divan.json('GET', '/purged')).doc_count, 50, 'what was purged since')
  const verified = await run('verify', ...args)
  checks.same(verified.code, 0, verified.output)
})

await divan.stop()
checks.finish()
