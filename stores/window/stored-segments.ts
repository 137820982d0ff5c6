import { InternalError } from '../../common/errors.ts'
import type { ChangelogRecord, RestoredRecord, RowChanges } from '../state-store.ts'
import type { RowPut, RowRange, TaskDatabase } from '../task-database.ts'
import type { SegmentLayout } from './segment-layout.ts'
import type { WindowRow } from './window-cache.ts'
import type { WindowClock } from './window-clock.ts'
import type { WindowMemory } from './window-memory.ts'
import type { WindowRows } from './window-rows.ts'
import { decodeWindowState, EMPTY_WINDOW_STATE, encodeWindowState } from './window-state.ts'

const NOTHING: readonly RowRange[] = []
const LAST_SEQUENCE = 0x7fffffff

export interface SegmentedStore<K, V> {
  readonly name: string
  readonly database: TaskDatabase
  readonly rows: WindowRows<K, V>
  readonly memory: WindowMemory<K, V>
  readonly clock: WindowClock
  /** What is past retention stays until it is released. */
  readonly holds: boolean
  /** Rows of one key and time have numbers, which go on where they ended. */
  readonly numbersRows?: boolean
  readonly layout?: SegmentLayout
}

/**
 * The segments that a window or session store has rows of in the database, from the first row to the range delete, and what is kept
 * beside the rows: the store's stream time, the numbers of its segments, the last sequence number.
 */
export class StoredSegments<K, V> {
  readonly #store: SegmentedStore<K, V>
  /** Rows of this time and later ones stay whatever their age. */
  #heldFromMs: number
  #lastSequence = EMPTY_WINDOW_STATE.lastSequence
  /** What the kept state says of time and numbers; `undefined` where it has to be kept anew. */
  #kept: { readonly observedMs: number; readonly sequence: number } | undefined
  /** The segments before this have been expired. */
  #expiredBefore = Number.NEGATIVE_INFINITY

  /** @throws {CorruptStateError} when the database has rows that do not fit. */
  constructor(store: SegmentedStore<K, V>) {
    this.#store = store
    this.#heldFromMs = this.#heldAtFirst
    this.#load()
  }

  /** Rows before this may go when their retention is over. */
  release(beforeMs: number): void {
    this.#heldFromMs = beforeMs
  }

  nextSequence(): number {
    this.#lastSequence = (this.#lastSequence + 1) & LAST_SEQUENCE
    return this.#lastSequence
  }

  /** Rows of earlier segments are not written any more. */
  get firstLive(): number {
    const { clock } = this.#store
    const firstLive = clock.firstLiveSegment()
    return this.#heldFromMs === Number.POSITIVE_INFINITY
      ? firstLive
      : Math.min(firstLive, clock.segmentNumber(Math.max(this.#heldFromMs, 0)))
  }

  /** Encodes a row of a live segment. */
  changed(row: WindowRow<K, V>, puts: RowPut[]): ChangelogRecord {
    this.#add(row.owner.segment.number)
    return this.#store.rows.changed(row, puts)
  }

  /** One range for all segments that leave together (there is nothing else between them), and one for what the index has of them. */
  expire(firstLive: number): readonly RowRange[] {
    if (firstLive === this.#expiredBefore) return NOTHING
    this.#expiredBefore = firstLive
    const { memory, rows, clock } = this.#store
    let [first, last] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]
    for (const segment of memory.storedSegments) {
      if (segment >= firstLive) continue
      first = Math.min(first, segment)
      last = Math.max(last, segment)
      memory.storedSegments.delete(segment)
    }
    memory.expire(firstLive)
    if (first > last) return NOTHING
    this.#kept = undefined
    return rows.wholeSegments(first, last, clock.intervalMs)
  }

  /** Lets the next write have what is to be known after it. */
  keepState(): void {
    const { name, database, memory, clock, layout } = this.#store
    const { observedMs } = clock
    if (this.#kept?.observedMs === observedMs && this.#kept.sequence === this.#lastSequence) return
    this.#kept = { observedMs, sequence: this.#lastSequence }
    const state = encodeWindowState({
      observedStreamTimeMs: observedMs,
      lastSequence: this.#lastSequence,
      segments: [...memory.storedSegments].sort((a, b) => a - b),
    })
    database.keepStoreState(name, state)
    layout?.keep()
  }

  /** Rows of changelog records that are not expired. Nothing that was read before may be kept in memory. */
  restoredRows(records: readonly RestoredRecord[]): RowChanges {
    const { name, memory, rows, clock, numbersRows } = this.#store
    if (memory.uncommitted.size > 0) throw new InternalError(`store ${name} is restored over uncommitted changes`)
    const parsed = []
    for (const record of records) {
      if (record.key === null) continue
      const windowKey = rows.parseChangelogKey(record.key)
      clock.observe(windowKey.windowStartMs)
      if (numbersRows) this.#lastSequence = Math.max(this.#lastSequence, windowKey.sequence)
      parsed.push({ windowKey, record })
    }
    const puts: RowPut[] = []
    if (parsed.length === 0) return { puts, expired: NOTHING }
    memory.restoring = true
    memory.clear()
    const heldFromMs = Math.max(this.#heldFromMs, 0)
    for (const { windowKey, record } of parsed) {
      const { windowStartMs } = windowKey
      if (!clock.isVisible(windowStartMs) && windowStartMs < heldFromMs) continue
      const segment = clock.segmentNumber(windowStartMs)
      this.#add(segment)
      rows.restored(segment, windowKey, record, puts)
    }
    const expired = this.expire(this.firstLive)
    this.keepState()
    return { puts, expired }
  }

  /** Goes back to what the database has. Clean rows go too: an aggregator may have changed their values in place before it failed. */
  discard(): void {
    this.#store.memory.clear()
    this.#heldFromMs = this.#heldAtFirst
    this.#load()
    this.keepState()
  }

  get #heldAtFirst(): number {
    return this.#store.holds ? 0 : Number.POSITIVE_INFINITY
  }

  #load(): void {
    const { name, database, memory, clock, layout } = this.#store
    this.#expiredBefore = Number.NEGATIVE_INFINITY
    const stored = database.storeState(name)
    layout?.load(stored !== undefined)
    const state = stored === undefined ? EMPTY_WINDOW_STATE : decodeWindowState(stored)
    clock.reset(state.observedStreamTimeMs)
    this.#lastSequence = Math.max(this.#lastSequence, state.lastSequence)
    for (const segment of state.segments) memory.storedSegments.add(segment)
    this.#kept = undefined
  }

  /** The database will have rows of this segment. */
  #add(segment: number): void {
    const { storedSegments } = this.#store.memory
    if (storedSegments.has(segment)) return
    storedSegments.add(segment)
    this.#kept = undefined
  }
}
