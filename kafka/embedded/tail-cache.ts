/** A partition's share of the cache. */
export interface TailHolder {
  /** Gives up runs that are older than this sequence number, and says how many bytes that freed. */
  dropBefore(sequence: number): number
}

/** Bounds the memory of all partitions' tails together: the runs that came first go first, whosever they are. */
export class TailCache {
  readonly #budgetBytes: number
  readonly #holders = new Set<TailHolder>()
  #usedBytes = 0
  #sequence = 0
  #floor = 0

  constructor(budgetBytes: number) {
    this.#budgetBytes = budgetBytes
  }

  get usedBytes(): number {
    return this.#usedBytes
  }

  /** Takes a run into account once `keep` has stored it under its sequence number; older runs go to make room. */
  add(holder: TailHolder, sizeBytes: number, keep: (sequence: number) => void): void {
    this.#holders.add(holder)
    this.#usedBytes += sizeBytes
    keep(this.#sequence++)
    while (this.#usedBytes > this.#budgetBytes && this.#floor < this.#sequence) {
      this.#floor += Math.max(1, (this.#sequence - this.#floor) >> 3)
      for (const one of this.#holders) this.#usedBytes -= one.dropBefore(this.#floor)
    }
  }

  /** Bytes went for another reason. */
  freed(sizeBytes: number): void {
    this.#usedBytes -= sizeBytes
  }

  forget(holder: TailHolder): void {
    this.#usedBytes -= holder.dropBefore(Number.POSITIVE_INFINITY)
    this.#holders.delete(holder)
  }
}
