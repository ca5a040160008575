#!/usr/bin/env node
// Documents of `_replicator` with `[replicator] update_docs`: each state is written into them, with
// the members, and in the order, of CouchDB (couch_replicator_docs).
import { Checks, Server, eventually, sleep } from './support.mjs'

const checks = new Checks('replication documents')
const server = await Server.start({ ini: '[replicator]\nstartup_jitter = 1\nupdate_docs = true\n' })
const address = database => `${server.url}/${database}`
const plain = database => `http://127.0.0.1:${server.port}/${database}/`
const read = id => server.json('GET', `/_replicator/${id}`)
const put = (id, body) => server.json('PUT', `/_replicator/${id}`, body)
const state = (id, wanted) => eventually(async () => {
  const doc = await read(id)
  return doc._replication_state === wanted && doc
}, 300, `${id} is ${wanted}`)
const iso = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/
const members = doc => Object.keys(doc).filter(key => key.startsWith('_replication'))

await server.json('PUT', '/from')
await server.json('POST', '/from/_bulk_docs', { docs: [...Array(30)].map((_, n) => ({ _id: `n${n}`, n })) })

await checks.run('completed: by way of triggered', async () => {
  await put('once', { source: address('from'), target: address('to'), create_target: true })
  const doc = await state('once', 'completed')
  checks.same(members(doc), ['_replication_state', '_replication_state_time', '_replication_id', '_replication_stats'],
    'in the order in which they came')
  checks.that(iso.test(doc._replication_state_time), 'a time')
  checks.that(/^[0-9a-f]{32}\+create_target$/.test(doc._replication_id), `an id: ${doc._replication_id}`)
  checks.same([doc._replication_stats.docs_written, doc._replication_stats.doc_write_failures,
    doc._replication_stats.changes_pending], [30, 0, null], 'numbers')
  checks.that(iso.test(doc._replication_stats.start_time), 'when it was started')
  checks.that(doc.owner === 'admin', 'the rest is as it was')
  const shown = await server.json('GET', '/_scheduler/docs/_replicator/once')
  checks.same([shown.state, shown.info.docs_written], ['completed', 30], 'shown alike')
})

await checks.run('triggered: a continuous one', async () => {
  await put('live', { source: address('from'), target: address('live'), create_target: true, continuous: true })
  await state('live', 'triggered')
  await eventually(async () => (await server.call('GET', '/live/n29')).status === 200, 300, 'it runs')
  const doc = await read('live')
  checks.same(members(doc), ['_replication_state', '_replication_state_time', '_replication_id'], 'members')
  const { jobs } = await server.json('GET', '/_scheduler/jobs')
  checks.same(jobs.map(job => job.id), [doc._replication_id], 'one job, of this id')
  checks.same(jobs[0].history.map(event => event.type), ['started', 'added'], 'started once')
})

await checks.run('error, and completed after it', async () => {
  await put('late', { source: address('from'), target: address('none') })
  const doc = await state('late', 'error')
  checks.same(doc._replication_state_reason, `db_not_found: could not open ${plain('none')}`, 'why')
  checks.that(/^[0-9a-f]{32}$/.test(doc._replication_id), 'an id')
  checks.same((await server.json('GET', '/_scheduler/docs/_replicator/late')).state, 'crashing', 'shown')
  await sleep(300)
  checks.same((await read('late'))._rev, doc._rev, 'its own writing is no change to it')
  await server.json('PUT', '/none')
  await server.stop()
  await server.run()
  const done = await state('late', 'completed')
  checks.that(!('_replication_state_reason' in done), 'the reason is gone')
  checks.same(done._replication_id, doc._replication_id, 'the same id')
  checks.same(done._replication_stats.docs_written, 30, 'numbers')
})

await checks.run('error: a filter that is not there', async () => {
  await put('filtered', { source: address('from'), target: address('to'), filter: 'no/filter' })
  const doc = await state('filtered', 'error')
  checks.same(doc._replication_id, null, 'no id yet')
  checks.that(doc._replication_state_reason.startsWith(
    `Couldn't open document \`_design/no\` from source database \`${plain('from')}\``), doc._replication_state_reason)
  checks.same((await server.json('GET', '/_scheduler/docs/_replicator/filtered')).state, 'error', 'shown')
})

await checks.run('failed: the same as another document, and no replication at all', async () => {
  await put('again', { source: address('from'), target: address('live'), create_target: true, continuous: true })
  const doc = await state('again', 'failed')
  checks.that(doc._replication_state_reason.includes('triggered by document `live` from db `_replicator`'),
    doc._replication_state_reason)
  checks.that(!('_replication_stats' in doc), 'no numbers')
  await server.json('POST', '/_replicator/_bulk_docs', {
    new_edits: false, docs: [{ _id: 'bad', _rev: '1-0123456789abcdef0123456789abcdef', source: address('from') }]
  })
  const bad = await state('bad', 'failed')
  checks.same(members(bad), ['_replication_state', '_replication_state_time', '_replication_state_reason'], 'members')
})

await checks.run('switched off: passing states are taken out, last ones stay', async () => {
  await server.json('PUT', '/_node/_local/_config/replicator/update_docs', '"false"')
  const before = await read('live')
  await server.stop()
  await server.run()
  await eventually(async () => members(await read('live')).length === 0, 300, 'taken out')
  await eventually(async () => (await server.json('GET', '/_scheduler/docs/_replicator/live')).state === 'running',
    300, 'it runs again')
  const after = await read('live')
  checks.same([after.source, after.owner], [before.source, before.owner], 'the rest is as it was')
  for (const [id, was] of [['once', 'completed'], ['again', 'failed']]) {
    checks.same((await read(id))._replication_state, was, id)
  }
})

await server.stop()
checks.finish()
