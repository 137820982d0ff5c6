import { describe, expect, it } from 'vitest'
import { EMPTY_HEADERS } from '../common/record.ts'
import * as fc from '../test/support/property.ts'
import { type Compression, compress, decompress } from './compression.ts'
import { KafkaProtocolError } from './errors.ts'
import type { LogRecord, ProducerRecord } from './port.ts'
import { decodeRecordBatches, encodeRecordBatch, recordSizeBound } from './record-batch.ts'

/** What kafka-clients 4.3.1 wrote for `JAVA_RECORDS`, as a 4.3.1 broker gave it back. */
const JAVA_BATCHES: Readonly<Record<Compression, string>> = {
  none: 'AAAAAAAAAAAAAACHAAAAAAJfoc0QAAAAAAADAAABi8/laAAAAAGLz+VoBgAAAAAAAAR1AAAAAAAAAAAABFoAAAAEazFKZmlyc3QgdmFsdWUsIGZpcnN0IHZhbHVlLCBmaXJzdCB2YWx1ZQAYAAoCAQxubyBrZXkAEAATBARrMgEAIgAMBgAABgJhAjECYQEEw6kA',
  gzip: 'AAAAAAAAAAAAAACFAAAAAAJu84TPAAEAAAADAAABi8/laAAAAAGLz+VoBgAAAAAAAAR2AAAAAAAAAAAABB+LCAAAAAAAAP+LYmBgYMk29ErLLCouUShLzClN1VHAxWGQYOBiYuTJy1fITq1kEGAQZmHJNmJkUGLgYWNgYGNKZDJkSmRkObySAQBcl2SaVgAAAA==',
  snappy:
    'AAAAAAAAAAAAAACJAAAAAAI+eriKAAIAAAADAAABi8/laAAAAAGLz+VoBgAAAAAAAAR3AAAAAAAAAAAABIJTTkFQUFkAAAAAAQAAAAEAAABEVlBaAAAABGsxSmZpcnN0IHZhbHVlLCBeDQCgABgACgIBDG5vIGtleQAQABMEBGsyAQAiAAwGAAAGAmECMQJhAQTDqQA=',
  lz4: 'AAAAAAAAAAAAAACFAAAAAAL2ET4tAAMAAAADAAABi8/laAAAAAGLz+VoBgAAAAAAAAR4AAAAAAAAAAAABAQiTRhgQIJFAAAA/wZaAAAABGsxSmZpcnN0IHZhbHVlLCANAAXwGgAYAAoCAQxubyBrZXkAEAATBARrMgEAIgAMBgAABgJhAjECYQEEw6kAAAAAAA==',
  zstd: 'AAAAAAAAAAAAAACCAAAAAAKfYVW6AAQAAAADAAABi8/laAAAAAGLz+VoBgAAAAAAAAR5AAAAAAAAAAAABCi1L/0AWCwCAOQDWgAAAARrMUpmaXJzdCB2YWx1ZSwgABgACgIBDG5vIGtleQAQABMEBGsyAQAiAAwGAAAGAmECMQJhAQTDqQABAAGcTAEAAA==',
}
const JAVA_RECORDS: readonly ProducerRecord[] = [
  record('k1', 'first value, first value, first value', 1_700_000_000_000),
  record(null, 'no key', 1_700_000_000_005),
  record('k2', null, 1_699_999_999_990),
  {
    ...record('', '', 1_700_000_000_006),
    headers: [
      { key: 'a', value: Buffer.from('1') },
      { key: 'a', value: null },
      { key: 'é', value: Buffer.alloc(0) },
    ],
  },
]
const CODECS = Object.keys(JAVA_BATCHES) as Compression[]

function record(key: string | null, value: string | null, timestampMs = 1_700_000_000_000): ProducerRecord {
  return {
    key: key === null ? null : Buffer.from(key),
    value: value === null ? null : Buffer.from(value),
    timestampMs,
  }
}

function asRead(records: readonly ProducerRecord[], from = 0): LogRecord[] {
  return records.map(({ key, value, timestampMs, headers }, i) => ({
    key,
    value,
    timestampMs,
    offset: from + i,
    headers: headers ?? EMPTY_HEADERS,
  }))
}

function decodeAll(data: Buffer, fromOffset = 0): readonly LogRecord[] {
  return decodeRecordBatches(data, { fromOffset }).records
}

