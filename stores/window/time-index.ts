import type { KeyRange } from '../../common/rocksdb.ts'
import { CorruptStateError } from '../errors.ts'
import { readInt64, writeInt64 } from '../shared/bytes.ts'
import { PREFIX_BYTES } from '../shared/key-value-keys.ts'
import type { RowPut, RowRange } from '../task-database.ts'
import { escapeKey, unescapeKey } from './segment-keys.ts'

/**
 * An index by time beside the rows of a store that has segments: rows without a value, in the order of time, then key bytes.
 *
 *     store prefix (2) | 0x80 | time (int64) | escaped key | 0x00 0x00
 *
 * Segment numbers are not negative, so the byte 0x80 stands after all of them. The index may name rows that are gone.
 */
const MARK = 0x80
const HEAD_BYTES = PREFIX_BYTES + 1 + 8
const TERMINATOR_BYTES = 2

const INDEX_VALUE = Buffer.alloc(0)

/** What goes into the index with a row, and out of it when the row is deleted. */
export function indexPut(storePrefix: Buffer, timeMs: number, key: Buffer, isDeleted: boolean): RowPut {
  return [indexRowKey(storePrefix, timeMs, key), isDeleted ? null : INDEX_VALUE]
}

export function indexRowKey(storePrefix: Buffer, timeMs: number, key: Buffer): Buffer {
  const escaped = escapeKey(key)
  const row = Buffer.allocUnsafe(HEAD_BYTES + escaped.length + TERMINATOR_BYTES)
  head(row, storePrefix, timeMs)
  row.set(escaped, HEAD_BYTES)
  row.writeUInt16BE(0, HEAD_BYTES + escaped.length)
  return row
}

/** @throws {CorruptStateError} when the bytes are too short for an index row. */
export function parseIndexRowKey(row: Buffer): { readonly timeMs: number; readonly key: Buffer } {
  const end = row.length - TERMINATOR_BYTES
  if (end < HEAD_BYTES) throw new CorruptStateError(`an index row key of ${row.length} bytes`)
  return { timeMs: readInt64(row, PREFIX_BYTES + 1), key: unescapeKey(row.subarray(HEAD_BYTES, end)) }
}

/** First key of this time; of the next one it is the end of this one. */
export function indexStart(storePrefix: Buffer, timeMs: number): Buffer {
  return head(Buffer.allocUnsafe(HEAD_BYTES), storePrefix, timeMs)
}

/** The index of the segments in [first, last]. */
export function indexOfSegments(storePrefix: Buffer, first: number, last: number, intervalMs: number): RowRange {
  return [indexStart(storePrefix, first * intervalMs), indexStart(storePrefix, (last + 1) * intervalMs)]
}

/** Rows of the times in [fromMs, toMs], both inclusive. */
export function indexRange(storePrefix: Buffer, fromMs: number, toMs: number): KeyRange {
  return { gte: indexStart(storePrefix, fromMs), lt: indexStart(storePrefix, toMs + 1) }
}

function head(row: Buffer, storePrefix: Buffer, timeMs: number): Buffer {
  row.set(storePrefix, 0)
  row[PREFIX_BYTES] = MARK
  writeInt64(row, timeMs, PREFIX_BYTES + 1)
  return row
}
