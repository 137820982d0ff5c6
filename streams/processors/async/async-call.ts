import type { Headers } from '../../../common/record.ts'
import type { RecordMetadata } from '../../record.ts'

/** What an asynchronous function is told about its call. */
export interface AsyncCall {
  /** Aborted when the call has timed out or its task is closed: what it gives after that is not used. */
  readonly signal: AbortSignal
  /** Where the record came from; absent for records that a punctuation or a commit sent on. */
  readonly metadata: RecordMetadata | undefined
  readonly timestampMs: number
  readonly headers: Headers
  /** 1 for the first call for this record, 2 for the first repetition, … */
  readonly attempt: number
}

/** One call. Its signal is made when it is asked for. */
export class OpenCall implements AsyncCall {
  readonly metadata: RecordMetadata | undefined
  readonly timestampMs: number
  readonly headers: Headers
  readonly attempt: number
  #controller: AbortController | undefined

  constructor(
    record: { readonly timestampMs: number; readonly headers: Headers },
    metadata: RecordMetadata | undefined,
    attempt: number,
  ) {
    this.metadata = metadata
    this.timestampMs = record.timestampMs
    this.headers = record.headers
    this.attempt = attempt
  }

  get signal(): AbortSignal {
    this.#controller ??= new AbortController()
    return this.#controller.signal
  }

  abort(reason: Error): void {
    this.#controller ??= new AbortController()
    this.#controller.abort(reason)
  }
}

/** How often a record's call is made, and how long it waits in between. */
export interface AsyncRetry {
  /** Calls in all. */
  readonly attempts: number
  readonly backoffMs: number
  readonly maxBackoffMs: number
  /** Part of the wait that is left to chance, 0 to 1. */
  readonly jitter: number
  readonly retryIf: (error: Error) => boolean
}

/** The wait after the given attempt: doubled each time up to the maximum, less a random part. */
export function backoffAfter(attempt: number, retry: AsyncRetry, random: () => number = Math.random): number {
  const fullMs = Math.min(retry.maxBackoffMs, retry.backoffMs * 2 ** (attempt - 1))
  return Math.round(fullMs * (1 - retry.jitter * random()))
}
