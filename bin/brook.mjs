#!/usr/bin/env node
// Plain JavaScript for whatever Node the machine has: hands over to the Node that Brook brings along.
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const own = join(root, 'node_modules', '.bin', process.platform === 'win32' ? 'node.cmd' : 'node')

if (Number(process.versions.node.split('.')[0]) >= 24) {
  await import('./brook.ts')
} else if (existsSync(own)) {
  const { status, error } = spawnSync(own, [join(root, 'bin', 'brook.ts'), ...process.argv.slice(2)], {
    stdio: 'inherit',
    shell: process.platform === 'win32',
  })
  if (error) console.error(`brook: ${error.message}`)
  process.exitCode = status ?? 1
} else {
  console.error('brook: Node 24 is missing. Install the packages first: npm ci')
  process.exitCode = 1
}
