import type { KeyRange } from '../../common/rocksdb.ts'
import { readInt64, writeInt64 } from '../shared/bytes.ts'
import { keyOfChangelogKey, keyOfRowKey, openChangelogKey, openRowKey, segmentRange } from './segment-keys.ts'

/**
 * Keys of window stores: those of `segment-keys.ts` with the suffix
 *
 *     window start (int64) | sequence number (int32)
 *
 * The changelog's layout is Kafka Streams' (org.apache.kafka.streams.state.internals.WindowKeySchema).
 */
const SUFFIX_BYTES = 12
const MAX_SEQUENCE = 0x7fffffff

export interface WindowKey {
  readonly key: Buffer
  readonly windowStartMs: number
  readonly sequence: number
}

export function windowChangelogKey(key: Buffer, windowStartMs: number, sequence: number): Buffer {
  return closed(openChangelogKey(key, SUFFIX_BYTES), windowStartMs, sequence)
}

/** The key is a view of the given bytes. @throws {CorruptStateError} when they are too short for a window key. */
export function parseWindowChangelogKey(changelogKey: Buffer): WindowKey {
  return parsed(keyOfChangelogKey(changelogKey, SUFFIX_BYTES, 'window'), changelogKey)
}

export function windowRowKey(
  storePrefix: Buffer,
  segment: number,
  key: Buffer,
  windowStartMs: number,
  sequence: number,
): Buffer {
  return closed(openRowKey(storePrefix, segment, key, SUFFIX_BYTES), windowStartMs, sequence)
}

/** @throws {CorruptStateError} when the bytes are too short for a window row. */
export function parseWindowRowKey(row: Buffer): WindowKey {
  return parsed(keyOfRowKey(row, SUFFIX_BYTES, 'window'), row)
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
export function segmentWindowsRange(
  storePrefix: Buffer,
  segment: number,
  from: Buffer | undefined,
  to: Buffer | undefined,
): KeyRange | undefined {
  const first = from && windowRowKey(storePrefix, segment, from, 0, 0)
  const last = to && windowRowKey(storePrefix, segment, to, Number.MAX_SAFE_INTEGER, MAX_SEQUENCE)
  return segmentRange(storePrefix, segment, first, last)
}

function closed(key: Buffer, windowStartMs: number, sequence: number): Buffer {
  key.writeInt32BE(sequence, writeInt64(key, windowStartMs, key.length - SUFFIX_BYTES))
  return key
}

function parsed(key: Buffer, from: Buffer): WindowKey {
  const at = from.length - SUFFIX_BYTES
  return { key, windowStartMs: readInt64(from, at), sequence: from.readInt32BE(at + 8) }
}
