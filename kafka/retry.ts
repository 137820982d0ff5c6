import { setTimeout as sleep } from 'node:timers/promises'

/** Delays that double from `firstMs` up to `mostMs`, each with up to a fifth of jitter. */
export class Backoff {
  readonly #firstMs: number
  readonly #mostMs: number
  #nextMs: number

  constructor(firstMs: number, mostMs: number) {
    this.#firstMs = firstMs
    this.#mostMs = mostMs
    this.#nextMs = firstMs
  }

  next(): number {
    const delayMs = this.#nextMs
    this.#nextMs = Math.min(this.#mostMs, delayMs * 2)
    return delayMs * (0.8 + Math.random() * 0.4)
  }

  reset(): void {
    this.#nextMs = this.#firstMs
  }
}

/** What an attempt says about going on: the value, or the error that stands if there is no time for another attempt. */
export type Attempt<T> = { readonly value: T } | { readonly retry: Error }

export interface RetryOptions {
  readonly timeoutMs: number
  readonly firstDelayMs?: number
  readonly mostDelayMs?: number
  readonly signal?: AbortSignal
}

/** Tries until there is a value. @throws the last attempt's error when the time is up; whatever an attempt throws at once. */
export async function retrying<T>(options: RetryOptions, attempt: () => Promise<Attempt<T>>): Promise<T> {
  const deadlineMs = performance.now() + options.timeoutMs
  const backoff = new Backoff(options.firstDelayMs ?? 50, options.mostDelayMs ?? 1_000)
  for (;;) {
    const outcome = await attempt()
    if ('value' in outcome) return outcome.value
    const delayMs = backoff.next()
    if (options.signal?.aborted || performance.now() + delayMs > deadlineMs) throw outcome.retry
    await sleep(delayMs, undefined, options.signal ? { signal: options.signal } : {}).catch(() => {})
    if (options.signal?.aborted) throw outcome.retry
  }
}
