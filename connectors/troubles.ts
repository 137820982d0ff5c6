import { BrookError } from '../common/errors.ts'
import type { Logger } from '../common/log.ts'
import type { StatusTracker } from './status.ts'

/** What is in the way of a connector that goes on trying, by the part that it comes from; told in its status, and once in the log. */
export class Troubles {
  readonly #status: StatusTracker
  readonly #logger: Logger
  readonly #current = new Map<string, Error>()

  constructor(status: StatusTracker, logger: Logger) {
    this.#status = status
    this.#logger = logger
  }

  get any(): boolean {
    return this.#current.size > 0
  }

  /** The first of each kind of trouble is logged, not every attempt. */
  has(part: string, error: Error): void {
    const before = this.#current.get(part)
    this.#current.set(part, error)
    if (codeOf(before) !== codeOf(error)) this.#logger.warn({ part, reason: error.message }, 'trying again')
    this.#assess(error)
  }

  over(part: string): void {
    if (!this.#current.delete(part)) return
    this.#logger.info({ part }, 'it works again')
    this.#status.reconnected()
    this.#assess()
  }

  /** Nobody tries any more what was in trouble. */
  forget(): void {
    if (this.#current.size === 0) return
    this.#current.clear()
    this.#assess()
  }

  /** A refusal needs somebody who mends it (`failed`); the rest passes (`degraded`). */
  #assess(latest?: Error): void {
    const errors = [...this.#current.values()]
    const refusal = errors.find((error) => error instanceof BrookError && error.domain === 'user')
    if (refusal) this.#status.moveTo('failed', refusal)
    else if (errors.length > 0) this.#status.moveTo('degraded', latest ?? errors[0])
    else this.#status.moveTo('running')
  }
}

function codeOf(error: Error | undefined): string | undefined {
  return error instanceof BrookError ? error.code : error?.name
}
