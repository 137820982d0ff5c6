import { type Awaitable, chain, eachInOrder } from '../common/awaitable.ts'
import { InternalError, InvalidArgumentError } from '../common/errors.ts'
import { EMPTY_HEADERS, type Headers } from '../common/record.ts'
import type { Serde } from '../common/serde.ts'
import { StoreClosedError } from './errors.ts'
import type { KeyIdentity } from './key-identity.ts'
import { DEFAULT_CACHE_ENTRIES } from './second-chance.ts'
import { type EndOrder, listEnded, segmentOfEndIndex, withEndIndex } from './session-ended.ts'
import { parseSessionChangelogKey } from './session-keys.ts'
import { findSession, SessionRows, sessionEntry } from './session-rows.ts'
import { isTraceless, type SessionRange, scanKeySessions, scanSessions } from './session-scan.ts'
import type {
  ChangedRow,
  ClosingSessionStore,
  RestoredRecord,
  ScanOptions,
  SessionEntry,
  StoreChanges,
} from './state-store.ts'
import type { ExpiredPut, StoreContext } from './store-builder.ts'
import type { TaskDatabase } from './task-database.ts'
import { CHANGED } from './uncommitted.ts'
import type { WindowRow } from './window-cache.ts'
import { WindowClock } from './window-clock.ts'
import { WindowLoader } from './window-loader.ts'
import { WindowMemory } from './window-memory.ts'
import type { WindowSource } from './window-scan.ts'
import { decodeWindowState, EMPTY_WINDOW_STATE, encodeWindowState } from './window-state.ts'

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
  /** Sessions that end from here on stay whatever their age. */
  #heldFromMs: number
  readonly #database: TaskDatabase
  readonly #prefix: Buffer
  readonly #rows: SessionRows<K, V>
  readonly #memory: WindowMemory<K, V>
  readonly #clock: WindowClock
  readonly #loader: WindowLoader<K, V>
  readonly #source: WindowSource<K, V>
  readonly #onExpired: ExpiredPut | undefined
  /** A row that came and went since the last drain, to be used again by the session that takes its place. */
  #spare: WindowRow<K, V> | undefined
  /** Stream time of the state that is kept; `undefined` where it has to be kept anew. */
  #keptObservedMs: number | undefined
  #closed = false

  constructor(name: string, keySerde: Serde<K>, valueSerde: Serde<V>, plan: SessionPlan, context: StoreContext) {
    const { database, changelogTopic } = context
    const { retentionMs, endOrder } = plan
    this.name = name
    this.persistent = database.persistent
    this.retentionMs = retentionMs
    this.#endOrder = endOrder
    this.#heldFromMs = endOrder === undefined ? Number.POSITIVE_INFINITY : 0
    this.#database = database
    this.#prefix = database.storePrefix(name)
    this.#onExpired = context.onExpired
    this.#rows = new SessionRows(this.#prefix, changelogTopic, keySerde, valueSerde)
    this.#clock = new WindowClock(retentionMs)
    this.#memory = new WindowMemory(this.#clock.intervalMs, context.cacheEntries ?? DEFAULT_CACHE_ENTRIES)
    this.#loader = new WindowLoader(database, this.#rows, this.#memory, this.#clock, () => this.#checkOpen())
    this.#source = { database, rows: this.#rows, memory: this.#memory, clock: this.#clock }
    this.#takeStoredState()
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
    this.#heldFromMs = beforeEndMs
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
    const firstLive = this.#firstLiveSegment()
    const traceless: WindowRow<K, V>[] = []
    const rows = memory.uncommitted.drain((row) => {
      const segment = row.owner.segment.number
      if (segment < firstLive) return undefined
      if (isTraceless(row)) {
        traceless.push(row)
        return undefined
      }
      row.isNew = false
      this.#store(segment)
      return this.#rows.changed(row)
    })
    this.#spare = undefined
    for (const { owner } of traceless) {
      owner.holds--
      memory.release(owner)
    }
    const expired = this.#expire(firstLive)
    // A session that left no trace has moved time on all the same.
    if (this.#clock.observedMs >= 0) this.#keepState()
    return this.#endOrder === undefined ? { rows, expired } : withEndIndex(this.#prefix, rows, expired)
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
    // Clean rows go too: an aggregator may have changed their values in place before it failed.
    this.#memory.clear()
    this.#spare = undefined
    this.#takeStoredState()
    this.#keepState()
  }

  restoredRows(records: readonly RestoredRecord[]): StoreChanges {
    const memory = this.#memory
    const clock = this.#clock
    if (memory.uncommitted.size > 0) throw new InternalError(`store ${this.name} is restored over uncommitted changes`)
    const parsed = []
    for (const { key, value, timestampMs, headers } of records) {
      if (key === null) continue
      const sessionKey = parseSessionChangelogKey(key)
      clock.observe(sessionKey.endMs)
      parsed.push({ sessionKey, key, value, timestampMs, headers })
    }
    if (parsed.length === 0) return { rows: [], expired: [] }
    memory.restoring = true
    memory.clear()
    const rows: ChangedRow[] = []
    for (const { sessionKey, key, value, timestampMs, headers } of parsed) {
      const { startMs, endMs } = sessionKey
      if (!clock.isVisible(endMs) && endMs < this.#heldFromMs) continue
      const segment = clock.segmentNumber(endMs)
      this.#store(segment)
      const windowKey = { key: sessionKey.key, windowStartMs: endMs, sequence: startMs }
      rows.push(this.#rows.restored(segment, windowKey, key, value, timestampMs, headers))
    }
    const expired = this.#expire(this.#firstLiveSegment())
    this.#keepState()
    return this.#endOrder === undefined ? { rows, expired } : withEndIndex(this.#prefix, rows, expired)
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
      for (const n of this.#segments(live))
        if (!this.#memory.knows(n, id)) reads.push(Promise.resolve(this.#loader.loadKey(n, key, id)))
    await Promise.all(reads)
  }

  #findLoaded(
    key: K,
    id: KeyIdentity,
    range: SessionRange,
    options: ScanOptions,
  ): Awaitable<readonly SessionEntry<K, V>[]> {
    const unknown = this.#segments(range).filter((n) => !this.#memory.knows(n, id))
    return chain(
      eachInOrder(unknown, (n) => this.#loader.loadKey(n, key, id)),
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

  #segments({ fromEndMs, toEndMs }: SessionRange): number[] {
    const numbers: number[] = []
    for (let n = this.#clock.segmentNumber(fromEndMs); n <= this.#clock.segmentNumber(toEndMs); n++) numbers.push(n)
    return numbers
  }

  #knowsAll(id: KeyIdentity, { fromEndMs, toEndMs }: SessionRange): boolean {
    const last = this.#clock.segmentNumber(toEndMs)
    for (let n = this.#clock.segmentNumber(fromEndMs); n <= last; n++) if (!this.#memory.knows(n, id)) return false
    return true
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

  #firstLiveSegment(): number {
    const firstLive = this.#clock.firstLiveSegment()
    return this.#endOrder === undefined
      ? firstLive
      : Math.min(firstLive, this.#clock.segmentNumber(Math.max(this.#heldFromMs, 0)))
  }

  #expire(firstLive: number): (readonly [from: Buffer, to: Buffer])[] {
    const expired: (readonly [Buffer, Buffer])[] = []
    for (const segment of this.#memory.storedSegments) {
      if (segment >= firstLive) continue
      expired.push(this.#rows.wholeSegment(segment))
      if (this.#endOrder !== undefined) expired.push(segmentOfEndIndex(this.#prefix, segment, this.#clock.intervalMs))
      this.#memory.storedSegments.delete(segment)
      this.#keptObservedMs = undefined
    }
    this.#memory.expire(firstLive)
    return expired
  }

  #takeStoredState(): void {
    const stored = this.#database.storeState(this.name)
    const state = stored === undefined ? EMPTY_WINDOW_STATE : decodeWindowState(stored)
    this.#clock.reset(state.observedStreamTimeMs)
    for (const segment of state.segments) this.#memory.storedSegments.add(segment)
    this.#keptObservedMs = undefined
  }

  /** The database will have rows of this segment. */
  #store(segment: number): void {
    const { storedSegments } = this.#memory
    if (storedSegments.has(segment)) return
    storedSegments.add(segment)
    this.#keptObservedMs = undefined
  }

  #keepState(): void {
    const { observedMs } = this.#clock
    if (this.#keptObservedMs === observedMs) return
    this.#keptObservedMs = observedMs
    const segments = [...this.#memory.storedSegments].sort((a, b) => a - b)
    this.#database.keepStoreState(
      this.name,
      encodeWindowState({ observedStreamTimeMs: observedMs, lastSequence: 0, segments }),
    )
  }

  #checkOpen(): void {
    if (this.#closed) throw new StoreClosedError(`store ${this.name} is closed`)
  }
}
