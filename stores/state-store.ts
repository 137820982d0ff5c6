import type { Awaitable } from '../common/awaitable.ts'
import type { PackedRecords } from '../common/packed-records.ts'
import type { Headers } from '../common/record.ts'
import type { RowBatch } from '../common/row-batch.ts'
import type { RowPut, RowRange } from './task-database.ts'

export type StoreType = 'key-value' | 'window' | 'session' | 'versioned' | 'record-buffer' | 'change-buffer'

/** A value with the time it stands for. Objects of this type live in the cache: do not keep one across records. */
export interface ValueAndTimestamp<V> {
  readonly value: V
  readonly timestampMs: number
}

/** A record for a store's changelog, encoded once per commit. */
export interface ChangelogRecord {
  /** In Kafka Streams' layout. */
  readonly changelogKey: Buffer
  /** Plain value bytes; `null` deletes. */
  readonly changelogValue: Buffer | null
  readonly timestampMs: number
  readonly headers: Headers
}

/** What a store writes to the database of its task. */
export interface RowChanges {
  readonly puts: readonly RowPut[]
  /** Expired segments; not written to the changelog, whose retention does the same. */
  readonly expired: readonly RowRange[]
}

/** What a store adds to a commit. A record may stand for no row, for one, or for several; it shares the row's bytes where they are the same. */
export interface StoreChanges extends RowChanges {
  readonly records: readonly ChangelogRecord[]
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
  /** Turns changelog records back into rows. Records with a null key are skipped. A store that has to read for it answers later. */
  restoredRows(records: readonly RestoredRecord[]): Awaitable<RowChanges>
  /**
   * The same for a store whose rows are made of one record each, whatever is there already: nothing is read and no object made of a record.
   * `undefined` where the store cannot.
   */
  restoredPacked?(records: PackedRecords): PackedRows | undefined
  close(): void
}

/** Rows on their way from a changelog into a database. */
export interface PackedRows {
  /** Puts the next rows, as many as there is room for. @returns whether there may be more */
  fill(rows: RowBatch): boolean
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
  /** From the last row to the first. */
  readonly reverse?: boolean
  /** Most rows that are given (default: all). */
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
  /**
   * Keys whose bytes begin with these, as a list: at once where the database is in memory, or the cache has all rows. For operators
   * that scan again and again: from the first call on the cache is kept in order. Keys and values are live ones: do not keep them.
   */
  prefixEntries(keyPrefix: Buffer, options?: ScanOptions): Awaitable<readonly KeyValueEntry<K, V>[]>
  /** Reads these keys into the cache with one batched read, so that `get` answers at once. */
  prefetch(keys: readonly K[]): Promise<void> | undefined
}

export type DueTime = 'stream-time' | 'wall-clock-time'

/** A row that came due, as it was before it was deleted. */
export interface DueEntry<K, V> extends KeyValueEntry<K, V> {
  readonly dueMs: number
}

/** A key-value store whose rows come due: those with a time to live, and timers. */
export interface DueStore<K, V> extends KeyValueStore<K, V> {
  /** The time that rows come due by. */
  readonly dueTime: DueTime
  /** No row is due before this time; Infinity when there is none. Costs nothing to ask. */
  readonly nextDueMs: number
  /**
   * Deletes each row that is due, with its due time (in the changelog too), and hands it over: earliest first, then by key bytes. What is
   * put meanwhile is left for the next call.
   */
  takeDue(nowMs: number, handle: (entry: DueEntry<K, V>) => Awaitable<void>): Awaitable<void>
}

/** A version of a row, valid in [timestampMs, validToMs). */
export interface VersionedEntry<V> extends ValueAndTimestamp<V> {
  /** Time of the next version of the key, or of its deletion; infinity for the newest. */
  readonly validToMs: number
}

export interface HistoryOptions {
  /** Newest first. */
  readonly reverse?: boolean
  /** Most versions that are given (default: all). */
  readonly limit?: number
}

/**
 * Read side of a versioned store. A version can be read as long as it was valid at some time not older than `observed stream time -
 * history retention`; the newest version of a key never expires. Values are the store's own: do not change one in place.
 */
export interface ReadOnlyVersionedKeyValueStore<K, V> {
  /** The value that was valid at this time (without one: the newest). */
  get(key: K, asOfMs?: number): Awaitable<V | undefined>
  /** With the times that it was valid from and to. */
  getEntry(key: K, asOfMs?: number): Awaitable<VersionedEntry<V> | undefined>
  /** Versions that were valid at some time in [fromMs, toMs], both inclusive, oldest first. @see MultiVersionedKeyQuery */
  history(key: K, fromMs: number, toMs: number, options?: HistoryOptions): Awaitable<readonly VersionedEntry<V>[]>
  /** Newest versions of the keys in [from, to], both inclusive, in the order of their bytes; an absent bound is open. */
  range(from: K | undefined, to: K | undefined, options?: ScanOptions): AsyncIterable<KeyValueEntry<K, V>>
}

