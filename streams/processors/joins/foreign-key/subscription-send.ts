import { type Awaitable, chain } from '../../../../common/awaitable.ts'
import { murmur3Hash128 } from '../../../../common/murmur3.ts'
import type { Headers } from '../../../../common/record.ts'
import type { Serde } from '../../../../common/serde.ts'
import type { Change, StreamRecord } from '../../../record.ts'
import type { Processor, ProcessorContext } from '../../processor.ts'
import { type PseudoTopics, pseudoTopics } from './pseudo-topics.ts'
import { INSTRUCTION, type Instruction, SUBSCRIPTION_VERSION, type Subscription } from './subscription.ts'

export interface SubscriptionSendOptions<K, V, K2> {
  /** `null` or `undefined`: the row has no foreign key. */
  readonly foreignKey: (value: V, key: K) => K2 | null | undefined
  readonly foreignKeySerde: Serde<K2>
  readonly valueSerde: Serde<V>
  /** Without the application id. */
  readonly registrationTopic: string
  /** A left join: a row without a partner has a result too. */
  readonly left: boolean
}

type Left<K, V> = StreamRecord<K, Change<V>>

/**
 * Turns updates of the left table into subscriptions to rows of the right one. Whether the foreign key changed is decided on
 * its bytes; then the old subscription is taken back first, as it may live in another partition. Drops: out-of-order updates of
 * versioned tables, and for inner joins rows without a foreign key (their old subscription is taken back).
 * @see SubscriptionSendProcessorSupplier (rule 34)
 */
export class SubscriptionSend<K, V, K2> implements Processor<K, Change<V>, K2 | null, Subscription<K>> {
  readonly #options: SubscriptionSendOptions<K, V, K2>
  #context!: ProcessorContext<K2 | null, Subscription<K>>
  #topics!: PseudoTopics
  #partition = 0

  constructor(options: SubscriptionSendOptions<K, V, K2>) {
    this.#options = options
  }

  init(context: ProcessorContext<K2 | null, Subscription<K>>): void {
    this.#context = context
    this.#topics = pseudoTopics(`${context.applicationId}-${this.#options.registrationTopic}`)
    // The partition of every input of the task. Not the record's own: updates that waited for the commit have none.
    this.#partition = Number(context.taskId.slice(context.taskId.lastIndexOf('_') + 1))
  }

  /** Subscribes for the row as it is now, so that it is answered in any case; `undefined` when it has no foreign key. */
  askAgain(record: StreamRecord<K, V>): { readonly sent: Awaitable<void> } | undefined {
    const foreignKey = this.#foreignKey(record.value, record.key)
    if (foreignKey === null) return undefined
    const hash = this.#hash(record.value, record.headers)
    return { sent: this.#send(record, foreignKey, INSTRUCTION.answerAlways, hash) }
  }

  process(record: Left<K, V>): Awaitable<void> {
    const { newValue, oldValue, isLatest } = record.value
    if (!isLatest) return this.#context.drop(record, 'out-of-order')
    const hash = newValue === null ? null : this.#hash(newValue, record.headers)
    return this.#options.left
      ? this.#left(record, oldValue, newValue, hash)
      : this.#inner(record, oldValue, newValue, hash)
  }

  #left(record: Left<K, V>, oldValue: V | null, newValue: V | null, hash: Buffer | null): Awaitable<void> {
    if (oldValue === null && newValue === null) return
    const oldKey = this.#foreignKey(oldValue, record.key)
    const newKey = this.#foreignKey(newValue, record.key)
    const answer = (): Awaitable<void> => this.#send(record, newKey, INSTRUCTION.answerAlways, hash)
    if (oldKey === null || this.#isSame(newKey, oldKey, record.headers)) return answer()
    return chain(this.#send(record, oldKey, INSTRUCTION.deleteSilently, hash), answer)
  }

  #inner(record: Left<K, V>, oldValue: V | null, newValue: V | null, hash: Buffer | null): Awaitable<void> {
    const oldKey = this.#foreignKey(oldValue, record.key)
    const newKey = this.#foreignKey(newValue, record.key)
    if (newKey === null) {
      const dropped = newValue === null ? undefined : this.#context.drop(record, 'null-foreign-key')
      if (oldKey === null) return dropped
      return chain(dropped, () => this.#send(record, oldKey, INSTRUCTION.deleteAndAnswer, hash))
    }
    if (oldKey === null || this.#isSame(newKey, oldKey, record.headers))
      return this.#send(record, newKey, INSTRUCTION.answerIfRow, hash)
    return chain(this.#send(record, oldKey, INSTRUCTION.deleteSilently, hash), () =>
      this.#send(record, newKey, INSTRUCTION.answerAlways, hash),
    )
  }

  #foreignKey(value: V | null, key: K): K2 | null {
    return value === null ? null : (this.#options.foreignKey(value, key) ?? null)
  }

  #isSame(a: K2 | null, b: K2, headers: Headers): boolean {
    if (a === null) return false
    if (a === b && typeof a !== 'object') return true
    const { foreignKeySerde } = this.#options
    const bytes = foreignKeySerde.serialize(a, this.#topics.foreignKey, headers)
    return bytes.equals(foreignKeySerde.serialize(b, this.#topics.foreignKey, headers))
  }

  #hash(value: V, headers: Headers): Buffer {
    return murmur3Hash128(this.#options.valueSerde.serialize(value, this.#topics.valueHash, headers))
  }

  #send(
    record: StreamRecord<K, unknown>,
    foreignKey: K2 | null,
    instruction: Instruction,
    hash: Buffer | null,
  ): Awaitable<void> {
    const subscription: Subscription<K> = {
      version: SUBSCRIPTION_VERSION,
      hash,
      instruction,
      primaryKey: record.key,
      primaryPartition: this.#partition,
    }
    return this.#context.forward(record.withKey(foreignKey).withValue(subscription))
  }
}
