import { describe, expect, it } from 'vitest'
import { PackedRecords } from '../../common/packed-records.ts'
import { EMPTY_HEADERS, type Headers } from '../../common/record.ts'
import { BATCH_ROWS, RowBatch } from '../../common/row-batch.ts'
import { encodeRowValue } from '../shared/row-value.ts'
import { lastOfEachKey, PackedPuts } from './packed-puts.ts'

const PREFIX = Buffer.from([0, 7])
const TIMESTAMP_MS = 1_795_311_600_000

interface Given {
  readonly key: string | null
  readonly value: string | null
  readonly headers: Headers
}
const record = (key: string | null, value: string | null, headers: Headers = EMPTY_HEADERS): Given => ({
  key,
  value,
  headers,
})

/** With a run of bytes for each of the lists, and something before each record that is not of it. */
function pack(...lists: readonly (readonly Given[])[]): PackedRecords {
  const packed = new PackedRecords()
  let offset = 0
  for (const list of lists) {
    packed.begin(Buffer.from(list.map(({ key, value }) => `#${key ?? ''}${value ?? ''}`).join('')))
    let at = 0
    for (const { key, value, headers } of list) {
      const keyAt = at + 1
      const valueAt = keyAt + (key?.length ?? 0)
      packed.add(keyAt, key?.length ?? -1, valueAt, value?.length ?? -1, TIMESTAMP_MS, offset++, headers)
      at = valueAt + (value?.length ?? 0)
    }
  }
  return packed
}

const PUT = 1
const DELETE = 2
type Row = readonly [key: string, value: string | null]

/** The rows of each batch that is filled; it is one and the same that goes around. */
function batchesOf(packed: PackedRecords): Row[][] {
  const puts = new PackedPuts(PREFIX, packed)
  const rows = new RowBatch({ put: PUT, delete: DELETE, deleteRange: 0, columnFamily: undefined })
  const batches: Row[][] = []
  for (let more = true; more; ) {
    rows.clear()
    more = puts.fill(rows)
    batches.push(
      rows
        .operations()
        .map(({ type, key, value }) => [
          Buffer.from(key).toString('hex'),
          type === DELETE ? null : Buffer.from(value).toString('hex'),
        ]),
    )
  }
  return batches
}
const putsOf = (packed: PackedRecords) => batchesOf(packed).flat()

describe('rows of a restore', () => {
  const headers = [{ key: 'h', value: Buffer.from('1') }]
  const first = [
    record(null, 'left out'),
    record('a', 'one'),
    record('long'.repeat(20), 'x'.repeat(100)),
    record('big', 'y'.repeat(500)),
  ]
  const second = [record('b', null), record('gone'.repeat(20), null), record('c', 'three', headers), record('d', '')]

  it('are the bytes that a commit would write', () => {
    const expected = [...first, ...second]
      .filter(({ key }) => key !== null)
      .map((row) => [
        Buffer.concat([PREFIX, Buffer.from(row.key ?? '')]).toString('hex'),
        row.value === null ? null : encodeRowValue(TIMESTAMP_MS, row.headers, Buffer.from(row.value)).toString('hex'),
      ])
    expect(putsOf(pack(first, second))).toEqual(expected)
    expect(putsOf(pack())).toEqual([])
  })

  it('are of the last record of each key where keys come again', () => {
    const many = Array.from({ length: 3_000 }, (_, i) => record(`key-${i % 100}`, i % 7 === 0 ? null : `${i}`))
    const packed = pack(many.slice(0, 2_000), [...many.slice(2_000), record(null, 'left out')])
    const isLast = lastOfEachKey(packed)
    expect(isLast?.reduce((sum, kept) => sum + kept, 0)).toBe(100)
    expect(putsOf(packed)).toEqual(putsOf(pack(many.slice(-100))))
  })

  it('are of all records where keys hardly do', () => {
    const packed = pack(Array.from({ length: 6_000 }, (_, i) => record(`key-${i}`, `${i}`)))
    expect(lastOfEachKey(packed)).toBeUndefined()
    expect(putsOf(packed)).toHaveLength(6_000)
    expect(batchesOf(packed).map(({ length }) => length)).toEqual([
      ...Array(5).fill(BATCH_ROWS),
      6_000 - 5 * BATCH_ROWS,
    ])
  })

  it('of a part are those before its end', () => {
    expect(putsOf(pack(first, second).upTo(5))).toEqual(putsOf(pack(first, second.slice(0, 1))))
    expect(pack(first, second).upTo(5).unpack()).toEqual(pack(first, second).unpack().slice(0, 5))
  })
})
