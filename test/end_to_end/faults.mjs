#!/usr/bin/env node
// What the server does when something around it is wrong: bad folders and settings, a full disk,
// garbage on the wire, an order to stop while it works, very large files, very many waiting feeds.
//
// Sizes follow DIVAN_TEST_FILE_MB (300; 1024 is the full size) and DIVAN_TEST_FEEDS (2000; 10000).
import { execFileSync } from 'node:child_process'
import crypto from 'node:crypto'
import fs from 'node:fs'
import http from 'node:http'
import net from 'node:net'
import path from 'node:path'
import { Checks, Server, admin, eventually, freePort, sleep, tempFolder } from './support.mjs'

const checks = new Checks('faults')
const only = process.argv[2] ?? ''
const run = (name, work) => name.includes(only) ? checks.run(name, work) : undefined
const quiet = '[log]\nlevel = warning\n'
const fileMegabytes = Number(process.env.DIVAN_TEST_FILE_MB ?? 300)
const feedCount = Number(process.env.DIVAN_TEST_FEEDS ?? 2000)
const memoryLimit = 200 * 1024 * 1024

// ---------------------------------------------------------------- starts that must be refused

// A start over this folder and port ends by itself, not with 0, and says why.
async function refusedStart (options, pattern, what) {
  const server = new Server({ folder: tempFolder(), port: await freePort(), ...options })
  server.launch()
  const exit = await Promise.race([server.ended, sleep(60000)])
  if (!checks.that(exit, `${what}: the server runs on instead of refusing`)) return server.kill()
  checks.that(exit.code > 0 && exit.signal === null, `${what}: exit ${JSON.stringify(exit)}`)
  checks.that(pattern.test(server.output), `${what}: says ${JSON.stringify(server.output.slice(0, 500))}`)
  checks.that(server.output.trim().split('\n').length <= 6, `${what}: a few lines, not ${server.output}`)
}

await run('a data folder in use is refused', async () => {
  const server = await Server.start({ ini: quiet })
  await refusedStart({ folder: server.folder }, /lock|in use|another/i, 'second server')
  checks.same((await server.call('GET', '/_up')).status, 200, 'the first goes on')
  await server.stop()
})

await run('a data folder of an unknown format is refused and left alone', async () => {
  const server = await Server.start({ ini: quiet })
  await server.stop()
  const file = fs.readdirSync(server.dataFolder, { recursive: true }).map(String).find(name => /format/i.test(name))
  if (!checks.that(file, 'the folder names its format')) return
  fs.writeFileSync(path.join(server.dataFolder, file), 'divan 99999\n')
  const before = fs.readdirSync(server.dataFolder).sort()
  await refusedStart({ folder: server.folder }, /format/i, 'unknown format')
  checks.same(fs.readdirSync(server.dataFolder).sort(), before, 'nothing was touched')
})

await run('a port in use is refused', async () => {
  const server = await Server.start({ ini: quiet })
  await refusedStart({ port: server.port }, new RegExp(`${server.port}`), 'port in use')
  await server.stop()
})

await run('settings that cannot be: a missing file and an impossible port are refused', async () => {
  const folder = tempFolder()
  const missing = new Server({ folder, port: await freePort(), args: ['--config', path.join(folder, 'missing.ini')] })
  missing.launch()
  const exit = await missing.ended
  checks.that(exit.code > 0 && /missing\.ini/.test(missing.output), `missing file: ${JSON.stringify(exit)} ${missing.output}`)
  await refusedStart({ ini: '[chttpd]\nport = 70000\n' }, /70000/, 'port 70000')
})

// CouchDB skips such lines as well; here they are told.
await run('a line of the settings that is none is told with its file and number', async () => {
  const server = await Server.start({ ini: '[log\nlevel ~ warning\n' })
  await server.stop()
  checks.that(/test\.ini:\d+/.test(server.output), `says ${server.output}`)
})

await run('a data folder that cannot be made is refused', async () => {
  const folder = tempFolder()
  fs.writeFileSync(path.join(folder, 'data'), 'a file where the folder should be')
  await refusedStart({ folder }, /data/, 'a file in the way')
})

