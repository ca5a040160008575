// A CouchDB 1.6.1 to import from: what its source says that it answers (couch_httpd*.erl, couch_doc.erl,
// couch_db.erl of that tag), over databases in memory. It knows nothing of what came later: no
// _bulk_get, _dbs_info, _local_docs, _purged_infos_limit, _node; sequences are plain numbers.
import crypto from 'node:crypto'
import http from 'node:http'

class Refusal extends Error {
  constructor (status, error, reason) { super(reason); Object.assign(this, { status, error }) }
}
const missing = (reason = 'missing') => new Refusal(404, 'not_found', reason)
const badRequest = reason => new Refusal(400, 'bad_request', reason)

const revOf = leaf => `${leaf.start}-${leaf.ids[0]}`
const generation = rev => Number.parseInt(rev)
const hasRev = (leaf, rev) => {
  const at = leaf.start - generation(rev)
  return at >= 0 && leaf.ids[at] === rev.slice(rev.indexOf('-') + 1)
}
const md5 = bytes => crypto.createHash('md5').update(bytes).digest('base64')

/** Not deleted ones first, then by generation and hash: couch_doc:to_doc_info/1. */
function byRank (a, b) {
  if (a.deleted !== b.deleted) return a.deleted ? 1 : -1
  if (a.start !== b.start) return b.start - a.start
  return a.ids[0] < b.ids[0] ? 1 : -1
}

export class Database1 {
  constructor (name) {
    Object.assign(this, { name, seq: 0, documents: new Map(), locals: new Map(), security: {}, revsLimit: 1000 })
  }

  /** A leaf with its history, as replication brings it. False where it is there. */
  store (id, leaf) {
    const found = this.documents.get(id) ?? { id, leaves: [] }
    if (found.leaves.some(one => hasRev(one, revOf(leaf)))) return false
    found.leaves = found.leaves.filter(one => !hasRev(leaf, revOf(one)))
    found.leaves.push({ deleted: false, body: {}, files: [], ...leaf })
    found.leaves.sort(byRank)
    found.seq = ++this.seq
    this.documents.set(id, found)
    return true
  }

  rows (since) {
    return [...this.documents.values()].filter(one => one.seq > since).sort((a, b) => a.seq - b.seq)
  }

  info () {
    const all = [...this.documents.values()]
    const deleted = all.filter(one => one.leaves[0].deleted).length
    return {
      db_name: this.name, doc_count: all.length - deleted, doc_del_count: deleted, update_seq: this.seq, purge_seq: 0,
      compact_running: false, disk_size: 123456, data_size: 12345, instance_start_time: '1400000000000000',
      disk_format_version: 6, committed_update_seq: this.seq
    }
  }
}

/** A file as it is stored: `packed` where CouchDB compressed it. */
export function file (name, type, bytes, revpos, packed) {
  const stored = packed ?? bytes
  return { name, type, revpos, stored, length: bytes.length, bytes, gzip: packed !== undefined, digest: `md5-${md5(stored)}` }
}

// couch_doc:to_json_attachments/4; `carries`: as data, to follow, or else as stubs.
function filesJson (leaf, carries, encoding) {
  const bytesOf = one => {
    const form = one.stub ? 'stubs' : carries
    if (form === 'data') return { data: one.bytes.toString('base64') }
    return { length: one.length, ...(form === 'follows' ? { follows: true } : { stub: true }) }
  }
  return Object.fromEntries(leaf.files.map(one => [one.name, {
    content_type: one.type,
    revpos: one.revpos,
    digest: one.digest,
    ...bytesOf(one),
    ...(encoding && one.gzip ? { encoding: 'gzip', encoded_length: one.stored.length } : {})
  }]))
}

function documentJson (id, leaf, { revs = false, carries = 'stubs', encoding = false }) {
  return {
    _id: id,
    _rev: revOf(leaf),
    ...leaf.body,
    ...(leaf.deleted ? { _deleted: true } : {}),
    ...(revs ? { _revisions: { start: leaf.start, ids: leaf.ids } } : {}),
    ...(leaf.files.length ? { _attachments: filesJson(leaf, carries, encoding) } : {})
  }
}

