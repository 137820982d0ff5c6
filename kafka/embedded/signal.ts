/** One waits, others wake it. A `fire` while nobody waits is kept for the next wait. */
export class Signal {
  #fired = false
  #wake: (() => void) | undefined

  fire(): void {
    this.#fired = true
    this.#wake?.()
  }

  /** Forgets a `fire` that nobody waited for: call before looking at what may have changed. */
  clear(): void {
    this.#fired = false
  }

  /** Resolves after `fire`, or when the time is up; a turn of the event loop later at the earliest. */
  wait(timeoutMs: number): Promise<void> {
    if (this.#fired || timeoutMs <= 0) {
      this.#fired = false
      return new Promise((resolve) => setImmediate(resolve))
    }
    return new Promise((resolve) => {
      const wake = () => {
        clearTimeout(timer)
        this.#wake = undefined
        this.#fired = false
        resolve()
      }
      const timer = setTimeout(wake, timeoutMs)
      this.#wake = wake
    })
  }
}
