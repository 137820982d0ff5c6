/** Calls one function: in the next turn of the event loop, or at a time; however often it was asked for, once. */
export class WakeUp {
  readonly #call: () => void
  #immediate: NodeJS.Immediate | undefined
  #timer: NodeJS.Timeout | undefined
  #timerAtMs = Number.POSITIVE_INFINITY

  constructor(call: () => void) {
    this.#call = call
  }

  soon(): void {
    this.#immediate ??= setImmediate(() => {
      this.#immediate = undefined
      this.#call()
    })
  }

  /** At this time of `performance.now()`, unless it is called earlier anyway: then it has to be asked for again. */
  at(atMs: number): void {
    if (atMs >= this.#timerAtMs) return
    clearTimeout(this.#timer)
    this.#timerAtMs = atMs
    this.#timer = setTimeout(
      () => {
        this.#timerAtMs = Number.POSITIVE_INFINITY
        this.#call()
      },
      Math.max(0, atMs - performance.now()),
    )
  }

  cancel(): void {
    clearImmediate(this.#immediate)
    clearTimeout(this.#timer)
  }
}