// couch_doc:doc_to_multi_part_stream/5
function related (json, leaf, boundary) {
  const files = leaf.files.filter(one => !one.stub)
  if (files.length === 0) return ['application/json', Buffer.from(json)]
  const parts = [Buffer.from(`--${boundary}\r\nContent-Type: application/json\r\n\r\n${json}\r\n--${boundary}`)]
  for (const one of files) {
    parts.push(Buffer.from(`\r\nContent-Disposition: attachment; filename="${one.name}"\r\nContent-Type: ${one.type}` +
      `\r\nContent-Length: ${one.stored.length}${one.gzip ? '\r\nContent-Encoding: gzip' : ''}\r\n\r\n`))
    parts.push(one.stored, Buffer.from(`\r\n--${boundary}`))
  }
  parts.push(Buffer.from('--'))
  return [`multipart/related; boundary="${boundary}"`, Buffer.concat(parts)]
}

/**
 * A running one. `users`: names of server admins with their passwords; none: everybody is one. `onAsked`,
 * where it is set, is called before each answer.
 */
export class CouchDB1 {
  static async start ({ databases = [], config = {}, users = {}, uuid = '85fb71bf700c17267fef77535820e371' } = {}) {
    const couch = new CouchDB1()
    Object.assign(couch, { config, users, uuid })
    couch.databases = new Map(databases.map(one => [one.name, one]))
    couch.server = http.createServer((request, reply) => couch.receive(request, reply))
    couch.server.keepAliveTimeout = 0 // Else what is kept may end just when it is used again.
    await new Promise(resolve => couch.server.listen(0, '127.0.0.1', resolve))
    couch.origin = `http://127.0.0.1:${couch.server.address().port}`
    const [name] = Object.keys(users)
    couch.url = name ? couch.origin.replace('//', `//${name}:${encodeURIComponent(users[name])}@`) : couch.origin
    return couch
  }

  stop () {
    this.server.closeAllConnections()
    this.server.close()
  }

  receive (request, reply) {
    const sent = []
    request.on('data', bytes => sent.push(bytes))
    request.on('end', () => {
      const { pathname, searchParams: query } = new URL(request.url, this.origin)
      const path = pathname.split('/').filter(Boolean).map(decodeURIComponent)
      // mochiweb's limit for the first line.
      if (request.url.length > 8000) return reply.writeHead(400).end()
      this.onAsked?.(path, query)
      const method = request.method === 'HEAD' ? 'GET' : request.method
      const call = { request, reply, method, path, query, text: Buffer.concat(sent).toString() }
      try { this.answer(call) } catch (error) {
        if (!(error instanceof Refusal)) throw error
        this.json(call, error.status, { error: error.error, reason: error.message })
      }
    })
  }

  json ({ request, reply }, status, value, headers = {}) {
    const types = (request.headers.accept ?? '').split(/[, ]+/)
    const bytes = Buffer.from(JSON.stringify(value) + '\n')
    reply.writeHead(status, {
      server: 'CouchDB/1.6.1 (Erlang OTP/R16B03)',
      'content-type': types.includes('application/json') ? 'application/json' : 'text/plain; charset=utf-8',
      'cache-control': 'must-revalidate',
      'content-length': bytes.length,
      ...headers
    })
    reply.end(bytes)
  }

  isAdmin ({ request }) {
    const names = Object.keys(this.users)
    if (names.length === 0) return true
    const [, given] = /^Basic (.+)$/.exec(request.headers.authorization ?? '') ?? []
    if (!given) return false
    const [name, ...password] = Buffer.from(given, 'base64').toString().split(':')
    if (this.users[name] !== password.join(':')) throw new Refusal(401, 'unauthorized', 'Name or password is incorrect.')
    return true
  }

  answer (call) {
    const admin = this.isAdmin(call)
    const [first] = call.path
    if (!first) {
      return this.json(call, 200, {
        couchdb: 'Welcome', uuid: this.uuid, version: '1.6.1', vendor: { name: 'The Apache Software Foundation', version: '1.6.1' }
      })
    }
    if (first === '_all_dbs') return this.json(call, 200, [...this.databases.keys()].sort())
    if (first === '_config') return this.settings(call, admin)
    if (first === '_session') return this.session(call, admin)
    if (first.startsWith('_') && !['_users', '_replicator'].includes(first)) {
      throw new Refusal(400, 'illegal_database_name', `Name: '${first}'. Only lowercase characters (a-z), digits (0-9), ` +
        'and any of the characters _, $, (, ), +, -, and / are allowed. Must begin with a letter.')
    }
    const database = this.databases.get(first)
    if (!database) throw missing('no_db_file')
    if (first === '_users' && call.path[1] === '_changes' && !admin) {
      throw new Refusal(401, 'unauthorized', 'You are not a db or server admin.')
    }
    return this.inDatabase(call, database)
  }

