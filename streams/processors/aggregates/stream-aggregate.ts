import type { Awaitable } from '../../../common/awaitable.ts'
import type { ValueAndTimestamp } from '../../../stores/state-store.ts'
import { changelogTopicName } from '../../internal-topic-names.ts'
import type { Change, StreamRecord } from '../../record.ts'
import type { Processor, ProcessorContext } from '../processor.ts'
import { type SharedForwarder, withForwarder } from '../tables/shared-forwarder.ts'
import type { CopyOf, KeyIdOf, TableForwarder, TableSettings } from '../tables/table-forwarder.ts'
import { putVersion, type TableRows, tableRows } from '../tables/table-rows.ts'
import { forwardExpiredRows } from './expired-rows.ts'

/** Makes the next aggregate; it may change and return the one it was given (`undefined`: there is none yet). */
export type Aggregate<K, V, A> = (aggregate: A | undefined, value: V, key: K) => A | null

/** What an aggregation is told when its task starts. */
export interface AggregateOptions<A> {
  readonly store: string
  readonly settings: TableSettings<A>
  readonly keyIdOf: KeyIdOf
  /**
   * Set where an input value may be in somebody else's hands: an aggregator that returns its input makes it the aggregate, which
   * later calls may change.
   */
  readonly copyInput: CopyOf<A> | undefined
  /** Set where rows have a history: the aggregator, which may change what it is given, gets a copy of the newest version. */
  readonly copyRow?: CopyOf<A> | undefined
  /** Set where other aggregations write the same store. */
  readonly shared?: SharedForwarder<A> | undefined
}

/**
 * One aggregate per key. Drops null keys and null values (rule 11); the result's time is the later of record and aggregate.
 * @see KStreamAggregate, KStreamReduce
 */
export class StreamAggregate<K, V, A> implements Processor<K, V, K, Change<A>> {
  readonly #options: AggregateOptions<A>
  readonly #aggregate: Aggregate<K, V, A>
  #context!: ProcessorContext<K, Change<A>>
  #rows!: TableRows<K, A>
  #forwarder!: TableForwarder<A>
  #topic = ''

  constructor(aggregate: Aggregate<K, V, A>, options: AggregateOptions<A>) {
    this.#aggregate = aggregate
    this.#options = options
  }

  init(context: ProcessorContext<K, Change<A>>): void {
    const { store } = this.#options
    this.#context = context
    this.#rows = tableRows(context as ProcessorContext, store)
    withForwarder(context as ProcessorContext, this.#options, this.#rows, (forwarder) => {
      this.#forwarder = forwarder
    })
    forwardExpiredRows(context as ProcessorContext, store, this.#rows, this.#forwarder)
    this.#topic = changelogTopicName(context.applicationId, store)
  }

  process(record: StreamRecord<K, V>): Awaitable<void> {
    if (record.key === null) return this.#context.drop(record, 'null-key')
    if (record.value === null) return this.#context.drop(record, 'null-value')
    const row = this.#rows.getEntry(record.key)
    return row instanceof Promise ? row.then((r) => this.#update(record, r)) : this.#update(record, row)
  }

  #update(record: StreamRecord<K, V>, row: ValueAndTimestamp<A> | undefined): Awaitable<void> {
    const { key, value, timestampMs, headers } = record
    const time = row === undefined ? timestampMs : Math.max(timestampMs, row.timestampMs)
    const oldValue = row === undefined ? null : this.#forwarder.oldValue(row.value)
    const { copyRow } = this.#options
    const before = row !== undefined && copyRow !== undefined ? copyRow(row.value, this.#topic) : row?.value
    const made = this.#aggregate(before, value, key)
    const aggregate = ownAggregate(made, value, this.#options.copyInput, this.#topic)
    const rows = this.#rows
    if (rows.type === 'versioned')
      return putVersion(this.#context, rows, this.#forwarder, {
        key,
        record,
        newValue: aggregate,
        oldValue,
        timestampMs: time,
      })
    if (row === undefined && aggregate === null && this.#forwarder.caching) return
    rows.put(key, aggregate, aggregate === null ? timestampMs : time)
    return this.#forwarder.forward(key, 0, aggregate, oldValue, time, headers, timestampMs)
  }
}

/** The aggregate to keep: a copy where the aggregator returned its input and others may hold that. */
export function ownAggregate<A>(
  aggregate: A | null,
  input: unknown,
  copyInput: CopyOf<A> | undefined,
  topic: string,
): A | null {
  const isInput = copyInput !== undefined && aggregate !== null && (aggregate as unknown) === input
  return isInput ? copyInput(aggregate, topic) : aggregate
}
