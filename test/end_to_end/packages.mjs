#!/usr/bin/env node
// Installs the packages that the tests use, where they are not installed as package-lock.json says.
import { execFileSync } from 'node:child_process'
import fs from 'node:fs'
import path from 'node:path'
import { here } from './support.mjs'

const mark = path.join(here, 'node_modules/.installed')
const lock = fs.readFileSync(path.join(here, 'package-lock.json'))
if (!fs.existsSync(mark) || !fs.readFileSync(mark).equals(lock)) {
  execFileSync('npm', ['ci', '--ignore-scripts'], { cwd: here, stdio: 'inherit' })
  fs.writeFileSync(mark, lock)
}
console.log('packages: installed')
