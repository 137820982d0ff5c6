import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { GENERATED, withParts } from '../../scripts/write-docs.ts'

const ROOT = join(import.meta.dirname, '..', '..')

describe('parts of the documentation that are made from the sources', () => {
  test.each(GENERATED)('%s is up to date (npx node scripts/write-docs.ts mends it)', (path) => {
    const document = readFileSync(join(ROOT, path), 'utf8')
    expect(withParts(document)).toBe(document)
  })

  test('a settings table, a file and an output that are stale are made anew', () => {
    const stale = [
      '<!-- settings -->',
      '| STALE |',
      '',
      '<!-- file: examples/room-average/topology.ts -->',
      '```ts',
      'STALE',
      '```',
      '<!-- output: examples/room-average/try.ts -->',
      '```text',
      '```',
      'end',
      '',
    ].join('\n')
    const fresh = withParts(stale)
    expect(fresh).not.toContain('STALE')
    expect(fresh).toContain('| `BROOK_HTTP_PORT` | `--http-port` | `httpPort` | port | `8080` |')
    expect(fresh).toContain('export function roomAverages(): Topology {')
    expect(fresh).toContain('```text\nroom-1 { count: 1, mean: 20 }\n')
    expect(fresh.endsWith('```\nend\n')).toBe(true)
  })
})
