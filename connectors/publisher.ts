import { type Clock, systemClock } from '../common/clock.ts'
import { asError, BrookError, type Recovery } from '../common/errors.ts'
import { type Logger, silentLogger } from '../common/log.ts'
import { EMPTY_HEADERS, type Header, type Headers } from '../common/record.ts'
import type { Serde } from '../common/serde.ts'
import type { Acknowledge, Producer, ProducerRecord } from '../kafka/port.ts'
import type { CommandResult, DeadLetter, Reading } from '../schemas/types.ts'
import { pause } from './pause.ts'
import { type Problem, valueProblem } from './reading-kinds.ts'
import type { StatusTracker } from './status.ts'

/** A topic with how its keys and values are written. */
export interface PublishedTopic<K, V> {
  readonly topic: string
  readonly key: RecordWriter<K>
  readonly value: RecordWriter<V>
}

/** The half of a serde that writes. */
export type RecordWriter<T> = Pick<Serde<T>, 'serialize' | 'prepare'>

/** What the publisher needs of a producer. */
export type RecordSink = Pick<Producer, 'send' | 'backpressure' | 'flush' | 'close'>

export interface PublisherOptions {
  /** Makes the producer at the first record, and a new one after a producer has failed for good. */
  readonly createProducer: () => RecordSink
  /** `building.readings`, keyed by deviceId. */
  readonly readings: PublishedTopic<string, Reading>
  /** `building.command-results`, keyed by deviceId. */
  readonly commandResults: PublishedTopic<string, CommandResult>
  /** `building.dead-letters`; keys are the original bytes. */
  readonly deadLetters: Pick<PublishedTopic<Buffer, DeadLetter>, 'topic' | 'value'>
  /** Counts what is in the log. */
  readonly status: StatusTracker
  readonly clock?: Clock
  readonly logger?: Logger
  /** An event time further ahead of the receive time is not believed (default 5 minutes). */
  readonly maxAheadMs?: number
  /** An event time further behind the receive time is not believed (default 7 days: what a broker may have held back). */
  readonly maxBehindMs?: number
  /** Most original bytes in a dead letter; longer ones are cut, with a header that says how long they were (default 512 KiB). */
  readonly maxOriginalBytes?: number
}

/** What a message was before it was decoded, for the case that it becomes a dead letter. */
export interface Origin {
  /** Bus and address, such as `mqtt:building/r1/d1/temperature`. */
  readonly name: string
  readonly key: Buffer | null
  readonly value: Buffer | null
  readonly receivedAtMs: number
  /** Text headers that go with the record or the dead letter. */
  readonly headers?: Readonly<Record<string, string>>
}

/**
 * The way of one connector into the log. Each method takes one thing over and tells `acknowledge` once: without an error
 * when it (or the dead letter that took its place) is in the log, with one when it is not and the source should send it again.
 * Nothing is thrown. A reading that cannot be true or cannot be encoded becomes a dead letter. The event time is the
 * record's timestamp; one that cannot be believed is replaced by the receive time, with quality `uncertain`.
 */
export class ReadingPublisher {
  readonly #options: PublisherOptions
  readonly #clock: Clock
  readonly #logger: Logger
  readonly #maxAheadMs: number
  readonly #maxBehindMs: number
  readonly #maxOriginalBytes: number
  #producer: RecordSink | undefined
  #pending = 0

  constructor(options: PublisherOptions) {
    this.#options = options
    this.#clock = options.clock ?? systemClock
    this.#logger = options.logger ?? silentLogger
    this.#maxAheadMs = options.maxAheadMs ?? 5 * 60_000
    this.#maxBehindMs = options.maxBehindMs ?? 7 * 86_400_000
    this.#maxOriginalBytes = options.maxOriginalBytes ?? 512 * 1024
  }

  /** Records that the log has not acknowledged yet. */
  get pending(): number {
    return this.#pending
  }

  /** Registers the schemas; await it before the first record. Calling it again does no harm. */
  async prepare(): Promise<void> {
    const { readings, commandResults, deadLetters } = this.#options
    for (const { topic, key, value } of [readings, commandResults]) {
      await key.prepare?.(topic, 'key')
      await value.prepare?.(topic, 'value')
    }
    await deadLetters.value.prepare?.(deadLetters.topic, 'value')
  }

  /** A promise to wait for when the log is behind, else `undefined`. */
  backpressure(): Promise<void> | undefined {
    return this.#producer?.backpressure()
  }

  reading(reading: Reading, origin: Origin, acknowledge: Acknowledge): void {
    const problem = valueProblem(reading.kind, reading.value)
    if (problem) {
      this.deadLetter(problem, origin, acknowledge)
      return
    }
    const believed = this.#withBelievableTime(reading)
    const { readings } = this.#options
    this.#publish(readings, believed.deviceId, believed, believed.eventTimeMs, () => origin, acknowledge)
  }

  commandResult(result: CommandResult, acknowledge: Acknowledge): void {
    const origin = (): Origin => ({
      name: `command:${result.commandId}`,
      key: Buffer.from(result.deviceId),
      value: Buffer.from(JSON.stringify(result)),
      receivedAtMs: result.atMs,
    })
    this.#publish(this.#options.commandResults, result.deviceId, result, result.atMs, origin, acknowledge)
  }

  /** A record for a topic that is not the building's, as it is; one that the log refuses for ever becomes a dead letter. */
  forward(topic: string, record: Omit<ProducerRecord, 'headers'>, origin: Origin, acknowledge: Acknowledge): void {
    this.#sendOrBury(topic, { ...record, headers: toHeaders(origin.headers) }, () => origin, acknowledge)
  }