// ---------------------------------------------------------------- full disk
// A file system of 160 MiB for one case's server.
async function onSmallDisk (work) {
  if (process.getuid() !== 0) return checks.skip('full disk: needs root to mount a small tmpfs')
  const folder = tempFolder()
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=160m', 'divan-test', folder], { stdio: 'pipe' })
  } catch (error) {
    return checks.skip(`full disk: no tmpfs here (${String(error.stderr).trim()})`)
  }
  try {
    const server = await Server.start({ folder, ini: quiet })
    await work(server, folder).catch(async error => { throw new Error(await withFate(server, error)) })
  } finally {
    execFileSync('umount', ['-l', folder])
  }
}

// What went wrong, and what became of the server: the first thing to know about a cut connection.
async function withFate (server, error) {
  const exit = await Promise.race([server.ended, sleep(1000)])
  return `${error.message}; the server ${exit ? `ended ${JSON.stringify(exit)}` : 'runs'}: ${server.output.slice(-2000)}`
}

// Leaves `free` bytes of the disk; gives the file that takes up the rest.
function takeSpace (folder, free) {
  const filler = path.join(folder, 'filler')
  const { bavail, bsize } = fs.statfsSync(folder)
  fs.writeFileSync(filler, Buffer.alloc(Math.max(0, bavail * bsize - free)))
  return filler
}

const isFull = reply => reply?.status === 507 && reply.json?.error === 'insufficient_storage'

function writesAgain (server) {
  return eventually(async () => (await server.call('PUT', '/full/again', {})).status === 201, 120,
    'writing goes on once there is space').catch(async error => checks.that(false, await withFate(server, error)))
}

await run('a full disk refuses writes, loses nothing, and passes', () => onSmallDisk(async (server, folder) => {
  await server.json('PUT', '/full')
  const filler = takeSpace(folder, 46e6)
  const acknowledged = new Map()
  const refusal = await fillUp(server, acknowledged)
  checks.that(isFull(refusal), `writes are refused: ${refusal?.status} ${refusal?.bytes}`)
  checks.that(acknowledged.size > 0, 'some were written before')
  const reading = await server.call('GET', `/full/${[...acknowledged.keys()][0]}`)
  checks.same(reading.status, 200, 'reading goes on')

  fs.rmSync(filler)
  const again = await writesAgain(server)
  await server.stop()
  await server.run()
  const { rows } = await server.json('GET', '/full/_all_docs')
  const there = new Map(rows.map(({ id, value }) => [id, value.rev]))
  for (const [id, rev] of acknowledged) checks.that(there.get(id) === rev, `${id} is lost`)
  checks.that(!again || there.has('again'), 'the write after is there')
  await server.stop()
}))

// After a start RocksDB's memory is empty: it would not outlive a write that fails in its log.
await run('a full disk at the start: reading works, writing waits for space', () => onSmallDisk(async (server, folder) => {
  await server.json('PUT', '/full')
  const { rev } = await server.json('PUT', '/full/before', {})
  await server.stop()
  const filler = takeSpace(folder, 2e6)
  await server.run()
  checks.same((await server.json('GET', '/full/before'))._rev, rev, 'reading works')
  const text = crypto.randomBytes(3e6).toString('base64')
  for (let n = 0; n < 3; n++) {
    const reply = await server.call('PUT', `/full/during${n}`, { text })
    checks.that(isFull(reply), `writing is refused: ${reply.status} ${reply.bytes}`)
  }
  fs.rmSync(filler)
  await writesAgain(server)
  await sleep(6000) // RocksDB's own look at a full disk, every five seconds, would come now.
  checks.same((await server.call('PUT', '/full/later', {})).status, 201, 'writing still works')
  await server.stop()
}))

await run('on a full disk a database can be deleted, which makes room', () => onSmallDisk(async (server, folder) => {
  await server.json('PUT', '/full')
  await server.json('PUT', '/waste')
  takeSpace(folder, 25e6)
  checks.that(isFull(await server.call('PUT', '/full/during', {})), 'writing is refused')
  checks.same((await server.call('DELETE', '/waste')).status, 200, 'deleting is not')
  await server.stop()
}))

async function fillUp (server, acknowledged) {
  const text = crypto.randomBytes(15000).toString('base64')
  for (let n = 0; n < 20000; n++) {
    const reply = await server.call('PUT', `/full/d${n}`, { n, text: n + text })
    if (reply.status !== 201) return reply
    acknowledged.set(`d${n}`, reply.json.rev)
  }
}

// ---------------------------------------------------------------- garbage
const authorization = `Authorization: Basic ${Buffer.from(`${admin.name}:${admin.password}`).toString('base64')}\r\n`

