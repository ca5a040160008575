#!/usr/bin/env node
// divan-import from a running CouchDB 1.6 (couchdb_1.mjs plays it): conflicts, deletions, attachments,
// users, admins, the secret of its cookies, and its plain sequences, into a stopped folder and into a
// running server. $DIVAN_IMPORT names the importer, $DIVAN the server.
import { spawn } from 'node:child_process'
import crypto from 'node:crypto'
import path from 'node:path'
import zlib from 'node:zlib'
import { CouchDB1, Database1, file } from './couchdb_1.mjs'
import { Checks, Server, binary, numbers, tempFolder } from './support.mjs'

const checks = new Checks('import CouchDB 1')
const importer = path.resolve(process.env.DIVAN_IMPORT ?? path.join(path.dirname(binary()), 'divan-import'))
const folder = tempFolder('divan-import-couchdb-1')
const random = numbers(11)
const hash = () => random.bytes(16).toString('hex')
const secret = '5d0f3c7b9a1e48d2b6c4f0e19a7d3b52'

// ---------------------------------------------------------------- what CouchDB 1 has
function clinic () {
  const database = new Database1('clinic')
  database.security = { admins: { names: [], roles: ['staff'] }, members: { names: ['ann'], roles: [] } }
  database.revsLimit = 500
  for (let n = 0; n < 700; n++) {
    const id = n % 50 === 7 ? `a/b c+d ${n}ä` : `note-${n}`
    const [first, second, third] = [hash(), hash(), hash()]
    const body = { n, text: 'ä"\\\u2028'.repeat(n % 20), number: 1.5e10, list: [null, true, {}], '': 0 }
    database.store(id, { start: 1, ids: [first], body })
    if (n % 5 !== 0) continue
    database.store(id, { start: 2, ids: [second, first], body: { ...body, second: true } })
    if (n % 10 === 0) database.store(id, { start: 2, ids: [hash(), first], body: { ...body, other: true } })
    if (n % 15 === 0) database.store(id, { start: 3, ids: [third, second, first], deleted: true, body: {} })
  }
  // A stemmed history, more conflicts than an address has room for, and a revision that is no hash.
  database.store('stemmed', { start: 900, ids: Array.from({ length: 500 }, hash), body: { long: true } })
  for (let n = 0; n < 300; n++) database.store('torn', { start: 2, ids: [hash(), hash()], body: { n }, deleted: n % 3 === 0 })
  database.store('named', { start: 1, ids: ['1f'], body: { odd: 'revision' } })
  database.store('_design/d', { start: 1, ids: [hash()], body: { language: 'javascript', views: { n: { map: 'function (doc) { emit(doc.n) }' } } } })
  const text = Buffer.from('a text that CouchDB packs; '.repeat(300))
  const files = [
    file('text.txt', 'text/plain', text, 1, zlib.gzipSync(text)),
    file('empty', 'application/octet-stream', Buffer.alloc(0), 1),
    file('large "quoted".bin', 'application/octet-stream', random.bytes(900000), 2)
  ]
  database.store('files', { start: 2, ids: [hash(), hash()], body: { files: 3 }, files })
  database.store('files', { start: 2, ids: [hash(), hash()], body: { files: 1 }, files: files.slice(0, 1) })
  for (let n = 0; n < 30; n++) {
    database.store(`photo-${n}`, { start: 1, ids: [hash()], files: [file('photo.jpg', 'image/jpeg', random.bytes(3000), 1)] })
  }
  // Changed again: what was first comes last now.
  const [one] = database.documents.get('note-1').leaves
  database.store('note-1', { start: 2, ids: [hash(), one.ids[0]], body: { n: 1, late: true } })
  return database
}

function derived (password, salt, iterations) {
  return crypto.pbkdf2Sync(password, salt, iterations, 20, 'sha1').toString('hex')
}

