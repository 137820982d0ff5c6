import { type Awaitable, chain } from '../../common/awaitable.ts'
import { SerdeNotReadyError } from '../../common/errors.ts'
import { EMPTY_HEADERS, type Headers } from '../../common/record.ts'
import type { Serde } from '../../common/serde.ts'
import { StoreClosedError } from '../errors.ts'
import { whenReady } from '../shared/when-ready.ts'
import type { ChangelogRecord, RestoredRecord, RowChanges, StateStore, StoreChanges } from '../state-store.ts'
import type { StoreContext } from '../store-builder.ts'
import { CHANGELOG_HEADERS, decodeBufferedRow, encodeBufferedRow } from './buffer-changelog.ts'
import { BufferOrder } from './buffer-order.ts'
import type { BufferedContext } from './buffer-value.ts'
import { Cell, CellCodec } from './cell.ts'

/** An update of a row, with the record that it came with. */
export interface BufferedChange<K, V> {
  readonly key: K
  readonly newValue: V | null
  /** The row that is known outside: what it was before the first update that waits. */
  readonly priorValue: V | null
  readonly context: BufferedContext
}

/**
 * Updates of table rows that wait to be sent on, one per key, ordered by a time and then by key bytes. It lives in memory and comes back
 * from its changelog, whose format is Kafka Streams'.
 * @see org.apache.kafka.streams.state.internals.InMemoryTimeOrderedKeyValueChangeBuffer
 */
export interface ChangeBuffer<K, V> extends StateStore {
  readonly type: 'change-buffer'
  /**
   * A newer update of a key takes the place of the one that waits: its time counts no more, and the value from before the first one
   * stays the prior value. Values must not be changed afterwards.
   */
  put(timeMs: number, key: K, newValue: V | null, oldValue: V | null, context: BufferedContext): void
  /** Hands updates over, the earliest first, for as long as `predicate` says so; each is in the buffer until `callback` is done with it. */
  evictWhile(predicate: () => boolean, callback: (change: BufferedChange<K, V>) => Awaitable<void>): Awaitable<void>
  /** The prior value (`null`: there was none) of a key that waits, `undefined` for other keys. */
  priorValue(key: K): Awaitable<{ readonly value: V | null } | undefined>
  /** Of the update that is first; infinite when there is none. */
  readonly minTimeMs: number
  readonly records: number
  /** As Kafka Streams counts: times, keys, values and contexts. 0 unless the buffer was planned with `countBytes`. */
  readonly sizeBytes: number
}

interface Held<V> {
  readonly prior: Cell<V>
  readonly old: Cell<V>
  readonly next: Cell<V>
  readonly context: BufferedContext
}

interface Place<K, V> {
  readonly timeMs: number
  readonly id: string
  readonly keyBytes: Buffer
  /** Unknown until it is asked for when the row comes from the changelog. */
  key: K | undefined
  sizeBytes: number
  /** `undefined`: no longer in the buffer. */
  held: Held<V> | undefined
}

/** A row before it was changed, to go back to when a commit fails. */
type Before<K, V> = { readonly place: Place<K, V>; readonly held: Held<V> } | undefined

export interface ChangeBufferSettings {
  readonly logging: boolean
  readonly countBytes: boolean
}

export class InMemoryChangeBuffer<K, V> implements ChangeBuffer<K, V> {
  readonly name: string
  readonly type = 'change-buffer'
  readonly persistent = false
  readonly #settings: ChangeBufferSettings
  readonly #keySerde: Serde<K>
  readonly #codec: CellCodec<V>
  readonly #topic: string
  readonly #places = new Map<string, Place<K, V>>()
  readonly #order = new BufferOrder<Place<K, V>>()
  #changed = new Map<string, Before<K, V>>()
  #drained = new Map<string, Before<K, V>>()
  #closed = false
  sizeBytes = 0

  constructor(
    name: string,
    keySerde: Serde<K>,
    valueSerde: Serde<V>,
    settings: ChangeBufferSettings,
    context: StoreContext,
  ) {
    this.name = name
    this.#settings = settings
    this.#keySerde = keySerde
    this.#topic = context.changelogTopic
    this.#codec = new CellCodec(valueSerde, context.changelogTopic)
  }

