#!/usr/bin/env node
// How fast whole databases are replicated, and what it costs: many small documents, many with a
// small attachment, and a large attachment, from one server to another (pull, push), and within one.
// Says time, processor seconds and memory of each server; checks that everything arrived, and that
// the large attachment was never in memory, not how long it took.
//
//   DIVAN=build/divan node replication_speed.mjs [--documents 100000] [--megabytes 200]
import crypto from 'node:crypto'
import fs from 'node:fs'
import { Checks, Server, admin } from './support.mjs'

const option = (name, otherwise) => {
  const at = process.argv.indexOf(`--${name}`)
  return at < 0 ? otherwise : Number(process.argv[at + 1])
}
const count = option('documents', 5000)
const megabytes = option('megabytes', 60)
const checks = new Checks('replication speed')
const ini = '[log]\nlevel = warning\n[replicator]\nstartup_jitter = 1\n'

/** Processor seconds of a process so far. */
function used (server) {
  const fields = fs.readFileSync(`/proc/${server.pid}/stat`, 'utf8').split(') ')[1].split(' ')
  return (Number(fields[11]) + Number(fields[12])) / 100
}

async function fill (server, name, attachment) {
  await server.json('PUT', `/${name}`)
  for (let from = 0; from < count; from += 5000) {
    const docs = []
    for (let i = from; i < Math.min(count, from + 5000); i++) {
      docs.push({ _id: `document-${String(i).padStart(8, '0')}`, kind: 'small', number: i, text: 'a few words of text', ...attachment?.(i) })
    }
    await server.json('POST', `/${name}/_bulk_docs`, { docs })
  }
}

async function measure (what, runner, others, body) {
  const servers = [runner, ...others]
  const before = servers.map(used)
  const started = Date.now()
  const answer = await runner.json('POST', '/_replicate', body)
  const seconds = (Date.now() - started) / 1000
  const cpu = servers.map((server, i) => (used(server) - before[i]).toFixed(2))
  checks.same(answer.history?.[0].docs_written, count, `${what}: documents written`)
  checks.same(answer.history?.[0].doc_write_failures, 0, `${what}: none refused`)
  const rate = Math.round(count / seconds)
  const memory = servers.map(server => Math.round(server.memory('VmHWM') / 1048576))
  console.log(`${what}: ${seconds.toFixed(2)} s, ${rate} documents/s; processor seconds ${cpu.join(' + ')}; ` +
    `most memory ${memory.join(' + ')} MB`)
}

const [here, there] = await Promise.all([Server.start({ ini }), Server.start({ ini })])
const address = (server, name) => `http://${admin.name}:${admin.password}@127.0.0.1:${server.port}/${name}`
await checks.run('small documents', async () => {
  await fill(here, 'small')
  await measure('within one server', here, [], { source: 'small', target: 'copy', create_target: true })
  await measure('pull', there, [here], { source: address(here, 'small'), target: 'pulled', create_target: true })
  await measure('push', here, [there], { source: 'small', target: address(there, 'pushed'), create_target: true })
  for (const [server, name] of [[here, 'copy'], [there, 'pulled'], [there, 'pushed']]) {
    checks.same((await server.json('GET', `/${name}`)).doc_count, count, `${name} has all`)
  }
})
await checks.run('documents with a small attachment', async () => {
  const attachment = number => ({
    _attachments: { file: { content_type: 'application/octet-stream', data: Buffer.alloc(100, String(number)).toString('base64') } }
  })
  await fill(here, 'attached', attachment)
  await measure('pull', there, [here], { source: address(here, 'attached'), target: 'attached-pulled', create_target: true })
  await measure('push', here, [there], { source: 'attached', target: address(there, 'attached-pushed'), create_target: true })
  for (const name of ['attached-pulled', 'attached-pushed']) {
    checks.same((await there.json('GET', `/${name}`)).doc_count, count, `${name} has all`)
    const last = `document-${String(count - 1).padStart(8, '0')}`
    const { bytes } = await there.call('GET', `/${name}/${last}/file`)
    checks.same(String(bytes), String(Buffer.alloc(100, String(count - 1))), `${name}: the last attachment is as it was`)
  }
})
await checks.run('a large attachment', async () => {
  const bytes = crypto.randomBytes(megabytes * 1048576)
  const digest = `md5-${crypto.createHash('md5').update(bytes).digest('base64')}`
  await here.json('PUT', '/large')
  const put = await here.call('PUT', '/large/document/file', bytes, { 'content-type': 'application/octet-stream' })
  checks.same(put.status, 201, 'the attachment is written')
  const before = [here, there].map(server => server.memory())
  const replications = [
    ['within one server', here, here, { source: 'large', target: 'large-copy' }],
    ['pull', there, there, { source: address(here, 'large'), target: 'large-pulled' }],
    ['push', here, there, { source: 'large', target: address(there, 'large-pushed') }]
  ]
  for (const [what, runner, holder, body] of replications) {
    const started = Date.now()
    await runner.json('POST', '/_replicate', { ...body, create_target: true })
    const name = body.target.split('/').pop()
    const { _attachments: { file } } = await holder.json('GET', `/${name}/document`)
    checks.same([file.length, file.digest], [bytes.length, digest], `${what}: the attachment`)
    console.log(`${what}: ${megabytes} MB in ${((Date.now() - started) / 1000).toFixed(2)} s`)
  }
  const grown = [here, there].map((server, i) => Math.round((server.memory() - before[i]) / 1048576))
  console.log(`memory grew by ${grown.join(' and ')} MB`)
  checks.that(Math.max(...grown) < 150, `an attachment of ${megabytes} MB was not in memory: it grew by ${grown} MB`)
})
await Promise.all([here.stop(), there.stop()])
checks.finish()
