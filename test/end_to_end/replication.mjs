#!/usr/bin/env node
// Two Divans, and the replicator of the first between them: what arrives is compared leaf by leaf, and
// a replication goes on where it was when either server is stopped or killed in the middle.
//
//   replication.mjs [--seed N] [--small]     --small: fewer documents, a smaller attachment
//
// Invariants:
//   1. When a replication is done, every document of the source has the same leaves in the target,
//      with the same ancestry, bodies, and attachments by digest.
//   2. A server that is killed and comes back goes on from its checkpoints; documents of
//      `_replicator` run again by themselves.
//   3. An attachment of any size takes no memory to speak of in either server.
import crypto from 'node:crypto'
import http from 'node:http'
import { FaultProxy, randomFrom } from './fault_proxy.mjs'
import { Checks, Server, eventually, numbers, sleep } from './support.mjs'

const option = (name, otherwise) => {
  const at = process.argv.indexOf(name)
  return at < 0 ? otherwise : Number(process.argv[at + 1])
}
const small = process.argv.includes('--small')
const seed = option('--seed', 20251121)
const manyDocuments = small ? 500 : 10000
const largeBytes = (small ? 20 : 200) * 1024 * 1024
const memoryRise = 150 * 1024 * 1024 // RocksDB’s write buffers among them
const checks = new Checks(`replication (seed ${seed})`)
const random = numbers(seed)

const ini = '[replicator]\nstartup_jitter = 1\ncheckpoint_interval = 500\n'
const [here, there] = await Promise.all([Server.start({ ini }), Server.start({ ini })])

// ---------------------------------------------------------------- what is compared
// Every leaf of every document: its ancestry, its body, its attachments by digest and length.
async function leaves (server, database) {
  const all = new Map()
  let since = '0'
  for (;;) {
    const page = await server.json('GET',
      `/${database}/_changes?style=all_docs&limit=2000&since=${encodeURIComponent(since)}`)
    if (page.results.length === 0) return all
    since = page.last_seq
    const docs = page.results.flatMap(row => row.changes.map(({ rev }) => ({ id: row.id, rev })))
    const got = await server.json('POST', `/${database}/_bulk_get?revs=true`, { docs })
    for (const { docs: answers } of got.results) {
      for (const { ok } of answers) all.set(`${ok._id} ${ok._rev}`, JSON.stringify(tidy(ok)))
    }
  }
}

function tidy (doc) {
  for (const one of Object.values(doc._attachments ?? {})) {
    delete one.data
    delete one.stub
    delete one.follows
  }
  return doc
}

/** `chosen`: those documents of the source that are to be there. */
async function sameLeaves (source, database, target, otherDatabase, what, chosen = () => true) {
  const all = await leaves(source, database)
  const a = new Map([...all].filter(([, text]) => chosen(JSON.parse(text))))
  const b = await leaves(target, otherDatabase)
  checks.same(b.size, a.size, `${what}: as many leaves`)
  const differing = [...a].filter(([key, text]) => b.get(key) !== text)
  checks.same(differing.slice(0, 1).map(([key]) => [key, b.get(key)]), [], `${what}: equal leaves`)
}

// ---------------------------------------------------------------- what is written
const rev = () => random.bytes(16).toString('hex')

/** Trees with conflicts and deletions, as replications bring them. */
async function writeTrees (server, database, count, from = 0) {
  const docs = []
  for (let i = from; i < from + count; i++) {
    const root = rev()
    const branches = 1 + random.below(3)
    for (let b = 0; b < branches; b++) {
      const ids = [...Array(random.below(4))].map(rev).concat(root)
      docs.push({
        _id: `tree-${i}`, _revisions: { start: ids.length, ids }, value: random.below(1000),
        ...(random.below(4) === 0 ? { _deleted: true } : {})
      })
    }
  }
  await server.json('POST', `/${database}/_bulk_docs`, { new_edits: false, docs })
}

async function writeMany (server, database, count, from = 0) {
  for (let at = 0; at < count; at += 1000) {
    const docs = [...Array(Math.min(1000, count - at))].map((_, i) => (
      { _id: `doc-${String(from + at + i).padStart(6, '0')}`, n: from + at + i, kind: i % 3 }))
    await server.json('POST', `/${database}/_bulk_docs`, { docs })
  }
}