function users () {
  const database = new Database1('_users')
  const [salt, simpleSalt] = [hash(), hash()]
  const common = { type: 'user', roles: ['nurse'] }
  database.store('_design/_auth', { start: 1, ids: [hash()], body: { language: 'javascript', validate_doc_update: 'function (newDoc, oldDoc, userCtx) {}' } })
  database.store('org.couchdb.user:ann', {
    start: 1, ids: [hash()],
    body: { ...common, name: 'ann', password_scheme: 'pbkdf2', iterations: 10, salt, derived_key: derived('ann secret', salt, 10) }
  })
  // Since before 1.3.
  const sha = crypto.createHash('sha1').update('bob secret' + simpleSalt).digest('hex')
  database.store('org.couchdb.user:bob', { start: 1, ids: [hash()], body: { ...common, name: 'bob', salt: simpleSalt, password_sha: sha } })
  return database
}

const rootSalt = hash()
// What `GET /_config` says: default.ini of 1.6.1, and what this admin changed.
const config = {
  admins: { root: `-pbkdf2-${derived('old password', rootSalt, 10)},${rootSalt},10` },
  attachments: { compressible_types: 'text/*, application/javascript, application/json, application/xml', compression_level: '8' },
  compaction_daemon: { check_interval: '300', min_file_size: '131072' },
  cors: { credentials: 'true', origins: 'https://clinic.example' },
  couch_httpd_auth: {
    allow_persistent_cookies: 'false', auth_cache_size: '50', authentication_db: '_users',
    authentication_redirect: '/_utils/session.html', iterations: '10', require_valid_user: 'false', secret, timeout: '1200'
  },
  couch_httpd_oauth: { use_users_db: 'false' },
  couchdb: {
    attachment_stream_buffer_size: '4096', database_dir: '/var/lib/couchdb', delayed_commits: 'true', file_compression: 'snappy',
    max_dbs_open: '100', max_document_size: '4294967296', os_process_timeout: '5000', plugin_dir: '/usr/lib/couchdb/plugins',
    uri_file: '/var/run/couchdb/couch.uri', uuid: '85fb71bf700c17267fef77535820e371', view_index_dir: '/var/lib/couchdb'
  },
  daemons: { httpd: '{couch_httpd, start_link, []}' },
  database_compaction: { checkpoint_after: '5242880', doc_buffer_size: '524288' },
  httpd: {
    allow_jsonp: 'false',
    authentication_handlers: '{couch_httpd_oauth, oauth_authentication_handler}, {couch_httpd_auth, cookie_authentication_handler}, {couch_httpd_auth, default_authentication_handler}',
    bind_address: '0.0.0.0', default_handler: '{couch_httpd_db, handle_request}', enable_cors: 'true', log_max_chunk_size: '1000000',
    port: '5984', secure_rewrites: 'true', socket_options: '[{recbuf, 262144}, {sndbuf, 262144}]',
    vhost_global_handlers: '_utils, _uuids, _session, _oauth, _users'
  },
  httpd_db_handlers: { _all_docs: '{couch_mrview_http, handle_all_docs_req}' },
  httpd_global_handlers: { '/': '{couch_httpd_misc_handlers, handle_welcome_req, <<"Welcome">>}' },
  log: { file: '/var/log/couchdb/couch.log', include_sasl: 'true', level: 'info' },
  query_server_config: { os_process_limit: '25', reduce_limit: 'true' },
  query_servers: { javascript: '/usr/bin/couchjs /usr/share/couchdb/server/main.js' },
  replicator: { connection_timeout: '30000', db: '_replicator', http_connections: '20', max_replication_retry_count: '10' },
  ssl: { port: '6984', ssl_certificate_max_depth: '1' },
  stats: { rate: '1000', samples: '[0, 60, 300, 900]' },
  uuids: { algorithm: 'sequential', max_count: '1000', utc_id_suffix: '' },
  vendor: { name: 'The Apache Software Foundation', version: '1.6.1' }
}

