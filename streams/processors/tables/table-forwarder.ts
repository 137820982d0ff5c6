import { type Awaitable, eachInOrder } from '../../../common/awaitable.ts'
import type { Headers } from '../../../common/record.ts'
import { changelogTopicName } from '../../internal-topic-names.ts'
import { Change, type RecordMetadata, StreamRecord, Windowed } from '../../record.ts'
import type { ProcessorContext } from '../processor.ts'
import { type HeldBack, tellOfReads } from './held-back.ts'

/** Rough size of one held-back update, for the bound of the record cache. */
const UPDATE_BYTES = 200
/** Above this many held-back updates they are found through an index. */
const SCANNED_UPDATES = 8

/** What tells two keys apart. `topic`: what the serde of a key that is an object is told. */
export type KeyIdOf = (key: unknown, topic: string) => unknown

/** A value that shares nothing with the one given. `topic`: what the serde is told. */
export type CopyOf<V> = (value: V, topic: string) => V

/** Settings of a table that are known only when the whole plan is: read when the task starts. */
export interface TableSettings<V> {
  /** Somebody downstream asked for old values. */
  sendOldValues: boolean
  /** Hold updates back until the commit, the last one per key (record cache). */
  caching: boolean
  /** Set where a forwarded value would otherwise change under somebody who kept it. */
  copy: CopyOf<V> | undefined
}

/** Where windows end: their size in milliseconds, or the end of the one that starts at a time. */
export type WindowEnd = number | ((startMs: number) => number)

interface Update<V> {
  readonly key: unknown
  readonly id: unknown
  readonly windowStartMs: number
  readonly oldValue: V | null
  newValue: V | null
  timestampMs: number
  headers: Headers
  /** Of the last update: what comes after a flush sees the record that caused it. */
  origin: RecordMetadata | undefined
  sequence: number
  /** A join has read the row meanwhile: what it has made of it has to go when the row goes. */
  wasRead: boolean
}

/**
 * Sends a table's updates on: at once, or with the record cache the last one per key when the commit comes or the bound is
 * passed, in the order of their last update, with the value that was there at the first one as old value. With the cache, a row
 * that came and went between two forwards is not spoken of, unless a join has read it. A bound of 0 turns the cache off.
 * @see TimestampedTupleForwarder, CachingKeyValueStore, NamedCache (rules 52 to 54)
 */
export class TableForwarder<V> implements HeldBack {
  readonly #context: ProcessorContext
  readonly #settings: TableSettings<V>
  readonly #windowEnd: WindowEnd | undefined
  /** Updates wait for the commit. */
  readonly caching: boolean
  readonly #maxUpdates: number
  readonly #keyIdOf: KeyIdOf
  readonly #topic: string
  /** In the order of their first update. */
  #updates: Update<V>[] = []
  #index: Map<number, Map<unknown, Update<V>>> | undefined
  #sequence = 0
  #reordered = false

