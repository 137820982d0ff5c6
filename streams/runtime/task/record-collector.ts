import { type Awaitable, chain } from '../../../common/awaitable.ts'
import { asError } from '../../../common/errors.ts'
import type { Headers } from '../../../common/record.ts'
import type { Serde } from '../../../common/serde.ts'
import { RecordTooLargeError } from '../../../kafka/errors.ts'
import type { Acknowledge, Producer, ProducerRecord } from '../../../kafka/port.ts'
import type { DeadLetter } from '../../error-handlers.ts'
import { DeadLetterError } from '../../errors.ts'
import type { RecordMetadata, StreamRecord } from '../../record.ts'
import type { StreamPartitioner } from '../../topology-nodes.ts'
import { recordSizeBytes } from '../metrics/record-size.ts'
import type { Traffic } from '../metrics/task-metrics.ts'
import { withoutValue } from './dead-letters.ts'
import { SourceRecord } from './source-record.ts'
import type { SentRecord } from './task-errors.ts'

/** Where a sink writes, and how. */
export interface SendTarget {
  readonly node: string
  readonly topic: string
  readonly keySerde: Serde<unknown>
  readonly valueSerde: Serde<unknown>
  readonly partitioner: StreamPartitioner | undefined
  /** Counts what has arrived. */
  readonly produced: Traffic
}

/** Decides about a record that does not arrive: what the task fails with, or `undefined` to go on. */
export type OnRefused = (sent: SentRecord, error: Error) => Error | undefined

/** Where the records of a task leave it: sinks, changelogs and dead letters. */
export interface RecordCollector {
  /**
   * Encodes and sends to a topic; false when the partitioner has no place for it. A promise only when serdes or metadata of the topic have to be fetched first.
   * @throws {SerializationFailedError} when a half of the record cannot be encoded.
   */
  sendRecord(
    target: SendTarget,
    record: StreamRecord<unknown, unknown>,
    at: RecordMetadata | undefined,
  ): Awaitable<boolean>
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
  sendDeadLetter(letter: DeadLetter): void
  /** Who decides about records that do not arrive. */
  onRefused(decide: OnRefused): void
}

/** A serde threw; told to the production handler, and nobody else. */
export class SerializationFailedError extends Error {
  readonly origin: 'key' | 'value'
  readonly topic: string
  readonly error: Error

  constructor(origin: 'key' | 'value', topic: string, error: Error) {
    super(error.message, { cause: error })
    this.name = 'SerializationFailedError'
    this.origin = origin
    this.topic = topic
    this.error = error
  }
}

/** @throws {SerializationFailedError} */
export function encodeRecord(
  { topic, keySerde, valueSerde }: SendTarget,
  { key, value, timestampMs, headers }: StreamRecord<unknown, unknown>,
): ProducerRecord {
  let origin: 'key' | 'value' = 'key'
  try {
    const keyBytes = key === null || key === undefined ? null : keySerde.serialize(key, topic, headers)
    origin = 'value'
    const valueBytes = value === null || value === undefined ? null : valueSerde.serialize(value, topic, headers)
    return { key: keyBytes, value: valueBytes, timestampMs, headers }
  } catch (error) {
    throw new SerializationFailedError(origin, topic, asError(error))
  }
}

/**
 * Sends through a producer; opens its transaction with the first record after a commit. After a record that the task may not go on without,
 * nothing is sent any more: every call throws why.
 * @see org.apache.kafka.streams.processor.internals.RecordCollectorImpl
 */
export class ProducerCollector implements RecordCollector {
  readonly #producer: Producer
  readonly #transactional: boolean
  readonly #prepared = new Set<string>()
  #decide: OnRefused = (_sent, error) => error
  #inTransaction = false
  #sent = 0
  /** Of those sent, how many the producer is done with. */
  #answered = 0
  #failure: Error | undefined
  #isBroken = false

  constructor(producer: Producer, transactional: boolean) {
    this.#producer = producer
    this.#transactional = transactional
  }

  get producer(): Producer {
    return this.#producer
  }

  get inTransaction(): boolean {
    return this.#inTransaction
  }

  /** Why nothing is sent any more, and nothing may be committed. */
  get failure(): Error | undefined {
    return this.#failure
  }

  /** The producer takes nothing any more. */
  get isBroken(): boolean {
    return this.#isBroken
  }

  onRefused(decide: OnRefused): void {
    this.#decide = decide
  }

