#!/usr/bin/env node
// A real PouchDB against the server: pushes, pulls, syncs live, resumes, filters; and whatever was
// replicated is compared tree by tree: every leaf with its history, body and attachments.
// $DIVAN_URL names a server to use instead of one of our own.
import PouchDB from 'pouchdb'
import memory from 'pouchdb-adapter-memory'
import { Checks, Server, eventually, numbers, sleep } from './support.mjs'

PouchDB.plugin(memory)
const checks = new Checks('pouchdb')
const server = process.env.DIVAN_URL ? undefined : await Server.start({ ini: '[log]\nlevel = warning\n' })
const base = (process.env.DIVAN_URL ?? server.url).replace(/\/$/, '')

let made = 0
const remoteName = () => `pouch-${process.pid}-${++made}`
const remoteUrl = name => `${base}/${name}`
const remote = (name = remoteName()) => new PouchDB(remoteUrl(name))
const local = () => new PouchDB(`local-${++made}`, { adapter: 'memory' })

// Every leaf of every document, in one order. PouchDB itself gives replicated files a `revpos` of its
// own, so that is compared only between servers.
async function trees (db, withRevpos) {
  const { results } = await db.changes({ since: 0, style: 'all_docs' })
  const out = {}
  for (const { id } of results) {
    const leaves = await db.get(id, { open_revs: 'all', revs: true, attachments: true })
    out[id] = leaves.map(leaf => leafText(leaf.ok, withRevpos)).sort()
  }
  return out
}

function leafText (doc, withRevpos) {
  const { _id, _rev, _deleted = false, _revisions, _attachments = {}, ...body } = doc
  const files = Object.entries(_attachments).sort(([a], [b]) => a < b ? -1 : 1)
    .map(([name, { content_type: type, data, revpos }]) => [name, type, data, withRevpos ? revpos : 0])
  return JSON.stringify([_rev, _deleted, _revisions, sorted(body), files])
}

const sorted = body => Object.fromEntries(Object.entries(body).sort(([a], [b]) => a < b ? -1 : 1))

async function sameTrees (a, b, what, withRevpos = false) {
  const [left, right] = [await trees(a, withRevpos), await trees(b, withRevpos)]
  checks.same(Object.keys(left).sort(), Object.keys(right).sort(), `${what}: the documents`)
  for (const id of Object.keys(left)) checks.same(right[id], left[id], `${what}: ${id}`)
  return left
}

async function sameWinners (a, b, what) {
  const rows = db => db.allDocs({ conflicts: true, include_docs: true })
    .then(({ rows }) => rows.map(({ id, doc }) => [id, doc._rev, [...doc._conflicts ?? []].sort()]))
  checks.same(await rows(b), await rows(a), `${what}: winners and conflicts`)
}

// Documents of every sort: plain, nested, conflicting, deleted, with files.
async function fill (db, { documents = 60, seed = 1 } = {}) {
  const random = numbers(seed)
  const docs = Array.from({ length: documents }, (_, n) => ({
    _id: `doc-${seed}-${String(n).padStart(4, '0')}`,
    n,
    kind: ['a', 'b', 'c'][n % 3],
    text: `Grüße ${n} \u{1F6CB} "quoted" \\ \u0000 end`,
    nested: { list: [1, 2.5, -0.25, 1e21, null, true, { deep: [] }], empty: {} }
  }))
  const written = await db.bulkDocs(docs)
  for (const row of written) if (row.error) throw new Error(JSON.stringify(row))
  const text = Buffer.from('line of text\n'.repeat(500))
  const files = [['photo.bin', random.bytes(20000), 'application/octet-stream'],
    ['notes é ü.txt', text, 'text/plain'], ['empty', Buffer.alloc(0), 'image/png']]
  for (let n = 0; n < documents; n += 12) {
    let rev = written[n].rev
    for (const [name, bytes, type] of files) {
      ({ rev } = await db.putAttachment(docs[n]._id, name, rev, bytes, type))
    }
  }
  for (let n = 1; n < documents; n += 6) await db.remove(docs[n]._id, written[n].rev)
  for (let n = 2; n < documents; n += 6) {
    for (const letter of ['a', 'e', 'f']) {
      const hash = letter.repeat(32)
      await db.bulkDocs([{ ...docs[n], branch: letter, _rev: `2-${hash}`, _deleted: letter === 'f',
        _revisions: { start: 2, ids: [hash, written[n].rev.slice(2)] } }], { new_edits: false })
    }
  }
  await db.put({ _id: 'id/with + odd % chars?é', ok: true })
  await db.put({ _id: '_design/app', language: 'javascript', note: 'no functions' })
}

