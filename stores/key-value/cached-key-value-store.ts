import { type Awaitable, chain } from '../../common/awaitable.ts'
import { InternalError, SerdeNotReadyError } from '../../common/errors.ts'
import type { PackedRecords } from '../../common/packed-records.ts'
import { EMPTY_HEADERS, type Headers } from '../../common/record.ts'
import type { KeyRange } from '../../common/rocksdb.ts'
import type { Serde } from '../../common/serde.ts'
import { StoreClosedError } from '../errors.ts'
import { keyAfterPrefix } from '../shared/bytes.ts'
import { type KeyIdentity, keyBytesOf, keyIdentity } from '../shared/key-identity.ts'
import { keyValuePrefixRange, keyValueRange, keyValueRowKey, PREFIX_BYTES } from '../shared/key-value-keys.ts'
import { type OverlayRow, type OverlayScan, overlayList, overlayScan } from '../shared/overlay-scan.ts'
import { rowValueOf } from '../shared/row-value.ts'
import { DEFAULT_CACHE_ENTRIES, type Evictable, SecondChanceQueue } from '../shared/second-chance.ts'
import { SortedRows } from '../shared/sorted-rows.ts'
import { ValueCodec } from '../shared/stored-value.ts'
import { CHANGED, type Tracked, Uncommitted } from '../shared/uncommitted.ts'
import { whenReady } from '../shared/when-ready.ts'
import type {
  ChangelogRecord,
  KeyValueEntry,
  KeyValueStore,
  PackedRows,
  RestoredRecord,
  RowChanges,
  ScanOptions,
  StoreChanges,
  ValueAndTimestamp,
} from '../state-store.ts'
import type { StoreContext } from '../store-builder.ts'
import type { RowPut, TaskDatabase } from '../task-database.ts'
import { PackedPuts } from './packed-puts.ts'

/** Kept by a store that has had rows; without it the database is known to be empty. */
const HAS_ROWS = Buffer.from([1])
/** Up to this many rows are counted with the uncommitted ones laid over them. */
const COUNTED_ROWS = 1000

/** A key in the cache; a value of `null` is a tombstone or a key known to be absent. */
class Entry<K, V> implements Evictable, Tracked {
  readonly key: K
  readonly id: KeyIdentity
  keyBytes: Buffer | undefined
  value: V | null
  timestampMs: number
  headers: Headers
  state = 0
  used = false
  queued = false
  gone = false
  /** It was put since it came into the cache: reads that began before may be older than it. */
  written = false

  constructor(key: K, id: KeyIdentity, value: V | null, timestampMs: number, headers: Headers) {
    this.key = key
    this.id = id
    this.value = value
    this.timestampMs = timestampMs
    this.headers = headers
  }
}

export type CachedEntry<K, V> = Entry<K, V>

/**
 * A key-value store of one task: decoded values in a write-back cache over the task's database. What is cached, or known to be
 * absent, is answered at once. Reads that wait for the database never replace what was put meanwhile.
 *
 * A scan sees the store as it was when its first row was asked for; values are references, so an aggregator that changes one in
 * place shows through. Puts while it runs are safe and not seen.
 */
export class CachedKeyValueStore<K, V> implements KeyValueStore<K, V> {
  readonly name: string
  readonly type = 'key-value'
  readonly persistent: boolean
  readonly #database: TaskDatabase
  readonly #prefix: Buffer
  readonly #topic: string
  readonly #keySerde: Serde<K>
  readonly #codec: ValueCodec<V>
  readonly #cacheEntries: number
  readonly #entries = new Map<KeyIdentity, Entry<K, V>>()
  readonly #uncommitted = new Uncommitted<Entry<K, V>>()
  readonly #clean = new SecondChanceQueue<Entry<K, V>>((entry) => entry.state !== 0)
  readonly #loading = new Map<KeyIdentity, Promise<Entry<K, V>>>()
  /** What is cached, in the order of row keys; kept from the first scan of an operator on, so that one costs what it finds. */
  #sorted: SortedRows<Entry<K, V>> | undefined
  #last: Entry<K, V> | undefined
  /** Every row of the database is in the cache: a key that is not is absent. */
  #complete: boolean
  /** The database has rows of this store, or will have them after the next write. */
  #hasRows: boolean
  /** While records are restored, rows change under the cache: nothing is kept in it. */
  #restoring = false
  /** Counts what makes a read that is under way unfit for the cache. */
  #staleReads = 0
  /** Prefetched entries that may stay over the bound until the next commit. */
  #prefetched = 0
  #closed = false