async function writeSpecial (server, database) {
  await server.json('PUT', `/${database}/_design/d`, {
    filters: { odd: 'function (doc) { return doc.n % 2 === 1 }' },
    views: { v: { map: 'function (doc) { emit(doc.n) }' } }
  })
  await server.json('PUT', `/${database}/with%20files%2F1`, {
    _attachments: {
      'a/b.txt': { content_type: 'text/plain', data: Buffer.from('text '.repeat(300)).toString('base64') },
      empty: { content_type: 'image/png', data: '' }
    }
  })
}

/** Streams `bytes` of noise as an attachment; nothing of it is kept here. */
function putLarge (server, target, bytes) {
  return new Promise((resolve, reject) => {
    const hash = crypto.createHash('sha256')
    const request = http.request({
      host: '127.0.0.1', port: server.port, method: 'PUT', path: target, auth: 'admin:secret',
      headers: { 'content-type': 'application/octet-stream', 'content-length': bytes }
    }, reply => { reply.resume(); reply.on('end', () => resolve([reply.statusCode, hash.digest('hex')])) })
    request.on('error', reject)
    let left = bytes
    const more = () => {
      while (left > 0) {
        const piece = crypto.randomBytes(Math.min(left, 1 << 20))
        left -= piece.length
        hash.update(piece)
        if (!request.write(piece)) return request.once('drain', more)
      }
      request.end()
    }
    more()
  })
}

function digestOf (server, target) {
  return new Promise((resolve, reject) => {
    http.get({ host: '127.0.0.1', port: server.port, path: target, auth: 'admin:secret' }, reply => {
      const hash = crypto.createHash('sha256')
      reply.on('data', piece => hash.update(piece))
      reply.on('end', () => resolve(hash.digest('hex')))
      reply.on('error', reject)
    }).on('error', reject)
  })
}

const make = async (server, ...names) => { for (const name of names) await server.json('PUT', `/${name}`) }
const replicate = (body, status = 200) => here.json('POST', '/_replicate', body, status)
const address = (server, database) => `${server.url}/${database}`

/** The leaves of every document, as a text. */
async function leafIds (server, database) {
  const { results } = await server.json('GET', `/${database}/_changes?style=all_docs`)
  return JSON.stringify(results.map(({ id, changes }) => [id, ...changes.map(({ rev }) => rev).sort()]).sort())
}

/** Waits until the target has every leaf. */
async function caughtUp (source, database, target, otherDatabase) {
  const want = await leafIds(source, database)
  await eventually(async () => await leafIds(target, otherDatabase) === want, 300, `${otherDatabase} has what ${database} has`)
}

// ---------------------------------------------------------------- the cases
await checks.run('push: trees, design documents, attachments', async () => {
  await make(here, 'push')
  await writeTrees(here, 'push', 200)
  await writeSpecial(here, 'push')
  const done = await replicate({ source: 'push', target: address(there, 'push'), create_target: true })
  checks.that(done.ok && done.history[0].docs_written > 200, 'documents were written')
  checks.same(done.history[0].doc_write_failures, 0, 'none was refused')
  await sameLeaves(here, 'push', there, 'push', 'push')
  const again = await replicate({ source: 'push', target: address(there, 'push') })
  checks.same(again.no_changes, true, 'nothing is left')
})

await checks.run('pull: the same, the other way round', async () => {
  await make(there, 'pull')
  await make(here, 'pull')
  await writeTrees(there, 'pull', 200)
  await writeSpecial(there, 'pull')
  await replicate({ source: address(there, 'pull'), target: 'pull' })
  await sameLeaves(there, 'pull', here, 'pull', 'pull')
})

await checks.run('pull without _bulk_get', async () => {
  await make(here, 'one-by-one')
  await replicate({ source: address(there, 'pull'), target: 'one-by-one', use_bulk_get: false })
  await sameLeaves(there, 'pull', here, 'one-by-one', 'open_revs')
})

await checks.run(`${manyDocuments} small documents, pushed and pulled`, async () => {
  await make(here, 'many', 'many-back')
  await make(there, 'many')
  await writeMany(here, 'many', manyDocuments)
  for (const [body, ...compared] of [
    [{ source: 'many', target: address(there, 'many') }, here, 'many', there, 'many', 'pushed'],
    [{ source: address(there, 'many'), target: 'many-back' }, there, 'many', here, 'many-back', 'pulled']
  ]) {
    const started = Date.now()
    await replicate(body)
    console.log(`     ${Math.round(manyDocuments * 1000 / (Date.now() - started))} documents/s`)
    await sameLeaves(...compared)
  }
})

