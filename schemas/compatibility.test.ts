import { describe, expect, it } from 'vitest'
import type { AvroSchema } from './avro-type.ts'
import { type Compatibility, incompatibilities, isCompatibility, readProblems } from './compatibility.ts'
import { Command, Reading } from './types.ts'

function recordOf(...fields: readonly object[]): AvroSchema {
  return { type: 'record', name: 'R', namespace: 'n', fields } as AvroSchema
}

const a = { name: 'a', type: 'int' }
const plain = recordOf(a)
const withOptional = recordOf(a, { name: 'b', type: 'string', default: '' })
const withRequired = recordOf(a, { name: 'b', type: 'string' })
const enumOf = (...symbols: string[]) => recordOf({ name: 'e', type: { type: 'enum', name: 'E', symbols } })

describe('levels', () => {
  const cases: readonly [level: Compatibility, versions: readonly AvroSchema[], next: AvroSchema, allowed: boolean][] =
    [
      ['BACKWARD', [plain], withOptional, true],
      ['BACKWARD', [plain], withRequired, false],
      ['BACKWARD', [withRequired], plain, true],
      ['BACKWARD', [plain, withOptional], withRequired, true],
      ['BACKWARD_TRANSITIVE', [plain, withOptional], withRequired, false],
      ['FORWARD', [plain], withRequired, true],
      ['FORWARD', [withRequired], plain, false],
      ['FORWARD', [withOptional], plain, true],
      ['FORWARD', [withRequired, withOptional], plain, true],
      ['FORWARD_TRANSITIVE', [withRequired, withOptional], plain, false],
      ['FULL', [plain], withOptional, true],
      ['FULL', [plain], withRequired, false],
      ['FULL', [withRequired], plain, false],
      ['FULL', [plain, withOptional], withRequired, true],
      ['FULL_TRANSITIVE', [plain, withOptional], withRequired, false],
      ['NONE', [plain], 'string', true],
      ['BACKWARD', [], withRequired, true],
    ]
  it.each(cases)('%s after %j: %j → %s', (level, versions, next, allowed) => {
    const earlier = versions.map((schema, i) => ({ name: `version ${i + 1}`, schema }))
    expect(incompatibilities(next, earlier, level).length === 0).toBe(allowed)
  })

  it.each(['backward', 'toString', '', undefined, 5])('%s is not a level', (text) => {
    expect(isCompatibility(text)).toBe(false)
  })
})

describe('differences in words', () => {
  const cases: readonly [what: string, reader: AvroSchema, writer: AvroSchema, sentence: string][] = [
    [
      'a required field',
      withRequired,
      plain,
      'field b: the new schema needs it, version 1 does not have it, and it has no default',
    ],
    [
      'another type',
      recordOf({ name: 'a', type: 'int' }),
      recordOf({ name: 'a', type: 'string' }),
      'field a: the new schema has int, which cannot be read from string of version 1',
    ],
    [
      'a narrower number',
      recordOf({ name: 'a', type: 'int' }),
      recordOf({ name: 'a', type: 'long' }),
      'field a: the new schema has int, which cannot be read from long of version 1',
    ],
    [
      'no longer optional',
      recordOf({ name: 'a', type: 'int' }),
      recordOf({ name: 'a', type: ['null', 'int'] }),
      'field a: the new schema has int, which cannot be read from null of version 1',
    ],
    [
      'a symbol less',
      enumOf('x'),
      enumOf('x', 'y'),
      'field e: the new schema does not have the symbol y of version 1, and no default for it',
    ],
    [
      'inside an array',
      recordOf({ name: 'a', type: { type: 'array', items: 'int' } }),
      recordOf({ name: 'a', type: { type: 'array', items: 'string' } }),
      'field a[]: the new schema has int, which cannot be read from string of version 1',
    ],
    [
      'inside an optional record',
      recordOf({ name: 'o', type: ['null', { type: 'record', name: 'I', fields: [{ name: 'x', type: 'int' }] }] }),
      recordOf({ name: 'o', type: ['null', { type: 'record', name: 'I', fields: [] }] }),
      'field o.x: the new schema needs it, version 1 does not have it, and it has no default',
    ],
    [
      'another record',
      Command.schema,
      Reading.schema,
      'the new schema has record building.Command, which cannot be read from record building.Reading of version 1',
    ],
  ]
  it.each(cases)('%s', (_, reader, writer, sentence) => {
    expect(readProblems({ name: 'the new schema', schema: reader }, { name: 'version 1', schema: writer })).toEqual([
      sentence,
    ])
  })

  it('names every difference, in both directions', () => {
    const next = recordOf({ name: 'b', type: 'string' }, { name: 'c', type: 'string' })
    expect(incompatibilities(next, [{ name: 'version 3', schema: plain }], 'FULL')).toEqual([
      'field b: the new schema needs it, version 3 does not have it, and it has no default',
      'field c: the new schema needs it, version 3 does not have it, and it has no default',
      'field a: version 3 needs it, the new schema does not have it, and it has no default',
    ])
  })

  it('comes to an end on a schema that holds itself', () => {
    const tree = (value: string): AvroSchema => ({
      type: 'record',
      name: 'T',
      fields: [
        { name: 'next', type: ['null', 'T'] },
        { name: 'v', type: value },
      ],
    })
    expect(readProblems({ name: 'new', schema: tree('int') }, { name: 'old', schema: tree('int') })).toEqual([])
    expect(readProblems({ name: 'new', schema: tree('int') }, { name: 'old', schema: tree('string') })).toEqual([
      'field v: new has int, which cannot be read from string of old',
    ])
  })
})
