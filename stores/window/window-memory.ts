import type { KeyIdentity } from '../shared/key-identity.ts'
import { SecondChanceQueue } from '../shared/second-chance.ts'
import { CHANGED, Uncommitted } from '../shared/uncommitted.ts'
import { KeyWindows, Segment, type WindowRow } from './window-cache.ts'

/**
 * The rows of a window store that are in memory: all uncommitted ones, and up to a bound of clean ones. Knows which segments
 * the database has rows of, and so what is absent without asking it.
 */
export class WindowMemory<K, V> {
  readonly uncommitted = new Uncommitted<WindowRow<K, V>>()
  /** Segments the database has rows of, or will have after the next write. */
  readonly storedSegments = new Set<number>()
  /** Counts what makes a read that is under way unfit for the cache. */
  staleReads = 0
  /** Prefetched rows that may stay over the bound until the next commit. */
  prefetched = 0
  /** While records are restored, rows change under the cache: nothing that is read is kept. */
  restoring = false
  /** The row that was looked up last: the put that follows finds it without a lookup. */
  last: WindowRow<K, V> | undefined
  readonly #intervalMs: number
  readonly #cacheEntries: number
  readonly #segments = new Map<number, Segment<K, V>>()
  readonly #clean = new SecondChanceQueue<KeyWindows<K, V>>((windows) => windows.holds > 0)
  #lastSegment: Segment<K, V> | undefined
  #rows = 0

  constructor(intervalMs: number, cacheEntries: number) {
    this.#intervalMs = intervalMs
    this.#cacheEntries = cacheEntries
  }

  segmentAt(windowStartMs: number): Segment<K, V> | undefined {
    const last = this.#lastSegment
    if (last !== undefined && windowStartMs >= last.startMs && windowStartMs < last.endMs) return last
    const segment = this.#segments.get(Math.floor(windowStartMs / this.#intervalMs))
    if (segment !== undefined) this.#lastSegment = segment
    return segment
  }

  segment(number: number): Segment<K, V> | undefined {
    return this.#segments.get(number)
  }

