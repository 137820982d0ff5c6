import type { Awaitable } from '../../common/awaitable.ts'
import { EMPTY_HEADERS, type Headers } from '../../common/record.ts'
import type { ProcessorContext } from './processor.ts'

/** The update that a value is transformed for, or the row when it is only read: then it has no headers and no origin. */
export interface TransformedUpdate {
  readonly timestampMs: number
  readonly headers: Headers
}

type TaskContext = Pick<
  ProcessorContext,
  | 'taskId'
  | 'applicationId'
  | 'nodeName'
  | 'log'
  | 'getStateStore'
  | 'schedule'
  | 'commit'
  | 'recordMetadata'
  | 'currentStreamTimeMs'
  | 'currentSystemTimeMs'
>

/** What a value transformer sees of its task: all but the ways to send records on. @see ForwardingDisabledProcessorContext */
export interface ValueTransformerContext extends TaskContext {
  /** What is transformed now: time -1 where there is no row, and between calls. */
  update(): TransformedUpdate
}

export const NO_UPDATE: TransformedUpdate = { timestampMs: -1, headers: EMPTY_HEADERS }

/**
 * Gives each row of a table another value, with the help of stores. There is one per task and, where the result is not stored, one more per
 * operator that reads its rows: `transform` is then called for each read, so it must give the same for the same.
 * @see org.apache.kafka.streams.kstream.ValueTransformerWithKey
 */
export interface ValueTransformer<K, V, V2> {
  init?(context: ValueTransformerContext): void
  /** `value` is `null` for a deletion, or where there is no row; a result of `null` deletes. May return a promise. */
  readonly transform: (value: V | null, key: K) => Awaitable<V2 | null>
  close?(): void
}

/** Must give a new one every time. */
export type ValueTransformerFactory<K, V, V2> = () => ValueTransformer<K, V, V2>

export function transformerContext(
  context: ProcessorContext<never, never>,
  recordMetadata: ProcessorContext['recordMetadata'],
  update: () => TransformedUpdate,
): ValueTransformerContext {
  const { taskId, applicationId, nodeName, log } = context
  return {
    taskId,
    applicationId,
    nodeName,
    log,
    recordMetadata,
    update,
    getStateStore: (name) => context.getStateStore(name),
    schedule: (intervalMs, type, punctuator) => context.schedule(intervalMs, type, punctuator),
    commit: () => context.commit(),
    currentStreamTimeMs: () => context.currentStreamTimeMs(),
    currentSystemTimeMs: () => context.currentSystemTimeMs(),
  }
}