  settings (call, admin) {
    if (!admin) throw new Refusal(401, 'unauthorized', 'You are not a server admin.')
    const [, section, key] = call.path
    if (!section) return this.json(call, 200, this.config)
    if (!key) return this.json(call, 200, this.config[section] ?? {})
    const value = this.config[section]?.[key]
    if (value === undefined) throw missing('unknown_config_value')
    this.json(call, 200, value)
  }

  session (call, admin) {
    const user = { name: admin && Object.keys(this.users)[0] ? Object.keys(this.users)[0] : null, roles: admin ? ['_admin'] : [] }
    if (call.method === 'GET') return this.json(call, 200, { ok: true, userCtx: user, info: { authentication_db: '_users' } })
    const { name, password } = call.text.startsWith('{') ? JSON.parse(call.text) : Object.fromEntries(new URLSearchParams(call.text))
    if (this.users[name] !== password) throw new Refusal(401, 'unauthorized', 'Name or password is incorrect.')
    this.json(call, 200, { ok: true, name: null, roles: ['_admin'] })
  }

  inDatabase (call, database) {
    const { method, path: [, second, third], query } = call
    const body = () => {
      try { return JSON.parse(call.text) } catch { throw badRequest('invalid_json') }
    }
    if (second === undefined) return this.json(call, 200, database.info())
    if (second === '_changes') return this.changes(call, database)
    if (second === '_security' && method === 'GET') return this.json(call, 200, database.security)
    if (second === '_revs_limit' && method === 'GET') return this.json(call, 200, database.revsLimit)
    if (second === '_ensure_full_commit') return this.json(call, 201, { ok: true, instance_start_time: '1400000000000000' })
    if (second === '_revs_diff') return this.json(call, 200, this.lacking(database, body()))
    if (second === '_bulk_docs') return this.json(call, 201, this.take(database, body()))
    if (second === '_local') return this.local(call, database, third, method === 'PUT' ? body() : undefined)
    // What it does not know it takes for documents, which have other names.
    if (method === 'POST') throw badRequest('Referer header required.')
    if (method === 'PUT' && second.startsWith('_')) throw badRequest('Only reserved document ids may start with underscore.')
    const id = second === '_design' ? `_design/${third}` : second
    const names = call.path.slice(second === '_design' ? 3 : 2)
    const found = database.documents.get(id)
    if (names.length > 0) return this.attachment(call, found, names.join('/'))
    if (query.get('open_revs')) return this.openRevisions(call, id, found)
    const rev = query.get('rev')
    const leaf = rev ? found?.leaves.find(one => revOf(one) === rev) : found?.leaves[0]
    if (!leaf) throw missing()
    if (!rev && leaf.deleted) throw missing('deleted')
    const carries = query.get('attachments') === 'true' ? 'data' : 'stubs'
    this.json(call, 200, documentJson(id, leaf, { revs: query.get('revs') === 'true', carries }), { etag: `"${revOf(leaf)}"` })
  }

  changes (call, database) {
    const { reply, query } = call
    const since = query.get('since') ?? '0'
    // list_to_integer/1
    if (!/^[+-]?\d+$/.test(since)) throw new Refusal(500, 'unknown_error', 'badarg')
    const limit = Number(query.get('limit') ?? Infinity)
    const rows = database.rows(Number(since)).slice(0, limit)
    const shown = leaf => ({ rev: revOf(leaf) })
    reply.writeHead(200, { 'content-type': 'application/json', 'cache-control': 'must-revalidate' })
    reply.write('{"results":[\n')
    rows.forEach(({ seq, id, leaves }, at) => {
      const changes = (query.get('style') === 'all_docs' ? leaves : leaves.slice(0, 1)).map(shown)
      reply.write((at ? ',\n' : '') + JSON.stringify({ seq, id, changes, ...(leaves[0].deleted ? { deleted: true } : {}) }))
    })
    const last = rows.length === limit && limit > 0 ? rows[rows.length - 1].seq : database.seq
    reply.end(`\n],\n"last_seq":${last}}\n`)
  }

