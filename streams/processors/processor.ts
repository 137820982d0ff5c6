import type { Awaitable } from '../../common/awaitable.ts'
import type { Logger } from '../../common/log.ts'
import type { StateStore } from '../../stores/state-store.ts'
import type { RecordMetadata, StreamRecord } from '../record.ts'

export type PunctuationType = 'stream-time' | 'wall-clock-time'

/** Called with the time that is now (stream or wall clock), not with the time it was due. */
export type Punctuator = (timestampMs: number) => Awaitable<void>

export interface Cancellable {
  cancel(): void
}

/** Why a record went no further; a label of the `dropped-records` metric. */
export type DropReason =
  | 'null-key'
  | 'null-value'
  | 'late'
  | 'expired-window'
  | 'invalid-timestamp'
  | 'deserialization-error'
  | 'processing-error'
  | 'production-error'

/**
 * What a processor sees of its task. One context per processor node.
 * @see org.apache.kafka.streams.processor.api.ProcessorContext
 */
export interface ProcessorContext<KOut = unknown, VOut = unknown> {
  readonly taskId: string
  readonly applicationId: string
  readonly nodeName: string
  readonly log: Logger
  /** `statestore.cache.max.bytes`, as the share of this task: how much an operator may hold back until a commit; 0 = forward at once. */
  readonly recordCacheMaxBytes: number
  /** How long, by the wall clock, operators that send what has expired may put that off (Kafka Streams: 1 s); 0 = never. */
  readonly emitIntervalMs: number
  /**
   * Hands a record to the children (or the one named), depth-first, one child after the other. A promise comes back only
   * when some child has to wait: return or await it before anything else is forwarded.
   */
  forward(record: StreamRecord<KOut, VOut>, childName?: string): Awaitable<void>
  /** A store that was connected to this processor. @throws {TopologyError} when it was not. */
  getStateStore<S extends StateStore>(name: string): S
  /** @see rule 9: stream time fires on the first known time, wall clock after one interval; missed calls collapse into one. */
  schedule(intervalMs: number, type: PunctuationType, punctuator: Punctuator): Cancellable
  /** Asks for a commit soon. */
  commit(): void
  /** Where the record being processed came from; `undefined` during a punctuation. */
  recordMetadata(): RecordMetadata | undefined
  /** Highest timestamp of the records that this task has taken so far; -1 before the first. */
  currentStreamTimeMs(): number
  /** Wall clock. */
  currentSystemTimeMs(): number
  /** Counts a record that goes no further, and logs it at debug level with its origin. */
  drop(record: StreamRecord<unknown, unknown> | undefined, reason: DropReason): void
  /** Asks that `flush` of this node run before each commit, upstream nodes first (operators that forward per commit). */
  onCommit(flush: () => Awaitable<void>): void
}

/**
 * One step of a topology. One instance per task and node.
 * @see org.apache.kafka.streams.processor.api.Processor
 */
export interface Processor<KIn = unknown, VIn = unknown, KOut = unknown, VOut = unknown> {
  init?(context: ProcessorContext<KOut, VOut>): void
  /** May return a promise: the task takes the next record after it. */
  process(record: StreamRecord<KIn, VIn>): Awaitable<void>
  close?(): void
}

/** Makes a processor for each task; must give a new one every time. */
export type ProcessorSupplier<KIn = unknown, VIn = unknown, KOut = unknown, VOut = unknown> = () => Processor<
  KIn,
  VIn,
  KOut,
  VOut
>
