#!/usr/bin/env node
// Clients that synced with a CouchDB go on at the Divan that takes its place, by hand: see
// couchdb_server.mjs for what it needs. PouchDB is counted at a proxy; another CouchDB, which
// replicates with the old one by documents, finds Divan at the old one's address.
import { spawnSync } from 'node:child_process'
import path from 'node:path'
import PouchDB from 'pouchdb'
import memory from 'pouchdb-adapter-memory'
import { CouchDB, exactly, fill } from './couchdb_server.mjs'
import { counting } from './counting_proxy.mjs'
import { differences, leavesOf } from './leaves.mjs'
import { Checks, Server, binary, eventually, tempFolder } from './support.mjs'

PouchDB.plugin(memory)
const checks = new Checks('clients of a CouchDB')
const importer = path.resolve(process.env.DIVAN_IMPORT ?? path.join(path.dirname(binary()), 'divan-import'))
const at = name => '/' + encodeURIComponent(name)
const old = await CouchDB.start()
const other = await CouchDB.start()
const names = ['clinic', 'clinic/ward+1', 'single', 'many', 'purged']

/** Syncs both ways; what was asked for it. */
async function sync (client, server, name) {
  const proxy = await counting(server)
  const pull = await client.replicate.from(`${proxy.url}${at(name)}`)
  const seen = { ...proxy.seen }
  const push = await client.replicate.to(`${proxy.url}${at(name)}`)
  return { ...seen, written: pull.docs_written, pushed: push.docs_written }
}

const clients = Object.fromEntries(names.map(name => [name, new PouchDB(`client ${name}`, { adapter: 'memory' })]))
await checks.run('PouchDB and a CouchDB sync with the old server', async () => {
  await fill(old)
  for (const name of names) {
    await clients[name].put({ _id: 'of the client', name })
    const first = await sync(clients[name], old, name)
    console.log(`     ${name}: ${first.rows} rows, ${first.written} written, ${first.pushed} pushed`)
    checks.that(first.written > 40 && first.pushed > 0, `${name}: the first sync`)
    const second = await sync(clients[name], old, name)
    checks.same([second.written, second.pushed], [0, 0], `${name}: a second sync`)
    await other.json('PUT', `/_replicator/${encodeURIComponent(name)}`, {
      source: old.url + at(name), target: other.url + at(name), create_target: true, continuous: true, checkpoint_interval: 1000 })
    await eventually(async () => (await other.call('GET', at(name) + '/of%20the%20client')).status === 200, 120, `${name} at the other`)
  }
  // What the clients do not know yet.
  for (const name of names) {
    for (let n = 0; n < 7; n++) await old.json('PUT', `${at(name)}/since-${n}`, { n })
  }
})

const folder = tempFolder('divan-import-clients')
await checks.run('the old server is imported', async () => {
  for (const name of names) {
    await eventually(async () => (await other.call('GET', `${at(name)}/since-6`)).status === 200, 120, `${name} at the other`)
  }
  const checkpointed = async name => (await other.json('GET', `/_scheduler/docs/_replicator/${encodeURIComponent(name)}`)).info
  for (const name of names) {
    await eventually(async () => { const info = await checkpointed(name); return info.checkpointed_source_seq === info.through_seq }, 60, `a checkpoint of ${name}`)
  }
  await old.stop()
  const args = ['--journals', path.join(folder, 'runs'), 'run', old.dataFolder, '--config', old.settings, '--to', path.join(folder, 'data'), '--take-identity']
  const { status, stdout, stderr } = spawnSync(importer, args, { encoding: 'utf8' })
  checks.same(status, 0, `${stdout}${stderr}`)
})

const divan = await Server.start({ folder, port: old.port, ini: '[log]\nlevel = info\n' })
await checks.run('PouchDB goes on', async () => {
  for (const name of names) {
    const third = await sync(clients[name], divan, name)
    console.log(`     ${name}: ${third.rows} rows, ${third.fetched} fetched, ${third.written} written, ${third.pushed} pushed, since ${third.since[0].slice(0, 60)}`)
    checks.same([third.written, third.pushed], [7, 0], `${name}: what came since`)
    checks.that(third.rows < 60 && third.fetched <= 7, `${name}: ${third.rows} rows, ${third.fetched} fetched`)
    await clients[name].put({ _id: 'later' })
    const fourth = await sync(clients[name], divan, name)
    checks.same([fourth.written, fourth.pushed], [0, 1], `${name}: then as usual`)
  }
})

await checks.run('the other CouchDB goes on', async () => {
  for (const name of names) {
    await divan.json('PUT', `${at(name)}/new`, { n: 1 })
    await eventually(async () => (await other.call('GET', `${at(name)}/new`)).status === 200, 180, `${name}: the new document`)
    const same = async () => differences(await leavesOf(exactly(divan), at(name)), await leavesOf(exactly(other), at(name)))
    await eventually(async () => await same() === '', 60, `${name}: the same`).catch(() => {})
    checks.same(await same(), '', `${name}: the same`)
    // Counted since it began: each leaf once, where it did not begin anew.
    const { info } = await other.json('GET', `/_scheduler/docs/_replicator/${encodeURIComponent(name)}`)
    checks.that(info.revisions_checked < info.missing_revisions_found + 10, `${name}: ${JSON.stringify(info)}`)
  }
})

await divan.stop()
await other.stop()
checks.finish()
