import { type Awaitable, chain, eachInOrder } from '../../../common/awaitable.ts'
import type { ValueAndTimestamp, WindowEntry, WindowStore } from '../../../stores/state-store.ts'
import { changelogTopicName } from '../../internal-topic-names.ts'
import type { Change, StreamRecord, Windowed } from '../../record.ts'
import type { Processor, ProcessorContext } from '../processor.ts'
import { withForwarder } from '../tables/shared-forwarder.ts'
import type { CopyOf, TableForwarder } from '../tables/table-forwarder.ts'
import { OperatorTime } from '../times/operator-time.ts'
import { type Aggregate, type AggregateOptions, ownAggregate } from './stream-aggregate.ts'
import { WindowCloseEmitter, type WindowCloseSettings } from './window-close.ts'

export interface SlidingBounds {
  /** A window is [start, start + difference], both inclusive. */
  readonly timeDifferenceMs: number
  readonly graceMs: number
}

/** What a record finds: the windows of its key that it is in or that are next to it, oldest first. */
interface Neighbours<K, V, A> {
  readonly record: StreamRecord<K, V>
  readonly closeMs: number
  readonly windows: readonly WindowEntry<K, A>[]
}

/**
 * One aggregate per key and sliding window. A record is put into the windows that it is in; it makes the window that ends at it, the one
 * that starts right after the record before it, and the one that starts right after itself, where there are others in them. Drops null
 * keys, null values and late records: those whose last window ended before stream time less grace, and one drop for each closed window
 * besides (rules 11, 13, 20).
 *
 * A window that begins with what another one has takes a copy: both may change in place later.
 * @see KStreamSlidingWindowAggregate
 */
export class SlidingWindowAggregate<K, V, A> implements Processor<K, V, Windowed<K>, Change<A>> {
  readonly #windows: SlidingBounds
  readonly #aggregate: Aggregate<K, V, A>
  readonly #options: AggregateOptions<A>
  readonly #copy: CopyOf<A>
  readonly #onClose: WindowCloseSettings | undefined
  #context!: ProcessorContext<Windowed<K>, Change<A>>
  #rows!: WindowStore<K, A>
  #forwarder!: TableForwarder<A>
  #emitter: WindowCloseEmitter<K, A> | undefined
  #time!: OperatorTime
  #topic = ''

  constructor(
    windows: SlidingBounds,
    aggregate: Aggregate<K, V, A>,
    options: AggregateOptions<A>,
    copy: CopyOf<A>,
    onClose?: WindowCloseSettings,
  ) {
    this.#windows = windows
    this.#aggregate = aggregate
    this.#options = options
    this.#copy = copy
    this.#onClose = onClose
  }

  init(context: ProcessorContext<Windowed<K>, Change<A>>): void {
    const { store } = this.#options
    const { timeDifferenceMs, graceMs } = this.#windows
    this.#context = context
    this.#rows = context.getStateStore(store)
    withForwarder(
      context as ProcessorContext,
      this.#options,
      this.#rows,
      (forwarder) => {
        this.#forwarder = forwarder
      },
      timeDifferenceMs,
    )
    this.#topic = changelogTopicName(context.applicationId, store)
    const closable = {
      graceMs,
      firstOpenStartMs: (closeMs: number) => closeMs - timeDifferenceMs,
      endMs: (startMs: number) => startMs + timeDifferenceMs,
    }
    if (this.#onClose !== undefined) this.#emitter = new WindowCloseEmitter(context, closable, store, this.#onClose)
    this.#time = this.#emitter?.clock ?? new OperatorTime(context as ProcessorContext)
  }

  process(record: StreamRecord<K, V>): Awaitable<void> {
    const { key, value, timestampMs } = record
    if (key === null) return this.#context.drop(record, 'null-key')
    if (value === null) return this.#context.drop(record, 'null-value')
    const { timeDifferenceMs, graceMs } = this.#windows
    const emitter = this.#emitter
    const closeMs = this.#time.saw(timestampMs) - graceMs
    const endMs = timestampMs + timeDifferenceMs
    if (endMs < closeMs) return this.#context.drop(record, 'late', { startMs: timestampMs, endMs })
    const isEarly = timestampMs < timeDifferenceMs
    // The window that starts a millisecond later is the record's own right one.
    const fromMs = isEarly ? 0 : Math.max(0, timestampMs - 2 * timeDifferenceMs)
    return chain(this.#rows.fetch(key, fromMs, timestampMs + 1), (windows) => {
      const found = { record, closeMs, windows }
      // As on the JVM, what has closed is looked for with the next record that is not early.
      return isEarly ? this.#placeEarly(found) : chain(this.#place(found), () => emitter?.send(record.headers))
    })
  }

