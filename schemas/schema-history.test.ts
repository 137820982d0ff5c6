import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import type { AvroDefinition } from './avro-type.ts'
import { readSchemas } from './codegen.ts'
import { incompatibilities } from './compatibility.ts'
import { fullName, selfContained } from './self-contained.ts'

const directory = import.meta.dirname

/** The commits that changed a schema, newest first; none where there is no git history (a packed copy, a first commit). */
function commits(): string[] {
  try {
    return git(['log', '--format=%h', '--', 'schemas/*.avsc']).split('\n').filter(Boolean)
  } catch {
    return []
  }
}

function git(args: readonly string[]): string {
  return execFileSync('git', args, {
    cwd: join(directory, '..'),
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
  })
}

function schemasAt(commit: string): AvroDefinition[] {
  const files = git(['ls-tree', '--name-only', commit, 'schemas/']).split('\n')
  return files
    .filter((file) => file.endsWith('.avsc'))
    .map((file) => JSON.parse(git(['show', `${commit}:${file}`])) as AvroDefinition)
}

function whole(schemas: readonly AvroDefinition[]): ReadonlyMap<string, AvroDefinition> {
  const named = new Map(schemas.map((schema) => [fullName(schema), schema]))
  return new Map([...named].map(([name, schema]) => [name, selfContained(schema, named) as AvroDefinition]))
}

/** Differences between two sets of schemas: records of the older that the newer cannot read any more. */
function broken(now: readonly AvroDefinition[], before: readonly AvroDefinition[], commit: string): string[] {
  const next = whole(now)
  return [...whole(before)].flatMap(([name, schema]) => {
    const current = next.get(name)
    if (!current) return [`${name} of ${commit} is gone, and with it all that was written with it`]
    return incompatibilities(current, [{ name: commit, schema }], 'BACKWARD').map((why) => `${name}: ${why}`)
  })
}

describe('the schemas of the building', () => {
  it('read everything that any earlier commit wrote', { timeout: 60_000 }, () => {
    const now = readSchemas(directory)
    const problems = commits().flatMap((commit) => broken(now, schemasAt(commit), commit))
    expect(problems).toEqual([])
  })

  it('would be caught if they did not', () => {
    const now = readSchemas(directory)
    const reading = now.find(({ name }) => name === 'Reading')
    const changed = {
      ...reading,
      fields: [...(reading?.fields ?? []), { name: 'floor', type: 'string' }],
    } as AvroDefinition
    expect(broken([...now.filter((s) => s !== reading), changed], now, 'abc')).toContain(
      'building.Reading: field floor: the new schema needs it, abc does not have it, and it has no default',
    )
    expect(
      broken(
        now.filter(({ name }) => name !== 'RuleEvaluation'),
        now,
        'abc',
      ),
    ).toEqual(['building.RuleEvaluation of abc is gone, and with it all that was written with it'])
  })
})
