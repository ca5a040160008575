#!/usr/bin/env node
// README.md and the guides do what they say: every ```sh block of one is run in order, by one bash, in
// an empty folder, against a fresh server on a port of its own (5984 in the text). A command that fails
// or an HTTP status other than 2xx is a failure; where a block ```json follows, the block's last line
// of commands must have printed that ("…": anything). `<!-- not run here -->` before a block leaves it
// out. Names in ```ini blocks are settings of the server.
import { spawn } from 'node:child_process'
import fs from 'node:fs'
import path from 'node:path'
import { Checks, Server, binary, here, tempFolder } from './support.mjs'

const root = path.join(here, '../..')
const checks = new Checks('guides')
const guides = ['README.md', ...['accounts', 'sessions', 'passkeys', 'security', 'account-pages', 'sync',
  'views', 'mango', 'javascript'].map(name => `docs/GUIDE-${name}.md`)]

/** The fenced blocks of a page: language, text, whether it is left out, and what it is to print. */
function blocksOf (page) {
  const blocks = []
  const fence = /(<!-- not run here -->\n+)?^```(\w*)\n([\s\S]*?)^```$(\n*)/gm
  let before
  for (const match of page.matchAll(fence)) {
    const [whole, skipped, language, text] = match
    const follows = before && page.slice(before.end, match.index).trim() === ''
    const block = { language, text, skipped: skipped !== undefined, end: match.index + whole.length }
    if (language === 'json' && follows && before.language === 'sh') before.prints = text
    blocks.push(block)
    before = block
  }
  return blocks
}

// curl as the reader has it, but quiet, and an error where the answer is one. One stream of output: of
// two nobody knows what came first.
const prelude = 'set -euo pipefail\nexec 2>&1\n' +
  'curl () { command curl --silent --show-error --fail-with-body "$@"; }\n' +
  'npm () { ln -sfn "$MODULES" node_modules; }\n'

function runShell (server, script, folder) {
  const text = script.replaceAll(/(127\.0\.0\.1|localhost):5984/g, `$1:${server.port}`)
    .replaceAll('/var/lib/divan', server.dataFolder)
  const child = spawn('bash', ['-c', prelude + text], {
    cwd: folder,
    env: { ...process.env, MODULES: path.join(here, 'node_modules'), PATH: `${path.dirname(binary())}:${process.env.PATH}` },
    stdio: ['ignore', 'pipe', 'pipe']
  })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) stream.on('data', bytes => { output += bytes })
  return new Promise(resolve => child.on('close', code => resolve({ code, output })))
}

const spaceless = text => text.replaceAll(/\s+/g, '')
function matches (output, wanted) {
  const parts = spaceless(wanted).split('…').map(part => part.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&'))
  return new RegExp(parts.join('[\\s\\S]*') + '$').test(spaceless(output))
}

async function commands (name, page) {
  const blocks = blocksOf(page).filter(block => block.language === 'sh' && !block.skipped)
  if (blocks.length === 0) return
  const server = await Server.start()
  const mark = index => `\n=== ${index}\n`
  const script = blocks.map((block, index) => `printf '%s' '${mark(index)}'\n${block.text}`).join('')
  const { code, output } = await runShell(server, script, tempFolder())
  checks.same(code, 0, `${name}: ${output.slice(-600)}`)
  for (const [index, { text, prints }] of blocks.entries()) {
    const begin = output.indexOf(mark(index))
    if (!checks.that(begin >= 0, `${name}: it came to\n${text}`)) break
    const end = output.indexOf(mark(index + 1))
    const printed = output.slice(begin + mark(index).length, end < 0 ? undefined : end)
      .replaceAll(`:${server.port}`, ':5984')
    if (prints) checks.that(matches(printed, prints), `${name}: printed\n${printed}\ninstead of\n${prints}`)
  }
  checks.same((await server.stop()).code, 0, `${name}: the server stops`)
}

// GUIDE-sync's pieces of an application, one after the other.
async function application (page) {
  const pieces = blocksOf(page).filter(block => block.language === 'js').map(block => block.text)
  checks.same(pieces.length, 3, 'pieces of the application')
  const server = await Server.start()
  await server.json('PUT', '/notes')
  const [sync, conflicts, parts] = pieces
  const application = `${sync}
    const id = 'note'
    await local.bulkDocs([{ _id: id, _rev: '1-a', v: 1 }, { _id: id, _rev: '1-b', v: 2 }], { new_edits: false })
    ${conflicts}
    console.log('conflicts left:', (await local.get(id, { conflicts: true }))._conflicts ?? 'none')
    sync.cancel()
    await local.replicate.to(remote)
    ${parts}`
  const { code, output } = await runShell(server,
    `npm\ncat > app.mjs <<'END'\n${application}\nEND\nnode app.mjs\n`, tempFolder())
  checks.same(code, 0, `the application: ${output}`)
  checks.that(output.includes('conflicts left: none'), `conflicts are merged: ${output}`)
  const note = await server.json('GET', '/notes/note?conflicts=true')
  checks.that(note._conflicts === undefined && /^2-/.test(note._rev), `on the server too: ${JSON.stringify(note)}`)
  await server.stop()
}

const settings = new Set([...fs.readFileSync(path.join(root, 'server/config/settings.cpp'), 'utf8')
  .matchAll(/\{"([^"]+)", "([^"]+)",/g)].map(([, section, key]) => `${section}/${key}`))
// Their keys are names that people choose.
const free = ['admins', 'jwt_keys']

function iniNames (name, page) {
  for (const { language, text } of blocksOf(page)) {
    if (language !== 'ini') continue
    let section
    for (const line of text.split('\n')) {
      const [, heading] = /^\[(.+)\]$/.exec(line) ?? []
      if (heading) section = heading
      const [, key] = /^([^[;=]+?) = /.exec(line) ?? []
      if (key && !free.includes(section)) {
        checks.that(settings.has(`${section}/${key}`), `${name}: [${section}] ${key} is a setting`)
      }
    }
  }
}

for (const name of guides) {
  const page = fs.readFileSync(path.join(root, name), 'utf8')
  await checks.run(name, async () => {
    iniNames(name, page)
    await commands(name, page)
    if (name.endsWith('sync.md')) await application(page)
  })
}
checks.finish()
