#!/usr/bin/env node
// docs/MIGRATING.md against a CouchDB, by hand: see couchdb_server.mjs for what it needs.
//
//   couchdb_import.mjs [SECTION] [--megabytes 120]
import { spawn } from 'node:child_process'
import fs from 'node:fs'
import path from 'node:path'
import { CouchDB, exactly, fill, passwords } from './couchdb_server.mjs'
import { differences, leavesOf } from './leaves.mjs'
import { Checks, Server, admin, binary, eventually, freePort, numbers, sleep, tempFolder } from './support.mjs'

const checks = new Checks('import from CouchDB')
const importer = path.resolve(process.env.DIVAN_IMPORT ?? path.join(path.dirname(binary()), 'divan-import'))
const journals = tempFolder('divan-import-runs')
const children = new Set()
process.on('exit', () => { for (const child of children) child.kill('SIGKILL') })

function start (...args) {
  const child = spawn(importer, ['--journals', journals, ...args], { stdio: ['ignore', 'pipe', 'pipe'] })
  children.add(child)
  child.output = ''
  for (const stream of [child.stdout, child.stderr]) stream.on('data', bytes => { child.output += bytes })
  child.ended = new Promise(resolve => child.on('close', (code, signal) => resolve({ code, signal, output: child.output })))
  return child
}
const run = (...args) => start(...args).ended

async function succeeds (...args) {
  const { code, output } = await run(...args)
  checks.same(code, 0, `${args.join(' ')}: ${output}`)
  return output
}

const at = name => '/' + encodeURIComponent(name)

/** Every database of `left` is the same in `right`: leaves, local documents, _security, limits. */
async function sameServers (left, right, what, { skip = [] } = {}) {
  for (const name of await left.json('GET', '/_all_dbs')) {
    if (skip.includes(name) || name === '_global_changes') continue
    const db = at(name)
    const [a, b] = [await leavesOf(exactly(left), db), await leavesOf(exactly(right), db)]
    if (name === '_users') a.delete('_design/_auth')
    if (name === '_users') b.delete('_design/_auth')
    checks.same(differences(a, b), '', `${what}: ${name}`)
    for (const rest of ['/_local_docs?include_docs=true', '/_security', '/_revs_limit']) {
      // A shard of CouchDB that was compacted forgets its limit when it is opened again.
      if (name === 'many' && rest === '/_revs_limit') continue
      const [x, y] = [await exactly(left)('GET', db + rest), await exactly(right)('GET', db + rest)]
      checks.same(y, x, `${what}: ${name}${rest}`)
    }
    const [x, y] = [await left.json('GET', db), await right.json('GET', db)]
    // CouchDB goes on counting a document whose last living leaf was purged.
    if (name !== 'purged') checks.same([y.doc_count, y.doc_del_count], [x.doc_count, x.doc_del_count], `${what}: counts of ${name}`)
    checks.same(y.props.partitioned, x.props.partitioned, `${what}: partitions of ${name}`)
  }
}

const couch = await CouchDB.start()
const only = process.argv[2]?.startsWith('--') ? undefined : process.argv[2]
const large = process.argv.indexOf('--megabytes')
const megabytes = large < 0 ? 0 : Number(process.argv[large + 1])
const section = (name, work) => !only || name.includes(only) ? checks.run(name, work) : undefined
console.log(JSON.stringify(await couch.json('GET', '/')))
await checks.run('databases of all kinds are made', async () => {
  await fill(couch, { megabytes })
  await eventually(async () => (await couch.call('GET', '/followed')).status === 200, 60, 'the replication')
})

await section('plan', async () => {
  await succeeds('plan', couch.dataFolder, '--config', couch.settings)
  await succeeds('plan', couch.url)
})

