import { type Awaitable, chain } from '../../../common/awaitable.ts'
import type { ValueAndTimestamp } from '../../../stores/state-store.ts'
import { Change, type StreamRecord } from '../../record.ts'
import type { Processor, ProcessorContext } from '../processor.ts'
import type { TableSettings } from '../tables/table-forwarder.ts'
import type { RowGetter, TableView } from '../tables/table-view.ts'

export interface TableTableJoinOptions<K, V, V2, R> {
  /** The other side's rows. */
  readonly other: TableView<K, V2>
  /** Already turned around for the right side. */
  readonly joiner: (value: V | undefined, otherValue: V2 | undefined, key: K) => R
  /** Whether a row of this side alone makes a result. */
  readonly alone: boolean
  /** Whether a row of the other side alone makes a result. */
  readonly otherAlone: boolean
  readonly settings: TableSettings<R>
  /** Somebody downstream may hold on to what the joiner is given. */
  readonly kept: boolean
}

/**
 * One side of a table-table join: an update of this side is joined with the other side's row. Results carry the later time of
 * the two. Updates of versioned tables that are not the newest of their row are dropped (rule 29). Without a result before and after (neither side there) nothing is sent; null keys are dropped (rules 31 and 32).
 * @see KTableKTableInnerJoin, KTableKTableLeftJoin, KTableKTableRightJoin, KTableKTableOuterJoin
 */
export class TableTableJoin<K, V, V2, R> implements Processor<K, Change<V>, K, Change<R>> {
  readonly #options: TableTableJoinOptions<K, V, V2, R>
  #context!: ProcessorContext<K, Change<R>>
  #otherRow!: RowGetter<K, V2>

  constructor(options: TableTableJoinOptions<K, V, V2, R>) {
    this.#options = options
  }

  init(context: ProcessorContext<K, Change<R>>): void {
    this.#context = context
    this.#otherRow = this.#options.other.getter(context as ProcessorContext, this.#options.kept, true)
  }

  process(record: StreamRecord<K, Change<V>>): Awaitable<void> {
    if (record.key === null) return this.#context.drop(record, 'null-key')
    if (!record.value.isLatest) return this.#context.drop(record, 'out-of-order')
    return chain(this.#otherRow(record.key), (other) => this.#join(record, other))
  }

  #join(record: StreamRecord<K, Change<V>>, other: ValueAndTimestamp<V2> | undefined): Awaitable<void> {
    const { alone, settings } = this.#options
    const { newValue, oldValue } = record.value
    if (other === undefined && (!alone || (newValue === null && oldValue === null))) return
    const joinedOld = settings.sendOldValues ? this.#result(oldValue, other, record.key) : null
    const change = new Change(this.#result(newValue, other, record.key), joinedOld)
    const time = other === undefined ? record.timestampMs : Math.max(record.timestampMs, other.timestampMs)
    return this.#context.forward(record.withValue(change).withTimestamp(time))
  }

  #result(value: V | null, other: ValueAndTimestamp<V2> | undefined, key: K): R | null {
    if (value === null && (other === undefined || !this.#options.otherAlone)) return null
    return this.#options.joiner(value ?? undefined, other?.value, key)
  }
}
