#!/usr/bin/env node
// Plays the conformance record (test/conformance) against servers of its own and compares what fails
// with expected_failures.json: a failed step that is not listed there fails the test, and a listed
// step that passes is reported, so that the list shrinks.
//
//   conformance.mjs [AREA…] [--list]     --list prints what fails in the form of the list
//
// The default are the areas that are finished, and the tables that need none of the others.
import { spawn } from 'node:child_process'
import fs from 'node:fs'
import path from 'node:path'
import { Checks, Server, here, tempFolder } from './support.mjs'

const finishedAreas = [
  'documents', 'bulk', 'attachments', 'all_docs', 'changes', 'config', 'auth', 'auth_handlers',
  'security', 'cors', 'server', 'views', 'designfun', 'mango', 'partitions', 'replication'
]
const finishedTables = ['json', 'trees', 'collation', 'selectors']
const record = path.join(here, '../conformance')

function output (script, args) {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [path.join(record, script), ...args],
      { stdio: ['ignore', 'pipe', 'inherit'] })
    let text = ''
    child.stdout.on('data', bytes => { text += bytes })
    child.on('error', reject)
    child.on('close', () => resolve(text))
  })
}

async function freshServer () {
  const server = await Server.start({ ini: '[log]\nlevel = warning\n' })
  for (const database of ['_users', '_replicator']) {
    await server.json('PUT', `/${database}`, undefined, [201, 202, 412])
  }
  return server
}

// What run.mjs says: for each failed step its scenario, number, request and first difference.
function failuresIn (text) {
  const failures = []
  for (const line of text.split('\n')) {
    const [, scenario, step, request] = /^FAIL (\S+) step (\d+) \((.*)\)$/.exec(line) ?? []
    if (scenario) failures.push({ scenario, step: Number(step), request, difference: '' })
    else if (line.startsWith('  ') && failures.length) failures.at(-1).difference ||= line.trim()
  }
  return failures
}

async function playArea (area) {
  const server = await freshServer()
  const text = await output('run.mjs', ['check', server.url, '--only', `${area}/`, '--verbose'])
  const [, passed] = /^(\d+) passed, \d+ failed$/m.exec(text) ?? []
  const died = server.exit && `the server ended: ${JSON.stringify(server.exit)} ${server.output}`
  await server.stop()
  if (passed === undefined) throw new Error(`${area}: the record was not played to its end\n${text}`)
  return { area, passed: Number(passed), failures: failuresIn(text), died }
}

async function playTable (name) {
  const server = await freshServer()
  const folder = tempFolder()
  fs.symlinkSync(path.join(record, 'tables', `${name}.jsonl`), path.join(folder, `${name}.jsonl`))
  const text = await output('tables.mjs', ['check', server.url, folder])
  await server.stop()
  return text
}

// { reason: { scenario: [steps] } } → Map('scenario step' → reason)
function expectedFailures () {
  const lists = JSON.parse(fs.readFileSync(path.join(here, 'expected_failures.json')))
  const expected = new Map()
  for (const [reason, scenarios] of Object.entries(lists)) {
    for (const [scenario, steps] of Object.entries(scenarios)) {
      for (const step of steps) expected.set(`${scenario} ${step}`, reason)
    }
  }
  return expected
}

function judge (checks, { area, passed, failures, died }, expected) {
  checks.passed += passed
  checks.that(!died, died)
  const failed = new Set()
  let known = 0
  for (const { scenario, step, request, difference } of failures) {
    failed.add(`${scenario} ${step}`)
    if (expected.has(`${scenario} ${step}`)) known++
    else checks.that(false, `${scenario} step ${step} (${request})\n       ${difference}`)
  }
  for (const key of expected.keys()) {
    if (key.startsWith(`${area}/`) && !failed.has(key)) console.log(`passes by now, take it off the list: ${key}`)
  }
  console.log(`${area}: ${passed} of ${passed + failures.length} steps pass, ${known} are known to fail`)
}

function printList (results) {
  const list = {}
  for (const { scenario, step } of results.flatMap(result => result.failures)) (list[scenario] ??= []).push(step)
  const lines = Object.entries(list).map(([scenario, steps]) => `    ${JSON.stringify(scenario)}: [${steps.join(', ')}]`)
  console.log(`{\n  "reason": {\n${lines.join(',\n')}\n  }\n}`)
}

const args = process.argv.slice(2)
const wantsList = args.includes('--list')
const named = args.filter(arg => !arg.startsWith('--'))
const checks = new Checks('conformance')
const expected = expectedFailures()
const results = []

// Each area has a server to itself: some change its settings for a while. Two at a time.
const waiting = named.length ? [...named] : [...finishedAreas]
await Promise.all([0, 1].map(async () => {
  while (waiting.length) {
    const area = waiting.shift()
    try { results.push(await playArea(area)) } catch (error) { checks.that(false, `${area}: ${error.stack}`) }
  }
}))
for (const result of results) judge(checks, result, expected)
if (wantsList) printList(results)

for (const name of named.length ? [] : finishedTables) {
  const text = await playTable(name)
  const [, good, bad] = /^(\d+) passed, (\d+) failed$/m.exec(text) ?? []
  checks.passed += Number(good ?? 0)
  checks.that(bad === '0', `table ${name}:\n${text}`)
  console.log(`table ${name}: ${good} cases pass`)
}
checks.finish()