  put(timeMs: number, key: K, newValue: V | null, oldValue: V | null, context: BufferedContext): void {
    this.#checkOpen()
    const keyBytes = this.#keySerde.serialize(key, this.#topic, context.headers)
    const id = keyBytes.toString('latin1')
    const place = this.#places.get(id)
    this.#touch(id, place)
    const old = new Cell(oldValue, undefined, context.headers)
    const next = new Cell(newValue, undefined, context.headers)
    if (place?.held !== undefined) this.#replace(place, { prior: place.held.prior, old, next, context })
    else this.#insert(timeMs, id, keyBytes, key, { prior: old, old, next, context })
  }

  evictWhile(predicate: () => boolean, callback: (change: BufferedChange<K, V>) => Awaitable<void>): Awaitable<void> {
    while (predicate()) {
      const place = this.#order.first
      if (place?.held === undefined) return
      const done = this.#evict(place, place.held, callback)
      if (done instanceof Promise) return done.then(() => this.evictWhile(predicate, callback))
    }
  }

  priorValue(key: K): Awaitable<{ readonly value: V | null } | undefined> {
    const held = this.#places.get(this.#keySerde.serialize(key, this.#topic).toString('latin1'))?.held
    if (held === undefined) return undefined
    return chain(
      this.#decoded(() => held.prior.value(this.#codec)),
      (value) => ({ value }),
    )
  }

  get minTimeMs(): number {
    return this.#order.first?.timeMs ?? Number.POSITIVE_INFINITY
  }

  get records(): number {
    return this.#places.size
  }

  get dirtyEntries(): number {
    return this.#changed.size + this.#drained.size
  }

  drain(): StoreChanges {
    const records = this.#settings.logging ? [...this.#changed].map(([id, before]) => this.#record(id, before)) : []
    for (const [id, before] of this.#changed) if (!this.#drained.has(id)) this.#drained.set(id, before)
    this.#changed = new Map()
    return { records, puts: [], expired: [] }
  }

  committed(): void {
    this.#drained = new Map()
  }

  discard(): void {
    // What was changed after a drain goes first, so that the older state of a key wins.
    for (const befores of [this.#changed, this.#drained]) for (const [id, before] of befores) this.#goBack(id, before)
    this.#changed = new Map()
    this.#drained = new Map()
    this.#order.clear()
    this.sizeBytes = 0
    for (const place of this.#places.values()) {
      this.#order.add(place)
      this.sizeBytes += place.sizeBytes
    }
  }

  restoredRows(records: readonly RestoredRecord[]): RowChanges {
    for (const record of records) if (record.key !== null) this.#restore(record.key, record)
    return { puts: [], expired: [] }
  }

  close(): void {
    this.#closed = true
    this.#places.clear()
    this.#order.clear()
    this.#changed.clear()
    this.#drained.clear()
    this.sizeBytes = 0
  }

  #evict(
    place: Place<K, V>,
    held: Held<V>,
    callback: (change: BufferedChange<K, V>) => Awaitable<void>,
  ): Awaitable<void> {
    const change = this.#decoded(() => this.#changeOf(place, held))
    return chain(chain(change, callback), () => {
      this.#touch(place.id, place)
      this.#remove(place)
    })
  }

  #changeOf(place: Place<K, V>, { prior, next, context }: Held<V>): BufferedChange<K, V> {
    place.key ??= this.#keySerde.deserialize(place.keyBytes, this.#topic, context.headers)
    return { key: place.key, newValue: next.value(this.#codec), priorValue: prior.value(this.#codec), context }
  }

  /** Rows of the changelog may have to wait for a schema. */
  #decoded<T>(decode: () => T): Awaitable<T> {
    try {
      return decode()
    } catch (error) {
      if (error instanceof SerdeNotReadyError) return whenReady(decode)
      throw error
    }
  }

  #insert(timeMs: number, id: string, keyBytes: Buffer, key: K | undefined, held: Held<V>): void {
    const place: Place<K, V> = { timeMs, id, keyBytes, key, held, sizeBytes: 0 }
    this.#places.set(id, place)
    this.#order.add(place)
    this.#count(place, held)
  }

  #replace(place: Place<K, V>, held: Held<V>): void {
    place.held = held
    this.#count(place, held)
  }

