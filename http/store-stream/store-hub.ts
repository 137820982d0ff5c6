import { type Clock, systemClock } from '../../common/clock.ts'
import type { Metrics } from '../../common/metrics.ts'
import type { StoreRow } from '../../streams/index.ts'
import { HttpProblem } from '../problem.ts'
import type { QueriesView } from '../streams-view.ts'
import type { WriterLimits } from './event-writer.ts'
import { StoreFeed } from './feed.ts'

export interface StoreHubOptions {
  /** Streams at a time (default 5,000). */
  readonly maxStreams?: number
  /** Changes remembered per partition of a store that is listened to, for those who come back (default 10,000). */
  readonly ringSize?: number
  /** How long a partition is followed when nobody listens any more (default 60 s). */
  readonly lingerMs?: number
  readonly heartbeatMs?: number
  readonly slowAfterMs?: number
  /** Rows that may wait for one listener (default 10,000). */
  readonly maxPending?: number
  /** Streams that may read their first rows at a time (default 16). */
  readonly maxSnapshots?: number
  readonly clock?: Clock
  readonly metrics?: Metrics | undefined
}

/** A stream as the hub sees it. */
export interface HubStream {
  heartbeat(): void
  close(reason: string, retryMs?: number): void
}

/** Shares one tap per partition of a store among all who listen to it on this instance. */
export class StoreHub {
  readonly clock: Clock
  readonly limits: WriterLimits
  readonly #options: StoreHubOptions
  readonly #feeds = new Map<string, StoreFeed>()
  readonly #streams = new Set<HubStream>()
  #heart: NodeJS.Timeout | undefined
  #snapshots = 0
  #turns: (() => void)[] = []
  #isClosed = false

  constructor(options: StoreHubOptions = {}) {
    this.#options = options
    this.clock = options.clock ?? systemClock
    this.limits = { slowAfterMs: options.slowAfterMs ?? 10_000, maxPending: options.maxPending ?? 10_000 }
    options.metrics?.gauge('http_store_streams', 'Listeners of live queries.', [], (set) => set(this.#streams.size))
    options.metrics?.gauge('http_store_feeds', 'Partitions of stores that are followed for them.', [], (set) =>
      set(this.#feeds.size),
    )
  }

  get streamCount(): number {
    return this.#streams.size
  }

  get feedCount(): number {
    return this.#feeds.size
  }

  /** @throws {HttpProblem} `CLIENTS` when there are too many already, or the hub is closed. */
  checkRoom(): void {
    if (this.#isClosed) throw new HttpProblem('CLIENTS', 'the server is stopping', { retryAfterS: 2 })
    if (this.#streams.size >= (this.#options.maxStreams ?? 5_000))
      throw new HttpProblem('CLIENTS', 'too many clients listen already', { retryAfterS: 10 })
  }

  join(stream: HubStream): void {
    this.#streams.add(stream)
    this.#heart ??= setInterval(() => {
      for (const each of this.#streams) each.heartbeat()
    }, this.#options.heartbeatMs ?? 15_000)
  }

  leave(stream: HubStream): void {
    this.#streams.delete(stream)
    if (this.#streams.size > 0) return
    clearInterval(this.#heart)
    this.#heart = undefined
  }

  /** @throws {StoreNotAvailableError} when the partition is not active here. */
  feed(queries: QueriesView, store: string, partition: number, show: (row: StoreRow) => string): StoreFeed {
    const name = `${store}/${partition}`
    const known = this.#feeds.get(name)
    if (known !== undefined && !known.isEnded) return known
    const feed: StoreFeed = new StoreFeed({
      queries,
      store,
      partition,
      show,
      ringSize: this.#options.ringSize ?? 10_000,
      lingerMs: this.#options.lingerMs ?? 60_000,
      onEnded: () => {
        if (this.#feeds.get(name) === feed) this.#feeds.delete(name)
      },
    })
    this.#feeds.set(name, feed)
    return feed
  }

  /** Waits for a turn to read rows, and gives what ends it. */
  async snapshotTurn(): Promise<() => void> {
    if (this.#snapshots >= (this.#options.maxSnapshots ?? 16))
      await new Promise<void>((resolve) => this.#turns.push(resolve))
    this.#snapshots++
    return () => {
      this.#snapshots--
      this.#turns.shift()?.()
    }
  }

  /** Ends all streams with the reason; no more are taken. */
  close(reason = 'the server is stopping', retryMs = 2_000): void {
    this.#isClosed = true
    for (const stream of [...this.#streams]) stream.close(reason, retryMs)
    for (const feed of [...this.#feeds.values()]) feed.end()
  }
}
