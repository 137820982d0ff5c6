import { type Awaitable, chain, eachInOrder } from '../../../../common/awaitable.ts'
import { murmur3Hash128 } from '../../../../common/murmur3.ts'
import type { Serde } from '../../../../common/serde.ts'
import type { ValueAndTimestamp } from '../../../../stores/state-store.ts'
import { StreamRecord } from '../../../record.ts'
import type { Processor, ProcessorContext } from '../../processor.ts'
import type { RowGetter, TableView } from '../../tables/table-view.ts'
import { pseudoTopics } from './pseudo-topics.ts'
import type { SubscriptionAnswer } from './subscription.ts'
import type { SubscriptionSend } from './subscription-send.ts'

export interface ResponseJoinOptions<K, V, K2, V2, R> {
  readonly rows: TableView<K, V>
  readonly valueSerde: Serde<V>
  readonly joiner: (value: V, otherValue: V2 | undefined, key: K) => R
  /** Without the application id. */
  readonly registrationTopic: string
  readonly left: boolean
  /** That of the same task. */
  readonly sender: SubscriptionSend<K, V, K2>
  /** The table is joined with itself: a row that refers to itself overtakes the answer to it with its own deletion. */
  readonly self: boolean
  /** Somebody downstream may hold on to what the joiner is given. */
  readonly kept: boolean
}

/**
 * Joins an answer with the left row that asked for it; a tombstone when one of them is gone (in a left join: when the left row
 * is). An answer to a left value that is not the current one any more is dropped: the answer to the current one comes later, or came.
 *
 * Only, that answer may never come: a row of an inner join has none when it has no partner, and of a row that comes and goes between two
 * forwards of the record cache nobody hears. So where the dropped one was to take a result back, the commit takes it back or lets the
 * row as it is then ask again; in Kafka Streams the result stays.
 * @see ResponseJoinProcessorSupplier (rule 35)
 */
export class ResponseJoin<K, V, K2, V2, R> implements Processor<K, SubscriptionAnswer<V2>, K, R | null> {
  readonly #options: ResponseJoinOptions<K, V, K2, V2, R>
  #context!: ProcessorContext<K, R | null>
  #row!: RowGetter<K, V>
  #hashTopic!: string
  /** Tombstones that an overtaken answer would have been, until the commit. */
  #owed: StreamRecord<K, null>[] = []

  constructor(options: ResponseJoinOptions<K, V, K2, V2, R>) {
    this.#options = options
  }

  init(context: ProcessorContext<K, R | null>): void {
    this.#context = context
    this.#row = this.#options.rows.getter(context as ProcessorContext, this.#options.kept)
    this.#hashTopic = pseudoTopics(`${context.applicationId}-${this.#options.registrationTopic}`).valueHash
    context.onCommit(() => this.#settleOwed())
  }

  process(record: StreamRecord<K, SubscriptionAnswer<V2>>): Awaitable<void> {
    return chain(this.#row(record.key), (row) => this.#join(record, row))
  }

  #join(record: StreamRecord<K, SubscriptionAnswer<V2>>, row: ValueAndTimestamp<V> | undefined): Awaitable<void> {
    const { hash, value } = record.value
    if (!this.#isCurrent(hash, row, record)) return this.#overtaken(record)
    const { joiner, left } = this.#options
    const joins = row !== undefined && (value !== null || left)
    return this.#context.forward(record.withValue(joins ? joiner(row.value, value ?? undefined, record.key) : null))
  }

  #overtaken(record: StreamRecord<K, SubscriptionAnswer<V2>>): Awaitable<void> {
    const { hash, value } = record.value
    const isTombstone = this.#options.left ? hash === null : value === null
    if (isTombstone) this.#owed.push(record.withValue(null))
    return this.#context.drop(record.withValue(value), 'stale-answer')
  }

  /** By now the rows that waited for the commit have subscribed: asking for one earlier would run ahead of them. */
  #settleOwed(): Awaitable<void> {
    const owed = this.#owed
    if (owed.length === 0) return
    this.#owed = []
    return eachInOrder(owed, (record) => chain(this.#row(record.key), (row) => this.#settle(record, row)))
  }

  #settle(tombstone: StreamRecord<K, null>, row: ValueAndTimestamp<V> | undefined): Awaitable<void> {
    const { sender, self, left } = this.#options
    if (row === undefined) return self && !left ? undefined : this.#context.forward(tombstone)
    // A row of a left join is answered in any case, when it leaves the record cache.
    if (left) return
    const asked = new StreamRecord(tombstone.key, row.value, row.timestampMs, tombstone.headers)
    const again = sender.askAgain(asked)
    return again === undefined ? this.#context.forward(tombstone) : again.sent
  }

  #isCurrent(
    hash: Buffer | null,
    row: ValueAndTimestamp<V> | undefined,
    { headers }: StreamRecord<K, unknown>,
  ): boolean {
    if (hash === null || row === undefined) return hash === null && row === undefined
    return murmur3Hash128(this.#options.valueSerde.serialize(row.value, this.#hashTopic, headers)).equals(hash)
  }
}
