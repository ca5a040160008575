#!/usr/bin/env node
// divan-import into a data folder, killed with SIGKILL again and again while it writes sorted files
// into the store. After the last resume everything is there, once.
// $DIVAN_IMPORT names the importer, $MAKE_COUCH_FILE what makes its source, $DIVAN the server.
import { spawn, spawnSync } from 'node:child_process'
import fs from 'node:fs'
import path from 'node:path'
import { Checks, Server, binary, numbers, sleep, tempFolder } from './support.mjs'

const beside = name => path.join(path.dirname(binary()), name)
const importer = path.resolve(process.env.DIVAN_IMPORT ?? beside('divan-import'))
const maker = path.resolve(process.env.MAKE_COUCH_FILE ?? beside('test/make_couch_file'))
const checks = new Checks('import kill')
const random = numbers(5)
const rounds = 5

// An import is a dozen batches of 8 MB of documents.
let documents = 40000
let folder, source, data, runs
function makeSource () {
  folder = tempFolder('divan-import-kill')
  source = path.join(folder, 'many.couch')
  data = path.join(folder, 'data')
  runs = path.join(folder, 'runs')
  const made = spawnSync(maker, [source, String(documents), '2500'], { encoding: 'utf8' })
  checks.same(made.status, 0, `the source: ${made.stderr}`)
}
const args = command => ['--journals', runs, command, source, '--to', data]

const children = new Set()
process.on('exit', () => { for (const child of children) child.kill('SIGKILL') })

// How many batches were noted as written.
function positions () {
  if (!fs.existsSync(runs)) return 0
  return fs.readdirSync(runs).reduce((count, id) => {
    const file = path.join(runs, id, 'positions.jsonl')
    return count + (fs.existsSync(file) ? fs.readFileSync(file, 'utf8').split('\n').filter(Boolean).length : 0)
  }, 0)
}

/** Whether an import has noted that it is done: what is left of it then cannot be resumed. */
const finished = () => fs.readdirSync(runs).some(id =>
  JSON.parse(fs.readFileSync(path.join(runs, id, 'run.json'))).state === 'finished')

// Kills an import some time after a batch: before, in, or after the next one. Gives whether that was
// in the middle.
async function killOnce () {
  const before = positions()
  const child = spawn(importer, args('run'), { stdio: 'ignore' })
  children.add(child)
  const ended = new Promise(resolve => child.on('close', (code, signal) => resolve({ code, signal })))
  while (child.exitCode === null && positions() === before) await sleep(5)
  await sleep(random.below(200))
  child.kill('SIGKILL')
  const { code, signal } = await ended
  children.delete(child)
  checks.that(signal === 'SIGKILL' || code === 0, `it ended by itself with ${code}`)
  return !finished()
}

// How far an import comes meanwhile is the machine's affair: where it is over too soon, a larger one.
await checks.run('killed while it writes', async () => {
  let killed = 0
  for (; documents < 500000; documents *= 2) {
    makeSource()
    while (killed < rounds && await killOnce()) killed++
    if (killed === rounds) return
    console.log(`     ${documents} documents were imported before the kill number ${killed + 1}`)
  }
  throw new Error('it was always done before it was killed')
})

await checks.run('what it goes on with must be what it was told', async () => {
  const other = spawnSync(importer, [...args('run'), '--rename', 'many=other'], { encoding: 'utf8' })
  checks.same(other.status, 2, 'other names are refused')
  checks.that(/did not finish.*"rename".*--new/.test(other.stderr), other.stderr)
})

await checks.run('resumed, everything is there once', async () => {
  for (const command of ['run', 'verify']) {
    const { status, stdout, stderr } = spawnSync(importer, args(command), { encoding: 'utf8' })
    checks.same(status, 0, `${command}: ${stdout}${stderr}`)
  }
  const server = await Server.start({ folder })
  const info = await server.json('GET', '/many')
  checks.same(info.doc_count, documents, 'documents')
  checks.same(Number.parseInt(info.update_seq), documents, 'nothing was written twice')
  const { total_rows: rows } = await server.json('GET', '/many/_all_docs?limit=1')
  checks.same(rows, documents, 'counted rows')
  await server.stop()
})
checks.finish()
