import { isDeepStrictEqual } from 'node:util'
import { type Awaitable, chain, eachInOrder } from '../../../common/awaitable.ts'
import type { KeyValueStore, StateStore, WindowEntry, WindowStore } from '../../../stores/state-store.ts'
import type { StreamRecord } from '../../record.ts'
import type { Processor, ProcessorContext } from '../processor.ts'
import type { JoinTimeTracker } from './join-time-tracker.ts'
import type { OuterKey, OuterValue } from './outer-join-serdes.ts'

/** Rows of the outer store looked at in one go. */
const OUTER_ROWS = 256

export interface JoinWindowBounds {
  readonly beforeMs: number
  readonly afterMs: number
  readonly graceMs: number
}

export interface StreamStreamJoinOptions<K, V, V2, R> {
  readonly isLeft: boolean
  /** The other side's window store. */
  readonly otherStore: string
  /** As the user gave it for the left side; the right side looks the other way. */
  readonly windows: JoinWindowBounds
  /** Already turned around for the right side. */
  readonly joiner: (value: V | undefined, otherValue: V2 | undefined, key: K) => R
  /** Whether a record of this side without a partner makes a result. */
  readonly outer: boolean
  /** Holds records without a partner until their window closes; of left and outer joins. */
  readonly outerStore: string | undefined
  /** The time that both sides share, found by the outer store of their task. */
  readonly trackerOf: (outerStore: StateStore, context: ProcessorContext) => JoinTimeTracker
}

/** Puts each record into its side's window store; what comes after it joins first (rule 40). @see KStreamJoinWindow */
export class StreamJoinWindow<K, V> implements Processor<K, V, K, V> {
  readonly #store: string
  #context!: ProcessorContext<K, V>
  #rows!: WindowStore<K, V>

  constructor(store: string) {
    this.#store = store
  }

  init(context: ProcessorContext<K, V>): void {
    this.#context = context
    this.#rows = context.getStateStore(this.#store)
  }

  process(record: StreamRecord<K, V>): Awaitable<void> {
    return chain(this.#context.forward(record), () => {
      if (record.key === null) return
      this.#rows.put(record.key, record.value, record.timestampMs, record.timestampMs, record.headers)
    })
  }
}

/**
 * One side of a windowed stream-stream join (rules 37 to 44): a record meets the other side's records within the window; the
 * result has the later time. In left and outer joins a record without a partner waits in the outer store until stream time has
 * passed its window and grace, and is then sent with its own time, in the order (time, right before left, key).
 * @see KStreamKStreamJoin, KStreamKStreamJoinLeftSide, KStreamKStreamJoinRightSide
 */
export class StreamStreamJoin<K, V, V2, R> implements Processor<K, V, K, R> {
  readonly #options: StreamStreamJoinOptions<K, V, V2, R>
  readonly #lookBackMs: number
  readonly #lookAheadMs: number
  #context!: ProcessorContext<K, R>
  #otherRows!: WindowStore<K, V2>
  #waiting: KeyValueStore<OuterKey<K>, readonly OuterValue<V | V2>[]> | undefined
  /** Of left and outer joins: an inner join does not care what time it is. */
  #time: JoinTimeTracker | undefined

  constructor(options: StreamStreamJoinOptions<K, V, V2, R>) {
    this.#options = options
    const { isLeft, windows } = options
    this.#lookBackMs = isLeft ? windows.beforeMs : windows.afterMs
    this.#lookAheadMs = isLeft ? windows.afterMs : windows.beforeMs
  }

  init(context: ProcessorContext<K, R>): void {
    this.#context = context
    const { otherStore, outerStore, trackerOf } = this.#options
    this.#otherRows = context.getStateStore(otherStore)
    this.#waiting = outerStore === undefined ? undefined : context.getStateStore(outerStore)
    this.#time = this.#waiting === undefined ? undefined : trackerOf(this.#waiting, context as ProcessorContext)
  }

