import { type Awaitable, chain } from '../../common/awaitable.ts'
import { InternalError, SerdeNotReadyError } from '../../common/errors.ts'
import { EMPTY_HEADERS, type Headers } from '../../common/record.ts'
import type { Serde } from '../../common/serde.ts'
import { CorruptStateError, StoreClosedError } from '../errors.ts'
import { keyAfterPrefix } from '../shared/bytes.ts'
import { type KeyIdentity, keyBytesOf, keyIdentity } from '../shared/key-identity.ts'
import { type OverlayRow, overlayScan } from '../shared/overlay-scan.ts'
import { DEFAULT_CACHE_ENTRIES } from '../shared/second-chance.ts'
import { CHANGED } from '../shared/uncommitted.ts'
import { whenReady } from '../shared/when-ready.ts'
import type {
  HistoryOptions,
  KeyValueEntry,
  RestoredRecord,
  RowChanges,
  ScanOptions,
  StoreChanges,
  VersionedEntry,
  VersionedKeyValueStore,
} from '../state-store.ts'
import type { ExpiredPut, StoreContext } from '../store-builder.ts'
import type { RowRange, TaskDatabase } from '../task-database.ts'
import { KeyHistory, readHistories, VersionedCache } from './versioned-cache.ts'
import { VersionedClock } from './versioned-clock.ts'
import { VersionedDrain, VersionValues } from './versioned-drain.ts'
import { indexAt, insertVersion, pruneVersions, Version, validToMs } from './versioned-history.ts'
import { keyOfLatestRow, latestRowKey, latestRowsPrefix, wholeSegment } from './versioned-rows.ts'
import { decodeVersionedState, encodeVersionedState } from './versioned-state.ts'

export interface VersionedSizes {
  readonly historyRetentionMs: number
  readonly segmentIntervalMs: number
}

/**
 * A versioned store of one task: the histories of keys, decoded where they are read, in a write-back cache over the task's database.
 * A key comes into the cache with its whole history, so everything about a cached key is answered at once.
 * @see org.apache.kafka.streams.state.internals.RocksDBVersionedStore for what is kept, refused and found
 */
export class CachedVersionedStore<K, V> implements VersionedKeyValueStore<K, V> {
  readonly name: string
  readonly type = 'versioned'
  readonly persistent: boolean
  readonly historyRetentionMs: number
  readonly #database: TaskDatabase
  readonly #prefix: Buffer
  readonly #topic: string
  readonly #keySerde: Serde<K>
  readonly #values: VersionValues<V>
  readonly #clock: VersionedClock
  readonly #cache: VersionedCache<K, V>
  readonly #onExpired: ExpiredPut | undefined
  readonly #loading = new Map<KeyIdentity, Promise<KeyHistory<K, V>>>()
  readonly #storedSegments = new Set<number>()
  #hasRows: boolean
  #keptState: Buffer | undefined
  /** Counts what makes a read that is under way unfit for the cache. */
  #staleReads = 0
  /** While records are restored, rows change under the cache: nothing is kept in it. */
  #restoring = false
  #closed = false

  constructor(name: string, keySerde: Serde<K>, valueSerde: Serde<V>, sizes: VersionedSizes, context: StoreContext) {
    const { database, changelogTopic } = context
    this.name = name
    this.persistent = database.persistent
    this.historyRetentionMs = sizes.historyRetentionMs
    this.#database = database
    this.#prefix = database.storePrefix(name)
    this.#topic = changelogTopic
    this.#keySerde = keySerde
    this.#values = new VersionValues(valueSerde, changelogTopic)
    this.#clock = new VersionedClock(sizes.historyRetentionMs, sizes.segmentIntervalMs)
    this.#onExpired = context.onExpired
    this.#hasRows = database.storeState(name) !== undefined
    this.#cache = new VersionedCache(context.cacheEntries ?? DEFAULT_CACHE_ENTRIES, !this.#hasRows)
    this.#takeStoredState()
  }

  get(key: K, asOfMs?: number): Awaitable<V | undefined> {
    const entry = this.getEntry(key, asOfMs)
    return entry instanceof Promise ? entry.then((found) => found?.value) : entry?.value
  }

