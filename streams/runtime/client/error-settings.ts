import type { Duration } from '../../../common/duration.ts'
import {
  DEFAULT_HANDLERS,
  type DeserializationExceptionHandler,
  type ErrorHandlers,
  type ProcessingExceptionHandler,
  type ProductionExceptionHandler,
} from '../../error-handlers.ts'

/** What is due when an error ends a stream thread. @see org.apache.kafka.streams.errors.StreamsUncaughtExceptionHandler */
export type UncaughtExceptionResponse =
  /** A new thread takes its place and goes on from what is committed. */
  | 'replace-thread'
  /** This client ends; the group gives its tasks to others. */
  | 'shut-down-client'
  /** All clients of the application end. */
  | 'shut-down-application'

/** Settings about errors; names in brackets are Kafka Streams'. */
export interface ErrorOptions {
  /** About records that cannot be read (`deserialization.exception.handler`, default `logAndFail`). */
  readonly onDeserializationError?: DeserializationExceptionHandler
  /** About what the topology's code throws, punctuators too (`processing.exception.handler`, default `logAndFail`). */
  readonly onProcessingError?: ProcessingExceptionHandler
  /** Asks the processing handler about the processors of global stores too (`processing.exception.handler.global.enabled`, default no). */
  readonly handleGlobalProcessingErrors?: boolean
  /** About records that cannot be written (`production.exception.handler`, default `logAndFail`). */
  readonly onProductionError?: ProductionExceptionHandler
  /** Where the ready-made handlers leave what could not be used (`errors.dead.letter.queue.topic.name`, default nowhere). The topic has to exist. */
  readonly deadLetterTopic?: string
  /**
   * How long a task that fails for a reason that passes is tried again, while the others go on (`task.timeout.ms`, default 5 min); 0: not at
   * all. After that it is a {@link TaskTimeoutError}.
   */
  readonly taskTimeout?: Duration
  /** What is due when an error ends the stream thread (`setUncaughtExceptionHandler`, default `shut-down-client`). */
  readonly uncaughtExceptionHandler?: UncaughtExceptionResponse | ((error: Error) => UncaughtExceptionResponse)
  /** The client is stopped by an error; by then it has closed its tasks. */
  readonly onUncaughtError?: (error: Error) => void
}

export interface ErrorSettings {
  readonly errorHandlers: ErrorHandlers
  readonly handleGlobalProcessingErrors: boolean
  readonly deadLetterTopic: string | undefined
  readonly taskTimeoutMs: number
  readonly uncaughtExceptionHandler: (error: Error) => UncaughtExceptionResponse
  readonly onUncaughtError: (error: Error) => void
}

export function errorSettings(
  options: ErrorOptions,
  duration: (name: string, value: Duration | undefined, fallback: number) => number,
): ErrorSettings {
  const { uncaughtExceptionHandler = 'shut-down-client' } = options
  return {
    errorHandlers: errorHandlers(options),
    handleGlobalProcessingErrors: options.handleGlobalProcessingErrors ?? false,
    deadLetterTopic: options.deadLetterTopic,
    taskTimeoutMs: duration('taskTimeout', options.taskTimeout, 300_000),
    uncaughtExceptionHandler:
      typeof uncaughtExceptionHandler === 'function' ? uncaughtExceptionHandler : () => uncaughtExceptionHandler,
    onUncaughtError: options.onUncaughtError ?? (() => {}),
  }
}

/** The handlers that were given, and the defaults for the others. */
export function errorHandlers(
  options: Pick<ErrorOptions, 'onDeserializationError' | 'onProcessingError' | 'onProductionError'>,
): ErrorHandlers {
  return {
    deserialization: options.onDeserializationError ?? DEFAULT_HANDLERS.deserialization,
    processing: options.onProcessingError ?? DEFAULT_HANDLERS.processing,
    production: options.onProductionError ?? DEFAULT_HANDLERS.production,
  }
}
