import type { Awaitable } from '../common/awaitable.ts'
import type { PackedRecords } from '../common/packed-records.ts'
import type { Headers, TopicPartition } from '../common/record.ts'

/**
 * What Brook needs of a Kafka: one provider speaks to real brokers (`kafkajs.ts`), one is a log inside the process
 * (`embedded.ts`). Both pass the same contract suite. Offsets and timestamps are numbers (safe below 2^53) on this side.
 */
export interface KafkaProvider {
  readonly kind: 'kafka' | 'embedded'
  /** Where it is, for people: broker addresses, or the data directory. */
  readonly description: string
  /** Checks that the other side answers. @throws {KafkaUnavailableError} naming what was tried. */
  connect(): Promise<void>
  admin(): Admin
  createProducer(options?: ProducerOptions): Producer
  createConsumer(options: ConsumerOptions): GroupConsumer
  /** A reader without a group: positions are the caller's business. For restoring and for global tables. */
  createReader(options?: ReaderOptions): LogReader
  /** How another thread makes a provider of the same Kafka; absent where that cannot be, as for a log inside this process. */
  describeForThreads?(): ProviderDescription
  /** Closes everything that was created here. */
  close(): Promise<void>
}

/** What a thread needs to make a provider of its own: a module, its export, and what that is called with (and a `logger`). */
export interface ProviderDescription {
  readonly module: string
  readonly exportName: string
  /** Secrets are in it: it goes from thread to thread in memory, never into logs or arguments of processes. */
  readonly options: Readonly<Record<string, unknown>>
}

export type IsolationLevel = 'read_uncommitted' | 'read_committed'

/** A record as it stands in the log. `key` and `value` may be views of a fetched buffer: copy what outlives the batch. */
export interface LogRecord {
  readonly key: Buffer | null
  readonly value: Buffer | null
  readonly timestampMs: number
  readonly offset: number
  readonly headers: Headers
}

/** A run of records of one partition, in offset order; transaction markers and aborted records are left out. */
export interface FetchedBatch {
  readonly topic: string
  readonly partition: number
  readonly records: readonly LogRecord[]
  /** The same records, in the bytes they came in, where the reader was asked for it and can: `records` is made only when it is read. */
  readonly packed?: PackedRecords | undefined
  /** The position after this batch; beyond the last record's offset + 1 where markers or aborted records follow. */
  readonly nextOffset: number
}

export interface ReaderOptions {
  readonly isolationLevel?: IsolationLevel
  /** Most bytes of one partition in one batch (default 1 MiB). */
  readonly maxPartitionBytes?: number
  /** For who takes many records in without looking at each: batches are `packed` (default false). */
  readonly packed?: boolean
}

/** Reads partitions from given positions. Single user: calls do not overlap, except `wakeup` and `close`. */
export interface LogReader {
  /** Replaces what is read: partitions with the offset to start at. */
  assign(positions: readonly (TopicPartition & { readonly offset: number })[]): Promise<void>
  /** Batches that are here, else what arrives within `timeoutMs`; empty when nothing does. Per partition in order. */
  poll(timeoutMs: number): Promise<readonly FetchedBatch[]>
  /** No batches of these partitions until `resume`; what was fetched already is kept for then. */
  pause(partitions: readonly TopicPartition[]): void
  resume(partitions: readonly TopicPartition[]): void
  seek(partition: TopicPartition, offset: number): void
  /**
   * Records between the position after what `poll` has handed out and the end of the partition (the last stable offset
   * under read_committed), as the last fetch answer told; `undefined` until there was one. 0 = caught up.
   */
  lag(partition: TopicPartition): number | undefined
  /** Makes a waiting `poll` return now. */
  wakeup(): void
  close(): Promise<void>
}

export interface ConsumerOptions extends ReaderOptions {
  readonly groupId: string
  /** Shown in the broker's logs and `describe`. */
  readonly clientId?: string
  /** Where to start a partition that has no committed offset (default earliest). */
  readonly autoOffsetReset?: 'earliest' | 'latest'
  readonly assignor: PartitionAssignor
  readonly sessionTimeoutMs?: number
  readonly heartbeatIntervalMs?: number
  readonly rebalanceTimeoutMs?: number
}

