import { asError, BrookError, SerdeNotReadyError } from '../../../common/errors.ts'
import type { FetchedBatch, LogRecord } from '../../../kafka/port.ts'
import { DeserializationError } from '../../errors.ts'
import type { DropReason } from '../../processors/processor.ts'
import { StreamRecord } from '../../record.ts'
import type { SourceNode } from '../../topology-nodes.ts'
import { recordSizeBytes } from '../metrics/record-size.ts'
import type { Traffic } from '../metrics/task-metrics.ts'

export interface RecordQueueHooks {
  /** Returns when a record that cannot be read is to be skipped; throws what comes of it when not. */
  readonly onUnreadable: (record: LogRecord, error: Error) => void
  /** `error`: why it could not be read. */
  readonly onDrop: (reason: DropReason, record: LogRecord, topic: string, partition: number, error?: Error) => void
  /** The head waits for a schema; called when it has been read after all. */
  readonly onUnblocked: () => void
}

/** Offsets after the last record that is committed, processed, and read. */
export interface QueueOffsets {
  readonly topic: string
  readonly partition: number
  readonly committedOffset: number
  readonly positionOffset: number
  readonly readOffset: number
}

/**
 * The fetched records of one partition. They stay bytes until they become the head: only the head is decoded and given its
 * timestamp, so a record is read with the schemas and the partition time of its turn.
 * @see org.apache.kafka.streams.processor.internals.RecordQueue
 */
export class RecordQueue {
  readonly topic: string
  readonly partition: number
  readonly source: SourceNode
  /** What was taken so far. */
  readonly consumed: Traffic = { records: 0, bytes: 0 }
  readonly #hooks: RecordQueueHooks
  readonly #batches: FetchedBatch[] = []
  #records: readonly LogRecord[] = []
  #next = 0
  #buffered = 0
  #endOffset = 0
  #blocked = false
  #blockedSinceMs = 0
  #headOfBlock = -1
  #blockedBy: Error | undefined
  /** Why the schema will never come. */
  #hopeless: Error | undefined
  /** Counts `clear`s, so that an answer for a head of before is not taken for one of now. */
  #generation = 0
  /** The decoded first record, or `undefined` when there is none (or it waits for a schema). */
  head: StreamRecord<unknown, unknown> | undefined
  headOffset = -1
  /** Highest timestamp taken so far; handed to the timestamp extractor. */
  partitionTimeMs = -1
  /** {@link positionOffset} as of the last commit. */
  committedOffset = 0

  constructor(source: SourceNode, topic: string, partition: number, hooks: RecordQueueHooks) {
    this.source = source
    this.topic = topic
    this.partition = partition
    this.#hooks = hooks
  }

  /** Records that wait, the head included. */
  get size(): number {
    return this.#buffered
  }

  /** The bytes of the head. */
  get headBytes(): LogRecord {
    return this.#records[this.#next] as LogRecord
  }

  get blocked(): boolean {
    return this.#blocked
  }

  /** Where reading would go on: the offset of the head, or the position after everything taken. */
  get positionOffset(): number {
    return this.#records[this.#next]?.offset ?? this.#endOffset
  }

  get offsets(): QueueOffsets {
    const { topic, partition, committedOffset, positionOffset } = this
    const readOffset = this.#batches.at(-1)?.nextOffset ?? this.#endOffset
    return { topic, partition, committedOffset, positionOffset, readOffset }
  }

  /** Forgets what is buffered (the partition is read again from where the caller says). */
  clear(): void {
    this.#batches.length = 0
    this.#records = []
    this.#next = 0
    this.#buffered = 0
    this.#blocked = false
    this.#generation++
    this.head = undefined
    this.#headOfBlock = -1
  }

  startAt(offset: number): void {
    this.#endOffset = offset
  }

