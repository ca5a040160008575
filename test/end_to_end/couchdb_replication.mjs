#!/usr/bin/env node
// Replication between Divan and a CouchDB, both ways, by hand: see couchdb_server.mjs for what it
// needs. Both sides are compared leaf by leaf.
//
//   couchdb_replication.mjs [CASE] [--megabytes 120] [--seconds 30] [--seed 1]
import { CouchDB, exactly, fill } from './couchdb_server.mjs'
import { differences, leavesOf } from './leaves.mjs'
import { Checks, Server, eventually, numbers, sleep } from './support.mjs'

const option = (name, otherwise) => {
  const at = process.argv.indexOf(`--${name}`)
  return at < 0 ? otherwise : Number(process.argv[at + 1])
}
const only = process.argv[2]?.startsWith('--') ? undefined : process.argv[2]
const checks = new Checks('replication with CouchDB')
const section = (name, work) => !only || name.includes(only) ? checks.run(name, work) : undefined
const couch = await CouchDB.start()
const divan = await Server.start({ ini: '[log]\nlevel = warning\n[replicator]\ninterval = 1000\n' })
const both = [couch, divan]
const at = name => '/' + encodeURIComponent(name)
const url = (server, name) => server.url + at(name)
const replicate = (server, body) => server.json('POST', '/_replicate', body)
const databases = ['clinic', 'clinic/ward+1', 'purged', 'deep', 'parts', 'many', 'single', 'files']
const options = { megabytes: option('megabytes', 120), seed: option('seed', 1) }

await checks.run('databases of all kinds are made', async () => {
  await fill(couch, options)
})

async function same (left, a, right, b, what) {
  checks.same(differences(await leavesOf(exactly(left), at(a)), await leavesOf(exactly(right), at(b))), '', what)
  const [x, y] = [await left.json('GET', at(a)), await right.json('GET', at(b))]
  // CouchDB goes on counting a document whose last living leaf was purged.
  if (!a.includes('purged')) checks.same([y.doc_count, y.doc_del_count], [x.doc_count, x.doc_del_count], `${what}: counts`)
}

/** A replication by a document; what became of it. */
async function byDocument (server, id, body) {
  await server.json('PUT', `/_replicator/${id}`, body)
  // CouchDB answers 404, and now and then 500, until it has taken the document up.
  const state = async () => (await server.call('GET', `/_scheduler/docs/_replicator/${id}`)).json.state
  const ended = await eventually(async () => ['completed', 'failed'].includes(await state()) && await state(), 600, id)
  checks.same(ended, 'completed', `${id}: ${JSON.stringify(await server.json('GET', `/_scheduler/docs/_replicator/${id}`))}`)
}

await section('Divan pulls', async () => {
  for (const name of databases) {
    const job = { source: url(couch, name), target: url(divan, name), create_target: true }
    if (name === 'parts') job.create_target_params = { partitioned: true }
    const done = await replicate(divan, job)
    checks.same([done.ok, done.history[0].doc_write_failures], [true, 0], `pull of ${name}`)
    await same(couch, name, divan, name, `pulled ${name}`)
    checks.same((await replicate(divan, job)).no_changes, true, `${name}: a second pull finds its checkpoint`)
  }
})

await section('CouchDB pulls back', async () => {
  for (const name of databases) {
    const job = { source: url(divan, name), target: url(couch, `back-${name}`), create_target: true }
    if (name === 'parts') job.create_target_params = { partitioned: true }
    const done = await replicate(couch, job)
    checks.same([done.ok, done.history[0].doc_write_failures], [true, 0], `pull back of ${name}: ${JSON.stringify(done)}`)
    await same(divan, name, couch, `back-${name}`, `pulled back ${name}`)
    checks.same((await replicate(couch, job)).no_changes, true, `${name}: a second pull finds its checkpoint`)
  }
})

