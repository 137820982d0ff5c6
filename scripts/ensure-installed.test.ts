import { spawnSync } from 'node:child_process'
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'

const SCRIPT = fileURLToPath(new URL('ensure-installed.mjs', import.meta.url))

let root: string

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'brook-install-'))
  mkdirSync(join(root, 'fake-npm'))
})

afterEach(() => {
  rmSync(root, { recursive: true, force: true })
})

const lock = (packages: object) => JSON.stringify({ packages: { '': {}, ...packages } })
const write = (path: string, text: string) => {
  mkdirSync(join(root, path, '..'), { recursive: true })
  writeFileSync(join(root, path), text)
}

/** An npm that leaves this behind as node_modules, or fails. */
const fakeNpm = (installed: object | undefined, exitCode = 0) => {
  const steps =
    installed === undefined
      ? ''
      : `mkdir -p node_modules/.bin && touch node_modules/.bin/node && echo '${lock(installed)}' > node_modules/.package-lock.json`
  writeFileSync(join(root, 'fake-npm/npm'), `#!/bin/sh\necho "npm was run: $*"\n${steps}\nexit ${exitCode}\n`)
  chmodSync(join(root, 'fake-npm/npm'), 0o755)
}

const runScript = () => {
  const env = {
    ...process.env,
    BROOK_INSTALL_ROOT: root,
    PATH: `${join(root, 'fake-npm')}:${process.env['PATH']}`,
    CI: '',
  }
  const result = spawnSync(process.execPath, [SCRIPT], { env, encoding: 'utf8' })
  return { exitCode: result.status, output: result.stdout + result.stderr }
}

const A1 = { 'node_modules/a': { version: '1.0.0' } }

describe('ensure-installed', () => {
  test('installs when node_modules is missing, and then has nothing to do', () => {
    write('package-lock.json', lock(A1))
    fakeNpm(A1)
    const first = runScript()
    expect(first.exitCode).toBe(0)
    expect(first.output).toContain('node_modules is missing: running npm ci')
    expect(first.output).toContain('npm was run: ci --include=dev')
    expect(runScript()).toEqual({ exitCode: 0, output: '' })
  })

  test.each([
    ['another version is wanted', { 'node_modules/a': { version: '2.0.0' } }, 'a is 1.0.0, wanted is 2.0.0'],
    ['a package was added', { ...A1, 'node_modules/b': { version: '1.0.0' } }, 'b 1.0.0 is missing'],
  ])('installs when %s', (_, wanted, reason) => {
    write('package-lock.json', lock(A1))
    fakeNpm(A1)
    runScript()
    write('package-lock.json', lock(wanted))
    fakeNpm(wanted)
    expect(runScript().output).toContain(reason)
  })

  test('does not miss packages that are for other platforms', () => {
    write('package-lock.json', lock({ ...A1, 'node_modules/win': { version: '1.0.0', optional: true } }))
    fakeNpm(A1)
    expect(runScript().exitCode).toBe(0)
    expect(runScript().output).toBe('')
  })

  test.each([
    ['npm fails', undefined, 7, 'npm ci failed (exit code 7)'],
    ['npm ends well without installing', undefined, 0, 'npm ci ended well, yet node_modules is missing'],
  ])('says so and fails when %s', (_, installed, exitCode, message) => {
    write('package-lock.json', lock(A1))
    fakeNpm(installed, exitCode)
    const result = runScript()
    expect(result.exitCode).toBe(1)
    expect(result.output).toContain(message)
  })

  test('says so when the lock file is missing', () => {
    write('node_modules/.package-lock.json', lock(A1))
    const result = runScript()
    expect(result.exitCode).toBe(1)
    expect(result.output).toContain('package-lock.json is missing')
  })
})