  getEntry(key: K, asOfMs?: number): Awaitable<VersionedEntry<V> | undefined> {
    return chain(this.#history(key), (history) => {
      if (history === undefined) return undefined
      const newest = history.versions.length - 1
      const index = asOfMs === undefined ? newest : indexAt(history.versions, asOfMs)
      // What is older than the history can be asked of the newest version alone: it never expires.
      if (asOfMs !== undefined && asOfMs < this.#clock.oldestMs && index !== newest) return undefined
      return ready(() => this.#entryAt(history, index))
    })
  }

  history(key: K, fromMs: number, toMs: number, options: HistoryOptions = {}): Awaitable<readonly VersionedEntry<V>[]> {
    return chain(this.#history(key), (history) =>
      history === undefined ? [] : ready(() => this.#entriesIn(history, fromMs, toMs, options)),
    )
  }

  range(from: K | undefined, to: K | undefined, options: ScanOptions = {}): AsyncIterable<KeyValueEntry<K, V>> {
    this.#checkOpen()
    const bound = (key: K | undefined): Buffer | undefined =>
      key === undefined ? undefined : latestRowKey(this.#prefix, this.#keySerde.serialize(key, this.#topic))
    const first = latestRowsPrefix(this.#prefix)
    const gte = bound(from) ?? first
    const last = bound(to)
    const isEmpty = last !== undefined && gte.compare(last) > 0
    const range = last === undefined ? { gte, lt: keyAfterPrefix(first) as Buffer } : { gte, lte: last }
    const isIn = (rowKey: Buffer): boolean =>
      !isEmpty && rowKey.compare(gte) >= 0 && (last === undefined || rowKey.compare(last) <= 0)
    return overlayScan<KeyValueEntry<K, V>>({
      database: this.#database,
      range: this.#hasRows && !isEmpty ? range : undefined,
      overlay: () => (options.committedOnly ? [] : this.#overlay(isIn)),
      decode: (rowKey, rowValue) => {
        const key = this.#keySerde.deserialize(keyOfLatestRow(rowKey), this.#topic)
        return { key, ...this.#values.decodeRow(rowValue) }
      },
      reverse: options.reverse,
      limit: options.limit,
      exact: true,
    })
  }

  put(key: K, value: V | null, timestampMs: number, headers: Headers = EMPTY_HEADERS): Awaitable<number | undefined> {
    this.#checkOpen()
    this.#restoring = false
    const id = keyIdentity(key, this.#keySerde, this.#topic)
    if (!this.#clock.admit(timestampMs)) {
      this.#onExpired?.(this.name)
      return undefined
    }
    return chain(this.#cache.get(id) ?? this.#load(key, id), (loaded) => {
      // What was loaded has left again where the cache has no room.
      const history = this.#cache.get(id) ?? this.#cache.add(loaded ?? this.#newHistory(key, id))
      return this.#insert(history, new Version(timestampMs, value, headers))
    })
  }

  delete(key: K, timestampMs: number): Awaitable<VersionedEntry<V> | undefined> {
    if (timestampMs < this.#clock.oldestMs) {
      this.#onExpired?.(this.name)
      return undefined
    }
    return chain(this.getEntry(key, timestampMs), (found) => chain(this.put(key, null, timestampMs), () => found))
  }

  prefetch(keys: readonly K[]): Promise<void> | undefined {
    this.#restoring = false
    if (this.#cache.complete) return undefined
    this.#cache.prefetched = keys.length
    const missing = new Map<KeyIdentity, K>()
    for (const key of keys) {
      const id = keyIdentity(key, this.#keySerde, this.#topic)
      if (this.#cache.get(id) === undefined) missing.set(id, key)
    }
    return missing.size === 0 ? undefined : this.#prefetch(missing)
  }

  get dirtyEntries(): number {
    return this.#cache.uncommitted.size
  }

  drain(): StoreChanges {
    const drain = new VersionedDrain<V>(this.#prefix, this.#clock, this.#values)
    const drained = this.#cache.uncommitted.drain((history) => {
      pruneVersions(history.versions, this.#clock.oldestMs)
      drain.add(history)
      return history
    })
    for (const history of drained) {
      history.unsent = []
      history.touched.clear()
      history.touchedLatest = false
      this.#cache.weigh(history)
    }
    return this.#changes(drain)
  }

  committed(): void {
    this.#restoring = false
    this.#cache.uncommitted.settle((history) => this.#cache.release(history))
    this.#cache.prefetched = 0
    this.#evict()
  }

  discard(): void {
    this.#clear()
    this.#takeStoredState()
    this.#keepState()
    this.#cache.complete = !this.#hasRows
  }

  restoredRows(records: readonly RestoredRecord[]): Awaitable<RowChanges> {
    if (this.dirtyEntries > 0) throw new InternalError(`store ${this.name} is restored over uncommitted changes`)
    this.#checkOpen()
    const keyed = records.filter((record) => record.key !== null)
    if (keyed.length === 0) return { puts: [], expired: [] }
    this.#restoring = true
    this.#clear()
    this.#cache.complete = false
    const keys = new Map(keyed.map(({ key }) => [(key as Buffer).toString('latin1'), key as Buffer]))
    return chain(this.#read([...keys.values()]), (found) => {
      const histories = new Map(
        [...keys].map(([id, key], i) => [id, new KeyHistory<Buffer, V>(key, id, key, found[i] ?? [])]),
      )
      for (const { key, value, timestampMs, headers } of keyed) {
        if (!this.#clock.admit(timestampMs)) continue
        const history = histories.get((key as Buffer).toString('latin1')) as KeyHistory<Buffer, V>
        this.#place(history, this.#values.restored(value, timestampMs, headers))
      }
      const drain = new VersionedDrain<V>(this.#prefix, this.#clock, this.#values)
      for (const history of histories.values()) {
        pruneVersions(history.versions, this.#clock.oldestMs)
        drain.add(history)
      }
      return this.#changes(drain)
    })
  }

  close(): void {
    this.#closed = true
    this.#clear()
    this.#cache.complete = false
  }

  #entryAt(history: KeyHistory<K, V>, index: number): VersionedEntry<V> | undefined {
    const version = history.versions[index]
    if (version === undefined) return undefined
    const value = this.#values.of(version)
    if (value === null) return undefined
    return { value, timestampMs: version.timestampMs, validToMs: validToMs(history.versions, index) }
  }

  #entriesIn(
    history: KeyHistory<K, V>,
    fromMs: number,
    toMs: number,
    { reverse = false, limit = Number.POSITIVE_INFINITY }: HistoryOptions,
  ): VersionedEntry<V>[] {
    if (fromMs > toMs) return []
    const { versions } = history
    const oldestMs = this.#clock.oldestMs
    const newest = versions.length - 1
    const last = indexAt(versions, toMs)
    // Of a time before the history the newest version alone is told, as for one read.
    const first = toMs < oldestMs ? newest : Math.max(0, indexAt(versions, Math.max(fromMs, oldestMs)))
    const entries: VersionedEntry<V>[] = []
    for (let n = 0; n <= last - first; n++) {
      if (entries.length >= limit) break
      const entry = this.#entryAt(history, reverse ? last - n : first + n)
      if (entry !== undefined) entries.push(entry)
    }
    return entries
  }

  #insert(history: KeyHistory<K, V>, version: Version<V>): number {
    version.unsent = true
    history.unsent.push(version)
    const endMs = this.#place(history, version)
    pruneVersions(history.versions, this.#clock.oldestMs)
    this.#cache.weigh(history)
    history.written = true
    if ((history.state & CHANGED) === 0) this.#cache.uncommitted.mark(history)
    return endMs
  }

  /** Puts a version into its history and notes which rows that changes; gives the end of its validity. */
  #place(history: KeyHistory<unknown, V>, version: Version<V>): number {
    const index = insertVersion(history.versions, version)
    const endMs = validToMs(history.versions, index)
    history.touched.add(this.#clock.segment(version.timestampMs))
    if (endMs === Number.POSITIVE_INFINITY) history.touchedLatest = true
    else history.touched.add(this.#clock.segment(endMs))
    return endMs
  }

  #newHistory(key: K, id: KeyIdentity): KeyHistory<K, V> {
    return new KeyHistory<K, V>(key, id, keyBytesOf(key, id, this.#keySerde, this.#topic), [])
  }

  /** `undefined`: known to have no version. */
  #history(key: K): Awaitable<KeyHistory<K, V> | undefined> {
    this.#checkOpen()
    const id = keyIdentity(key, this.#keySerde, this.#topic)
    return this.#cache.get(id) ?? this.#load(key, id)
  }

  #load(key: K, id: KeyIdentity): Awaitable<KeyHistory<K, V> | undefined> {
    if (this.#cache.complete) return undefined
    const running = this.#loading.get(id)
    if (running !== undefined) return running
    const keyBytes = keyBytesOf(key, id, this.#keySerde, this.#topic)
    const read = this.#read([keyBytes])
    if (!(read instanceof Promise)) return this.#adopt(new KeyHistory(key, id, keyBytes, read[0] ?? []))
    const loading = this.#loadLater(key, id, keyBytes, read)
    this.#loading.set(id, loading)
    return loading
  }

  async #loadLater(
    key: K,
    id: KeyIdentity,
    keyBytes: Buffer,
    first: Promise<Version<V>[][]>,
  ): Promise<KeyHistory<K, V>> {
    try {
      for (let read = first; ; ) {
        const staleReads = this.#staleReads
        const [versions = []] = await read
        this.#checkOpen()
        const cached = this.#cache.get(id)
        if (cached !== undefined) return cached
        if (staleReads === this.#staleReads) return this.#adopt(new KeyHistory(key, id, keyBytes, versions))
        read = Promise.resolve(this.#read([keyBytes]))
      }
    } finally {
      this.#loading.delete(id)
    }
  }

  async #prefetch(missing: ReadonlyMap<KeyIdentity, K>): Promise<void> {
    this.#checkOpen()
    this.#evict()
    const wanted = [...missing].map(([id, key]) => ({
      key,
      id,
      keyBytes: keyBytesOf(key, id, this.#keySerde, this.#topic),
    }))
    const staleReads = this.#staleReads
    const found = await this.#read(wanted.map(({ keyBytes }) => keyBytes))
    if (this.#closed || staleReads !== this.#staleReads) return
    for (const [i, { key, id, keyBytes }] of wanted.entries())
      if (this.#cache.get(id) === undefined) this.#adopt(new KeyHistory(key, id, keyBytes, found[i] ?? []))
  }

  #read(keys: readonly Buffer[]): Awaitable<Version<V>[][]> {
    const firstLive = this.#clock.firstLiveSegment()
    const segments = [...this.#storedSegments].filter((segment) => segment >= firstLive).sort((a, b) => a - b)
    return readHistories<V>(this.#database, this.#prefix, segments, keys)
  }

  #adopt(history: KeyHistory<K, V>): KeyHistory<K, V> {
    pruneVersions(history.versions, this.#clock.oldestMs)
    if (this.#restoring) return history
    this.#cache.add(history)
    this.#cache.release(history)
    this.#evict()
    return history
  }

  /** A read that is on its way may be older than what an evicted entry had. */
  #evict(): void {
    if (this.#cache.evict()) this.#staleReads++
  }

  #overlay(isIn: (rowKey: Buffer) => boolean): OverlayRow<KeyValueEntry<K, V>>[] {
    const overlay: OverlayRow<KeyValueEntry<K, V>>[] = []
    this.#cache.uncommitted.forEach((history) => {
      const rowKey = latestRowKey(this.#prefix, history.keyBytes)
      if (!isIn(rowKey)) return
      const entry = this.#entryAt(history, history.versions.length - 1)
      const { key } = history
      overlay.push({ rowKey, row: entry ? { key, value: entry.value, timestampMs: entry.timestampMs } : null })
    })
    return overlay
  }

  #changes(drain: VersionedDrain<V>): StoreChanges {
    const { records, puts } = drain.finish()
    for (const segment of drain.segments) this.#storedSegments.add(segment)
    const firstLive = this.#clock.firstLiveSegment()
    const expired: RowRange[] = []
    for (const segment of this.#storedSegments) {
      if (segment >= firstLive) continue
      expired.push(wholeSegment(this.#prefix, segment))
      this.#storedSegments.delete(segment)
    }
    if (puts.length === 0 && expired.length === 0) return { records: [], puts, expired }
    this.#hasRows = true
    this.#keepState()
    return { records, puts, expired }
  }

  #clear(): void {
    this.#cache.clear()
    this.#staleReads++
  }

  #takeStoredState(): void {
    const stored = this.#database.storeState(this.name)
    const state = stored && decodeVersionedState(stored)
    if (state !== undefined && state.segmentIntervalMs !== this.#clock.intervalMs)
      throw new CorruptStateError(
        `store ${this.name} has its history in segments of ${state.segmentIntervalMs} ms, not of ${this.#clock.intervalMs} ms`,
      )
    this.#clock.observedMs = state?.observedStreamTimeMs ?? -1
    this.#storedSegments.clear()
    for (const segment of state?.segments ?? []) this.#storedSegments.add(segment)
    this.#keptState = undefined
  }

  #keepState(): void {
    const state = encodeVersionedState({
      observedStreamTimeMs: this.#clock.observedMs,
      segmentIntervalMs: this.#clock.intervalMs,
      segments: [...this.#storedSegments].sort((a, b) => a - b),
    })
    if (this.#keptState?.equals(state)) return
    this.#keptState = state
    this.#database.keepStoreState(this.name, state)
  }

  #checkOpen(): void {
    if (this.#closed) throw new StoreClosedError(`store ${this.name} is closed`)
  }
}

/** The answer, when the serde has what it needs. */
function ready<T>(decode: () => T): Awaitable<T> {
  try {
    return decode()
  } catch (error) {
    if (!(error instanceof SerdeNotReadyError)) throw error
    return whenReady(decode)
  }
}