await checks.run('a push brings every leaf, history and file', async () => {
  const [here, there] = [local(), remote()]
  await fill(here)
  const result = await here.replicate.to(there)
  checks.that(result.ok && result.doc_write_failures === 0, 'push without failures')
  await sameTrees(here, there, 'push')
  await sameWinners(here, there, 'push')
})

await checks.run('a pull brings every leaf, history and file', async () => {
  const [here, there] = [local(), remote()]
  await fill(there, { seed: 2 })
  const result = await here.replicate.from(there)
  checks.that(result.ok && result.doc_write_failures === 0, 'pull without failures')
  await sameTrees(there, here, 'pull')
  await sameWinners(there, here, 'pull')
})

await checks.run('server to server, by PouchDB', async () => {
  const [from, to] = [remote(), remote()]
  await fill(from, { documents: 24, seed: 3 })
  await PouchDB.replicate(from, to)
  await sameTrees(from, to, 'server to server', true)
})

await checks.run('replications resume from their checkpoints', async () => {
  const [here, there, back] = [local(), remote(), local()]
  await here.bulkDocs(Array.from({ length: 200 }, (_, n) => ({ _id: `r${n}` })))
  const first = await here.replicate.to(there, { batch_size: 50 })
  checks.same(first.docs_written, 200, 'the first push writes all')
  await here.bulkDocs(Array.from({ length: 7 }, (_, n) => ({ _id: `s${n}` })))
  const second = await here.replicate.to(there)
  checks.same([second.docs_read, second.docs_written], [7, 7], 'the second push reads what is new')

  await new Promise((resolve, reject) => {
    const pull = back.replicate.from(there, { batch_size: 40, batches_limit: 1 })
    let batches = 0
    pull.on('change', () => { if (++batches === 2) pull.cancel() })
    pull.on('complete', resolve).on('error', reject)
  })
  const before = (await back.info()).doc_count
  checks.that(before > 0 && before < 207, `a cancelled pull got some: ${before}`)
  const rest = await back.replicate.from(there)
  checks.that(rest.docs_read <= 207 - before + 40, `the rest is read, not all: ${rest.docs_read}`)
  checks.same((await back.info()).doc_count, 207, 'after which all is there')
  const none = await back.replicate.from(there)
  checks.same([none.docs_read, none.docs_written], [0, 0], 'and a third reads nothing')
})

await checks.run('filtered by doc_ids and by selector', async () => {
  const [there, here, chosen, pushed] = [remote(), local(), local(), remote()]
  await there.bulkDocs(Array.from({ length: 40 }, (_, n) => ({ _id: `f${n}`, kind: n % 4 === 0 ? 'keep' : 'drop', n })))
  const byIds = await here.replicate.from(there, { doc_ids: ['f1', 'f2', 'missing'] })
  checks.same(byIds.docs_written, 2, 'doc_ids')
  checks.same((await here.allDocs()).rows.map(row => row.id), ['f1', 'f2'], 'the ids asked for')
  const bySelector = await chosen.replicate.from(there, { selector: { kind: 'keep', n: { $gte: 8 } } })
  checks.same(bySelector.docs_written, 8, 'selector')
  await chosen.replicate.to(pushed, { selector: { n: { $lt: 20 } } })
  checks.same((await pushed.allDocs()).rows.map(row => row.id), ['f12', 'f16', 'f8'], 'pushed by selector')
})

await checks.run('two clients that sync live converge', async () => {
  const name = remoteName()
  const [a, b, there] = [local(), local(), remote(name)]
  const failures = []
  const follow = db => db.sync(new PouchDB(remoteUrl(name)), { live: true, retry: true, batch_size: 20 })
    .on('error', error => failures.push(error)).on('denied', row => failures.push(row))
  // What nobody has synced yet conflicts, however quick the syncs are later.
  for (const [who, db] of [['a', a], ['b', b], ['server', there]]) await db.put({ _id: 'shared-0', who })
  const syncs = [follow(a), follow(b)]
  const random = numbers(4)
  for (let round = 0; round < 60; round++) {
    for (const [who, db] of [['a', a], ['b', b], ['server', there]]) await edit(db, who, round, random)
  }
  await settle(a, b, there)
  for (const sync of syncs) sync.cancel()
  await Promise.all(syncs.map(sync => sync.catch(() => {})))
  checks.same(failures.map(String), [], 'no errors, nothing denied')
  const found = await sameTrees(a, there, 'live, a and server')
  await sameTrees(b, there, 'live, b and server')
  await sameWinners(a, b, 'live')
  checks.that(Object.values(found).some(leaves => leaves.length > 1), 'there were conflicts')
})

