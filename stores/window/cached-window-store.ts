import { type Awaitable, chain, eachInOrder } from '../../common/awaitable.ts'
import { InternalError, InvalidArgumentError } from '../../common/errors.ts'
import { EMPTY_HEADERS, type Headers } from '../../common/record.ts'
import type { Serde } from '../../common/serde.ts'
import { StoreClosedError } from '../errors.ts'
import type { KeyIdentity } from '../shared/key-identity.ts'
import { DEFAULT_CACHE_ENTRIES } from '../shared/second-chance.ts'
import { CHANGED } from '../shared/uncommitted.ts'
import type {
  ClosingWindowStore,
  RestoredRecord,
  RowChanges,
  ScanOptions,
  StoreChanges,
  ValueAndTimestamp,
  WindowEntry,
} from '../state-store.ts'
import type { ExpiredPut, StoreContext } from '../store-builder.ts'
import type { RowPut, TaskDatabase } from '../task-database.ts'
import { segmentIntervalMs } from './segment-keys.ts'
import { SegmentLayout } from './segment-layout.ts'
import { StoredSegments } from './stored-segments.ts'
import type { WindowRow } from './window-cache.ts'
import { WindowClock } from './window-clock.ts'
import { readName, type WantedWindow, WindowLoader } from './window-loader.ts'
import { WindowMemory } from './window-memory.ts'
import { WindowRows } from './window-rows.ts'
import { scanKeyWindows, scanWindows, type WindowSource } from './window-scan.ts'
import { type TimeOrder, timeOrderFor, type VisitWindow, visitInOrder } from './window-visit.ts'

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
  readonly #stored: StoredSegments<K, V>
  readonly #clock: WindowClock
  readonly #loader: WindowLoader<K, V>
  readonly #source: WindowSource<K, V>
  readonly #prefix: Buffer
  readonly #timeOrder: TimeOrder | undefined
  readonly #onExpired: ExpiredPut | undefined
  #closed = false

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
    const { retentionMs, stepMs } = sizes
    const timeOrder = stepMs === undefined ? undefined : timeOrderFor(stepMs, retentionMs)
    this.#timeOrder = timeOrder?.order
    const isIndexed = timeOrder?.order === 'index'
    this.#rows = new WindowRows(this.#prefix, changelogTopic, keySerde, valueSerde, isIndexed)
    this.#clock = new WindowClock(
      sizes.shownMs,
      timeOrder?.segmentMs ?? sizes.segmentMs ?? segmentIntervalMs(retentionMs),
    )
    this.#memory = new WindowMemory(this.#clock.intervalMs, context.cacheEntries ?? DEFAULT_CACHE_ENTRIES)
    this.#loader = new WindowLoader(database, this.#rows, this.#memory, this.#clock, () => this.#checkOpen())
    this.#source = { database, rows: this.#rows, memory: this.#memory, clock: this.#clock }
    this.#stored = new StoredSegments({
      ...this.#source,
      name,
      holds: timeOrder !== undefined,
      numbersRows: sizes.retainDuplicates,
      layout: new SegmentLayout(name, database, this.#clock.intervalMs, timeOrder?.order),
    })
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
    this.#stored.release(beforeMs)
  }

  get dirtyEntries(): number {
    return this.#memory.uncommitted.size
  }

  drain(): StoreChanges {
    const stored = this.#stored
    const { firstLive } = stored
    const puts: RowPut[] = []
    const records = this.#memory.uncommitted.drain((row) =>
      row.owner.segment.number < firstLive ? undefined : stored.changed(row, puts),
    )
    const expired = stored.expire(firstLive)
    if (records.length > 0 || expired.length > 0) stored.keepState()
    return { records, puts, expired }
  }

  committed(): void {
    this.#memory.restoring = false
    this.#memory.settle()
  }

  discard(): void {
    this.#stored.discard()
  }

  restoredRows(records: readonly RestoredRecord[]): RowChanges {
    return this.#stored.restoredRows(records)
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
    return memory.insert(windows, windowStartMs, this.#stored.nextSequence())
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
    const [first, last] = [this.#clock.segmentNumber(visible[0]), this.#clock.segmentNumber(visible[1])]
    return chain(
      eachInOrder(this.#memory.unknownIn(first, last, id), (n) => this.#loader.loadKey(n, key, id)),
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
    return this.#memory.knowsAll(this.#clock.segmentNumber(fromMs), this.#clock.segmentNumber(toMs), id)
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

  #checkOpen(): void {
    if (this.#closed) throw new StoreClosedError(`store ${this.name} is closed`)
  }
}

function present<K, V>(row: WindowRow<K, V> | undefined): ValueAndTimestamp<V> | undefined {
  return row === undefined || row.value === null ? undefined : (row as ValueAndTimestamp<V>)
}
