import { type Awaitable, chain } from '../../common/awaitable.ts'
import type { Headers } from '../../common/record.ts'
import type { Serde } from '../../common/serde.ts'
import type { Acknowledge, Producer, ProducerRecord } from '../../kafka/port.ts'
import type { StreamRecord } from '../record.ts'
import type { StreamPartitioner } from '../topology-nodes.ts'

/** Where the records of a task leave it: sinks and changelogs. */
export interface RecordCollector {
  /** Encodes and sends to a topic; a promise only when serdes or metadata of the topic have to be fetched first. */
  sendRecord(
    topic: string,
    record: StreamRecord<unknown, unknown>,
    keySerde: Serde<unknown>,
    valueSerde: Serde<unknown>,
    partitioner: StreamPartitioner | undefined,
  ): Awaitable<void>
  /** A changelog record to the task's own partition. */
  sendChangelog(
    topic: string,
    partition: number,
    key: Buffer,
    value: Buffer | null,
    timestampMs: number,
    headers: Headers,
    acknowledge: Acknowledge,
  ): void
}

/** Sends through a producer; opens its transaction with the first record after a commit. */
export class ProducerCollector implements RecordCollector {
  readonly #producer: Producer
  readonly #transactional: boolean
  readonly #prepared = new Set<string>()
  readonly #onDropped: () => void
  #inTransaction = false

  constructor(producer: Producer, transactional: boolean, onDropped: () => void) {
    this.#producer = producer
    this.#transactional = transactional
    this.#onDropped = onDropped
  }

  get producer(): Producer {
    return this.#producer
  }

  get inTransaction(): boolean {
    return this.#inTransaction
  }

  begin(): void {
    if (!this.#transactional || this.#inTransaction) return
    this.#producer.beginTransaction()
    this.#inTransaction = true
  }

  ended(): void {
    this.#inTransaction = false
  }

  /** Gets serdes ready for a topic that is known ahead, so that its first record need not wait. */
  async prepare(topic: string, keySerde: Serde<unknown>, valueSerde: Serde<unknown>): Promise<void> {
    await Promise.all([keySerde.prepare?.(topic, 'key'), valueSerde.prepare?.(topic, 'value')])
    this.#prepared.add(topic)
  }

  sendRecord(
    topic: string,
    record: StreamRecord<unknown, unknown>,
    keySerde: Serde<unknown>,
    valueSerde: Serde<unknown>,
    partitioner: StreamPartitioner | undefined,
  ): Awaitable<void> {
    if (!this.#prepared.has(topic)) {
      return this.prepare(topic, keySerde, valueSerde).then(() =>
        this.sendRecord(topic, record, keySerde, valueSerde, partitioner),
      )
    }
    const { key, value, headers } = record
    const encoded: ProducerRecord = {
      key: key === null || key === undefined ? null : keySerde.serialize(key, topic, headers),
      value: value === null || value === undefined ? null : valueSerde.serialize(value, topic, headers),
      timestampMs: record.timestampMs,
      headers,
    }
    this.begin()
    if (partitioner === undefined) {
      this.#producer.send(topic, undefined, encoded)
      return
    }
    return chain(this.#producer.partitionCount(topic), (count) =>
      this.#sendTo(partitioner(topic, key, value, count), topic, encoded),
    )
  }

  sendChangelog(
    topic: string,
    partition: number,
    key: Buffer,
    value: Buffer | null,
    timestampMs: number,
    headers: Headers,
    acknowledge: Acknowledge,
  ): void {
    this.begin()
    this.#producer.send(topic, partition, { key, value, timestampMs, headers }, acknowledge)
  }

  #sendTo(partitions: readonly number[] | undefined, topic: string, record: ProducerRecord): void {
    if (partitions === undefined) this.#producer.send(topic, undefined, record)
    else if (partitions.length === 0) this.#onDropped()
    else for (const partition of partitions) this.#producer.send(topic, partition, record)
  }
}