await checks.run('both ways: edits on both sides meet as conflicts', async () => {
  await make(here, 'both')
  await make(there, 'both')
  await writeMany(here, 'both', 50)
  await replicate({ source: 'both', target: address(there, 'both') })
  for (const [server, value] of [[here, 'a'], [there, 'b']]) {
    const rows = (await server.json('GET', '/both/_all_docs')).rows
    const docs = rows.slice(0, 20).map(row => ({ _id: row.id, _rev: row.value.rev, value }))
    docs.push(...rows.slice(20, 25).map(row => ({ _id: row.id, _rev: row.value.rev, _deleted: value === 'a', value })))
    await server.json('POST', '/both/_bulk_docs', { docs })
  }
  await replicate({ source: 'both', target: address(there, 'both') })
  await replicate({ source: address(there, 'both'), target: 'both' })
  await sameLeaves(here, 'both', there, 'both', 'both')
  const doc = await here.json('GET', '/both/doc-000000?conflicts=true')
  checks.same(doc._conflicts?.length, 1, 'a conflict is there')
})

await checks.run('both ways, continuously, while both sides are written', async () => {
  await make(here, 'twins')
  await make(there, 'twins')
  const ends = [address(here, 'twins'), address(there, 'twins')]
  for (const [name, source, target] of [['there', ...ends], ['here', ...ends.toReversed()]]) {
    await here.json('PUT', `/_replicator/${name}`, { source, target, continuous: true })
  }
  for (let round = 0; round < 5; round++) {
    await Promise.all([here, there].map(async (server, side) => {
      await writeMany(server, 'twins', 60) // The same ids: conflicts, or no change
      await writeTrees(server, 'twins', 20, 100 * side + 20 * round)
      if (round === side) await writeSpecial(server, 'twins').catch(() => {}) // The other side's may be there
      const { rows } = await server.json('GET', '/twins/_all_docs?limit=10&skip=5')
      const docs = rows.map(({ id, value }, i) => ({ _id: id, _rev: value.rev, side, round, _deleted: i === round }))
      await server.json('POST', '/twins/_bulk_docs', { docs })
    }))
  }
  // They have the same once neither has anything that the other lacks.
  const all = async server => new Set((await leaves(server, 'twins')).keys())
  await eventually(async () => {
    const [a, b] = [await all(here), await all(there)]
    return a.size === b.size && [...a].every(key => b.has(key))
  }, 300, 'both sides have all')
  await sameLeaves(here, 'twins', there, 'twins', 'twins')
  for (const name of ['here', 'there']) {
    const { _rev } = await here.json('GET', `/_replicator/${name}`)
    await here.json('DELETE', `/_replicator/${name}?rev=${_rev}`)
  }
})

await checks.run('filtered: by function, selector, ids, design documents', async () => {
  await make(there, 'from')
  await writeMany(there, 'from', 90)
  await writeTrees(there, 'from', 90)
  await writeSpecial(there, 'from')
  const cases = {
    function: [{ filter: 'd/odd' }, doc => doc.n % 2 === 1],
    selector: [{ selector: { $or: [{ kind: 1 }, { value: { $gt: 500 } }] } }, doc => doc.kind === 1 || doc.value > 500],
    ids: [{ doc_ids: ['doc-000001', 'tree-7', 'none'] }, doc => ['doc-000001', 'tree-7'].includes(doc._id)],
    design: [{ filter: '_design' }, doc => doc._id.startsWith('_design/')]
  }
  // Every leaf is judged by itself, deletions too (couch_changes:filter/3 with style=all_docs).
  for (const [name, [filter, chosen]] of Object.entries(cases)) {
    await make(here, `pulled-${name}`, `from-${name}`)
    await make(there, `pushed-${name}`)
    await replicate({ source: address(there, 'from'), target: `pulled-${name}`, ...filter })
    await sameLeaves(there, 'from', here, `pulled-${name}`, `pull by ${name}`, chosen)
    await replicate({ source: address(there, 'from'), target: `from-${name}` })
    await replicate({ source: `from-${name}`, target: address(there, `pushed-${name}`), ...filter })
    await sameLeaves(here, `from-${name}`, there, `pushed-${name}`, `push by ${name}`, chosen)
  }
})

