import { describe, expect, it } from 'vitest'
import { SerdeError } from '../common/errors.ts'
import { AvroCodec } from './avro-codec.ts'
import type { AvroSchema } from './avro-type.ts'
import { InvalidSchemaError } from './errors.ts'
import { Command, Device } from './types.ts'

function encode(schema: AvroSchema, value: unknown): Buffer {
  const buffer = Buffer.alloc(4096)
  return buffer.subarray(0, new AvroCodec(schema).write(value, buffer, 0))
}

function decode(reader: AvroSchema, data: Buffer, writer: AvroSchema = reader): unknown {
  return new AvroCodec(reader).readerOf(new AvroCodec(writer))(data, 0)
}

const longs = { type: 'array', items: 'long' } as const
const huge = encode('long', 2 ** 40)
const tiny = { type: 'record', name: 'Tiny', fields: [] } as const

function recordOf(name: string, ...fields: readonly [name: string, type: AvroSchema, ...defaults: unknown[]][]) {
  return {
    type: 'record',
    name,
    fields: fields.map(([name, type, ...defaults]) => ({
      name,
      type,
      ...(defaults.length > 0 ? { default: defaults[0] } : {}),
    })),
  }
}

describe('values', () => {
  const cases: readonly [what: string, schema: AvroSchema, value: unknown][] = [
    ['null', 'null', null],
    ['a boolean', 'boolean', true],
    ['an int', 'int', -2147483648],
    ['a long of 2^53 - 1', 'long', Number.MAX_SAFE_INTEGER],
    ['a long of -(2^53 - 1), which avsc by itself makes positive', 'long', Number.MIN_SAFE_INTEGER],
    ['a double', 'double', -0.1],
    ['text beyond ASCII', 'string', 'Zürich ☂ 🏠'],
    ['bytes', 'bytes', Buffer.from([0, 255])],
    ['an array', longs, [1, 2, 3]],
    ['an empty array', longs, []],
    ['a map', { type: 'map', values: 'int' }, { a: 1, b: 2 }],
    ['an optional value', ['null', 'long'], 5],
    ['an absent value', ['null', 'long'], null],
    ['a nested record', recordOf('A', ['b', recordOf('B', ['c', 'string'])]), { b: { c: 'x' } }],
    ['an array of empty records', { type: 'array', items: tiny }, [{}, {}]],
  ]
  it.each(cases)('keeps %s', (_, schema, value) => {
    expect(decode(schema, encode(schema, value))).toStrictEqual(value)
  })

  it('reads records as plain objects', () => {
    const value = decode(
      recordOf('A', ['b', recordOf('B', ['c', 'int'])]),
      encode(recordOf('A', ['b', 'int']), { b: 1 }),
    )
    expect(Object.getPrototypeOf(value)).toBe(Object.prototype)
    expect(Object.getPrototypeOf((value as { b: object }).b)).toBe(Object.prototype)
  })

  it('keeps a map entry named __proto__ without touching the prototype', () => {
    const schema = { type: 'map', values: recordOf('V', ['n', 'int']) }
    const value = Object.fromEntries([['__proto__', { n: 7 }]])
    const read = decode(schema, encode(schema, value)) as object
    expect(Object.getPrototypeOf(read)).toBe(Object.prototype)
    expect(Object.entries(read)).toEqual([['__proto__', { n: 7 }]])
  })
})

describe('bytes that are no value', () => {
  const text = encode('string', 'hello')
  const skipped = recordOf('A', ['gone', longs], ['kept', 'int'])
  const kept = recordOf('A', ['kept', 'int'])
  const cases: readonly [what: string, reader: AvroSchema, data: Buffer, writer?: AvroSchema][] = [
    ['nothing', 'string', Buffer.alloc(0)],
    ['a text that is cut short', 'string', text.subarray(0, 3)],
    ['a text with bytes after it', 'string', Buffer.concat([text, text])],
    ['a text of negative length', 'string', encode('long', -5)],
    ['a text of 2^40 bytes', 'string', huge],
    ['bytes of 2^40 bytes', 'bytes', huge],
    ['an array of 2^40 items', longs, huge],
    ['an array of 2^40 items in a block with a size', longs, Buffer.concat([encode('long', -(2 ** 40)), huge])],
    ['an array of 2^40 nulls', { type: 'array', items: 'null' }, huge],
    ['an array of 2^40 empty records', { type: 'array', items: tiny }, huge],
    ['a map of 2^40 entries', { type: 'map', values: 'null' }, huge],
    ['an array of 2^40 items that is skipped', kept, huge, skipped],
    [
      'a skipped block that claims a negative size',
      kept,
      Buffer.concat([encode('long', -1), encode('long', -2)]),
      skipped,
    ],
    ['many blocks of nulls', { type: 'array', items: 'null' }, Buffer.concat(Array(40).fill(encode('long', 60_000)))],
    ['an index beyond a union', ['null', 'int'], encode('long', 2)],
    ['an index beyond an enum', { type: 'enum', name: 'E', symbols: ['a'] }, encode('long', 1)],
    ['an int of more than 32 bits', 'int', encode('long', 2 ** 31)],
    ['a long beyond 2^53', 'long', Buffer.from('ffffffffffffffffff01', 'hex')],
  ]
  it.each(cases)('refuses %s quickly', (_, reader, data, writer) => {
    const start = performance.now()
    expect(() => decode(reader, data, writer)).toThrow()
    expect(performance.now() - start).toBeLessThan(500)
  })
})

