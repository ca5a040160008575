#!/usr/bin/env node
// What CouchDB's own test suites say of it beyond the recorded answers: settings that change answers,
// virtual hosts, what functions of design documents may do, replications without ids.
import { Checks, Server, admin } from './support.mjs'

const checks = new Checks('compatibility')
const server = await Server.start({ ini: '[couchdb]\nusers_db_security_editable = true\n' })
const config = (section, key, value) =>
  server.json(value === undefined ? 'DELETE' : 'PUT', `/_node/_local/_config/${section}/${key}`,
    value === undefined ? undefined : JSON.stringify(value))

/** Runs `work` with settings, given as "section/key": value, and takes them back. */
async function withSettings (settings, work) {
  for (const [name, value] of Object.entries(settings)) await config(...split(name), value)
  try { await work() } finally {
    for (const name of Object.keys(settings).reverse()) await config(...split(name))
  }
}
const split = name => { const at = name.indexOf('/'); return [name.slice(0, at), name.slice(at + 1)] }
const text = reply => reply.bytes.toString()
/** Status, error and reason of a refusal. */
const refusal = reply => [reply.status, reply.json?.error, reply.json?.reason]
const basic = (name, password) => ({ authorization: 'Basic ' + Buffer.from(`${name}:${password}`).toString('base64') })

await checks.run('jsonp', async () => {
  await server.json('PUT', '/jsonp')
  await server.json('PUT', '/jsonp/0', { a: 0 })
  await server.call('PUT', '/jsonp/f/a.json', '{"own":1}', { 'content-type': 'application/json' })
  await server.json('PUT', '/jsonp/_design/d', {
    views: { v: { map: 'function (doc) { if ("a" in doc) emit(doc._id, doc.a) }' } },
    shows: { s: 'function () { return { json: { own: 1 } } }' }
  })
  const plain = await server.call('GET', '/jsonp/0?callback=f')
  checks.same(plain.headers['content-type'], 'application/json', 'nothing is wrapped unless it is allowed')
  await withSettings({ 'chttpd/allow_jsonp': 'true' }, async () => {
    const doc = await server.call('GET', '/jsonp/0?callback=my.fun[0]_x')
    checks.same(doc.headers['content-type'], 'application/javascript', 'the type of a script')
    checks.that(/^\/\* CouchDB \*\/my\.fun\[0\]_x\(\{"_id":"0".*\}\);\n$/.test(text(doc)), `a document: ${text(doc)}`)
    for (const path of ['_design/d/_view/v', '_all_docs', '_changes']) {
      const reply = await server.call('GET', `/jsonp/${path}?callback=f`)
      checks.same(reply.headers['content-type'], 'application/javascript', `the type of ${path}`)
      const inner = /^\/\* CouchDB \*\/f\(([^]*)\);\n$/.exec(text(reply))?.[1]
      const own = await server.call('GET', `/jsonp/${path}`)
      checks.same(inner, text(own).replace(/\n$/, ''), `${path} within the call`)
    }
    const head = await server.call('HEAD', '/jsonp/0?callback=f')
    const same = await server.call('GET', '/jsonp/0?callback=f')
    checks.same(head.headers['content-length'], String(same.bytes.length), 'the length that HEAD tells')
    checks.that(/^\/\* CouchDB \*\/f\(\{"error":"not_found","reason":"missing"\}\);\n$/.test(
      text(await server.call('GET', '/jsonp/none?callback=f'))), 'an error is wrapped too')
    for (const bad of ['f"', 'a-b', 'f(1)', '<b>']) {
      checks.same(refusal(await server.call('GET', `/jsonp/0?callback=${encodeURIComponent(bad)}`)),
        [400, 'bad_request', 'invalid_callback'], `the name ${bad}`)
    }
    for (const own of ['/jsonp/f/a.json', '/jsonp/_design/d/_show/s']) {
      checks.same(text(await server.call('GET', `${own}?callback=f`)).trim(), '{"own":1}', `${own} stays what it is`)
    }
    checks.same((await server.call('GET', '/jsonp/0?callback=')).headers['content-type'], 'application/json', 'no name')
  })
})

