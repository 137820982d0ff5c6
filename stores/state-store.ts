import type { Awaitable } from '../common/awaitable.ts'
import type { Headers } from '../common/record.ts'

export type StoreType = 'key-value' | 'window'

/** A value with the time it stands for. Objects of this type live in the cache: do not keep one across records. */
export interface ValueAndTimestamp<V> {
  readonly value: V
  readonly timestampMs: number
}

/** One changed row of a store, encoded once per commit: the record for the changelog and the row for the database. */
export interface ChangedRow {
  /** Key of the changelog record, in Kafka Streams' layout. */
  readonly changelogKey: Buffer
  /** Plain value bytes; `null` deletes. */
  readonly changelogValue: Buffer | null
  readonly timestampMs: number
  readonly headers: Headers
  /** Key and value in the task's database, prefix included; `null` deletes. */
  readonly rowKey: Buffer
  readonly rowValue: Buffer | null
}

/** What a store adds to a commit. */
export interface StoreChanges {
  readonly rows: readonly ChangedRow[]
  /** Expired segments, as [from, to) of row keys; not written to the changelog, whose retention does the same. */
  readonly expired: readonly (readonly [from: Buffer, to: Buffer])[]
}

/**
 * A store of one task, as the runtime handles it. Reads and writes go to the object cache first; the database under it
 * holds committed rows only. The life of a change: `put` → dirty → `drain` (encoded) → `committed` (clean), or
 * `discard` after a failed commit.
 */
export interface StateStore {
  readonly name: string
  readonly type: StoreType
  /** Survives the process locally; if false the task restores it from the start of its changelog. */
  readonly persistent: boolean
  /** Encodes every entry that changed since the last drain. Entries stay readable, and may not change until `committed`. */
  drain(): StoreChanges
  /** The drained rows are in the database: their entries are clean now and may be evicted. */
  committed(): void
  /** Forgets everything that is not committed. */
  discard(): void
  /** Entries that wait for a commit: past a bound, the task commits early. */
  readonly dirtyEntries: number
  /** Turns changelog records back into rows. Records with a null key are skipped. */
  restoredRows(records: readonly RestoredRecord[]): StoreChanges
  close(): void
}

export interface RestoredRecord {
  readonly key: Buffer | null
  readonly value: Buffer | null
  readonly timestampMs: number
  readonly headers: Headers
}

/** Read side of a key-value store: what HTTP and joins get. `undefined` = no such key. */
export interface ReadOnlyKeyValueStore<K, V> {
  get(key: K): Awaitable<V | undefined>
  /** With the timestamp of its last change. */
  getEntry(key: K): Awaitable<ValueAndTimestamp<V> | undefined>
  /** Keys in [from, to], both inclusive, in the order of their bytes; an absent bound is open. Uncommitted changes are seen. */
  range(from: K | undefined, to: K | undefined, options?: ScanOptions): AsyncIterable<KeyValueEntry<K, V>>
  /** Keys whose bytes begin with these. */
  prefix(keyPrefix: Buffer, options?: ScanOptions): AsyncIterable<KeyValueEntry<K, V>>
  approximateEntries(): Awaitable<number>
}

export interface ScanOptions {
  readonly reverse?: boolean
  readonly limit?: number
  /** Leave out what is not committed yet. */
  readonly committedOnly?: boolean
}

export interface KeyValueEntry<K, V> {
  readonly key: K
  readonly value: V
  readonly timestampMs: number
}

export interface KeyValueStore<K, V> extends ReadOnlyKeyValueStore<K, V>, StateStore {
  readonly type: 'key-value'
  /** Sets or (`null`) deletes. Never waits: the old value is not read. */
  put(key: K, value: V | null, timestampMs: number, headers?: Headers): void
  /** Sets the value unless there is one; gives the one that was there. */
  putIfAbsent(key: K, value: V, timestampMs: number): Awaitable<V | undefined>
  /** Deletes and gives what was there. */
  delete(key: K, timestampMs: number): Awaitable<V | undefined>
  /** As `range`, as a list: at once where the database is in memory. Meant for few rows: give a limit. */
  entries(from: K | undefined, to: K | undefined, options?: ScanOptions): Awaitable<readonly KeyValueEntry<K, V>[]>
  /** Reads these keys into the cache with one batched read, so that `get` answers at once. */
  prefetch(keys: readonly K[]): Promise<void> | undefined
}

export interface WindowEntry<K, V> {
  readonly key: K
  readonly windowStartMs: number
  readonly value: V
  readonly timestampMs: number
}

/** Read side of a window store. Rows older than `observed stream time - retention + 1` are hidden even where they still exist. */
export interface ReadOnlyWindowStore<K, V> {
  get(key: K, windowStartMs: number): Awaitable<V | undefined>
  getEntry(key: K, windowStartMs: number): Awaitable<ValueAndTimestamp<V> | undefined>
  /** Windows of one key that start in [fromMs, toMs], both inclusive, oldest first (newest first with `reverse`). Duplicates in the order of their puts. */
  fetch(key: K, fromMs: number, toMs: number, options?: ScanOptions): Awaitable<readonly WindowEntry<K, V>[]>
  /** Windows of all keys in [fromKey, toKey] that start in [fromMs, toMs]; absent key bounds are open. In the order of segments (a segment is half the retention, but at least a minute), in a segment by key bytes, then start. */
  fetchRange(
    fromKey: K | undefined,
    toKey: K | undefined,
    fromMs: number,
    toMs: number,
    options?: ScanOptions,
  ): AsyncIterable<WindowEntry<K, V>>
}

export interface WindowStore<K, V> extends ReadOnlyWindowStore<K, V>, StateStore {
  readonly type: 'window'
  readonly windowSizeMs: number
  readonly retentionMs: number
  /** Sets or (`null`) deletes the window that starts at `windowStartMs`; false when it is past retention and was dropped. With `retainDuplicates` every put adds a row. */
  put(key: K, value: V | null, windowStartMs: number, timestampMs: number, headers?: Headers): boolean
  prefetch(keys: readonly (readonly [key: K, windowStartMs: number])[]): Promise<void> | undefined
}
