// What replication copies of a database, to be compared leaf by leaf.

const batch = 200

/**
 * Every document's leaves with their ancestry, bodies and attachments' bytes: a map from id to the
 * texts of its leaves. Two databases with equal maps are the same, whatever their sequences.
 * `call(method, path, body)` gives the JSON of an answer; `database` is its path, as "/db".
 */
export async function leavesOf (call, database) {
  const { results } = await call('GET', `${database}/_changes?style=all_docs`)
  const leaves = new Map()
  for (let at = 0; at < results.length; at += batch) {
    const docs = results.slice(at, at + batch).map(({ id }) => ({ id }))
    const answer = await call('POST', `${database}/_bulk_get?revs=true&attachments=true`, { docs })
    for (const { id, docs } of answer.results) {
      leaves.set(id, docs.map(({ ok, error }) => JSON.stringify(ok ?? error)).sort())
    }
  }
  return leaves
}

/** The first few differences between two such maps, as text; empty where there is none. */
export function differences (source, target) {
  const told = []
  for (const id of new Set([...source.keys(), ...target.keys()])) {
    const [a, b] = [source, target].map(map => (map.get(id) ?? ['no such document']).join('\n    '))
    if (a !== b && told.length < 5) told.push(`${id}:\n    ${a.slice(0, 600)}\n  became\n    ${b.slice(0, 600)}`)
  }
  return told.join('\n')
}
