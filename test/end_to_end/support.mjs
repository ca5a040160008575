// What the end-to-end tests share: a server of their own on a free port, requests, and counted checks.
import { spawn } from 'node:child_process'
import crypto from 'node:crypto'
import fs from 'node:fs'
import http from 'node:http'
import net from 'node:net'
import os from 'node:os'
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'

export { sleep }
export const here = path.dirname(fileURLToPath(import.meta.url))
export const admin = { name: 'admin', password: 'secret' }

/** The program under test: $DIVAN, or the one in build/. */
export function binary () {
  const file = path.resolve(process.env.DIVAN ?? path.join(here, '../../build/divan'))
  if (!fs.existsSync(file)) throw new Error(`${file} is not there: build it, or set DIVAN`)
  return file
}

const folders = []
/** A new folder that goes when the process ends. */
export function tempFolder (name = 'divan-test') {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), `${name}-`))
  folders.push(folder)
  return folder
}

const running = new Set()
process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL')
  // What was killed just now may still write.
  for (const folder of folders) fs.rmSync(folder, { recursive: true, force: true, maxRetries: 10 })
})
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => process.exit(1))

// The system gives its own range to clients: a port of that may go to a connection before its server
// listens, or while that restarts, and even to the one that asks whether the server is up.
function portsOfServers () {
  let end = 32768
  try { end = Number.parseInt(fs.readFileSync('/proc/sys/net/ipv4/ip_local_port_range', 'utf8')) } catch {}
  return end > 12000 ? [10000, end] : [40000, 65536]
}

const givenPorts = new Set()
/** A port that nobody listens on, given to no one else in this process. */
export async function freePort () {
  const [begin, end] = portsOfServers()
  for (let tries = 0; tries < 1000; tries++) {
    const port = crypto.randomInt(begin, end)
    if (givenPorts.has(port) || !await canListen(port)) continue
    givenPorts.add(port)
    return port
  }
  throw new Error('no free port')
}

function canListen (port) {
  return new Promise(resolve => {
    const probe = net.createServer()
    probe.on('error', () => resolve(false))
    probe.listen(port, '127.0.0.1', () => probe.close(() => resolve(true)))
  })
}

/** One server process over one data folder. `restart` keeps folder and port. */
export class Server {
  constructor ({ folder, port, ini = '', env = {}, args = [] }) {
    Object.assign(this, { folder, port, ini, env, args, output: '' })
    this.origin = `http://127.0.0.1:${port}`
    this.url = `http://${admin.name}:${admin.password}@127.0.0.1:${port}`
    this.agent = new http.Agent({ keepAlive: true, maxSockets: 64 })
  }

  static async start (options = {}) {
    const server = new Server({ folder: tempFolder(), port: await freePort(), ...options })
    await server.run()
    return server
  }

  /** Writes the configuration and starts the process; does not wait for it. */
  launch () {
    const file = path.join(this.folder, 'test.ini')
    fs.writeFileSync(file, `[couchdb]\ndatabase_dir = ${this.dataFolder}\nsingle_node = true\n` +
      `[chttpd]\nport = ${this.port}\nbind_address = 127.0.0.1\n` +
      `[chttpd_auth]\niterations = 1000\n${this.ini}`)
    this.output = ''
    this.watch(spawn(binary(), ['--config', file, ...this.args], {
      env: { ...process.env, COUCHDB_USER: admin.name, COUCHDB_PASSWORD: admin.password, ...this.env },
      stdio: ['ignore', 'pipe', 'pipe']
    }))
  }

  /** Takes a process for the server's: its output, its end, and that it does not outlive this one. */
  watch (child) {
    this.child = child
    running.add(this.child)
    for (const stream of [this.child.stdout, this.child.stderr]) {
      stream.on('data', bytes => { this.output = (this.output + bytes).slice(-20000) })
    }
    this.ended = new Promise(resolve => this.child.on('close', (code, signal) => {
      running.delete(this.child)
      this.exit = { code, signal }
      resolve(this.exit)
    }))
    this.exit = undefined
  }

  get dataFolder () { return path.join(this.folder, 'data') }
  get pid () { return this.child.pid }

  async run () {
    this.launch()
    const deadline = Date.now() + 120000
    while (Date.now() < deadline) {
      if (this.exit) throw new Error(`the server ended (${JSON.stringify(this.exit)}): ${this.output}`)
      const up = await this.call('GET', '/_up').catch(() => undefined)
      if (up?.status === 200) return
      await sleep(10)
    }
    throw new Error(`the server does not answer: ${this.output}`)
  }

  /** Asks the process to end and waits for it. */
  async stop () {
    this.child.kill('SIGTERM')
    return await this.ended
  }

  async kill () {
    this.child.kill('SIGKILL')
    await this.ended
    this.agent.destroy()
    this.agent = new http.Agent({ keepAlive: true, maxSockets: 64 })
  }

