// A CouchDB of one's own for tests by hand, and databases in it with everything that is hard to carry.
// $COUCHDB is its program (bin/couchdb of a release, which reads $COUCHDB_INI_FILES), and
// $COUCHDB_DEFAULT_INI its default.ini.
import { spawn } from 'node:child_process'
import crypto from 'node:crypto'
import fs from 'node:fs'
import path from 'node:path'
import zlib from 'node:zlib'
import { Server, admin, freePort, numbers, tempFolder } from './support.mjs'

export class CouchDB extends Server {
  static async start ({ shards = 2, ini = '' } = {}) {
    const server = new CouchDB({ folder: tempFolder('divan-couchdb'), port: await freePort(), ini })
    server.shards = shards
    server.uuid = crypto.randomBytes(16).toString('hex')
    server.secret = crypto.randomBytes(16).toString('hex')
    await server.run()
    return server
  }

  get settings () { return path.join(this.folder, 'etc/local.ini') }

  launch () {
    fs.mkdirSync(this.dataFolder, { recursive: true })
    fs.mkdirSync(path.dirname(this.settings), { recursive: true })
    if (!fs.existsSync(this.settings)) {
      fs.writeFileSync(this.settings, `[couchdb]\nsingle_node = true\nuuid = ${this.uuid}\n` +
        `database_dir = ${this.dataFolder}\nview_index_dir = ${this.dataFolder}\n` +
        `[cluster]\nn = 1\nq = ${this.shards}\n` +
        `[chttpd]\nport = ${this.port}\nbind_address = 127.0.0.1\n` +
        `[chttpd_auth]\nsecret = ${this.secret}\niterations = 1000\n` +
        `[replicator]\ninterval = 1000\nstartup_jitter = 0\n[log]\nlevel = warning\n` +
        `[admins]\n${admin.name} = ${admin.password}\n${this.ini}`)
    }
    this.output = ''
    const { COUCHDB, COUCHDB_DEFAULT_INI } = process.env
    this.watch(spawn(COUCHDB, [], {
      cwd: this.folder,
      env: { ...process.env, HOME: this.folder, COUCHDB_INI_FILES: `${COUCHDB_DEFAULT_INI} ${this.settings}` },
      stdio: ['ignore', 'pipe', 'pipe']
    }))
  }

  async run () {
    await super.run()
    const deadline = Date.now() + 30000
    for (;;) {   // it makes its own databases after it answers
      const made = await this.call('GET', '/_users/_design/_auth').catch(() => undefined)
      if (made?.status === 200) return
      if (Date.now() > deadline) throw new Error(`no _users: ${this.output}`)
      await new Promise(resolve => setTimeout(resolve, 50))
    }
  }
}

