#!/usr/bin/env node
// PouchDB's map and reduce over HTTP: the same views are asked of the server and of PouchDB's own
// engine, with the same documents, and must agree row by row.
// $DIVAN_URL names a server to use instead of one of our own.
import PouchDB from 'pouchdb'
import memory from 'pouchdb-adapter-memory'
import { Checks, Server, numbers } from './support.mjs'

PouchDB.plugin(memory)
const checks = new Checks('views')
const server = process.env.DIVAN_URL ? undefined : await Server.start({ ini: '[log]\nlevel = warning\n' })
const base = (process.env.DIVAN_URL ?? server.url).replace(/\/$/, '')
const remote = new PouchDB(`${base}/views-${process.pid}`)
const local = new PouchDB('views', { adapter: 'memory' })

const design = {
  _id: '_design/app',
  views: {
    kinds: { map: 'function (doc) { if (doc.kind) emit([doc.kind, doc.n % 4], doc.n) }', reduce: '_sum' },
    count: { map: 'function (doc) { if (doc.kind) emit([doc.kind, doc.n % 4], doc.n) }', reduce: '_count' },
    stats: { map: 'function (doc) { if (doc.kind) emit(doc.kind, doc.n) }', reduce: '_stats' },
    own: {
      map: 'function (doc) { if (doc.kind) emit(doc.kind, doc.n) }',
      reduce: 'function (keys, values, again) { return again ? sum(values) : values.length }'
    },
    words: { map: 'function (doc) { (doc.words || []).forEach(function (word) { emit(word, null) }) }' },
    mixed: { map: 'function (doc) { emit(doc.any, { _id: doc.friend }) }' }
  }
}

// Lower case and ASCII alone: PouchDB's engine has strings in another order than CouchDB.
const words = ['apple', 'apricot', 'pear', 'plum', 'quince', 'zebra', '10', '9']
const anything = [null, false, true, 0, -1.5, 1e21, 'a', 'b', [], [1], [1, 'x'], {}, { a: 1 }]

function documents () {
  const random = numbers(5)
  return Array.from({ length: 300 }, (_, n) => ({
    _id: `doc-${String(n).padStart(4, '0')}`,
    n,
    kind: ['a', 'b', 'c'][n % 3],
    words: Array.from({ length: n % 4 }, () => random.pick(words)),
    any: anything[n % anything.length],
    friend: `doc-${String((n * 7) % 310).padStart(4, '0')}`
  }))
}

async function fill (db) {
  await db.put(design)
  await db.bulkDocs(documents())
}

// Members of values in one order; of a document its id, or null where there is none.
const plain = ({ rows }, docs) => rows.map(({ id, key, value, doc }) =>
  ({ id, key, value: inOrder(value), doc: docs ? doc?._id ?? null : undefined }))
const inOrder = value => value?.sum === undefined ? value : Object.entries(value).sort()

async function same (view, options, what) {
  const [ours, theirs] = await Promise.all([remote, local].map(db => db.query(`app/${view}`, options)))
  const { include_docs: docs } = options
  checks.same(plain(ours, docs), plain(theirs, docs), `${what}: rows`)
  checks.same(ours.total_rows, theirs.total_rows, `${what}: total_rows`)
}

async function sameEverywhere (what) {
  for (const view of ['kinds', 'count', 'stats', 'own']) {
    await same(view, {}, `${what}, ${view}`)
    await same(view, { group: true }, `${what}, ${view} grouped`)
    await same(view, { reduce: false, limit: 20, skip: 15 }, `${what}, ${view} not reduced`)
  }
  await same('kinds', { group_level: 1 }, `${what}, group level`)
  await same('kinds', { group_level: 1, descending: true, limit: 2 }, `${what}, descending groups`)
  await same('kinds', { startkey: ['a', 2], endkey: ['b', 1], group: true }, `${what}, range of groups`)
  await same('kinds', { keys: [['b', 1], ['a', 0], ['x', 1]], group: true }, `${what}, keys of groups`)
  await same('words', {}, `${what}, words`)
  await same('words', { key: 'apple' }, `${what}, key`)
  await same('words', { keys: ['zebra', 'apple', 'none'], include_docs: true }, `${what}, keys`)
  await same('words', { startkey: 'b', endkey: 'q\ufff0', include_docs: true }, `${what}, range`)
  await same('words', { startkey: 'q', endkey: 'b', descending: true }, `${what}, descending`)
  await same('words', { startkey: 'apple', endkey: 'plum', inclusive_end: false }, `${what}, open end`)
  await same('mixed', { reduce: false }, `${what}, keys of all types`)
  await same('mixed', { include_docs: true, limit: 40 }, `${what}, linked documents`)
}

async function change (db) {
  const { rows } = await db.allDocs({ include_docs: true, startkey: 'doc-', endkey: 'doc-\ufff0' })
  const docs = rows.map(row => row.doc)
  await db.bulkDocs([
    ...docs.filter(({ n }) => n % 5 === 0).map(doc => ({ ...doc, n: doc.n + 1000, kind: 'd' })),
    ...docs.filter(({ n }) => n % 7 === 1).map(({ _id, _rev }) => ({ _id, _rev, _deleted: true })),
    { _id: 'new', n: 1, kind: 'a', words: ['plum'], any: 'a', friend: 'doc-0001' }
  ])
}

for (const db of [remote, local]) await fill(db)
await sameEverywhere('at first')
for (const db of [remote, local]) await change(db)
await sameEverywhere('after changes')

const missing = await remote.query('app/none').catch(error => error)
checks.same([missing.status, missing.reason], [404, 'missing_named_view'], 'a view that is not there')
checks.same((await remote.viewCleanup()).ok, true, 'viewCleanup')
await same('kinds', { group: true }, 'after the cleanup')

await remote.destroy()
await local.destroy()
if (server) {
  checks.that(server.exit === undefined, `the server ended: ${server.output}`)
  checks.same(await server.stop(), { code: 0, signal: null }, 'the server ends cleanly')
}
checks.finish()
