#!/usr/bin/env node
// divan-bench runs every kind of work, with two servers, and its figures make sense.
import { execFileSync } from 'node:child_process'
import fs from 'node:fs'
import path from 'node:path'
import { Checks, Server, binary, tempFolder } from './support.mjs'

const checks = new Checks('bench')
const bench = process.env.DIVAN_BENCH ?? path.join(path.dirname(binary()), 'divan-bench')

await checks.run('every kind, two servers', async () => {
  const servers = [await Server.start(), await Server.start()]
  const file = path.join(tempFolder(), 'figures.json')
  execFileSync(bench, [...servers.map(server => server.url), '--seconds', '0.2', '--rounds', '2',
    '--docs', '300', '--file-bytes', '200000', '--json', file], { stdio: ['ignore', 'inherit', 'inherit'] })
  const figures = JSON.parse(fs.readFileSync(file))
  checks.same(figures.kinds.length, 22, 'kinds')
  for (const { kind, ratio, servers: each } of figures.kinds) {
    checks.that(ratio > 0, `${kind}: ratio ${ratio}`)
    for (const { rate, p50_ms: p50, p99_ms: p99, server_cpu_us: cpu } of each) {
      checks.that(rate > 0 && p50 > 0 && p99 >= p50 && cpu >= 0, `${kind}: ${[rate, p50, p99, cpu]}`)
    }
  }
  for (const server of servers) {
    const left = (await server.json('GET', '/_all_dbs')).filter(name => name.startsWith('bench-'))
    checks.same(left, [], 'no database stays behind')
    await server.stop()
  }
})
checks.finish()
