import { asError, BrookError, SerdeNotReadyError } from '../../common/errors.ts'
import type { TopicPartition } from '../../common/record.ts'
import type { Serde } from '../../common/serde.ts'
import type { LogRecord, OffsetCommit } from '../../kafka/port.ts'
import type { Reading } from '../../schemas/types.ts'
import { OffsetTracker } from '../offset-tracker.ts'
import type { Problem } from '../reading-kinds.ts'
import { buryRecord, type RefusedRecord, type SinkDeadLettersOptions, untilDone } from '../sink-dead-letters.ts'
import type { SinkPartition } from '../sink-reader.ts'
import { lineOf } from './line-protocol.ts'
import type { Point } from './point-writer.ts'

export interface InfluxPartitionOptions extends SinkDeadLettersOptions {
  readonly from: TopicPartition
  readonly position: number
  readonly committed: number | undefined
  readonly value: Serde<Reading>
  readonly measurement: string
  readonly add: (point: Point) => void
  /** A record with a value has come. */
  readonly onReceived: () => void
  /** A point is in InfluxDB. */
  readonly onWritten: () => void
  /** Told once when it cannot go on. */
  readonly onFailure: (error: Error) => void
}

interface Batch {
  readonly records: readonly LogRecord[]
  readonly nextOffset: number
}

/** Readings of one partition on their way to points. A record has ended when its point, or its dead letter, is where it belongs. */
export class InfluxPartition implements SinkPartition {
  readonly from: TopicPartition
  readonly #options: InfluxPartitionOptions
  readonly #tracker: OffsetTracker
  readonly #closing = new AbortController()
  #inbox: Batch[] = []
  #isWorking = false
  #burying = 0
  #offered = -1

  constructor(options: InfluxPartitionOptions) {
    this.from = options.from
    this.#options = options
    this.#tracker = new OffsetTracker(options.position, options.committed)
  }

  /** Its records wait for a schema. */
  get isBusy(): boolean {
    return this.#inbox.length > 0
  }

  /** Dead letters that are on their way. */
  get burying(): number {
    return this.#burying
  }

  offer(records: readonly LogRecord[], nextOffset: number): void {
    this.#inbox.push({ records, nextOffset })
    if (this.#isWorking) return
    this.#isWorking = true
    this.#work().then(
      () => {
        this.#isWorking = false
      },
      (error: unknown) => this.#fail(error),
    )
  }

  due(): OffsetCommit | undefined {
    const offset = this.#tracker.due()
    this.#offered = offset ?? -1
    return offset === undefined ? undefined : { ...this.from, offset }
  }

  committed(): void {
    if (this.#offered >= 0) this.#tracker.committed(this.#offered)
  }

  close(): void {
    this.#closing.abort()
    this.#inbox = []
  }

  #fail(error: unknown): void {
    if (this.#closing.signal.aborted) return
    this.close()
    this.#options.onFailure(asError(error))
  }

  /** Runs to its end at once while no schema has to be fetched. */
  async #work(): Promise<void> {
    for (let batch = this.#inbox[0]; batch !== undefined; batch = this.#inbox[0]) {
      for (const record of batch.records) {
        const taken = this.#take(record)
        if (taken) await taken
      }
      this.#tracker.passed(batch.nextOffset)
      this.#inbox.shift()
    }
  }

  /** A promise where a schema has to be fetched first. */
  #take(record: LogRecord): Promise<void> | undefined {
    const { value } = record
    if (value === null) return undefined
    const outcome = this.#read(value)
    if (!(outcome instanceof SerdeNotReadyError)) return void this.#begin(record, outcome)
    return this.#untilReadable(value).then(() => this.#take(record))
  }

  #untilReadable(value: Buffer): Promise<void> {
    const attempt = async (): Promise<void> => {
      const outcome = this.#read(value)
      if (outcome instanceof SerdeNotReadyError) await outcome.ready
    }
    return untilDone('schema registry', attempt, this.#options, this.#closing.signal)
  }

  #begin(record: LogRecord, line: string | Problem): void {
    this.#tracker.begin(record.offset)
    this.#options.onReceived()
    if (typeof line === 'string') this.#options.add(this.#point(record, line))
    else this.#bury(record, line)
  }

  #point({ offset, timestampMs, key, value }: LogRecord, line: string): Point {
    // The buffers of a fetch are large: a point that waits must not hold on to all of them.
    const original = { offset, timestampMs, key: key && Buffer.from(key), value: value && Buffer.from(value) }
    const isVoid = (): boolean => this.#closing.signal.aborted
    return {
      line,
      isVoid,
      done: (problem) => {
        if (isVoid()) return
        if (problem) {
          this.#bury(original, problem)
          return
        }
        this.#options.onWritten()
        this.#tracker.end(offset)
      },
    }
  }

  #bury(record: RefusedRecord, problem: Problem): void {
    this.#burying++
    buryRecord(this.from, record, problem, this.#options, this.#closing.signal).then(
      () => {
        this.#burying--
        this.#tracker.end(record.offset)
      },
      (error: unknown) => this.#fail(error),
    )
  }

  #read(value: Buffer): string | Problem | SerdeNotReadyError {
    try {
      return lineOf(this.#options.measurement, this.#options.value.deserialize(value, this.from.topic))
    } catch (thrown) {
      const error = asError(thrown)
      if (error instanceof SerdeNotReadyError) return error
      const code = error instanceof BrookError ? error.code : 'SERDE_FAILED'
      return { code, reason: `it cannot be read: ${error.message}` }
    }
  }
}
