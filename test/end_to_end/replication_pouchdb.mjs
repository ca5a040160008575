#!/usr/bin/env node
// A foreign peer: PouchDB Server (express-pouchdb, in this process and in memory), with which Divan
// replicates both ways, once and continuously. Then both sides are compared leaf by leaf: histories,
// bodies, attachments byte by byte.
//
//   replication_pouchdb.mjs [--small]     fewer documents, a smaller attachment
import crypto from 'node:crypto'
import PouchDB from 'pouchdb'
import memory from 'pouchdb-adapter-memory'
import expressPouch from 'express-pouchdb'
import { Checks, Server, eventually } from './support.mjs'

PouchDB.plugin(memory)
const small = process.argv.includes('--small')
const checks = new Checks('replication_pouchdb')
// The peer is in this process, and answers nothing while it is busy with something large.
const ini = '[log]\nlevel = warning\n[replicator]\nretries_per_request = 2\nconnection_timeout = 300000\n'
const divan = await Server.start({ ini })
const Memory = PouchDB.defaults({ adapter: 'memory' })
const foreign = expressPouch(Memory, { mode: 'minimumForPouchDB', inMemoryConfig: true })
const listener = await new Promise(resolve => {
  const server = foreign.listen(0, '127.0.0.1', () => resolve(server))
})
listener.keepAliveTimeout = 0 // Else what is kept may end just when it is used again.
const foreignUrl = name => `http://127.0.0.1:${listener.address().port}/${name}`
const divanUrl = name => `${divan.url}/${name}`

// Every leaf of every document, in one order. PouchDB gives files a `revpos` and digests of its own.
async function leaves (url) {
  const db = new PouchDB(url)
  const { results } = await db.changes({ since: 0, style: 'all_docs' })
  const out = {}
  for (const { id } of results) {
    const all = await db.get(id, { open_revs: 'all', revs: true, attachments: true })
    out[id] = all.map(({ ok }) => {
      const { _id, _rev, _deleted = false, _revisions, _attachments = {}, ...body } = ok
      const files = Object.entries(_attachments).sort(([a], [b]) => a < b ? -1 : 1)
        .map(([name, { content_type: type, data }]) => [name, type, data])
      const sorted = Object.fromEntries(Object.entries(body).sort(([a], [b]) => a < b ? -1 : 1))
      return JSON.stringify([_rev, _deleted, _revisions, sorted, files])
    }).sort()
  }
  return out
}

/** The revisions of all leaves, as a text. */
async function leafIds (url) {
  const { results } = await new PouchDB(url).changes({ since: 0, style: 'all_docs' })
  return JSON.stringify(results.map(({ id, changes }) => [id, ...changes.map(({ rev }) => rev).sort()]).sort())
}

async function sameLeaves (a, b, what, count) {
  const [left, right] = await Promise.all([leaves(a), leaves(b)])
  checks.same(Object.keys(left).sort(), Object.keys(right).sort(), `${what}: the documents`)
  for (const id of Object.keys(left)) checks.same(right[id], left[id], `${what}: ${id}`)
  if (count !== undefined) checks.same(Object.keys(left).length, count, `${what}: how many`)
}

const noise = bytes => Buffer.from(Uint32Array.from({ length: bytes / 4 }, (_, n) => (n * 2654435761) >>> 0).buffer)

// Documents, conflicts, deletions, a design document, attachments of some kinds.
async function fill (url, seed) {
  const db = new PouchDB(url)
  await db.bulkDocs(Array.from({ length: 300 }, (_, n) => ({ _id: `${seed} ${n}`, n, text: 'ä "{[' })))
  const torn = ['a', 'b', 'c'].map(letter => ({
    _id: `${seed}/torn`, letter, _rev: `2-${letter.repeat(32)}`, _revisions: { start: 2, ids: [letter.repeat(32), '0'.repeat(32)] }
  }))
  await db.bulkDocs([...torn, {
    _id: `${seed} gone`, _deleted: true, _rev: `3-${'e'.repeat(32)}`, _revisions: { start: 3, ids: ['e', 'd', 'c'].map(x => x.repeat(32)) }
  }], { new_edits: false })
  await db.put({ _id: `_design/${seed}`, views: { all: { map: 'function (doc) { emit(doc._id) }' } } })
  let { rev } = await db.put({ _id: `${seed} files` })
  for (const [name, type, bytes] of [
    ['large.bin', 'application/octet-stream', noise(2 << 20)],
    ['text ä.txt', 'text/plain', Buffer.from('so much text '.repeat(5000))],
    ['empty', 'application/x-empty', Buffer.alloc(0)]
  ]) ({ rev } = await db.putAttachment(`${seed} files`, name, rev, bytes, type))
}

const replicate = body => divan.json('POST', '/_replicate', body)

await checks.run('pull', async () => {
  await new PouchDB(foreignUrl('pull-source')).info()
  await fill(foreignUrl('pull-source'), 'pull')
  const done = await replicate({ source: foreignUrl('pull-source'), target: 'pulled', create_target: true })
  checks.same(done.ok, true, 'the pull ended well')
  await sameLeaves(foreignUrl('pull-source'), divanUrl('pulled'), 'pull', 304)
  const again = await replicate({ source: foreignUrl('pull-source'), target: 'pulled' })
  checks.same(again.no_changes, true, 'a second pull finds its checkpoint')
})

