import { CorruptStateError } from '../errors.ts'
import { readInt64, writeInt64 } from '../shared/bytes.ts'
import { indexRowKey, parseIndexRowKey } from '../window/time-index.ts'
import type { SessionKey } from './session-keys.ts'

/** What stands for the key in the index of a session store: sessions are found by their end, then start, then key bytes. */
export function startAndKey(startMs: number, key: Buffer): Buffer {
  const bytes = Buffer.allocUnsafe(8 + key.length)
  bytes.set(key, writeInt64(bytes, startMs, 0))
  return bytes
}

export function endIndexKey(storePrefix: Buffer, { key, startMs, endMs }: SessionKey): Buffer {
  return indexRowKey(storePrefix, endMs, startAndKey(startMs, key))
}

/** @throws {CorruptStateError} when the bytes are too short for a row of the index. */
export function parseEndIndexKey(row: Buffer): SessionKey {
  const { timeMs, key } = parseIndexRowKey(row)
  if (key.length < 8) throw new CorruptStateError(`an index row key of ${row.length} bytes`)
  return { key: key.subarray(8), startMs: readInt64(key, 0), endMs: timeMs }
}