  constructor(name: string, keySerde: Serde<K>, valueSerde: Serde<V>, context: StoreContext) {
    this.name = name
    this.persistent = context.database.persistent
    this.#database = context.database
    this.#prefix = context.database.storePrefix(name)
    this.#topic = context.changelogTopic
    this.#keySerde = keySerde
    this.#codec = new ValueCodec(valueSerde, context.changelogTopic)
    this.#cacheEntries = context.cacheEntries ?? DEFAULT_CACHE_ENTRIES
    this.#hasRows = context.database.storeState(name) !== undefined
    this.#complete = !this.#hasRows
  }

  get(key: K): Awaitable<V | undefined> {
    const entry = this.getEntry(key)
    return entry instanceof Promise ? entry.then((found) => found?.value) : entry?.value
  }

  getEntry(key: K): Awaitable<ValueAndTimestamp<V> | undefined> {
    const id = typeof key === 'string' ? key : keyIdentity(key, this.#keySerde, this.#topic)
    const entry = this.#entries.get(id)
    if (entry === undefined) return chain(this.#load(key, id), present)
    entry.used = true
    this.#last = entry
    return present(entry)
  }

  put(key: K, value: V | null, timestampMs: number, headers: Headers = EMPTY_HEADERS): void {
    let entry = this.#last
    if (entry === undefined || entry.key !== key || typeof key === 'object')
      entry = this.#find(key) ?? this.#create(key)
    entry.value = value
    entry.timestampMs = timestampMs
    entry.headers = headers
    entry.used = true
    if ((entry.state & CHANGED) === 0) {
      entry.written = true
      this.#uncommitted.mark(entry)
    }
  }

  putIfAbsent(key: K, value: V, timestampMs: number): Awaitable<V | undefined> {
    return chain(this.get(key), (found) => {
      if (found === undefined) this.put(key, value, timestampMs)
      return found
    })
  }

  delete(key: K, timestampMs: number): Awaitable<V | undefined> {
    return chain(this.get(key), (found) => {
      this.put(key, null, timestampMs)
      return found
    })
  }

  prefetch(keys: readonly K[]): Promise<void> | undefined {
    this.#restoring = false
    if (this.#complete) return undefined
    const missing = new Map<KeyIdentity, K>()
    this.#prefetched = keys.length
    for (const key of keys) {
      const id = keyIdentity(key, this.#keySerde, this.#topic)
      const entry = this.#entries.get(id)
      if (entry === undefined) missing.set(id, key)
      else entry.used = true
    }
    return missing.size === 0 ? undefined : this.#prefetch(missing)
  }

  range(from: K | undefined, to: K | undefined, options?: ScanOptions): AsyncIterable<KeyValueEntry<K, V>> {
    return overlayScan(this.#scan(this.#range(from, to), options))
  }

  prefix(keyPrefix: Buffer, options?: ScanOptions): AsyncIterable<KeyValueEntry<K, V>> {
    return overlayScan(this.#scan(keyValuePrefixRange(this.#prefix, keyPrefix), options))
  }

  entries(from: K | undefined, to: K | undefined, options?: ScanOptions): Awaitable<readonly KeyValueEntry<K, V>[]> {
    return overlayList(this.#scan(this.#range(from, to), options))
  }

  prefixEntries(keyPrefix: Buffer, options?: ScanOptions): Awaitable<readonly KeyValueEntry<K, V>[]> {
    this.#sorted ??= this.#sort()
    return overlayList(this.#scan(keyValuePrefixRange(this.#prefix, keyPrefix), options))
  }

  approximateEntries(): Awaitable<number> {
    if (!this.#complete) return this.#countStored()
    let entries = 0
    for (const entry of this.#entries.values()) if (entry.value !== null) entries++
    return entries
  }

  get dirtyEntries(): number {
    return this.#uncommitted.size
  }

  drain(): StoreChanges {
    const puts: RowPut[] = []
    const records = this.#uncommitted.drain((entry) => this.encode(entry, puts))
    if (records.length > 0) this.#keepHasRows()
    return { records, puts, expired: [] }
  }

  committed(): void {
    this.#restoring = false
    this.#uncommitted.settle((entry) => this.#clean.add(entry))
    this.#prefetched = 0
    this.#evict()
  }

  discard(): void {
    // Clean entries go too: an aggregator may have changed their values in place before it failed.
    this.#complete = !this.#hasRows
    this.#clear()
  }

  restoredRows(records: readonly RestoredRecord[]): Awaitable<RowChanges> {
    return { puts: this.restoredOneByOne(records), expired: [] }
  }

  restoredPacked(records: PackedRecords): PackedRows | undefined {
    this.#restoredSome(records.count)
    return new PackedPuts(this.#prefix, records)
  }

  /** As `restoredRows`, a row for each record that has a key, in memory of its own: for rows that leave one by one. */
  protected restoredOneByOne(records: readonly RestoredRecord[]): RowPut[] {
    const puts: RowPut[] = []
    for (const { key, value, timestampMs, headers } of records)
      if (key !== null) puts.push([keyValueRowKey(this.#prefix, key), rowValueOf(timestampMs, headers, value)])
    this.#restoredSome(puts.length)
    return puts
  }

  #restoredSome(rows: number): void {
    if (this.#uncommitted.size > 0) throw new InternalError(`store ${this.name} is restored over uncommitted changes`)
    if (rows === 0) return
    this.#keepHasRows()
    this.#complete = false
    this.#restoring = true
    this.#clear()
  }

  close(): void {
    this.#closed = true
    this.#complete = false
    this.#clear()
  }

  /** The row as the cache has it; `undefined` when there is none, or it is not in the cache. */
  protected cached(key: K): ValueAndTimestamp<V> | undefined {
    return present(this.#find(key))
  }

  #find(key: K): Entry<K, V> | undefined {
    const entry = this.#entries.get(keyIdentity(key, this.#keySerde, this.#topic))
    if (entry !== undefined) this.#last = entry
    return entry
  }

  #create(key: K): Entry<K, V> {
    this.#checkOpen()
    this.#restoring = false
    const id = keyIdentity(key, this.#keySerde, this.#topic)
    const entry = new Entry<K, V>(key, id, null, 0, EMPTY_HEADERS)
    this.#entries.set(id, entry)
    this.#sorted?.set(this.#rowKey(entry), entry)
    this.#last = entry
    return entry
  }

  #load(key: K, id: KeyIdentity): Awaitable<Entry<K, V> | undefined> {
    if (this.#complete) return undefined
    this.#checkOpen()
    const running = this.#loading.get(id)
    if (running !== undefined) return running
    const keyBytes = keyBytesOf(key, id, this.#keySerde, this.#topic)
    const row = this.#database.get(keyValueRowKey(this.#prefix, keyBytes))
    if (!(row instanceof Promise)) {
      try {
        return this.#adopt(key, id, keyBytes, row)
      } catch (error) {
        if (!(error instanceof SerdeNotReadyError)) throw error
      }
    }
    const loading = this.#loadLater(key, id, keyBytes, row)
    this.#loading.set(id, loading)
    return loading
  }

  async #loadLater(
    key: K,
    id: KeyIdentity,
    keyBytes: Buffer,
    first: Awaitable<Buffer | undefined>,
  ): Promise<Entry<K, V>> {
    try {
      let read = first
      for (;;) {
        const staleReads = this.#staleReads
        const row = await read
        const value = row === undefined ? undefined : await whenReady(() => this.#codec.decode(row))
        const cached = this.#entries.get(id)
        if (cached !== undefined) return cached
        this.#checkOpen()
        if (staleReads === this.#staleReads) return this.#adopt(key, id, keyBytes, value && row)
        read = this.#database.get(keyValueRowKey(this.#prefix, keyBytes))
      }
    } finally {
      this.#loading.delete(id)
    }
  }

  /** Makes an entry of a row that was read, and keeps it unless the database is being restored. */
  #adopt(key: K, id: KeyIdentity, keyBytes: Buffer, row: Buffer | undefined): Entry<K, V> {
    const stored = row === undefined ? undefined : this.#codec.decode(row)
    const entry = new Entry<K, V>(
      key,
      id,
      stored?.value ?? null,
      stored?.timestampMs ?? 0,
      stored?.headers ?? EMPTY_HEADERS,
    )
    entry.keyBytes = keyBytes
    if (this.#restoring) return entry
    this.#entries.set(id, entry)
    this.#sorted?.set(this.#rowKey(entry), entry)
    this.#clean.add(entry)
    this.#evict()
    return entry
  }

  async #prefetch(missing: ReadonlyMap<KeyIdentity, K>): Promise<void> {
    this.#checkOpen()
    this.#evict()
    const staleReads = this.#staleReads
    const wanted = [...missing].map(([id, key]) => ({
      id,
      key,
      keyBytes: keyBytesOf(key, id, this.#keySerde, this.#topic),
    }))
    const rows = await this.#database.getMany(wanted.map(({ keyBytes }) => keyValueRowKey(this.#prefix, keyBytes)))
    for (const [i, { id, key, keyBytes }] of wanted.entries()) {
      const row = rows[i]
      const adopt = (): void => {
        if (staleReads === this.#staleReads && !this.#entries.has(id)) this.#adopt(key, id, keyBytes, row)
      }
      try {
        adopt()
      } catch {
        await whenReady(adopt)
      }
    }
  }

  #range(from: K | undefined, to: K | undefined): KeyRange | undefined {
    const bytes = (key: K | undefined): Buffer | undefined =>
      key === undefined ? undefined : this.#keySerde.serialize(key, this.#topic)
    return keyValueRange(this.#prefix, bytes(from), bytes(to))
  }

  #scan(range: KeyRange | undefined, options: ScanOptions = {}): OverlayScan<KeyValueEntry<K, V>> {
    this.#checkOpen()
    const isCached = this.#sorted !== undefined && this.#complete && !options.committedOnly
    return {
      database: this.#database,
      range: this.#hasRows && !isCached ? range : undefined,
      overlay: () => (range === undefined || options.committedOnly ? [] : this.#overlay(range)),
      decode: (rowKey, rowValue) => {
        const { value, timestampMs } = this.#codec.decode(rowValue)
        return { key: this.#keySerde.deserialize(rowKey.subarray(PREFIX_BYTES), this.#topic), value, timestampMs }
      },
      reverse: options.reverse,
      limit: options.limit,
      exact: true,
    }
  }

  #overlay(range: KeyRange): OverlayRow<KeyValueEntry<K, V>>[] {
    const overlay: OverlayRow<KeyValueEntry<K, V>>[] = []
    const add = (rowKey: Buffer, { key, value, timestampMs }: Entry<K, V>): void => {
      overlay.push({ rowKey, row: value === null ? null : { key, value, timestampMs } })
    }
    if (this.#sorted !== undefined) {
      for (const [rowKey, entry] of this.#sorted.scan(range)) add(rowKey, entry)
      return overlay
    }
    const { gte, lt, lte } = range
    this.#uncommitted.forEach((entry) => {
      const rowKey = this.#rowKey(entry)
      if (gte !== undefined && rowKey.compare(gte) < 0) return
      if (lt !== undefined && rowKey.compare(lt) >= 0) return
      if (lte !== undefined && rowKey.compare(lte) > 0) return
      add(rowKey, entry)
    })
    return overlay
  }

  #sort(): SortedRows<Entry<K, V>> {
    const sorted = new SortedRows<Entry<K, V>>()
    for (const entry of this.#entries.values()) sorted.set(this.#rowKey(entry), entry)
    return sorted
  }

  async #countStored(): Promise<number> {
    const stored = await this.#database.approximateRows(this.#prefix, keyAfterPrefix(this.#prefix) ?? this.#prefix)
    if (stored >= COUNTED_ROWS) return stored
    let entries = 0
    for await (const _ of this.range(undefined, undefined)) entries++
    return entries
  }

  /** Called for each changed row of a drain, in their order. */
  protected encode(entry: CachedEntry<K, V>, puts: RowPut[]): ChangelogRecord {
    const { value, timestampMs, headers } = entry
    const rowKey = this.#rowKey(entry)
    const changelogValue = this.#codec.encode(value, headers)
    puts.push([rowKey, rowValueOf(timestampMs, headers, changelogValue)])
    return { changelogKey: rowKey.subarray(PREFIX_BYTES), changelogValue, timestampMs, headers }
  }

  #rowKey(entry: Entry<K, V>): Buffer {
    entry.keyBytes ??= keyBytesOf(entry.key, entry.id, this.#keySerde, this.#topic)
    return keyValueRowKey(this.#prefix, entry.keyBytes)
  }

  #keepHasRows(): void {
    if (this.#hasRows) return
    this.#hasRows = true
    this.#database.keepStoreState(this.name, HAS_ROWS)
  }

  #evict(): void {
    while (this.#entries.size - this.#uncommitted.size > this.#cacheEntries + this.#prefetched) {
      const entry = this.#clean.next()
      if (entry === undefined) return
      entry.gone = true
      this.#entries.delete(entry.id)
      this.#sorted?.delete(this.#rowKey(entry))
      if (this.#last === entry) this.#last = undefined
      if (entry.written) this.#staleReads++
      if (entry.value !== null) this.#complete = false
    }
  }

  #clear(): void {
    for (const entry of this.#entries.values()) entry.gone = true
    this.#entries.clear()
    this.#sorted = undefined
    this.#uncommitted.clear()
    this.#clean.clear()
    this.#last = undefined
    this.#prefetched = 0
    this.#staleReads++
  }

  #checkOpen(): void {
    if (this.#closed) throw new StoreClosedError(`store ${this.name} is closed`)
  }
}

function present<K, V>(entry: Entry<K, V> | undefined): ValueAndTimestamp<V> | undefined {
  return entry === undefined || entry.value === null ? undefined : (entry as ValueAndTimestamp<V>)
}
