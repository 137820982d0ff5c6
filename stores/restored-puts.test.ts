import { describe, expect, it } from 'vitest'
import { EMPTY_HEADERS } from '../common/record.ts'
import { lastOfEachKey, restoredPuts } from './restored-puts.ts'
import { encodeRowValue } from './row-value.ts'
import type { RestoredRecord } from './state-store.ts'

const PREFIX = Buffer.from([0, 7])
const record = (key: string | null, value: string | null, headers = EMPTY_HEADERS): RestoredRecord => ({
  key: key === null ? null : Buffer.from(key),
  value: value === null ? null : Buffer.from(value),
  timestampMs: 1_795_311_600_000,
  headers,
})

describe('rows of a restore', () => {
  it('are the bytes that a commit would write', () => {
    const headers = [{ key: 'h', value: Buffer.from('1') }]
    const records = [
      record('a', 'one'),
      record('long'.repeat(20), 'x'.repeat(100)),
      record('b', null),
      record('c', 'three', headers),
    ]
    const expected = records.map(({ key, value, timestampMs, headers }) => [
      Buffer.concat([PREFIX, key as Buffer]).toString('hex'),
      value && encodeRowValue(timestampMs, headers, value).toString('hex'),
    ])
    const puts = restoredPuts(PREFIX, [record(null, 'left out'), ...records])
    expect(puts.map(([key, value]) => [key.toString('hex'), value?.toString('hex') ?? null])).toEqual(expected)
    expect(restoredPuts(PREFIX, [])).toEqual([])
  })

  it('are of the last record of each key where keys come again', () => {
    const many = Array.from({ length: 3_000 }, (_, i) => record(`key-${i % 100}`, i % 7 === 0 ? null : `${i}`))
    const kept = lastOfEachKey([...many, record(null, 'left out')])
    expect(kept).toHaveLength(100)
    expect(new Set(kept)).toEqual(new Set(many.slice(-100)))
  })

  it('are of all records where keys hardly do', () => {
    const records = Array.from({ length: 3_000 }, (_, i) => record(`key-${i}`, `${i}`))
    expect(lastOfEachKey(records)).toBe(records)
    expect(lastOfEachKey([])).toEqual([])
  })
})
