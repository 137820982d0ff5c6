import { partitionName, type TopicPartition } from '../../common/record.ts'
import type {
  Acknowledge,
  Admin,
  ConsumerOptions,
  FetchedBatch,
  GroupConsumer,
  KafkaProvider,
  LogReader,
  LogRecord,
  OffsetAndMetadata,
  Producer,
  ProducerRecord,
  RebalanceListener,
} from '../../kafka/port.ts'

export interface Written extends ProducerRecord {
  readonly topic: string
  readonly offset: number
}

/** A log of one-partition topics in memory, whose acknowledgements tests hold back, release and refuse. */
export class FakeLog implements Pick<KafkaProvider, 'admin' | 'createConsumer' | 'createReader'> {
  readonly written: Written[] = []
  /** Group to topic to offset. */
  readonly commits = new Map<string, Map<string, number>>()
  /** While true, acknowledgements wait for `release`. */
  holding = false
  /** When set, every record is refused with what it returns for it; `undefined` lets it through. */
  refuse: ((topic: string, record: ProducerRecord) => Error | undefined) | undefined
  /** When set, `send` throws it. */
  fatal: Error | undefined
  /** When set, the next `poll` throws it, once. */
  pollError: Error | undefined
  producersMade = 0
  readonly #held: (() => void)[] = []
  #unacknowledged = 0
  #flushes: (() => void)[] = []
  readonly #topics = new Map<string, LogRecord[]>()
  readonly #wakeups = new Set<() => void>()

  get held(): number {
    return this.#held.length
  }

  in(topic: string): Written[] {
    return this.written.filter((record) => record.topic === topic)
  }

  createTopic(topic: string): void {
    if (!this.#topics.has(topic)) this.#topics.set(topic, [])
  }

  append(topic: string, key: string | Buffer | null, value: unknown): number {
    this.createTopic(topic)
    const records = this.#topics.get(topic) as LogRecord[]
    const offset = records.length
    records.push({
      key: typeof key === 'string' ? Buffer.from(key) : key,
      value: value === null || Buffer.isBuffer(value) ? value : Buffer.from(JSON.stringify(value)),
      timestampMs: 0,
      offset,
      headers: [],
    })
    for (const wake of this.#wakeups) wake()
    return offset
  }

  release(): void {
    this.holding = false
    for (const acknowledge of this.#held.splice(0)) acknowledge()
  }

  readonly createProducer = (): Producer => {
    this.producersMade++
    const failUnused = (): never => {
      throw new Error('not used by connectors')
    }
    return {
      send: (topic, _partition, record, acknowledge) => this.#send(topic, record, acknowledge),
      flush: () => this.#flushed(),
      backpressure: () => undefined,
      partitionCount: () => 1,
      initTransactions: failUnused,
      beginTransaction: failUnused,
      sendOffsets: failUnused,
      commitTransaction: failUnused,
      abortTransaction: failUnused,
      close: async () => {},
    }
  }

  admin(): Admin {
    const ends = (partitions: readonly TopicPartition[]): ReadonlyMap<string, number> =>
      new Map(partitions.map((p) => [partitionName(p.topic, p.partition), this.#topics.get(p.topic)?.length ?? 0]))
    const admin: Pick<Admin, 'describeTopics' | 'beginningOffsets' | 'endOffsets' | 'offsetsForTime'> = {
      describeTopics: async (names) =>
        new Map(names.filter((name) => this.#topics.has(name)).map((name) => [name, { name, partitions: 1 }])),
      beginningOffsets: async (partitions) => new Map(partitions.map((p) => [partitionName(p.topic, p.partition), 0])),
      endOffsets: async (partitions) => ends(partitions),
      offsetsForTime: async (partitions) => new Map(partitions.map((p) => [partitionName(p.topic, p.partition), 0])),
    }
    return admin as Admin
  }

  createReader(): LogReader {
    return this.#reader()
  }

  createConsumer({ groupId }: ConsumerOptions): GroupConsumer {
    const reader = this.#reader()
    const committed = this.commits.get(groupId) ?? new Map<string, number>()
    this.commits.set(groupId, committed)
    let subscription: { topics: readonly string[]; listener: RebalanceListener } | undefined
    let assigned: TopicPartition[] | undefined
    return {
      ...reader,
      subscribe(topics, listener) {
        subscription = { topics, listener }
      },
      poll: async (timeoutMs) => {
        if (subscription && !assigned) {
          assigned = subscription.topics.map((topic) => ({ topic, partition: 0 }))
          await reader.assign(assigned.map((p) => ({ ...p, offset: committed.get(p.topic) ?? 0 })))
          await subscription.listener.onAssigned(assigned)
        }
        return reader.poll(timeoutMs)
      },
      committed: async (partitions) => {
        const found = new Map<string, OffsetAndMetadata>()
        for (const p of partitions) {
          const offset = committed.get(p.topic)
          if (offset !== undefined) found.set(partitionName(p.topic, p.partition), { offset })
        }
        return found
      },
      commit: async (offsets) => {
        for (const { topic, offset } of offsets) committed.set(topic, offset)
      },
      groupMetadata: () => ({ groupId, memberId: 'm', generationId: 1 }),
      requestRejoin: () => {},
      close: async () => {
        if (assigned) await subscription?.listener.onRevoked(assigned)
        await reader.close()
      },
    }
  }

  #send(topic: string, record: ProducerRecord, acknowledge?: Acknowledge): void {
    if (this.fatal) throw this.fatal
    const error = this.refuse?.(topic, record)
    const offset = error ? -1 : this.written.length
    if (!error) this.written.push({ ...record, topic, offset })
    this.#unacknowledged++
    const tell = (): void => {
      this.#unacknowledged--
      acknowledge?.(error, offset)
      if (this.#unacknowledged === 0) for (const resolve of this.#flushes.splice(0)) resolve()
    }
    if (this.holding) this.#held.push(tell)
    else setImmediate(tell)
  }

  #flushed(): Promise<void> {
    return this.#unacknowledged === 0 ? Promise.resolve() : new Promise((resolve) => this.#flushes.push(resolve))
  }

  #reader(): LogReader {
    const positions = new Map<string, number>()
    const paused = new Set<string>()
    let wake: () => void = () => {}
    const fetch = (): FetchedBatch[] => {
      const batches: FetchedBatch[] = []
      for (const [topic, position] of positions) {
        const records = (this.#topics.get(topic) ?? []).slice(position)
        if (records.length === 0 || paused.has(topic)) continue
        positions.set(topic, position + records.length)
        batches.push({ topic, partition: 0, records, nextOffset: position + records.length })
      }
      return batches
    }
    const onAppend = (): void => wake()
    this.#wakeups.add(onAppend)
    return {
      assign: async (wanted) => {
        positions.clear()
        for (const { topic, offset } of wanted) positions.set(topic, offset)
      },
      poll: async (timeoutMs) => {
        const error = this.pollError
        this.pollError = undefined
        if (error) throw error
        const here = fetch()
        if (here.length > 0) return here
        await new Promise<void>((resolve) => {
          const timer = setTimeout(resolve, timeoutMs)
          wake = () => {
            clearTimeout(timer)
            resolve()
          }
        })
        return fetch()
      },
      pause: (partitions) => {
        for (const { topic } of partitions) paused.add(topic)
      },
      resume: (partitions) => {
        for (const { topic } of partitions) paused.delete(topic)
      },
      seek: ({ topic }, offset) => void positions.set(topic, offset),
      lag: () => undefined,
      wakeup: () => wake(),
      close: async () => void this.#wakeups.delete(onAppend),
    }
  }
}
