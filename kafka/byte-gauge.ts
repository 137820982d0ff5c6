/** Counts bytes that are under way, and lets callers wait until there are fewer. */
export class ByteGauge {
  #bytes = 0
  #waiting: { readonly most: number; readonly promise: Promise<void>; readonly resolve: () => void } | undefined

  add(bytes: number): void {
    this.#bytes += bytes
    if (this.#waiting && this.#bytes <= this.#waiting.most) this.releaseAll()
  }

  /** A promise until at most this much is under way; `undefined` when that is so. */
  above(most: number): Promise<void> | undefined {
    if (this.#bytes <= most) return undefined
    if (!this.#waiting) {
      const { promise, resolve } = Promise.withResolvers<void>()
      this.#waiting = { most, promise, resolve }
    }
    return this.#waiting.promise
  }

  /** Lets go who waits, whatever the count. */
  releaseAll(): void {
    this.#waiting?.resolve()
    this.#waiting = undefined
  }
}
