import { asError, BrookError } from '../common/errors.ts'
import { partitionName, type TopicPartition } from '../common/record.ts'
import { CommitFailedError, UnknownTopicError } from '../kafka/errors.ts'
import type { GroupConsumer, KafkaProvider, LogRecord, OffsetAndMetadata, OffsetCommit } from '../kafka/port.ts'
import { type BackoffOptions, backoffMs } from './backoff.ts'
import { pause } from './pause.ts'
import { simpleAssignor } from './simple-assignor.ts'
import type { Troubles } from './troubles.ts'

/** The way of one partition out of the log. */
export interface SinkPartition {
  readonly from: TopicPartition
  /** Has enough for now: read no more of it. */
  readonly isBusy: boolean
  /** Takes records over, in offset order; `nextOffset` is where reading goes on. Their buffers stay as they are. */
  offer(records: readonly LogRecord[], nextOffset: number): void
  /** What may be committed now: everything before it has ended. */
  due(): OffsetCommit | undefined
  /** What `due` said last has been committed. */
  committed(): void
  /** Drops what has not ended: it comes again from the committed offset, to whoever has the partition then. */
  close(): void
}

export interface SinkReaderOptions<P extends SinkPartition> {
  readonly kafka: Pick<KafkaProvider, 'admin' | 'createConsumer'>
  readonly topics: readonly string[]
  /** Processes of one group share the partitions; another group reads everything anew. */
  readonly groupId: string
  /** Makes the way of a partition that was assigned, from `position` on. */
  readonly open: (from: TopicPartition, position: number, committed: OffsetAndMetadata | undefined) => P
  /** So much waits that no partition is to be read for now. */
  readonly isFull: (partitions: readonly P[]) => boolean
  /** Told in each turn, before offsets are committed. */
  readonly onTurn?: (partitions: readonly P[]) => void
  /** Waits for what is on its way; told before partitions go to others and at the end. */
  readonly drain: (partitions: readonly P[]) => Promise<void>
  readonly troubles: Troubles
  /** Most bytes of one partition in one batch (default 1 MiB): so much may be in memory beyond what `isFull` allows. */
  readonly maxPartitionBytes?: number
  readonly backoff?: BackoffOptions
}

const POLL_MS = 100
/** What a member that was killed had is given to others, or to itself when it is started again, after this. */
const SESSION_TIMEOUT_MS = 10_000

/**
 * Reads topics for a sink, as a member of a consumer group, from their beginning unless the group has committed something. What is not
 * committed comes again: a sink writes it once more over what it wrote before. Losing Kafka for a while is told as a trouble of `kafka`.
 */
export class SinkReader<P extends SinkPartition> {
  readonly #options: SinkReaderOptions<P>
  readonly #partitions = new Map<string, P>()
  readonly #paused = new Set<string>()
  #consumer: GroupConsumer | undefined
  #loop: Promise<void> | undefined
  #stopping = new AbortController()

  constructor(options: SinkReaderOptions<P>) {
    this.#options = options
  }

