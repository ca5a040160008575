#!/usr/bin/env node
// Kills the server with SIGKILL under concurrent writers, again and again, and after each restart
// compares what is there with what was acknowledged.
//
//   crash.mjs [--rounds N] [--seed N]
//
// Strategy: every writer owns its documents and has one request under way, so what must be there is
// known exactly: for a document without an open request its last acknowledged state; for one with an
// open request that state or the one asked for. A follower reads `_changes` from its last `since`
// all the while, over the crashes.
//
// Invariants, after every restart:
//   1. Every acknowledged write is there; nothing is there that nobody asked for.
//   2. No document and no attachment is torn: contents have their digests in them.
//   3. Sequences: each edit took exactly one, `_changes` shows each document once, ascending.
//   4. doc_count and doc_del_count are right.
//   5. What the follower was shown is not undone, and it misses nothing.
//   6. Databases that were made are there, those that were deleted are not, and one that was made again
//      is empty.
// Compactions run in some rounds.
import crypto from 'node:crypto'
import { Checks, Server, numbers, sleep } from './support.mjs'

const option = (name, otherwise) => {
  const at = process.argv.indexOf(name)
  return at < 0 ? otherwise : Number(process.argv[at + 1])
}
const rounds = option('--rounds', 22)
const seed = option('--seed', 20250601)
const writers = 12
const database = '/crash'
const checks = new Checks(`crash (seed ${seed})`)
const schedule = numbers(seed)
const digest = bytes => crypto.createHash('sha1').update(bytes).digest('hex')

// What is known of each document: { rev, deleted, check, files: { name: digest } }, or `pending`, the
// states that the one open request would bring about.
const known = new Map()
const pending = new Map()
const seen = new Map() // what the follower was shown: id → rev
let edits = 0 // acknowledged ones, and pending ones that turned out to be there
let since = '0'
let acknowledged = 0

const generation = rev => Number(rev.split('-')[0])

// ---------------------------------------------------------------- writing
function contents (random, n) {
  const text = random.bytes(20 + random.below(400)).toString('base64').repeat(1 + random.below(3))
  return { n, text, check: digest(text) }
}

// A document's next state, as asked for; `rev` is known when it is acknowledged.
const state = (before, change) => ({ deleted: false, files: {}, ...before, rev: undefined, after: before?.rev, ...change })

function acknowledge (id, rev) {
  known.set(id, { ...pending.get(id), rev })
  pending.delete(id)
  edits++
  acknowledged++
}

const writer = (server, number, random) => ({
  next: 0,
  own: [],
  async putNew () {
    const id = `w${number}-${random.next().toString(16)}-${this.next++}`
    await this.put(id, undefined)
    this.own.push(id)
  },
  async put (id, before) {
    const doc = contents(random, this.next)
    pending.set(id, state(before, { check: doc.check, files: {}, deleted: false }))
    const body = before && !before.deleted ? { ...doc, _rev: before.rev } : doc
    acknowledge(id, (await server.json('PUT', `${database}/${id}`, body)).rev)
  },
  async update () {
    const id = random.pick(this.own)
    await this.put(id, known.get(id))
  },
  async erase () {
    const id = random.pick(this.own)
    const before = known.get(id)
    if (before.deleted) return
    pending.set(id, state(before, { deleted: true, check: undefined, files: {} }))
    acknowledge(id, (await server.json('DELETE', `${database}/${id}?rev=${before.rev}`)).rev)
  },
  async attach () {
    const id = random.pick(this.own)
    const before = known.get(id)
    if (before.deleted) return
    const size = random.below(20) === 0 ? 2500000 : [1, 100, 5000, 70000, 300000][random.below(5)]
    const text = random.below(2) === 0
    const bytes = text ? Buffer.from('compressible '.repeat(size / 13 + 1)) : Buffer.alloc(size, random.bytes(997))
    const name = `file${random.below(3)}`
    pending.set(id, state(before, { files: { ...before.files, [name]: digest(bytes) } }))
    const reply = await server.call('PUT', `${database}/${id}/${name}?rev=${before.rev}`, bytes,
      { 'content-type': text ? 'text/plain' : 'application/octet-stream' })
    if (reply.status !== 201) throw new Error(`attachment: ${reply.status} ${reply.bytes}`)
    acknowledge(id, reply.json.rev)
  },
  async bulk () {
    const ids = [...new Set(Array.from({ length: 20 }, () => random.below(2) === 0 && this.own.length
      ? random.pick(this.own)
      : `w${number}-bulk-${this.next++}`))]
    const docs = ids.map(id => {
      const before = known.get(id)
      const doc = { _id: id, ...contents(random, this.next) }
      pending.set(id, state(before, { check: doc.check, files: {}, deleted: false }))
      return before && !before.deleted ? { ...doc, _rev: before.rev } : doc
    })
    const rows = await server.json('POST', `${database}/_bulk_docs`, { docs })
    rows.forEach((row, i) => {
      if (!row.ok || row.id !== ids[i]) throw new Error(`bulk row ${i}: ${JSON.stringify(row)}`)
      if (!known.has(row.id)) this.own.push(row.id)
      acknowledge(row.id, row.rev)
    })
  },
  async run (stopped) {
    while (!stopped()) {
      const kind = this.own.length < 5 ? 0 : random.below(10)
      if (kind < 2) await this.putNew()
      else if (kind < 6) await this.update()
      else if (kind < 7) await this.erase()
      else if (kind < 9) await this.attach()
      else await this.bulk()
    }
  }
})