await section('CouchDB pushes, Divan pushes', async () => {
  for (const name of databases) {
    const pushed = { source: url(couch, name), target: url(divan, `pushed-${name}`), create_target: true }
    await byDocument(couch, `push-${databases.indexOf(name)}`, pushed)
    await same(couch, name, divan, `pushed-${name}`, `pushed ${name}`)
    const returned = { source: url(divan, `pushed-${name}`), target: url(couch, `returned-${name}`), create_target: true }
    await byDocument(divan, `return-${databases.indexOf(name)}`, returned)
    await same(divan, `pushed-${name}`, couch, `returned-${name}`, `returned ${name}`)
  }
})

await section('through CouchDB of Divan to Divan', async () => {
  await replicate(couch, { source: url(divan, 'clinic'), target: url(divan, 'clinic-by'), create_target: true })
  await same(divan, 'clinic', divan, 'clinic-by', 'CouchDB between two databases of ours')
  await replicate(divan, { source: url(couch, 'clinic'), target: url(couch, 'clinic-by'), create_target: true })
  await same(couch, 'clinic', couch, 'clinic-by', 'Divan between two databases of CouchDB')
})

await section('filtered', async () => {
  for (const name of ['clinic', 'clinic/ward+1']) {
    await replicate(divan, { source: url(couch, name), target: url(divan, name), create_target: true })
  }
  const ways = {
    ids: { doc_ids: ['doc-0001', 'tree-3', 'files', 'with/slash', 'ümläut', 'nothing'] },
    selector: { selector: { n: { $gt: 100 } } },
    filter: { filter: 'views/even', query_params: { a: 'b' } },
    'all-leaves': { filter: '_view', query_params: { view: 'views/by_n' } },
    winners: { winning_revs_only: true },
    since: { since_seq: 0, use_checkpoints: false },
    single: { worker_processes: 1, worker_batch_size: 1, http_connections: 2, use_bulk_get: false }
  }
  for (const [way, more] of Object.entries(ways)) {
    const done = {}
    // CouchDB's own query server does not get through the large documents of the other.
    const name = more.filter ? 'clinic/ward+1' : 'clinic'
    for (const [by, from, to] of [['couch', couch, couch], ['divan', couch, divan], ['pushed', divan, couch], ['pushed-couch', couch, divan]]) {
      const server = by.includes('couch') ? couch : divan
      const started = Date.now()
      done[by] = await replicate(server, { source: url(from, name), target: url(to, `f-${way}-${by}`), create_target: true, ...more }).catch(error => ({ error: `${by} ${way} after ${Date.now() - started} ms: ${error.message}` }))
      checks.same(done[by].error, undefined, `${by} ${way}`)
    }
    for (const [by, server] of [['divan', divan], ['pushed', couch], ['pushed-couch', divan]]) {
      await same(couch, `f-${way}-couch`, server, `f-${way}-${by}`, `${way}: what ${by} carried`)
      const [x, y] = [done.couch, done[by]].map(({ history = [{}] }) => [history[0].docs_read, history[0].docs_written, history[0].missing_found, history[0].doc_write_failures])
      checks.same(y, x, `${way}: counts of ${by}`)
    }
  }
})

/** Random edits at both ends; each knows only what it has. */
async function edit (server, db, random, rounds) {
  for (let n = 0; n < rounds; n++) {
    const id = `doc-${String(random.below(60)).padStart(4, '0')}`
    const { status, json: old } = await server.call('GET', `${db}/${id}?conflicts=true`)
    const doc = { ...(status === 200 ? old : {}), by: server === couch ? 'couch' : 'divan', n: random.below(1000) }
    delete doc._id
    const conflicts = doc._conflicts ?? []
    delete doc._conflicts
    const kind = random.below(10)
    if (kind === 0) doc._deleted = true
    if (kind === 1) doc._attachments = { ...doc._attachments, [`a${random.below(3)}`]: { content_type: random.pick(['text/plain', 'image/png']), data: random.bytes(random.below(20000)).toString('base64') } }
    if (kind === 2 && conflicts.length) {
      await server.call('DELETE', `${db}/${id}?rev=${random.pick(conflicts)}`)
      continue
    }
    const put = await server.call('PUT', `${db}/${id}`, doc)
    if (![200, 201, 409].includes(put.status)) checks.that(false, `PUT ${id}: ${put.status} ${put.bytes}`)
    if (random.below(4) === 0) await sleep(random.below(30))
  }
}

