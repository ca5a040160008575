#!/usr/bin/env node
// Many continuous replications between databases of two servers, all idle, and a change in one.
//
//   replication_scale.mjs [--jobs N] [--seconds N] [--pull]
//
// Prints what docs/BENCHMARKS.md has: memory and CPU of both servers while nothing happens for so
// many seconds, and how long a change takes to arrive. With --check it fails beyond the limits of
// the design: 500 MB and a tenth of a core each, one second.
import fs from 'node:fs'
import { Checks, Server, eventually, sleep } from './support.mjs'

const option = (name, otherwise) => {
  const at = process.argv.indexOf(name)
  return at < 0 ? otherwise : Number(process.argv[at + 1])
}
const jobs = option('--jobs', 5000)
const seconds = option('--seconds', 60)
const pull = process.argv.includes('--pull')
const checks = new Checks(`replication_scale (${jobs} jobs)`)
const ini = '[couchdb]\nmax_dbs_open = 20000\n'
const [here, there] = await Promise.all([Server.start({ ini }), Server.start({ ini })])

function cpuSeconds (server) {
  const fields = fs.readFileSync(`/proc/${server.pid}/stat`, 'utf8').split(') ')[1].split(' ')
  return (Number(fields[11]) + Number(fields[12])) / 100
}

async function inTurn (count, work, width = 16) {
  let next = 0
  await Promise.all([...Array(width)].map(async () => { while (next < count) await work(next++) }))
}

const [source, target] = pull ? [there, here] : [here, there]
const name = i => `db${String(i).padStart(5, '0')}`
const megabytes = bytes => Math.round(bytes / 1e6)

let started = Date.now()
await inTurn(jobs, async i => {
  await here.json('PUT', `/${name(i)}`)
  await there.json('PUT', `/${name(i)}`)
})
console.log(`${jobs} databases on both servers in ${((Date.now() - started) / 1000).toFixed(1)} s; ` +
  `${megabytes(here.memory())} and ${megabytes(there.memory())} MB`)

started = Date.now()
for (let at = 0; at < jobs; at += 500) {
  const docs = [...Array(Math.min(500, jobs - at))].map((_, i) => ({
    _id: name(at + i),
    source: `${source.url}/${name(at + i)}`,
    target: `${target.url}/${name(at + i)}`,
    continuous: true
  }))
  await here.json('POST', '/_replicator/_bulk_docs', { docs })
}
await eventually(async () => {
  const stats = await here.json('GET', '/_node/_local/_stats/couch_replicator/jobs')
  return stats.running.value === jobs
}, 600, 'all jobs run')
console.log(`${jobs} continuous replications run after ${((Date.now() - started) / 1000).toFixed(1)} s`)

// A change arrives only where the job has come so far that it waits for changes.
for (const i of [0, Math.floor(jobs / 2), jobs - 1]) {
  await source.json('PUT', `/${name(i)}/first`, {})
  await eventually(async () => (await target.call('GET', `/${name(i)}/first`)).status === 200, 300, 'the first change')
}
await sleep(20000)

const before = [here, there].map(cpuSeconds)
await sleep(seconds * 1000)
const cpu = [here, there].map((server, i) => (cpuSeconds(server) - before[i]) / seconds * 100)
const memory = [here, there].map(server => server.memory())
console.log(`idle for ${seconds} s: ${cpu.map(one => one.toFixed(1)).join(' and ')} % of a core, ` +
  `${memory.map(megabytes).join(' and ')} MB`)

const times = []
for (let i = 0; i < 20; i++) {
  const database = name(Math.floor(i * jobs / 20))
  const asked = Date.now()
  await source.json('PUT', `/${database}/change`, { i })
  await eventually(async () => (await target.call('GET', `/${database}/change`)).status === 200, 60, 'a change')
  times.push(Date.now() - asked)
}
times.sort((a, b) => a - b)
console.log(`a change arrives in ${times[10]} ms (median), ${times[19]} ms (most)`)

if (process.argv.includes('--check')) {
  memory.forEach(bytes => checks.that(bytes < 500e6, `${bytes} bytes`))
  cpu.forEach(percent => checks.that(percent < 10, `${percent} % of a core`))
  checks.that(times[19] < 1000, `${times[19]} ms`)
}
for (const server of [here, there]) checks.same((await server.stop()).code, 0, 'ended in order')
checks.finish()
