import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { findGaps, type LockPackages, withoutGaps } from './lock-file.ts'

test('package-lock.json holds every optional dependency, so that npm ci takes it on every platform', () => {
  const text = readFileSync(new URL('../package-lock.json', import.meta.url), 'utf8')
  const { packages } = JSON.parse(text) as { packages: LockPackages }
  expect(findGaps(packages).map(({ name }) => name)).toEqual([])
})

const PACKAGES: LockPackages = {
  '': {},
  'node_modules/tool': {
    version: '1.0.0',
    dev: true,
    optionalDependencies: { '@tool/linux-x64-gnu': '1.0.0', '@tool/linux-arm64-musl': '1.0.0', helper: '^2.0.0' },
  },
  'node_modules/@tool/linux-x64-gnu': { version: '1.0.0' },
  'node_modules/tool/node_modules/inner': {
    version: '1.0.0',
    optionalDependencies: { 'inner-win32-x64-msvc': '3.0.0' },
  },
  'node_modules/tool/node_modules/inner-win32-x64-msvc': { version: '3.0.0' },
}

test('a missing optional dependency of an exact version is found, one that is held nearby is not', () => {
  expect(findGaps(PACKAGES).map(({ name }) => name)).toEqual(['@tool/linux-arm64-musl'])
})

test('the gap is filled with the platform of its name', () => {
  const filled = withoutGaps(PACKAGES)
  expect(filled['node_modules/@tool/linux-arm64-musl']).toEqual({
    version: '1.0.0',
    dev: true,
    optional: true,
    os: ['linux'],
    cpu: ['arm64'],
    libc: ['musl'],
  })
  expect(findGaps(filled)).toEqual([])
})
