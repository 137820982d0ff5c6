import type { Headers } from '../../common/record.ts'
import type { Serde } from '../../common/serde.ts'
import { decodeRowValue, encodeRowValue } from '../shared/row-value.ts'
import type { ChangelogRecord, ValueAndTimestamp } from '../state-store.ts'
import type { RowPut } from '../task-database.ts'
import type { KeyHistory } from './versioned-cache.ts'
import type { VersionedClock } from './versioned-clock.ts'
import { indexAt, Version, type Versions } from './versioned-history.ts'
import { encodeSegmentRow, latestRowKey, segmentRowKey } from './versioned-rows.ts'

/** Values of versions, decoded and encoded when they are needed, once. */
export class VersionValues<V> {
  readonly #serde: Serde<V>
  readonly #topic: string

  constructor(serde: Serde<V>, topic: string) {
    this.#serde = serde
    this.#topic = topic
  }

  of(version: Version<V>): V | null {
    if (version.value === undefined) version.value = this.decodeRow(version.encoded as Buffer).value
    return version.value
  }

  decodeRow(rowValue: Buffer): ValueAndTimestamp<V> {
    const { timestampMs, headers, payload } = decodeRowValue(rowValue)
    return { value: this.#serde.deserialize(payload, this.#topic, headers), timestampMs }
  }

  /** The row value of a version that is not a deletion. */
  readonly encoded = (version: Version<V>): Buffer => {
    version.encoded ??= encodeRowValue(
      version.timestampMs,
      version.headers,
      this.#serde.serialize(version.value as V, this.#topic, version.headers),
    )
    return version.encoded
  }

  restored(value: Buffer | null, timestampMs: number, headers: Headers): Version<V> {
    const version = new Version<V>(timestampMs, value === null ? null : undefined, headers)
    if (value !== null) version.encoded = encodeRowValue(timestampMs, headers, value)
    return version
  }
}

/** Collects what the changed histories of a store add to a commit. */
export class VersionedDrain<V> {
  readonly #storePrefix: Buffer
  readonly #clock: VersionedClock
  readonly #values: VersionValues<V>
  readonly #records: ChangelogRecord[] = []
  readonly #sent: Version<V>[] = []
  readonly #puts: RowPut[] = []
  /** Segments that have rows after it. */
  readonly segments = new Set<number>()

  constructor(storePrefix: Buffer, clock: VersionedClock, values: VersionValues<V>) {
    this.#storePrefix = storePrefix
    this.#clock = clock
    this.#values = values
  }

  add(history: KeyHistory<unknown, V>): void {
    const { keyBytes, versions } = history
    for (const version of history.unsent) if (version.unsent) this.#addRecord(keyBytes, version)
    if (history.touchedLatest) {
      const newest = versions.at(-1)
      const isKept = newest !== undefined && newest.value !== null
      this.#puts.push([latestRowKey(this.#storePrefix, keyBytes), isKept ? this.#values.encoded(newest) : null])
    }
    const firstLive = this.#clock.firstLiveSegment()
    for (const segment of history.touched) {
      if (segment < firstLive) continue
      const row = this.#segmentRow(versions, segment)
      if (row !== null) this.segments.add(segment)
      this.#puts.push([segmentRowKey(this.#storePrefix, segment, keyBytes), row])
    }
  }

  /**
   * Records are in the order of their times, whatever their keys: in that order none of them is refused when the store is restored,
   * which knows of no other time than theirs.
   */
  finish(): { readonly records: readonly ChangelogRecord[]; readonly puts: readonly RowPut[] } {
    for (const version of this.#sent) version.unsent = false
    return { records: this.#records.sort((a, b) => a.timestampMs - b.timestampMs), puts: this.#puts }
  }

  #addRecord(changelogKey: Buffer, version: Version<V>): void {
    const { timestampMs, headers, value } = version
    const changelogValue = value === null ? null : decodeRowValue(this.#values.encoded(version)).payload
    this.#records.push({ changelogKey, changelogValue, timestampMs, headers })
    this.#sent.push(version)
  }

  /** The versions that ended in this segment; `null` when there are none. */
  #segmentRow(versions: Versions<V>, segment: number): Buffer | null {
    const ended: Version<V>[] = []
    let endMs: number | undefined
    const first = indexAt(versions, this.#clock.segmentStartMs(segment) - 1) + 1
    for (let i = Math.max(first, 1); i < versions.length; i++) {
      const next = versions[i] as Version<V>
      if (this.#clock.segment(next.timestampMs) !== segment) break
      ended.push(versions[i - 1] as Version<V>)
      endMs = next.timestampMs
    }
    const newest = versions.at(-1)
    const isDeleted = newest?.value === null && this.#clock.segment(newest.timestampMs) === segment
    if (endMs === undefined && !isDeleted) return null
    return encodeSegmentRow(ended, endMs ?? (newest as Version<V>).timestampMs, this.#values.encoded)
  }
}
