import { type Awaitable, chain, eachInOrder } from '../../../../common/awaitable.ts'
import type { Change, StreamRecord } from '../../../record.ts'
import type { Processor, ProcessorContext } from '../../processor.ts'
import { foreignKeyPrefix, type PseudoTopics, pseudoTopics } from './pseudo-topics.ts'
import type { SubscriptionAnswer } from './subscription.ts'
import type { SubscriptionStore, SubscriptionStoreOptions } from './subscription-receive.ts'

/**
 * Answers all subscriptions to a row of the right table when it changes, in the order of the primary keys' bytes, with the
 * time and headers of the change. Drops null keys and out-of-order updates of versioned tables.
 * @see ForeignTableJoinProcessorSupplier
 */
export class ForeignTableJoin<K, K2, V2> implements Processor<K2, Change<V2>, K, SubscriptionAnswer<V2>> {
  readonly #options: SubscriptionStoreOptions<K, K2>
  #context!: ProcessorContext<K, SubscriptionAnswer<V2>>
  #subscriptions!: SubscriptionStore<K>
  #topics!: PseudoTopics

  constructor(options: SubscriptionStoreOptions<K, K2>) {
    this.#options = options
  }

  init(context: ProcessorContext<K, SubscriptionAnswer<V2>>): void {
    this.#context = context
    this.#subscriptions = context.getStateStore(this.#options.store)
    this.#topics = pseudoTopics(`${context.applicationId}-${this.#options.registrationTopic}`)
  }

  process(record: StreamRecord<K2, Change<V2>>): Awaitable<void> {
    if (record.key === null) return this.#context.drop(record, 'null-key')
    const { newValue, isLatest } = record.value
    if (!isLatest) return this.#context.drop(record, 'out-of-order')
    const prefix = foreignKeyPrefix(record.key, this.#options.foreignKeySerde, this.#topics, record.headers)
    return chain(this.#subscriptions.prefixEntries(prefix), (rows) =>
      eachInOrder(rows, ({ value: { hash, primaryKey, primaryPartition } }) =>
        this.#context.forward(record.withKey(primaryKey).withValue({ hash, value: newValue, primaryPartition })),
      ),
    )
  }
}