/**
 * @see org.apache.kafka.streams.state.VersionedKeyValueStore (KIP-889)
 */
export interface VersionedKeyValueStore<K, V> extends ReadOnlyVersionedKeyValueStore<K, V>, StateStore {
  readonly type: 'versioned'
  readonly historyRetentionMs: number
  /**
   * Adds a version, or (`null`) a deletion, that is valid from this time on; one of the same time is replaced. Answers until when it
   * is valid: infinity for the newest of its key. `undefined`: refused, older than `observed stream time - history retention`.
   */
  put(key: K, value: V | null, timestampMs: number, headers?: Headers): Awaitable<number | undefined>
  /** Deletes from this time on; gives the version that was valid then. Nothing happens where a put would be refused. */
  delete(key: K, timestampMs: number): Awaitable<VersionedEntry<V> | undefined>
  /** Reads these keys into the cache with one batched read, so that the others answer at once. */
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
  /** Windows of all keys in [fromKey, toKey] that start in [fromMs, toMs]; absent key bounds are open. In the order of segments (a segment is half the retention, but at least a minute; of a time-ordered store it may be one start), in a segment by key bytes, then start. */
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

/** A window store that is planned with `timeOrdered`: it can be read by time, and keeps rows past retention until it is told that they were. */
export interface ClosingWindowStore<K, V> extends WindowStore<K, V> {
  /**
   * Hands over the windows of all keys that start in [fromMs, toMs], both inclusive, in the order of start, then key bytes, those past
   * retention included. Waits for a visit that waits. The store may not be written meanwhile.
   */
  visitInOrder(fromMs: number, toMs: number, visit: (window: WindowEntry<K, V>) => Awaitable<void>): Awaitable<void>
  /** Windows that start before this may go when their retention is over. Until the first call none go. */
  release(beforeMs: number): void
}

/** A session of a key: its first and last record were at `startMs` and `endMs`, both inclusive. */
export interface SessionEntry<K, V> {
  readonly key: K
  readonly startMs: number
  readonly endMs: number
  readonly value: V
  /** Of its last change, which may be of an earlier time than its end. */
  readonly timestampMs: number
}

/**
 * Read side of a session store. Sessions that end before `observed stream time - retention + 1` are hidden even where they still
 * exist; observed stream time is the latest end that was put.
 * @see org.apache.kafka.streams.state.ReadOnlySessionStore
 */
export interface ReadOnlySessionStore<K, V> {
  /** The session with exactly this start and end. */
  fetchSession(key: K, startMs: number, endMs: number): Awaitable<V | undefined>
  /** All sessions of a key in the order of their ends, then starts (reversed with `reverse`). */
  fetch(key: K, options?: ScanOptions): Awaitable<readonly SessionEntry<K, V>[]>
  /** Those that end at or after `earliestEndMs` and start at or before `latestStartMs`: with the bounds of a session, what it overlaps. */
  findSessions(
    key: K,
    earliestEndMs: number,
    latestStartMs: number,
    options?: ScanOptions,
  ): Awaitable<readonly SessionEntry<K, V>[]>
  /**
   * The same of all keys in [fromKey, toKey]; absent key bounds are open. In the order of segments (a segment is half the retention, but
   * at least a minute of ends), in a segment by key bytes, then end, then start.
   */
  fetchRange(
    fromKey: K | undefined,
    toKey: K | undefined,
    earliestEndMs: number,
    latestStartMs: number,
    options?: ScanOptions,
  ): AsyncIterable<SessionEntry<K, V>>
}

export interface SessionStore<K, V> extends ReadOnlySessionStore<K, V>, StateStore {
  readonly type: 'session'
  readonly retentionMs: number
  /** Sets or (`null`) deletes a session; false when it is past retention and was dropped. */
  put(key: K, value: V | null, startMs: number, endMs: number, timestampMs: number, headers?: Headers): boolean
  /** Deletes a session that was found. One that comes and goes between two commits leaves no trace, in the changelog neither. */
  remove(key: K, startMs: number, endMs: number, timestampMs: number): void
  /** Reads all sessions of these keys into the cache. */
  prefetch(keys: readonly K[]): Promise<void> | undefined
}

/** A session store that is planned with `timeOrdered`: sessions are found by their end, and stay past retention until they are released. */
export interface ClosingSessionStore<K, V> extends SessionStore<K, V> {
  /** Sessions of all keys that end in [fromEndMs, toEndMs], both inclusive, in the order of end, start, key bytes (a store in memory: end, key bytes, start), those past retention included. */
  findEnded(fromEndMs: number, toEndMs: number): Awaitable<readonly SessionEntry<K, V>[]>
  /** Sessions that end before this may go when their retention is over. Until the first call none go. */
  release(beforeEndMs: number): void
}
