import { setTimeout as sleep } from 'node:timers/promises'
import { partitionName, type TopicPartition } from '../../common/record.ts'
import type {
  Admin,
  ConsumerOptions,
  FetchedBatch,
  KafkaProvider,
  LogReader,
  LogRecord,
  Producer,
  ProducerOptions,
  ProducerRecord,
  ReaderOptions,
} from '../port.ts'

/** What a provider's test file opens for the suite: the provider, a prefix for names nobody else uses, and how to end it. */
export interface ContractTarget {
  readonly provider: KafkaProvider
  readonly unique: string
  /** The shortest session timeout that the other side takes (default 6 s, a broker's). */
  readonly sessionTimeoutMs?: number
  /** How long something that must not happen is waited for (default 400 ms). */
  readonly quietMs?: number
  close(): Promise<void>
}

/** How long something that must happen may take; real brokers need seconds for a rebalance. */
export const DEADLINE_MS = 30_000

/** A record as the assertions want it: texts instead of views of a fetched buffer. */
export interface SeenRecord {
  readonly partition: number
  readonly offset: number
  readonly timestampMs: number
  readonly key: string | null
  readonly value: string | null
}

interface Closeable {
  close(): Promise<void>
}

/** Makes topics, clients and names for one suite, and closes the clients after each test. */
export class Harness {
  readonly #target: ContractTarget
  readonly #open = new Set<Closeable>()
  #names = 0

  constructor(target: ContractTarget) {
    this.#target = target
  }

  get provider(): KafkaProvider {
    return this.#target.provider
  }

  get sessionTimeoutMs(): number {
    return this.#target.sessionTimeoutMs ?? 6_000
  }

  get quietMs(): number {
    return this.#target.quietMs ?? 400
  }

  get admin(): Admin {
    return this.provider.admin()
  }

  name(label: string): string {
    return `${this.#target.unique}-${label}-${this.#names++}`
  }

  async topic(partitions = 1, configs?: Readonly<Record<string, string>>): Promise<string> {
    const name = this.name('topic')
    await this.admin.createTopics([{ name, partitions, ...(configs ? { configs } : {}) }])
    return name
  }

  producer(options?: ProducerOptions): Producer {
    return this.#track(this.provider.createProducer(options))
  }

  async transactional(transactionalId: string): Promise<Producer> {
    const producer = this.producer({ transactionalId, transactionTimeoutMs: 30_000 })
    await producer.initTransactions()
    return producer
  }

  reader(options?: ReaderOptions): LogReader {
    return this.#track(this.provider.createReader(options))
  }

  /** A reader at the beginning of the topic's first partitions. */
  async readerOf(topic: string, partitions = 1, options?: ReaderOptions): Promise<LogReader> {
    const reader = this.reader(options)
    await reader.assign(Array.from({ length: partitions }, (_, partition) => ({ topic, partition, offset: 0 })))
    return reader
  }

  consumer(options: ConsumerOptions) {
    return this.#track(this.provider.createConsumer(options))
  }

  async closeClients(): Promise<void> {
    const closing = [...this.#open].reverse().map((client) => client.close())
    this.#open.clear()
    await Promise.allSettled(closing)
  }

  close(): Promise<void> {
    return this.#target.close()
  }

  #track<C extends Closeable>(client: C): C {
    this.#open.add(client)
    return client
  }
}

const NOW_MS = 1_700_000_000_000

/** A record of texts; `undefined` fields take values that do not matter to the test. */
export function record(key: string | null, value: string | null, timestampMs = NOW_MS): ProducerRecord {
  return {
    key: key === null ? null : Buffer.from(key),
    value: value === null ? null : Buffer.from(value),
    timestampMs,
  }
}

/** Sends and resolves with the offsets that were acknowledged, in the order of the records. */
export async function produce(
  producer: Producer,
  topic: string,
  partition: number | undefined,
  records: readonly ProducerRecord[],
): Promise<number[]> {
  const offsets: number[] = new Array<number>(records.length).fill(-1)
  records.forEach((one, i) => {
    producer.send(topic, partition, one, (error, offset) => {
      if (!error) offsets[i] = offset
    })
  })
  await producer.flush()
  return offsets
}

export function texts(count: number, prefix = 'v'): ProducerRecord[] {
  return Array.from({ length: count }, (_, i) => record(`k${i}`, `${prefix}${i}`))
}

export function seen(batches: readonly FetchedBatch[]): SeenRecord[] {
  return batches.flatMap((batch) =>
    batch.records.map((one) => ({
      partition: batch.partition,
      offset: one.offset,
      timestampMs: one.timestampMs,
      key: one.key === null ? null : one.key.toString(),
      value: one.value === null ? null : one.value.toString(),
    })),
  )
}

type Polls = Pick<LogReader, 'poll'>

/** Polls until `count` records are here. Fails at the deadline, and when more arrive than asked for. */
export async function read(reader: Polls, count: number): Promise<SeenRecord[]> {
  const records: SeenRecord[] = []
  const deadline = Date.now() + DEADLINE_MS
  while (records.length < count) {
    if (Date.now() > deadline) throw new Error(`${records.length} of ${count} records after ${DEADLINE_MS} ms`)
    records.push(...seen(await reader.poll(200)))
  }
  if (records.length > count) throw new Error(`${records.length} records where ${count} were expected`)
  return records
}

/** As `read`, with the records as the provider hands them over, bytes copied. */
export async function readRaw(reader: Polls, count: number): Promise<LogRecord[]> {
  const records: LogRecord[] = []
  const deadline = Date.now() + DEADLINE_MS
  while (records.length < count) {
    if (Date.now() > deadline) throw new Error(`${records.length} of ${count} records after ${DEADLINE_MS} ms`)
    for (const batch of await reader.poll(200)) {
      for (const { key, value, timestampMs, offset, headers } of batch.records) {
        records.push({ key: key && Buffer.from(key), value: value && Buffer.from(value), timestampMs, offset, headers })
      }
    }
  }
  return records
}

/** What arrives while nothing should. */
export async function readWhileQuiet(harness: Harness, reader: Polls): Promise<SeenRecord[]> {
  const records: SeenRecord[] = []
  const end = Date.now() + harness.quietMs
  while (Date.now() < end) records.push(...seen(await reader.poll(50)))
  return records
}

/** Repeats `check` until it no longer throws; at the deadline its last error comes out. */
export async function eventually<T>(check: () => T | Promise<T>, deadlineMs = DEADLINE_MS): Promise<T> {
  const deadline = Date.now() + deadlineMs
  for (;;) {
    try {
      return await check()
    } catch (error) {
      if (Date.now() > deadline) throw error
      await sleep(20)
    }
  }
}

/** Polls until `done`; what arrives meanwhile is returned. */
export async function pollUntil(reader: Polls, done: () => boolean): Promise<SeenRecord[]> {
  const records: SeenRecord[] = []
  const deadline = Date.now() + DEADLINE_MS
  while (!done()) {
    if (Date.now() > deadline) throw new Error(`still not so after ${DEADLINE_MS} ms: ${done.toString()}`)
    records.push(...seen(await reader.poll(100)))
  }
  return records
}

export function values(records: readonly SeenRecord[]): (string | null)[] {
  return records.map((one) => one.value)
}

export function names(partitions: readonly TopicPartition[]): string[] {
  return partitions.map(({ topic, partition }) => partitionName(topic, partition)).sort()
}

export { partitionName, sleep }