await section('both ways, continuously, with edits on both', async () => {
  const random = numbers(option('seed', 1))
  for (const [one, [a, b]] of Object.entries({ couch: [couch, divan], divan: [divan, couch], each: [couch, divan] })) {
    const db = `soak-${one}`
    for (const server of both) await server.json('PUT', at(db))
    // One of them carries both ways; in the end each pulls.
    const carriers = one === 'each' ? [divan, couch] : [a, a]
    const jobs = [[carriers[0], couch, divan], [carriers[1], divan, couch]]
    for (const [n, [carrier, from, to]] of jobs.entries()) {
      await carrier.json('PUT', `/_replicator/${db}-${n}`, { source: url(from, db), target: url(to, db), continuous: true })
    }
    const until = Date.now() + option('seconds', 20) * 1000
    while (Date.now() < until) await Promise.all(both.map(server => edit(server, at(db), random, 20)))
    const equal = async () => {
      const [x, y] = await Promise.all(both.map(server => leavesOf(exactly(server), at(db))))
      return differences(x, y) === ''
    }
    await eventually(equal, 60, 'both are the same').catch(() => {})
    await same(couch, db, divan, db, `both ways by ${one}`)
    const leaves = [...(await leavesOf(exactly(divan), at(db))).values()]
    console.log(`     ${one}: ${leaves.length} documents, ${leaves.flat().length} leaves, ${(await divan.json('GET', at(db))).update_seq.split('-')[0]} changes`)
    for (const [n, [carrier]] of jobs.entries()) {
      const { _rev } = await carrier.json('GET', `/_replicator/${db}-${n}`)
      await carrier.json('DELETE', `/_replicator/${db}-${n}?rev=${_rev}`)
    }
  }
})

await section('continuous through stops of either side', async () => {
  for (const server of both) await server.json('PUT', '/stops')
  await couch.json('PUT', '/_replicator/stops', { source: url(couch, 'stops'), target: url(divan, 'stops'), continuous: true })
  await divan.json('PUT', '/_replicator/stops', { source: url(divan, 'stops'), target: url(couch, 'stops'), continuous: true })
  const random = numbers(9)
  for (const [name, end] of [['divan killed', () => divan.kill()], ['couch stopped', () => couch.stop()], ['divan stopped', () => divan.stop()], ['couch killed', () => couch.kill()]]) {
    await Promise.all(both.map(server => edit(server, '/stops', random, 40)))
    const [stays, goes] = name.startsWith('divan') ? [couch, divan] : [divan, couch]
    await end()
    await edit(stays, '/stops', random, 20)
    await goes.run()
    const equal = async () => differences(...await Promise.all(both.map(server => leavesOf(exactly(server), '/stops')))) === ''
    await eventually(equal, 120, `${name}: both are the same`).catch(() => {})
    await same(couch, 'stops', divan, 'stops', name)
  }
})

await section('_users', async () => {
  await replicate(couch, { source: url(divan, '_users'), target: url(couch, 'people'), create_target: true })
  const done = await replicate(couch, { source: url(couch, '_users'), target: url(divan, '_users') })
  checks.same(done.ok, true, JSON.stringify(done))
  console.log(JSON.stringify(done.history[0]))
  for (const name of ['ann', 'simple', 'sha', 'sha256', 'sha512', 'bare']) {
    const { status } = await divan.call('POST', '/_session', { name, password: name === 'simple' ? 'old-secret' : `${name}-secret` })
    checks.same(status, 200, `${name} signs in`)
  }
})

await divan.stop()
await couch.stop()
checks.finish()