await checks.run('addresses and headers', async () => {
  await server.json('PUT', '/names')
  await withSettings({ 'chttpd/decode_plus_to_space': 'false' }, async () => {
    checks.same((await server.json('PUT', '/names/a+b', {})).id, 'a+b', 'a plus that stays one')
    checks.same((await server.json('PUT', '/names/a%20b', {})).id, 'a b', 'an escaped space')
    await server.json('PUT', '/a+b')
    checks.same((await server.json('GET', '/a+b')).db_name, 'a+b', 'in the name of a database')
    checks.same((await server.json('GET', '/names/_all_docs?startkey=%22a+b%22&limit=1')).rows[0].id, 'a b', 'but not in a query')
  })
  checks.same((await server.json('PUT', '/names/c+d', {})).id, 'c d', 'a plus is a space')
  await withSettings({ 'chttpd/x_forwarded_host': 'X-Host' }, async () => {
    const made = await server.call('PUT', '/names/e', {}, { 'X-Host': 'mysite.example', 'X-Forwarded-Host': 'other.example' })
    checks.same(made.headers.location, 'http://mysite.example/names/e', 'a proxy\'s own header')
    const plain = await server.call('PUT', '/names/f', {}, { 'X-Forwarded-Host': 'other.example' })
    checks.same(plain.headers.location, `${server.origin}/names/f`, 'the usual one is not believed then')
  })
  await withSettings({ 'chttpd/max_uri_length': '100' }, async () => {
    checks.same(refusal(await server.call('GET', '/names/' + 'x'.repeat(100))),
      [414, 'too_long', 'the request uri is too long'], 'a long address')
    checks.same((await server.call('GET', '/names/e')).status, 200, 'a short one')
  })
  await withSettings({ 'chttpd/valid_hosts': '127.0.0.1,db.example', 'chttpd/validate_host': 'true' }, async () => {
    const asked = host => server.call('GET', '/names/e', undefined, { host })
    checks.same((await asked('db.example:80')).status, 200, 'a host that is ours')
    checks.same(refusal(await asked('evil.example')), [400, 'bad_request', 'Invalid host header'], 'one that is not')
  })
  await withSettings({ 'httpd/allow_jsonp': 'true' }, async () => {
    checks.same((await server.call('GET', '/names/e?callback=f')).headers['content-type'],
      'application/javascript', 'a setting in its old section')
    await withSettings({ 'chttpd/allow_jsonp': 'false' }, async () => {
      checks.same((await server.call('GET', '/names/e?callback=f')).headers['content-type'],
        'application/json', 'which the new one goes before')
    })
  })
  const minimal = await server.call('GET', '/names/e', undefined, { prefer: 'Return=minimal' })
  checks.same(Object.keys(minimal.headers).filter(name => name.startsWith('x-')), [], 'Prefer: return=minimal')
  checks.that(minimal.headers.etag && minimal.headers['content-type'], 'what is left then')
  const known = await server.call('GET', '/names/e', undefined, { 'if-none-match': minimal.headers.etag })
  checks.same([known.status, known.headers['content-length'], known.bytes.length], [304, '0', 0], 'nothing new')
})

await checks.run('virtual hosts', async () => {
  await server.json('PUT', '/site')
  await server.json('PUT', '/site/page', { text: 1 })
  await server.json('PUT', '/site/_design/d', {
    shows: { test: 'function (doc, req) { return { json: { path: "/" + req.path.join("/"), asked: "/" + req.requested_path.join("/") } } }' },
    rewrites: [{ from: '/', to: '_show/test' }]
  })
  const from = (host, path) => server.call('GET', path, undefined, { host })
  await withSettings({
    'vhosts/example.com': '/site',
    'vhosts/*.example.com': '/site/_design/d/_rewrite/',
    'vhosts/:dbname.example.org': '/:dbname'
  }, async () => {
    checks.same((await from('example.com', '/page')).json?.text, 1, 'a document')
    checks.same((await from('example.com', '/')).json?.db_name, 'site', 'the database')
    checks.same((await from('site.example.org', '/')).json?.db_name, 'site', 'its name from the host')
    checks.same((await from('www.example.com', '/')).json,
      { path: '/site/_design/d/_show/test', asked: '/' }, 'an application')
    checks.same((await from('example.com', '/_session')).json?.userCtx?.name, admin.name, 'the session is the server\'s')
    checks.same((await from('elsewhere.net', '/')).json?.couchdb, 'Welcome', 'another host')
  })
})

