import { RegistryUnavailableError } from './errors.ts'

export interface BackoffOptions {
  /** Attempts in all (default 6; 1 = no retry). */
  readonly attempts?: number
  /** The wait before the second attempt; doubled before each further one, give or take a fifth (default 100). */
  readonly firstWaitMs?: number
  /** The longest wait between two attempts (default 5000). */
  readonly longestWaitMs?: number
}

/** Tries again, waiting longer each time, what fails because the registry does not answer. */
export class Backoff {
  readonly #attempts: number
  readonly #firstWaitMs: number
  readonly #longestWaitMs: number
  readonly #waiting = new Map<NodeJS.Timeout, () => void>()
  #stopped = false

  constructor(options: BackoffOptions = {}) {
    this.#attempts = options.attempts ?? 6
    this.#firstWaitMs = options.firstWaitMs ?? 100
    this.#longestWaitMs = options.longestWaitMs ?? 5_000
  }

  /** @throws what the last attempt threw. */
  async run<T>(attempt: () => Promise<T>): Promise<T> {
    for (let made = 1; ; made++) {
      try {
        return await attempt()
      } catch (error) {
        if (!(error instanceof RegistryUnavailableError) || made >= this.#attempts || this.#stopped) throw error
        await this.#wait(made)
        if (this.#stopped) throw error
      }
    }
  }

  /** Ends all waits; no further attempts are made. */
  stop(): void {
    this.#stopped = true
    for (const [timer, resume] of this.#waiting) {
      clearTimeout(timer)
      resume()
    }
    this.#waiting.clear()
  }

  #wait(made: number): Promise<void> {
    const waitMs = Math.min(this.#longestWaitMs, this.#firstWaitMs * 2 ** (made - 1)) * (0.8 + 0.4 * Math.random())
    return new Promise((resolve) => {
      const timer = setTimeout(() => {
        this.#waiting.delete(timer)
        resolve()
      }, waitMs)
      this.#waiting.set(timer, resolve)
    })
  }
}
