import type { Awaitable } from '../../../common/awaitable.ts'
import { chain } from '../../../common/awaitable.ts'
import { InvalidArgumentError } from '../../../common/errors.ts'
import type { DueStore } from '../../../stores/state-store.ts'
import type { ProcessorContext } from '../processor.ts'
import { onDue } from './timed-work.ts'

/** A timer that went off. */
export interface Timer<K> {
  readonly key: K
  /** When it was to go off; the time that is now may be later. */
  readonly dueMs: number
}

/**
 * The timers of a processor: at most one per key, kept in a timer store and its changelog, so that they go off after a restart or on
 * another instance too. Those of one store go by one time, its `time`.
 */
export class Timers<K> {
  readonly #context: ProcessorContext
  readonly #rows: DueStore<K, number>

  constructor(context: ProcessorContext, store: string, onTimer: (timer: Timer<K>) => Awaitable<void>) {
    this.#context = context
    this.#rows = onDue<K, number>(context, store, ({ key, dueMs }) => onTimer({ key, dueMs }))
  }

  /**
   * Sets the key's timer, in place of the one it has. One that is due already goes off as soon as the task looks again, never within this
   * call. @throws {InvalidArgumentError} when the time is no whole number of milliseconds since the epoch.
   */
  schedule(key: K, atMs: number): void {
    if (!Number.isSafeInteger(atMs) || atMs < 0)
      throw new InvalidArgumentError(`${this.#context.nodeName}: a timer cannot go off at ${atMs} ms`)
    this.#rows.put(key, atMs, this.#nowMs())
  }

  /** Without one nothing happens. */
  cancel(key: K): Awaitable<void> {
    return chain(this.#rows.get(key), (atMs) => {
      if (atMs !== undefined) this.#rows.put(key, null, this.#nowMs())
    })
  }

  /** When the key's timer will go off; `undefined`: it has none. */
  scheduledAt(key: K): Awaitable<number | undefined> {
    return this.#rows.get(key)
  }

  #nowMs(): number {
    const { dueTime } = this.#rows
    return dueTime === 'stream-time'
      ? Math.max(0, this.#context.currentStreamTimeMs())
      : this.#context.currentSystemTimeMs()
  }
}
