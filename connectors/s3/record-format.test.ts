import { inflateRawSync } from 'node:zlib'
import avsc from 'avsc'
import { expect, test } from 'vitest'
import type { AvroSchema } from '../../schemas/avro-type.ts'
import { type EncodedValue, type ObjectCompression, type ObjectFormat, RecordFormat } from './record-format.ts'

/** As change data capture has it: nanoseconds do not fit a number. */
const SCHEMA: AvroSchema = {
  type: 'record',
  name: 'Row',
  fields: [
    { name: 'ns', type: 'long' },
    { name: 'note', type: ['null', 'string'] },
  ],
}
const NANOSECONDS = 1_795_305_600_123_456_789n
const WIRE = Buffer.concat([
  Buffer.from([0, 0, 0, 0, 7]),
  varint(NANOSECONDS * 2n),
  Buffer.from([2, 4]),
  Buffer.from('hi'),
])

function varint(value: bigint): Buffer {
  const bytes: number[] = []
  let rest = value
  for (; rest > 0x7fn; rest >>= 7n) bytes.push(Number(rest & 0x7fn) | 0x80)
  return Buffer.from([...bytes, Number(rest)])
}

async function open(format: ObjectFormat, compression: ObjectCompression = 'none') {
  const records = new RecordFormat(format, compression, { schemaById: async () => SCHEMA })
  await records.encode(WIRE)
  return records
}

test('a value stands in an Avro file byte by byte as its writer wrote it, with its schema', async () => {
  const records = await open('avro')
  const encoded = records.encode(WIRE) as EncodedValue
  expect(encoded).toEqual({ bytes: WIRE.subarray(5), schemaId: 7 })
  const body = records.body('a', [encoded])
  expect(body.includes(WIRE.subarray(5))).toBe(true)
  expect(body.toString('latin1')).toContain(JSON.stringify(SCHEMA))
  expect([records.extension, records.contentType]).toEqual(['.avro', 'application/avro'])
})

test('in lines of JSON a long beyond 2^53 has all its digits', async () => {
  const records = await open('json')
  const encoded = records.encode(WIRE) as EncodedValue
  expect(records.body('a', [encoded, encoded]).toString()).toBe(`{"ns":${NANOSECONDS},"note":"hi"}\n`.repeat(2))
  expect(encoded.schemaId).toBeUndefined()
})

test('deflated blocks are read by another implementation', async () => {
  const records = await open('avro', 'gzip')
  const values: { note: string }[] = []
  const decoder = new avsc.streams.BlockDecoder({
    codecs: {
      deflate: (data: Buffer, done: (error: Error | null, plain: Buffer) => void) => done(null, inflateRawSync(data)),
    },
    parseHook: (schema: never) => avsc.Type.forSchema(schema, { registry: { long: wideLong() } }),
  } as never)
  decoder.on('data', (value: { note: string }) => values.push(value))
  const ended = new Promise((resolve, reject) => {
    decoder.on('end', resolve)
    decoder.on('error', reject)
  })
  decoder.end(records.body('a', [records.encode(WIRE) as EncodedValue]))
  await ended
  expect(values).toEqual([{ ns: NANOSECONDS, note: { string: 'hi' } }].map(({ ns }) => ({ ns, note: 'hi' })))
})

function wideLong(): avsc.types.LongType {
  return avsc.types.LongType.__with({
    fromBuffer: (buffer: Buffer) => buffer.readBigInt64LE(),
    toBuffer: (value: bigint) => {
      const buffer = Buffer.alloc(8)
      buffer.writeBigInt64LE(value)
      return buffer
    },
    fromJSON: BigInt,
    toJSON: Number,
    isValid: (value: unknown) => typeof value === 'bigint',
    compare: (a: bigint, b: bigint) => (a < b ? -1 : a > b ? 1 : 0),
  } as never)
}

test.each([
  ['no wire format', Buffer.from('{"n":1}'), /wire format of a schema registry/],
  ['too short', Buffer.from([0, 0, 0]), /wire format/],
  ['cut off', WIRE.subarray(0, -1), /end too early \(written with schema 7\)/],
  ['with bytes left over', Buffer.concat([WIRE, Buffer.from([1])]), /1 bytes are left over/],
  ['of a branch that the union does not have', Buffer.from([0, 0, 0, 0, 7, 0, 8]), /schema 7/],
])('a value %s is refused with the reason', async (_, value, reason) => {
  const records = await open('avro')
  expect(records.encode(value)).toMatchObject({ code: 'SERDE_FAILED', reason: expect.stringMatching(reason) })
})
