import type { KeyRange } from '../common/rocksdb.ts'
import { readInt64, writeInt64 } from './bytes.ts'
import { CorruptStateError } from './errors.ts'
import { PREFIX_BYTES } from './key-value-keys.ts'

/**
 * Keys of window stores.
 *
 *     changelog: key bytes | window start (int64) | sequence number (int32)
 *     database:  store prefix (2) | segment number (int64) | escaped key | 0x00 0x00 | window start (int64) | sequence number (int32)
 *
 * The changelog's layout is Kafka Streams' (org.apache.kafka.streams.state.internals.WindowKeySchema). In the database each
 * 0x00 of the key is written as 0x00 0x01, so that no key is the beginning of another: rows stand in the order of segment,
 * key, start, sequence number, the windows of a key in a segment are one range with nothing of other keys in it, and a
 * segment leaves by one range delete. All numbers are big endian.
 */
const SUFFIX_BYTES = 12
const TERMINATOR_BYTES = 2
const HEAD_BYTES = PREFIX_BYTES + 8
const MAX_SEQUENCE = 0x7fffffff

export interface WindowKey {
  readonly key: Buffer
  readonly windowStartMs: number
  readonly sequence: number
}

/** Segments are half the retention wide, but never under a minute. @see org.apache.kafka.streams.state.Stores */
export function segmentIntervalMs(retentionMs: number): number {
  return Math.max(Math.floor(retentionMs / 2), 60_000)
}

export function windowChangelogKey(key: Buffer, windowStartMs: number, sequence: number): Buffer {
  const changelogKey = Buffer.allocUnsafe(key.length + SUFFIX_BYTES)
  changelogKey.set(key, 0)
  changelogKey.writeInt32BE(sequence, writeInt64(changelogKey, windowStartMs, key.length))
  return changelogKey
}

/** The key is a view of the given bytes. @throws {CorruptStateError} when they are too short for a window key. */
export function parseWindowChangelogKey(changelogKey: Buffer): WindowKey {
  const at = changelogKey.length - SUFFIX_BYTES
  if (at < 0) throw new CorruptStateError(`a window key of ${changelogKey.length} bytes`)
  return {
    key: changelogKey.subarray(0, at),
    windowStartMs: readInt64(changelogKey, at),
    sequence: changelogKey.readInt32BE(at + 8),
  }
}

export function windowRowKey(
  storePrefix: Buffer,
  segment: number,
  key: Buffer,
  windowStartMs: number,
  sequence: number,
): Buffer {
  const escaped = escapeKey(key)
  const row = Buffer.allocUnsafe(HEAD_BYTES + escaped.length + TERMINATOR_BYTES + SUFFIX_BYTES)
  row.set(storePrefix, 0)
  writeInt64(row, segment, PREFIX_BYTES)
  row.set(escaped, HEAD_BYTES)
  const at = row.writeUInt16BE(0, HEAD_BYTES + escaped.length)
  row.writeInt32BE(sequence, writeInt64(row, windowStartMs, at))
  return row
}

/** @throws {CorruptStateError} when the bytes are too short for a window row. */
export function parseWindowRowKey(row: Buffer): WindowKey {
  const at = row.length - SUFFIX_BYTES
  const end = at - TERMINATOR_BYTES
  if (end < HEAD_BYTES) throw new CorruptStateError(`a window row key of ${row.length} bytes`)
  return {
    key: unescapeKey(row.subarray(HEAD_BYTES, end)),
    windowStartMs: readInt64(row, at),
    sequence: row.readInt32BE(at + 8),
  }
}

/** First row key of a segment; of the next one it is the end of this one. */
export function segmentStart(storePrefix: Buffer, segment: number): Buffer {
  const key = Buffer.allocUnsafe(HEAD_BYTES)
  key.set(storePrefix, 0)
  writeInt64(key, segment, PREFIX_BYTES)
  return key
}

/** Rows of one key in one segment whose windows start in [fromMs, toMs]. */
export function keyWindowsRange(
  storePrefix: Buffer,
  segment: number,
  key: Buffer,
  fromMs: number,
  toMs: number,
): KeyRange {
  return {
    gte: windowRowKey(storePrefix, segment, key, fromMs, 0),
    lte: windowRowKey(storePrefix, segment, key, toMs, MAX_SEQUENCE),
  }
}

/** Rows of the keys in [from, to] in one segment, both inclusive; an absent bound is open. `undefined` when no key can be in it. */
export function segmentKeysRange(
  storePrefix: Buffer,
  segment: number,
  from: Buffer | undefined,
  to: Buffer | undefined,
): KeyRange | undefined {
  if (from !== undefined && to !== undefined && from.compare(to) > 0) return undefined
  const gte = from === undefined ? segmentStart(storePrefix, segment) : windowRowKey(storePrefix, segment, from, 0, 0)
  if (to === undefined) return { gte, lt: segmentStart(storePrefix, segment + 1) }
  return { gte, lte: windowRowKey(storePrefix, segment, to, Number.MAX_SAFE_INTEGER, MAX_SEQUENCE) }
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
