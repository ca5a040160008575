#!/usr/bin/env node
// Kills the server with SIGKILL while it builds indexes and documents change, again and again; after
// each restart every index must have, row by row, what one that is built from scratch has.
//
//   index_crash.mjs [--rounds N] [--seed N] [--documents N]
//
// Strategy: a round edits documents (updates, deletions, returns, conflicts, purges), asks views and a
// `json` index, and kills the server once the index of the views has written something but is not
// ready. Every other round changes the design documents, so that what is interrupted is a whole
// build; the others interrupt what brings an index up to date. Some rounds kill a second time, while
// the index goes on. The fresh index has the same functions in another text, and so another signature.
//
// Invariants, after every restart:
//   1. All rows, in their order, are those of a fresh index: two views, one with a JavaScript reduction.
//   2. So are reductions of everything, of groups and of ranges: what inner nodes keep is right.
//   3. `_find` gives the same documents in the same order by the old index and by a fresh one.
//   4. Rows are what the documents say: their number and sum are counted from the documents themselves.
import { Checks, Server, numbers, sleep } from './support.mjs'

const option = (name, otherwise) => {
  const at = process.argv.indexOf(name)
  return at < 0 ? otherwise : Number(process.argv[at + 1])
}
const rounds = option('--rounds', 6)
const seed = option('--seed', 20250901)
const documents = option('--documents', 10000)
const checks = new Checks(`index_crash (seed ${seed})`)
const random = numbers(seed)
const database = '/indexes'
const id = n => `doc-${String(n).padStart(6, '0')}`

// ---------------------------------------------------------------- documents
const live = new Map() // id → { rev, doc } of those that have one leaf; others are left to conflicts

function contents () {
  const n = random.below(1000)
  return { n, kind: random.pick(['a', 'b', 'Ä', 'z']), tags: Array.from({ length: random.below(4) }, () => random.below(9)),
    text: 'x'.repeat(random.below(200)) }
}

async function bulk (server, docs, newEdits = true) {
  return await server.json('POST', `${database}/_bulk_docs`, { docs, new_edits: newEdits })
}

async function fill (server) {
  for (let from = 0; from < documents; from += 1000) {
    const docs = Array.from({ length: Math.min(1000, documents - from) }, (_, n) => ({ _id: id(from + n), ...contents() }))
    for (const { id, rev } of await bulk(server, docs)) live.set(id, rev)
  }
}

// Updates, deletions, returns of deleted documents, and new ones.
async function edit (server, count) {
  const ids = [...new Set(Array.from({ length: count }, () => id(random.below(documents + 200))))]
  const docs = ids.map(_id => {
    const _rev = live.get(_id)
    if (_rev && random.below(4) === 0) return { _id, _rev, _deleted: true }
    return { _id, ...(_rev ? { _rev } : {}), ...contents() }
  })
  const rows = await bulk(server, docs)
  rows.forEach(({ ok, id, rev }, i) => {
    if (ok) docs[i]._deleted ? live.delete(id) : live.set(id, rev)
  })
}

// Branches that win or lose; such documents are not edited any more but by further branches.
async function branch (server, count) {
  const docs = Array.from({ length: count }, () => {
    const hash = random.bytes(16).toString('hex')
    return { _id: id(random.below(documents)), _rev: `${1 + random.below(3)}-${hash}`, ...contents() }
  })
  await bulk(server, docs, false)
  for (const { _id } of docs) live.delete(_id)
}

async function purge (server, count) {
  const chosen = [...live].filter(() => random.below(live.size) < count)
  if (chosen.length === 0) return
  await server.json('POST', `${database}/_purge`, Object.fromEntries(chosen.map(([id, rev]) => [id, [rev]])))
  for (const [id] of chosen) live.delete(id)
}

async function change (server, count) {
  await edit(server, count)
  await branch(server, count >> 4)
  await purge(server, 5)
}

// ---------------------------------------------------------------- indexes
// `mark` makes the text, and so the signature, another one.
const views = mark => ({
  views: {
    tags: { map: `function (doc) { /* ${mark} */ for (const tag of doc.tags) emit([doc.kind, tag], doc.n); }`, reduce: '_sum' },
    numbers: {
      map: `function (doc) { /* ${mark} */ emit(doc.n, { text: doc.text.length }); }`,
      reduce: 'function (keys, values, again) { return again ? values.reduce((a, b) => a + b, 0) : values.length; }'
    }
  }
})

async function put (server, name, body) {
  const address = `${database}/_design/${name}`
  const before = await server.call('GET', address)
  return await server.json('PUT', address, before.status === 200 ? { ...body, _rev: before.json._rev } : body)
}