await checks.run('push', async () => {
  await divan.json('PUT', '/push-source')
  await fill(divanUrl('push-source'), 'push')
  const done = await replicate({ source: 'push-source', target: foreignUrl('pushed'), create_target: true })
  checks.same(done.ok, true, 'the push ended well')
  await sameLeaves(divanUrl('push-source'), foreignUrl('pushed'), 'push', 304)
  const again = await replicate({ source: 'push-source', target: foreignUrl('pushed') })
  checks.same(again.no_changes, true, 'a second push finds its checkpoint')
})

await checks.run('both ways, continuously', async () => {
  await divan.json('PUT', '/both')
  await new PouchDB(foreignUrl('both')).info()
  await fill(divanUrl('both'), 'here')
  await fill(foreignUrl('both'), 'there')
  const jobs = [
    { source: 'both', target: foreignUrl('both'), continuous: true },
    { source: foreignUrl('both'), target: 'both', continuous: true }
  ]
  for (const job of jobs) await replicate(job)
  const sameIds = () => Promise.all([divanUrl('both'), foreignUrl('both')].map(leafIds)).then(([a, b]) => a === b)
  await eventually(sameIds, 300, 'both sides have all')
  await new PouchDB(divanUrl('both')).put({ _id: 'late here' })
  await new PouchDB(foreignUrl('both')).put({ _id: 'late there' })
  await eventually(sameIds, 300, 'later changes arrive')
  for (const job of jobs) await replicate({ ...job, cancel: true })
  await sameLeaves(divanUrl('both'), foreignUrl('both'), 'both', 610)
})

await checks.run('some documents by id', async () => {
  const done = await replicate({ source: foreignUrl('pull-source'), target: 'some', create_target: true, doc_ids: ['pull 1', 'pull/torn'] })
  checks.same(done.ok, true, 'it ended well')
  checks.same((await divan.json('GET', '/some')).doc_count, 2, 'two documents came')
})

await checks.run('filtered, by a function', async () => {
  const filters = { odd: 'function (doc, req) { return doc.n % 2 === Number(req.query.rest) }' }
  for (const source of [foreignUrl('pull-source'), divanUrl('push-source')]) {
    await new PouchDB(source).put({ _id: '_design/f', filters })
  }
  const half = { filter: 'f/odd', query_params: { rest: '1' }, create_target: true }
  await replicate({ source: foreignUrl('pull-source'), target: 'odd', ...half })
  await replicate({ source: divanUrl('push-source'), target: foreignUrl('odd'), ...half })
  for (const [source, target, what] of [
    [foreignUrl('pull-source'), divanUrl('odd'), 'pull'], [divanUrl('push-source'), foreignUrl('odd'), 'push']
  ]) {
    const [all, some] = await Promise.all([leaves(source), leaves(target)])
    const wanted = Object.keys(all).filter(id => /^(pull|push) \d*[13579]$/.test(id)).sort()
    checks.same(Object.keys(some).sort(), wanted, `${what}: the odd ones`)
    for (const id of wanted) checks.same(some[id], all[id], `${what}: ${id}`)
  }
})

// Documents of one leaf each, all in one answer.
async function rows (url) {
  const { results } = await new PouchDB(url).changes({ since: 0, style: 'all_docs', include_docs: true })
  return results.map(({ id, changes, doc: { _id, _rev, ...body } }) => JSON.stringify([id, changes, _rev, body])).sort()
}

const many = small ? 500 : 10000
await checks.run(`${many} small documents`, async () => {
  for (const [what, source, target] of [
    ['pull', foreignUrl('many'), divanUrl('many')], ['push', divanUrl('many-2'), foreignUrl('many-2')]
  ]) {
    await new PouchDB(source).bulkDocs(Array.from({ length: many }, (_, n) => ({ _id: `n${n}`, n, kind: n % 3 })))
    const started = Date.now()
    const done = await replicate({ source, target, create_target: true })
    console.log(`     ${what}: ${Math.round(many * 1000 / (Date.now() - started))} documents/s`)
    checks.same(done.history[0].docs_written, many, `${what}: written`)
    const [a, b] = [await rows(source), await rows(target)]
    checks.same(b.length, many, `${what}: all are there`)
    checks.that(a.every((row, i) => row === b[i]), `${what}: as they were`)
  }
})

const megabytes = small ? 10 : 200
await checks.run(`an attachment of ${megabytes} MB`, async () => {
  const bytes = crypto.randomBytes(megabytes << 20)
  const digest = `md5-${crypto.createHash('md5').update(bytes).digest('base64')}`
  const type = 'application/octet-stream'
  await divan.json('PUT', '/large')
  const put = await divan.call('PUT', '/large/doc/file', bytes, { 'content-type': type })
  checks.same(put.status, 201, 'written')
  const before = divan.memory()
  await replicate({ source: divanUrl('large'), target: foreignUrl('large'), create_target: true })
  await replicate({ source: foreignUrl('large'), target: 'large-back', create_target: true })
  for (const url of [foreignUrl('large'), divanUrl('large-back')]) {
    const { _rev, _attachments: { file } } = await new PouchDB(url).get('doc')
    checks.same([_rev, file.length, file.digest], [put.json.rev, bytes.length, digest], url)
  }
  const back = await divan.call('GET', '/large-back/doc/file')
  checks.that(back.bytes.equals(bytes), 'the same bytes')
  const grown = Math.round((divan.memory() - before) / 1e6)
  checks.that(grown < 150, `memory grew by ${grown} MB`)
})

listener.close()
await divan.stop()
checks.finish()