// ---------------------------------------------------------------- databases that come and go
// name → 'there', 'gone', or 'either' while a request about it is under way.
const databases = new Map()

async function makeDatabases (server, random, stopped) {
  while (!stopped()) {
    const name = `side-${random.below(12)}`
    const before = databases.get(name)
    databases.set(name, 'either')
    if (before === 'there') {
      await server.json('DELETE', `/${name}`)
      databases.set(name, 'gone')
    } else {
      await server.json('PUT', `/${name}`, undefined, before === 'either' ? [201, 412] : 201)
      await server.json('PUT', `/${name}/doc-${random.next()}`, {})
      databases.set(name, 'there')
    }
    await sleep(5)
  }
}

async function compareDatabases (server, round) {
  const there = new Set(await server.json('GET', '/_all_dbs'))
  for (const [name, want] of databases) {
    checks.that(want === 'either' || there.has(name) === (want === 'there'), `round ${round}: database ${name} is not ${want}`)
    if (!there.has(name)) { databases.set(name, 'gone'); continue }
    const { doc_count: count } = await server.json('GET', `/${name}`)
    const { rows } = await server.json('GET', `/${name}/_all_docs`)
    checks.same(rows.length, count, `round ${round}: ${name}, its documents and their count`)
    checks.that(want === 'either' ? count <= 1 : count === 1, `round ${round}: ${name} has ${count} documents`)
    await server.json('DELETE', `/${name}`)
    databases.set(name, 'gone')
  }
}

// ---------------------------------------------------------------- following
async function follow (server, options = '') {
  const { results, last_seq: last } = await server.json('GET',
    `${database}/_changes?since=${encodeURIComponent(since)}&limit=2000${options}`)
  for (const row of results) seen.set(row.id, row.changes[0].rev)
  since = last
  return results.length
}

// ---------------------------------------------------------------- comparing
async function compare (server, round) {
  const there = await everything(server)
  settlePending(there, round)
  let live = 0
  for (const [id, want] of known) {
    const got = there.get(id)
    if (!checks.that(got, `round ${round}: ${id} is lost (${want.rev})`)) continue
    checks.that(got.rev === want.rev && got.deleted === want.deleted,
      `round ${round}: ${id} is ${got.rev} ${got.deleted}, acknowledged was ${want.rev} ${want.deleted}`)
    if (!want.deleted) { live++; checkContents(id, got.doc, want, round) }
  }
  for (const id of there.keys()) checks.that(known.has(id), `round ${round}: nobody wrote ${id}`)
  const info = await server.json('GET', database)
  checks.same([info.doc_count, info.doc_del_count], [live, known.size - live], `round ${round}: the counts`)
  checks.same(parseInt(info.update_seq), edits, `round ${round}: one sequence an edit`)
  await compareFiles(server, round)
}

