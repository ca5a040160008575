// A TCP proxy that hurts what passes it, by a seed: it cuts connections off, closes them early,
// stalls, and spoils bytes. The same seed and the same traffic make the same harm.
import net from 'node:net'

/** mulberry32: small, and the same everywhere. */
export function randomFrom (seed) {
  let state = seed >>> 0
  const next = () => {
    state = (state + 0x6D2B79F5) >>> 0
    let t = state
    t = Math.imul(t ^ (t >>> 15), t | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296
  }
  return { next, below: n => Math.floor(next() * n), pick: list => list[Math.floor(next() * list.length)] }
}

const harms = ['cut', 'truncate', 'stall', 'spoil', 'slow']

export class FaultProxy {
  constructor (port, random) {
    Object.assign(this, { target: port, random, healthy: true, counts: {}, passed: 0 })
    this.sockets = new Set()
    this.server = net.createServer(client => this.connect(client))
  }

  async listen () {
    await new Promise(resolve => this.server.listen(0, '127.0.0.1', resolve))
    this.port = this.server.address().port
  }

  close () {
    for (const socket of this.sockets) socket.destroy()
    this.server.close()
  }

  /** From now on nothing is hurt; connections that were are cut off. */
  heal () {
    this.healthy = true
    for (const socket of this.sockets) socket.destroy()
  }

  connect (client) {
    const target = net.connect(this.target, '127.0.0.1')
    const pair = [client, target]
    const end = () => pair.forEach(socket => socket.destroy())
    for (const socket of pair) {
      socket.setNoDelay(true)
      this.sockets.add(socket)
      socket.on('error', end)
      socket.on('close', () => { this.sockets.delete(socket); end() })
    }
    const harm = this.healthy ? undefined : this.random.pick(harms)
    // Sooner or later: connections are kept, and nearly all of them are to be hurt.
    const at = Math.floor(2 ** (4 + this.random.next() * 14))
    const hurtsAnswer = this.random.next() < 0.6
    this.pass(client, target, hurtsAnswer ? undefined : harm, at)
    this.pass(target, client, hurtsAnswer ? harm : undefined, at)
    if (harm) this.counts[harm] = (this.counts[harm] ?? 0) + 1
  }

  pass (from, to, harm, at) {
    let passed = 0
    let stalled = false
    from.on('end', () => to.end())
    from.on('data', bytes => {
      this.passed += bytes.length
      if (stalled) return
      const before = passed
      passed += bytes.length
      if (!harm || passed <= at || (before > at && harm !== 'slow')) return this.send(from, to, bytes)
      const here = Math.max(0, at - before)
      if (harm === 'cut') { from.resetAndDestroy(); to.resetAndDestroy(); return }
      if (harm === 'truncate') { to.end(bytes.subarray(0, here)); from.destroy(); return }
      if (harm === 'stall') { to.write(bytes.subarray(0, here)); stalled = true; return }
      if (harm === 'slow') {
        from.pause()
        setTimeout(() => { if (!to.destroyed) to.write(bytes); from.resume() }, 100)
        return
      }
      // Neither HTTP nor JSON has a checksum: what is spoiled must be what they cannot say. Zeros
      // are, and attachments have a digest.
      const spoiled = Buffer.from(bytes)
      spoiled.fill(0, here, Math.min(spoiled.length, here + 3))
      this.send(from, to, spoiled)
    })
  }

  send (from, to, bytes) {
    if (to.write(bytes)) return
    from.pause()
    to.once('drain', () => from.resume())
  }
}
