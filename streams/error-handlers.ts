import { BrookError, ConfigError } from '../common/errors.ts'
import type { Logger } from '../common/log.ts'
import type { Headers } from '../common/record.ts'
import type { StreamRecord } from './record.ts'
import { traceIdOf } from './trace-context.ts'

/** A record as it is written to a dead letter topic. */
export interface DeadLetter {
  readonly topic: string
  /** Left out: chosen by the key, as for any other record. */
  readonly partition?: number
  readonly key: Buffer | null
  readonly value: Buffer | null
  readonly timestampMs: number
  readonly headers: Headers
}

/**
 * What a handler is told about an error. Buffers may be views of what was fetched: copy what outlives the call.
 * @see org.apache.kafka.streams.errors.ErrorHandlerContext
 */
export interface ErrorContext {
  /** What was thrown, or why a record will not arrive. */
  readonly error: Error
  readonly taskId: string
  /** The source, processor or sink at which it happened. */
  readonly node: string
  /** Where the record was read that was worked on; `undefined` in punctuations, and where an operator no longer knows. */
  readonly topic: string | undefined
  /** -1 where `topic` is undefined. */
  readonly partition: number
  readonly offset: number
  readonly timestampMs: number
  readonly headers: Headers
  /** The record's bytes as they were read from `topic`; `null` also where they are not known any more (results held back). */
  readonly sourceRawKey: Buffer | null
  readonly sourceRawValue: Buffer | null
  readonly log: Logger
  /**
   * The dead letter for this error, to be given back with the handler's response: the source's bytes and headers, and behind them Kafka Streams'
   * `__streams.errors.exception`, `.message`, `.stacktrace`, `.topic`, `.partition` and `.offset`. None without a topic (default `deadLetterTopic`).
   */
  deadLetters(topic?: string): readonly DeadLetter[]
}

/** A record could not be read by its source, or the source's timestamp extractor threw. */
export interface DeserializationFailure extends ErrorContext {
  readonly kind: 'deserialization'
  readonly topic: string
  /** The same as `sourceRawKey` and `sourceRawValue`. */
  readonly key: Buffer | null
  readonly value: Buffer | null
}

/** The topology's code threw. */
export interface ProcessingFailure extends ErrorContext {
  readonly kind: 'processing'
  /** What the node was given; `undefined` in punctuations, and for results that came in later. */
  readonly record: StreamRecord<unknown, unknown> | undefined
}

/** A record could not be written (`origin` says which half of it), or the broker would not have it (`origin` is undefined). */
export interface ProductionFailure extends ErrorContext {
  readonly kind: 'production'
  readonly origin: 'key' | 'value' | undefined
  /** Where it was to go. */
  readonly targetTopic: string
  /** It is a change of a store: to go on without it is to lose state at the next restore. */
  readonly changelog: boolean
}

/** What is due: just that, or with records that are written in the transaction of the task. */
export type HandlerResponse<R extends string> =
  | R
  | { readonly result: R; readonly deadLetters?: readonly DeadLetter[] | undefined }

/** `continue` drops and counts the record, `fail` ends the thread. @see org.apache.kafka.streams.errors.DeserializationExceptionHandler */
export type DeserializationExceptionHandler = (failure: DeserializationFailure) => HandlerResponse<'continue' | 'fail'>

/** As for deserialization; what the node had done with the record by then, to stores too, stays done. @see KIP-1033 */
export type ProcessingExceptionHandler = (failure: ProcessingFailure) => HandlerResponse<'continue' | 'fail'>

/** `retry`, for errors that pass, does the task over from its last commit, for `taskTimeout` at most. @see org.apache.kafka.streams.errors.ProductionExceptionHandler */
export type ProductionExceptionHandler = (failure: ProductionFailure) => HandlerResponse<'continue' | 'fail' | 'retry'>

export interface ErrorHandlers {
  readonly deserialization: DeserializationExceptionHandler
  readonly processing: ProcessingExceptionHandler
  readonly production: ProductionExceptionHandler
}

type Failure = DeserializationFailure | ProcessingFailure

/** The default of all handlers: logs, leaves a dead letter where `deadLetterTopic` is set, and fails; what passes is retried in production. */
export function logAndFail(failure: Failure): HandlerResponse<'fail'>
export function logAndFail(failure: ProductionFailure): HandlerResponse<'fail' | 'retry'>
export function logAndFail(failure: Failure | ProductionFailure): HandlerResponse<'fail' | 'retry'> {
  if (passes(failure)) return 'retry'
  failure.log.error(fieldsOf(failure), `${failure.kind} failed`)
  return { result: 'fail', deadLetters: failure.deadLetters() }
}

/**
 * Logs, leaves a dead letter where `deadLetterTopic` is set, and goes on without the record; what passes is retried in production. Changes of
 * stores are not given up: there it fails.
 */
export function logAndContinue(failure: Failure): HandlerResponse<'continue'>
export function logAndContinue(failure: ProductionFailure): HandlerResponse<'continue' | 'fail' | 'retry'>
export function logAndContinue(failure: Failure | ProductionFailure): HandlerResponse<'continue' | 'fail' | 'retry'> {
  if (passes(failure)) return 'retry'
  if (failure.kind === 'production' && failure.changelog) return logAndFail(failure)
  failure.log.warn(fieldsOf(failure), `${failure.kind} failed: going on without the record`)
  return { result: 'continue', deadLetters: failure.deadLetters() }
}

/** {@link logAndContinue} that never loses a record without trace. @throws {ConfigError} when there is no `deadLetterTopic`, which ends the thread. */
export function deadLetterAndContinue(failure: Failure): HandlerResponse<'continue'>
export function deadLetterAndContinue(failure: ProductionFailure): HandlerResponse<'continue' | 'fail' | 'retry'>
export function deadLetterAndContinue(
  failure: Failure | ProductionFailure,
): HandlerResponse<'continue' | 'fail' | 'retry'> {
  if (failure.deadLetters().length === 0) throw new ConfigError(['deadLetterAndContinue needs deadLetterTopic'])
  return failure.kind === 'production' ? logAndContinue(failure) : logAndContinue(failure)
}

export const DEFAULT_HANDLERS: ErrorHandlers = {
  deserialization: logAndFail,
  processing: logAndFail,
  production: logAndFail,
}

function passes(failure: Failure | ProductionFailure): boolean {
  return failure.kind === 'production' && failure.error instanceof BrookError && failure.error.recovery === 'retry'
}

function fieldsOf({ error, taskId, node, topic, partition, offset, headers }: Failure | ProductionFailure): object {
  const traceId = traceIdOf(headers)
  return { err: error, taskId, node, topic, partition, offset, ...(traceId === undefined ? {} : { traceId }) }
}
