import { type Awaitable, chain, eachInOrder } from '../common/awaitable.ts'
import { InternalError, InvalidArgumentError } from '../common/errors.ts'
import { EMPTY_HEADERS, type Headers } from '../common/record.ts'
import type { Serde } from '../common/serde.ts'
import { CorruptStateError, StoreClosedError } from './errors.ts'
import type { KeyIdentity } from './key-identity.ts'
import { DEFAULT_CACHE_ENTRIES } from './second-chance.ts'
import type {
  ChangedRow,
  ClosingWindowStore,
  RestoredRecord,
  ScanOptions,
  StoreChanges,
  ValueAndTimestamp,
  WindowEntry,
} from './state-store.ts'
import type { ExpiredPut, StoreContext } from './store-builder.ts'
import type { TaskDatabase } from './task-database.ts'
import { INDEX_VALUE, indexRowKey, indexStart } from './time-index.ts'
import { CHANGED } from './uncommitted.ts'
import type { WindowRow } from './window-cache.ts'
import { WindowClock } from './window-clock.ts'
import { parseWindowChangelogKey, segmentIntervalMs } from './window-keys.ts'
import { readName, type WantedWindow, WindowLoader } from './window-loader.ts'
import { WindowMemory } from './window-memory.ts'
import { WindowRows } from './window-rows.ts'
import { scanKeyWindows, scanWindows, type WindowSource } from './window-scan.ts'
import { decodeWindowState, EMPTY_WINDOW_STATE, encodeWindowState } from './window-state.ts'
import { type TimeOrder, timeOrderFor, type VisitWindow, visitInOrder } from './window-visit.ts'

const NOTHING: StoreChanges['expired'] = []

export interface WindowSizes {
  readonly retentionMs: number
  readonly windowSizeMs: number
  readonly retainDuplicates: boolean
  /** Set: the store can be visited in the order of time. All windows start at multiples of this. */
  readonly stepMs?: number | undefined
  readonly segmentMs?: number | undefined
  /** How long reads show a row: the retention, or longer. */
  readonly shownMs: number
}

/**
 * A window store of one task: decoded values in a write-back cache over the task's database. A segment that the database has no
 * rows of is complete in memory: what is not in it is absent, without asking.
 *
 * Stream time is the latest window start that was put. A window that starts at or before `stream time - retention` is expired:
 * a put of it is dropped, reads do not show it, and its segment leaves the database at a later drain.
 * @see org.apache.kafka.streams.state.internals.InMemoryWindowStore for the exact bound
 */
export class CachedWindowStore<K, V> implements ClosingWindowStore<K, V> {
  readonly name: string
  readonly type = 'window'
  readonly persistent: boolean
  readonly windowSizeMs: number
  readonly retentionMs: number
  readonly #retainDuplicates: boolean
  readonly #database: TaskDatabase
  readonly #rows: WindowRows<K, V>
  readonly #memory: WindowMemory<K, V>
  readonly #clock: WindowClock
  readonly #loader: WindowLoader<K, V>
  readonly #source: WindowSource<K, V>
  readonly #prefix: Buffer
  readonly #timeOrder: TimeOrder | undefined
  readonly #layoutName: string
  readonly #layout: Buffer
  #layoutKept = false
  /** Windows from here on stay whatever their age. */
  #heldFromMs: number
  readonly #onExpired: ExpiredPut | undefined
  #lastSequence = EMPTY_WINDOW_STATE.lastSequence
  /** What the kept state says of time and duplicates; `undefined` where it has to be kept anew. */
  #keptState: { readonly observedMs: number; readonly sequence: number } | undefined
  /** Rows of segments before this are not written any more. */
  #firstLive = 0
  /** The segments before this have been expired. */
  #expiredBefore = Number.NEGATIVE_INFINITY
  #closed = false
  readonly #encode = (row: WindowRow<K, V>): ChangedRow | undefined => {
    const segment = row.owner.segment.number
    if (segment < this.#firstLive) return undefined
    this.#store(segment)
    return this.#rows.changed(row)
  }

