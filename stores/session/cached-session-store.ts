import { type Awaitable, chain, eachInOrder } from '../../common/awaitable.ts'
import { InternalError, InvalidArgumentError } from '../../common/errors.ts'
import { EMPTY_HEADERS, type Headers } from '../../common/record.ts'
import type { Serde } from '../../common/serde.ts'
import { StoreClosedError } from '../errors.ts'
import type { KeyIdentity } from '../shared/key-identity.ts'
import { DEFAULT_CACHE_ENTRIES } from '../shared/second-chance.ts'
import { CHANGED } from '../shared/uncommitted.ts'
import type {
  ClosingSessionStore,
  RestoredRecord,
  RowChanges,
  ScanOptions,
  SessionEntry,
  StoreChanges,
} from '../state-store.ts'
import type { ExpiredPut, StoreContext } from '../store-builder.ts'
import type { RowPut, TaskDatabase } from '../task-database.ts'
import { StoredSegments } from '../window/stored-segments.ts'
import type { WindowRow } from '../window/window-cache.ts'
import { WindowClock } from '../window/window-clock.ts'
import { WindowLoader } from '../window/window-loader.ts'
import { WindowMemory } from '../window/window-memory.ts'
import type { WindowSource } from '../window/window-scan.ts'
import { type EndOrder, listEnded } from './session-ended.ts'
import { findSession, SessionRows, sessionEntry } from './session-rows.ts'
import { isTraceless, type SessionRange, scanKeySessions, scanSessions } from './session-scan.ts'

export interface SessionPlan {
  readonly retentionMs: number
  /** Set: sessions can be found by their end, and those of one end come in this order. */
  readonly endOrder: EndOrder | undefined
}

/**
 * A session store of one task: decoded values in a write-back cache over the task's database, in segments of session ends. All
 * sessions of a key in a segment are in memory or none is known to be; a segment that the database has no rows of is complete.
 *
 * Stream time is the latest end that was put. A session that ends at or before `stream time - retention` is expired: a put of it is
 * dropped, reads do not show it, and its segment leaves the database at a later drain.
 * @see org.apache.kafka.streams.state.internals.InMemorySessionStore for the exact bound
 */
export class CachedSessionStore<K, V> implements ClosingSessionStore<K, V> {
  readonly name: string
  readonly type = 'session'
  readonly persistent: boolean
  readonly retentionMs: number
  readonly #endOrder: EndOrder | undefined
  readonly #database: TaskDatabase
  readonly #prefix: Buffer
  readonly #rows: SessionRows<K, V>
  readonly #memory: WindowMemory<K, V>
  readonly #stored: StoredSegments<K, V>
  readonly #clock: WindowClock
  readonly #loader: WindowLoader<K, V>
  readonly #source: WindowSource<K, V>
  readonly #onExpired: ExpiredPut | undefined
  /** A row that came and went since the last drain, to be used again by the session that takes its place. */
  #spare: WindowRow<K, V> | undefined
  #closed = false

  constructor(name: string, keySerde: Serde<K>, valueSerde: Serde<V>, plan: SessionPlan, context: StoreContext) {
    const { database, changelogTopic } = context
    const { retentionMs, endOrder } = plan
    this.name = name
    this.persistent = database.persistent
    this.retentionMs = retentionMs
    this.#endOrder = endOrder
    this.#database = database
    this.#prefix = database.storePrefix(name)
    this.#onExpired = context.onExpired
    this.#rows = new SessionRows(this.#prefix, changelogTopic, keySerde, valueSerde, endOrder !== undefined)
    this.#clock = new WindowClock(retentionMs)
    this.#memory = new WindowMemory(this.#clock.intervalMs, context.cacheEntries ?? DEFAULT_CACHE_ENTRIES)
    this.#loader = new WindowLoader(database, this.#rows, this.#memory, this.#clock, () => this.#checkOpen())
    this.#source = { database, rows: this.#rows, memory: this.#memory, clock: this.#clock }
    this.#stored = new StoredSegments({ ...this.#source, name, holds: endOrder !== undefined })
  }

  fetchSession(key: K, startMs: number, endMs: number): Awaitable<V | undefined> {
    return chain(
      this.findSessions(key, endMs, startMs),
      (found) => found.find((session) => session.startMs === startMs && session.endMs === endMs)?.value,
    )
  }

  fetch(key: K, options?: ScanOptions): Awaitable<readonly SessionEntry<K, V>[]> {
    return this.findSessions(key, 0, Number.MAX_SAFE_INTEGER, options)
  }

