#!/usr/bin/env node
// Mango as clients use it: pouchdb-find over HTTP (createIndex, find, explain, getIndexes,
// deleteIndex), and the queries of applications that never make an index.
// $DIVAN_URL names a server to use instead of one of our own.
import PouchDB from 'pouchdb'
import find from 'pouchdb-find'
import memory from 'pouchdb-adapter-memory'
import { Checks, Server, numbers } from './support.mjs'

PouchDB.plugin(find).plugin(memory)
const checks = new Checks('find')
const server = process.env.DIVAN_URL ? undefined : await Server.start({ ini: '[log]\nlevel = warning\n' })
const base = (process.env.DIVAN_URL ?? server.url).replace(/\/$/, '')
const url = name => `${base}/${name}`

let made = 0
const remote = () => new PouchDB(url(`find-${process.pid}-${++made}`))
const ids = ({ docs }) => docs.map(doc => doc._id)
const { href, username, password } = new URL(base)
const authorization = 'Basic ' + Buffer.from(`${username}:${password}`).toString('base64')
const bare = href.replace(`${username}:${password}@`, '').replace(/\/$/, '')

async function post (path, body) {
  const response = await fetch(`${bare}/${path}`, {
    method: 'POST', headers: { authorization, 'content-type': 'application/json' }, body: JSON.stringify(body)
  })
  return { status: response.status, body: await response.json() }
}

const people = Array.from({ length: 120 }, (_, n) => ({
  _id: `user-${String(n).padStart(3, '0')}`,
  name: ['Ann', 'bob', 'Éva', 'Zoë'][n % 4] + n,
  age: (n * 7) % 60,
  visits: n,
  role: n % 3 ? 'patient' : 'practitioner',
  address: { city: ['Oslo', 'Bergen'][n % 2] },
  ...(n % 5 ? {} : { privateKey: `key-${n}` }),
  tags: n % 2 ? ['a', 'b'] : ['c']
}))

async function pouchdb () {
  const db = remote()
  await db.bulkDocs(people)
  const first = await db.createIndex({ index: { fields: ['age', 'name'], name: 'by-age', ddoc: 'ages' } })
  checks.same(first.result, 'created', 'createIndex makes an index')
  const again = await db.createIndex({ index: { fields: ['age', 'name'], name: 'by-age', ddoc: 'ages' } })
  checks.same(again.result, 'exists', 'the same createIndex finds it')
  await db.createIndex({ index: { fields: ['role'] } })
  const { indexes } = await db.getIndexes()
  checks.same(indexes.length, 3, 'getIndexes lists both and _all_docs')

  const selector = { age: { $gte: 20, $lt: 30 }, name: { $exists: true } }
  const found = await db.find({ selector, sort: ['age', 'name'], limit: 200 })
  const expected = people.filter(({ age }) => age >= 20 && age < 30)
  checks.same(ids(found).sort(), expected.map(({ _id }) => _id).sort(), 'find by an index')
  checks.same(found.docs.map(doc => doc.age), found.docs.map(doc => doc.age).sort((a, b) => a - b), 'in its order')
  checks.same(found.warning, undefined, 'without a warning')
  const plan = await db.explain({ selector, sort: ['age', 'name'] })
  checks.same(plan.index.name, 'by-age', 'explain names the index')

  const pages = []
  for (let bookmark; ;) {
    const page = await db.find({ selector, sort: ['age', 'name'], limit: 7, ...(bookmark ? { bookmark } : {}) })
    if (page.docs.length === 0) break
    pages.push(...ids(page))
    bookmark = page.bookmark
  }
  checks.same(pages, ids(found), 'pages by bookmark are the whole')

  // What PouchDB finds in its own copy of the same documents.
  const copy = new PouchDB(`copy-${process.pid}`, { adapter: 'memory' })
  await copy.replicate.from(db)
  const { below: random } = numbers(11)
  const pick = list => list[random(list.length)]
  const conditions = [
    () => ({ age: { [pick(['$gt', '$gte', '$lt', '$lte', '$eq'])]: random(60) } }),
    () => ({ role: { $in: [pick(['patient', 'practitioner', 'nobody'])] } }),
    () => ({ 'address.city': pick(['Oslo', 'Bergen', 'Rome']) }),
    () => ({ privateKey: { $exists: random(2) === 0 } }),
    () => ({ tags: pick([{ $all: [pick(['a', 'b', 'c'])] }, { $size: 2 }]) }),
    () => ({ visits: { $mod: [pick([2, 3]), 1] } }),
    () => ({ name: { $regex: pick(['^A', '1$', 'v']) } })
  ]
  for (let round = 0; round < 60; ++round) {
    // PouchDB itself keeps only one of two conditions on the same field.
    const first = random(conditions.length)
    const second = (first + 1 + random(conditions.length - 1)) % conditions.length
    const selector = { $and: [conditions[first](), conditions[second]()] }
    const [here, there] = await Promise.all([copy, db].map(one => one.find({ selector, limit: 1000 })))
    checks.same(ids(there).sort(), ids(here).sort(), `as PouchDB finds: ${JSON.stringify(selector)}`)
  }

  const [index] = indexes.filter(({ name }) => name === 'by-age')
  await db.deleteIndex(index)
  checks.same((await db.getIndexes()).indexes.length, 2, 'deleteIndex takes it away')
  await db.destroy()
}

// An application that makes no index asks all of these.
async function withoutIndexes () {
  const db = remote()
  await db.bulkDocs([...people, { _id: 'nosh_1', email: 'a@b', timestamp: 5 }, { _id: 'nosh_2', timestamp: 9 }])
  const name = db.name.split('/').pop()
  const ask = async (body, what, count) => {
    const answer = await post(`${name}/_find`, body)
    checks.same(answer.status, 200, what)
    checks.same(answer.body.docs.length, count, `${what}: how many`)
  }
  await ask({ selector: { email: { $eq: 'a@b' } } }, 'equality', 1)
  await ask({ selector: { _id: { $gte: null } }, limit: 1000 }, 'all by _id', 122)
  await ask({ selector: { role: { $eq: 'patient' } }, limit: 1000 }, 'a role', 80)
  await ask({ selector: { _id: { $regex: '^nosh_*' } } }, 'an expression on _id', 2)
  await ask({ selector: { timestamp: { $gt: 5 } }, limit: 10000 }, 'later than', 1)
  await ask({ selector: { timestamp: { $lt: 9 } }, limit: 10000 }, 'earlier than', 1)
  await ask({ selector: { privateKey: { $gte: null } }, limit: 1000 }, 'what has a field', 24)
  await ask({ selector: { role: { $nin: ['patient'] }, age: { $exists: true } }, limit: 1000 }, '$nin, $exists', 40)
  await ask({ selector: { $or: [{ email: 'a@b' }, { age: { $eq: 0 } }] }, limit: 9 }, '$or', 3)
  const sorted = await post(`${name}/_find`, { selector: { timestamp: { $gt: 0 } }, sort: [{ timestamp: 'desc' }] })
  checks.same([sorted.status, sorted.body.error], [400, 'no_usable_index'], 'a sort without an index is refused')
  await db.destroy()
}

await checks.run('pouchdb-find', pouchdb)
await checks.run('queries without an index', withoutIndexes)
if (server) {
  checks.that(server.exit === undefined, `the server ended: ${server.output}`)
  checks.same(await server.stop(), { code: 0, signal: null }, 'the server ends cleanly')
}
checks.finish()
