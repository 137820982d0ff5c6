/** Where wall-clock time comes from. Everything that waits or stamps takes one, so that tests can move time by hand. */
export interface Clock {
  /** Milliseconds since the epoch. */
  nowMs(): number
}

export const systemClock: Clock = { nowMs: () => Date.now() }

/** A clock that stands still until it is moved. */
export class ManualClock implements Clock {
  #nowMs: number

  constructor(startMs = 0) {
    this.#nowMs = startMs
  }

  nowMs(): number {
    return this.#nowMs
  }

  advance(byMs: number): void {
    this.#nowMs += byMs
  }

  set(nowMs: number): void {
    this.#nowMs = nowMs
  }
}