/** Sets fields of an encoded batch and its checksum. */
function patched(batch: Buffer, patch: (batch: Buffer) => void): Buffer {
  const copy = Buffer.from(batch)
  patch(copy)
  copy.writeUInt32BE(crc32cSlow(copy.subarray(21)), 17)
  return copy
}

function crc32cSlow(data: Buffer): number {
  let crc = 0xffffffff
  for (const byte of data) {
    crc ^= byte
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0x82f63b78 : crc >>> 1
  }
  return ~crc >>> 0
}

/** A control batch as the transaction coordinator writes it: type 0 aborts, 1 commits. */
function marker(offset: number, producerId: number, type: 0 | 1): Buffer {
  const key = Buffer.from([0, 0, 0, type])
  const batch = encodeRecordBatch([{ key, value: Buffer.alloc(6), timestampMs: 1 }], {
    baseOffset: offset,
    producerId,
    producerEpoch: 0,
    transactional: true,
  })
  return patched(batch, (b) => b.writeInt16BE(b.readInt16BE(21) | 0x20, 21))
}

function transactional(offset: number, producerId: number, value: string): Buffer {
  return encodeRecordBatch([record('k', value)], {
    baseOffset: offset,
    producerId,
    producerEpoch: 0,
    baseSequence: 0,
    transactional: true,
  })
}

