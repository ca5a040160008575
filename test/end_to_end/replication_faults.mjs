#!/usr/bin/env node
// Replication through a network that breaks, between servers that are killed: when all is well
// again both databases are the same to the last leaf, and no checkpoint ever told of a change that
// the target did not have. Once by one-shot replications, one after the other, and once by a
// continuous one of a `_replicator` document, by the seed.
//
//   node replication_faults.mjs [--seeds 5] [--seed FIRST] [--seconds 5]
import { Checks, Server, admin, eventually, sleep } from './support.mjs'
import { FaultProxy, randomFrom } from './fault_proxy.mjs'
import { differences, leavesOf } from './leaves.mjs'

const option = (name, otherwise) => {
  const at = process.argv.indexOf(`--${name}`)
  return at < 0 ? otherwise : Number(process.argv[at + 1])
}
const firstSeed = option('seed', 1)
const seeds = option('seeds', 5)
const seconds = option('seconds', 5)

const checks = new Checks('replication faults')
// Short patience, so that a few seconds hold many tries.
const ini = `[log]\nlevel = none\n[replicator]\nstartup_jitter = 1\nretries_per_request = 2
connection_timeout = 1000\nrequest_timeout = 5000\ncheckpoint_interval = 500
worker_batch_size = 20\nworker_processes = 3\ninterval = 1000\nmissing_doc_retry_msec = 100\n`

const viewOf = n => ({ map: `function (doc) { emit(doc.n % ${n + 1}) }` })

/** One round: two servers, a proxy before each, a replication one way. */
class Round {
  constructor (seed) {
    Object.assign(this, { seed, random: randomFrom(seed), written: 0, runs: 0, failed: 0, looked: 0, kills: 0 })
    this.kind = ['pull', 'push', 'push and pull'][seed % 3]
    this.byDocument = Math.floor(seed / 3) % 2 === 1
  }

  async start () {
    [this.source, this.target] = await Promise.all([Server.start({ ini }), Server.start({ ini })])
    for (const server of [this.source, this.target]) await server.json('PUT', '/db')
    this.toSource = new FaultProxy(this.source.port, this.random)
    this.toTarget = new FaultProxy(this.target.port, this.random)
    for (const proxy of this.proxies) await proxy.listen()
    await this.write(300)
  }

  get proxies () { return [this.toSource, this.toTarget] }

  async stop () {
    for (const proxy of this.proxies) proxy.close()
    await Promise.all([this.source.stop(), this.target.stop()])
  }

  /** Who runs the replication, and its ends as it sees them. Documents have no local names. */
  get job () {
    const far = ({ port }) => `http://${admin.name}:${admin.password}@127.0.0.1:${port}/db`
    const own = server => this.byDocument ? far(server) : 'db'
    if (this.kind === 'pull') return [this.target, { source: far(this.toSource), target: own(this.target) }]
    if (this.kind === 'push') return [this.source, { source: own(this.source), target: far(this.toTarget) }]
    return [this.source, { source: far(this.toSource), target: far(this.toTarget) }]
  }

  revision (generation) {
    const hash = () => [...Array(32)].map(() => '0123456789abcdef'[this.random.below(16)]).join('')
    return { start: generation, ids: [...Array(generation)].map(hash) }
  }

  attachments () {
    const files = {}
    for (let i = this.random.below(3); i >= 0; i--) {
      const size = Math.floor(2 ** (this.random.next() * 18))
      const bytes = Buffer.from([...Array(size)].map(() => this.random.below(256)))
      const type = this.random.pick(['text/plain', 'image/png'])
      files[`file${i}`] = { content_type: type, data: bytes.toString('base64'), revpos: 1 }
    }
    return files
  }

  /** Branches of documents, new or known, some deleted, some with attachments. */
  async write (count) {
    const docs = []
    for (let i = 0; i < count; i++) {
      const id = `d${this.random.below(600)}`
      const doc = { _id: id, _revisions: this.revision(1 + this.random.below(3)), n: this.written++ }
      if (this.random.next() < 0.03) {
        doc._id = `_design/${this.random.below(10)}`
        doc.views = { v: viewOf(doc.n) }
      }
      if (this.random.next() < 0.1) doc._deleted = true
      else if (this.random.next() < 0.06) doc._attachments = this.attachments()
      else doc.text = 'x'.repeat(this.random.below(2000))
      docs.push(doc)
    }
    await this.source.json('POST', '/db/_bulk_docs', { docs, new_edits: false })
  }

  /** One-shot replications, one after the other, whatever becomes of them. */
  async replicate () {
    while (!this.over) {
      const [server, body] = this.job
      this.runs++
      const reply = await server.call('POST', '/_replicate', body).catch(() => undefined)
      if (reply?.status !== 200) {
        this.failed++
        await sleep(50)
      }
    }
  }

  /** A continuous one by a document, which is changed where its job rests after a failure. */
  async follow () {
    const [server, body] = this.job
    await server.json('PUT', '/_replicator/job', { ...body, continuous: true })
    this.runs++
    while (!this.over) {
      if (await this.jobState() === 'crashing') {
        this.failed++
        await this.change({})
      }
      await sleep(100)
    }
  }

