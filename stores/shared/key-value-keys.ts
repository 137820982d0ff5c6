import type { KeyRange } from '../../common/rocksdb.ts'
import { keyAfterPrefix } from './bytes.ts'

/** Bytes of the store prefix before every row key. */
export const PREFIX_BYTES = 2

/** Row key of a key-value store: store prefix | key bytes. The changelog's key is the key bytes. */
export function keyValueRowKey(storePrefix: Buffer, key: Buffer): Buffer {
  const row = Buffer.allocUnsafe(PREFIX_BYTES + key.length)
  row.set(storePrefix, 0)
  row.set(key, PREFIX_BYTES)
  return row
}

/** Rows of the keys in [from, to], both inclusive; an absent bound is open. `undefined` when no key can be in it. */
export function keyValueRange(
  storePrefix: Buffer,
  from: Buffer | undefined,
  to: Buffer | undefined,
): KeyRange | undefined {
  if (from !== undefined && to !== undefined && from.compare(to) > 0) return undefined
  const gte = from === undefined ? storePrefix : keyValueRowKey(storePrefix, from)
  if (to !== undefined) return { gte, lte: keyValueRowKey(storePrefix, to) }
  return { gte, ...below(keyAfterPrefix(storePrefix)) }
}

/** Rows of the keys that begin with these bytes. */
export function keyValuePrefixRange(storePrefix: Buffer, keyPrefix: Buffer): KeyRange {
  const gte = keyValueRowKey(storePrefix, keyPrefix)
  return { gte, ...below(keyAfterPrefix(gte)) }
}

function below(bound: Buffer | undefined): KeyRange {
  return bound === undefined ? {} : { lt: bound }
}