  findSessions(
    key: K,
    earliestEndMs: number,
    latestStartMs: number,
    options: ScanOptions = {},
  ): Awaitable<readonly SessionEntry<K, V>[]> {
    const id = this.#rows.identity(key)
    const range = this.#visible(earliestEndMs, latestStartMs)
    if (range === undefined) return []
    if (!options.committedOnly && this.#knowsAll(id, range)) return this.#collect(id, range, options)
    this.#checkOpen()
    // A whole key is read to be kept: not for the sake of a few rows, nor while nothing is kept.
    const isFew = options.limit !== undefined && this.#database.scanNow === undefined
    const readThrough = options.committedOnly || isFew || this.#memory.restoring
    return readThrough
      ? scanKeySessions(this.#source, key, id, range, options)
      : this.#findLoaded(key, id, range, options)
  }

  /** Each segment is shown as it was when the iteration reached it: puts meanwhile are safe, and seen in later segments only. */
  fetchRange(
    fromKey: K | undefined,
    toKey: K | undefined,
    earliestEndMs: number,
    latestStartMs: number,
    options: ScanOptions = {},
  ): AsyncIterable<SessionEntry<K, V>> {
    this.#checkOpen()
    const bytes = (key: K | undefined): Buffer | undefined =>
      key === undefined ? undefined : this.#rows.keyBytes(key, this.#rows.identity(key))
    const keys = { fromKey: bytes(fromKey), toKey: bytes(toKey) }
    const range = this.#visible(earliestEndMs, latestStartMs) ?? { fromEndMs: 1, toEndMs: 0, latestStartMs }
    return scanSessions(this.#source, { ...range, ...keys }, options)
  }

  findEnded(fromEndMs: number, toEndMs: number): Awaitable<readonly SessionEntry<K, V>[]> {
    if (this.#endOrder === undefined) throw new InternalError(`store ${this.name} was not planned to be read by time`)
    this.#checkOpen()
    return listEnded(this.#source, this.#prefix, this.#endOrder, Math.max(fromEndMs, 0), toEndMs)
  }

  release(beforeEndMs: number): void {
    this.#stored.release(beforeEndMs)
  }

  put(
    key: K,
    value: V | null,
    startMs: number,
    endMs: number,
    timestampMs: number,
    headers: Headers = EMPTY_HEADERS,
  ): boolean {
    if (!Number.isSafeInteger(startMs) || !Number.isSafeInteger(endMs) || startMs < 0 || startMs > endMs)
      throw new InvalidArgumentError(`store ${this.name}: there is no session from ${startMs} to ${endMs}`)
    const clock = this.#clock
    if (endMs > clock.observedMs) clock.observe(endMs)
    if (endMs < clock.minVisibleMs) {
      this.#onExpired?.(this.name)
      return false
    }
    const row = this.#rowToPut(key, startMs, endMs)
    if (value === null && row.isNew && row.state !== 0) this.#forget(row)
    else this.#change(row, value, timestampMs, headers)
    return true
  }

  remove(key: K, startMs: number, endMs: number, timestampMs: number): void {
    const memory = this.#memory
    const id = this.#rows.identity(key)
    const segment = this.#clock.segmentNumber(endMs)
    const row = findSession(memory.windows(segment, id), startMs, endMs)
    if (row === undefined) {
      if (!memory.knows(segment, id)) this.put(key, null, startMs, endMs, timestampMs)
    } else if (row.isNew) this.#forget(row)
    else this.#change(row, null, timestampMs, EMPTY_HEADERS)
  }

  prefetch(keys: readonly K[]): Promise<void> | undefined {
    const memory = this.#memory
    memory.restoring = false
    memory.prefetched = keys.length
    const live = this.#visible(0, Number.MAX_SAFE_INTEGER)
    if (live === undefined) return undefined
    const missing = new Map<KeyIdentity, K>()
    for (const key of keys) {
      const id = this.#rows.identity(key)
      if (!this.#knowsAll(id, live)) missing.set(id, key)
    }
    if (missing.size === 0) return undefined
    this.#checkOpen()
    memory.evict()
    return this.#prefetch(missing, live)
  }

  get dirtyEntries(): number {
    return this.#memory.uncommitted.size
  }

  drain(): StoreChanges {
    const memory = this.#memory
    const stored = this.#stored
    const { firstLive } = stored
    const traceless: WindowRow<K, V>[] = []
    const puts: RowPut[] = []
    const records = memory.uncommitted.drain((row) => {
      if (row.owner.segment.number < firstLive) return undefined
      if (isTraceless(row)) {
        traceless.push(row)
        return undefined
      }
      row.isNew = false
      return stored.changed(row, puts)
    })
    this.#spare = undefined
    for (const { owner } of traceless) {
      owner.holds--
      memory.release(owner)
    }
    const expired = stored.expire(firstLive)
    // A session that left no trace has moved time on all the same.
    if (this.#clock.observedMs >= 0) stored.keepState()
    return { records, puts, expired }
  }

  committed(): void {
    const memory = this.#memory
    memory.restoring = false
    let dropped = false
    memory.settle((row) => {
      if (row.value !== null) return
      memory.remove(row)
      dropped = true
    })
    // A read under way may still bring rows that were deleted: nothing here speaks against them any more.
    if (dropped) memory.staleReads++
  }

  discard(): void {
    this.#stored.discard()
    this.#spare = undefined
  }

  restoredRows(records: readonly RestoredRecord[]): RowChanges {
    return this.#stored.restoredRows(records)
  }

  close(): void {
    this.#closed = true
    this.#spare = undefined
    this.#memory.clear()
  }

  #rowToPut(key: K, startMs: number, endMs: number): WindowRow<K, V> {
    const memory = this.#memory
    const id = this.#rows.identity(key)
    const segment = this.#clock.segmentNumber(endMs)
    const found = memory.windows(segment, id)
    const row = findSession(found, startMs, endMs)
    if (row !== undefined) return row
    this.#checkOpen()
    memory.restoring = false
    const windows = found ?? memory.open(segment, key, id)
    const isNew = memory.knows(segment, id)
    const spare = this.#spare
    if (spare === undefined || spare.owner !== windows || !isNew) {
      const inserted = memory.insert(windows, endMs, startMs)
      inserted.isNew = isNew
      return inserted
    }
    this.#spare = undefined
    spare.windowStartMs = endMs
    spare.sequence = startMs
    spare.keys = undefined
    memory.replace(spare)
    return spare
  }

  #change(row: WindowRow<K, V>, value: V | null, timestampMs: number, headers: Headers): void {
    // A deletion that somebody asked for is written, whether there was something or not.
    if (value === null) row.isNew = false
    row.value = value
    row.timestampMs = timestampMs
    row.headers = headers
    if ((row.state & CHANGED) === 0) this.#memory.mark(row)
  }

  /** Nobody but the cache has heard of this session. */
  #forget(row: WindowRow<K, V>): void {
    this.#memory.remove(row)
    row.value = null
    this.#spare = row
  }

  async #prefetch(missing: ReadonlyMap<KeyIdentity, K>, live: SessionRange): Promise<void> {
    const reads: Promise<void>[] = []
    for (const [id, key] of missing)
      for (const n of this.#unknown(id, live)) reads.push(Promise.resolve(this.#loader.loadKey(n, key, id)))
    await Promise.all(reads)
  }

  #findLoaded(
    key: K,
    id: KeyIdentity,
    range: SessionRange,
    options: ScanOptions,
  ): Awaitable<readonly SessionEntry<K, V>[]> {
    return chain(
      eachInOrder(this.#unknown(id, range), (n) => this.#loader.loadKey(n, key, id)),
      (): Awaitable<SessionEntry<K, V>[]> => {
        // While one segment was read, time may have gone on, and what another one had may have been dropped.
        const still = this.#visible(range.fromEndMs, range.latestStartMs)
        if (still === undefined) return []
        if (!this.#knowsAll(id, still)) return scanKeySessions(this.#source, key, id, still, options)
        const entries = this.#collect(id, still, options)
        this.#memory.evict()
        return entries
      },
    )
  }

  /** `undefined` when no session can be shown. */
  #visible(earliestEndMs: number, latestStartMs: number): SessionRange | undefined {
    const visible = this.#clock.visiblePart(earliestEndMs, Number.MAX_SAFE_INTEGER)
    return visible && { fromEndMs: visible[0], toEndMs: visible[1], latestStartMs }
  }

  #unknown(id: KeyIdentity, { fromEndMs, toEndMs }: SessionRange): readonly number[] {
    return this.#memory.unknownIn(this.#clock.segmentNumber(fromEndMs), this.#clock.segmentNumber(toEndMs), id)
  }

  #knowsAll(id: KeyIdentity, { fromEndMs, toEndMs }: SessionRange): boolean {
    return this.#memory.knowsAll(this.#clock.segmentNumber(fromEndMs), this.#clock.segmentNumber(toEndMs), id)
  }

  #collect(
    id: KeyIdentity,
    { fromEndMs, toEndMs, latestStartMs }: SessionRange,
    { reverse, limit = Number.POSITIVE_INFINITY }: ScanOptions,
  ): SessionEntry<K, V>[] {
    const entries: SessionEntry<K, V>[] = []
    const [first, last] = [this.#clock.segmentNumber(fromEndMs), this.#clock.segmentNumber(toEndMs)]
    for (let n = 0; n <= last - first; n++) {
      const windows = this.#memory.windows(reverse ? last - n : first + n, id)
      if (windows === undefined) continue
      windows.used = true
      const { key, rows } = windows
      const start = windows.firstFrom(fromEndMs)
      for (let i = start; i < rows.length; i++) {
        if (entries.length >= limit) return entries
        const row = rows[reverse ? rows.length - 1 - (i - start) : i] as WindowRow<K, V>
        if (row.sequence > latestStartMs) continue
        const entry = sessionEntry(key, row)
        if (entry !== undefined) entries.push(entry)
      }
    }
    return entries
  }

  #checkOpen(): void {
    if (this.#closed) throw new StoreClosedError(`store ${this.name} is closed`)
  }
}
