import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { COMMANDS } from '../../bin/cli/cli.ts'
import { BUILDING_SETTINGS } from '../../bin/settings.ts'
import { flagName } from '../../common/config.ts'

const document = readFileSync(join(import.meta.dirname, '..', '..', 'docs', 'operations.md'), 'utf8')

describe('docs/operations.md', () => {
  test.each(COMMANDS.map(({ name }) => name))('has the command %s in its table', (name) => {
    expect(document).toMatch(new RegExp(`^\\| \`${name}\` \\|`, 'm'))
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