  add(batch: FetchedBatch): void {
    this.#batches.push(batch)
    this.#buffered += batch.records.length
    if (this.head === undefined && !this.#blocked) this.#updateHead()
  }

  /** Takes the head; the next record becomes head. */
  take(): void {
    const head = this.head as StreamRecord<unknown, unknown>
    const { key, value, headers } = this.headBytes
    this.consumed.records++
    this.consumed.bytes += recordSizeBytes(this.topic, key, value, headers)
    if (head.timestampMs > this.partitionTimeMs) this.partitionTimeMs = head.timestampMs
    this.head = undefined
    this.#advance()
    this.#updateHead()
  }

  #advance(): void {
    this.#next++
    this.#buffered--
  }

  #updateHead(): void {
    for (;;) {
      const raw = this.#records[this.#next]
      if (raw === undefined) {
        const batch = this.#batches.shift()
        if (batch === undefined) return
        this.#records = batch.records
        this.#next = 0
        this.#endOffset = batch.nextOffset
        continue
      }
      const head = this.#decode(raw)
      if (this.#blocked) return
      if (head !== undefined) {
        this.head = head
        this.headOffset = raw.offset
        return
      }
      this.#advance()
    }
  }

  #decode(raw: LogRecord): StreamRecord<unknown, unknown> | undefined {
    const { source, topic } = this
    let record: StreamRecord<unknown, unknown>
    try {
      const key = raw.key === null ? null : source.keySerde.deserialize(raw.key, topic, raw.headers)
      const value = raw.value === null ? null : source.valueSerde.deserialize(raw.value, topic, raw.headers)
      record = new StreamRecord(key, value, raw.timestampMs, raw.headers)
    } catch (error) {
      if (error instanceof SerdeNotReadyError) this.#block(error)
      else this.#rejectUnreadable(raw, error)
      return undefined
    }
    let timestampMs: number
    try {
      timestampMs = this.#timestampOf(record, raw)
    } catch (error) {
      this.#rejectUnreadable(raw, error)
      return undefined
    }
    if (timestampMs < 0) {
      this.#hooks.onDrop('invalid-timestamp', raw, topic, this.partition)
      return undefined
    }
    return timestampMs === raw.timestampMs ? record : record.withTimestamp(timestampMs)
  }

  #timestampOf(record: StreamRecord<unknown, unknown>, raw: LogRecord): number {
    const extractor = this.source.timestampExtractor
    if (extractor !== undefined) {
      const { key, value, timestampMs, headers } = record
      const { topic, partition } = this
      return extractor({ key, value, timestampMs, headers, topic, partition, offset: raw.offset }, this.partitionTimeMs)
    }
    if (raw.timestampMs < 0) {
      throw new DeserializationError(
        `${this.topic}-${this.partition}@${raw.offset} has the invalid timestamp ${raw.timestampMs}: give the source a timestampExtractor`,
      )
    }
    return raw.timestampMs
  }

  #block(error: SerdeNotReadyError): void {
    this.#blocked = true
    if (this.#headOfBlock !== this.positionOffset) this.#blockedSinceMs = performance.now()
    this.#headOfBlock = this.positionOffset
    const generation = this.#generation
    const retry = (): void => {
      if (generation !== this.#generation) return
      this.#blocked = false
      this.#hooks.onUnblocked()
    }
    error.ready.then(retry, (thrown: unknown) => {
      const passes = thrown instanceof BrookError && thrown.recovery === 'retry'
      if (passes) this.#blockedBy = thrown
      else this.#hopeless = asError(thrown)
      retry()
    })
  }

  /** For how long the head has waited for its schema, and for want of what; `undefined` when it does not. */
  get blockage(): { readonly forMs: number; readonly error: Error | undefined } | undefined {
    if (!this.#blocked) return undefined
    return { forMs: performance.now() - this.#blockedSinceMs, error: this.#blockedBy }
  }

  /** Decodes a head that was waiting for its schema. May throw what comes of a record that is not skipped. */
  retryHead(): void {
    if (this.#hopeless !== undefined) throw this.#hopeless
    if (this.head === undefined && !this.#blocked) this.#updateHead()
  }

  #rejectUnreadable(raw: LogRecord, thrown: unknown): void {
    const error = asError(thrown)
    this.#hooks.onUnreadable(raw, error)
    this.#hooks.onDrop('deserialization-error', raw, this.topic, this.partition, error)
  }
}