await section('with a stop', async () => {
  const session = await couch.call('POST', '/_session', { name: 'ann', password: passwords.ann })
  const cookie = session.headers['set-cookie'][0].split(';')[0]
  const folder = tempFolder('divan-imported')
  await couch.stop()
  await succeeds('run', couch.dataFolder, '--config', couch.settings, '--to', path.join(folder, 'data'), '--take-identity')
  await succeeds('verify', couch.dataFolder, '--to', path.join(folder, 'data'))
  const again = await succeeds('run', couch.dataFolder, '--config', couch.settings, '--to', path.join(folder, 'data'), '--take-identity')
  checks.that(!/\([1-9]\d* new\)/.test(again), `a second run writes nothing new: ${again}`)
  await couch.run()
  const divan = await Server.start({ folder })
  checks.same((await divan.json('GET', '/')).uuid, couch.uuid, 'the identity')
  const who = await (await fetch(`${divan.origin}/_session`, { headers: { cookie } })).json()
  checks.same(who.userCtx?.name, 'ann', 'the cookie of the old server')
  for (const [name, password] of Object.entries(passwords)) {
    const { status, json } = await divan.call('POST', '/_session', { name, password })
    const old = await couch.call('POST', '/_session', { name, password })
    checks.same([status, json], [old.status, old.json], `${name} signs in`)
  }
  await sameServers(couch, divan, 'with a stop', { skip: ['_replicator', '_users'] })
  const state = async id => (await divan.json('GET', `/_replicator/${id}`))._replication_state
  checks.same([await state('once'), await state('follow'), await state('never')], ['completed', 'failed', 'failed'], 'replications are paused')
  const { _replication_state, _replication_state_reason, ...paused } = await divan.json('GET', '/_replicator/follow')
  await divan.json('PUT', '/_replicator/follow', paused)
  const running = async () => (await divan.call('GET', '/_scheduler/docs/_replicator/follow')).json?.state === 'running'
  await eventually(running, 60, 'the replication that was paused runs')
  await divan.stop()
})

// Edits at the old server, from a seed, until told to stop.
function writing (seed, databases) {
  const random = numbers(seed)
  const state = { on: true, writes: 0 }
  state.ended = (async () => {
    while (state.on) {
      const db = at(random.pick(databases))
      const id = `doc-${String(random.below(400)).padStart(4, '0')}`
      const old = (await couch.call('GET', `${db}/${id}`)).json
      const doc = { _rev: old?._rev, written: state.writes, text: 'x'.repeat(random.below(2000)) }
      if (random.below(10) === 0) doc._deleted = true
      if (random.below(10) === 0) doc._attachments = { a: { content_type: 'text/plain', data: random.bytes(3000).toString('base64') } }
      const { status } = await couch.call('PUT', `${db}/${id}`, doc)
      if (![201, 202, 200, 409].includes(status)) throw new Error(`a write: ${status}`)
      state.writes++
    }
  })()
  state.stop = async () => { state.on = false; await state.ended }
  return state
}

await section('with a pause', async () => {
  const folder = tempFolder('divan-imported')
  const data = path.join(folder, 'data')
  const args = ['run', couch.dataFolder, '--config', couch.settings, '--to', data]
  const writer = writing(5, ['clinic', 'many', 'single'])
  for (let n = 0; n < 6; n++) {
    await sleep(500)
    const compacting = ['clinic', 'many', 'single', 'purged'].map(name => couch.json('POST', `${at(name)}/_compact`, {}))
    const first = start(...args)
    await Promise.all(compacting)
    const { code, output } = await first.ended
    checks.that(code === 0 || /compact|gone|no such file/i.test(output), `run ${n} while it runs: ${code} ${output}`)
    if (code !== 0) console.log(output)
  }
  await writer.stop()
  console.log(`${writer.writes} writes in the meantime`)
  await couch.json('PUT', '/single/_security', { admins: { names: ['later'], roles: [] }, members: { names: [], roles: ['x'] } })
  await couch.json('PUT', '/single/_revs_limit', '77')
  await couch.json('PUT', '/clinic/_local/l3', { changed: true, _rev: '0-1' })
  const { rows } = await couch.json('GET', '/single/_all_docs?limit=3&startkey="tree"')
  await couch.json('POST', '/single/_purge', Object.fromEntries(rows.map(({ id, value }) => [id, [value.rev]])))
  await couch.json('DELETE', '/a_%24()%2B-%2Fz')
  await couch.json('PUT', '/a_%24()%2B-%2Fz')
  await couch.json('PUT', '/a_%24()%2B-%2Fz/new', { n: 1 })
  await couch.stop()
  await succeeds(...args, '--take-identity')
  await succeeds('verify', couch.dataFolder, '--to', data)
  await couch.run()
  const divan = await Server.start({ folder })
  await sameServers(couch, divan, 'with a pause', { skip: ['_replicator', '_users'] })
  await divan.stop()
})

// Its own replication would go on writing checkpoints while they are compared.
async function endFollowing () {
  const { status, json } = await couch.call('GET', '/_replicator/follow')
  if (status === 200) await couch.json('DELETE', `/_replicator/follow?rev=${json._rev}`)
  await eventually(async () => (await couch.json('GET', '/_scheduler/jobs')).jobs.every(job => job.doc_id !== 'follow'), 60, 'its end')
}

