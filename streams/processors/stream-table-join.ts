import type { Awaitable } from '../../common/awaitable.ts'
import type { ValueAndTimestamp } from '../../stores/state-store.ts'
import type { StreamRecord } from '../record.ts'
import type { Processor, ProcessorContext } from './processor.ts'
import type { RowGetter, TableView } from './table-view.ts'

export interface StreamTableJoinOptions<K, V, TK, T, R> {
  readonly view: TableView<TK, T>
  /** The table's key for a record: its own key, or for global tables what the selector says; `null` = no row. */
  readonly keyOf: (value: V, key: K) => TK | null
  readonly joiner: (value: V, row: T | undefined, key: K) => R
  readonly left: boolean
  /** Somebody downstream may hold on to what the joiner is given. */
  readonly kept: boolean
}

/**
 * Looks the table's current row up for each stream record; only the stream side emits, with the record's own key, time and
 * headers. Null values are dropped; a null key finds no row: dropped by an inner join, joined with `undefined` by a left one.
 * @see KStreamKTableJoinProcessor; KIP-962
 */
export class StreamTableJoin<K, V, TK, T, R> implements Processor<K, V, K, R> {
  readonly #options: StreamTableJoinOptions<K, V, TK, T, R>
  #context!: ProcessorContext<K, R>
  #row!: RowGetter<TK, T>

  constructor(options: StreamTableJoinOptions<K, V, TK, T, R>) {
    this.#options = options
  }

  init(context: ProcessorContext<K, R>): void {
    this.#context = context
    this.#row = this.#options.view.getter(context as ProcessorContext, this.#options.kept)
  }

  process(record: StreamRecord<K, V>): Awaitable<void> {
    const { left, keyOf } = this.#options
    if (record.value === null) return this.#context.drop(record, 'null-value')
    const key = keyOf(record.value, record.key)
    if (key === null || key === undefined)
      return left ? this.#emit(record, undefined) : this.#context.drop(record, 'null-key')
    const row = this.#row(key)
    return row instanceof Promise ? row.then((r) => this.#emit(record, r)) : this.#emit(record, row)
  }

  #emit(record: StreamRecord<K, V>, row: ValueAndTimestamp<T> | undefined): Awaitable<void> {
    if (row === undefined && !this.#options.left) return
    return this.#context.forward(record.withValue(this.#options.joiner(record.value, row?.value, record.key)))
  }
}
