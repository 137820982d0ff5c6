import type { KeyRange } from '../common/rocksdb.ts'
import { readInt64, writeInt64 } from './bytes.ts'
import { CorruptStateError } from './errors.ts'
import { PREFIX_BYTES } from './key-value-keys.ts'
import { escapeKey, segmentStart, unescapeKey } from './window-keys.ts'

/**
 * Keys of session stores.
 *
 *     changelog: key bytes | session end (int64) | session start (int64)
 *     database:  store prefix (2) | segment number (int64) | escaped key | 0x00 0x00 | session end (int64) | session start (int64)
 *
 * The changelog's layout is Kafka Streams' (org.apache.kafka.streams.state.internals.SessionKeySchema). The database's is that of
 * windows, with segments of session ends; see `window-keys.ts`. All numbers are big endian.
 */
const SUFFIX_BYTES = 16
const TERMINATOR_BYTES = 2
const HEAD_BYTES = PREFIX_BYTES + 8

export interface SessionKey {
  readonly key: Buffer
  readonly startMs: number
  readonly endMs: number
}

export function sessionChangelogKey(key: Buffer, startMs: number, endMs: number): Buffer {
  const changelogKey = Buffer.allocUnsafe(key.length + SUFFIX_BYTES)
  changelogKey.set(key, 0)
  writeInt64(changelogKey, startMs, writeInt64(changelogKey, endMs, key.length))
  return changelogKey
}

/** The key is a view of the given bytes. @throws {CorruptStateError} when they are too short for a session key. */
export function parseSessionChangelogKey(changelogKey: Buffer): SessionKey {
  const at = changelogKey.length - SUFFIX_BYTES
  if (at < 0) throw new CorruptStateError(`a session key of ${changelogKey.length} bytes`)
  return {
    key: changelogKey.subarray(0, at),
    startMs: readInt64(changelogKey, at + 8),
    endMs: readInt64(changelogKey, at),
  }
}

export function sessionRowKey(
  storePrefix: Buffer,
  segment: number,
  key: Buffer,
  startMs: number,
  endMs: number,
): Buffer {
  const escaped = escapeKey(key)
  const row = Buffer.allocUnsafe(HEAD_BYTES + escaped.length + TERMINATOR_BYTES + SUFFIX_BYTES)
  row.set(storePrefix, 0)
  writeInt64(row, segment, PREFIX_BYTES)
  row.set(escaped, HEAD_BYTES)
  const at = row.writeUInt16BE(0, HEAD_BYTES + escaped.length)
  writeInt64(row, startMs, writeInt64(row, endMs, at))
  return row
}

/** @throws {CorruptStateError} when the bytes are too short for a session row. */
export function parseSessionRowKey(row: Buffer): SessionKey {
  const at = row.length - SUFFIX_BYTES
  const end = at - TERMINATOR_BYTES
  if (end < HEAD_BYTES) throw new CorruptStateError(`a session row key of ${row.length} bytes`)
  return {
    key: unescapeKey(row.subarray(HEAD_BYTES, end)),
    startMs: readInt64(row, at + 8),
    endMs: readInt64(row, at),
  }
}

/** Rows of one key in one segment whose sessions end in [fromMs, toMs]. */
export function keySessionsRange(
  storePrefix: Buffer,
  segment: number,
  key: Buffer,
  fromMs: number,
  toMs: number,
): KeyRange {
  return {
    gte: sessionRowKey(storePrefix, segment, key, 0, fromMs),
    lte: sessionRowKey(storePrefix, segment, key, toMs, toMs),
  }
}

/** Rows of the keys in [from, to] in one segment, both inclusive; an absent bound is open. `undefined` when no key can be in it. */
export function segmentSessionsRange(
  storePrefix: Buffer,
  segment: number,
  from: Buffer | undefined,
  to: Buffer | undefined,
): KeyRange | undefined {
  if (from !== undefined && to !== undefined && from.compare(to) > 0) return undefined
  const gte = from === undefined ? segmentStart(storePrefix, segment) : sessionRowKey(storePrefix, segment, from, 0, 0)
  if (to === undefined) return { gte, lt: segmentStart(storePrefix, segment + 1) }
  return { gte, lte: sessionRowKey(storePrefix, segment, to, Number.MAX_SAFE_INTEGER, Number.MAX_SAFE_INTEGER) }
}
