import type { Headers } from '../../../../common/record.ts'
import type { Serde } from '../../../../common/serde.ts'

/**
 * What a foreign-key join writes inside other records (keys in subscriptions, hashed values) is written for topics that do not
 * exist, so that no schema of theirs mixes with that of a real topic: `<applicationId>-<registration topic>-pk`, `-fk` and `-vh`.
 * @see KTableImpl.doJoinOnForeignKey
 */
export interface PseudoTopics {
  readonly primaryKey: string
  readonly foreignKey: string
  readonly valueHash: string
}

export function pseudoTopics(registrationTopic: string): PseudoTopics {
  return {
    primaryKey: `${registrationTopic}-pk`,
    foreignKey: `${registrationTopic}-fk`,
    valueHash: `${registrationTopic}-vh`,
  }
}

/** int32 length and bytes of the foreign key: what all keys of its subscriptions begin with. @see CombinedKeySchema.prefixBytes */
export function foreignKeyPrefix<K2>(foreignKey: K2, serde: Serde<K2>, topics: PseudoTopics, headers: Headers): Buffer {
  const bytes = serde.serialize(foreignKey, topics.foreignKey, headers)
  const prefix = Buffer.allocUnsafe(4 + bytes.length)
  prefix.writeInt32BE(bytes.length, 0)
  prefix.set(bytes, 4)
  return prefix
}

/** The prefix of the foreign key and the bytes of the primary key: a row of the subscription store. @see CombinedKeySchema.toBytes */
export function combinedKeyBytes<K2, K>(
  foreignKey: K2,
  foreignSerde: Serde<K2>,
  primaryKey: K,
  primarySerde: Serde<K>,
  topics: PseudoTopics,
  headers: Headers,
): Buffer {
  const foreign = foreignSerde.serialize(foreignKey, topics.foreignKey, headers)
  const primary = primarySerde.serialize(primaryKey, topics.primaryKey, headers)
  const key = Buffer.allocUnsafe(4 + foreign.length + primary.length)
  key.writeInt32BE(foreign.length, 0)
  key.set(foreign, 4)
  key.set(primary, 4 + foreign.length)
  return key
}
