import { asError } from '../common/errors.ts'
import type { Reading } from '../schemas/types.ts'
import { type BackoffOptions, backoffMs } from './backoff.ts'
import type { Origin, ReadingPublisher } from './publisher.ts'
import { StallWatch } from './stall-watch.ts'
import type { StatusTracker } from './status.ts'

export interface ReadingOutboxOptions {
  readonly publisher: Pick<ReadingPublisher, 'reading' | 'backpressure' | 'flush'>
  readonly status: StatusTracker
  /** Told when the log is away or takes nothing for a while (with why), and when it takes readings again (`undefined`). */
  readonly onTrouble?: (error: Error | undefined) => void
  /** Most readings the log has not acknowledged before new ones wait (default 1000). */
  readonly maxInFlight?: number
  /** Most addresses that wait (default 10,000); past that the one that waits longest is dropped. */
  readonly maxWaiting?: number
  readonly backoff?: BackoffOptions
  /** When the log acknowledges nothing for so long although readings wait for it, that is trouble (default 5 s). */
  readonly stalledAfterMs?: number
}

/** The producer needs time of its own before it refuses or writes. */
const LONGEST_WAIT_MS = 2_000

interface Entry {
  /** The order in which entries came. */
  readonly number: number
  readonly reading: Reading
  readonly origin: Origin
}

/**
 * Readings on their way from a bus that cannot be slowed down to a log that may be slow or away. Memory is bounded: what waits
 * is one reading per address (origin name), the last one wins, and every reading that gives way is counted as dropped.
 */
export class ReadingOutbox {
  readonly #options: ReadingOutboxOptions
  readonly #maxInFlight: number
  readonly #maxWaiting: number
  readonly #waiting = new Map<string, Entry>()
  readonly #watch: StallWatch
  #next = 0
  #inFlight = 0
  #blocked = false
  #closed = false
  #attempt = 0
  #trouble: Error | undefined
  #timer: NodeJS.Timeout | undefined

  constructor(options: ReadingOutboxOptions) {
    this.#options = options
    this.#maxInFlight = options.maxInFlight ?? 1000
    this.#maxWaiting = options.maxWaiting ?? 10_000
    const stalledAfterMs = options.stalledAfterMs ?? 5_000
    this.#watch = new StallWatch(stalledAfterMs, () => {
      const waiting = `readings that wait: ${this.length}; past ${this.#maxInFlight} only the last of each address is kept`
      this.#troubled(new Error(`the log has acknowledged nothing for ${stalledAfterMs} ms (${waiting})`))
    })
  }

  /** Readings that are not in the log yet. */
  get length(): number {
    return this.#waiting.size + this.#inFlight
  }

  /** Takes readings (again, after `close`); what waited goes on. */
  open(): void {
    this.#closed = false
    this.#drain()
  }

  put(reading: Reading, origin: Origin): void {
    this.#wait({ number: this.#next++, reading, origin })
    this.#drain()
  }

  /** Tries once more to get rid of everything. What the log does not take stays here for the next `open`. */
  async close(): Promise<void> {
    clearTimeout(this.#timer)
    this.#blocked = false
    this.#drain()
    this.#closed = true
    await this.#options.publisher.flush()
    this.#watch.idle()
    clearTimeout(this.#timer)
    this.#blocked = false
  }

  #wait(entry: Entry): void {
    const { name } = entry.origin
    // Taken out first, so that the newest stands last and the one that waits longest first.
    if (this.#waiting.delete(name)) this.#options.status.dropped()
    this.#waiting.set(name, entry)
    if (this.#waiting.size <= this.#maxWaiting) return
    const [oldest] = this.#waiting.keys()
    this.#waiting.delete(oldest!)
    this.#options.status.dropped()
  }

  #drain(): void {
    if (this.#closed) return
    for (const [name, entry] of this.#waiting) {
      if (this.#blocked || this.#inFlight >= this.#maxInFlight) return
      const room = this.#options.publisher.backpressure()
      if (room) {
        this.#blocked = true
        const unblock = (): void => this.#unblock()
        room.then(unblock, unblock)
        return
      }
      this.#waiting.delete(name)
      this.#send(entry)
    }
  }

  #send(entry: Entry): void {
    this.#inFlight++
    this.#watch.waits()
    this.#options.publisher.reading(entry.reading, entry.origin, (error) => {
      this.#inFlight--
      if (this.#inFlight === 0) this.#watch.idle()
      if (error) this.#refused(entry, asError(error))
      else this.#taken()
    })
  }

  #taken(): void {
    this.#attempt = 0
    this.#watch.moved()
    if (this.#trouble) {
      this.#trouble = undefined
      this.#options.onTrouble?.(undefined)
    }
    if (this.#waiting.size > 0) this.#drain()
  }

  /** Back to the others unless something newer waits for the same address. */
  #refused(entry: Entry, error: Error): void {
    const waits = this.#waiting.get(entry.origin.name)
    if (waits && waits.number > entry.number) this.#options.status.dropped()
    else this.#wait(entry)
    this.#troubled(error)
    if (this.#blocked || this.#closed) return
    this.#blocked = true
    this.#timer = setTimeout(
      () => this.#unblock(),
      backoffMs(this.#attempt++, { capMs: LONGEST_WAIT_MS, ...this.#options.backoff }),
    )
  }

  #troubled(error: Error): void {
    if (!this.#trouble) this.#options.onTrouble?.(error)
    this.#trouble = error
  }

  #unblock(): void {
    this.#blocked = false
    this.#drain()
  }
}