await checks.run('an attachment that is there already does not travel again', async () => {
  await make(here, 'stubs', 'stubs-back')
  await make(there, 'stubs')
  const proxy = new FaultProxy(there.port, randomFrom(seed))
  await proxy.listen()
  const far = `http://admin:secret@127.0.0.1:${proxy.port}/stubs`
  const large = random.bytes(1 << 20).toString('base64')
  const travels = async (body, least, most, what) => {
    const before = proxy.passed
    await replicate(body)
    const bytes = proxy.passed - before
    checks.that(bytes >= least && bytes < most, `${what}: ${bytes} bytes`)
  }
  const push = { source: 'stubs', target: far }
  const pull = { source: far, target: 'stubs-back' }
  const file = (type, data) => ({ content_type: type, data })
  let { rev } = await here.json('PUT', '/stubs/doc', { _attachments: { large: file('image/png', large) } })
  await travels(push, 1 << 20, 3 << 19, 'pushed first')
  await travels(pull, 1 << 20, 3 << 19, 'pulled first')
  const stub = { content_type: 'image/png', stub: true, revpos: 1 }
  for (const [members, least] of [
    [{ n: 1, _attachments: { large: stub } }, 0],
    [{ n: 2, _attachments: { large: stub, small: file('image/png', random.bytes(5000).toString('base64')) } }, 5000]
  ]) {
    rev = (await here.json('PUT', '/stubs/doc', { _rev: rev, ...members })).rev
    await travels(push, least, 40000, `pushed with n ${members.n}`)
    await travels(pull, least, 40000, `pulled with n ${members.n}`)
  }
  await sameLeaves(here, 'stubs', there, 'stubs', 'stubs, pushed')
  await sameLeaves(here, 'stubs', here, 'stubs-back', 'stubs, and back')
  checks.same(await digestOf(here, '/stubs-back/doc/large'), await digestOf(here, '/stubs/doc/large'), 'the same bytes')
  proxy.close()
})

await checks.run(`an attachment of ${largeBytes >> 20} MB, in flat memory`, async () => {
  await make(here, 'large')
  await make(there, 'large')
  const [status, digest] = await putLarge(here, '/large/film/film.bin', largeBytes)
  checks.same(status, 201, 'stored')
  const before = [here, there].map(server => server.memory())
  let most = [0, 0]
  const watch = setInterval(() => {
    most = [here, there].map((server, i) => Math.max(most[i], server.memory() - before[i]))
  }, 50)
  await replicate({ source: 'large', target: address(there, 'large') })
  await make(here, 'large-back')
  await replicate({ source: address(there, 'large'), target: 'large-back' })
  clearInterval(watch)
  console.log(`     memory rose by ${most.map(bytes => (bytes / 1e6).toFixed(0) + ' MB').join(' and ')}`)
  most.forEach((bytes, i) => checks.that(bytes < memoryRise, `server ${i} took ${bytes} bytes`))
  checks.same(await digestOf(there, '/large/film/film.bin'), digest, 'the same bytes, pushed')
  checks.same(await digestOf(here, '/large-back/film/film.bin'), digest, 'the same bytes, pulled')
})

await checks.run('continuous: documents go on through stops and kills of either side', async () => {
  await make(here, 'live')
  await make(there, 'live')
  await here.json('PUT', '/_replicator/out', {
    source: address(here, 'live'), target: address(there, 'live'), continuous: true
  })
  await writeMany(here, 'live', 100)
  await caughtUp(here, 'live', there, 'live')
  const shown = await here.json('GET', '/_scheduler/docs/_replicator/out')
  checks.same(shown.state, 'running', 'shown as running')
  // What is written is counted once the target has said so.
  await eventually(async () => {
    const task = (await here.json('GET', '/_active_tasks')).find(one => one.doc_id === 'out')
    return task?.docs_written >= 100 && task.continuous
  }, 120, 'an active task')

  for (const [round, end] of ['kill', 'stop', 'kill'].entries()) {
    const writing = writeMany(here, 'live', 300, 1000 * (round + 1)).catch(() => {})
    await sleep(30 + random.below(100))
    await writing
    await here[end]()
    await here.run()
    await writeTrees(here, 'live', 20, 100 * round)
    await caughtUp(here, 'live', there, 'live')
  }
  await there.kill()
  await writeMany(here, 'live', 200, 9000)
  await sleep(300)
  await there.run()
  // The job rests half a minute after a crash; a restart begins anew.
  await here.stop()
  await here.run()
  await caughtUp(here, 'live', there, 'live')
  await sameLeaves(here, 'live', there, 'live', 'live')

  const doc = await here.json('GET', '/_replicator/out')
  await here.json('DELETE', `/_replicator/out?rev=${doc._rev}`)
  await eventually(async () => (await here.json('GET', '/_scheduler/jobs')).jobs.length === 0, 120, 'no job is left')
})