export interface OffsetAndMetadata {
  readonly offset: number
  readonly metadata?: string
}

/** Offsets by `partitionName`-able pairs. */
export type OffsetCommit = TopicPartition & OffsetAndMetadata

export interface GroupMetadata {
  readonly groupId: string
  readonly memberId: string
  readonly generationId: number
}

/** Called from inside `poll`, awaited, in the order revoked/lost → assigned; nothing else of the consumer runs meanwhile. */
export interface RebalanceListener {
  /** The partitions that this member has now. Positions are the committed offsets (or the reset policy's) unless `seek` is called here. */
  onAssigned(partitions: readonly TopicPartition[]): Promise<void>
  /** Before the member gives these up: the last moment at which offsets can be committed for them. */
  onRevoked(partitions: readonly TopicPartition[]): Promise<void>
  /** They are gone already (session expired): nothing may be committed any more. */
  onLost(partitions: readonly TopicPartition[]): Promise<void>
}

/** A member of a consumer group. Heartbeats go on by themselves; rebalances happen inside `poll`. */
export interface GroupConsumer extends Omit<LogReader, 'assign'> {
  subscribe(topics: readonly string[], listener: RebalanceListener): void
  /** What the group has committed; partitions without a commit are left out. Waits for pending transactions to settle. */
  committed(partitions: readonly TopicPartition[]): Promise<ReadonlyMap<string, OffsetAndMetadata>>
  /** @throws {CommitFailedError} when this member no longer owns them (a rebalance came first). */
  commit(offsets: readonly OffsetCommit[]): Promise<void>
  groupMetadata(): GroupMetadata
  /** Asks for a new rebalance (the member's user data has changed). */
  requestRejoin(): void
  /** Leaves the group unless `leave` is false (then the group waits for the session timeout). */
  close(options?: { leave?: boolean }): Promise<void>
}

export interface AssignorMember {
  readonly memberId: string
  readonly topics: readonly string[]
  readonly userData: Buffer
}

export interface MemberAssignment {
  readonly partitions: readonly TopicPartition[]
  readonly userData?: Buffer
}

/** Decides on the group's leader who gets which partitions. It may ask around first, while the group waits. */
export interface PartitionAssignor {
  readonly name: string
  readonly version: number
  /** What this member tells the leader about itself; asked anew before every join. */
  subscriptionUserData(): Buffer
  assign(
    partitionCounts: ReadonlyMap<string, number>,
    members: readonly AssignorMember[],
  ): Awaitable<ReadonlyMap<string, MemberAssignment>>
  /** What the leader decided for this member; called before `onAssigned`. */
  onAssignment?(assignment: MemberAssignment, generationId: number): void
}

export interface ProducerOptions {
  /** Makes the producer transactional; all sends then belong to a transaction. */
  readonly transactionalId?: string
  readonly transactionTimeoutMs?: number
  readonly compression?: 'none' | 'gzip' | 'snappy' | 'lz4' | 'zstd'
  /** How long a record may wait for company (default 0: until the next turn of the event loop). */
  readonly lingerMs?: number
  readonly maxBatchBytes?: number
  /** Most bytes of unacknowledged records; `send` goes on, `backpressure()` says when to wait (default 32 MiB). */
  readonly bufferBytes?: number
  /** How long a record may take until it is acknowledged before it fails (default 120 s). */
  readonly deliveryTimeoutMs?: number
}

export interface ProducerRecord {
  readonly key: Buffer | null
  readonly value: Buffer | null
  readonly timestampMs: number
  readonly headers?: Headers
}

/** Told once per record: its offset, or why it will never arrive. */
export type Acknowledge = (error: Error | undefined, offset: number) => void