  constructor(
    context: ProcessorContext,
    store: string,
    settings: TableSettings<V>,
    keyIdOf: KeyIdOf,
    windowEnd?: WindowEnd,
  ) {
    this.#context = context
    this.#settings = settings
    this.#keyIdOf = keyIdOf
    this.#windowEnd = windowEnd
    this.#topic = changelogTopicName(context.applicationId, store)
    this.#maxUpdates = settings.caching ? Math.ceil(context.recordCacheMaxBytes / UPDATE_BYTES) : 0
    this.caching = this.#maxUpdates > 0
    if (!this.caching) return
    context.onCommit(() => this.#flush())
    tellOfReads(context.getStateStore(store), this)
  }

  /** The value as it was, for whoever asked for old values; else it only tells that there was one. */
  oldValue(value: V): V {
    const { sendOldValues, copy } = this.#settings
    return sendOldValues && copy !== undefined ? copy(value, this.#topic) : value
  }

  /**
   * `windowStartMs` is 0 for tables without windows. `newValue` is the live one: it is copied here where due. With the record cache
   * a deletion carries `recordTimestampMs`, as on the JVM, where the cache has no row left to take the time from.
   */
  forward(
    key: unknown,
    windowStartMs: number,
    newValue: V | null,
    oldValue: V | null,
    timestampMs: number,
    headers: Headers,
    recordTimestampMs = timestampMs,
    isLatest = true,
  ): Awaitable<void> {
    if (!this.caching)
      return this.#context.forward(this.#record(key, windowStartMs, newValue, oldValue, timestampMs, headers, isLatest))
    const timeMs = newValue === null ? recordTimestampMs : timestampMs
    const id = this.#keyIdOf(key, this.#topic)
    const update = this.#find(id, windowStartMs)
    if (update === undefined) {
      this.#add({
        key,
        id,
        windowStartMs,
        oldValue,
        newValue,
        timestampMs: timeMs,
        headers,
        origin: this.#context.recordMetadata(),
        sequence: this.#sequence++,
        wasRead: false,
      })
      if (this.#updates.length > this.#maxUpdates) return this.#flush()
      return
    }
    update.newValue = newValue
    update.timestampMs = timeMs
    update.headers = headers
    update.origin = this.#context.recordMetadata()
    if (update !== this.#updates.at(-1)) this.#reordered = true
    update.sequence = this.#sequence++
  }

  wasRead(key: unknown, windowStartMs: number): void {
    if (this.#updates.length === 0) return
    const update = this.#find(this.#keyIdOf(key, this.#topic), windowStartMs)
    if (update !== undefined && update.newValue !== null) update.wasRead = true
  }

  #find(id: unknown, windowStartMs: number): Update<V> | undefined {
    if (this.#index !== undefined) return this.#index.get(windowStartMs)?.get(id)
    for (const update of this.#updates) if (update.windowStartMs === windowStartMs && update.id === id) return update
    return undefined
  }

  #add(update: Update<V>): void {
    this.#updates.push(update)
    if (this.#index !== undefined) addTo(this.#index, update)
    else if (this.#updates.length > SCANNED_UPDATES) {
      this.#index = new Map()
      for (const each of this.#updates) addTo(this.#index, each)
    }
  }

  /** What comes in while it runs (the table may feed itself) waits for the next flush. */
  #flush(): Awaitable<void> {
    const updates = this.#updates
    if (updates.length === 0) return
    if (this.#reordered) updates.sort((a, b) => a.sequence - b.sequence)
    this.#updates = []
    this.#index = undefined
    this.#reordered = false
    return eachInOrder(updates, (update) => this.#sendUpdate(update))
  }

  #sendUpdate(update: Update<V>): Awaitable<void> {
    const { key, windowStartMs, newValue, oldValue, timestampMs, headers, origin, wasRead } = update
    if (newValue === null && oldValue === null && !wasRead) return
    return this.#context.forwardAs(this.#record(key, windowStartMs, newValue, oldValue, timestampMs, headers), origin)
  }

  #record(
    key: unknown,
    windowStartMs: number,
    newValue: V | null,
    oldValue: V | null,
    timestampMs: number,
    headers: Headers,
    isLatest = true,
  ): StreamRecord<unknown, Change<V>> {
    const { copy, sendOldValues } = this.#settings
    const value = copy !== undefined && newValue !== null ? copy(newValue, this.#topic) : newValue
    const end = this.#windowEnd
    const outKey =
      end === undefined
        ? key
        : new Windowed(key, windowStartMs, typeof end === 'number' ? windowStartMs + end : end(windowStartMs))
    return new StreamRecord(outKey, new Change(value, sendOldValues ? oldValue : null, isLatest), timestampMs, headers)
  }
}

function addTo<V>(index: Map<number, Map<unknown, Update<V>>>, update: Update<V>): void {
  const byKey = index.get(update.windowStartMs)
  if (byKey) byKey.set(update.id, update)
  else index.set(update.windowStartMs, new Map([[update.id, update]]))
}
