import { type Awaitable, chain, isPromise } from '../../common/awaitable.ts'
import { partitionName, type TopicPartition } from '../../common/record.ts'
import { OffsetOutOfRangeError } from '../errors.ts'
import type { FetchedBatch } from '../port.ts'
import type { Catalogue } from './catalogue.ts'
import type { Fetched } from './log-tail.ts'
import type { PartitionLog } from './partition-log.ts'
import type { Signal } from './signal.ts'

const DEFAULT_PARTITION_BYTES = 1024 * 1024
/** Partitions beyond this many bytes' worth have their turn in the next poll. */
const POLL_BYTES = 16 * 1024 * 1024

interface Slot {
  readonly topic: string
  readonly partition: number
  log: PartitionLog | undefined
  position: number
  paused: boolean
  /** The end of the partition is known. */
  asked: boolean
}

interface FetcherOptions {
  readonly maxPartitionBytes?: number | undefined
  /** Where to go on when a position is not in the log; `throw` leaves it to the caller. */
  readonly outOfRange: 'throw' | 'earliest' | 'latest'
  /** What a partition that does not exist means: an error, or nothing to read (a rebalance will tell). */
  readonly missing: 'throw' | 'skip'
}

/** Positions in partitions, and the reading from there on: what a reader and a group member have in common. */
export class Fetcher {
  readonly #signal: Signal
  readonly #maxPartitionBytes: number
  readonly #options: FetcherOptions
  #catalogue: Catalogue | undefined
  #slots = new Map<string, Slot>()
  #order: Slot[] = []
  #next = 0

  constructor(signal: Signal, options: FetcherOptions) {
    this.#signal = signal
    this.#options = options
    this.#maxPartitionBytes = options.maxPartitionBytes ?? DEFAULT_PARTITION_BYTES
  }

  assign(catalogue: Catalogue, positions: readonly (TopicPartition & { readonly offset: number })[]): void {
    this.clear()
    this.#catalogue = catalogue
    for (const { topic, partition, offset } of positions) {
      const slot: Slot = { topic, partition, log: undefined, position: offset, paused: false, asked: false }
      this.#slots.set(partitionName(topic, partition), slot)
      this.#order.push(slot)
    }
  }

  clear(): void {
    for (const slot of this.#order) slot.log?.readers.delete(this.#signal)
    this.#slots = new Map()
    this.#order = []
    this.#next = 0
  }

  setPaused(partitions: readonly TopicPartition[], paused: boolean): void {
    for (const partition of partitions) {
      const slot = this.#slot(partition)
      if (slot) slot.paused = paused
    }
    if (!paused) this.#signal.fire()
  }

  seek(partition: TopicPartition, offset: number): void {
    const slot = this.#slot(partition)
    if (slot) slot.position = offset
    this.#signal.fire()
  }

  lag(partition: TopicPartition): number | undefined {
    const slot = this.#slot(partition)
    if (!slot?.asked || !slot.log) return undefined
    return Math.max(0, slot.log.stableOffset - slot.position)
  }

  /** What is here now. Rotates, so that no partition waits behind a busy one for ever. @throws {UnknownTopicError | OffsetOutOfRangeError} */
  async fetch(): Promise<FetchedBatch[]> {
    const batches: FetchedBatch[] = []
    const order = this.#order
    let budgetBytes = POLL_BYTES
    for (let i = 0; i < order.length && budgetBytes > 0; i++) {
      const slot = order[(this.#next + i) % order.length]!
      if (slot.paused) continue
      const fetching = this.#fetchSlot(slot)
      const fetched = isPromise(fetching) ? await fetching : fetching
      if (!fetched) continue
      const { topic, partition } = slot
      batches.push({ topic, partition, records: fetched.records, nextOffset: fetched.nextOffset })
      budgetBytes -= fetched.sizeBytes
    }
    if (order.length > 0) this.#next = (this.#next + Math.max(1, batches.length)) % order.length
    return batches
  }

  #slot({ topic, partition }: TopicPartition): Slot | undefined {
    return this.#slots.get(partitionName(topic, partition))
  }

  #fetchSlot(slot: Slot): Awaitable<Fetched | undefined> {
    const log = this.#logOf(slot)
    if (!log) return undefined
    this.#checkRange(slot, log)
    slot.asked = true
    const from = slot.position
    return chain(log.fetch(from, this.#maxPartitionBytes), (fetched) => {
      // A seek or a pause may have come while the disk was read.
      if (!fetched || slot.position !== from || slot.paused || fetched.nextOffset === from) return undefined
      slot.position = fetched.nextOffset
      return fetched
    })
  }

  #logOf(slot: Slot): PartitionLog | undefined {
    if (slot.log && !slot.log.deleted) return slot.log
    slot.log?.readers.delete(this.#signal)
    slot.log = undefined
    if (!this.#catalogue) return undefined
    if (this.#options.missing === 'skip' && !this.#catalogue.find(slot.topic)) return undefined
    slot.log = this.#catalogue.log(slot.topic, slot.partition)
    slot.log.readers.add(this.#signal)
    return slot.log
  }

  #checkRange(slot: Slot, log: PartitionLog): void {
    const { logStart, nextOffset } = log.head
    if (slot.position >= logStart && slot.position <= nextOffset) return
    const { outOfRange } = this.#options
    if (outOfRange === 'throw') {
      throw new OffsetOutOfRangeError(
        `offset ${slot.position} of ${log.name} is not in the log, which has ${logStart} to ${nextOffset}`,
      )
    }
    slot.position = outOfRange === 'earliest' ? logStart : log.stableOffset
  }
}