/** JSON with its numbers as they are written: 1, 1.0 and 1e0 differ, and none is rounded. */
export function exact (text) {
  return JSON.parse(text.replace(/"[^"\\]*(?:\\.[^"\\]*)*"|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/g,
    token => token[0] === '"' ? token : `"#${token}"`))
}

/** For leavesOf: requests whose answers keep their numbers as they are written. */
export const exactly = server => async (method, target, body) => {
  const { bytes } = await server.call(method, target, body)
  return exact(bytes.toString())
}

const pathOf = name => '/' + encodeURIComponent(name)

/** Edge cases of one document each, as texts, so that nothing here rounds their numbers. */
export const odd = {
  numbers: '{"a":0.1,"b":1.0,"c":12345678901234567890,"d":-0.0,"e":1e300,"f":5e-324,"g":-1e-7,"h":1e22,"i":0,"j":-0,' +
    '"k":123456789012345678901234567890123456789012345678901234567890,"l":2147483648,"m":-2147483649,"n":255,"o":256,' +
    '"p":9007199254740993,"q":1.7976931348623157e308,"r":100000.0,"s":1e5,"t":123456.789e-3}',
  keys: '{"":1,"constructor":2,"hasOwnProperty":{"toString":[],"__proto__":{"_id":1}},"a b":4,"ä/ö":5,"\\u0000":6,"😀":7,"\\"":8,' +
    '"\\\\":9,"\\u2028":10,"é":11,"é":12,"$ref":13,".":14,"a.b":15,"length":16,"then":{"toJSON":1},"A":1,"a":2}',
  strings: '{"s":["\\u0000\\u0001\\u001f\\u007f","\\ud83d\\ude00","😀","\\u2028\\u2029","ß","İ","\\/","é vs é","\\uffff"]}',
  nested: `{"n":${'['.repeat(500)}${']'.repeat(500)},"o":${'{"x":'.repeat(300)}null${'}'.repeat(300)}}`,
  lists: `{"l":[[],[[]],[{}],{},[1,[2,[3]]],[${Array(300).fill(7).join(',')}],[${Array(300).fill(300).join(',')}]]}`,
  empty: '{}'
}
export const oddIds = ['with/slash', 'with space', 'plus+sign', 'per%cent', 'ümläut', '😀', 'a:b', '"quote"', 'a?b#c&d=e',
  'ends.', ' starts', '\\back', 'x'.repeat(500), '0', '~tilde', "it's", '<tag>', 'new\nline', 'tab\t']

/** The databases, with deletions, conflicts, purges, deep histories and files, from a seed. */
export async function fill (server, { seed = 1, documents = 300, megabytes = 0 } = {}) {
  const random = numbers(seed)
  const hash = () => random.bytes(16).toString('hex')
  const put = (target, body) => server.json('PUT', target, body, [200, 201, 202])
  for (const name of ['clinic', 'clinic/ward+1', 'purged', 'empty', 'deep', 'a_$()+-/z']) await put(pathOf(name))
  await put('/parts?partitioned=true')
  await put('/many?q=4')
  await put('/single?q=1')

  await edits(server, '/clinic', documents, random)
  await edits(server, pathOf('clinic/ward+1'), 40, random)
  await edits(server, '/many', 100, random)
  await edits(server, '/single', 60, random)
  await branches(server, '/clinic', 60, random, hash)
  await branches(server, pathOf('clinic/ward+1'), 20, random, hash)
  await branches(server, '/single', 20, random, hash)
  for (const [name, text] of Object.entries(odd)) await put(`/clinic/odd-${name}`, text)
  for (const id of oddIds) await put(`/clinic/${encodeURIComponent(id)}`, { id })
  await put('/clinic/large', { text: 'läßt '.repeat(600000), list: Array.from({ length: 50000 }, (_, n) => ({ n, x: n / 3 })) })
  await designs(server, '/clinic')
  await designs(server, pathOf('clinic/ward+1'))
  await files(server, '/clinic', random)

  await put('/deep/_revs_limit', '10')
  for (let n = 0; n < 5; n++) {
    let rev
    for (let edit = 0; edit < 40; edit++) rev = (await put(`/deep/d${n}`, { edit, _rev: rev })).rev
  }
  const long = Array.from({ length: 30 }, hash)
  await server.json('POST', '/deep/_bulk_docs', { new_edits: false, docs: [
    { _id: 'd0', _rev: `60-${long[0]}`, _revisions: { start: 60, ids: long }, far: true }] })

  for (let n = 0; n < 40; n++) await put(`/parts/${encodeURIComponent(['a', 'b', 'ü'][n % 3])}:${n}`, { n })
  await purges(server, random, hash)
  await put('/clinic/_security', { admins: { names: ['boss'], roles: ['chief'] }, members: { names: ['ann'], roles: ['nurse'] }, more: { kept: 1 } })
  await put('/single/_security', { admins: { names: [], roles: [] }, members: { names: [], roles: [] } })
  for (let n = 0; n < 30; n++) await put(`/clinic/_local/l${n}`, { n, last_seq: `${n}-abc`, nested: { x: [1.0, null] } })
  await put('/clinic/_local/with%2Fslash', { n: 1 })
  await put('/empty/_local/only', { n: 1 })
  await put('/many/_revs_limit', '500')
  await people(server)
  await replications(server)
  if (megabytes) {
    await put('/files')
    const bytes = Buffer.concat(Array.from({ length: megabytes }, () => random.bytes(1 << 20)))
    const { status } = await server.call('PUT', '/files/large/blob.bin', bytes, { 'content-type': 'application/octet-stream' })
    if (status !== 201) throw new Error(`the large attachment: ${status}`)
  }
}

async function edits (server, db, documents, random) {
  for (let at = 0; at < documents; at += 100) {
    const docs = []
    for (let n = at; n < Math.min(documents, at + 100); n++) {
      docs.push({ _id: `doc-${String(n).padStart(4, '0')}`, n, text: 'ä'.repeat(random.below(60)), x: n / 7 })
    }
    let rows = await server.json('POST', `${db}/_bulk_docs`, { docs })
    for (let round = 0; round < 3; round++) {
      const next = rows.filter(({ rev }) => rev && random.below(2)).map(({ id, rev }) => ({
        _id: id, _rev: rev, round, ...(random.below(8) === 0 ? { _deleted: true, why: 'gone' } : {})
      }))
      const live = new Set(next.filter(doc => !doc._deleted).map(doc => doc._id))
      rows = (await server.json('POST', `${db}/_bulk_docs`, { docs: next })).filter(({ id }) => live.has(id))
    }
  }
  await server.json('PUT', `${db}/back`, { n: 1 })
  const { rev } = await server.json('GET', `${db}/back`).then(doc => ({ rev: doc._rev }))
  await server.json('DELETE', `${db}/back?rev=${rev}`)
  await server.json('PUT', `${db}/back`, { n: 'again' })
}

async function branches (server, db, documents, random, hash) {
  const docs = []
  for (let n = 0; n < documents; n++) {
    const [root, depth] = [hash(), 1 + random.below(4)]
    for (let leaf = 0; leaf <= random.below(5); leaf++) {
      const ids = [...Array.from({ length: depth + random.below(3) }, hash), root]
      docs.push({
        _id: `tree-${n}`, _rev: `${ids.length}-${ids[0]}`, _revisions: { start: ids.length, ids }, leaf,
        ...(random.below(4) === 0 ? { _deleted: true } : {}),
        ...(random.below(4) === 0 ? { _attachments: { 'leaf.txt': { content_type: 'text/plain', revpos: 2, data: Buffer.from(`leaf ${leaf} of ${n}`).toString('base64') } } } : {})
      })
    }
  }
  await server.json('POST', `${db}/_bulk_docs`, { new_edits: false, docs })
}

async function designs (server, db) {
  await server.json('PUT', `${db}/_design/views`, {
    views: { by_n: { map: 'function (doc) { if (doc.n !== undefined) emit(doc.n, 1) }', reduce: '_sum' } },
    filters: { even: 'function (doc, req) { return doc.n % 2 === 0 }' },
    _attachments: { 'page.html': { content_type: 'text/html', data: Buffer.from('<p>page</p>').toString('base64') } }
  })
  await server.json('PUT', `${db}/_design/rules`, {
    validate_doc_update: 'function (doc) { if (doc.forbidden) throw { forbidden: "no" } }'
  })
  await server.json('POST', `${db}/_index`, { index: { fields: ['n', 'text'] }, name: 'by-n' })
  await server.json('GET', `${db}/_design/views/_view/by_n`)
}

async function files (server, db, random) {
  const text = Buffer.from('compressible text. '.repeat(5000))
  const put = async (target, bytes, type, headers = {}) => {
    const rev = (await server.call('GET', target.slice(0, target.indexOf('/', db.length + 1)))).json?._rev
    const reply = await server.call('PUT', target + (rev ? `?rev=${rev}` : ''), bytes, { 'content-type': type, ...headers })
    if (reply.status !== 201) throw new Error(`${target}: ${reply.status} ${reply.bytes}`)
  }
  await put(`${db}/files/text.txt`, text, 'text/plain')
  await put(`${db}/files/binary.png`, random.bytes(70000), 'image/png')
  await put(`${db}/files/empty.bin`, Buffer.alloc(0), 'application/octet-stream')
  await put(`${db}/files/empty.txt`, Buffer.alloc(0), 'text/plain')
  await put(`${db}/files/data.json`, Buffer.from('{"a":[1,2,3]}'), 'application/json')
  await put(`${db}/files/packed`, zlib.gzipSync(text), 'application/octet-stream', { 'content-encoding': 'gzip' })
  await put(`${db}/files/with%2Fslash%20%C3%A4%F0%9F%98%80.txt`, Buffer.from('odd name'), 'text/plain; charset=utf-8')
  await put(`${db}/files/script.js`, Buffer.from('"use strict"'), 'application/javascript')
  await put(`${db}/files/untyped`, random.bytes(5000), '')
  await put(`${db}/files2/one.xml`, text, 'application/xml')
  const doc = await server.json('GET', `${db}/files2`)
  await server.json('PUT', `${db}/files2`, { ...doc, edited: true })
  await put(`${db}/files2/million`, random.bytes(1300000), 'video/mp4')
}

async function purges (server, random, hash) {
  await edits(server, '/purged', 60, random)
  await branches(server, '/purged', 20, random, hash)
  const { rows } = await server.json('GET', '/purged/_all_docs')
  const whole = Object.fromEntries(rows.filter((_, n) => n % 4 === 0).map(({ id, value }) => [id, [value.rev]]))
  await server.json('POST', '/purged/_purge', whole)
  // Some leaf by leaf: two purges of one document.
  const { results } = await server.json('GET', '/purged/_changes?style=all_docs')
  const torn = results.filter(({ changes }) => changes.length > 2).slice(0, 3)
  for (const at of [0, 1]) {
    await server.json('POST', '/purged/_purge', Object.fromEntries(torn.map(({ id, changes }) => [id, [changes[at].rev]])))
  }
}

async function people (server) {
  const user = (name, more) => server.json('PUT', `/_users/org.couchdb.user:${encodeURIComponent(name)}`, {
    name, type: 'user', roles: ['nurse'], ...more })
  await user('ann', { password: 'ann-secret' })
  await user('jörg', { password: 'grüße', roles: [] })
  const salt = '00112233445566778899aabbccddeeff'
  await user('simple', { password_scheme: 'simple', salt, password_sha: crypto.createHash('sha1').update('old-secret' + salt).digest('hex') })
  for (const prf of ['sha', 'sha256', 'sha512']) {
    const [name, bytes] = prf === 'sha' ? ['sha1', 20] : [prf, Number(prf.slice(3)) / 8]
    const key = crypto.pbkdf2Sync(`${prf}-secret`, salt, 1000, bytes, name).toString('hex')
    await user(prf, { password_scheme: 'pbkdf2', pbkdf2_prf: prf, iterations: 1000, salt, derived_key: key })
  }
  const key = crypto.pbkdf2Sync('bare-secret', salt, 10, 20, 'sha1').toString('hex')
  await user('bare', { password_scheme: 'pbkdf2', iterations: 10, salt, derived_key: key })
}

/** Names and passwords of the people that `fill` makes. */
export const passwords = { ann: 'ann-secret', jörg: 'grüße', simple: 'old-secret', sha: 'sha-secret', sha256: 'sha256-secret', sha512: 'sha512-secret', bare: 'bare-secret' }

async function replications (server) {
  await server.json('PUT', '/_replicator/once', { source: `${server.url}/single`, target: `${server.url}/copied`, create_target: true })
  await server.json('PUT', '/_replicator/follow', { source: `${server.url}/single`, target: `${server.url}/followed`, create_target: true, continuous: true })
  await server.json('PUT', '/_replicator/never', { source: 'http://127.0.0.1:1/nothing', target: `${server.url}/single`, continuous: true })
}
