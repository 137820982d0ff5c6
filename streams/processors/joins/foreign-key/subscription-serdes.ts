import { SerdeError } from '../../../../common/errors.ts'
import type { Headers } from '../../../../common/record.ts'
import type { Serde } from '../../../../common/serde.ts'
import { pseudoTopics } from './pseudo-topics.ts'
import {
  INSTRUCTION,
  type Instruction,
  SUBSCRIPTION_VERSION,
  type Subscription,
  type SubscriptionAnswer,
} from './subscription.ts'

const NO_HASH = 0x80
const VERSION_MASK = 0x7f
const HASH_BYTES = 16
const PARTITION_BYTES = 4
const INSTRUCTIONS: ReadonlySet<number> = new Set(Object.values(INSTRUCTION))

export interface SubscriptionSerdeOptions<K, K2, V> {
  readonly key: Serde<K>
  readonly foreignKey: Serde<K2>
  /** Of the left rows, where they are hashed; absent on the side that does not. */
  readonly value?: Serde<V>
  /** The registration topic as the application names it, from the topic that the serde is used for (that one, or the store's changelog). */
  readonly registrationTopic: (topic: string) => string
}

/**
 * Subscriptions, on their topic and in their store:
 *
 *     version (7 bits, the high bit says: no hash) | instruction | hash (16 bytes) | primary key | primary partition (int32, not in version 0)
 *
 * `prepare` gets all serdes ready that its sub-topology uses for the topics that do not exist.
 * @see SubscriptionWrapperSerde
 */
export function subscriptionSerde<K, K2, V>(options: SubscriptionSerdeOptions<K, K2, V>): Serde<Subscription<K>> {
  const { key, foreignKey, value } = options
  let lastTopic: string | undefined
  let lastKeyTopic = ''
  const keyTopic = (topic: string): string => {
    if (topic !== lastTopic) {
      lastTopic = topic
      lastKeyTopic = pseudoTopics(options.registrationTopic(topic)).primaryKey
    }
    return lastKeyTopic
  }
  return {
    name: `subscription(${key.name})`,
    serialize: (subscription, topic, headers) => write(subscription, key, keyTopic(topic), headers),
    deserialize: (data, topic, headers) => read(data, key, keyTopic(topic), headers),
    async prepare(topic) {
      const topics = pseudoTopics(options.registrationTopic(topic))
      await key.prepare?.(topics.primaryKey, 'key')
      await foreignKey.prepare?.(topics.foreignKey, 'key')
      await value?.prepare?.(topics.valueHash, 'value')
    },
  }
}

function write<K>(subscription: Subscription<K>, serde: Serde<K>, topic: string, headers: Headers | undefined): Buffer {
  const { version, hash, instruction, primaryKey, primaryPartition } = subscription
  const key = serde.serialize(primaryKey, topic, headers)
  const at = 2 + (hash === null ? 0 : HASH_BYTES)
  const data = Buffer.allocUnsafe(at + key.length + (version > 0 ? PARTITION_BYTES : 0))
  data[0] = hash === null ? version | NO_HASH : version
  data[1] = instruction
  if (hash !== null) data.set(hash, 2)
  data.set(key, at)
  if (version > 0) data.writeInt32BE(primaryPartition as number, at + key.length)
  return data
}

function read<K>(data: Buffer, serde: Serde<K>, topic: string, headers: Headers | undefined): Subscription<K> {
  const first = data[0] ?? 0
  const version = first & VERSION_MASK
  if (version > SUBSCRIPTION_VERSION) throw new SerdeError(`a subscription of the unknown version ${version}`)
  const at = (first & NO_HASH) === 0 ? 2 + HASH_BYTES : 2
  const end = data.length - (version > 0 ? PARTITION_BYTES : 0)
  if (end < at) throw new SerdeError(`a subscription of ${data.length} bytes`)
  const instruction = data[1] as number
  if (!isInstruction(instruction)) throw new SerdeError(`a subscription with the unknown instruction ${instruction}`)
  return {
    version,
    hash: at === 2 ? null : Buffer.from(data.subarray(2, at)),
    instruction,
    primaryKey: serde.deserialize(data.subarray(at, end), topic, headers),
    primaryPartition: version > 0 ? data.readInt32BE(end) : undefined,
  }
}

function isInstruction(byte: number): byte is Instruction {
  return INSTRUCTIONS.has(byte)
}

/**
 * Answers on their topic: version 0 (7 bits, the high bit says: no hash) | hash (16 bytes) | value. A value of no bytes cannot be
 * told from none, and reads as none.
 * @see SubscriptionResponseWrapperSerde
 */
export function subscriptionAnswerSerde<V>(value: Serde<V>): Serde<SubscriptionAnswer<V>> {
  return {
    name: `subscription-answer(${value.name})`,
    serialize(answer, topic, headers) {
      const bytes = answer.value === null ? undefined : value.serialize(answer.value, topic, headers)
      const at = 1 + (answer.hash === null ? 0 : HASH_BYTES)
      const data = Buffer.allocUnsafe(at + (bytes?.length ?? 0))
      data[0] = answer.hash === null ? NO_HASH : 0
      if (answer.hash !== null) data.set(answer.hash, 1)
      if (bytes !== undefined) data.set(bytes, at)
      return data
    },
    deserialize(data, topic, headers) {
      const first = data[0] ?? 0
      if ((first & VERSION_MASK) !== 0)
        throw new SerdeError(`an answer to a subscription of the unknown version ${first & VERSION_MASK}`)
      const at = (first & NO_HASH) === 0 ? 1 + HASH_BYTES : 1
      if (data.length < at) throw new SerdeError(`an answer to a subscription of ${data.length} bytes`)
      return {
        hash: at === 1 ? null : Buffer.from(data.subarray(1, at)),
        value: data.length > at ? value.deserialize(data.subarray(at), topic, headers) : null,
        primaryPartition: undefined,
      }
    },
    ...(value.prepare ? { prepare: value.prepare.bind(value) } : {}),
  }
}
