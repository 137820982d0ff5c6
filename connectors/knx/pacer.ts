/** What a network may bunch up on the way: the promise is about the bus. */
const SLACK = 1.05

/**
 * Spaces what is sent: never two closer than a little more than 1/rate, so no second holds more than `perSecond`. Nothing is saved up while it is
 * quiet: a bus of 9600 bit/s is best served evenly. Time is any clock that does not jump.
 */
export class Pacer {
  readonly #spacingMs: number
  #nextMs = Number.NEGATIVE_INFINITY

  constructor(perSecond: number) {
    this.#spacingMs = (SLACK * 1000) / perSecond
  }

  /** How long to wait until one more may go; 0 = now. */
  waitMs(nowMs: number): number {
    return Math.max(0, this.#nextMs - nowMs)
  }

  take(nowMs: number): void {
    this.#nextMs = Math.max(nowMs, this.#nextMs) + this.#spacingMs
  }
}