// The condition that all documents meet makes another index of it, too.
async function make (server, name, mark) {
  await put(server, name, views(mark))
  await put(server, `${name}-json`, {
    language: 'query',
    views: {
      kinds: {
        map: { fields: { kind: 'asc', n: 'asc' }, partial_filter_selector: { n: { $gte: -1 - mark } } },
        reduce: '_count',
        options: { def: { fields: ['kind', 'n'], partial_filter_selector: { n: { $gte: -1 - mark } } } }
      }
    }
  })
}

const ask = async (server, name) => {
  const view = (query, rest = '') => server.json('GET', `${database}/_design/${name}/_view/${query}${rest}`)
  const [rows, others] = [await view('tags', '?reduce=false'), await view('numbers', '?reduce=false')]
  const found = await server.json('POST', `${database}/_find`, {
    selector: { kind: { $gt: null }, n: { $gte: -1 } }, sort: ['kind', 'n'], use_index: [`${name}-json`, 'kinds'],
    limit: 100000, fields: ['_id', 'kind', 'n']
  })
  const reduced = []
  const ranges = ['', '?group_level=1', '?group=true', '?startkey=["b",3]&endkey=["z",5]', '?startkey=["z"]&descending=true']
  for (const range of ranges) reduced.push((await view('tags', range)).rows)
  for (const range of ['', '?startkey=100&endkey=555', '?group=true&limit=50']) reduced.push((await view('numbers', range)).rows)
  return { rows, others, found: found.docs, warning: found.warning, reduced }
}

async function compare (server, round) {
  await make(server, 'fresh', 1000 + round)
  const [old, fresh] = [await ask(server, 'old'), await ask(server, 'fresh')]
  for (const part of Object.keys(fresh)) checks.same(old[part], fresh[part], `round ${round}: ${part}`)
  const { rows } = await server.json('GET', `${database}/_all_docs?include_docs=true`)
  const docs = rows.map(row => row.doc).filter(({ _id }) => !_id.startsWith('_design/'))
  const tags = docs.flatMap(doc => doc.tags.map(() => doc.n))
  checks.same([old.rows.rows.length, old.rows.total_rows], [tags.length, tags.length], `round ${round}: rows of all tags`)
  checks.same(old.reduced[0][0]?.value, tags.reduce((a, b) => a + b, 0), `round ${round}: their sum`)
  checks.same([old.others.rows.length, old.found.length], [docs.length, docs.length], `round ${round}: rows of all documents`)
  return docs.length
}

// ---------------------------------------------------------------- the rounds
const server = await Server.start({ ini: '[log]\nlevel = warning\n' })
let halfway = 0

const sequence = async () => (await server.json('GET', `${database}/_design/old/_info`)).view_index.update_seq

// Starts what brings the indexes up to date, and kills the server in the middle of it.
async function interrupt (editing) {
  const before = await sequence()
  let ready = false
  const queries = ['old/_view/tags?limit=0', 'old/_view/numbers?limit=0'].map(query =>
    server.json('GET', `${database}/_design/${query}`).then(() => { ready = true }, () => {}))
  queries.push(server.json('POST', `${database}/_find`, {
    selector: { kind: 'a', n: 1 }, use_index: ['old-json', 'kinds']
  }).catch(() => {}))
  if (editing) queries.push(edit(server, 300).catch(() => {}))
  while (!ready && await sequence() === before);
  await sleep(random.pick([0, 0, 30, 80]))
  await server.kill()
  await Promise.all(queries)
}

// What was edited while the server was killed may be there or not.
async function recall () {
  const { rows } = await server.json('GET', `${database}/_all_docs?conflicts=true&include_docs=true`)
  live.clear()
  for (const { id, doc } of rows) if (!id.startsWith('_design/') && !doc._conflicts) live.set(id, doc._rev)
}

try {
  await server.json('PUT', database)
  await fill(server)
  await make(server, 'old', 0)
  for (let round = 1; round <= rounds; round++) {
    if (round > 1) await change(server, random.pick([100, 1500]))
    if (random.below(2) === 0) await make(server, 'old', round)
    for (let times = 1 + random.below(2); times > 0; times--) {
      await interrupt(random.below(2) === 0)
      await server.run()
      const [at, all] = [await sequence(), parseInt((await server.json('GET', database)).update_seq)]
      if (at > 0 && at < all) halfway++
    }
    const count = await compare(server, round)
    await recall()
    console.log(`round ${round}: ${count} documents`)
  }
  for (const name of ['fresh', 'fresh-json']) {
    const { _rev } = await server.json('GET', `${database}/_design/${name}`)
    await server.json('DELETE', `${database}/_design/${name}?rev=${_rev}`)
  }
  await server.json('POST', `${database}/_view_cleanup`, {})
} catch (error) {
  checks.that(false, `${error.stack}\n${server.output}`)
}
console.log(`${halfway} of the kills left an index halfway`)
checks.same(await server.stop(), { code: 0, signal: null }, 'the server ends cleanly')
checks.finish()
