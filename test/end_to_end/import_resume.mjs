#!/usr/bin/env node
// PouchDB that synced with a CouchDB goes on in the server that the CouchDB's files were imported
// into: it is sent what it lacks, counted at a proxy. In CouchDB's stead a server with the first
// documents of the same file is synced with; then the checkpoints on both ends get the sequences
// that CouchDB would have given.
// $DIVAN_IMPORT names the importer, $MAKE_COUCH_FILE what makes its source, $DIVAN the server.
import { spawnSync } from 'node:child_process'
import fs from 'node:fs'
import path from 'node:path'
import PouchDB from 'pouchdb'
import memory from 'pouchdb-adapter-memory'
import { counting } from './counting_proxy.mjs'
import { Checks, Server, binary, here, tempFolder } from './support.mjs'

PouchDB.plugin(memory)
const checks = new Checks('import resume')
const beside = name => path.join(path.dirname(binary()), name)
const importer = path.resolve(process.env.DIVAN_IMPORT ?? beside('divan-import'))
const maker = path.resolve(process.env.MAKE_COUCH_FILE ?? beside('test/make_couch_file'))
const uuid = '0c1d2e3f4a5b6c7d8e9f0a1b2c3d4e5f'

function command (program, ...args) {
  const { status, stdout, stderr } = spawnSync(program, args, { encoding: 'utf8' })
  checks.same(status, 0, `${path.basename(program)} ${args[0]}: ${stdout}${stderr}`)
}

/** A server with the databases of `source`, which it takes for its own. */
async function imported (source) {
  const folder = tempFolder('divan-import-resume')
  command(importer, '--journals', path.join(folder, 'runs'), 'run', source, '--to', path.join(folder, 'data'), '--take-identity')
  return await Server.start({ folder })
}

/** Replicates from the server; what was asked for it. */
async function pull (client, server, db) {
  const proxy = await counting(server)
  const result = await client.replicate.from(`${proxy.url}/${db}`)
  proxy.close()
  checks.that(result.ok, JSON.stringify(result))
  return { ...proxy.seen, written: result.docs_written }
}

/** The client's own checkpoint, as if the old server had counted so. */
async function checkpoint (client, id, sequence) {
  const doc = await client.get(`_local/${id}`)
  doc.last_seq = sequence
  for (const entry of doc.history) entry.last_seq = sequence
  await client.put(doc)
  const { _id, _rev, ...body } = doc
  return body
}

let clients = 0
const newClient = () => new PouchDB(`client-${clients++}`, { adapter: 'memory' })

/** A CouchDB 1's folder with so many documents of the same. */
function clinic (documents, ...local) {
  const folder = tempFolder('divan-import-resume-couch')
  fs.writeFileSync(path.join(folder, 'local.ini'), `[couchdb]\nuuid = ${uuid}\n`)
  command(maker, path.join(folder, 'clinic.couch'), String(documents), '120', '0', ...local)
  return folder
}

await checks.run('of a CouchDB 1: it is sent what came since, and nothing else', async () => {
  const documents = 900
  for (const known of [0, 650, 900]) {
    const client = newClient()
    let local = []
    if (known > 0) {
      const before = await imported(clinic(known))
      const first = await pull(client, before, 'clinic')
      checks.same(first.written, known, 'the first sync')
      const [id] = first.locals
      local = [id, JSON.stringify(await checkpoint(client, id, known))]
      await before.stop()
    }
    const after = await imported(clinic(documents, ...local))
    checks.same((await after.json('GET', '/')).uuid, uuid, 'it is the old server')
    const second = await pull(client, after, 'clinic')
    checks.same(second.since[0], String(known), 'it comes with the number of the old server')
    checks.same([second.rows, second.fetched, second.written], Array(3).fill(documents - known), `who had ${known}`)
    checks.same((await client.info()).doc_count, documents, 'it has all')

    await after.json('PUT', '/clinic/new', { n: 1 })
    const third = await pull(client, after, 'clinic')
    checks.same([third.rows, third.written], [1, 1], 'then it goes on as usual')
    checks.that(/^\d+-/.test(third.since[0]), `with a sequence of the new server: ${third.since[0]}`)
    await after.stop()
  }
})

/** Erlang's external terms, as far as sequences need them. */
const terms = {
  integer: n => { const b = Buffer.alloc(11); b[0] = 110; b[1] = 8; b.writeBigUInt64LE(BigInt(n), 3); return b },
  atom: text => Buffer.concat([Buffer.from([119, text.length]), Buffer.from(text)]),
  binary: text => { const b = Buffer.alloc(5); b[0] = 109; b.writeUInt32BE(text.length, 1); return Buffer.concat([b, Buffer.from(text)]) },
  list: items => { const b = Buffer.alloc(5); b[0] = 108; b.writeUInt32BE(items.length, 1); return Buffer.concat([b, ...items, Buffer.from([106])]) },
  tuple: items => Buffer.concat([Buffer.from([104, items.length]), ...items])
}

/** What a CouchDB would give as the newest sequence of a database with these shard files. */
function packedSequence (folder, name) {
  let sum = 0
  const shards = fs.readdirSync(path.join(folder, 'shards')).map(range => {
    const file = fs.readdirSync(path.join(folder, 'shards', range)).find(one => one.startsWith(`${name}.`))
    const bytes = fs.readFileSync(path.join(folder, 'shards', range, file))
    const header = bytes.subarray(bytes.lastIndexOf('db_header') + 'db_header'.length)
    const number = header[2] === 97 ? header[3] : header.readUInt32BE(3)  // after the version: a 8
    const [, id, node] = /m\0\0\0 ([0-9a-f]{32})l\0\0\0.h\x02(?:d\0|w|s|v\0).([\w@.-]+?)(?=[ab]|n\x04)/s.exec(header.toString('latin1'))
    sum += number
    const [begin, end] = range.split('-').map(text => Number.parseInt(text, 16))
    return terms.tuple([terms.atom(node), terms.list([terms.integer(begin), terms.integer(end)]),
      terms.tuple([terms.integer(number), terms.binary(id.slice(0, 7)), terms.atom(node)])])
  })
  return `${sum}-${Buffer.concat([Buffer.from([131]), terms.list(shards)]).toString('base64url')}`
}

await checks.run('of a CouchDB 3 with two shards: who has all is sent nothing', async () => {
  const source = path.join(here, '../couch_files/3.5.0-snappy-q2')
  const before = await imported(path.join(source, 'data'))
  const client = newClient()
  const first = await pull(client, before, 'legacy')
  checks.that(first.written > 100, `${first.written} leaves`)
  const [id] = first.locals
  await before.stop()

  const after = await imported(path.join(source, 'data'))
  const sequence = packedSequence(path.join(source, 'data'), 'legacy')
  await after.json('PUT', `/legacy/_local/${encodeURIComponent(id)}`, await checkpoint(client, id, sequence))
  const second = await pull(client, after, 'legacy')
  checks.same(second.since, [sequence], 'it comes with the sequence of the old server')
  checks.same([second.rows, second.fetched, second.written], [0, 0, 0], 'nothing is sent')
  await after.json('PUT', '/legacy/new', { n: 1 })
  const third = await pull(client, after, 'legacy')
  checks.same([third.rows, third.written], [1, 1], 'then it goes on as usual')
  await after.stop()
})

checks.finish()
