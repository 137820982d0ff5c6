import type { Clock } from '../../common/clock.ts'

export interface FloodGuardOptions<T> {
  readonly clock: Clock
  /** Takes a value on. */
  readonly pass: (nodeId: number, value: T) => void
  /** A value gave way to a newer one of the same kind. */
  readonly onDropped: () => void
  /** A node has begun to flood. */
  readonly onFlood?: (nodeId: number) => void
  /** Values of one node that pass in a second, on average (default 20). */
  readonly perSecond?: number
  /** How many may come at once (default 100). */
  readonly burst?: number
}

interface Bucket<T> {
  tokens: number
  atMs: number
  /** The last value of each kind that may not pass yet. */
  readonly waiting: Map<string, T>
  floodedMs: number | undefined
  timer: NodeJS.Timeout | undefined
}

const DEFAULT_PER_SECOND = 20
const DEFAULT_BURST = 100
/** How long a node is said to flood after the last value that gave way. */
const REMEMBERED_MS = 10_000

/**
 * Lets the values of each node pass at a bounded rate, so that one that floods costs the others nothing: past it, of each kind the
 * last value waits for its turn and older ones give way. A node whose rate is in bounds is not delayed at all.
 */
export class FloodGuard<T extends { readonly kind: string }> {
  readonly #options: FloodGuardOptions<T>
  readonly #perSecond: number
  readonly #burst: number
  readonly #buckets = new Map<number, Bucket<T>>()

  constructor(options: FloodGuardOptions<T>) {
    this.#options = options
    this.#perSecond = options.perSecond ?? DEFAULT_PER_SECOND
    this.#burst = options.burst ?? DEFAULT_BURST
  }

  /** Values that wait for their turn. */
  get length(): number {
    let count = 0
    for (const { waiting } of this.#buckets.values()) count += waiting.size
    return count
  }

  put(nodeId: number, value: T): void {
    const bucket = this.#bucket(nodeId)
    if (bucket.waiting.size === 0 && this.#take(bucket)) {
      this.#options.pass(nodeId, value)
      return
    }
    if (bucket.waiting.delete(value.kind)) {
      const isNew = !this.isFlooding(nodeId)
      bucket.floodedMs = this.#options.clock.nowMs()
      this.#options.onDropped()
      if (isNew) this.#options.onFlood?.(nodeId)
    }
    bucket.waiting.set(value.kind, value)
    bucket.timer ??= setTimeout(() => this.#flush(nodeId, bucket), 1000 / this.#perSecond)
  }

  isFlooding(nodeId: number): boolean {
    const at = this.#buckets.get(nodeId)?.floodedMs
    return at !== undefined && this.#options.clock.nowMs() - at < REMEMBERED_MS
  }

  /** Lets everything pass that waits. */
  close(): void {
    for (const [nodeId, bucket] of this.#buckets) {
      clearTimeout(bucket.timer)
      for (const value of bucket.waiting.values()) this.#options.pass(nodeId, value)
    }
    this.#buckets.clear()
  }

  #flush(nodeId: number, bucket: Bucket<T>): void {
    bucket.timer = undefined
    for (const [kind, value] of bucket.waiting) {
      if (!this.#take(bucket)) break
      bucket.waiting.delete(kind)
      this.#options.pass(nodeId, value)
    }
    if (bucket.waiting.size > 0) bucket.timer = setTimeout(() => this.#flush(nodeId, bucket), 1000 / this.#perSecond)
  }

  #take(bucket: Bucket<T>): boolean {
    const nowMs = this.#options.clock.nowMs()
    const earned = (Math.max(0, nowMs - bucket.atMs) * this.#perSecond) / 1000
    bucket.tokens = Math.min(this.#burst, bucket.tokens + earned)
    bucket.atMs = nowMs
    if (bucket.tokens < 1) return false
    bucket.tokens--
    return true
  }

  #bucket(nodeId: number): Bucket<T> {
    let bucket = this.#buckets.get(nodeId)
    if (!bucket) {
      const atMs = this.#options.clock.nowMs()
      bucket = { tokens: this.#burst, atMs, waiting: new Map(), floodedMs: undefined, timer: undefined }
      this.#buckets.set(nodeId, bucket)
    }
    return bucket
  }
}
