import { describe, expect, test } from 'vitest'
import type { LogRecord } from '../../kafka/port.ts'
import * as fc from '../../test/support/property.ts'
import { Chunk, type ChunkLimits } from './chunk.ts'

const MANY: ChunkLimits = { maxRecords: 1_000, maxBytes: 1_000_000 }
const record = (offset: number, value: string | null = 'v'): LogRecord => ({
  offset,
  key: null,
  value: value === null ? null : Buffer.from(value),
  timestampMs: 0,
  headers: [],
})
const encoded = (text: string) => ({ bytes: Buffer.from(text), schemaId: 1 })

interface Entry {
  readonly hour: string
  readonly kind: 'value' | 'tombstone' | 'unreadable'
}

/** Fills chunks with a log from an offset on; each as what would be stored of it. */
function chunksOf(log: readonly Entry[], from: number, limits: ChunkLimits, cutAt?: number) {
  const chunks: { end: number; objects: string[] }[] = []
  let chunk = new Chunk(from, limits, cutAt)
  const finish = () => {
    const objects = chunk.objects.map((o) => `${o.hour}+${o.firstOffset}:${o.values.map((v) => String(v.bytes))}`)
    chunks.push({ end: chunk.nextOffset, objects })
    chunk = new Chunk(chunk.nextOffset, limits, chunk.cutAt)
  }
  for (let offset = from; offset < log.length; offset++) {
    const { hour, kind } = log[offset] as Entry
    if (chunk.endsBefore(offset, hour)) finish()
    if (kind === 'value') chunk.add(record(offset), hour, encoded(`${offset}`))
    else if (kind === 'tombstone') chunk.addTombstone(record(offset, null), hour)
    else chunk.refuse(record(offset), hour, { code: 'X', reason: 'x' })
    if (chunk.isFull) finish()
  }
  return chunks
}

const log = fc.array(
  fc.record({
    hour: fc.constantFrom('01', '02', '03', '04'),
    kind: fc.constantFrom('value' as const, 'value' as const, 'tombstone' as const, 'unreadable' as const),
  }),
  { minLength: 1, maxLength: 60 },
)

describe('a chunk', () => {
  test('ends after so many records, whatever they are', () => {
    const entries = (['value', 'tombstone', 'unreadable', 'value'] as const).map((kind) => ({ hour: '01', kind }))
    expect(chunksOf(entries, 0, { ...MANY, maxRecords: 2 }).map(({ end }) => end)).toEqual([2, 4])
  })

  test('ends with the record that brings it to so many bytes', () => {
    const chunk = new Chunk(0, { ...MANY, maxBytes: 3 })
    chunk.add(record(0, 'ab'), '01', encoded('x'))
    expect(chunk.isFull).toBe(false)
    chunk.add(record(1, 'cd'), '01', encoded('x'))
    expect(chunk.isFull).toBe(true)
  })

  test('ends before a later hour, and takes late records into the object of theirs', () => {
    const hours = ['10', '10', '11', '10', '11', '09', '12']
    const entries = hours.map((hour) => ({ hour, kind: 'value' as const }))
    expect(chunksOf(entries, 0, MANY)).toEqual([
      { end: 2, objects: ['10+0:0,1'] },
      { end: 6, objects: ['11+2:2,4', '10+3:3', '09+5:5'] },
    ])
  })

  test('has an object for each writer schema', () => {
    const chunk = new Chunk(5, MANY)
    for (const [i, schemaId] of [1, 2, 1].entries())
      chunk.add(record(5 + i), '01', { bytes: Buffer.from(`${i}`), schemaId })
    const objects = chunk.objects.map(({ schemaId, firstOffset, lastOffset }) => [schemaId, firstOffset, lastOffset])
    expect(objects).toEqual([
      [1, 5, 7],
      [2, 6, 6],
    ])
  })

  test('ends at a cut that was written down, or before the next record that is left', () => {
    const entries = Array.from({ length: 6 }, () => ({ hour: '01', kind: 'value' as const }))
    expect(chunksOf(entries, 1, MANY, 4)).toEqual([{ end: 4, objects: ['01+1:1,2,3'] }])
    const compacted = new Chunk(1, MANY, 4)
    compacted.add(record(2), '01', encoded('2'))
    expect(compacted.isFull).toBe(false)
    expect(compacted.endsBefore(5, '01')).toBe(true)
  })

  test('knows no cut any more when no record before it is left', () => {
    const chunk = new Chunk(1, MANY, 4)
    chunk.add(record(7), '01', encoded('7'))
    chunk.add(record(8), '01', encoded('8'))
    expect([chunk.isFull, chunk.endsBefore(9, '01'), chunk.cutAt]).toEqual([false, false, undefined])
  })

  test('read again from any offset that was committed, gives the same objects from there on', () => {
    fc.assert(
      fc.property(log, fc.integer({ min: 1, max: 9 }), (entries, maxRecords) => {
        const limits = { ...MANY, maxRecords }
        const all = chunksOf(entries, 0, limits)
        for (const [i, { end }] of all.entries()) expect(chunksOf(entries, end, limits)).toEqual(all.slice(i + 1))
      }),
    )
  })

  test('has every record that can be read in exactly one object, wherever clocks cut', () => {
    fc.assert(
      fc.property(log, fc.nat(), (entries, at) => {
        const cutAt = 1 + (at % entries.length)
        const end = [...entries, { hour: '99', kind: 'tombstone' as const }]
        const stored = chunksOf(end, 0, MANY, cutAt).flatMap(({ objects }) => objects)
        const numbers = stored.flatMap((object) => (object.split(':')[1] as string).split(',').map(Number))
        const readable = entries.flatMap(({ kind }, offset) => (kind === 'value' ? [offset] : []))
        expect(numbers.sort((a, b) => a - b)).toEqual(readable)
        expect(new Set(stored.map((object) => object.split(':')[0])).size).toBe(stored.length)
      }),
    )
  })
})
