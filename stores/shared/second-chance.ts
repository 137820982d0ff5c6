/** Clean entries a store keeps decoded when it is not told otherwise. */
export const DEFAULT_CACHE_ENTRIES = 10_000

/** What an eviction queue needs to know of a unit. */
export interface Evictable {
  /** Set at every access; a unit that was used since it was queued is passed over once. */
  used: boolean
  /** Whether it stands in the queue; the queue's own. */
  queued: boolean
  /** No longer in the cache. */
  gone: boolean
}

/**
 * Clean units of a cache in the order they may leave it: least recently used, approximately (second chance). An access costs
 * one flag instead of moving the unit in a list.
 */
export class SecondChanceQueue<T extends Evictable> {
  readonly #isBusy: (unit: T) => boolean
  #queue: (T | undefined)[] = []
  #head = 0

  /** Units that are busy (dirty) are dropped from the queue when they come up: `add` them again when they are clean. */
  constructor(isBusy: (unit: T) => boolean) {
    this.#isBusy = isBusy
  }

  add(unit: T): void {
    if (unit.queued || unit.gone) return
    unit.queued = true
    unit.used = false
    this.#queue.push(unit)
  }

  /** Takes the unit that has to go first; `undefined` when none can. */
  next(): T | undefined {
    while (this.#head < this.#queue.length) {
      const unit = this.#queue[this.#head] as T
      this.#queue[this.#head++] = undefined
      if (this.#head > 1024 && this.#head * 2 > this.#queue.length) {
        this.#queue = this.#queue.slice(this.#head)
        this.#head = 0
      }
      unit.queued = false
      if (unit.gone || this.#isBusy(unit)) continue
      if (!unit.used) return unit
      this.add(unit)
    }
    return undefined
  }

  clear(): void {
    this.#queue = []
    this.#head = 0
  }
}