describe('record batches', () => {
  it.each(CODECS)('reads what the Java client wrote with %s', (codec) => {
    expect(decodeAll(Buffer.from(JAVA_BATCHES[codec], 'base64'))).toEqual(asRead(JAVA_RECORDS))
  })

  it('writes the bytes that the Java client writes', () => {
    const java = Buffer.from(JAVA_BATCHES.none, 'base64')
    const identity = { producerId: Number(java.readBigInt64BE(43)), producerEpoch: 0, baseSequence: 0 }
    const ours = encodeRecordBatch(JAVA_RECORDS, identity)
    ours.writeInt32BE(java.readInt32BE(12), 12)
    expect(ours.toString('hex')).toBe(java.toString('hex'))
  })

  it.each(CODECS)('gives back what was written with %s, whatever it is', (codec) => {
    const bytes = fc.option(fc.uint8Array({ maxLength: 200 }).map((data) => Buffer.from(data)))
    const records = fc.array(
      fc.record({
        key: bytes,
        value: bytes,
        timestampMs: fc.integer({ min: -1, max: 4_102_444_800_000 }),
        headers: fc.array(fc.record({ key: fc.string({ unit: 'binary', maxLength: 8 }), value: bytes }), {
          maxLength: 3,
        }),
      }),
      { minLength: 1, maxLength: 30 },
    )
    fc.assert(
      fc.property(records, fc.nat(2 ** 40), (written, baseOffset) => {
        const batch = encodeRecordBatch(written, { compression: codec, baseOffset })
        expect(decodeAll(batch)).toEqual(asRead(written, baseOffset))
      }),
      { numRuns: 60 },
    )
  })

  it('gives records without headers the one empty list', () => {
    expect(decodeAll(encodeRecordBatch([record('k', 'v')]))[0]?.headers).toBe(EMPTY_HEADERS)
  })

  it('hands out views of the fetched bytes', () => {
    const batch = encodeRecordBatch([record('k', 'value')])
    expect(decodeAll(batch)[0]?.value?.buffer).toBe(batch.buffer)
  })

  it('never takes more room than the bound says', () => {
    const large = { ...record('k'.repeat(300), 'v'.repeat(70_000)), headers: [{ key: 'é'.repeat(40), value: null }] }
    expect(encodeRecordBatch([large]).length).toBeLessThanOrEqual(61 + recordSizeBound(large))
  })

  it('reads several batches, leaves out what is before the offset asked for, and ignores a batch that is cut off', () => {
    const first = encodeRecordBatch([record('a', '0'), record('a', '1'), record('a', '2')], { baseOffset: 10 })
    const second = encodeRecordBatch([record('a', '3')], { baseOffset: 13 })
    const third = encodeRecordBatch([record('a', '4')], { baseOffset: 14 })
    const data = Buffer.concat([first, second, third.subarray(0, third.length - 1)])
    const { records, nextOffset } = decodeRecordBatches(data, { fromOffset: 12 })
    expect(records.map((r) => r.offset)).toEqual([12, 13])
    expect(nextOffset).toBe(14)
    expect(decodeRecordBatches(third.subarray(0, 61), { fromOffset: 14 })).toEqual({ records: [], nextOffset: 14 })
  })

  it('keeps the offsets of a compacted batch, and goes on behind its last one', () => {
    const batch = patched(encodeRecordBatch([record('a', '0')], { baseOffset: 5 }), (b) => b.writeInt32BE(9, 23))
    expect(decodeRecordBatches(batch, { fromOffset: 5 })).toMatchObject({ records: [{ offset: 5 }], nextOffset: 15 })
  })

  it('gives all records the append time where the topic says so', () => {
    const batch = patched(encodeRecordBatch([record('a', '0', 5), record('a', '1', 9)]), (b) => b.writeInt16BE(8, 21))
    expect(decodeAll(batch).map((r) => r.timestampMs)).toEqual([9, 9])
  })

  it('leaves out transaction markers, and counts them in the position', () => {
    const data = Buffer.concat([transactional(0, 7, 'a'), marker(1, 7, 1)])
    expect(decodeRecordBatches(data, { fromOffset: 0 })).toMatchObject({ records: [{ offset: 0 }], nextOffset: 2 })
  })

  it('leaves out aborted transactions of one producer, from their first offset to their marker only', () => {
    const data = Buffer.concat([
      transactional(0, 7, 'before'),
      marker(1, 7, 1),
      transactional(2, 7, 'aborted'),
      transactional(3, 8, 'of another'),
      encodeRecordBatch([record('k', 'plain')], { baseOffset: 4 }),
      transactional(5, 7, 'aborted too'),
      marker(6, 7, 0),
      transactional(7, 7, 'after'),
      marker(8, 8, 1),
    ])
    const { records, nextOffset } = decodeRecordBatches(data, {
      fromOffset: 0,
      aborted: [{ producerId: 7, firstOffset: 2 }],
    })
    expect(records.map((r) => r.value?.toString())).toEqual(['before', 'of another', 'plain', 'after'])
    expect(nextOffset).toBe(9)
  })

  it.each<[string, (batch: Buffer) => Buffer, string]>([
    ['a flipped bit', (b) => Buffer.from(b.map((byte, i) => (i === 70 ? byte ^ 1 : byte))), 'CORRUPT_MESSAGE'],
    ['an old format', (b) => patched(b, (p) => p.writeInt8(1, 16)), 'UNSUPPORTED_FOR_MESSAGE_FORMAT'],
    ['a record beyond the end', (b) => patched(b, (p) => p.writeUInt8(0x7e, 61)), 'CORRUPT_MESSAGE'],
    ['more records than there are', (b) => patched(b, (p) => p.writeInt32BE(3, 57)), 'CORRUPT_MESSAGE'],
    ['an unknown codec', (b) => patched(b, (p) => p.writeInt16BE(6, 21)), 'UNSUPPORTED_COMPRESSION_TYPE'],
    ['bytes that are not gzip', (b) => patched(b, (p) => p.writeInt16BE(1, 21)), 'CORRUPT_MESSAGE'],
    ['bytes that are not zstd', (b) => patched(b, (p) => p.writeInt16BE(4, 21)), 'CORRUPT_MESSAGE'],
    ['bytes that are not lz4', (b) => patched(b, (p) => p.writeInt16BE(3, 21)), 'CORRUPT_MESSAGE'],
    ['bytes that are not snappy', (b) => patched(b, (p) => p.writeInt16BE(2, 21)), 'CORRUPT_MESSAGE'],
  ])('refuses %s', (_, damage, code) => {
    const batch = encodeRecordBatch([record('k', 'v'), record('k', 'w')])
    const failure = (() => {
      try {
        return decodeAll(damage(batch))
      } catch (error) {
        return error
      }
    })()
    expect(failure).toBeInstanceOf(KafkaProtocolError)
    expect(failure).toMatchObject({ kafkaCode: code })
  })
})

describe('compression', () => {
  it('writes snappy in the framing of the Java client, over several blocks', () => {
    const data = Buffer.from('0123456789'.repeat(10_000))
    const packed = compress('snappy', data)
    expect(packed.subarray(0, 16).toString('hex')).toBe('82534e41505059000000000100000001')
    expect(decompress(2, packed).equals(data)).toBe(true)
  })

  it('reads snappy without a framing, as librdkafka writes it', () => {
    const raw = Buffer.from([5, 16, ...Buffer.from('hello')])
    expect(decompress(2, raw).toString()).toBe('hello')
  })
})
