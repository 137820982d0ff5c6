import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, expectTypeOf, it } from 'vitest'
import { AvroCodec } from './avro-codec.ts'
import { type AvroDefinition, type AvroType, type AvroValue, withDefaults } from './avro-type.ts'
import { generateTypes, readSchemas } from './codegen.ts'
import * as types from './types.ts'
import { type Reading, RoomRules } from './types.ts'

const schemas = readSchemas(import.meta.dirname)
const records = Object.values(types).filter((value): value is AvroType<unknown> & typeof value => 'schema' in value)

const record = (...fields: AvroDefinition['fields'] & object): AvroDefinition => ({
  type: 'record',
  name: 'R',
  namespace: 'n',
  doc: 'A record.',
  fields,
})

describe('the schemas of the building', () => {
  it('are what schemas/types.ts was generated from (else: npm run schemas)', () => {
    expect(readFileSync(join(import.meta.dirname, 'types.ts'), 'utf8')).toBe(generateTypes(schemas))
  })

  it('have a constant for each record', () => {
    const names = schemas.filter(({ type }) => type === 'record').map(({ name }) => `building.${name}`)
    expect(records.map(({ name }) => name).sort()).toEqual(names.sort())
  })

  it.each(records.map((type) => [type.name, type] as const))('%s is valid Avro by itself', (_, type) => {
    expect(() => new AvroCodec(type.schema)).not.toThrow()
  })

  it.each(schemas.map((schema) => [schema.name, schema] as const))(
    '%s tells what it and its fields mean',
    (_, schema) => {
      expect(schema.doc).toMatch(/\.$/)
      for (const field of schema.fields ?? []) expect(field.doc, field.name).toMatch(/\.$/)
    },
  )

  it('have a default for every optional field, and one for unknown symbols', () => {
    for (const { fields = [] } of schemas)
      for (const field of fields) if (Array.isArray(field.type)) expect(field.default, field.name).toBeNull()
    for (const { type, name, default: symbol } of schemas) if (type === 'enum') expect(symbol, name).toBeDefined()
  })

  it('fill in what is left out', () => {
    expect(withDefaults(RoomRules, { roomId: 'r', darkBelowLux: 50 })).toMatchObject({
      roomId: 'r',
      timeZone: 'Europe/Zurich',
      darkBelowLux: 50,
      radiatorUnoccupiedPercent: 10,
      overrideMs: 3_600_000,
    })
    expectTypeOf(withDefaults(RoomRules, { roomId: 'r' })).toEqualTypeOf<RoomRules>()
    expectTypeOf<AvroValue<typeof types.Reading>>().toEqualTypeOf<Reading>()
    expectTypeOf<Reading['sequence']>().toEqualTypeOf<number | null>()
  })
})

describe('the generator', () => {
  const cases: readonly [what: string, field: unknown, line: string][] = [
    ['bytes', { name: 'f', doc: 'D.', type: 'bytes' }, '  /** D. */\n  readonly f: Buffer\n'],
    ['a time', { name: 'f', type: { type: 'long', logicalType: 'timestamp-millis' } }, 'readonly f: number\n'],
    ['an optional value', { name: 'f', type: ['null', 'string'] }, 'readonly f: string | null\n'],
    [
      'an array of optional values',
      { name: 'f', type: { type: 'array', items: ['null', 'int'] } },
      'readonly f: readonly (number | null)[]\n',
    ],
    ['a map', { name: 'f', type: { type: 'map', values: 'double' } }, 'readonly f: Readonly<Record<string, number>>\n'],
    ['another record', { name: 'f', type: 'R' }, 'readonly f: R\n'],
    ['a doc that would end the comment', { name: 'f', doc: 'a */ b', type: 'int' }, '/** a *\\/ b */'],
  ]
  it.each(cases)('writes %s', (_, field, line) => {
    expect(generateTypes([record(field as never)])).toContain(line)
  })

  it('names the fields that have a default', () => {
    const text = generateTypes([record({ name: 'a', type: 'int', default: 1 }, { name: 'b', type: 'int' })])
    expect(text).toContain("export const R: AvroType<R, 'a'> = defineAvroType(")
  })

  const refused: readonly [what: string, type: unknown, message: string][] = [
    ['a type that nobody defines', 'Nowhere', 'no schema defines n.Nowhere'],
    ['a union of two numbers', ['int', 'double'], 'cannot be told apart'],
    ['a type inside a type', { type: 'enum', name: 'E', symbols: ['a'] }, 'give it a file of its own'],
  ]
  it.each(refused)('refuses %s', (_, type, message) => {
    expect(() => generateTypes([record({ name: 'f', type: type as never })])).toThrow(message)
  })
})
