import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { COMMANDS } from '../../bin/cli/cli.ts'
import { BUILDING_SETTINGS } from '../../bin/settings.ts'
import { flagName } from '../../common/config.ts'

const ROOT = join(import.meta.dirname, '..', '..')
const document = readFileSync(join(ROOT, 'docs', 'operations.md'), 'utf8')

/** Tables of promises, by the heading of their first column. */
const PROMISES = /^\| (guarantee|promised?) \|.*\n\|[ |-]+\n((?:\|.*\n)+)/gm

/** What is promised, with the cell that says what holds it. */
function promises(): readonly (readonly [promise: string, tests: string])[] {
  return [...document.matchAll(PROMISES)].flatMap(([, , rows = '']) =>
    rows
      .trim()
      .split('\n')
      .map((row) => {
        const cells = row.slice(1, -1).split('|')
        return [cells[0]?.trim() ?? '', cells.slice(1).join('|').trim()] as const
      }),
  )
}

describe('docs/operations.md', () => {
  test.each(COMMANDS.map(({ name }) => name))('has the command %s in its table', (name) => {
    expect(document).toMatch(new RegExp(`^\\| \`${name}\` \\|`, 'm'))
  })

  test('has its tables of promises', () => {
    expect(document.match(PROMISES)?.length).toBeGreaterThanOrEqual(3)
    expect(promises().length).toBeGreaterThan(25)
  })

  test.each(promises())('names tests that are there and hold: %s', (_promise, cell) => {
    const named = [...cell.matchAll(/`([^`]+)`/g)].map(([, path]) => path as string)
    expect(named, 'tests by their paths').not.toEqual([])
    const missing = named.filter((path) => !/\.test\.ts$/.test(path) || !existsSync(join(ROOT, path)))
    expect(missing).toEqual([])
  })

  test('names options and settings that exist', () => {
    const flags = new Set(['json', 'help', 'config', 'from-file', 'replicas'])
    for (const { options } of COMMANDS) for (const option of Object.keys(options)) flags.add(option)
    for (const name of Object.keys(BUILDING_SETTINGS)) flags.add(flagName(name))
    const section = document.slice(document.indexOf('## The command line'), document.indexOf('**Monitoring**'))
    const named = [...section.matchAll(/--([a-z][a-z-]+)/g)].map(([, flag]) => flag as string)
    expect(named.length).toBeGreaterThan(10)
    expect(named.filter((flag) => !flags.has(flag))).toEqual([])
    const variables = new Set(Object.values(BUILDING_SETTINGS).map(({ env }) => env))
    const told = [...section.matchAll(/BROOK_[A-Z_]+/g)].map(([name]) => name)
    expect(told.filter((name) => !variables.has(name as never))).toEqual([])
  })
})
