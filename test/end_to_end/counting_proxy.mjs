// A proxy that counts what a client that syncs asks for.
import http from 'node:http'

/** Before a server: counts what is asked of it. */
export async function counting (server) {
  const seen = { rows: 0, fetched: 0, since: [], locals: new Set() }
  const proxy = http.createServer((request, reply) => {
    const sent = []
    request.on('data', bytes => sent.push(bytes))
    const { searchParams: query, pathname } = new URL(request.url, server.origin)
    if (pathname.endsWith('/_changes')) seen.since.push(query.get('since'))
    if (pathname.includes('/_local/')) seen.locals.add(decodeURIComponent(pathname.split('/_local/')[1]))
    const on = http.request({
      host: '127.0.0.1', port: server.port, method: request.method, path: request.url,
      headers: { ...request.headers, 'accept-encoding': 'identity' }
    }, answer => {
      const got = []
      answer.on('data', bytes => got.push(bytes))
      answer.on('end', () => {
        const body = Buffer.concat(got)
        if (pathname.endsWith('/_changes')) seen.rows += JSON.parse(body).results.length
        if (pathname.endsWith('/_bulk_get')) seen.fetched += JSON.parse(Buffer.concat(sent)).docs.length
        reply.writeHead(answer.statusCode, answer.headers)
        reply.end(body)
      })
    })
    request.on('end', () => on.end(Buffer.concat(sent)))
  })
  proxy.keepAliveTimeout = 0 // Else what is kept may end just when it is used again.
  await new Promise(resolve => proxy.listen(0, '127.0.0.1', resolve))
  const url = `http://admin:secret@127.0.0.1:${proxy.address().port}`
  return { seen, url, close: () => { proxy.closeAllConnections(); proxy.close() } }
}
