import { asError, BrookError } from '../../../common/errors.ts'
import type { Logger } from '../../../common/log.ts'
import { EMPTY_HEADERS, type Headers } from '../../../common/record.ts'
import type { LogRecord, ProducerRecord } from '../../../kafka/port.ts'
import type {
  DeadLetter,
  ErrorContext,
  ErrorHandlers,
  HandlerResponse,
  ProcessingFailure,
  ProductionFailure,
} from '../../error-handlers.ts'
import {
  AsyncTimeoutError,
  DeserializationError,
  ErrorHandlerFailedError,
  ProcessingError,
  ProductionError,
  SuppressBufferFullError,
} from '../../errors.ts'
import type { DropReason } from '../../processors/processor.ts'
import type { RecordMetadata, StreamRecord } from '../../record.ts'
import { deadLetterOf } from './dead-letters.ts'
import type { RecordCollector } from './record-collector.ts'
import { type RawRecord, SourceRecord } from './source-record.ts'

export interface TaskErrorsOptions {
  readonly taskId: string
  readonly handlers: ErrorHandlers
  readonly deadLetterTopic: string | undefined
  readonly sendDeadLetter: (letter: DeadLetter) => void
  readonly log: Logger
}

/** What is known of a record, or of a punctuation, that something went wrong with. */
export interface Incident {
  readonly node: string
  readonly error: Error
  readonly at: RecordMetadata | undefined
  readonly raw: RawRecord | undefined
  readonly timestampMs: number
  readonly headers: Headers
}

/** A record that was sent, as far as it matters when it is refused. */
export interface SentRecord {
  readonly node: string
  readonly topic: string
  readonly changelog: boolean
  readonly record: ProducerRecord
  readonly at: RecordMetadata | undefined
  readonly raw: RawRecord | undefined
}

type Answer = HandlerResponse<'continue' | 'fail' | 'retry'>

/** Asks the handlers of a task, writes the dead letters they want, and turns `fail` into an error with what is due. */
export class TaskErrors {
  readonly #options: TaskErrorsOptions

  constructor(options: TaskErrorsOptions) {
    this.#options = options
  }

  /** Returns when the record is to be skipped. @throws {DeserializationError} */
  unread(node: string, topic: string, partition: number, raw: LogRecord, error: Error): void {
    const at = { topic, partition, offset: raw.offset }
    const context = this.#context({ node, error, at, raw, timestampMs: raw.timestampMs, headers: raw.headers })
    const failure = { ...context, kind: 'deserialization', topic, key: raw.key, value: raw.value } as const
    const result = this.#ask('deserialization', failure.error, () => this.#options.handlers.deserialization(failure))
    if (result !== 'continue')
      throw new DeserializationError(`${topic}-${partition}@${raw.offset} cannot be read: ${error.message}`, {
        cause: error,
      })
  }