  #remove(place: Place<K, V>): void {
    place.held = undefined
    this.#places.delete(place.id)
    this.sizeBytes -= place.sizeBytes
    for (let first = this.#order.first; first !== undefined && first.held === undefined; first = this.#order.first)
      this.#order.removeFirst()
  }

  #count(place: Place<K, V>, held: Held<V>): void {
    if (!this.#settings.countBytes) return
    const sizeBytes = 8 + place.keyBytes.length + this.#sizeOf(held)
    this.sizeBytes += sizeBytes - place.sizeBytes
    place.sizeBytes = sizeBytes
  }

  /** @see BufferValue.residentMemorySizeEstimate */
  #sizeOf({ prior, old, next, context }: Held<V>): number {
    const priorBytes = prior.bytes(this.#codec)
    const oldBytes = old.bytes(this.#codec)
    const isSame = priorBytes !== null && oldBytes?.equals(priorBytes)
    return (
      (priorBytes?.length ?? 0) +
      (isSame ? 0 : (oldBytes?.length ?? 0)) +
      (next.bytes(this.#codec)?.length ?? 0) +
      sizeOfContext(context)
    )
  }

  #touch(id: string, place: Place<K, V> | undefined): void {
    if (this.#changed.has(id)) return
    this.#changed.set(id, place?.held === undefined ? undefined : { place, held: place.held })
  }

  #goBack(id: string, before: Before<K, V>): void {
    const now = this.#places.get(id)
    if (now !== undefined) now.held = undefined
    if (before === undefined) {
      this.#places.delete(id)
      return
    }
    before.place.held = before.held
    this.#places.set(id, before.place)
    this.#count(before.place, before.held)
  }

  #record(id: string, before: Before<K, V>): ChangelogRecord {
    const place = this.#places.get(id)
    if (place?.held === undefined) {
      const changelogKey = before?.place.keyBytes ?? Buffer.from(id, 'latin1')
      const timestampMs = before?.held.context.timestampMs ?? 0
      return { changelogKey, changelogValue: null, timestampMs, headers: EMPTY_HEADERS }
    }
    const { prior, old, next, context } = place.held
    const value = {
      context,
      priorValue: prior.bytes(this.#codec),
      oldValue: old.bytes(this.#codec),
      newValue: next.bytes(this.#codec),
    }
    return {
      changelogKey: place.keyBytes,
      changelogValue: encodeBufferedRow({ timeMs: place.timeMs, value }),
      timestampMs: context.timestampMs,
      headers: CHANGELOG_HEADERS,
    }
  }

  #restore(key: Buffer, record: RestoredRecord): void {
    const id = key.toString('latin1')
    const place = this.#places.get(id)
    if (record.value === null) {
      if (place !== undefined) this.#remove(place)
      return
    }
    const known = place?.held?.prior.bytes(this.#codec)
    const { timeMs, value } = decodeBufferedRow({ ...record, value: record.value }, known)
    const { context } = value
    const cell = (bytes: Buffer | null): Cell<V> => restoredCell(bytes, context.headers)
    const held: Held<V> = {
      prior: cell(value.priorValue),
      old: cell(value.oldValue),
      next: cell(value.newValue),
      context,
    }
    // A row that left the buffer and came again within one commit: the changelog has no tombstone between.
    const isAnother = place !== undefined && place.timeMs !== timeMs
    if (isAnother) this.#remove(place)
    if (place === undefined || isAnother) this.#insert(timeMs, id, Buffer.from(key), undefined, held)
    else this.#replace(place, held)
  }

  #checkOpen(): void {
    if (this.#closed) throw new StoreClosedError(`store ${this.name} is closed`)
  }
}

/** A copy: what was fetched from the changelog is a view of a whole batch. */
function restoredCell<V>(bytes: Buffer | null, headers: Headers): Cell<V> {
  return new Cell<V>(undefined, bytes === null ? null : Buffer.from(bytes), headers)
}

/** @see ProcessorRecordContext.residentMemorySizeEstimate */
function sizeOfContext({ topic, headers }: BufferedContext): number {
  let sizeBytes = 20 + topic.length
  for (const { key, value } of headers) sizeBytes += key.length + (value?.length ?? 0)
  return sizeBytes
}
