/** What the right side does with a subscription. The numbers are bytes on the wire. @see SubscriptionWrapper.Instruction */
export const INSTRUCTION = {
  /** Forget it and answer nothing. */
  deleteSilently: 0,
  /** Forget it and answer that there is no row. */
  deleteAndAnswer: 1,
  /** Keep it and answer with the row, or that there is none. */
  answerAlways: 2,
  /** Keep it and answer when there is a row. */
  answerIfRow: 3,
} as const

export type Instruction = (typeof INSTRUCTION)[keyof typeof INSTRUCTION]

/** Version of the subscriptions that are written; older ones are read. */
export const SUBSCRIPTION_VERSION = 1

/** A left row's wish for the right row of its foreign key: what goes to the right side and is kept there. @see SubscriptionWrapper */
export interface Subscription<K> {
  readonly version: number
  /** Murmur3 (128 bits) of the left value as it was; `null` when the left row was deleted. */
  readonly hash: Buffer | null
  readonly instruction: Instruction
  readonly primaryKey: K
  /** Partition of the left row, to which the answer goes. `undefined` in version 0. */
  readonly primaryPartition: number | undefined
}

/** The right row for one left row, `null` when there is none. @see SubscriptionResponseWrapper */
export interface SubscriptionAnswer<V> {
  /** Copied from the subscription. */
  readonly hash: Buffer | null
  readonly value: V | null
  /** Where it has to go; not written. */
  readonly primaryPartition: number | undefined
}

/** Between the two steps that take a subscription in. */
export interface CombinedKey<K2, K> {
  readonly foreignKey: K2 | null
  readonly primaryKey: K
}