await section('without a stop', async () => {
  const divan = await Server.start()
  const args = ['run', couch.url, '--to', divan.url, '--continuous']
  const writer = writing(6, ['clinic', 'many', 'single', 'later'])
  await couch.json('PUT', '/later')
  let child = start(...args)
  await eventually(async () => (await divan.call('GET', '/clinic')).json?.doc_count > 100 || child.exitCode !== null, 60, 'some')
  child.kill('SIGKILL')
  const killed = await child.ended
  checks.that(killed.signal === 'SIGKILL' && !/caught up/.test(killed.output), `killed in the middle: ${killed.output}`)
  child = start(...args)
  await eventually(() => /caught up/.test(child.output) || child.exitCode !== null, 120, 'caught up')
  await couch.json('PUT', '/newer', undefined)
  await couch.json('PUT', '/newer/doc', { made: 'meanwhile' })
  await eventually(async () => (await divan.call('GET', '/newer/doc')).status === 200, 60, 'a new database')
  await writer.stop()
  await endFollowing()
  const from = child.output.length
  await eventually(() => /caught up, 0 new/.test(child.output.slice(from)), 120, `caught up, 0 new: ${child.output}`)
  child.kill('SIGINT')
  const { code, output } = await child.ended
  checks.same(code, 0, `the cut-over: ${output}`)
  await succeeds('verify', couch.url, '--to', divan.url)
  await sameServers(couch, divan, 'without a stop', { skip: ['_replicator', '_users'] })
  for (const [name, password] of Object.entries(passwords)) {
    checks.same((await divan.call('POST', '/_session', { name, password })).status, 200, `${name} signs in`)
  }
  await divan.stop()
})

await section('with a live server into a folder', async () => {
  const folder = tempFolder('divan-imported')
  const data = path.join(folder, 'data')
  const key = Buffer.from('a key').toString('base64')
  await couch.json('PUT', '/_node/_local/_config/admins/boss', '"boss password"')
  await couch.json('PUT', '/_node/_local/_config/jwt_keys/hmac:clinic', JSON.stringify(key))
  const { rev } = await couch.json('PUT', '/purged/purged-later', { n: 1 })
  await endFollowing()
  await couch.json('PUT', '/vanishing')
  await couch.json('PUT', '/purged/_local/check', { session_id: 'x', history: [], source_last_seq: 0 })
  const args = ['run', couch.url, '--to', data, '--take-identity']
  const child = start(...args, '--continuous')
  await eventually(() => /caught up/.test(child.output) || child.exitCode !== null, 120, 'caught up')
  await couch.json('PUT', '/purged/_security', { admins: { names: ['chief'], roles: [] }, members: { names: [], roles: [] } })
  await couch.json('POST', '/purged/_purge', { 'purged-later': [rev] })
  const from = child.output.length
  await eventually(() => /caught up, 0 new/.test(child.output.slice(from)), 120, `caught up, 0 new: ${child.output}`)
  child.kill('SIGTERM')
  const { code, output } = await child.ended
  checks.same(code, 0, `the cut-over: ${output}`)
  await succeeds('verify', couch.url, '--to', data)
  await couch.json('DELETE', '/vanishing')
  await couch.json('DELETE', '/purged/_local/check?rev=0-1')
  const gone = /vanishing: the source no longer has/
  checks.that(/1 checkpoints of clients removed/.test(await succeeds(...args)), 'a checkpoint goes')
  checks.that(gone.test(await succeeds(...args)) && gone.test(await succeeds('plan', couch.url)), 'a database stays, and is told')
  const told = await run('verify', couch.url, '--to', data)
  checks.that(told.code === 1 && gone.test(told.output) && !/[1-9]\d* differences/.test(told.output), `verify: ${told.output}`)
  const divan = await Server.start({ folder })
  checks.same((await divan.json('GET', '/')).uuid, couch.uuid, 'the identity')
  checks.same((await divan.call('POST', '/_session', { name: 'boss', password: 'boss password' })).json?.roles, ['_admin'], 'the old admin')
  checks.same(await divan.json('GET', '/_node/_local/_config/jwt_keys'), { 'hmac:clinic': key }, 'keys')
  await sameServers(couch, divan, 'live into a folder', { skip: ['_replicator', '_users'] })
  await divan.stop()
})

await section('undone', async () => {
  const folder = tempFolder('divan-imported')
  const divan = await Server.start({ folder })
  const before = await divan.json('GET', '/_all_dbs')
  const { id } = JSON.parse(/\{.*\}/s.exec(await succeeds('run', couch.url, '--to', divan.url, '--json'))[0])
  await succeeds('rollback', id, '--to', divan.url)
  checks.same(await divan.json('GET', '/_all_dbs'), before, 'nothing is left')
  await divan.stop()
})

await couch.stop()
checks.finish()