  get partitions(): readonly P[] {
    return [...this.#partitions.values()]
  }

  /** @throws {UnknownTopicError} when a topic is missing: its records would be missed without a word. */
  async checkTopics(): Promise<void> {
    const { kafka, topics } = this.#options
    const found = await kafka.admin().describeTopics(topics)
    const missing = topics.filter((topic) => !found.has(topic))
    if (missing.length > 0)
      throw new UnknownTopicError(
        `there is no topic ${missing.join(', ')}: create it, or mend the sink's list of topics`,
      )
  }

  /** Begins to read. `onFailure` is told once when it cannot go on. */
  start(onFailure: (error: Error) => void): void {
    const { kafka, groupId, topics, drain, maxPartitionBytes } = this.#options
    this.#stopping = new AbortController()
    const consumer = kafka.createConsumer({
      groupId,
      assignor: simpleAssignor,
      autoOffsetReset: 'earliest',
      isolationLevel: 'read_committed',
      sessionTimeoutMs: SESSION_TIMEOUT_MS,
      ...(maxPartitionBytes === undefined ? {} : { maxPartitionBytes }),
    })
    this.#consumer = consumer
    consumer.subscribe(topics, {
      onAssigned: (partitions) => this.#onAssigned(consumer, partitions),
      onRevoked: async () => {
        await drain(this.partitions)
        await this.#commit(consumer)
        this.#dropAll()
      },
      onLost: async () => this.#dropAll(),
    })
    this.#loop = this.#read(consumer).catch((error: unknown) => onFailure(asError(error)))
  }

  /** Something may be committed, or read again. */
  wakeup(): void {
    this.#consumer?.wakeup()
  }

  /** Reads no more, waits for what is on its way, commits, leaves the group. Answers why offsets could not be committed, if so. */
  async stop(): Promise<Error | undefined> {
    const consumer = this.#consumer
    this.#consumer = undefined
    if (!consumer) return undefined
    this.#stopping.abort()
    consumer.wakeup()
    await this.#loop
    await this.#options.drain(this.partitions)
    const failure = await this.#commit(consumer).then(() => undefined, asError)
    this.#dropAll()
    await consumer.close()
    return failure
  }

  async #read(consumer: GroupConsumer): Promise<void> {
    const { signal } = this.#stopping
    const { troubles, backoff, onTurn } = this.#options
    for (let failures = 0; !signal.aborted; ) {
      try {
        for (const { topic, partition, records, nextOffset } of await consumer.poll(POLL_MS))
          this.#partitions.get(partitionName(topic, partition))?.offer(records, nextOffset)
        onTurn?.(this.partitions)
        this.#pauseAndResume(consumer)
        await this.#commit(consumer)
        if (failures > 0) troubles.over('kafka')
        failures = 0
      } catch (thrown) {
        const error = asError(thrown)
        if (signal.aborted) return
        if (!isPassing(error)) throw error
        troubles.has('kafka', error)
        await pause(backoffMs(failures++, backoff), signal)
      }
    }
  }

  /** Tries until it knows where to begin: it is not asked a second time. */
  async #onAssigned(consumer: GroupConsumer, partitions: readonly TopicPartition[]): Promise<void> {
    const { signal } = this.#stopping
    const { troubles, backoff } = this.#options
    this.#dropAll()
    for (let attempt = 0; ; attempt++) {
      try {
        await this.#open(consumer, partitions)
        if (attempt > 0) troubles.over('kafka')
        return
      } catch (thrown) {
        const error = asError(thrown)
        if (!isPassing(error) || signal.aborted) throw error
        troubles.has('kafka', error)
        await pause(backoffMs(attempt, backoff), signal)
      }
    }
  }

  async #open(consumer: GroupConsumer, partitions: readonly TopicPartition[]): Promise<void> {
    const committed = await consumer.committed(partitions)
    const fresh = partitions.filter((p) => !committed.has(partitionName(p.topic, p.partition)))
    const begins =
      fresh.length > 0 ? await this.#options.kafka.admin().beginningOffsets(fresh) : new Map<string, number>()
    for (const from of partitions) {
      const name = partitionName(from.topic, from.partition)
      const known = committed.get(name)
      const position = known?.offset ?? begins.get(name) ?? 0
      consumer.seek(from, position)
      this.#partitions.set(name, this.#options.open(from, position, known))
    }
  }

  #pauseAndResume(consumer: GroupConsumer): void {
    const isFull = this.#options.isFull(this.partitions)
    for (const [name, { from, isBusy }] of this.#partitions) {
      const wanted = isFull || isBusy
      if (wanted === this.#paused.has(name)) continue
      if (wanted) {
        consumer.pause([from])
        this.#paused.add(name)
      } else {
        consumer.resume([from])
        this.#paused.delete(name)
      }
    }
  }

  async #commit(consumer: GroupConsumer): Promise<void> {
    const due = this.partitions.flatMap((partition) => {
      const commit = partition.due()
      return commit ? [{ partition, commit }] : []
    })
    if (due.length === 0) return
    try {
      await consumer.commit(due.map(({ commit }) => commit))
    } catch (error) {
      // They are somebody else's by now: the next poll says so.
      if (error instanceof CommitFailedError) return
      throw error
    }
    for (const { partition } of due) partition.committed()
  }

  #dropAll(): void {
    for (const partition of this.#partitions.values()) partition.close()
    this.#partitions.clear()
    this.#paused.clear()
  }
}

function isPassing(error: Error): boolean {
  return error instanceof BrookError && error.recovery === 'retry'
}
