import type { LogRecord } from '../../../kafka/port.ts'
import type { RecordMetadata } from '../../record.ts'
import type { SpanContext } from '../../tracing.ts'

/** The bytes that a record was read from. */
export type RawRecord = Pick<LogRecord, 'key' | 'value' | 'headers' | 'timestampMs'>

/**
 * Where the record came from that a task works on, and, while it does, its bytes: operators keep the metadata of what they hold back,
 * and must not keep what was fetched along with it.
 */
export class SourceRecord implements RecordMetadata {
  readonly topic: string
  readonly partition: number
  readonly offset: number
  /** The span in which it is processed, where there are spans. */
  trace: SpanContext | undefined
  #raw: RawRecord | undefined
  #kept = false

  constructor(topic: string, partition: number, offset: number, raw: RawRecord) {
    this.topic = topic
    this.partition = partition
    this.offset = offset
    this.#raw = raw
  }

  /** The bytes of a record whose metadata is this, if they are still there. */
  static rawOf(metadata: RecordMetadata | undefined): RawRecord | undefined {
    return metadata instanceof SourceRecord ? metadata.#raw : undefined
  }

  /** Work on the record goes on after its turn: a copy of its bytes stays with it. */
  static keep(metadata: RecordMetadata | undefined): void {
    if (!(metadata instanceof SourceRecord) || metadata.#kept || metadata.#raw === undefined) return
    const { key, value, headers, timestampMs } = metadata.#raw
    metadata.#raw = { key: key && Buffer.from(key), value: value && Buffer.from(value), headers, timestampMs }
    metadata.#kept = true
  }

  /** Its turn is over. */
  done(): void {
    if (!this.#kept) this.#raw = undefined
  }
}