  lacking (database, asked) {
    const answer = {}
    for (const [id, revs] of Object.entries(asked)) {
      const leaves = database.documents.get(id)?.leaves ?? []
      const absent = revs.filter(rev => !leaves.some(one => hasRev(one, rev)))
      if (absent.length === 0) continue
      const before = leaves.filter(one => absent.some(rev => one.start < generation(rev))).map(revOf)
      answer[id] = { missing: absent, ...(before.length ? { possible_ancestors: before } : {}) }
    }
    return answer
  }

  take (database, { docs, new_edits: newEdits = true }) {
    if (newEdits) throw badRequest('this one takes replicated documents only')
    for (const { _id, _rev, _revisions, _deleted: deleted = false, _attachments = {}, ...body } of docs) {
      const files = Object.entries(_attachments).map(([name, { content_type: type, data, revpos }]) =>
        file(name, type, Buffer.from(data, 'base64'), revpos))
      database.store(_id, { start: _revisions.start, ids: _revisions.ids, deleted, body, files })
    }
    return []
  }

  local (call, database, name, body) {
    const there = database.locals.get(name)
    if (call.method === 'GET') {
      if (!there) throw missing()
      return this.json(call, 200, there)
    }
    if ((there?._rev ?? undefined) !== body._rev) throw new Refusal(409, 'conflict', 'Document update conflict.')
    const rev = `0-${Number.parseInt((there?._rev ?? '0-0').slice(2)) + 1}`
    database.locals.set(name, { ...body, _id: `_local/${name}`, _rev: rev })
    this.json(call, 201, { ok: true, id: `_local/${name}`, rev })
  }

  attachment ({ reply, query }, found, name) {
    const rev = query.get('rev')
    const leaf = rev ? found?.leaves.find(one => revOf(one) === rev) : found?.leaves[0]
    const one = leaf?.files.find(other => other.name === name)
    if (!one) throw missing('Document is missing attachment')
    reply.writeHead(200, { 'content-type': one.type, 'content-length': one.bytes.length, 'content-md5': md5(one.bytes) })
    reply.end(one.bytes)
  }

  // couch_db:open_doc_revs/4, with `latest`, and couch_httpd_db:send_docs_multipart/3.
  openRevisions (call, id, found) {
    const { request, reply, query } = call
    const asked = query.get('open_revs') === 'all' ? undefined : JSON.parse(query.get('open_revs'))
    const leaves = found?.leaves ?? []
    const results = asked ? [] : [...leaves]
    for (const rev of asked ?? []) {
      const latest = query.get('latest') === 'true'
      const fitting = leaves.filter(one => latest ? hasRev(one, rev) : revOf(one) === rev)
      if (fitting.length === 0) results.push({ missing: rev })
      results.push(...fitting.filter(one => !results.includes(one)))
    }
    const since = JSON.parse(query.get('atts_since') ?? '[]')
    const opened = results.map(one => {
      if (one.missing) return one
      const known = Math.max(0, ...since.filter(rev => hasRev(one, rev)).map(generation))
      return { ...one, files: one.files.map(each => ({ ...each, stub: each.revpos <= known })) }
    })
    const revs = query.get('revs') === 'true'
    const multipart = (request.headers.accept ?? '*/*').split(',').some(type => ['multipart/mixed', '*/*'].includes(type.trim()))
    if (!multipart) {
      const carries = query.get('attachments') === 'true' || since.length ? 'data' : 'stubs'
      const list = opened.map(one => one.missing ? one : { ok: documentJson(id, one, { revs, carries }) })
      return this.json(call, 200, list)
    }
    const [outer, inner] = [crypto.randomBytes(16).toString('hex'), crypto.randomBytes(16).toString('hex')]
    reply.writeHead(200, { 'content-type': `multipart/mixed; boundary="${outer}"` })
    reply.write(`--${outer}`)
    for (const one of opened) {
      if (one.missing) {
        reply.write(`\r\nContent-Type: application/json; error="true"\r\n\r\n${JSON.stringify(one)}\r\n--${outer}`)
        continue
      }
      const json = JSON.stringify(documentJson(id, one, { revs, carries: 'follows', encoding: true }))
      const [type, bytes] = related(json, one, inner)
      reply.write(`\r\nContent-Type: ${type}\r\n\r\n`)
      reply.write(bytes)
      reply.write(`\r\n--${outer}`)
    }
    reply.end('--')
  }
}