  begin(): void {
    if (!this.#transactional || this.#inTransaction) return
    this.#producer.beginTransaction()
    this.#inTransaction = true
  }

  ended(): void {
    this.#inTransaction = false
  }

  /** Resolves when all that was sent, dead letters of this very moment too, is in the log or given up with the handler's leave. */
  async flush(): Promise<void> {
    for (;;) {
      const before = this.#answered
      const rejected = await this.#producer.flush().then(
        () => undefined,
        (error) => asError(error),
      )
      if (this.#failure !== undefined) throw this.#failure
      if (this.#answered === this.#sent) return
      // What the producer rejects for has been told of each record that it is about; anything else is about the producer.
      if (rejected !== undefined && this.#answered === before) throw rejected
    }
  }

  /** The task is closed: what becomes of its records is nobody's business any more. */
  abandon(reason: Error): void {
    this.#failure ??= reason
  }

  /** Gets serdes ready for a topic that is known ahead, so that its first record need not wait. */
  async prepare(topic: string, keySerde: Serde<unknown>, valueSerde: Serde<unknown>): Promise<void> {
    await Promise.all([keySerde.prepare?.(topic, 'key'), valueSerde.prepare?.(topic, 'value')])
    this.#prepared.add(topic)
  }

  sendRecord(
    target: SendTarget,
    record: StreamRecord<unknown, unknown>,
    at: RecordMetadata | undefined,
  ): Awaitable<boolean> {
    const { topic, keySerde, valueSerde, partitioner } = target
    if (this.#failure !== undefined) throw this.#failure
    if (!this.#prepared.has(topic))
      return this.prepare(topic, keySerde, valueSerde).then(() => this.sendRecord(target, record, at))
    const encoded = encodeRecord(target, record)
    if (partitioner === undefined) {
      this.#sendSinkRecord(target, undefined, encoded, at)
      return true
    }
    return chain(this.#producer.partitionCount(topic), (count) => {
      const partitions = partitioner(topic, record.key, record.value, count)
      if (partitions === undefined) this.#sendSinkRecord(target, undefined, encoded, at)
      else for (const partition of partitions) this.#sendSinkRecord(target, partition, encoded, at)
      return partitions?.length !== 0
    })
  }

  #sendSinkRecord(
    { node, topic, produced }: SendTarget,
    partition: number | undefined,
    record: ProducerRecord,
    at: RecordMetadata | undefined,
  ): void {
    const raw = SourceRecord.rawOf(at)
    this.#send(topic, partition, record, (error) => {
      this.#answered++
      if (error !== undefined) return this.#refused({ node, topic, changelog: false, record, at, raw }, error)
      produced.records++
      produced.bytes += recordSizeBytes(topic, record.key, record.value, record.headers)
    })
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
    const record = { key, value, timestampMs, headers }
    this.#send(topic, partition, record, (error, offset) => {
      this.#answered++
      if (error !== undefined)
        this.#refused({ node: topic, topic, changelog: true, record, at: undefined, raw: undefined }, error)
      acknowledge(error, offset)
    })
  }

  /** A letter that is too large for its topic goes there without its value. */
  sendDeadLetter(letter: DeadLetter): void {
    const { topic, partition, key, value, timestampMs, headers } = letter
    this.#send(topic, partition, { key, value, timestampMs, headers }, (error) => {
      this.#answered++
      if (error === undefined || this.#failure !== undefined) return
      const cut = error instanceof RecordTooLargeError ? withoutValue(letter) : undefined
      if (cut !== undefined) this.sendDeadLetter(cut)
      else
        this.#failure = new DeadLetterError(`a dead letter could not be written to ${topic}: ${error.message}`, {
          cause: error,
        })
    })
  }

  /** Once told that a record does not arrive, the first failure counts: the rest follows from it. */
  #refused(sent: SentRecord, error: Error): void {
    if (this.#failure === undefined) this.#failure = this.#decide(sent, error)
  }

  /** `acknowledge` counts the record as answered. */
  #send(topic: string, partition: number | undefined, record: ProducerRecord, acknowledge: Acknowledge): void {
    if (this.#failure !== undefined) throw this.#failure
    this.#sent++
    try {
      this.begin()
      this.#producer.send(topic, partition, record, acknowledge)
    } catch (thrown) {
      this.#answered++
      this.#isBroken = true
      this.#failure = asError(thrown)
      throw thrown
    }
  }
}