/** Idempotent, acks=all; order per partition is the order of `send`. No promise per record. */
export interface Producer {
  /**
   * Takes the record over; it is sent soon. `partition` undefined: murmur2 of the key as Kafka's DefaultPartitioner,
   * a random sticky partition for a null key. The buffers must not change until acknowledged.
   * A fatal error (fenced, unknown outcome) is thrown by the next `flush`, and by every `send` after it.
   */
  send(topic: string, partition: number | undefined, record: ProducerRecord, acknowledge?: Acknowledge): void
  /** Resolves when everything sent before is acknowledged; rejects with the first failure since the last flush. */
  flush(): Promise<void>
  /** A promise to wait for when too much is unacknowledged, else `undefined`. */
  backpressure(): Promise<void> | undefined
  /** Partitions of a topic, from cached metadata where known. @throws {UnknownTopicError} */
  partitionCount(topic: string): number | Promise<number>

  /** Transactional: fences older producers of this id and finishes or aborts what they left open. */
  initTransactions(): Promise<void>
  beginTransaction(): void
  /** Commits these offsets with the transaction. @throws {ProducerFencedError | CommitFailedError} */
  sendOffsets(offsets: readonly OffsetCommit[], group: GroupMetadata): Promise<void>
  /** @throws {ProducerFencedError} somebody newer has this id; {UnknownOutcomeError} it may or may not have been committed: make a new producer. */
  commitTransaction(): Promise<void>
  abortTransaction(): Promise<void>
  /** Flushes (unless a transaction is open: that is aborted) and closes. */
  close(): Promise<void>
}

/** Where a group stands, in Kafka's words; `Dead` = there is none. */
export type GroupState = 'Dead' | 'Empty' | 'PreparingRebalance' | 'CompletingRebalance' | 'Stable'

export interface GroupDescription {
  readonly groupId: string
  readonly state: GroupState
  readonly members: readonly GroupMemberDescription[]
}

export interface GroupMemberDescription {
  readonly memberId: string
  readonly clientId: string
  /** Address that it comes from. */
  readonly host: string
  /** What it told the leader about itself; empty while it joins. */
  readonly userData: Buffer
  /** What it has; no partitions while the group rebalances. */
  readonly assignment: MemberAssignment
}

export interface TopicSpec {
  readonly name: string
  readonly partitions: number
  readonly replicationFactor?: number
  /** Kafka's topic configs, such as `cleanup.policy`. */
  readonly configs?: Readonly<Record<string, string>>
}

export interface TopicDescription {
  readonly name: string
  readonly partitions: number
}

export interface Admin {
  /** Creates what is missing; topics that exist are left as they are. Resolves when they can be used. */
  createTopics(topics: readonly TopicSpec[]): Promise<void>
  /** Topics that do not exist are missing in the answer. */
  describeTopics(names: readonly string[]): Promise<ReadonlyMap<string, TopicDescription>>
  listTopics(): Promise<readonly string[]>
  topicConfigs(name: string): Promise<Readonly<Record<string, string>>>
  deleteTopics(names: readonly string[]): Promise<void>
  /** Deletes records before these offsets (repartition topics). */
  deleteRecords(before: readonly (TopicPartition & { readonly offset: number })[]): Promise<void>
  beginningOffsets(partitions: readonly TopicPartition[]): Promise<ReadonlyMap<string, number>>
  /** Log end, or the last stable offset under read_committed. */
  endOffsets(
    partitions: readonly TopicPartition[],
    isolationLevel?: IsolationLevel,
  ): Promise<ReadonlyMap<string, number>>
  /** First offset with a timestamp at or after the given one; the end when there is none. */
  offsetsForTime(
    partitions: readonly (TopicPartition & { readonly timestampMs: number })[],
  ): Promise<ReadonlyMap<string, number>>
  committedOffsets(groupId: string, topics: readonly string[]): Promise<ReadonlyMap<string, OffsetAndMetadata>>
  /** The members with what they said and what they have; state `Dead` without members where there is no such group. */
  describeGroup(groupId: string): Promise<GroupDescription>
  /** Commits for a group that has no members. @throws {GroupActiveError} when it has some. */
  alterOffsets(groupId: string, offsets: readonly OffsetCommit[]): Promise<void>
  /** A group that does not exist is no error. @throws {GroupActiveError} when it has members. */
  deleteGroup(groupId: string): Promise<void>
}
