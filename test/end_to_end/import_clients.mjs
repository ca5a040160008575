#!/usr/bin/env node
// PouchDB that synced with a server goes on in the one that this server was imported into while it ran:
// from CouchDB 1.6 (couchdb_1.mjs plays it), PouchDB Server and Divan, into a stopped folder and into a
// running server. Counted at a proxy: no document that both have is sent again, in either direction,
// and none that one of them lacks is left out. $DIVAN_IMPORT names the importer, $DIVAN the server.
import { spawn } from 'node:child_process'
import http from 'node:http'
import path from 'node:path'
import express from 'express'
import expressPouchDB from 'express-pouchdb'
import PouchDB from 'pouchdb'
import memory from 'pouchdb-adapter-memory'
import { CouchDB1, Database1 } from './couchdb_1.mjs'
import { Checks, Server, binary, numbers, tempFolder } from './support.mjs'

PouchDB.plugin(memory)
const checks = new Checks('import clients')
const importer = path.resolve(process.env.DIVAN_IMPORT ?? path.join(path.dirname(binary()), 'divan-import'))
const random = numbers(3)
const hash = () => random.bytes(16).toString('hex')
const children = new Set()
process.on('exit', () => { for (const child of children) child.kill('SIGKILL') })

async function divanImport (folder, ...args) {
  const child = spawn(importer, ['--journals', path.join(folder, 'runs'), ...args], { stdio: ['ignore', 'pipe', 'pipe'] })
  children.add(child)
  let output = ''
  for (const stream of [child.stdout, child.stderr]) stream.on('data', bytes => { output += bytes })
  const code = await new Promise(resolve => child.on('close', resolve))
  children.delete(child)
  checks.same(code, 0, `${args[0]}: ${output}`)
  return output
}

// ---------------------------------------------------------------- old servers, each with a database "app"
let pouches = 0
const sources = {
  'CouchDB 1.6': async () => {
    const couch = await CouchDB1.start({ databases: [new Database1('app')], users: { root: 'a pass' }, config: { couch_httpd_auth: { secret: hash() } } })
    return { url: couch.url, stop: () => couch.stop() }
  },
  'PouchDB Server': async () => {
    const number = pouches++
    const app = express()
    const Memory = PouchDB.defaults({ adapter: 'memory', prefix: `old-${number}-` })
    app.use(expressPouchDB(Memory, { inMemoryConfig: true, logPath: path.join(tempFolder(), 'pouch.log') }))
    const server = http.createServer(app)
    server.keepAliveTimeout = 0 // Else what is kept may end just when it is used again.
    await new Promise(resolve => server.listen(0, '127.0.0.1', resolve))
    return {
      url: `http://127.0.0.1:${server.address().port}`,
      stop: () => { server.closeAllConnections(); server.close() }
    }
  },
  Divan: async () => {
    // So that texts stay as they come: an import must not pack them then.
    const server = await Server.start({ ini: '[attachments]\ncompression_level = 0\n' })
    return { url: server.url, stop: () => server.stop() }
  }
}

/** Documents with their histories: some torn, some deleted, some with files. */
function documents (from, to, by) {
  const rows = []
  for (let n = from; n < to; n++) {
    const ids = [hash(), hash()]
    const row = (ids, more) => ({ _id: `${by}-${n}`, _rev: `${ids.length}-${ids[0]}`, _revisions: { start: ids.length, ids }, by, n, ...more })
    rows.push(row(ids, n % 9 === 2 ? { _deleted: true } : {}))
    if (n % 7 === 3) rows.push(row([hash(), hash(), ids[1]], { other: true }))
    if (n % 10 === 1) {
      const data = Buffer.from(`file ${n} `.repeat(n)).toString('base64')
      rows[rows.length - 1]._attachments = { 'a file.txt': { content_type: 'text/plain', revpos: 1, data } }
    }
  }
  return rows
}

// ---------------------------------------------------------------- counted
/** Before a server: counts documents and files that are fetched, and documents that are sent. */
async function counting (server) {
  const seen = { fetched: [], pushed: [], locals: 0, since: [] }
  const proxy = http.createServer((request, reply) => {
    const sent = []
    request.on('data', bytes => sent.push(bytes))
    request.on('end', () => {
      const body = Buffer.concat(sent)
      const { pathname, searchParams } = new URL(request.url, server.origin)
      const [, second, ...rest] = pathname.split('/').filter(Boolean).map(decodeURIComponent)
      const key = `${request.method} ${second}`
      if (second === '_changes') seen.since.push(searchParams.get('since'))
      if (key === 'POST _bulk_get') seen.fetched.push(...JSON.parse(body).docs.map(one => one.id))
      if (key === 'POST _bulk_docs') seen.pushed.push(...JSON.parse(body).docs.map(one => one._id))
      const isDocument = second !== undefined && !second.startsWith('_')
      if (request.method === 'GET' && isDocument) seen.fetched.push([second, ...rest].join('/'))
      if (request.method === 'PUT' && isDocument) seen.pushed.push(second)
      const on = http.request({ host: '127.0.0.1', port: server.port, method: request.method, path: request.url, headers: request.headers }, answer => {
        reply.writeHead(answer.statusCode, answer.headers)
        answer.pipe(reply)
      })
      on.on('error', () => reply.destroy())
      on.end(body)
    })
  })
  proxy.keepAliveTimeout = 0
  await new Promise(resolve => proxy.listen(0, '127.0.0.1', resolve))
  const url = `http://admin:secret@127.0.0.1:${proxy.address().port}/app`
  return { seen, url, close: () => { proxy.closeAllConnections(); proxy.close() } }
}

