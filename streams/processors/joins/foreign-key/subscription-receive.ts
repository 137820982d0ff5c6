import type { Awaitable } from '../../../../common/awaitable.ts'
import type { Serde } from '../../../../common/serde.ts'
import type { KeyValueStore } from '../../../../stores/state-store.ts'
import type { StreamRecord } from '../../../record.ts'
import type { Processor, ProcessorContext } from '../../processor.ts'
import { combinedKeyBytes, type PseudoTopics, pseudoTopics } from './pseudo-topics.ts'
import { type CombinedKey, INSTRUCTION, type Subscription } from './subscription.ts'

export interface SubscriptionStoreOptions<K, K2> {
  readonly store: string
  readonly keySerde: Serde<K>
  readonly foreignKeySerde: Serde<K2>
  /** Without the application id. */
  readonly registrationTopic: string
}

/** The rows of the subscription store: combined keys and what was subscribed with. */
export type SubscriptionStore<K> = KeyValueStore<Buffer, Subscription<K>>

/**
 * Keeps subscriptions, or forgets them, under foreign and primary key, and hands them on. One without a foreign key (a left
 * join's) is not kept.
 * @see SubscriptionReceiveProcessorSupplier
 */
export class SubscriptionReceive<K, K2>
  implements Processor<K2 | null, Subscription<K>, CombinedKey<K2, K>, Subscription<K>>
{
  readonly #options: SubscriptionStoreOptions<K, K2>
  #context!: ProcessorContext<CombinedKey<K2, K>, Subscription<K>>
  #subscriptions!: SubscriptionStore<K>
  #topics!: PseudoTopics

  constructor(options: SubscriptionStoreOptions<K, K2>) {
    this.#options = options
  }

  init(context: ProcessorContext<CombinedKey<K2, K>, Subscription<K>>): void {
    this.#context = context
    this.#subscriptions = context.getStateStore(this.#options.store)
    this.#topics = pseudoTopics(`${context.applicationId}-${this.#options.registrationTopic}`)
  }

  process(record: StreamRecord<K2 | null, Subscription<K>>): Awaitable<void> {
    const { key: foreignKey, value: subscription } = record
    if (foreignKey !== null) this.#keep(foreignKey, record)
    else if (subscription.instruction !== INSTRUCTION.answerAlways)
      return this.#context.drop(record, 'null-foreign-key')
    return this.#context.forward(record.withKey({ foreignKey, primaryKey: subscription.primaryKey }))
  }

  #keep(foreignKey: K2, { value: subscription, timestampMs, headers }: StreamRecord<unknown, Subscription<K>>): void {
    const { keySerde, foreignKeySerde } = this.#options
    const key = combinedKeyBytes(foreignKey, foreignKeySerde, subscription.primaryKey, keySerde, this.#topics, headers)
    const { instruction } = subscription
    const forgets = instruction === INSTRUCTION.deleteSilently || instruction === INSTRUCTION.deleteAndAnswer
    this.#subscriptions.put(key, forgets ? null : subscription, timestampMs, headers)
  }
}