  async jobState () {
    const shown = await this.job[0].call('GET', '/_scheduler/docs/_replicator/job').catch(() => undefined)
    return shown?.json?.state
  }

  /** Another document is another job, which begins at once. */
  async change (members) {
    const [server] = this.job
    const found = await server.call('GET', '/_replicator/job').catch(() => undefined)
    if (found?.status !== 200) return
    const doc = { ...found.json, worker_batch_size: 10 + (this.runs++ % 20), ...members }
    await server.call('PUT', '/_replicator/job', doc).catch(() => undefined)
  }

  async checkpoints (end) {
    const { rows } = await end.json('GET', '/db/_local_docs?include_docs=true')
    return rows.map(({ doc }) => parseInt(doc.source_last_seq, 10))
  }

  /** Whatever a checkpoint tells of is on the target. */
  async look () {
    for (const end of [this.source, this.target]) {
      const numbers = (await this.checkpoints(end)).filter(Number.isInteger)
      if (numbers.length === 0) continue
      const last = Math.max(...numbers)
      const { results } = await this.source.json('GET', '/db/_changes?style=all_docs')
      const told = results.filter(({ seq }) => parseInt(seq, 10) <= last)
      const asked = Object.fromEntries(told.map(({ id, changes }) => [id, changes.map(({ rev }) => rev)]))
      const missing = await this.target.json('POST', '/db/_revs_diff', asked)
      this.looked++
      checks.same(missing, {}, `seed ${this.seed}: a checkpoint at ${last} passed what is missing`)
    }
  }

  async trouble () {
    const until = Date.now() + seconds * 1000
    while (Date.now() < until) {
      await sleep(this.random.below(300))
      await this.write(1 + this.random.below(20))
      await this.look()
      if (this.random.next() < 0.06) {
        const server = this.random.pick([this.source, this.target])
        this.kills++
        await server.kill()
        await server.run()
      }
    }
  }

  async heal () {
    this.over = true
    for (const proxy of this.proxies) proxy.heal()
    await this.running
    // Now with patience: a busy machine is no fault.
    const patience = { connection_timeout: 60000, retries_per_request: 10 }
    await (this.byDocument ? this.finishDocument(patience) : this.finishOnce(patience))
    await this.look()
  }

  async finishOnce (patience) {
    const [server, body] = this.job
    const last = await eventually(async () => {
      const reply = await server.call('POST', '/_replicate', { ...body, ...patience }).catch(() => undefined)
      return reply?.status === 200 && reply.json
    }, 600, 'a replication after the healing')
    const failures = (last.history ?? []).map(entry => entry.doc_write_failures)
    checks.that(failures.every(count => count === 0), `seed ${this.seed}: refused documents ${failures}`)
  }

  async finishDocument (patience) {
    const [server] = this.job
    await this.change(patience)
    const { update_seq: last } = await this.source.json('GET', '/db')
    await this.progress(async () => {
      if (await this.jobState() === 'crashing') await this.change(patience)
      const done = (await this.checkpoints(this.target)).filter(Number.isInteger)
      return parseInt(last, 10) - Math.max(0, ...done)
    }, 'a checkpoint of the continuous replication')
    const { state, info } = await server.json('GET', '/_scheduler/docs/_replicator/job')
    checks.same([state, info?.doc_write_failures], ['running', 0], `seed ${this.seed}: it runs, and nothing was refused`)
    const doc = await server.json('GET', '/_replicator/job')
    checks.same(doc._replication_state, undefined, `seed ${this.seed}: no last state`)
    await server.json('DELETE', `/_replicator/job?rev=${doc._rev}`)
    await eventually(async () => (await server.json('GET', '/_scheduler/jobs')).jobs.length === 0, 600, 'no job is left')
  }

  /** Until what is left to do is nothing; it must become less at least every two minutes. */
  async progress (left, what) {
    let [least, since] = [Infinity, Date.now()]
    for (;;) {
      const now = await left()
      if (now <= 0) return
      if (now < least) [least, since] = [now, Date.now()]
      if (Date.now() - since > 120000) throw new Error(`${now} are left: ${what}`)
      await sleep(100)
    }
  }

  async run () {
    await this.start()
    for (const proxy of this.proxies) proxy.healthy = false
    this.running = this.byDocument ? this.follow() : this.replicate()
    await this.trouble()
    await this.heal()
    const call = server => (...request) => server.json(...request)
    const [source, target] = [await leavesOf(call(this.source), '/db'), await leavesOf(call(this.target), '/db')]
    const different = differences(source, target)
    checks.that(different === '' && source.size > 0, `seed ${this.seed}: ${different}`)
    const harm = Object.entries({ ...this.toSource.counts, ...this.toTarget.counts }).map(([k, n]) => `${n} ${k}`)
    console.log(`seed ${this.seed}: ${this.kind}${this.byDocument ? ', continuous' : ''}, ${this.runs} runs (${this.failed} failed), ${this.kills} kills, ` +
      `${harm.join(', ')}, ${this.looked} looks at checkpoints, ${source.size} documents`)
    await this.stop()
  }
}

for (let seed = firstSeed; seed < firstSeed + seeds; seed++) {
  await checks.run(`seed ${seed}`, () => new Round(seed).run())
}
checks.finish()
