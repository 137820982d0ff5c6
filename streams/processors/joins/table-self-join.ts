import type { Awaitable } from '../../../common/awaitable.ts'
import { Change, type StreamRecord } from '../../record.ts'
import type { Processor, ProcessorContext } from '../processor.ts'
import type { TableSettings } from '../tables/table-forwarder.ts'

export interface TableSelfJoinOptions<K, V, R> {
  readonly joiner: (value: V | undefined, otherValue: V | undefined, key: K) => R
  readonly settings: TableSettings<R>
  /** Whether updates carry old values: only then a deletion of what was not there is known. */
  readonly knowsOld: boolean
  /** One side speaks for both: the same update reaches them. */
  readonly isSilent: boolean
}

/**
 * The inner join of a table with itself: one result for each update, and a tombstone when the row goes. (Kafka Streams joins the new row
 * with itself on both sides, and a deleted row, which is gone by then, with nothing on either.)
 */
export class TableSelfJoin<K, V, R> implements Processor<K, Change<V>, K, Change<R>> {
  readonly #options: TableSelfJoinOptions<K, V, R>
  #context!: ProcessorContext<K, Change<R>>

  constructor(options: TableSelfJoinOptions<K, V, R>) {
    this.#options = options
  }

  init(context: ProcessorContext<K, Change<R>>): void {
    this.#context = context
  }

  process(record: StreamRecord<K, Change<V>>): Awaitable<void> {
    const { isSilent, knowsOld, settings } = this.#options
    const { newValue, oldValue, isLatest } = record.value
    if (record.key === null) return this.#context.drop(record, 'null-key')
    if (!isLatest) return this.#context.drop(record, 'out-of-order')
    if (isSilent || (newValue === null && oldValue === null && knowsOld)) return
    const joinedOld = settings.sendOldValues ? this.#result(oldValue, record.key) : null
    return this.#context.forward(record.withValue(new Change(this.#result(newValue, record.key), joinedOld)))
  }

  #result(value: V | null, key: K): R | null {
    return value === null ? null : this.#options.joiner(value, value, key)
  }
}
