import { setTimeout as sleep } from 'node:timers/promises'
import type { Logger } from '../../../common/log.ts'
import { ShutdownRequestedError } from '../../errors.ts'
import type { UncaughtExceptionResponse } from './error-settings.ts'

const FIRST_DELAY_MS = 100
const MOST_DELAY_MS = 10_000
/** A thread that has run for so long starts anew at once when it fails. */
const HEALTHY_MS = 60_000

export interface UncaughtErrorsOptions {
  readonly respond: (error: Error) => UncaughtExceptionResponse
  /** Told of each thread that has failed. */
  readonly onFailure: () => void
  readonly log: Logger
  /** The client is not closing. */
  readonly isOpen: () => boolean
  readonly replaceThread: () => void
  readonly requestShutdown: () => Promise<void>
  readonly shutDownClient: (error: Error) => Promise<void>
}

/** Does what the user's policy says about errors that ended a stream thread. A thread that fails again and again is replaced at growing intervals. */
export class UncaughtErrors {
  readonly #options: UncaughtErrorsOptions
  readonly #handled = new WeakSet<Error>()
  #replacements = 0
  #lastMs = Number.NEGATIVE_INFINITY

  constructor(options: UncaughtErrorsOptions) {
    this.#options = options
  }

  /** Once for each error. Never rejects. */
  async handle(error: Error): Promise<void> {
    if (this.#handled.has(error)) return
    this.#handled.add(error)
    this.#options.onFailure()
    const { log, isOpen, replaceThread, requestShutdown, shutDownClient } = this.#options
    const response = this.#respond(error)
    log.error({ err: error, response }, 'a stream thread has failed')
    if (response === 'replace-thread') {
      await sleep(this.#delay())
      if (isOpen()) replaceThread()
      return
    }
    if (response === 'shut-down-application' && isOpen()) await requestShutdown()
    await shutDownClient(error)
  }

  #respond(error: Error): UncaughtExceptionResponse {
    if (error instanceof ShutdownRequestedError) return 'shut-down-client'
    try {
      return this.#options.respond(error)
    } catch (thrown) {
      this.#options.log.error({ err: thrown }, 'uncaughtExceptionHandler threw: the client is shut down')
      return 'shut-down-client'
    }
  }

  #delay(): number {
    const nowMs = performance.now()
    if (nowMs - this.#lastMs > HEALTHY_MS) this.#replacements = 0
    this.#lastMs = nowMs
    return Math.min(MOST_DELAY_MS, FIRST_DELAY_MS * 2 ** this.#replacements++)
  }
}