await checks.run('one-shot documents: completed once, not again after a restart', async () => {
  await make(there, 'once')
  await here.json('PUT', '/_replicator/once', { source: address(here, 'push'), target: address(there, 'once') })
  const done = await eventually(async () => {
    const doc = await here.json('GET', '/_replicator/once')
    return doc._replication_state === 'completed' && doc
  }, 300, 'completed')
  checks.that(done._replication_stats.docs_written > 200, 'with its numbers')
  await sameLeaves(here, 'push', there, 'once', 'once')
  await here.stop()
  await here.run()
  await sleep(500)
  checks.same((await here.json('GET', '/_replicator/once'))._rev, done._rev, 'left alone')
  await eventually(async () => (await here.json('GET', '/_scheduler/docs?states=completed')).docs.length === 1, 120,
    'shown as completed')
})

await checks.run('databases of documents that come and go at run time', async () => {
  await make(there, 'team')
  await here.json('PUT', '/team%2F_replicator')
  await here.json('PUT', '/team%2F_replicator/r', {
    source: address(here, 'both'), target: address(there, 'team'), continuous: true
  })
  await caughtUp(here, 'both', there, 'team')
  await here.json('DELETE', '/team%2F_replicator')
  await eventually(async () => (await here.json('GET', '/_scheduler/jobs')).jobs.length === 0, 120, 'its job is gone')
})

await checks.run("documents of others: not changed, not deleted, not read in full", async () => {
  await here.json('PUT', '/own%2F_replicator')
  await here.json('PUT', '/own%2F_replicator/_security', { members: {}, admins: {} })
  for (const name of ['ann', 'bob']) {
    await here.json('PUT', `/_users/org.couchdb.user:${name}`, { name, type: 'user', roles: [], password: 'pw' })
  }
  const as = (name, method, target, body) => here.call(method, `/own%2F_replicator${target}`, body, {
    authorization: 'Basic ' + Buffer.from(`${name}:pw`).toString('base64')
  })
  const secret = 'http://me:hidden@127.0.0.1:1/x'
  const made = await as('ann', 'PUT', '/r', { source: secret, target: { url: secret, auth: { basic: { username: 'u', password: 'hidden' } } }, proxy: secret })
  checks.same(made.status, 201, 'ann makes one')
  const doc = (await as('ann', 'GET', '/r')).json
  checks.same([doc.owner, doc.source], ['ann', secret], 'ann sees it in full')
  const shown = await as('bob', 'GET', '/r')
  checks.same(shown.status, 200, 'bob sees it')
  checks.that(!/hidden/.test(shown.bytes.toString()), 'without credentials')
  for (const [method, target, body] of [
    ['DELETE', `/r?rev=${doc._rev}`], ['PUT', '/r', { _rev: doc._rev, source: secret, target: secret }],
    ['POST', '/_bulk_docs', { new_edits: false, docs: [{ ...doc, _rev: '9-abc', _revisions: undefined }] }],
    ['GET', '/_all_docs?include_docs=true'], ['GET', '/_changes?include_docs=true'], ['POST', '/_find', { selector: {} }],
    ['POST', '/_bulk_get', { docs: [{ id: 'r' }] }], ['GET', '/r?open_revs=all'], ['COPY', '/r']
  ]) {
    const reply = await as('bob', method, target, body)
    const text = reply.bytes.toString()
    checks.that(!/hidden/.test(text) && (reply.status >= 400 || /forbidden/.test(text)), `bob, ${method} ${target}: ${reply.status} ${text}`)
  }
  checks.same((await as('ann', 'GET', '/r')).json._rev, doc._rev, 'it is as it was')
  checks.same((await as('ann', 'DELETE', `/r?rev=${doc._rev}`)).status, 200, 'ann deletes it')
})

for (const server of [here, there]) {
  const { code } = await server.stop()
  checks.same(code, 0, 'the server ends in order')
}
checks.finish()