// All documents by the changes feed, whose order is checked on the way.
async function everything (server) {
  const there = new Map()
  let from = '0'
  let before = 0
  for (;;) {
    const { results, last_seq: last } = await server.json('GET',
      `${database}/_changes?include_docs=true&limit=5000&since=${encodeURIComponent(from)}`)
    for (const { seq, id, deleted = false, changes, doc } of results) {
      checks.that(parseInt(seq) > before, `sequence ${seq} after ${before}`)
      checks.that(!there.has(id), `${id} twice in _changes`)
      before = parseInt(seq)
      there.set(id, { rev: changes[0].rev, deleted, doc })
    }
    from = last
    if (results.length === 0) return there
  }
}

// Requests that were cut off: done or not done, both are right, but nothing in between.
function settlePending (there, round) {
  for (const [id, asked] of pending) {
    const got = there.get(id)
    const before = known.get(id)
    if (!got || got.rev === before?.rev) continue
    const next = asked.after && !before.deleted ? generation(asked.after) + 1 : undefined
    checks.that(next === undefined || generation(got.rev) === next, `round ${round}: ${id} jumped to ${got.rev}`)
    known.set(id, { ...asked, rev: got.rev })
    edits++
  }
  pending.clear()
}

function checkContents (id, doc, want, round) {
  checks.that(doc && digest(doc.text) === doc.check && doc.check === want.check, `round ${round}: ${id} is torn or old`)
  checks.same(Object.keys(doc?._attachments ?? {}).sort(), Object.keys(want.files).sort(), `round ${round}: ${id}, its files`)
}

// Files of documents that changed since they were last looked at; now and then, and at the end, all.
const filesChecked = new Map()
async function compareFiles (server, round) {
  const todo = []
  if (round % 7 === 0 || round === rounds) filesChecked.clear()
  for (const [id, { rev, deleted, files }] of known) {
    if (deleted || filesChecked.get(id) === rev) continue
    filesChecked.set(id, rev)
    for (const [name, want] of Object.entries(files)) todo.push([id, name, want])
  }
  await Promise.all(Array.from({ length: 8 }, async () => {
    for (let item; (item = todo.pop());) {
      const [id, name, want] = item
      const reply = await server.call('GET', `${database}/${id}/${name}`, undefined, { accept: '*/*' })
      checks.that(reply.status === 200 && digest(reply.bytes) === want, `round ${round}: ${id}/${name} is torn or lost`)
    }
  }))
}

// What was shown before the crash is still true, or was edited since.
function compareSeen (round) {
  for (const [id, rev] of seen) {
    const now = known.get(id)
    checks.that(now && (now.rev === rev || generation(now.rev) > generation(rev)),
      `round ${round}: the feed showed ${id} ${rev}, which is gone`)
  }
}

function compareFollowed (round) {
  for (const [id, { rev }] of known) {
    if (!checks.that(seen.get(id) === rev, `round ${round}: the follower missed ${id} ${rev}, has ${seen.get(id)}`)) return
  }
}

// ---------------------------------------------------------------- the rounds
const server = await Server.start({ ini: '[log]\nlevel = warning\n' })
await server.json('PUT', database)
const crew = Array.from({ length: writers }, (_, i) => writer(server, i, numbers(seed + i)))

async function load (milliseconds, random) {
  let stopped = false
  const errors = []
  const note = error => { if (!stopped) errors.push(error) }
  const follower = (async () => { while (!stopped) if (!await follow(server)) await sleep(5) })().catch(note)
  const work = crew.map(member => member.run(() => stopped).catch(note))
  work.push(makeDatabases(server, random, () => stopped).catch(note))
  if (random.below(3) === 0) work.push(server.json('POST', `${database}/_compact`, {}).catch(note))
  await sleep(milliseconds)
  stopped = true
  await server.kill()
  await Promise.all([follower, ...work])
  for (const error of errors) checks.that(false, `while the server was up: ${error.message}`)
}

try {
  for (let round = 1; round <= rounds; round++) {
    await load(100 + schedule.below(900), numbers(seed - round))
    if (schedule.below(4) === 0) { // also killed while it starts
      server.launch()
      await sleep(schedule.below(60))
      await server.kill()
    }
    await server.run()
    await compare(server, round)
    await compareDatabases(server, round)
    compareSeen(round)
    while (await follow(server));
    compareFollowed(round)
  }
} catch (error) {
  checks.that(false, error.stack)
}
console.log(`${acknowledged} acknowledged edits of ${known.size} documents over ${rounds} kills`)
checks.finish()