const couch = await CouchDB1.start({ databases: [clinic(), users(), new Database1('empty')], config, users: { root: 'old password' } })
process.on('exit', () => couch.stop())
const source = couch.databases.get('clinic')

const children = new Set()
process.on('exit', () => { for (const child of children) child.kill('SIGKILL') })

function run (...args) {
  const child = spawn(importer, ['--journals', path.join(folder, 'runs'), ...args], { stdio: ['ignore', 'pipe', 'pipe'] })
  children.add(child)
  let output = ''
  for (const stream of [child.stdout, child.stderr]) stream.on('data', bytes => { output += bytes })
  return new Promise(resolve => child.on('close', code => {
    children.delete(child)
    resolve({ code, output })
  }))
}

// ---------------------------------------------------------------- what is compared
const sorted = object => Object.fromEntries(Object.entries(object).sort(([a], [b]) => a < b ? -1 : 1))

function leafText ({ _id, _rev, _deleted = false, _revisions, _attachments = {}, ...body }) {
  const files = Object.entries(sorted(_attachments)).map(([name, one]) => [name, sorted(one)])
  return JSON.stringify([_rev, _deleted, _revisions, sorted(body), files])
}

// The tree as the peer's store has it, in the words of `open_revs`.
function wanted ({ leaves, id }) {
  return leaves.map(leaf => leafText({
    _id: id, _rev: `${leaf.start}-${leaf.ids[0]}`, _deleted: leaf.deleted, _revisions: { start: leaf.start, ids: leaf.ids }, ...leaf.body,
    _attachments: Object.fromEntries(leaf.files.map(one => [one.name, {
      content_type: one.type, revpos: one.revpos, digest: one.digest, data: one.bytes.toString('base64'),
      ...(one.gzip ? { encoding: 'gzip', encoded_length: one.stored.length } : {})
    }]))
  })).sort()
}

async function sameTrees (server, name, database) {
  for (const one of database.documents.values()) {
    const id = one.id.startsWith('_design/') ? one.id : encodeURIComponent(one.id)
    const got = await server.json('GET', `/${name}/${id}?open_revs=all&revs=true&attachments=true&att_encoding_info=true`)
    checks.same(got.map(({ ok }) => leafText(ok)).sort(), wanted(one), `${name}: ${one.id}`)
  }
  const { doc_count: count, doc_del_count: deleted } = await server.json('GET', `/${name}`)
  const { doc_count: countThere, doc_del_count: deletedThere } = database.info()
  checks.same([count, deleted], [countThere, deletedThere], `${name}: counts`)
}

const basic = (name, password) => ({ authorization: `Basic ${Buffer.from(`${name}:${password}`).toString('base64')}` })
const who = async (server, headers) => (await (await fetch(`${server.origin}/_session`, { headers })).json()).userCtx

// couch_httpd_auth:cookie_auth_cookie/4
function cookie (name, salt) {
  const text = `${name}:${Math.floor(Date.now() / 1000).toString(16).toUpperCase()}`
  const mac = crypto.createHmac('sha1', secret + salt).update(text).digest()
  return { cookie: 'AuthSession=' + Buffer.concat([Buffer.from(`${text}:`), mac]).toString('base64url') }
}

// ---------------------------------------------------------------- the imports
await checks.run('the plan says what is there', async () => {
  const { code, output } = await run('plan', couch.url)
  checks.same(code, 0, output)
  checks.that(output.includes('1.6.1'), output)
  checks.that(/^clinic +\d+/m.test(output) && /^_users +\d+/m.test(output) && /^empty +0/m.test(output), output)
  checks.that(!output.includes(secret) && !output.includes('pbkdf2-'), 'no value is shown')
})

