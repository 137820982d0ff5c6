import type { KeyRange } from '../../common/rocksdb.ts'
import { CorruptStateError } from '../errors.ts'
import { writeInt64 } from '../shared/bytes.ts'
import { PREFIX_BYTES } from '../shared/key-value-keys.ts'

/**
 * Keys of stores whose rows stand in segments of time. The suffix tells the rows of a key apart and has the same length in all of them.
 *
 *     changelog: key bytes | suffix
 *     database:  store prefix (2) | segment number (int64) | escaped key | 0x00 0x00 | suffix
 *
 * In the database each 0x00 of the key is written as 0x00 0x01, so that no key is the beginning of another: rows stand in the order of
 * segment, key, suffix, those of a key in a segment are one range with nothing of other keys in it, and a segment leaves by one range
 * delete. All numbers are big endian.
 */
const HEAD_BYTES = PREFIX_BYTES + 8
const TERMINATOR_BYTES = 2

/** Segments are half the retention wide, but never under a minute. @see org.apache.kafka.streams.state.Stores */
export function segmentIntervalMs(retentionMs: number): number {
  return Math.max(Math.floor(retentionMs / 2), 60_000)
}

/** A changelog key whose suffix is still to be written. */
export function openChangelogKey(key: Buffer, suffixBytes: number): Buffer {
  const changelogKey = Buffer.allocUnsafe(key.length + suffixBytes)
  changelogKey.set(key, 0)
  return changelogKey
}

/** A row key whose suffix is still to be written. */
export function openRowKey(storePrefix: Buffer, segment: number, key: Buffer, suffixBytes: number): Buffer {
  const escaped = escapeKey(key)
  const row = Buffer.allocUnsafe(HEAD_BYTES + escaped.length + TERMINATOR_BYTES + suffixBytes)
  row.set(storePrefix, 0)
  writeInt64(row, segment, PREFIX_BYTES)
  row.set(escaped, HEAD_BYTES)
  row.writeUInt16BE(0, HEAD_BYTES + escaped.length)
  return row
}

/** A view of the given bytes. @throws {CorruptStateError} when they are too short for a changelog key. */
export function keyOfChangelogKey(changelogKey: Buffer, suffixBytes: number, kind: string): Buffer {
  const end = changelogKey.length - suffixBytes
  if (end < 0) throw new CorruptStateError(`a ${kind} key of ${changelogKey.length} bytes`)
  return changelogKey.subarray(0, end)
}

/** @throws {CorruptStateError} when the bytes are too short for a row key. */
export function keyOfRowKey(row: Buffer, suffixBytes: number, kind: string): Buffer {
  const end = row.length - suffixBytes - TERMINATOR_BYTES
  if (end < HEAD_BYTES) throw new CorruptStateError(`a ${kind} row key of ${row.length} bytes`)
  return unescapeKey(row.subarray(HEAD_BYTES, end))
}

/** First row key of a segment; of the next one it is the end of this one. */
export function segmentStart(storePrefix: Buffer, segment: number): Buffer {
  const key = Buffer.allocUnsafe(HEAD_BYTES)
  key.set(storePrefix, 0)
  writeInt64(key, segment, PREFIX_BYTES)
  return key
}

/** Rows of one segment between two row keys of it, both inclusive; an absent bound is open. `undefined` when no key can be in it. */
export function segmentRange(
  storePrefix: Buffer,
  segment: number,
  first: Buffer | undefined,
  last: Buffer | undefined,
): KeyRange | undefined {
  if (first !== undefined && last !== undefined && first.compare(last) > 0) return undefined
  const gte = first ?? segmentStart(storePrefix, segment)
  return last === undefined ? { gte, lt: segmentStart(storePrefix, segment + 1) } : { gte, lte: last }
}

export function escapeKey(key: Buffer): Buffer {
  let zeros = 0
  for (let i = key.indexOf(0); i !== -1; i = key.indexOf(0, i + 1)) zeros++
  if (zeros === 0) return key
  const escaped = Buffer.allocUnsafe(key.length + zeros)
  let at = 0
  for (const byte of key) {
    escaped[at++] = byte
    if (byte === 0) escaped[at++] = 1
  }
  return escaped
}

export function unescapeKey(escaped: Buffer): Buffer {
  if (escaped.indexOf(0) === -1) return escaped
  const key = Buffer.allocUnsafe(escaped.length)
  let length = 0
  for (let i = 0; i < escaped.length; i++) {
    const byte = escaped[i] as number
    key[length++] = byte
    if (byte === 0) i++
  }
  return key.subarray(0, length)
}
