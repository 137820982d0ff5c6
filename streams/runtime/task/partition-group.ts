import type { RecordQueue } from './record-queue.ts'

/** Tells how many records of a partition are still to be fetched; `undefined` = not known yet. */
export type LagOf = (topic: string, partition: number) => number | undefined

/**
 * Chooses the next record of a task: the lowest head timestamp over its partitions, in offset order within each. While a
 * partition has nothing buffered, the choice waits until it is known that nothing is to be fetched there either.
 * @see org.apache.kafka.streams.processor.internals.PartitionGroup
 */
export class PartitionGroup {
  readonly queues: readonly RecordQueue[]
  readonly #byName: ReadonlyMap<string, RecordQueue>
  readonly #lagOf: LagOf
  readonly #maxTaskIdleMs: number
  /** Since when each empty partition is known to have nothing more to fetch. */
  readonly #idleSinceMs = new Map<RecordQueue, number>()
  /** Highest timestamp of the records taken; never goes back. */
  streamTimeMs = -1
  /** Times that a record was taken although an input was empty, since it had been idle for long enough. */
  enforced = 0

  /** `maxTaskIdleMs` 0: wait for data that is known to be there; above 0: that long beyond; -1: never wait. */
  constructor(queues: readonly RecordQueue[], lagOf: LagOf, maxTaskIdleMs: number) {
    this.queues = queues
    this.#byName = new Map(queues.map((q) => [`${q.topic}-${q.partition}`, q]))
    this.#lagOf = lagOf
    this.#maxTaskIdleMs = maxTaskIdleMs
  }

  queue(topic: string, partition: number): RecordQueue | undefined {
    const [first] = this.queues
    if (this.queues.length === 1 && first?.topic === topic && first.partition === partition) return first
    return this.#byName.get(`${topic}-${partition}`)
  }

  get buffered(): number {
    let sum = 0
    for (const queue of this.queues) sum += queue.size
    return sum
  }

  /** The longest wait of a queue for a schema, if one waits. */
  get blockage(): RecordQueue['blockage'] {
    let longest: RecordQueue['blockage']
    for (const { blockage } of this.queues)
      if (blockage !== undefined && (longest === undefined || blockage.forMs > longest.forMs)) longest = blockage
    return longest
  }

  /** The queue whose head is next, or `undefined` when there is none or the task has to wait. */
  next(nowMs: () => number): RecordQueue | undefined {
    const queues = this.queues
    if (queues.length === 1) return queues[0]?.head === undefined ? undefined : queues[0]
    let best: RecordQueue | undefined
    let bestTime = Number.POSITIVE_INFINITY
    let empty = false
    for (const queue of queues) {
      const head = queue.head
      if (head === undefined) {
        if (queue.blocked) return undefined
        empty = true
      } else if (head.timestampMs < bestTime) {
        best = queue
        bestTime = head.timestampMs
      }
    }
    if (!empty) {
      if (this.#idleSinceMs.size > 0) this.#idleSinceMs.clear()
      return best
    }
    if (best === undefined && this.#maxTaskIdleMs <= 0) return undefined
    if (!this.#mayGoOnWithoutTheEmpty(nowMs)) return undefined
    if (best !== undefined && this.#maxTaskIdleMs >= 0) this.enforced++
    return best
  }

  #mayGoOnWithoutTheEmpty(nowMs: () => number): boolean {
    if (this.#maxTaskIdleMs < 0) return true
    if (this.#maxTaskIdleMs === 0)
      return this.queues.every((queue) => queue.head !== undefined || this.#isDrained(queue))
    const now = nowMs()
    let ready = true
    for (const queue of this.queues) {
      if (queue.head !== undefined || !this.#isDrained(queue)) {
        this.#idleSinceMs.delete(queue)
        if (queue.head === undefined) ready = false
        continue
      }
      const since = this.#idleSinceMs.get(queue) ?? now
      this.#idleSinceMs.set(queue, since)
      if (now - since < this.#maxTaskIdleMs) ready = false
    }
    return ready
  }

  #isDrained(queue: RecordQueue): boolean {
    return this.#lagOf(queue.topic, queue.partition) === 0
  }
}
