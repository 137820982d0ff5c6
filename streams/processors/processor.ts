import type { Awaitable } from '../../common/awaitable.ts'
import type { Logger } from '../../common/log.ts'
import type { DueEntry, StateStore } from '../../stores/state-store.ts'
import type { DropDetails } from '../dropped-record.ts'
import type { RecordMetadata, StreamRecord } from '../record.ts'
import type { TaskWork } from './async/task-work.ts'
import type { NodeMetrics } from './node-metrics.ts'
import type { TimedWork } from './times/timed-work.ts'
import type { Timer, Timers } from './times/timers.ts'

export type PunctuationType = 'stream-time' | 'wall-clock-time'

/** Called with the time that is now (stream or wall clock), not with the time it was due. */
export type Punctuator = (timestampMs: number) => Awaitable<void>

export interface ScheduleOptions {
  /** When the first call is due, in ms since the epoch; the later ones keep its phase. */
  readonly startMs?: number
}

export interface Cancellable {
  cancel(): void
}

/** Why a record went no further; a label of the `dropped-records` metric. */
export type DropReason =
  | 'null-key'
  | 'null-value'
  | 'null-foreign-key'
  | 'stale-answer'
  | 'out-of-order'
  | 'late'
  | 'duplicate'
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
  /** What the operator tells of itself. */
  readonly metrics: NodeMetrics
  /** `statestore.cache.max.bytes`, as the share of this task: how much an operator may hold back until a commit; 0 = forward at once. */
  readonly recordCacheMaxBytes: number
  /** How long, by the wall clock, operators that send what has expired may put that off (Kafka Streams: 1 s); 0 = never. */
  readonly emitIntervalMs: number
  /**
   * Hands a record to the children (or the one named), depth-first, one child after the other. A promise comes back only
   * when some child has to wait: return or await it before anything else is forwarded.
   */
  forward(record: StreamRecord<KOut, VOut>, childName?: string): Awaitable<void>
  /** {@link forward} of a record that was held back: downstream, `recordMetadata` is that of `origin`, where the record came from. */
  forwardAs(record: StreamRecord<KOut, VOut>, origin: RecordMetadata | undefined): Awaitable<void>
  /** A store that was connected to this processor. @throws {TopologyError} when it was not. */
  getStateStore<S extends StateStore>(name: string): S
  /**
   * Calls the punctuator again and again: on stream time from the first known time on, on the wall clock after one interval; calls that
   * were missed collapse into one. With `startMs` (since the epoch) only at that time and whole intervals after it.
   * @throws {InvalidArgumentError} for an interval below 1 ms or a start before the epoch. @see PunctuationQueue, KIP-1146
   */
  schedule(intervalMs: number, type: PunctuationType, punctuator: Punctuator, options?: ScheduleOptions): Cancellable
  /**
   * The timers in a timer store that is connected to this processor, and what is done when one goes off: by stream time before the record is
   * processed that moves it there, in the order of time, then of key bytes. Call it in `init`, once: the store's timers belong to one
   * processor. @throws {TopologyError} when the store has none, or they are another's.
   */
  timers<K>(store: string, onTimer: (timer: Timer<K>) => Awaitable<void>): Timers<K>
  /**
   * Told of each row that leaves a store because its time to live is over. Without it they leave unsaid. Call it in `init`, once.
   * @throws {TopologyError} when rows of the store live for ever, or another processor is told.
   */
  onExpired<K, V>(store: string, handle: (row: DueEntry<K, V>) => Awaitable<void>): void
  /** For operators that do something at times of their own; `store`: whose due rows it takes. */
  onTime(work: TimedWork, store?: string): void
  /** Asks for a commit soon. */
  commit(): void
  /** Where the record being processed came from; `undefined` during a punctuation. */
  recordMetadata(): RecordMetadata | undefined
  /** What was kept under this key, in this run or by the last commit before it. */
  processorMetadata(key: string): number | undefined
  /**
   * Keeps a number that may only grow in the metadata of the next commit, beside the offsets of all inputs: it is final exactly when
   * they are. A function is asked at each commit; what is negative is not kept. The key is unique in the topology: a store's name, or
   * something that no store can be called.
   * @see org.apache.kafka.streams.processor.internals.ProcessorMetadata
   */
  keepProcessorMetadata(key: string, value: number | (() => number)): void
  /** Highest timestamp of the records that this task has taken so far; -1 before the first. */
  currentStreamTimeMs(): number
  /** Wall clock. */
  currentSystemTimeMs(): number
  /**
   * Counts a record that goes no further, logs it at debug level with its origin, and hands it to the operator's `dropped` stream where
   * there is one. A promise comes back as from `forward`: return or await it.
   */
  drop(record: StreamRecord<unknown, unknown> | undefined, reason: DropReason, details?: DropDetails): Awaitable<void>
  /** Asks that `flush` of this node run before each commit, upstream nodes first (operators that forward per commit). */
  onCommit(flush: () => Awaitable<void>): void
  /** Calls this when the task closes, after the node's own `close`. */
  onClose(close: () => void): void
  /** For work that goes on while the task takes other records. @throws {TopologyError} in the processor of a global store. */
  readonly work: TaskWork
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
export type ProcessorFactory<KIn = unknown, VIn = unknown, KOut = unknown, VOut = unknown> = () => Processor<
  KIn,
  VIn,
  KOut,
  VOut
>