await checks.run('who is no admin there is told so', async () => {
  const { code, output } = await run('plan', couch.origin, '--databases', '_users')
  checks.same(code, 2, output)
  checks.that(/server admin/.test(output), output)
  const others = await run('plan', couch.origin, '--databases', 'empty')
  checks.same(others.code, 0, `what everybody may read is read: ${others.output}`)
  const wrong = await run('plan', couch.origin.replace('//', '//root:guess@'))
  checks.same(wrong.code, 2, wrong.output)
  checks.that(/name or password is refused/.test(wrong.output), wrong.output)
})

const data = path.join(folder, 'data')
await checks.run('into a stopped folder, with its identity', async () => {
  const imported = await run('run', couch.url, '--to', data, '--take-identity')
  checks.same(imported.code, 0, imported.output)
  checks.that(/settings carried: .*admins\/root/.test(imported.output), imported.output)
  checks.that(/\[couchdb\] .*max_document_size/.test(imported.output), 'its default limit is left behind')
  checks.that(!imported.output.includes(secret), 'no value is shown')
  const verified = await run('verify', couch.url, '--to', data)
  checks.same(verified.code, 0, verified.output)
  const again = await run('run', couch.url, '--to', data, '--take-identity')
  checks.that(again.code === 0 && /\(0 new\)/.test(again.output) && !/[1-9]\d* new\)/.test(again.output), `the second time nothing is new: ${again.output}`)
})

const old = await Server.start({ folder })
await checks.run('trees, conflicts, deletions, attachments as they were', async () => {
  checks.same((await old.json('GET', '/_all_dbs')).filter(name => name !== '_replicator'), ['_users', 'clinic', 'empty'], 'databases')
  await sameTrees(old, 'clinic', source)
  await sameTrees(old, '_users', couch.databases.get('_users'))
  checks.same(await old.json('GET', '/clinic/_security'), source.security, '_security')
  checks.same(await old.json('GET', '/clinic/_revs_limit'), 500, 'the revision limit')
  const { rows } = await old.json('GET', '/clinic/_design/d/_view/n?limit=1')
  checks.same(rows.length, 1, 'its views work')
})

await checks.run('admins, users, cookies and settings as they were', async () => {
  checks.same((await old.json('GET', '/')).uuid, couch.uuid, 'the uuid')
  checks.same(await who(old, basic('root', 'old password')), { name: 'root', roles: ['_admin'] }, 'the admin')
  checks.same(await who(old, basic('ann', 'ann secret')), { name: 'ann', roles: ['nurse'] }, 'a user')
  checks.same(await who(old, basic('bob', 'bob secret')), { name: 'bob', roles: ['nurse'] }, 'a user of before 1.3')
  checks.same(await who(old, basic('ann', 'guess')), undefined, 'a wrong password')
  const annSalt = couch.databases.get('_users').documents.get('org.couchdb.user:ann').leaves[0].body.salt
  checks.same(await who(old, cookie('ann', annSalt)), { name: 'ann', roles: ['nurse'] }, "a user's cookie")
  checks.same(await who(old, cookie('root', rootSalt)), { name: 'root', roles: ['_admin'] }, "an admin's cookie")
  checks.same((await who(old, cookie('ann', 'x')))?.name ?? null, null, 'not a forged one')
  const settings = await old.json('GET', '/_node/_local/_config')
  checks.same(settings.cors?.origins, 'https://clinic.example', '[cors]')
  checks.same(settings.couchdb?.database_dir, data, 'folders stay its own')
  checks.that(settings.couchdb?.max_document_size !== '4294967296', "no limit that was the old server's default")
})

await checks.run('the numbers of the old server mean what they did', async () => {
  const rows = source.rows(0)
  for (let since = 0; since <= source.seq; since += since < 20 ? 1 : 37) {
    const { results } = await old.json('GET', `/clinic/_changes?since=${since}`)
    const lacked = rows.filter(row => row.seq > since).map(row => row.id)
    checks.same(results.map(row => row.id).sort(), lacked.sort(), `since ${since}`)
  }
  const { results } = await old.json('GET', `/clinic/_changes?since=${source.seq}`)
  checks.same(results, [], 'who has all is sent nothing')
})
await old.stop()

