import type { Awaitable } from '../../common/awaitable.ts'
import type { ValueAndTimestamp, WindowStore } from '../../stores/state-store.ts'
import { changelogTopicName } from '../internal-topic-names.ts'
import type { Change, StreamRecord, Windowed } from '../record.ts'
import type { Processor, ProcessorContext } from './processor.ts'
import { type Aggregate, type AggregateOptions, ownAggregate } from './stream-aggregate.ts'
import { TableForwarder } from './table-forwarder.ts'

/** Aligned windows: [start, start + size) for every multiple of `advanceMs` that is not negative. */
export interface AlignedWindows {
  readonly sizeMs: number
  readonly advanceMs: number
  readonly graceMs: number
}

/**
 * One aggregate per key and window. Drops null keys; null values reach the aggregator (rule 11). The record's own time closes
 * windows first; a window is open while its end is after stream time less grace (rules 13 to 16). Each late window is one drop.
 * @see KStreamWindowAggregate
 */
export class WindowAggregate<K, V, A> implements Processor<K, V, Windowed<K>, Change<A>> {
  readonly #windows: AlignedWindows
  readonly #aggregate: Aggregate<K, V, A>
  readonly #options: AggregateOptions<A>
  #context!: ProcessorContext<Windowed<K>, Change<A>>
  #rows!: WindowStore<K, A>
  #forwarder!: TableForwarder<A>
  #topic = ''
  #streamTimeMs = -1

  constructor(windows: AlignedWindows, aggregate: Aggregate<K, V, A>, options: AggregateOptions<A>) {
    this.#windows = windows
    this.#aggregate = aggregate
    this.#options = options
  }

  init(context: ProcessorContext<Windowed<K>, Change<A>>): void {
    const { store, settings, keyIdOf } = this.#options
    const { sizeMs } = this.#windows
    this.#context = context
    this.#rows = context.getStateStore(store)
    this.#forwarder = new TableForwarder(context as ProcessorContext, store, settings, keyIdOf, sizeMs)
    this.#topic = changelogTopicName(context.applicationId, store)
  }

  process(record: StreamRecord<K, V>): Awaitable<void> {
    const { timestampMs } = record
    if (record.key === null) return this.#context.drop(record, 'null-key')
    if (timestampMs > this.#streamTimeMs) this.#streamTimeMs = timestampMs
    const { sizeMs, advanceMs } = this.#windows
    const firstMs = Math.floor(Math.max(0, timestampMs - sizeMs + advanceMs) / advanceMs) * advanceMs
    return this.#windowsFrom(record, firstMs)
  }

  #windowsFrom(record: StreamRecord<K, V>, firstMs: number): Awaitable<void> {
    const { sizeMs, advanceMs, graceMs } = this.#windows
    const closedMs = this.#streamTimeMs - graceMs
    for (let startMs = firstMs; startMs <= record.timestampMs; startMs += advanceMs) {
      if (startMs + sizeMs <= closedMs) {
        this.#context.drop(record, 'late')
        continue
      }
      const pending = this.#window(record, startMs)
      if (pending instanceof Promise) {
        const nextMs = startMs + advanceMs
        return pending.then(() => this.#windowsFrom(record, nextMs))
      }
    }
  }

  #window(record: StreamRecord<K, V>, startMs: number): Awaitable<void> {
    const row = this.#rows.getEntry(record.key, startMs)
    return row instanceof Promise
      ? row.then((r) => this.#update(record, startMs, r))
      : this.#update(record, startMs, row)
  }

  #update(record: StreamRecord<K, V>, startMs: number, row: ValueAndTimestamp<A> | undefined): Awaitable<void> {
    const { key, value, timestampMs, headers } = record
    const time = row !== undefined && row.timestampMs > timestampMs ? row.timestampMs : timestampMs
    const oldValue = row === undefined ? null : this.#forwarder.oldValue(row.value)
    const made = this.#aggregate(row?.value, value, key)
    const aggregate = ownAggregate(made, value, this.#options.copyInput, this.#topic)
    if (row === undefined && aggregate === null && this.#forwarder.caching) return
    this.#rows.put(key, aggregate, startMs, aggregate === null ? timestampMs : time, headers)
    return this.#forwarder.forward(key, startMs, aggregate, oldValue, time, headers, timestampMs)
  }
}
