/**
 * Which offset of a partition may be committed while records end in any order: the one before which everything has ended.
 * Records are `begin`-ed in offset order.
 */
export class OffsetTracker {
  readonly #open = new Map<number, boolean>()
  #position: number
  #committed: number | undefined

  /** `position` is where reading begins; `committed` what the group has committed, if anything. */
  constructor(position: number, committed: number | undefined) {
    this.#position = position
    this.#committed = committed
  }

  begin(offset: number): void {
    this.#open.set(offset, false)
    this.#position = offset + 1
  }

  end(offset: number): void {
    if (this.#open.has(offset)) this.#open.set(offset, true)
  }

  /** Reading has passed `nextOffset`: there is no record of interest before it that was not begun. */
  passed(nextOffset: number): void {
    this.#position = Math.max(this.#position, nextOffset)
  }

  /** Records that have not ended. */
  get unfinished(): number {
    let count = 0
    for (const ended of this.#open.values()) if (!ended) count++
    return count
  }

  /** What to commit now; `undefined` when that is committed already. */
  due(): number | undefined {
    for (const [offset, ended] of this.#open) {
      if (!ended) return this.#new(offset)
      this.#open.delete(offset)
    }
    return this.#new(this.#position)
  }

  committed(offset: number): void {
    this.#committed = offset
  }

  #new(offset: number): number | undefined {
    return offset === this.#committed ? undefined : offset
  }
}