  /** Returns when things go on without the record. @throws {ProcessingError}; what no handler can decide about as it is. */
  processing(
    node: string,
    record: StreamRecord<unknown, unknown> | undefined,
    at: RecordMetadata | undefined,
    nowMs: number,
    thrown: unknown,
  ): void {
    if (isBeyondHandlers(thrown)) throw thrown
    const error = asError(thrown)
    const raw = SourceRecord.rawOf(at)
    const timestampMs = record?.timestampMs ?? raw?.timestampMs ?? nowMs
    const headers = record?.headers ?? raw?.headers ?? EMPTY_HEADERS
    const context = this.#context({ node, error, at, raw, timestampMs, headers })
    const failure: ProcessingFailure = { ...context, kind: 'processing', record }
    const result = this.#ask('processing', error, () => this.#options.handlers.processing(failure))
    if (result === 'continue') return
    const where = at ? `${at.topic}-${at.partition}@${at.offset}` : 'a punctuation'
    throw new ProcessingError(this.#options.taskId, node, where, thrown)
  }

  /** Returns when the record is to be skipped. @throws {ProductionError}; errors that pass as they are. */
  serialization(
    node: string,
    record: StreamRecord<unknown, unknown>,
    at: RecordMetadata | undefined,
    target: { readonly topic: string; readonly origin: 'key' | 'value' },
    error: Error,
  ): void {
    if (isBeyondHandlers(error)) throw error
    const { timestampMs, headers } = record
    const incident = { node, error, at, raw: SourceRecord.rawOf(at), timestampMs, headers }
    const due = this.#produce(incident, { targetTopic: target.topic, origin: target.origin, changelog: false })
    if (due !== undefined) throw due
  }

  /** What the task fails with because of a record that does not arrive; `undefined`: it goes on without it. */
  refused({ node, topic, changelog, record, at, raw }: SentRecord, error: Error): Error | undefined {
    if (isFatal(error)) return error
    const { timestampMs, headers = EMPTY_HEADERS } = record
    try {
      const incident = { node, error, at, raw, timestampMs, headers }
      return this.#produce(incident, { targetTopic: topic, origin: undefined, changelog })
    } catch (thrown) {
      return asError(thrown)
    }
  }

  #produce(
    incident: Incident,
    target: Pick<ProductionFailure, 'targetTopic' | 'origin' | 'changelog'>,
  ): ProductionError | undefined {
    const { error, node } = incident
    const failure: ProductionFailure = { ...this.#context(incident), kind: 'production', ...target }
    const result = this.#ask('production', error, () => this.#options.handlers.production(failure))
    if (result === 'continue') return undefined
    const passes = error instanceof BrookError && error.recovery === 'retry'
    const due = result === 'retry' && passes ? 'retry' : 'stop'
    return new ProductionError(this.#options.taskId, node, target.targetTopic, due, error)
  }

  #context({ node, error, at, raw, timestampMs, headers }: Incident): ErrorContext {
    const { taskId, deadLetterTopic, log } = this.#options
    const context = {
      error,
      taskId,
      node,
      topic: at?.topic,
      partition: at?.partition ?? -1,
      offset: at?.offset ?? -1,
      timestampMs,
      headers,
      sourceRawKey: raw?.key ?? null,
      sourceRawValue: raw?.value ?? null,
    }
    const deadLetters = (topic = deadLetterTopic): readonly DeadLetter[] =>
      topic === undefined ? [] : [deadLetterOf(topic, context)]
    return { ...context, log, deadLetters }
  }

  #ask(kind: keyof ErrorHandlers, error: Error, ask: () => Answer): 'continue' | 'fail' | 'retry' {
    let answer: Answer
    try {
      answer = ask()
    } catch (thrown) {
      throw new ErrorHandlerFailedError(kind, error, thrown)
    }
    const { result, deadLetters = [] } = typeof answer === 'object' ? answer : { result: answer }
    for (const letter of deadLetters) this.#options.sendDeadLetter(letter)
    return result
  }
}

/** The errors of a stream task: dead letters go through its collector, records that it loses there are counted. */
export function errorsOfTask(
  options: {
    readonly taskId: string
    readonly errorHandlers: ErrorHandlers
    readonly deadLetterTopic: string | undefined
    readonly collector: RecordCollector
    readonly onDropped: (taskId: string, node: string, reason: DropReason) => void
  },
  log: Logger,
): TaskErrors {
  const { taskId, errorHandlers: handlers, deadLetterTopic, collector } = options
  const sendDeadLetter = (letter: DeadLetter): void => collector.sendDeadLetter(letter)
  const errors = new TaskErrors({ taskId, handlers, deadLetterTopic, sendDeadLetter, log })
  collector.onRefused((sent, error) => {
    const due = errors.refused(sent, error)
    if (due === undefined) options.onDropped(taskId, sent.node, 'production-error')
    return due
  })
  return errors
}

/** Errors about which there is nothing to decide: they have been through a handler, will pass, or are about the task as a whole. */
function isBeyondHandlers(thrown: unknown): boolean {
  if (!(thrown instanceof BrookError) || thrown instanceof AsyncTimeoutError) return false
  if (thrown instanceof ProcessingError || thrown instanceof ProductionError) return true
  if (thrown instanceof ErrorHandlerFailedError || thrown instanceof SuppressBufferFullError) return true
  return thrown.domain === 'internal' || thrown.recovery === 'retry' || isFatal(thrown)
}

/** The producer, or the task, is not what it was: no record is to blame. */
function isFatal(error: Error): boolean {
  if (!(error instanceof BrookError)) return false
  const { recovery, code } = error
  return recovery === 'restore-task' || recovery === 'drop-tasks' || code === 'KAFKA_NOT_AUTHORIZED'
}