// One edit of one of a few documents that all three write to, or of a file in a document of one's own:
// PouchDB fetches files without naming the revision, so with conflicts it takes those of the winner.
async function edit (db, who, round, random) {
  const kind = random.below(10)
  const _id = kind === 1 ? `files-${who}` : `shared-${random.below(8)}`
  const doc = await db.get(_id).catch(() => ({ _id }))
  if (kind === 0 && doc._rev) return void await db.remove(doc).catch(tolerateConflict)
  if (kind === 1) {
    return void await db.putAttachment(_id, `file${random.below(3)}`, doc._rev, random.bytes(3000),
      'application/octet-stream')
  }
  await db.put({ ...doc, who, round, value: random.next() }).catch(tolerateConflict)
}

function tolerateConflict (error) {
  if (error.status !== 409) throw error
}

async function leafIds (db) {
  const { results } = await db.changes({ since: 0, style: 'all_docs' })
  return JSON.stringify(results.map(({ id, changes }) => [id, changes.map(({ rev }) => rev).sort()]).sort())
}

async function settle (...dbs) {
  let calm = 0
  await eventually(async () => {
    const ids = await Promise.all(dbs.map(leafIds))
    calm = ids.every(text => text === ids[0]) ? calm + 1 : 0
    return calm >= 4
  }, 120, 'the same leaves everywhere')
}

await checks.run('a live feed shows each change as it happens', async () => {
  const there = remote()
  await there.put({ _id: 'before' })
  const seen = []
  let begun = false
  const feed = there.changes({ since: 'now', live: true, include_docs: true })
    .on('change', change => { if (change.doc.n !== undefined) seen.push(change); else begun = true })
  for (let n = 0; !begun; n++) { // It asks what "now" is before it listens.
    await there.put({ _id: `begin${n}` })
    await sleep(25)
  }
  for (let n = 0; n < 20; n++) await there.put({ _id: `live${n}`, n })
  await eventually(() => seen.length >= 20, 60, 'twenty changes')
  feed.cancel()
  checks.same(seen.map(({ id, doc }) => [id, doc.n]), Array.from({ length: 20 }, (_, n) => [`live${n}`, n]), 'in order, once')
})

await checks.run('the interface that applications use', async () => {
  const db = remote()
  const { rev } = await db.put({ _id: 'one', a: 1 })
  const error = await db.put({ _id: 'one', a: 2 }).catch(refused => refused)
  checks.same([error.status, error.name], [409, 'conflict'], 'a second first edit is a conflict')
  const missing = await db.get('nothing').catch(refused => refused)
  checks.same([missing.status, missing.name, missing.reason], [404, 'not_found', 'missing'], 'what is not there')
  const bytes = Buffer.from([0, 255, 128, 10, 13])
  const withFile = await db.putAttachment('one', 'raw', rev, bytes, 'application/octet-stream')
  checks.same([...(await db.getAttachment('one', 'raw'))], [...bytes], 'a file back')
  await db.removeAttachment('one', 'raw', withFile.rev)
  const bulk = await db.bulkGet({ docs: [{ id: 'one', rev }, { id: 'nothing' }] })
  checks.that(bulk.results[0].docs[0].ok?.a === 1 && bulk.results[1].docs[0].error, 'bulk_get: an old revision and an error')
  await db.bulkDocs(Array.from({ length: 30 }, (_, n) => ({ _id: `k${String(n).padStart(2, '0')}` })))
  const keys = rows => rows.map(row => row.key)
  checks.same(keys((await db.allDocs({ startkey: 'k05', endkey: 'k07' })).rows), ['k05', 'k06', 'k07'], 'a range')
  checks.same(keys((await db.allDocs({ startkey: 'k03', descending: true, limit: 2 })).rows), ['k03', 'k02'], 'descending')
  const asked = (await db.allDocs({ keys: ['k01', 'gone', 'k00'] })).rows
  checks.same(asked.map(row => row.id ?? row.error), ['k01', 'not_found', 'k00'], 'keys, in their order')
  const { total_rows: total, offset } = await db.allDocs({ startkey: 'k10', limit: 1 })
  checks.same([total, offset], [31, 10], 'total_rows and offset')
  checks.same((await db.info()).doc_count, 31, 'doc_count')
  await db.compact()
  checks.that(await db.get('one', { rev }).then(() => false, error => error.status === 404), 'compacted away')
  await db.destroy()
})

await checks.run('two thousand documents both ways', async () => {
  const [here, there, back] = [local(), remote(), local()]
  const filler = 'x'.repeat(300)
  await here.bulkDocs(Array.from({ length: 2000 }, (_, n) => ({ _id: `many-${n}`, n, filler })))
  await here.replicate.to(there, { batch_size: 500 })
  await back.replicate.from(there, { batch_size: 500 })
  checks.same(await leafIds(back), await leafIds(here), 'the same leaves')
})

if (server) {
  checks.that(server.exit === undefined, `the server ended: ${server.output}`)
  checks.same(await server.stop(), { code: 0, signal: null }, 'the server ends cleanly')
}
checks.finish()