  /** A dead letter that the log refuses for ever is logged and counted as dropped, and is acknowledged: it must not come again and again. */
  deadLetter(problem: Problem, origin: Origin, acknowledge: Acknowledge): void {
    const { topic, value } = this.#options.deadLetters
    const letter = this.#letter(problem, origin)
    const giveUp = (error: Error): void => {
      this.#options.status.dropped()
      this.#logger.error({ err: error, origin: origin.name, code: problem.code }, 'a dead letter could not be written')
      acknowledge(undefined, -1)
    }
    let bytes: Buffer
    try {
      bytes = value.serialize(letter, topic)
    } catch (error) {
      if (isPassing(error)) acknowledge(asError(error), -1)
      else giveUp(asError(error))
      return
    }
    const record = { key: letter.originalKey, value: bytes, timestampMs: origin.receivedAtMs }
    this.#send(topic, record, (error, offset) => {
      if (error && isHopeless(error)) return giveUp(error)
      if (!error) this.#options.status.deadLetter()
      acknowledge(error, offset)
    })
  }

  /**
   * Resolves when everything given so far has been acknowledged or has failed (which `acknowledge` was told), or after
   * `timeoutMs` (default 5 s): a log that is away keeps nobody from stopping.
   */
  async flush(timeoutMs = 5_000): Promise<void> {
    const producer = this.#producer
    if (!producer) return
    const done = new AbortController()
    await Promise.race([producer.flush().catch(() => {}), pause(timeoutMs, done.signal)])
    done.abort()
  }

  /** Flushes and lets the producer go; the next record makes a new one. */
  async close(): Promise<void> {
    const producer = this.#producer
    this.#producer = undefined
    await producer?.close()
  }

  #withBelievableTime(reading: Reading): Reading {
    const { eventTimeMs, receivedAtMs } = reading
    if (eventTimeMs <= receivedAtMs + this.#maxAheadMs && eventTimeMs >= receivedAtMs - this.#maxBehindMs)
      return reading
    return { ...reading, eventTimeMs: receivedAtMs, quality: 'uncertain' }
  }

  #publish<K, V>(
    target: PublishedTopic<K, V>,
    key: K,
    value: V,
    timestampMs: number,
    origin: () => Origin,
    acknowledge: Acknowledge,
  ): void {
    let record: ProducerRecord
    try {
      record = {
        key: target.key.serialize(key, target.topic),
        value: target.value.serialize(value, target.topic),
        timestampMs,
        headers: toHeaders(origin().headers),
      }
    } catch (error) {
      if (isPassing(error)) acknowledge(asError(error), -1)
      else this.deadLetter(unencodable(asError(error)), origin(), acknowledge)
      return
    }
    this.#sendOrBury(target.topic, record, origin, acknowledge)
  }

  #sendOrBury(topic: string, record: ProducerRecord, origin: () => Origin, acknowledge: Acknowledge): void {
    this.#send(topic, record, (error, offset) => {
      if (error && isHopeless(error)) return this.deadLetter(unencodable(error), origin(), acknowledge)
      if (!error) this.#options.status.published()
      acknowledge(error, offset)
    })
  }

  #letter(problem: Problem, origin: Origin): DeadLetter {
    const headers: Record<string, string> = { ...origin.headers }
    const cut = (bytes: Buffer | null, name: string): Buffer | null => {
      if (bytes === null || bytes.length <= this.#maxOriginalBytes) return bytes
      headers[`${name}-size-bytes`] = String(bytes.length)
      return bytes.subarray(0, this.#maxOriginalBytes)
    }
    return {
      reason: problem.reason,
      code: problem.code,
      origin: origin.name,
      originalKey: cut(origin.key, 'original-key'),
      originalValue: cut(origin.value, 'original-value'),
      receivedAtMs: origin.receivedAtMs,
      headers,
    }
  }

  #send(topic: string, record: ProducerRecord, done: Acknowledge): void {
    this.#producer ??= this.#options.createProducer()
    const producer = this.#producer
    this.#pending++
    try {
      producer.send(topic, undefined, record, (error, offset) => {
        this.#pending--
        done(error, offset)
      })
    } catch (thrown) {
      this.#pending--
      const error = asError(thrown)
      if (!isHopeless(error)) this.#replace(producer, error)
      done(error, -1)
    }
  }

  #replace(producer: RecordSink, error: Error): void {
    if (this.#producer !== producer) return
    this.#producer = undefined
    this.#logger.warn({ err: error }, 'the producer has failed for good: the next record gets a new one')
    producer.close().catch(() => {})
  }

  /** Milliseconds since the epoch, from the publisher's clock: for `receivedAtMs` and `atMs`. */
  nowMs(): number {
    return this.#clock.nowMs()
  }
}

function recoveryOf(error: unknown): Recovery | undefined {
  return error instanceof BrookError ? error.recovery : undefined
}

/** The same record will be refused again however often it is sent. */
function isHopeless(error: unknown): boolean {
  return recoveryOf(error) === 'skip-record'
}

/** It will work later (a schema is on its way). */
function isPassing(error: unknown): boolean {
  return recoveryOf(error) === 'retry'
}

function unencodable(error: Error): Problem {
  return {
    code: error instanceof BrookError ? error.code : 'SERDE_FAILED',
    reason: `cannot be written: ${error.message}`,
  }
}

function toHeaders(headers: Origin['headers']): Headers {
  if (!headers) return EMPTY_HEADERS
  return Object.entries(headers).map(([key, value]): Header => ({ key, value: Buffer.from(value, 'utf8') }))
}