  /** Bytes: of `VmRSS`, or with `VmHWM` the most there ever were. */
  memory (field = 'VmRSS') {
    const status = fs.readFileSync(`/proc/${this.pid}/status`, 'utf8')
    return Number(new RegExp(`${field}:\\s+(\\d+) kB`).exec(status)[1]) * 1024
  }

  /** One request. `body`: an object goes as JSON, a Buffer or string as it is. */
  call (method, target, body, headers = {}) {
    const raw = Buffer.isBuffer(body) || typeof body === 'string'
    const data = body === undefined ? undefined : raw ? Buffer.from(body) : Buffer.from(JSON.stringify(body))
    return new Promise((resolve, reject) => {
      const request = http.request({
        host: '127.0.0.1', port: this.port, method, path: target, agent: this.agent,
        auth: `${admin.name}:${admin.password}`,
        headers: {
          accept: 'application/json',
          ...(data ? { 'content-type': 'application/json', 'content-length': data.length } : {}),
          ...headers
        }
      }, reply => {
        const chunks = []
        reply.on('data', chunk => chunks.push(chunk))
        reply.on('error', reject)
        reply.on('aborted', () => reject(new Error('the reply was cut off')))
        reply.on('end', () => resolve(answer(reply, Buffer.concat(chunks))))
      })
      request.setTimeout(300000, () => request.destroy(new Error('no answer in time')))
      request.on('error', reject)
      request.end(data)
    })
  }

  /** The JSON of a reply that must have this status. */
  async json (method, target, body, status = [200, 201, 202]) {
    const reply = await this.call(method, target, body)
    if (![status].flat().includes(reply.status)) {
      throw new Error(`${method} ${target}: ${reply.status} ${reply.bytes.toString().slice(0, 300)}`)
    }
    return reply.json
  }
}

function answer (reply, bytes) {
  let json
  if (/json/.test(reply.headers['content-type'] ?? '')) {
    try { json = JSON.parse(bytes.toString()) } catch {}
  }
  return { status: reply.statusCode, headers: reply.headers, bytes, json }
}

/** Counts what holds and what does not; `finish` prints the closing line and ends the process. */
export class Checks {
  constructor (title) {
    Object.assign(this, { title, passed: 0, failed: 0, skipped: 0, started: Date.now() })
  }

  that (holds, text) {
    if (holds) { this.passed++; return true }
    if (++this.failed <= 100) console.log(`FAIL ${text}`)
    return false
  }

  same (got, want, text) {
    const [g, w] = [got, want].map(value => JSON.stringify(value))
    return this.that(g === w, g === w ? text : `${text}: ${difference(w ?? 'nothing', g ?? 'nothing')}`)
  }

  skip (text) {
    this.skipped++
    console.log(`skipped: ${text}`)
  }

  /** Runs one case; what it throws counts as a failure and does not stop the others. */
  async run (name, work) {
    const [before, started] = [this.failed, Date.now()]
    try { await work() } catch (error) { this.that(false, `${name}: ${error.stack ?? error}`) }
    console.log(`${this.failed === before ? 'ok  ' : 'FAIL'} ${name} (${Date.now() - started} ms)`)
  }

  finish () {
    const seconds = ((Date.now() - this.started) / 1000).toFixed(1)
    const skipped = this.skipped ? `, ${this.skipped} skipped` : ''
    console.log(`${this.title}: ${this.passed} passed, ${this.failed} failed${skipped} (${seconds} s)`)
    process.exit(this.failed ? 1 : 0)
  }
}

// Both texts from a little before their first difference on.
function difference (want, got) {
  let at = 0
  while (want[at] === got[at]) at++
  const cut = text => (at > 60 ? '…' : '') + text.slice(Math.max(0, at - 60), at + 200) + (text.length > at + 200 ? '…' : '')
  return `want ${cut(want)}, got ${cut(got)}`
}

/** Repeatable numbers below 2^32 from a seed (mulberry32). */
export function numbers (seed) {
  let state = seed >>> 0
  const next = () => {
    state = (state + 0x6D2B79F5) >>> 0
    let t = Math.imul(state ^ state >>> 15, 1 | state)
    t = t + Math.imul(t ^ t >>> 7, 61 | t) ^ t
    return (t ^ t >>> 14) >>> 0
  }
  const below = limit => next() % limit
  const bytes = size => {
    const out = Buffer.alloc(size)
    for (let i = 0; i < size; i++) out[i] = next()
    return out
  }
  return { next, below, bytes, pick: list => list[below(list.length)] }
}

/** Asks again until `condition` gives something, at most `seconds`. */
export async function eventually (condition, seconds, what) {
  const deadline = Date.now() + seconds * 1000
  for (;;) {
    const found = await condition()
    if (found) return found
    if (Date.now() > deadline) throw new Error(`not within ${seconds} s: ${what}`)
    await sleep(25)
  }
}