async function sync (client, server) {
  const proxy = await counting(server)
  const { push, pull } = await PouchDB.sync(client, proxy.url)
  proxy.close()
  checks.that(push.ok && pull.ok && push.doc_write_failures + pull.doc_write_failures === 0, JSON.stringify({ push, pull }))
  return proxy.seen
}

/** Every leaf of every document, with its history, body and files. */
async function trees (db) {
  const { results } = await db.changes({ since: 0, style: 'all_docs' })
  const out = {}
  for (const { id } of results.sort((a, b) => a.id < b.id ? -1 : 1)) {
    const leaves = await db.get(id, { open_revs: 'all', revs: true, attachments: true })
    out[id] = leaves.map(({ ok: { _rev, _deleted = false, _revisions, _attachments = {}, by, n, other } }) => {
      const files = Object.entries(_attachments).map(([name, { content_type: type, data }]) => [name, type, data])
      return JSON.stringify([_rev, _deleted, _revisions, _deleted ? 0 : [by, n, other], files])
    }).sort()
  }
  return out
}

const ids = list => [...list].sort()

for (const [kind, start] of Object.entries(sources)) {
  for (const stopped of [true, false]) {
    await checks.run(`from ${kind} into ${stopped ? 'a stopped folder' : 'a running server'}`, async () => {
      const old = await start()
      const remote = new PouchDB(`${old.url}/app`)
      await remote.info()
      const client = new PouchDB(`client-${kind}-${stopped}`, { adapter: 'memory' })
      const ofServer = documents(0, 120, 'server')
      await remote.bulkDocs(ofServer, { new_edits: false })
      const ofClient = documents(0, 40, 'client')
      await client.bulkDocs(ofClient, { new_edits: false })
      const first = await PouchDB.sync(client, remote)
      checks.same([first.pull.docs_written, first.push.docs_written], [ofServer.length, ofClient.length], 'the first sync')
      // What each of them does not know of the other.
      const [late, unsent] = [documents(120, 127, 'server'), documents(40, 45, 'client')]
      await remote.bulkDocs(late, { new_edits: false })
      await client.bulkDocs(unsent, { new_edits: false })

      const folder = tempFolder('divan-import-clients')
      let server
      if (!stopped) server = await Server.start({ folder })
      const to = stopped ? path.join(folder, 'data') : server.url
      const only = ['--databases', 'app']
      await divanImport(folder, 'run', old.url, '--to', to, ...only, ...(stopped ? ['--take-identity'] : []))
      await divanImport(folder, 'verify', old.url, '--to', to, ...only)
      const { digest } = (await remote.get('server-111'))._attachments['a file.txt']
      const uuid = (await (await fetch(old.url.replace(/\/\/.*@/, '//'))).json()).uuid
      await old.stop()
      if (stopped) server = await Server.start({ folder })
      checks.same((await server.json('GET', '/')).uuid === uuid, stopped, 'its identity')
      // A running server packs what comes to it as it would from anybody.
      const files = (await server.json('GET', '/app/server-111'))._attachments
      if (stopped) checks.same(files['a file.txt'].digest, digest, 'a small text is stored as it was')

      const second = await sync(client, server)
      const lacked = late.flatMap(one => [one._id, ...Object.keys(one._attachments ?? {}).map(name => `${one._id}/${name}`)])
      checks.same(ids(second.fetched), ids(lacked), 'it fetches what it lacks, and nothing else')
      checks.same(ids(second.pushed), ids(unsent.map(one => one._id)), 'it sends what the server lacks, and nothing else')
      checks.same(await trees(client), await trees(new PouchDB(`${server.url}/app`)), 'both have the same')

      const third = await sync(client, server)
      checks.same([third.fetched, third.pushed], [[], []], 'then nothing')
      await server.json('PUT', '/app/new', { n: 1 })
      await client.put({ _id: 'mine', n: 2 })
      const last = await sync(client, server)
      checks.same([last.fetched, last.pushed], [['new'], ['mine']], 'and then what is new')
      await server.stop()
    })
  }
}
checks.finish()
