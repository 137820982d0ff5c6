import { CorruptStateError } from '../errors.ts'
import { readInt64, writeInt64 } from '../shared/bytes.ts'
import { keyValueRowKey, PREFIX_BYTES } from '../shared/key-value-keys.ts'
import { decodeRowValue } from '../shared/row-value.ts'
import { Version, type Versions } from './versioned-history.ts'

/**
 * Rows of a versioned store in its task's database:
 *
 *     latest version:  store prefix (2) | 0 | key                     → row value
 *     older versions:  store prefix (2) | 1 | segment number (int64) | key → end (int64), then per version, oldest first:
 *                      its row value's length (int32) and the row value, or -1 and the time of a deletion (int64)
 *
 * An older version stands in the segment of the time it was valid to, so that history leaves with its segments, by range. `end` is
 * that time for the last version in the row. Where no version begins at an end, the key was deleted then: so the newest version of a
 * key may be a deletion, which has no latest row.
 * @see RocksDBVersionedStore, RocksDBVersionedStoreSegmentValueFormatter for the same with other bytes
 */
const LATEST = 0
const SEGMENT = 1
const DELETED = -1
/** Store prefix and kind. */
const KIND_BYTES = PREFIX_BYTES + 1
const SEGMENT_KEY_BYTES = KIND_BYTES + 8

export function latestRowKey(storePrefix: Buffer, key: Buffer): Buffer {
  const row = Buffer.allocUnsafe(KIND_BYTES + key.length)
  row.set(storePrefix, 0)
  row[PREFIX_BYTES] = LATEST
  row.set(key, KIND_BYTES)
  return row
}

/** The key that a latest row's key holds. */
export function keyOfLatestRow(rowKey: Buffer): Buffer {
  return rowKey.subarray(KIND_BYTES)
}

/** What all keys of latest rows begin with. */
export function latestRowsPrefix(storePrefix: Buffer): Buffer {
  return keyValueRowKey(storePrefix, Buffer.from([LATEST]))
}

export function segmentRowKey(storePrefix: Buffer, segment: number, key: Buffer): Buffer {
  const row = Buffer.allocUnsafe(SEGMENT_KEY_BYTES + key.length)
  row.set(storePrefix, 0)
  row[PREFIX_BYTES] = SEGMENT
  writeInt64(row, segment, KIND_BYTES)
  row.set(key, SEGMENT_KEY_BYTES)
  return row
}

/** All rows of a segment, as [from, to). */
export function wholeSegment(storePrefix: Buffer, segment: number): readonly [from: Buffer, to: Buffer] {
  const none = Buffer.alloc(0)
  return [segmentRowKey(storePrefix, segment, none), segmentRowKey(storePrefix, segment + 1, none)]
}

/** The value of a segment's row; `encoded` gives the row value of a version that is not a deletion. */
export function encodeSegmentRow<V>(
  versions: readonly Version<V>[],
  endMs: number,
  encoded: (version: Version<V>) => Buffer,
): Buffer {
  const values = versions.map((version) => (version.value === null ? null : encoded(version)))
  let sizeBytes = 8
  for (const value of values) sizeBytes += 4 + (value === null ? 8 : value.length)
  const row = Buffer.allocUnsafe(sizeBytes)
  let at = writeInt64(row, endMs, 0)
  for (const [i, value] of values.entries()) {
    at = row.writeInt32BE(value === null ? DELETED : value.length, at)
    if (value === null) at = writeInt64(row, (versions[i] as Version<V>).timestampMs, at)
    else {
      row.set(value, at)
      at += value.length
    }
  }
  return row
}

/** The versions of a key from its rows, segments oldest first. Values stay encoded. @throws {CorruptStateError} */
export function decodeVersions<V>(latest: Buffer | undefined, segments: readonly (Buffer | undefined)[]): Versions<V> {
  const versions: Versions<V> = []
  let endMs: number | undefined
  const add = (version: Version<V>): void => {
    if (endMs !== undefined && endMs < version.timestampMs) versions.push(new Version<V>(endMs, null))
    endMs = undefined
    versions.push(version)
  }
  for (const row of segments) {
    if (row === undefined) continue
    const nextEndMs = decodeSegmentRow(row, add)
    // A row without versions is a deletion of what was deleted before.
    if (endMs !== undefined) versions.push(new Version<V>(endMs, null))
    endMs = nextEndMs
  }
  if (latest !== undefined) add(storedVersion(latest))
  else if (endMs !== undefined) versions.push(new Version<V>(endMs, null))
  return versions
}

/** Hands over the versions of a segment's row; gives its end. */
function decodeSegmentRow<V>(row: Buffer, add: (version: Version<V>) => void): number {
  if (row.length < 8) throw new CorruptStateError(`a row of old versions with ${row.length} bytes`)
  let at = 8
  while (at < row.length) {
    const length = at + 4 <= row.length ? row.readInt32BE(at) : row.length
    at += 4
    const size = length === DELETED ? 8 : length
    if (size < 0 || at + size > row.length) throw new CorruptStateError('a row of old versions that was cut')
    add(length === DELETED ? new Version<V>(readInt64(row, at), null) : storedVersion(row.subarray(at, at + size)))
    at += size
  }
  return readInt64(row, 0)
}

function storedVersion<V>(rowValue: Buffer): Version<V> {
  const { timestampMs, headers } = decodeRowValue(rowValue)
  const version = new Version<V>(timestampMs, undefined, headers)
  version.encoded = rowValue
  return version
}
