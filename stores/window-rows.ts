import type { Headers } from '../common/record.ts'
import type { KeyRange } from '../common/rocksdb.ts'
import type { Serde } from '../common/serde.ts'
import { type KeyIdentity, keyBytesOf, keyIdentity } from './key-identity.ts'
import { encodeRowValue } from './row-value.ts'
import type { ChangedRow } from './state-store.ts'
import { type StoredValue, ValueCodec } from './stored-value.ts'
import type { KeyWindows, RowKeys, WindowRow } from './window-cache.ts'
import {
  keyWindowsRange,
  parseWindowRowKey,
  segmentKeysRange,
  segmentStart,
  type WindowKey,
  windowChangelogKey,
  windowRowKey,
} from './window-keys.ts'

/** Rows of one window store as bytes: keys under the store's prefix, values through its serdes. */
export class WindowRows<K, V> {
  readonly #prefix: Buffer
  readonly #topic: string
  readonly #keySerde: Serde<K>
  readonly #codec: ValueCodec<V>

  constructor(prefix: Buffer, topic: string, keySerde: Serde<K>, valueSerde: Serde<V>) {
    this.#prefix = prefix
    this.#topic = topic
    this.#keySerde = keySerde
    this.#codec = new ValueCodec(valueSerde, topic)
  }

  identity(key: K): KeyIdentity {
    return keyIdentity(key, this.#keySerde, this.#topic)
  }

  keyBytes(key: K, id: KeyIdentity): Buffer {
    return keyBytesOf(key, id, this.#keySerde, this.#topic)
  }

  keyBytesOf(windows: KeyWindows<K, V>): Buffer {
    windows.keyBytes ??= this.keyBytes(windows.key, windows.id)
    return windows.keyBytes
  }

  rowKey(segment: number, keyBytes: Buffer, windowStartMs: number, sequence: number): Buffer {
    return windowRowKey(this.#prefix, segment, keyBytes, windowStartMs, sequence)
  }

  changelogKey(keyBytes: Buffer, windowStartMs: number, sequence: number): Buffer {
    return windowChangelogKey(keyBytes, windowStartMs, sequence)
  }

  keyRange(segment: number, keyBytes: Buffer, fromMs: number, toMs: number): KeyRange {
    return keyWindowsRange(this.#prefix, segment, keyBytes, fromMs, toMs)
  }

  segmentRange(segment: number, from: Buffer | undefined, to: Buffer | undefined): KeyRange | undefined {
    return segmentKeysRange(this.#prefix, segment, from, to)
  }

  /** All rows of a segment, as [from, to). */
  wholeSegment(segment: number): readonly [from: Buffer, to: Buffer] {
    return [segmentStart(this.#prefix, segment), segmentStart(this.#prefix, segment + 1)]
  }

  parseKey(rowKey: Buffer): WindowKey {
    return parseWindowRowKey(rowKey)
  }

  decodeKey(keyBytes: Buffer): K {
    return this.#keySerde.deserialize(keyBytes, this.#topic)
  }

  decodeValue(rowValue: Buffer): StoredValue<V> {
    return this.#codec.decode(rowValue)
  }

  changed(row: WindowRow<K, V>): ChangedRow {
    const { value, timestampMs, headers } = row
    const { changelogKey, rowKey } = row.keys ?? this.#keysOf(row)
    const { changelogValue, rowValue } = this.#codec.encode(value, timestampMs, headers)
    return { changelogKey, changelogValue, timestampMs, headers, rowKey, rowValue }
  }

  #keysOf(row: WindowRow<K, V>): RowKeys {
    const { owner, windowStartMs, sequence } = row
    const keyBytes = this.keyBytesOf(owner)
    const keys: RowKeys = {
      rowKey: this.rowKey(owner.segment.number, keyBytes, windowStartMs, sequence),
      changelogKey: this.changelogKey(keyBytes, windowStartMs, sequence),
    }
    if (row.encoded) row.keys = keys
    row.encoded = true
    return keys
  }

  restored(
    segment: number,
    windowKey: WindowKey,
    changelogKey: Buffer,
    changelogValue: Buffer | null,
    timestampMs: number,
    headers: Headers,
  ): ChangedRow {
    const rowKey = this.rowKey(segment, windowKey.key, windowKey.windowStartMs, windowKey.sequence)
    const rowValue = changelogValue === null ? null : encodeRowValue(timestampMs, headers, changelogValue)
    return { changelogKey, changelogValue, timestampMs, headers, rowKey, rowValue }
  }
}
