import type { KeyRange } from '../../common/rocksdb.ts'
import type { Serde } from '../../common/serde.ts'
import { type KeyIdentity, keyBytesOf, keyIdentity } from '../shared/key-identity.ts'
import { rowValueOf } from '../shared/row-value.ts'
import { type StoredValue, ValueCodec } from '../shared/stored-value.ts'
import type { ChangelogRecord, RestoredRecord } from '../state-store.ts'
import type { RowPut, RowRange } from '../task-database.ts'
import { segmentStart } from './segment-keys.ts'
import { indexOfSegments, indexPut } from './time-index.ts'
import type { KeyWindows, RowKeys, WindowRow } from './window-cache.ts'
import {
  keyWindowsRange,
  parseWindowChangelogKey,
  parseWindowRowKey,
  segmentWindowsRange,
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
  /** Beside the rows there is an index by time. */
  readonly #isIndexed: boolean

  constructor(prefix: Buffer, topic: string, keySerde: Serde<K>, valueSerde: Serde<V>, isIndexed: boolean) {
    this.#prefix = prefix
    this.#topic = topic
    this.#keySerde = keySerde
    this.#codec = new ValueCodec(valueSerde, topic)
    this.#isIndexed = isIndexed
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
    return segmentWindowsRange(this.#prefix, segment, from, to)
  }

  /** All rows of the segments in [first, last], and what the index has of them. */
  wholeSegments(first: number, last: number, intervalMs: number): readonly RowRange[] {
    const rows = [segmentStart(this.#prefix, first), segmentStart(this.#prefix, last + 1)] as const
    return this.#isIndexed ? [rows, indexOfSegments(this.#prefix, first, last, intervalMs)] : [rows]
  }

  parseChangelogKey(changelogKey: Buffer): WindowKey {
    return parseWindowChangelogKey(changelogKey)
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

  changed(row: WindowRow<K, V>, puts: RowPut[]): ChangelogRecord {
    const { value, timestampMs, headers } = row
    const { changelogKey, rowKey } = row.keys ?? this.#keysOf(row)
    const changelogValue = this.#codec.encode(value, headers)
    puts.push([rowKey, rowValueOf(timestampMs, headers, changelogValue)])
    if (this.#isIndexed) {
      const { owner, windowStartMs, sequence } = row
      puts.push(this.#indexPut(this.keyBytesOf(owner), windowStartMs, sequence, value === null))
    }
    return { changelogKey, changelogValue, timestampMs, headers }
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
    { key, windowStartMs, sequence }: WindowKey,
    { value, timestampMs, headers }: RestoredRecord,
    puts: RowPut[],
  ): void {
    puts.push([this.rowKey(segment, key, windowStartMs, sequence), rowValueOf(timestampMs, headers, value)])
    if (this.#isIndexed) puts.push(this.#indexPut(key, windowStartMs, sequence, value === null))
  }

  /** What stands for the key in the index. */
  protected indexedKey(keyBytes: Buffer, _sequence: number): Buffer {
    return keyBytes
  }

  #indexPut(keyBytes: Buffer, timeMs: number, sequence: number, isDeleted: boolean): RowPut {
    return indexPut(this.#prefix, timeMs, this.indexedKey(keyBytes, sequence), isDeleted)
  }
}