// Sends bytes, gives what came back until the server closed, it was enough, or nothing came for a while.
function raw (port, bytes, { wait = 400, hangUp = false, enough = () => false } = {}) {
  return new Promise(resolve => {
    const socket = net.connect(port, '127.0.0.1')
    let answer = ''
    const end = () => { socket.destroy(); resolve(answer) }
    socket.setTimeout(wait, end)
    socket.on('data', data => {
      answer += data.toString('latin1')
      if (enough(answer)) end()
    })
    socket.on('error', end)
    socket.on('close', end)
    socket.write(bytes, () => { if (hangUp) socket.destroy() })
  })
}

const garbage = {
  'random bytes': crypto.createHash('sha512').update('x').digest(),
  'no method': ' / HTTP/1.1\r\n\r\n',
  'not HTTP': 'HELLO\r\n\r\n',
  'HTTP/2 preface': 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n',
  'TLS hello': Buffer.from('16030100c8010000c40303', 'hex'),
  'a line feed flood': '\r\n'.repeat(50000),
  'a header without end': 'GET / HTTP/1.1\r\nX: ' + 'a'.repeat(2e6),
  'a hundred thousand headers': 'GET / HTTP/1.1\r\n' + 'a: b\r\n'.repeat(1e5) + '\r\n',
  'a target of a megabyte': `GET /${'x'.repeat(1e6)} HTTP/1.1\r\nHost: a\r\n\r\n`,
  'a header without colon': 'GET / HTTP/1.1\r\nno colon here\r\n\r\n',
  'NUL in a header': 'GET / HTTP/1.1\r\nHost: a\0b\r\n\r\n',
  'a negative length': `PUT /g/a HTTP/1.1\r\nHost: a\r\n${authorization}Content-Length: -1\r\n\r\n{}`,
  'an immense length': `PUT /g/a HTTP/1.1\r\nHost: a\r\n${authorization}Content-Length: 99999999999999999999999\r\n\r\n{}`,
  'two lengths': `PUT /g/a HTTP/1.1\r\nHost: a\r\n${authorization}Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}x`,
  'length and chunks': `PUT /g/a HTTP/1.1\r\nHost: a\r\n${authorization}Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
  'an unknown transfer': `PUT /g/a HTTP/1.1\r\nHost: a\r\n${authorization}Transfer-Encoding: magic\r\n\r\n{}`,
  'a chunk size that overflows': `PUT /g/a HTTP/1.1\r\nHost: a\r\n${authorization}Transfer-Encoding: chunked\r\n\r\nfffffffffffffffffff\r\n`,
  'a chunk size that is none': `PUT /g/a HTTP/1.1\r\nHost: a\r\n${authorization}Transfer-Encoding: chunked\r\n\r\nzz\r\n`,
  'a length far over the limit': `PUT /g/a HTTP/1.1\r\nHost: a\r\n${authorization}Content-Type: application/json\r\nContent-Length: 99999999999\r\n\r\n{`,
  'bad gzip': `PUT /g/a HTTP/1.1\r\nHost: a\r\n${authorization}Content-Type: application/json\r\nContent-Encoding: gzip\r\nContent-Length: 5\r\n\r\nhello`,
  'bad Basic': 'GET /g HTTP/1.1\r\nHost: a\r\nAuthorization: Basic ====\r\n\r\n'
}

await run('garbage is answered with 4xx or a closed connection', async () => {
  const server = await Server.start({ ini: quiet })
  await server.json('PUT', '/g')
  const before = server.memory()
  for (const [name, bytes] of Object.entries(garbage)) {
    const answer = await raw(server.port, bytes)
    const status = Number(/^HTTP\/1\.[01] (\d+)/.exec(answer)?.[1] ?? 0)
    checks.that(answer === '' || (status >= 400 && status < 600), `${name}: ${JSON.stringify(answer.slice(0, 200))}`)
    checks.that(!server.exit, `${name}: the server ended: ${server.output}`)
    if (server.exit) return
  }
  await deepJson(server)
  for (let n = 0; n < 200; n++) await raw(server.port, 'PUT /g/a HTTP/1.1\r\nContent-Length: 100\r\n\r\n{"half', { hangUp: true })
  const answers = text => text.match(/HTTP\/1\.1 200/g)?.length
  const pipelined = await raw(server.port, `GET /_up HTTP/1.1\r\nHost: a\r\n\r\n`.repeat(50),
    { wait: 60000, enough: text => answers(text) === 50 })
  checks.same(answers(pipelined), 50, 'pipelined requests are all answered')
  checks.same((await server.json('GET', '/g')).doc_count, 0, 'nothing was written by it')
  const grown = server.memory() - before
  checks.that(grown < 100e6, `memory grew by ${Math.round(grown / 1e6)} MB`)
  checks.same(await server.stop(), { code: 0, signal: null }, 'the server ends cleanly')
})

async function deepJson (server) {
  for (const depth of [1000, 1e6]) {
    const text = `{"a":${'['.repeat(depth)}${']'.repeat(depth)}}`
    const reply = await server.call('PUT', '/g/deep', text).catch(error => ({ status: String(error) }))
    checks.that(reply.status === 201 || reply.status === 400 || reply.status === 413, `JSON ${depth} deep: ${reply.status}`)
    if (reply.status === 201) {
      checks.same((await server.call('GET', '/g/deep')).status, 200, 'what was taken can be read')
      await server.json('DELETE', `/g/deep?rev=${reply.json.rev}`)
    }
  }
}

// ---------------------------------------------------------------- an order to stop
// Resolves when the feed has begun, to what resolves when it ends: whether its answer was whole, and
// its text.
function openFeed (server, feed) {
  return new Promise((begun, failed) => {
    http.get({
      host: '127.0.0.1', port: server.port, agent: false, auth: `${admin.name}:${admin.password}`,
      path: `/stop/_changes?feed=${feed}&since=now&heartbeat=60000`
    }, reply => {
      let text = ''
      const ended = new Promise(resolve => {
        reply.setEncoding('utf8').on('data', data => { text += data })
        reply.on('error', error => resolve({ complete: false, text: String(error) }))
        reply.on('end', () => resolve({ complete: reply.complete, text }))
      })
      begun({ ended })
    }).on('error', failed)
  })
}

// Resolves when the server has the head of the request and waits for the body; `finish` sends it and
// gives the answer's status.
function beginPost (server, target, body) {
  const data = Buffer.from(JSON.stringify(body))
  return new Promise((resolve, reject) => {
    const request = http.request({
      host: '127.0.0.1', port: server.port, method: 'POST', path: target, agent: false,
      auth: `${admin.name}:${admin.password}`,
      headers: { 'content-type': 'application/json', 'content-length': data.length, expect: '100-continue' }
    })
    const answered = new Promise(resolve => {
      request.on('response', reply => reply.resume().on('end', () => resolve(reply.statusCode)))
      request.on('error', error => { reject(error); resolve(String(error)) })
    })
    request.on('continue', () => resolve({ finish () { request.end(data); return answered } }))
    request.flushHeaders()
  })
}

await run('SIGTERM: what was asked is answered, feeds end cleanly', async () => {
  const server = await Server.start({ ini: quiet })
  await server.json('PUT', '/stop')
  const feeds = {}
  for (const feed of ['continuous', 'longpoll', 'eventsource']) feeds[feed] = await openFeed(server, feed)
  const filler = 'x'.repeat(500)
  const bulks = await Promise.all([0, 1, 2, 3].map(n => beginPost(server, '/stop/_bulk_docs', {
    docs: Array.from({ length: 500 }, (_, i) => ({ _id: `b${n}-${i}`, filler }))
  })))
  const answers = bulks.map(bulk => bulk.finish())
  await sleep(15)
  const stopping = server.stop()
  const exit = await Promise.race([stopping, sleep(60000)])
  checks.same(exit, { code: 0, signal: null }, 'it ends by itself')
  if (!exit) return server.kill()
  for (const [feed, { ended }] of Object.entries(feeds)) {
    const { complete, text } = await Promise.race([ended, sleep(20000).then(() => ({}))])
    checks.that(complete, `the ${feed} feed ends cleanly: ${text?.slice(-100)}`)
    if (feed === 'longpoll') checks.that(/"last_seq"/.test(text), `the longpoll answer is whole: ${text?.slice(-200)}`)
  }
  checks.same(await Promise.all(answers), [201, 201, 201, 201], 'requests under way are answered')
  await server.run()
  checks.same((await server.json('GET', '/stop')).doc_count, 2000, 'and what they wrote is there')
  await server.stop()
})

// ---------------------------------------------------------------- large files
function upload (server, target, megabytes, chunk) {
  return new Promise((resolve, reject) => {
    const request = http.request({
      host: '127.0.0.1', port: server.port, method: 'PUT', path: target, agent: false,
      auth: `${admin.name}:${admin.password}`,
      headers: { 'content-type': 'application/octet-stream', 'content-length': megabytes * chunk.length }
    }, reply => {
      let text = ''
      reply.on('data', data => { text += data }).on('end', () => resolve({ status: reply.statusCode, text }))
    })
    request.on('error', reject)
    let sent = 0
    const more = () => {
      while (sent < megabytes) {
        chunk.writeUInt32LE(sent++, 0)
        if (!request.write(Buffer.from(chunk))) return request.once('drain', more)
      }
      request.end()
    }
    more()
  })
}

function download (server, target) {
  return new Promise((resolve, reject) => {
    const hash = crypto.createHash('md5')
    let bytes = 0
    http.get({ host: '127.0.0.1', port: server.port, path: target, agent: false, auth: `${admin.name}:${admin.password}` }, reply => {
      reply.on('data', data => { hash.update(data); bytes += data.length })
      reply.on('error', reject)
      reply.on('end', () => resolve({ status: reply.statusCode, bytes, md5: hash.digest('base64') }))
    }).on('error', reject)
  })
}

await run(`a file of ${fileMegabytes} MB up and down in less than 200 MB of memory`, async () => {
  const server = await Server.start({ ini: quiet })
  await server.json('PUT', '/large')
  const chunk = crypto.randomBytes(1 << 20)
  const hash = crypto.createHash('md5')
  for (let n = 0; n < fileMegabytes; n++) { chunk.writeUInt32LE(n, 0); hash.update(chunk) }
  const md5 = hash.digest('base64')
  const sent = await upload(server, '/large/doc/file', fileMegabytes, chunk)
  checks.same(sent.status, 201, `uploaded: ${sent.text}`)
  const info = await server.json('GET', '/large/doc')
  checks.same(info._attachments?.file?.digest, `md5-${md5}`, 'its digest')
  const got = await download(server, '/large/doc/file')
  checks.same(got, { status: 200, bytes: fileMegabytes << 20, md5 }, 'downloaded')
  const peak = server.memory('VmHWM')
  console.log(`     peak resident memory ${Math.round(peak / 1e6)} MB`)
  checks.that(peak < memoryLimit, `peak resident memory ${Math.round(peak / 1e6)} MB`)
  await server.stop()
})

// ---------------------------------------------------------------- many feeds
await run(`${feedCount} waiting feeds in less than 200 MB, all of them woken`, async () => {
  const server = await Server.start({ ini: quiet })
  await server.json('PUT', '/many')
  const limit = Number(/Max open files\s+(\d+)/.exec(fs.readFileSync(`/proc/${server.pid}/limits`, 'utf8'))[1])
  if (limit < feedCount + 500) { await server.stop(); return checks.skip(`feeds: the process may open ${limit} files only`) }
  const before = server.memory()
  const sockets = []
  let woken = 0
  for (let n = 0; n < feedCount; n += 200) {
    await Promise.all(Array.from({ length: Math.min(200, feedCount - n) }, () => new Promise((resolve, reject) => {
      const socket = net.connect(server.port, '127.0.0.1', () => {
        socket.write(`GET /many/_changes?feed=longpoll&since=now&timeout=100000 HTTP/1.1\r\nHost: a\r\n${authorization}\r\n`)
      })
      let text = ''
      socket.on('data', data => {
        if (!text) resolve()
        text += data.toString('latin1')
        if (text.includes('"wake-up"')) { woken++; text = '-' }
      })
      socket.on('error', reject)
      sockets.push(socket)
    })))
  }
  await sleep(500)
  const waiting = server.memory()
  console.log(`     ${Math.round(waiting / 1e6)} MB with, ${Math.round(before / 1e6)} MB without: ` +
    `${Math.round((waiting - before) / feedCount / 102.4) / 10} KB a feed`)
  checks.that(waiting < memoryLimit, `${Math.round(waiting / 1e6)} MB`)
  const started = Date.now()
  await server.json('PUT', '/many/wake-up', {})
  await eventually(() => woken === feedCount, 120, 'all feeds woken').catch(error => checks.that(false, `${error.message}: ${woken}`))
  console.log(`     all told after ${Date.now() - started} ms`)
  for (const socket of sockets) socket.destroy()
  checks.same(await server.stop(), { code: 0, signal: null }, 'the server ends cleanly')
})

checks.finish()