  /** Segments in [first, last] that have rows, here or in the database, in their order, or from the last to the first. */
  segmentsIn(first: number, last: number, reverse = false): readonly number[] {
    const numbers = new Set(this.storedSegmentsIn(first, last))
    for (const number of this.#segments.keys()) if (number >= first && number <= last) numbers.add(number)
    return [...numbers].sort(reverse ? (a, b) => b - a : (a, b) => a - b)
  }

  /** The keys that are in memory, segment by segment. */
  *keysIn(first: number, last: number): Generator<KeyWindows<K, V>, void, undefined> {
    for (const segment of this.#segments.values())
      if (segment.number >= first && segment.number <= last) yield* segment.keys.values()
  }

  storedSegmentsIn(first: number, last: number): readonly number[] {
    return [...this.storedSegments].filter((number) => number >= first && number <= last)
  }

  windows(segment: number, id: KeyIdentity): KeyWindows<K, V> | undefined {
    return this.#segments.get(segment)?.keys.get(id)
  }

  /** Whether all rows of this key in this segment are in memory. */
  knows(segment: number, id: KeyIdentity): boolean {
    const cached = this.#segments.get(segment)
    if (cached === undefined) return !this.storedSegments.has(segment)
    return cached.complete || cached.keys.get(id)?.complete === true
  }

  /** The same of the segments in [first, last]. */
  knowsAll(first: number, last: number, id: KeyIdentity): boolean {
    for (let n = first; n <= last; n++) if (!this.knows(n, id)) return false
    return true
  }

  /** Those of the segments in [first, last] that may have rows of this key that are not in memory. */
  unknownIn(first: number, last: number, id: KeyIdentity): readonly number[] {
    const unknown: number[] = []
    for (let n = first; n <= last; n++) if (!this.knows(n, id)) unknown.push(n)
    return unknown
  }

  /** The windows of this key in this segment; made when there are none. */
  open(segmentNumber: number, key: K, id: KeyIdentity): KeyWindows<K, V> {
    let segment = this.#segments.get(segmentNumber)
    if (segment === undefined) {
      segment = new Segment(segmentNumber, this.#intervalMs, !this.storedSegments.has(segmentNumber))
      this.#segments.set(segmentNumber, segment)
    }
    let windows = segment.keys.get(id)
    if (windows === undefined) {
      windows = new KeyWindows(key, id, segment)
      segment.keys.set(id, windows)
      this.#rows++
    }
    return windows
  }

  /** Windows that are not kept. */
  detached(segmentNumber: number, key: K, id: KeyIdentity): KeyWindows<K, V> {
    return new KeyWindows(key, id, new Segment<K, V>(segmentNumber, this.#intervalMs, false))
  }

  insert(windows: KeyWindows<K, V>, windowStartMs: number, sequence: number): WindowRow<K, V> {
    if (windows.rows.length > 0) this.#rows++
    return windows.insert(windowStartMs, sequence)
  }

  /** Puts a row back that was removed, in its new place. */
  replace(row: WindowRow<K, V>): void {
    if (row.owner.rows.length > 0) this.#rows++
    row.owner.place(row)
  }

  /** Takes a row out that nobody needs to know of. */
  remove(row: WindowRow<K, V>): void {
    row.owner.remove(row)
    if (!row.owner.gone && row.owner.rows.length > 0) this.#rows--
  }

  /** Takes in all rows the database has of the key in this segment. */
  complete(windows: KeyWindows<K, V>, loaded: readonly WindowRow<K, V>[]): void {
    const before = weight(windows)
    windows.merge(loaded)
    this.#rows += weight(windows) - before
    windows.complete = true
    this.release(windows)
  }

  mark(row: WindowRow<K, V>): void {
    const owner = row.owner
    if (row.state === 0) owner.holds++
    owner.written = true
    owner.used = true
    if ((row.state & CHANGED) === 0) this.uncommitted.mark(row)
  }

  /** `onClean` gets the rows that are in the database as they are here. */
  settle(onClean?: (row: WindowRow<K, V>) => void): void {
    this.uncommitted.settle((row) => {
      row.owner.holds--
      onClean?.(row)
      this.release(row.owner)
    })
    this.prefetched = 0
    this.evict()
  }

  /** Lets the windows be evicted when nothing holds them. */
  release(windows: KeyWindows<K, V>): void {
    if (windows.holds === 0) this.#clean.add(windows)
  }

  evict(): void {
    while (this.#rows - this.uncommitted.size > this.#cacheEntries + this.prefetched) {
      const windows = this.#clean.next()
      if (windows === undefined) return
      this.#drop(windows)
      windows.segment.keys.delete(windows.id)
      if (windows.written) this.staleReads++
      if (windows.rows.some((row) => row.value !== null)) windows.segment.complete = false
    }
  }

  /** Forgets the segments before this one. */
  expire(firstLive: number): void {
    for (const [number, segment] of this.#segments) {
      if (number >= firstLive) continue
      for (const windows of segment.keys.values()) this.#drop(windows)
      this.#segments.delete(number)
      if (this.#lastSegment === segment) this.#lastSegment = undefined
    }
  }

  clear(): void {
    this.expire(Number.POSITIVE_INFINITY)
    this.uncommitted.clear()
    this.#clean.clear()
    this.#rows = 0
    this.prefetched = 0
    this.last = undefined
    this.staleReads++
  }

  #drop(windows: KeyWindows<K, V>): void {
    windows.gone = true
    this.#rows -= weight(windows)
    if (this.last?.owner === windows) this.last = undefined
  }
}

/** A key that is known to have no rows takes room as well. */
function weight<K, V>(windows: KeyWindows<K, V>): number {
  return Math.max(1, windows.rows.length)
}