describe('reading what another schema wrote', () => {
  const cases: readonly [what: string, writer: AvroSchema, written: unknown, reader: AvroSchema, read: unknown][] = [
    [
      'gives a new field its default',
      recordOf('A', ['a', 'int']),
      { a: 1 },
      recordOf('A', ['a', 'int'], ['b', 'string', 'x']),
      { a: 1, b: 'x' },
    ],
    [
      'drops a field that is gone',
      recordOf('A', ['b', longs], ['a', 'int']),
      { a: 1, b: [1, 2] },
      recordOf('A', ['a', 'int']),
      { a: 1 },
    ],
    [
      'finds fields in another order',
      recordOf('A', ['a', 'int'], ['b', 'int']),
      { a: 1, b: 2 },
      recordOf('A', ['b', 'int'], ['a', 'int']),
      { a: 1, b: 2 },
    ],
    ['widens an int to a long', 'int', 5, 'long', 5],
    ['widens a negative long to a double', 'long', -(2 ** 52) - 1, 'double', -(2 ** 52) - 1],
    ['widens a float to a double', 'float', 0.5, 'double', 0.5],
    ['makes a value optional', 'int', 5, ['null', 'int'], 5],
    [
      'takes the default for a symbol it does not know',
      { type: 'enum', name: 'E', symbols: ['a', 'new'] },
      'new',
      { type: 'enum', name: 'E', symbols: ['a', 'unknown'], default: 'unknown' },
      'unknown',
    ],
    [
      'looks past the namespace',
      { ...recordOf('A', ['a', 'int']), namespace: 'old' },
      { a: 1 },
      { ...recordOf('A', ['a', 'int']), namespace: 'new' },
      { a: 1 },
    ],
  ]
  it.each(cases)('%s', (_, writer, written, reader, read) => {
    expect(decode(reader, encode(writer, written), writer)).toStrictEqual(read)
  })

  it('says so when it cannot', () => {
    expect(() => decode(recordOf('A', ['b', 'int']), Buffer.alloc(1), recordOf('A', ['a', 'int']))).toThrow(
      InvalidSchemaError,
    )
  })
})

describe('values that do not fit', () => {
  const device = { deviceId: 'd', roomId: 'r', floor: '1', name: 'n', bus: 'knx', kinds: [], zwave: null, mqtt: null }
  const cases: readonly [what: string, schema: AvroSchema, value: unknown, problem: string][] = [
    [
      'a missing field',
      Device.schema,
      { ...device, knx: null },
      'field type: undefined is not a valid building.DeviceType',
    ],
    [
      'a symbol that is not one',
      Device.schema,
      { ...device, type: 'toaster', knx: null },
      "field type: 'toaster' is not a valid building.DeviceType",
    ],
    [
      'text for a number, deep inside',
      Device.schema,
      { ...device, type: 'blinds', knx: { groups: [{ kind: 'blinds', write: 5, status: null, dpt: '5.001' }] } },
      'field knx.groups.0.write: 5 is not a valid union',
    ],
    ['a fraction for a long', Command.schema, { issuedAtMs: 0.5 }, 'field issuedAtMs: 0.5 is not a valid long'],
    ['a bigint for a long', 'long', 5n, '5n is not a valid long'],
    ['a number beyond 2^53', 'long', 2 ** 53, '9007199254740992 is not a valid long'],
  ]
  it.each(cases)('names %s', (_, schema, value, problem) => {
    const codec = new AvroCodec(schema)
    expect(codec.problems(value)).toContain(problem)
    expect(() => codec.write(value, Buffer.alloc(1024), 0)).toThrow()
  })
})

it('refuses a schema that is no Avro', () => {
  for (const schema of ['nonsense', { type: 'record', name: 'A' }, { type: 'enum', name: 'a b', symbols: ['x'] }])
    expect(() => new AvroCodec(schema)).toThrow(InvalidSchemaError)
})

it('tells a SerdeError from others', () => {
  expect(() => decode('string', Buffer.alloc(0))).toThrow(SerdeError)
})
