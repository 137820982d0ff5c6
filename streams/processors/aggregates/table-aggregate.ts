import { isDeepStrictEqual } from 'node:util'
import { type Awaitable, chain } from '../../../common/awaitable.ts'
import { InternalError } from '../../../common/errors.ts'
import type { ValueAndTimestamp } from '../../../stores/state-store.ts'
import { changelogTopicName } from '../../internal-topic-names.ts'
import { Change, StreamRecord } from '../../record.ts'
import type { Processor, ProcessorContext } from '../processor.ts'
import { TableForwarder } from '../tables/table-forwarder.ts'
import { putVersion, type TableRows, tableRows } from '../tables/table-rows.ts'
import { type AggregateOptions, ownAggregate } from './stream-aggregate.ts'

export interface TableAggregator<K, V, A> {
  /** The aggregate with a new row in it; `undefined`: there is no aggregate yet. */
  readonly add: (aggregate: A | undefined, value: V, key: K) => A | null
  /** The aggregate without an old row. */
  readonly subtract: (aggregate: A, value: V, key: K) => A | null
}

/**
 * Aggregates the rows of a table under another key: the old row is taken out before the new one is put in (rule 23).
 * @see KTableAggregate, KTableReduce
 */
export class TableAggregate<K, V, A> implements Processor<K, Change<V>, K, Change<A>> {
  readonly #aggregator: TableAggregator<K, V, A>
  readonly #options: AggregateOptions<A>
  #context!: ProcessorContext
  #rows!: TableRows<K, A>
  #forwarder!: TableForwarder<A>
  #topic = ''

  constructor(aggregator: TableAggregator<K, V, A>, options: AggregateOptions<A>) {
    this.#aggregator = aggregator
    this.#options = options
  }

  init(context: ProcessorContext<K, Change<A>>): void {
    const { store, settings, keyIdOf } = this.#options
    this.#context = context as ProcessorContext
    this.#rows = tableRows(this.#context, store)
    this.#forwarder = new TableForwarder(context as ProcessorContext, store, settings, keyIdOf)
    this.#topic = changelogTopicName(context.applicationId, store)
  }

  process(record: StreamRecord<K, Change<V>>): Awaitable<void> {
    if (record.key === null)
      throw new InternalError('a grouped table has no null keys: its repartition step leaves them out')
    return chain(this.#rows.getEntry(record.key), (row) => this.#update(record, row))
  }

  #update(record: StreamRecord<K, Change<V>>, row: ValueAndTimestamp<A> | undefined): Awaitable<void> {
    const { key, value: change, timestampMs, headers } = record
    const { add, subtract } = this.#aggregator
    const { oldValue, newValue } = change
    const oldAggregate = row === undefined ? null : this.#forwarder.oldValue(row.value)
    let aggregate: A | null = row === undefined ? null : this.#ownRow(row.value)
    if (oldValue !== null && aggregate !== null) aggregate = this.#own(subtract(aggregate, oldValue, key), oldValue)
    if (newValue !== null) aggregate = this.#own(add(aggregate ?? undefined, newValue, key), newValue)
    const touched = newValue !== null || oldValue !== null
    const time = row !== undefined && touched ? Math.max(timestampMs, row.timestampMs) : timestampMs
    const rows = this.#rows
    if (rows.type === 'versioned')
      return putVersion(this.#context, rows, this.#forwarder, {
        key,
        record,
        newValue: aggregate,
        oldValue: oldAggregate,
        timestampMs: time,
      })
    if (row === undefined && aggregate === null && this.#forwarder.caching) return
    rows.put(key, aggregate, aggregate === null ? timestampMs : time)
    return this.#forwarder.forward(key, 0, aggregate, oldAggregate, time, headers, timestampMs)
  }

  /** A version stays as it is: what the functions may change is a copy. */
  #ownRow(aggregate: A): A {
    const { copyRow } = this.#options
    return copyRow === undefined ? aggregate : copyRow(aggregate, this.#topic)
  }

  #own(aggregate: A | null, input: V): A | null {
    return ownAggregate(aggregate, input, this.#options.copyInput, this.#topic)
  }
}

/**
 * Sends the rows of a table on under the key of their group: one record with old and new where the key stays, else the old one
 * first. Updates of versioned tables that are not the newest of their row are left out (rule 29), and halves whose mapped key or value is null (rule 24).
 * @see KTableRepartitionMap
 */
export class TableRepartitionMap<K, V, K2, V2> implements Processor<K, Change<V>, K2, Change<V2>> {
  readonly #mapper: (value: V, key: K) => readonly [K2, V2]
  #context!: ProcessorContext<K2, Change<V2>>

  constructor(mapper: (value: V, key: K) => readonly [K2, V2]) {
    this.#mapper = mapper
  }

  init(context: ProcessorContext<K2, Change<V2>>): void {
    this.#context = context
  }

  process(record: StreamRecord<K, Change<V>>): Awaitable<void> {
    const { key, value: change, timestampMs, headers } = record
    if (key === null) throw new InternalError('a table has no null keys')
    if (!change.isLatest) return
    const before = this.#pair(change.oldValue, key)
    const after = this.#pair(change.newValue, key)
    const send = (to: K2, newValue: V2 | null, oldValue: V2 | null): Awaitable<void> =>
      this.#context.forward(new StreamRecord(to, new Change(newValue, oldValue), timestampMs, headers))
    if (before !== undefined && after !== undefined && isSameKey(before[0], after[0]))
      return send(after[0], after[1], before[1])
    const first = before === undefined ? undefined : send(before[0], null, before[1])
    return chain(first, () => (after === undefined ? undefined : send(after[0], after[1], null)))
  }

  #pair(value: V | null, key: K): readonly [K2, V2] | undefined {
    const pair = value === null ? undefined : this.#mapper(value, key)
    return pair === undefined || pair[0] === null || pair[1] === null ? undefined : pair
  }
}

/** As `equals` has it on the JVM: by content. */
function isSameKey(a: unknown, b: unknown): boolean {
  return a === b || (typeof a === 'object' && isDeepStrictEqual(a, b))
}
