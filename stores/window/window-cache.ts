import { EMPTY_HEADERS, type Headers } from '../../common/record.ts'
import type { KeyIdentity } from '../shared/key-identity.ts'
import type { Evictable } from '../shared/second-chance.ts'
import type { Tracked } from '../shared/uncommitted.ts'

export interface RowKeys {
  readonly rowKey: Buffer
  readonly changelogKey: Buffer
}

/**
 * One window of one key in the cache; a value of `null` is a tombstone or a window known to be absent. A session stands here with
 * its end as `windowStartMs` and its start as `sequence`, which is the order that sessions are kept in.
 */
export class WindowRow<K, V> implements Tracked {
  readonly owner: KeyWindows<K, V>
  windowStartMs: number
  sequence: number
  value: V | null = null
  timestampMs = 0
  headers: Headers = EMPTY_HEADERS
  state = 0
  /** Its keys as bytes, kept from the second time on that it is encoded: a window that is updated is committed over and over. */
  keys: RowKeys | undefined
  encoded = false
  /** Neither the database nor the changelog has heard of it. Told of sessions only. */
  isNew = false

  constructor(owner: KeyWindows<K, V>, windowStartMs: number, sequence: number) {
    this.owner = owner
    this.windowStartMs = windowStartMs
    this.sequence = sequence
  }
}

/** The cached windows of one key in one segment, by start, then sequence number: the unit of eviction. */
export class KeyWindows<K, V> implements Evictable {
  readonly key: K
  readonly id: KeyIdentity
  readonly segment: Segment<K, V>
  keyBytes: Buffer | undefined
  rows: WindowRow<K, V>[] = []
  /** Every row the database has of this key in this segment is here. */
  complete: boolean
  /** Uncommitted rows, and reads in progress: not evicted while there are any. */
  holds = 0
  used = false
  queued = false
  gone = false
  /** Some row was put since the key came into the cache: reads that began before may be older than it. */
  written = false

  constructor(key: K, id: KeyIdentity, segment: Segment<K, V>) {
    this.key = key
    this.id = id
    this.segment = segment
    this.complete = segment.complete
  }

  /** The (first) row of this start. */
  find(windowStartMs: number): WindowRow<K, V> | undefined {
    const rows = this.rows
    const last = rows[rows.length - 1]
    if (last === undefined || last.windowStartMs < windowStartMs) return undefined
    if (last.windowStartMs === windowStartMs && last.sequence === 0) return last
    const row = rows[this.firstFrom(windowStartMs)]
    return row !== undefined && row.windowStartMs === windowStartMs ? row : undefined
  }

  /** Index of the first row that starts at or after this. */
  firstFrom(windowStartMs: number): number {
    let [low, high] = [0, this.rows.length]
    while (low < high) {
      const middle = (low + high) >> 1
      if ((this.rows[middle] as WindowRow<K, V>).windowStartMs < windowStartMs) low = middle + 1
      else high = middle
    }
    return low
  }

  /** A new row in its place; there must be none of this start and sequence number. */
  insert(windowStartMs: number, sequence: number): WindowRow<K, V> {
    const row = new WindowRow(this, windowStartMs, sequence)
    this.place(row)
    return row
  }

  /** Puts a row of this key in its place; there must be none of its start and sequence number. */
  place(row: WindowRow<K, V>): void {
    const rows = this.rows
    let at = rows.length
    if (at > 0 && order(rows[at - 1] as WindowRow<K, V>, row) > 0) {
      at = this.firstFrom(row.windowStartMs)
      while (at < rows.length && order(rows[at] as WindowRow<K, V>, row) < 0) at++
    }
    if (at === rows.length) rows.push(row)
    else rows.splice(at, 0, row)
  }

  /** Takes a row of this key out again. */
  remove(row: WindowRow<K, V>): void {
    const at = this.rows.lastIndexOf(row)
    if (at === this.rows.length - 1) this.rows.pop()
    else if (at >= 0) this.rows.splice(at, 1)
  }

  /** Takes in rows read from the database, in order; rows that are here already are newer and stay. Returns how many came. */
  merge(loaded: readonly WindowRow<K, V>[]): number {
    const merged: WindowRow<K, V>[] = []
    const before = this.rows.length
    let at = 0
    for (const row of loaded) {
      while (at < before && order(this.rows[at] as WindowRow<K, V>, row) < 0)
        merged.push(this.rows[at++] as WindowRow<K, V>)
      const same = this.rows[at]
      if (same === undefined || order(same, row) !== 0) merged.push(row)
    }
    while (at < before) merged.push(this.rows[at++] as WindowRow<K, V>)
    this.rows = merged
    return merged.length - before
  }
}

function order<K, V>(a: WindowRow<K, V>, b: WindowRow<K, V>): number {
  return a.windowStartMs - b.windowStartMs || a.sequence - b.sequence
}

/** The cached part of one segment. */
export class Segment<K, V> {
  readonly number: number
  readonly startMs: number
  readonly endMs: number
  readonly keys = new Map<KeyIdentity, KeyWindows<K, V>>()
  /** Every row the database has of this segment is here: what is not is absent. True for a segment that was born in this process until a row is evicted. */
  complete: boolean

  constructor(number: number, intervalMs: number, complete: boolean) {
    this.number = number
    this.startMs = number * intervalMs
    this.endMs = this.startMs + intervalMs
    this.complete = complete
  }
}
