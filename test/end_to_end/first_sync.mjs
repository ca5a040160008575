#!/usr/bin/env node
// The first sync of a PouchDB client (in memory, in this process): all documents pulled, and as many
// pushed. Says the time, and the processor seconds of the client and of the server: what bounds it is
// the client, which parses, hashes and stores in JavaScript.
//
//   DIVAN=build/divan node first_sync.mjs [--documents 10000] [--batch 100]
import fs from 'node:fs'
import PouchDB from 'pouchdb'
import memory from 'pouchdb-adapter-memory'
import { Checks, Server } from './support.mjs'

PouchDB.plugin(memory)
const option = (name, otherwise) => {
  const at = process.argv.indexOf(`--${name}`)
  return at < 0 ? otherwise : Number(process.argv[at + 1])
}
const count = option('documents', 2000)
const batch = option('batch', 100) // PouchDB's own default
const checks = new Checks('first sync')
const server = await Server.start({ ini: '[log]\nlevel = warning\n' })

const documents = Array.from({ length: count }, (_, i) => ({
  _id: `document-${String(i).padStart(8, '0')}`, kind: 'small', number: i, text: 'a few words of text'
}))

/** Processor seconds so far: of this process, of the server. */
function used () {
  const { user, system } = process.cpuUsage()
  const fields = fs.readFileSync(`/proc/${server.pid}/stat`, 'utf8').split(') ')[1].split(' ')
  return [(user + system) / 1e6, (Number(fields[11]) + Number(fields[12])) / 100]
}

async function measure (what, work) {
  const [before, started] = [used(), Date.now()]
  const done = await work()
  const seconds = (Date.now() - started) / 1000
  const [client, ours] = used().map((now, i) => now - before[i])
  checks.same([done.docs_written, done.doc_write_failures], [count, 0], `${what}: written`)
  console.log(`${what}: ${count} documents in ${seconds.toFixed(2)} s, ${Math.round(count / seconds)}/s; ` +
    `processor seconds ${client.toFixed(2)} (client) and ${ours.toFixed(2)} (server)`)
}

await checks.run('pull', async () => {
  await server.json('PUT', '/from')
  for (let at = 0; at < count; at += 5000) {
    await server.json('POST', '/from/_bulk_docs', { docs: documents.slice(at, at + 5000) })
  }
  const local = new PouchDB('pulled', { adapter: 'memory' })
  await measure('pull', () => local.replicate.from(`${server.url}/from`, { batch_size: batch }))
  checks.same((await local.info()).doc_count, count, 'the client has all')
})

await checks.run('push', async () => {
  const local = new PouchDB('pushed', { adapter: 'memory' })
  for (let at = 0; at < count; at += 5000) await local.bulkDocs(documents.slice(at, at + 5000))
  await server.json('PUT', '/to')
  await measure('push', () => local.replicate.to(`${server.url}/to`, { batch_size: batch }))
  checks.same((await server.json('GET', '/to')).doc_count, count, 'the server has all')
})

await server.stop()
checks.finish()
