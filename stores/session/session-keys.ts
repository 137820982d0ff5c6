import type { KeyRange } from '../../common/rocksdb.ts'
import { readInt64, writeInt64 } from '../shared/bytes.ts'
import { keyOfChangelogKey, keyOfRowKey, openChangelogKey, openRowKey, segmentRange } from '../window/segment-keys.ts'

/**
 * Keys of session stores: those of `segment-keys.ts`, in segments of session ends, with the suffix
 *
 *     session end (int64) | session start (int64)
 *
 * The changelog's layout is Kafka Streams' (org.apache.kafka.streams.state.internals.SessionKeySchema).
 */
const SUFFIX_BYTES = 16

export interface SessionKey {
  readonly key: Buffer
  readonly startMs: number
  readonly endMs: number
}

export function sessionChangelogKey(key: Buffer, startMs: number, endMs: number): Buffer {
  return closed(openChangelogKey(key, SUFFIX_BYTES), startMs, endMs)
}

/** The key is a view of the given bytes. @throws {CorruptStateError} when they are too short for a session key. */
export function parseSessionChangelogKey(changelogKey: Buffer): SessionKey {
  return parsed(keyOfChangelogKey(changelogKey, SUFFIX_BYTES, 'session'), changelogKey)
}

export function sessionRowKey(
  storePrefix: Buffer,
  segment: number,
  key: Buffer,
  startMs: number,
  endMs: number,
): Buffer {
  return closed(openRowKey(storePrefix, segment, key, SUFFIX_BYTES), startMs, endMs)
}

/** @throws {CorruptStateError} when the bytes are too short for a session row. */
export function parseSessionRowKey(row: Buffer): SessionKey {
  return parsed(keyOfRowKey(row, SUFFIX_BYTES, 'session'), row)
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
  const first = from && sessionRowKey(storePrefix, segment, from, 0, 0)
  const last = to && sessionRowKey(storePrefix, segment, to, Number.MAX_SAFE_INTEGER, Number.MAX_SAFE_INTEGER)
  return segmentRange(storePrefix, segment, first, last)
}

function closed(key: Buffer, startMs: number, endMs: number): Buffer {
  writeInt64(key, startMs, writeInt64(key, endMs, key.length - SUFFIX_BYTES))
  return key
}

function parsed(key: Buffer, from: Buffer): SessionKey {
  const at = from.length - SUFFIX_BYTES
  return { key, startMs: readInt64(from, at + 8), endMs: readInt64(from, at) }
}
