const LOOKS = 4

/**
 * Tells when things wait for the log and none of them has been acknowledged for a while. A log that is away refuses nothing for as long as
 * a producer tries (two minutes by default), so that waiting for a refusal would leave people without a word.
 */
export class StallWatch {
  readonly #lookEveryMs: number
  readonly #onStall: () => void
  #timer: NodeJS.Timeout | undefined
  #quietLooks = 0

  /** `onStall` is called once per stall, after `afterMs` without an acknowledgement. */
  constructor(afterMs: number, onStall: () => void) {
    this.#lookEveryMs = Math.max(1, afterMs / LOOKS)
    this.#onStall = onStall
  }

  /** Something was handed to the log. */
  waits(): void {
    if (this.#timer !== undefined) return
    this.#quietLooks = 0
    this.#timer = setInterval(() => {
      if (++this.#quietLooks === LOOKS) this.#onStall()
    }, this.#lookEveryMs)
  }

  /** The log has taken something. */
  moved(): void {
    this.#quietLooks = 0
  }

  /** Nothing waits any more. */
  idle(): void {
    clearInterval(this.#timer)
    this.#timer = undefined
  }
}