await checks.run('lists, shows and updates', async () => {
  await server.json('PUT', '/functions')
  await server.json('POST', '/functions/_bulk_docs', { docs: [{ _id: 'a', n: 1 }, { _id: 'b', n: 2 }] })
  await server.json('PUT', '/functions/_design/d', {
    views: { v: { map: 'function (doc) { if (doc.n) emit(doc.n) }' } },
    lists: {
      rows: 'function () { var row; send("head"); while (row = getRow()) send(row.key); return "tail" }',
      failing: 'function () { send("head"); getRow(); send("lost"); send(nothing) }',
      silent: 'function () { getRow(); throw ["error", "not_found", "no luck"] }',
      late: 'function () { send("head"); while (getRow()); send(nothing) }'
    },
    updates: { nameless: 'function () { return [{}, "made"] }' }
  })
  const list = (name, method = 'GET') => server.call(method, `/functions/_design/d/_list/${name}/v`)
  checks.same(text(await list('rows', 'OPTIONS')), 'head12tail', 'OPTIONS runs a list')
  const failing = await list('failing')
  checks.that(/^head\n\{"code":500,"error":"render_error","reason":"function raised error: .*ReferenceError.*\}\n$/.test(text(failing)),
    `a list that fails at a row: ${text(failing)}`)
  const silent = await list('silent')
  checks.same([silent.status, text(silent)], [404, '\n{"code":404,"error":"not_found","reason":"no luck"}\n'], 'one that fails before any output')
  checks.that(/^head\n\{"code":500,/.test(text(await list('late'))), 'one that fails after the last row')
  const policy = async () => (await list('rows')).headers['content-security-policy']
  checks.same(await policy(), 'sandbox', 'what a list answers does nothing')
  await withSettings({ 'csp/showlist_header_value': 'script-src \'self\'' }, async () => {
    checks.same(await policy(), 'script-src \'self\'', 'or what is set')
  })
  await withSettings({ 'csp/showlist_enable': 'false' }, async () => {
    checks.same(await policy(), undefined, 'or anything')
  })
  checks.same(refusal(await server.call('PUT', '/functions/_design/d/_update/nameless/x', {})),
    [400, 'illegal_docid', 'Document id must not be empty'], 'an update without an id')
})

await checks.run('users and their shows', async () => {
  await server.json('PUT', '/_users/_security', { admins: { roles: ['_admin'] }, members: {} })
  for (const name of ['tom', 'jerry']) {
    await server.json('PUT', `/_users/org.couchdb.user:${name}`, { name, type: 'user', roles: [], password: 'pw' })
  }
  await server.json('PUT', '/_users/_design/d', {
    shows: { name: 'function (doc) { return doc.name }' },
    views: { v: { map: 'function (doc) { emit(doc._id) }' } },
    lists: { l: 'function () { return "x" }' }
  })
  const asTom = path => server.call('GET', `/_users/_design/d/${path}`, undefined, basic('tom', 'pw'))
  checks.same(text(await asTom('_show/name/org.couchdb.user:tom')), 'tom', 'one\'s own document')
  checks.same((await asTom('_show/name/org.couchdb.user:jerry')).status, 404, 'another\'s')
  for (const path of ['_view/v', '_list/l/v', '_info', '_show/name/_design/d']) {
    checks.same((await asTom(path)).status, 403, path)
  }
})

await checks.run('indexes and selectors', async () => {
  await server.json('PUT', '/find')
  await server.json('PUT', '/find/a', { n: 1 })
  for (const method of ['GET', 'PUT', 'POST', 'DELETE', 'COPY', 'OPTIONS', 'PATCH']) {
    for (const path of ['a', 'a/b', 'a/b/c/d', 'a/b/c/d/e/f']) {
      checks.same((await server.call(method, `/find/_index/${path}`)).status, 404, `${method} _index/${path}`)
    }
  }
  checks.same((await server.call('PUT', '/find/_index/a/json/b')).status, 405, 'an index is only deleted')
  checks.same(refusal(await server.call('POST', '/find/_index', { index: { fields: ['n'] }, ddoc: '_design/' })),
    [400, 'illegal_docid', 'Illegal document id `_design/`'], 'a design document without a name')
  checks.same(refusal(await server.call('POST', '/find/_find', { selector: { _id: { '': null } } })),
    [400, 'invalid_field_name', 'Invalid field name: _id.'], 'a field without a name')
})

await checks.run('databases and lists', async () => {
  checks.same(refusal(await server.call('PUT', '/x%2F_users?partitioned=true')),
    [400, 'bad_request', 'Cannot partition a system database'], 'a partitioned system database')
  await server.json('PUT', '/lists')
  await server.json('POST', '/lists/_bulk_docs', {
    docs: [
      { _id: '_local/shard-sync-x', seq: 1, target_uuid: '4f' }, { _id: '_local/purge-mrview-x', purge_seq: 0 },
      { _id: '_local/1' }, { _id: '_local/purge-own' }, { _id: '_local/shard-sync-own', seq: 1 }
    ]
  })
  const ids = async query => (await server.json('GET', `/lists/_local_docs${query}`)).rows.map(row => row.id.slice(7))
  checks.same(await ids(''), ['1', 'purge-own', 'shard-sync-own'], 'CouchDB\'s own checkpoints are left out')
  checks.same(await ids('?limit=2'), ['1', 'purge-own'], 'and do not count')
  checks.same(await ids('?include_system=true'),
    ['1', 'purge-mrview-x', 'purge-own', 'shard-sync-own', 'shard-sync-x'], 'unless they are asked for')
})

await checks.run('replication of no ids', async () => {
  await server.json('PUT', '/source')
  await server.json('PUT', '/target')
  await server.json('PUT', '/source/a', {})
  const done = await server.json('POST', '/_replicate', { source: `${server.url}/source`, target: `${server.url}/target`, doc_ids: [] })
  checks.same([done.ok, done.no_changes], [true, true], 'nothing to do')
  checks.same((await server.json('GET', '/target')).doc_count, 0, 'nothing was copied')
})

await server.stop()
checks.finish()
