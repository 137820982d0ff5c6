import { partitionForKey } from '../../common/murmur2.ts'
import type { KafkaProvider } from '../../kafka/port.ts'
import { INPUTS, type Input } from './topologies.ts'

export interface InputRecord {
  readonly topic: Input
  readonly key: string
  readonly value: string | null
  readonly timestampMs: number
}

const HOUR_MS = 3_600_000
const RECORDS_PER_TOPIC = 40
const KEYS: readonly string[] = ['k1', 'k2', 'k3', 'k4', 'k5', 'k6']
const CUSTOMERS: readonly string[] = ['A', 'B', 'C', 'D']
const TOPICS = Object.keys(INPUTS) as Input[]
const TABLES: readonly Input[] = ['a', 'b', 'versions', 'orders', 'customers']

export interface InputOptions {
  readonly seed: number
  /** Most that a record may be older than one before it; 0 for records in order. */
  readonly latenessMs: number
}

/**
 * Random records in parts. Within a part some are out of order and some come too late; each part begins with a record of each key that is
 * newer than everything before, so that operators know the time again that a restart of Kafka Streams makes them forget.
 * No two topics have records of one time: in which order a join takes them is then settled by their times.
 */
export class InputParts {
  readonly #random: () => number
  readonly #latenessMs: number
  #newestMs: number
  #sequence = 0

  constructor({ seed, latenessMs }: InputOptions) {
    this.#random = randomFrom(seed)
    // Of today, so that no topic's retention takes it away, and always at the same place in windows and segments.
    this.#newestMs = (Math.floor(Date.now() / HOUR_MS) - 1) * HOUR_MS
    this.#latenessMs = latenessMs
  }

  /** Newer than all records so far. */
  get endMs(): number {
    return this.#newestMs
  }

  next(): readonly InputRecord[] {
    const startMs = this.#newestMs + 1_000
    const records = TOPICS.flatMap((topic) => this.#ofTopic(topic, startMs))
    this.#newestMs = Math.ceil(Math.max(...records.map((r) => r.timestampMs)) / 1_000) * 1_000
    return records
  }

  #ofTopic(topic: Input, startMs: number): readonly InputRecord[] {
    const records: InputRecord[] = []
    const keys = topic === 'customers' ? CUSTOMERS : KEYS
    const add = (key: string, kind: string, ms: number): void => {
      const isTombstone = TABLES.includes(topic) && this.#random() < 0.15
      const value = isTombstone ? null : `${kind}${++this.#sequence}`
      records.push({ topic, key, value, timestampMs: Math.floor(ms / 10) * 10 + TOPICS.indexOf(topic) })
    }
    let clockMs = startMs
    for (const [i, key] of keys.entries()) {
      clockMs += 50
      add(key, CUSTOMERS[i % CUSTOMERS.length] as string, clockMs)
    }
    for (let i = 0; i < RECORDS_PER_TOPIC; i++) {
      clockMs += this.#random() * 1_000
      const lateMs = this.#random() < 0.3 ? this.#random() * this.#latenessMs : 0
      add(this.#oneOf(keys), this.#oneOf(CUSTOMERS), clockMs - lateMs)
    }
    return records
  }

  #oneOf(list: readonly string[]): string {
    return list[Math.floor(this.#random() * list.length)] as string
  }
}

export async function createInputs(kafka: KafkaProvider, prefix: string): Promise<void> {
  await kafka.admin().createTopics(TOPICS.map((topic) => ({ name: prefix + topic, partitions: INPUTS[topic] })))
}

/** Each record has a header with the time, by which results can be told apart. */
export async function produce(kafka: KafkaProvider, prefix: string, records: readonly InputRecord[]): Promise<void> {
  const producer = kafka.createProducer()
  for (const { topic, key, value, timestampMs } of records) {
    const keyBytes = Buffer.from(key)
    producer.send(prefix + topic, partitionForKey(keyBytes, INPUTS[topic]), {
      key: keyBytes,
      value: value === null ? null : Buffer.from(value),
      timestampMs,
      headers: [{ key: 'from', value: Buffer.from(`${topic} ${timestampMs}`) }],
    })
  }
  await producer.flush()
  await producer.close()
}

/** mulberry32 */
function randomFrom(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296
  }
}