  #place(found: Neighbours<K, V, A>): Awaitable<void> {
    const { record, closeMs, windows } = found
    const { timestampMs } = record
    const { timeDifferenceMs } = this.#windows
    const hasRight = windows.at(-1)?.windowStartMs === timestampMs + 1
    const inside: WindowEntry<K, A>[] = []
    let right: ValueAndTimestamp<A> | undefined
    let left: WindowEntry<K, A> | undefined
    let hasLeft = false
    let previousMs: number | undefined
    for (let i = windows.length - (hasRight ? 2 : 1); i >= 0; i--) {
      const window = windows[i] as WindowEntry<K, A>
      const endMs = window.windowStartMs + timeDifferenceMs
      if (endMs < timestampMs) {
        left = window
        previousMs = window.timestampMs
        break
      }
      if (endMs > timestampMs && inside.length === 0 && !hasRight) right = this.#seedRight(window, timestampMs)
      inside.push(window)
      if (endMs > timestampMs) continue
      hasLeft = true
      // Its latest record is of this very time: all windows around it are there.
      if (window.timestampMs >= timestampMs) return this.#updateAll(found, inside)
      previousMs = window.timestampMs
    }
    return chain(this.#updateAll(found, inside), () =>
      chain(this.#makePreviousRight(found, previousMs), () => {
        const made = hasLeft ? undefined : this.#makeLeft(record, closeMs, left, previousMs)
        return chain(made, () => this.#makeRight(record, right))
      }),
    )
  }

  /** No window starts before the epoch: records less than the difference after it share the window from 0. */
  #placeEarly(found: Neighbours<K, V, A>): Awaitable<void> {
    const { record, closeMs, windows } = found
    const { timestampMs } = record
    const hasRight = windows.at(-1)?.windowStartMs === timestampMs + 1
    const first = windows[0]
    const combined = first?.windowStartMs === 0 ? first : undefined
    const inside = windows.slice(combined === undefined ? 0 : 1, hasRight ? -1 : undefined)
    const previousMs = combined !== undefined && combined.timestampMs < timestampMs ? combined.timestampMs : undefined
    const neighbour = inside.at(-1) ?? combined
    const right = hasRight || neighbour === undefined ? undefined : this.#seedRight(neighbour, timestampMs)
    return chain(this.#updateAll(found, inside), () =>
      chain(this.#makeRight(record, right), () =>
        chain(this.#makePreviousRight(found, previousMs), () =>
          combined === undefined
            ? this.#update(record, 0, undefined, true, closeMs)
            : this.#update(record, 0, combined, false, closeMs),
        ),
      ),
    )
  }

  #updateAll({ record, closeMs }: Neighbours<K, V, A>, windows: readonly WindowEntry<K, A>[]): Awaitable<void> {
    return eachInOrder(windows, (window) => this.#update(record, window.windowStartMs, window, false, closeMs))
  }

  /** What the window after the record begins with: what the youngest window around it has, if that has later records. */
  #seedRight({ value, timestampMs }: ValueAndTimestamp<A>, recordMs: number): ValueAndTimestamp<A> | undefined {
    return timestampMs > recordMs ? { value: this.#copy(value, this.#topic), timestampMs } : undefined
  }

  #makeRight(record: StreamRecord<K, V>, right: ValueAndTimestamp<A> | undefined): Awaitable<void> {
    if (right === undefined) return
    const { key } = record
    const startMs = record.timestampMs + 1
    this.#rows.put(key, right.value, startMs, right.timestampMs)
    return this.#forward(record, startMs, right.value, null, right.timestampMs)
  }

  /** The window that starts after the record before this one, where this one is the first in it. */
  #makePreviousRight(
    { record, closeMs, windows }: Neighbours<K, V, A>,
    previousMs: number | undefined,
  ): Awaitable<void> {
    const { timeDifferenceMs } = this.#windows
    if (previousMs === undefined || timeDifferenceMs === 0) return
    const startMs = previousMs + 1
    if (startMs + timeDifferenceMs < record.timestampMs) return
    if (windows.some((window) => window.windowStartMs === startMs)) return
    return this.#update(record, startMs, undefined, true, closeMs)
  }

  #makeLeft(
    record: StreamRecord<K, V>,
    closeMs: number,
    left: ValueAndTimestamp<A> | undefined,
    previousMs: number | undefined,
  ): Awaitable<void> {
    const { timestampMs } = record
    const startMs = timestampMs - this.#windows.timeDifferenceMs
    const isShared = left !== undefined && previousMs !== undefined && startMs <= previousMs
    const before = isShared ? { value: this.#copy(left.value, this.#topic), timestampMs } : undefined
    return this.#update(record, startMs, before, true, closeMs)
  }

  /** `isNew`: there is no row of this window yet, whatever it begins with. */
  #update(
    record: StreamRecord<K, V>,
    startMs: number,
    before: ValueAndTimestamp<A> | undefined,
    isNew: boolean,
    closeMs: number,
  ): Awaitable<void> {
    const { key, value, timestampMs } = record
    const endMs = startMs + this.#windows.timeDifferenceMs
    if (endMs < closeMs) return this.#context.drop(record, 'late', { startMs, endMs })
    const timeMs = before === undefined ? timestampMs : Math.max(timestampMs, before.timestampMs)
    const oldValue = isNew || before === undefined ? null : this.#forwarder.oldValue(before.value)
    const made = this.#aggregate(before?.value, value, key)
    const aggregate = ownAggregate(made, value, this.#options.copyInput, this.#topic)
    if (isNew && aggregate === null && this.#forwarder.caching) return
    this.#rows.put(key, aggregate, startMs, aggregate === null ? timestampMs : timeMs)
    return this.#forward(record, startMs, aggregate, oldValue, timeMs)
  }

  #forward(
    { key, headers, timestampMs }: StreamRecord<K, V>,
    startMs: number,
    aggregate: A | null,
    oldValue: A | null,
    timeMs: number,
  ): Awaitable<void> {
    if (this.#emitter !== undefined) return
    return this.#forwarder.forward(key, startMs, aggregate, oldValue, timeMs, headers, timestampMs)
  }
}