  constructor(name: string, keySerde: Serde<K>, valueSerde: Serde<V>, sizes: WindowSizes, context: StoreContext) {
    const { database, changelogTopic } = context
    this.name = name
    this.persistent = database.persistent
    this.windowSizeMs = sizes.windowSizeMs
    this.retentionMs = sizes.retentionMs
    this.#retainDuplicates = sizes.retainDuplicates
    this.#database = database
    this.#onExpired = context.onExpired
    this.#prefix = database.storePrefix(name)
    this.#rows = new WindowRows(this.#prefix, changelogTopic, keySerde, valueSerde)
    const { retentionMs, stepMs } = sizes
    const timeOrder = stepMs === undefined ? undefined : timeOrderFor(stepMs, retentionMs)
    this.#timeOrder = timeOrder?.order
    this.#heldFromMs = timeOrder === undefined ? Number.POSITIVE_INFINITY : 0
    this.#clock = new WindowClock(
      sizes.shownMs,
      timeOrder?.segmentMs ?? sizes.segmentMs ?? segmentIntervalMs(retentionMs),
    )
    this.#layoutName = `${name}@layout`
    this.#layout = Buffer.from(`${this.#clock.intervalMs} ms${timeOrder === undefined ? '' : `, ${timeOrder.order}`}`)
    this.#memory = new WindowMemory(this.#clock.intervalMs, context.cacheEntries ?? DEFAULT_CACHE_ENTRIES)
    this.#loader = new WindowLoader(database, this.#rows, this.#memory, this.#clock, () => this.#checkOpen())
    this.#source = { database, rows: this.#rows, memory: this.#memory, clock: this.#clock }
    this.#takeStoredState()
  }

  get(key: K, windowStartMs: number): Awaitable<V | undefined> {
    const entry = this.getEntry(key, windowStartMs)
    return entry instanceof Promise ? entry.then((found) => found?.value) : entry?.value
  }

  /** With duplicates: the one that was put last. */
  getEntry(key: K, windowStartMs: number): Awaitable<ValueAndTimestamp<V> | undefined> {
    if (this.#retainDuplicates)
      return chain(this.fetch(key, windowStartMs, windowStartMs), (entries) => entries[entries.length - 1])
    if (windowStartMs < this.#clock.minVisibleMs) return undefined
    const id = typeof key === 'string' ? key : this.#rows.identity(key)
    const segment = this.#memory.segmentAt(windowStartMs)
    const windows = segment?.keys.get(id)
    const row = windows?.find(windowStartMs)
    if (windows !== undefined && row !== undefined) {
      windows.used = true
      this.#memory.last = row
      return present(row)
    }
    if (segment?.complete || windows?.complete) return undefined
    return chain(this.#loader.load({ key, id, windowStartMs }), present)
  }

  put(key: K, value: V | null, windowStartMs: number, timestampMs: number, headers: Headers = EMPTY_HEADERS): boolean {
    const clock = this.#clock
    if (this.#retainDuplicates && value === null) return true
    if (windowStartMs > clock.observedMs) clock.observe(windowStartMs)
    if (windowStartMs < clock.minVisibleMs) {
      this.#onExpired?.(this.name)
      return false
    }
    const last = this.#memory.last
    const row =
      last !== undefined && last.windowStartMs === windowStartMs && last.owner.key === key && typeof key !== 'object'
        ? last
        : this.#rowForPut(key, windowStartMs)
    row.value = value
    row.timestampMs = timestampMs
    row.headers = headers
    if ((row.state & CHANGED) === 0) this.#memory.mark(row)
    return true
  }

  prefetch(keys: readonly (readonly [key: K, windowStartMs: number])[]): Promise<void> | undefined {
    const memory = this.#memory
    memory.restoring = false
    memory.prefetched = keys.length
    const missing = new Map<string, WantedWindow<K>>()
    for (const [key, windowStartMs] of keys) {
      const id = this.#rows.identity(key)
      const windows = memory.windows(this.#clock.segmentNumber(windowStartMs), id)
      if (windows !== undefined) windows.used = true
      if (!this.#loader.isKnown(id, windowStartMs)) missing.set(readName(windowStartMs, id), { key, id, windowStartMs })
    }
    return missing.size === 0 ? undefined : this.#prefetch([...missing.values()])
  }

  fetch(key: K, fromMs: number, toMs: number, options: ScanOptions = {}): Awaitable<readonly WindowEntry<K, V>[]> {
    const visible = this.#clock.visiblePart(fromMs, toMs)
    if (visible === undefined) return []
    const id = this.#rows.identity(key)
    if (!options.committedOnly && this.#knowsAll(id, visible)) return this.#collect(id, visible, options)
    this.#checkOpen()
    // A whole key is read to be kept: not for the sake of a few rows, nor while nothing is kept.
    const isFew = options.limit !== undefined && this.#database.scanNow === undefined
    const readThrough = options.committedOnly || isFew || this.#memory.restoring
    return readThrough
      ? scanKeyWindows(this.#source, key, id, visible, options)
      : this.#fetchLoaded(key, id, visible, options)
  }

  /** Each segment is shown as it was when the iteration reached it: puts meanwhile are safe, and seen in later segments only. */
  fetchRange(
    fromKey: K | undefined,
    toKey: K | undefined,
    fromMs: number,
    toMs: number,
    options: ScanOptions = {},
  ): AsyncIterable<WindowEntry<K, V>> {
    this.#checkOpen()
    const bytes = (key: K | undefined): Buffer | undefined =>
      key === undefined ? undefined : this.#rows.keyBytes(key, this.#rows.identity(key))
    return scanWindows(this.#source, { fromKey: bytes(fromKey), toKey: bytes(toKey), fromMs, toMs }, options)
  }

  visitInOrder(fromMs: number, toMs: number, visit: VisitWindow<K, V>): Awaitable<void> {
    this.#checkOpen()
    if (this.#timeOrder === undefined)
      throw new InternalError(`store ${this.name} was not planned to be visited in order`)
    return visitInOrder(this.#source, this.#timeOrder, this.#prefix, [fromMs, toMs], visit)
  }

  release(beforeMs: number): void {
    this.#heldFromMs = beforeMs
  }

  get dirtyEntries(): number {
    return this.#memory.uncommitted.size
  }

  drain(): StoreChanges {
    const memory = this.#memory
    this.#firstLive = this.#firstLiveSegment()
    const rows = memory.uncommitted.drain(this.#encode)
    const expired = this.#expire(this.#firstLive)
    if (rows.length > 0 || expired.length > 0) this.#keepState()
    return this.#changes(rows, expired)
  }

  committed(): void {
    this.#memory.restoring = false
    this.#memory.settle()
  }

  discard(): void {
    // Clean rows go too: an aggregator may have changed their values in place before it failed.
    this.#memory.clear()
    if (this.#timeOrder !== undefined) this.#heldFromMs = 0
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
      const windowKey = parseWindowChangelogKey(key)
      clock.observe(windowKey.windowStartMs)
      if (this.#retainDuplicates) this.#lastSequence = Math.max(this.#lastSequence, windowKey.sequence)
      parsed.push({ windowKey, key, value, timestampMs, headers })
    }
    if (parsed.length === 0) return { rows: [], expired: [] }
    memory.restoring = true
    memory.clear()
    const rows: ChangedRow[] = []
    for (const { windowKey, key, value, timestampMs, headers } of parsed) {
      const { windowStartMs } = windowKey
      if (!clock.isVisible(windowStartMs) && !(windowStartMs >= Math.max(this.#heldFromMs, 0))) continue
      const segment = clock.segmentNumber(windowKey.windowStartMs)
      this.#store(segment)
      rows.push(this.#rows.restored(segment, windowKey, key, value, timestampMs, headers))
    }
    const expired = this.#expire(this.#firstLiveSegment())
    this.#keepState()
    return this.#changes(rows, expired)
  }

  close(): void {
    this.#closed = true
    this.#memory.clear()
  }

  #rowForPut(key: K, windowStartMs: number): WindowRow<K, V> {
    const memory = this.#memory
    const id = this.#rows.identity(key)
    const found = memory.segmentAt(windowStartMs)?.keys.get(id)
    const row = this.#retainDuplicates ? undefined : found?.find(windowStartMs)
    if (row !== undefined) return row
    this.#checkOpen()
    if (!Number.isSafeInteger(windowStartMs) || windowStartMs < 0)
      throw new InvalidArgumentError(`store ${this.name}: a window cannot start at ${windowStartMs}`)
    memory.restoring = false
    const windows = found ?? memory.open(this.#clock.segmentNumber(windowStartMs), key, id)
    if (!this.#retainDuplicates) return memory.insert(windows, windowStartMs, 0)
    this.#lastSequence = (this.#lastSequence + 1) & 0x7fffffff
    return memory.insert(windows, windowStartMs, this.#lastSequence)
  }

  async #prefetch(missing: readonly WantedWindow<K>[]): Promise<void> {
    this.#checkOpen()
    this.#memory.evict()
    if (!this.#retainDuplicates) return this.#loader.loadMany(missing)
    await Promise.all(
      missing.map(async ({ key, id, windowStartMs }) =>
        this.#loader.loadKey(this.#clock.segmentNumber(windowStartMs), key, id),
      ),
    )
  }

  #fetchLoaded(
    key: K,
    id: KeyIdentity,
    visible: readonly [number, number],
    options: ScanOptions,
  ): Awaitable<readonly WindowEntry<K, V>[]> {
    const unknown: number[] = []
    const last = this.#clock.segmentNumber(visible[1])
    for (let n = this.#clock.segmentNumber(visible[0]); n <= last; n++) if (!this.#memory.knows(n, id)) unknown.push(n)
    return chain(
      eachInOrder(unknown, (n) => this.#loader.loadKey(n, key, id)),
      (): Awaitable<WindowEntry<K, V>[]> => {
        // While one segment was read, time may have gone on, and what another one had may have been dropped.
        const still = this.#clock.visiblePart(...visible)
        if (still === undefined) return []
        if (!this.#knowsAll(id, still)) return scanKeyWindows(this.#source, key, id, still, options)
        const entries = this.#collect(id, still, options)
        this.#memory.evict()
        return entries
      },
    )
  }

  #knowsAll(id: KeyIdentity, [fromMs, toMs]: readonly [number, number]): boolean {
    const last = this.#clock.segmentNumber(toMs)
    for (let n = this.#clock.segmentNumber(fromMs); n <= last; n++) if (!this.#memory.knows(n, id)) return false
    return true
  }

  #collect(
    id: KeyIdentity,
    [fromMs, toMs]: readonly [number, number],
    { reverse, limit = Number.POSITIVE_INFINITY }: ScanOptions,
  ): WindowEntry<K, V>[] {
    const entries: WindowEntry<K, V>[] = []
    const [first, last] = [this.#clock.segmentNumber(fromMs), this.#clock.segmentNumber(toMs)]
    for (let n = 0; n <= last - first; n++) {
      const windows = this.#memory.windows(reverse ? last - n : first + n, id)
      if (windows === undefined) continue
      windows.used = true
      const { key, rows } = windows
      const start = windows.firstFrom(fromMs)
      const end = windows.firstFrom(toMs + 1)
      for (let i = 0; i < end - start; i++) {
        if (entries.length >= limit) return entries
        const { windowStartMs, value, timestampMs } = rows[reverse ? end - 1 - i : start + i] as WindowRow<K, V>
        if (value !== null) entries.push({ key, windowStartMs, value, timestampMs })
      }
    }
    return entries
  }

  #firstLiveSegment(): number {
    const firstLive = this.#clock.firstLiveSegment()
    return this.#heldFromMs === Number.POSITIVE_INFINITY
      ? firstLive
      : Math.min(firstLive, this.#clock.segmentNumber(Math.max(this.#heldFromMs, 0)))
  }

  /** With the index's rows, where there is one. */
  #changes(rows: readonly ChangedRow[], expired: StoreChanges['expired']): StoreChanges {
    if (this.#timeOrder !== 'index') return { rows, expired }
    const puts: (readonly [Buffer, Buffer | null])[] = []
    for (const { changelogKey, rowKey, rowValue } of rows) {
      const { key, windowStartMs } = parseWindowChangelogKey(changelogKey)
      const indexValue = rowValue === null ? null : INDEX_VALUE
      puts.push([rowKey, rowValue], [indexRowKey(this.#prefix, windowStartMs, key), indexValue])
    }
    return { rows: [], apart: { records: rows, puts }, expired }
  }

  /** One range for all segments that leave together: there is nothing else between them. */
  #expire(firstLive: number): StoreChanges['expired'] {
    if (firstLive === this.#expiredBefore) return NOTHING
    this.#expiredBefore = firstLive
    const { storedSegments } = this.#memory
    let [first, last] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]
    for (const segment of storedSegments) {
      if (segment >= firstLive) continue
      first = Math.min(first, segment)
      last = Math.max(last, segment)
      storedSegments.delete(segment)
    }
    this.#memory.expire(firstLive)
    if (first > last) return NOTHING
    this.#keptState = undefined
    const rows = [this.#rows.wholeSegment(first)[0], this.#rows.wholeSegment(last)[1]] as const
    if (this.#timeOrder !== 'index') return [rows]
    const { intervalMs } = this.#clock
    return [rows, [indexStart(this.#prefix, first * intervalMs), indexStart(this.#prefix, (last + 1) * intervalMs)]]
  }

  /** @throws {CorruptStateError} when the rows were written for another retention, or another way to emit. */
  #takeStoredState(): void {
    this.#expiredBefore = Number.NEGATIVE_INFINITY
    const stored = this.#database.storeState(this.name)
    const layout = this.#database.storeState(this.#layoutName)
    if (stored !== undefined) this.#checkLayout(layout)
    this.#layoutKept = layout !== undefined
    const state = stored === undefined ? EMPTY_WINDOW_STATE : decodeWindowState(stored)
    this.#clock.reset(state.observedStreamTimeMs)
    this.#lastSequence = Math.max(this.#lastSequence, state.lastSequence)
    for (const segment of state.segments) this.#memory.storedSegments.add(segment)
    this.#keptState = undefined
  }

  /** Where rows stand follows from the length of the segments; what wrote no layout had no order by time. */
  #checkLayout(stored: Buffer | undefined): void {
    const fits = stored === undefined ? this.#timeOrder === undefined : stored.equals(this.#layout)
    if (!fits)
      throw new CorruptStateError(
        `the rows of store ${this.name} stand in segments (${stored?.toString() ?? 'of another layout'}) and are looked for in (${this.#layout})`,
      )
  }

  /** The database will have rows of this segment. */
  #store(segment: number): void {
    const { storedSegments } = this.#memory
    if (storedSegments.has(segment)) return
    storedSegments.add(segment)
    this.#keptState = undefined
  }

  #keepState(): void {
    const kept = this.#keptState
    const { observedMs } = this.#clock
    if (kept !== undefined && kept.observedMs === observedMs && kept.sequence === this.#lastSequence) return
    this.#keptState = { observedMs, sequence: this.#lastSequence }
    const state = encodeWindowState({
      observedStreamTimeMs: observedMs,
      lastSequence: this.#lastSequence,
      segments: [...this.#memory.storedSegments].sort((a, b) => a - b),
    })
    this.#database.keepStoreState(this.name, state)
    if (this.#layoutKept) return
    this.#layoutKept = true
    this.#database.keepStoreState(this.#layoutName, this.#layout)
  }

  #checkOpen(): void {
    if (this.#closed) throw new StoreClosedError(`store ${this.name} is closed`)
  }
}

function present<K, V>(row: WindowRow<K, V> | undefined): ValueAndTimestamp<V> | undefined {
  return row === undefined || row.value === null ? undefined : (row as ValueAndTimestamp<V>)
}
