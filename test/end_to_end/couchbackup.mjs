#!/usr/bin/env node
// @cloudant/couchbackup against the server: backup, restore into another database, and import of the
// backup's file by divan-import. All three have the same leaves. (couchbackup keeps winners only, and
// no attachments: that is its way.)
import { spawnSync } from 'node:child_process'
import fs from 'node:fs'
import path from 'node:path'
import couchbackup from '@cloudant/couchbackup'
import { Checks, Server, binary, numbers, tempFolder } from './support.mjs'

const checks = new Checks('couchbackup')
const importer = path.resolve(process.env.DIVAN_IMPORT ?? path.join(path.dirname(binary()), 'divan-import'))
const folder = tempFolder('divan-couchbackup')
// couchbackup leaves folders of its own behind.
process.env.TMPDIR = folder
const file = path.join(folder, 'restored.txt')
const server = await Server.start()

async function fill () {
  await server.json('PUT', '/original')
  const random = numbers(3)
  for (let batch = 0; batch < 5; batch++) {
    const docs = []
    for (let n = 0; n < 300; n++) {
      const text = random.bytes(random.below(200)).toString('base64')
      docs.push({ _id: `doc ${batch}/${n}`, n, real: n / 8, text, list: [null, true, { ü: '"\\' }] })
    }
    const rows = await server.json('POST', '/original/_bulk_docs', { docs })
    const edits = rows.filter((_, at) => at % 3 === 0)
      .map(({ id, rev }, at) => ({ _id: id, _rev: rev, ...(at % 2 ? { _deleted: true } : { edited: true }) }))
    await server.json('POST', '/original/_bulk_docs', { docs: edits })
  }
  await server.json('PUT', '/original/_design%2Fd', { views: { v: { map: 'function (doc) { emit(doc.n) }' } } })
}

// Winners that are not deleted, with their histories.
async function leaves (on, database) {
  const { rows } = await on.json('GET', `/${database}/_all_docs`)
  const docs = rows.map(({ id, value }) => ({ id, rev: value.rev }))
  const { results } = await on.json('POST', `/${database}/_bulk_get?revs=true`, { docs })
  return results.map(({ docs: [{ ok }] }) => JSON.stringify(ok)).sort()
}

const finished = (work) => new Promise((resolve, reject) => {
  work((error, data) => error ? reject(error) : resolve(data))
})

await fill()
const original = await leaves(server, 'original')

await checks.run('backup', async () => {
  const out = fs.createWriteStream(file)
  const log = path.join(folder, 'backup.log')
  await finished(done => couchbackup.backup(`${server.url}/original`, out, { log, parallelism: 2 }, done))
  checks.that(fs.statSync(file).size > 100000, 'the backup has something in it')
})

await checks.run('restore', async () => {
  await server.json('PUT', '/restored')
  await finished(done => couchbackup.restore(fs.createReadStream(file), `${server.url}/restored`, { parallelism: 2 }, done))
  checks.same(await leaves(server, 'restored'), original, 'restored')
})
await server.stop()

await checks.run('import of the backup', async () => {
  const data = path.join(folder, 'imported/data')
  const journals = ['--journals', path.join(folder, 'runs')]
  for (const command of ['run', 'verify']) {
    const { status, stdout, stderr } = spawnSync(importer, [...journals, command, file, '--to', data], { encoding: 'utf8' })
    checks.same(status, 0, `${command}: ${stdout}${stderr}`)
  }
  const other = await Server.start({ folder: path.join(folder, 'imported') })
  checks.same(await leaves(other, 'restored'), original, 'imported')
  await other.stop()
})
checks.finish()