  process(record: StreamRecord<K, V>): Awaitable<void> {
    const { key, value, timestampMs } = record
    this.#time?.saw(timestampMs)
    if (value === null) return this.#context.drop(record, 'null-value')
    if (key === null)
      return this.#options.outer ? this.#emit(record, undefined, timestampMs) : this.#context.drop(record, 'null-key')
    const time = this.#time
    if (time === undefined || timestampMs < time.streamTimeMs) return this.#joinWithOthers(record)
    return chain(this.#emitExpired(record, time), () => this.#joinWithOthers(record))
  }

  #joinWithOthers(record: StreamRecord<K, V>): Awaitable<void> {
    const { key, timestampMs } = record
    const fromMs = Math.max(0, timestampMs - this.#lookBackMs)
    const toMs = Math.max(0, timestampMs + this.#lookAheadMs)
    return chain(this.#otherRows.fetch(key, fromMs, toMs), (others) => {
      if (others.length > 0) return eachInOrder(others, (other) => this.#match(record, other))
      if (!this.#options.outer) return
      const time = this.#time
      if (time === undefined || toMs < time.streamTimeMs) return this.#emit(record, undefined, timestampMs)
      return this.#wait(record, time)
    })
  }

  #match(record: StreamRecord<K, V>, other: WindowEntry<K, V2>): Awaitable<void> {
    const waiting = this.#waiting
    const emit = (): Awaitable<void> =>
      this.#emit(record, other.value, Math.max(record.timestampMs, other.windowStartMs))
    if (waiting === undefined || !this.#time?.mayHaveWaiting) return emit()
    const otherKey: OuterKey<K> = { timestampMs: other.windowStartMs, isLeft: !this.#options.isLeft, key: record.key }
    return chain(waiting.get(otherKey), (found) => {
      if (found !== undefined) waiting.put(otherKey, null, record.timestampMs)
      return emit()
    })
  }

  #emit(record: StreamRecord<K, V>, otherValue: V2 | undefined, timestampMs: number): Awaitable<void> {
    return this.#context.forward(
      record.withValue(this.#options.joiner(record.value, otherValue, record.key)).withTimestamp(timestampMs),
    )
  }

  #wait({ key, value, timestampMs }: StreamRecord<K, V>, time: JoinTimeTracker): Awaitable<void> {
    const { isLeft } = this.#options
    const waiting = this.#waiting as KeyValueStore<OuterKey<K>, readonly OuterValue<V | V2>[]>
    const outerKey: OuterKey<K> = { timestampMs, isLeft, key }
    time.waits(timestampMs)
    return chain(waiting.get(outerKey), (list) =>
      waiting.put(outerKey, [...(list ?? []), { isLeft, value }], timestampMs),
    )
  }

  #emitExpired(record: StreamRecord<K, V>, time: JoinTimeTracker): Awaitable<void> {
    const { windows } = this.#options
    if (time.earliestMs + this.#lookAheadMs + windows.graceMs >= time.streamTimeMs) return
    if (!time.mayEmit(this.#context.currentSystemTimeMs(), this.#context.emitIntervalMs)) return
    time.earliestMs = Number.POSITIVE_INFINITY
    return this.#emitExpiredFrom(record, time, undefined, { left: false, right: false, done: false })
  }

  /** Ends at the second row that is still open on each side; as on the JVM, the last row looked at sets the time of the next look. */
  #emitExpiredFrom(
    record: StreamRecord<K, V>,
    time: JoinTimeTracker,
    from: OuterKey<K> | undefined,
    open: { left: boolean; right: boolean; done: boolean },
  ): Awaitable<void> {
    const waiting = this.#waiting as KeyValueStore<OuterKey<K>, readonly OuterValue<V | V2>[]>
    return chain(waiting.entries(from, undefined, { limit: OUTER_ROWS }), (rows) => {
      const pending = eachInOrder(rows, ({ key, value }) => {
        if (open.done || isDeepStrictEqual(key, from)) return
        time.earliestMs = key.timestampMs
        if (open.left && open.right) {
          open.done = true
          return
        }
        if (this.#isOpen(key, time.streamTimeMs)) {
          if (key.isLeft) open.left = true
          else open.right = true
          return
        }
        return chain(
          eachInOrder(value, (item) => this.#emitAlone(record, key, item)),
          () => waiting.put(key, null, record.timestampMs),
        )
      })
      return chain(pending, () => {
        const last = rows.at(-1)?.key
        if (last === undefined || rows.length < OUTER_ROWS || open.done) return
        return this.#emitExpiredFrom(record, time, last, open)
      })
    })
  }

  #isOpen(key: OuterKey<K>, streamTimeMs: number): boolean {
    const { windows } = this.#options
    const lookAheadMs = key.isLeft ? windows.afterMs : windows.beforeMs
    return key.timestampMs + lookAheadMs + windows.graceMs >= streamTimeMs
  }

  #emitAlone(
    record: StreamRecord<K, V>,
    { key, timestampMs }: OuterKey<K>,
    { isLeft, value }: OuterValue<V | V2>,
  ): Awaitable<void> {
    const { joiner } = this.#options
    const result =
      isLeft === this.#options.isLeft ? joiner(value as V, undefined, key) : joiner(undefined, value as V2, key)
    return this.#context.forward(record.withKey(key).withValue(result).withTimestamp(timestampMs))
  }
}