await checks.run('what came later arrives with the next run, and its numbers are known', async () => {
  const before = source.seq
  source.store('note-2', { start: 2, ids: [hash(), source.documents.get('note-2').leaves[0].ids[0]], body: { later: true } })
  source.store('quite new', { start: 1, ids: [hash()], body: {} })
  const imported = await run('run', couch.url, '--to', data, '--take-identity')
  checks.same(imported.code, 0, imported.output)
  const server = await Server.start({ folder })
  await sameTrees(server, 'clinic', source)
  for (const [since, ids] of [[before, ['note-2', 'quite new']], [before + 1, ['quite new']], [before + 2, []]]) {
    const { results } = await server.json('GET', `/clinic/_changes?since=${since}`)
    checks.same(results.map(row => row.id).sort(), ids, `since ${since}`)
  }
  await server.stop()
})

await checks.run('what changes while it is read counts as the later change that it is', async () => {
  const into = tempFolder('divan-import-couchdb-1')
  const last = source.seq
  const change = (id, body) => {
    const { start, ids } = source.documents.get(id).leaves[0]
    source.store(id, { start: start + 1, ids: [hash(), ...ids], body })
  }
  // Long after their rows were sent, and before they are asked for.
  let changed = false
  couch.onAsked = ([name, id], query) => {
    if (changed || id !== 'note-3' || !query.get('open_revs')) return
    changed = true
    for (const one of ['note-601', 'note-4']) change(one, { meanwhile: true })
  }
  const imported = await run('run', couch.url, '--to', path.join(into, 'data'), '--take-identity', '--databases', 'clinic')
  couch.onAsked = undefined
  checks.same(imported.code, 0, imported.output)
  checks.that(changed && source.seq === last + 2, 'two documents changed meanwhile')
  const server = await Server.start({ folder: into })
  const early = await server.json('GET', '/clinic/note-601')
  checks.same(early.meanwhile, true, 'one was read as it was then')
  const { results } = await server.json('GET', `/clinic/_changes?since=${last}`)
  checks.that(results.some(row => row.id === 'note-601'), 'so whoever had read to the end of then is sent it')
  await server.stop()
  const again = await run('run', couch.url, '--to', path.join(into, 'data'), '--take-identity', '--databases', 'clinic')
  checks.same(again.code, 0, again.output)
  const resumed = await Server.start({ folder: into })
  await sameTrees(resumed, 'clinic', source)
  for (let since = last - 3; since <= source.seq; since++) {
    const lacked = source.rows(since).map(row => row.id)
    const given = (await resumed.json('GET', `/clinic/_changes?since=${since}`)).results.map(row => row.id)
    checks.that(lacked.every(id => given.includes(id)), `since ${since}: ${given} of ${lacked}`)
  }
  await resumed.stop()
})

await checks.run('into a running server', async () => {
  const server = await Server.start()
  const imported = await run('run', couch.url, '--to', server.url)
  checks.same(imported.code, 0, imported.output)
  const verified = await run('verify', couch.url, '--to', server.url)
  checks.same(verified.code, 0, verified.output)
  await sameTrees(server, 'clinic', source)
  checks.same(await server.json('GET', '/clinic/_security'), source.security, '_security')
  checks.same(await server.json('GET', '/clinic/_revs_limit'), 500, 'the revision limit')
  checks.same(await who(server, basic('root', 'old password')), { name: 'root', roles: ['_admin'] }, 'the admin')
  checks.same(await who(server, basic('bob', 'bob secret')), { name: 'bob', roles: ['nurse'] }, 'a user')
  checks.that((await server.json('GET', '/')).uuid !== couch.uuid, 'its identity is its own')
  checks.same((await who(server, cookie('root', rootSalt)))?.name ?? null, null, 'so cookies of the old one are not good')
  await server.stop()
})

checks.finish()
