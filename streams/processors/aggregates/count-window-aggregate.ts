import { type Awaitable, eachInOrder } from '../../../common/awaitable.ts'
import type { KeyValueStore, ValueAndTimestamp } from '../../../stores/state-store.ts'
import { changelogTopicName } from '../../internal-topic-names.ts'
import { StreamRecord } from '../../record.ts'
import type { Processor, ProcessorContext } from '../processor.ts'
import type { CopyOf } from '../tables/table-forwarder.ts'
import type { CountState, CountWindow } from './count-window-serdes.ts'
import { type Aggregate, ownAggregate } from './stream-aggregate.ts'

export interface CountWindowOptions<A> {
  readonly store: string
  readonly size: number
  /** Records from the start of a window to that of the next; not above the size. */
  readonly advance: number
  /** Send a window when it is full only, not at each record. */
  readonly onFull: boolean
  /** Set where input values may be in somebody else's hands. */
  readonly copyInput: CopyOf<A> | undefined
  /** Set where what is sent may be kept while the aggregate goes on changing. */
  readonly copyOutput: CopyOf<A> | undefined
}

/**
 * An aggregate over every so many records of a key, in the order in which the task takes them: that of offsets in a partition. Their times
 * do not matter, so no record is late. Drops null keys and null values.
 */
export class CountWindowAggregate<K, V, A> implements Processor<K, V, K, CountWindow<A>> {
  readonly #aggregate: Aggregate<K, V, A>
  readonly #options: CountWindowOptions<A>
  #context!: ProcessorContext<K, CountWindow<A>>
  #rows!: KeyValueStore<K, CountState<A>>
  #topic = ''

  constructor(aggregate: Aggregate<K, V, A>, options: CountWindowOptions<A>) {
    this.#aggregate = aggregate
    this.#options = options
  }

  init(context: ProcessorContext<K, CountWindow<A>>): void {
    this.#context = context
    this.#rows = context.getStateStore(this.#options.store)
    this.#topic = changelogTopicName(context.applicationId, this.#options.store)
  }

  process(record: StreamRecord<K, V>): Awaitable<void> {
    if (record.key === null) return this.#context.drop(record, 'null-key')
    if (record.value === null) return this.#context.drop(record, 'null-value')
    const row = this.#rows.getEntry(record.key)
    return row instanceof Promise ? row.then((r) => this.#update(record, r)) : this.#update(record, row)
  }

  #update(record: StreamRecord<K, V>, row: ValueAndTimestamp<CountState<A>> | undefined): Awaitable<void> {
    const { key, value, timestampMs, headers } = record
    const { size, advance, onFull, copyInput } = this.#options
    const state = row?.value ?? { seen: 0, firstNumber: 0, windows: [] }
    if (state.seen % advance === 0) state.windows.push({ startMs: timestampMs, endMs: timestampMs, value: null })
    state.seen++
    const results: CountWindow<A>[] = []
    for (const [i, window] of state.windows.entries()) {
      const number = state.firstNumber + i
      const count = state.seen - number * advance
      const made = this.#aggregate(window.value ?? undefined, value, key)
      window.value = ownAggregate(made, value, copyInput, this.#topic)
      if (timestampMs < window.startMs) window.startMs = timestampMs
      if (timestampMs > window.endMs) window.endMs = timestampMs
      const isFull = count === size
      if (isFull || !onFull) {
        const { startMs, endMs } = window
        results.push({ number, count, isFull, startMs, endMs, value: this.#sent(window.value, isFull) as A })
      }
    }
    if (state.seen - state.firstNumber * advance === size) {
      state.windows.shift()
      state.firstNumber++
    }
    this.#rows.put(key, state, Math.max(timestampMs, row?.timestampMs ?? 0))
    return eachInOrder(results, (window) => this.#context.forward(new StreamRecord(key, window, window.endMs, headers)))
  }

  #sent(value: A | null, isFull: boolean): A | null {
    const { copyOutput } = this.#options
    return isFull || copyOutput === undefined || value === null ? value : copyOutput(value, this.#topic)
  }
}
