import type { ServerResponse } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import type { StoreRow } from '../../streams/index.ts'
import { asProblem } from '../problem.ts'
import type { StoreKey } from '../query/keys.ts'
import type { Peers } from '../query/peers.ts'
import type { StreamsView } from '../streams-view.ts'
import { EventWriter } from './event-writer.ts'
import { type FeedChange, type FeedListener, keyIdOf, type StoreFeed } from './feed.ts'
import { peerEvents } from './peer-events.ts'
import { positionsId, positionsOf } from './positions.ts'
import type { HubStream, StoreHub } from './store-hub.ts'

const RETRY_MS = 250

export interface StoreStreamOptions {
  readonly hub: StoreHub
  readonly streams: StreamsView
  readonly peers: Peers
  readonly store: string
  readonly partitions: readonly number[]
  readonly key: StoreKey | undefined
  readonly show: (row: StoreRow) => string
  /** The listener is another instance: what is not here any more ends the stream. */
  readonly isHop: boolean
  readonly lastEventId: string | undefined
  /** How peers are asked for some partitions. */
  readonly pathFor: (partitions: readonly number[]) => string
}

/**
 * One listener of a store: of each partition its rows, then every change that is committed. Partitions that move are followed to where
 * they go, from where they were left.
 */
export class StoreStream implements HubStream {
  readonly #options: StoreStreamOptions
  readonly #gone = new AbortController()
  readonly #positions: Map<number, number>
  /** Partitions that the listener was told are not followed just now. */
  readonly #interrupted = new Set<number>()
  #writer: EventWriter | undefined

  constructor(options: StoreStreamOptions) {
    this.#options = options
    const wanted = new Set(options.partitions)
    this.#positions = new Map([...positionsOf(options.lastEventId)].filter(([partition]) => wanted.has(partition)))
  }

  /** @throws {StoreNotAvailableError} when the listener is another instance and something of it is not here. */
  checkHere(): void {
    for (const partition of this.#options.partitions) this.#feed(partition)
  }

  /** Serves the listener until either side ends it. The headers are written here. */
  listen(response: ServerResponse): void {
    const { hub, partitions } = this.#options
    this.#writer = new EventWriter(response, hub.clock, hub.limits, () => this.#ended())
    hub.join(this)
    void this.#follow(partitions)
  }

  heartbeat(): void {
    this.#writer?.heartbeat()
  }

  close(reason: string, retryMs?: number): void {
    this.#writer?.close(reason, retryMs)
  }

  #ended(): void {
    this.#gone.abort()
    this.#options.hub.leave(this)
  }

  get #isGone(): boolean {
    return this.#gone.signal.aborted
  }

  /** Each where it is now, until it is elsewhere or nowhere. */
  async #follow(partitions: readonly number[]): Promise<void> {
    const { streams, store, isHop } = this.#options
    const byEndpoint = new Map<string, number[]>()
    const legs: Promise<void>[] = []
    for (const partition of partitions) {
      const { local, endpoint } = streams.queries.metadataForPartition(store, partition)
      if (local || isHop) legs.push(this.#leg([partition], () => this.#followHere(partition)))
      else if (endpoint === undefined)
        legs.push(this.#leg([partition], () => Promise.reject(new Error('nobody has it'))))
      else byEndpoint.set(endpoint, [...(byEndpoint.get(endpoint) ?? []), partition])
    }
    for (const [endpoint, of] of byEndpoint) legs.push(this.#leg(of, () => this.#followThere(endpoint, of)))
    await Promise.all(legs)
  }

  async #leg(partitions: readonly number[], follow: () => Promise<void>): Promise<void> {
    let reason = 'the task moves'
    try {
      await follow()
    } catch (error) {
      reason = asProblem(error).code
    }
    if (this.#isGone) return
    if (this.#options.isHop)
      return this.close(`partition ${partitions.join(', ')} is not here any more: ${reason}`, RETRY_MS)
    this.#interrupt(partitions, reason)
    await sleep(RETRY_MS, undefined, { signal: this.#gone.signal }).catch(() => {})
    if (!this.#isGone) await this.#follow(partitions)
  }

  /** Told once, until the partitions are followed again. */
  #interrupt(partitions: readonly number[], reason: string): void {
    const news = partitions.filter((partition) => !this.#interrupted.has(partition))
    if (news.length === 0) return
    for (const partition of news) this.#interrupted.add(partition)
    this.#writer?.event('interrupted', JSON.stringify({ partitions: news, reason }))
  }

  #feed(partition: number): StoreFeed {
    const { hub, streams, store, show } = this.#options
    return hub.feed(streams.queries, store, partition, show)
  }

  async #followHere(partition: number): Promise<void> {
    const writer = this.#writer as EventWriter
    const feed = this.#feed(partition)
    await feed.located
    if (feed.isEnded || this.#isGone) return
    const { promise: ended, resolve } = Promise.withResolvers<void>()
    const keyId = this.#options.key && keyIdOf(this.#options.key.bytes)
    const held = new Map<string, FeedChange>()
    const state = { isReady: false, offset: feed.head }
    const listener: FeedListener = {
      keyId,
      committed: (_, changes, offset) => {
        state.offset = offset
        for (const change of changes) {
          if (state.isReady) writer.change(`${partition}/${change.rowId}`, change.data())
          else {
            held.delete(change.rowId)
            held.set(change.rowId, change)
          }
        }
        if (held.size > this.#options.hub.limits.maxPending) writer.close('too slow: more rows wait than can be kept')
        if (state.isReady) this.#reached(partition, offset)
      },
      ended: () => resolve(),
    }
    const onGone = () => resolve()
    this.#gone.signal.addEventListener('abort', onGone, { once: true })
    const missed = feed.changesSince(this.#positions.get(partition), keyId)
    feed.add(listener)
    try {
      if (missed === undefined) await this.#sendRows(partition, feed)
      else {
        writer.event('resume', `{"partitions":[${partition}]}`)
        for (const change of missed) held.set(change.rowId, change)
      }
      for (const change of held.values()) writer.change(`${partition}/${change.rowId}`, change.data())
      state.isReady = true
      this.#interrupted.delete(partition)
      this.#reached(partition, state.offset)
      writer.event('ready', `{"partitions":[${partition}]}`)
      await ended
    } finally {
      this.#gone.signal.removeEventListener('abort', onGone)
      feed.remove(listener)
    }
  }

  /** What the listener had of the partition is void from here on, until it has all rows. */
  async #sendRows(partition: number, feed: StoreFeed): Promise<void> {
    const writer = this.#writer as EventWriter
    this.#positions.delete(partition)
    const done = await this.#options.hub.snapshotTurn()
    try {
      writer.event('snapshot', `{"partitions":[${partition}]}`, positionsId(this.#positions))
      for await (const row of feed.rows(this.#options.key)) {
        if (this.#isGone) return
        writer.event('row', this.#options.show(row))
        await writer.ready()
      }
    } finally {
      done()
    }
  }

  #reached(partition: number, offset: number | undefined): void {
    if (offset === undefined) this.#positions.delete(partition)
    else this.#positions.set(partition, offset)
    this.#writer?.reached(positionsId(this.#positions))
  }

  /** What another instance tells goes on as it is, as fast as the listener takes it. */
  async #followThere(endpoint: string, partitions: readonly number[]): Promise<void> {
    const { peers, pathFor } = this.#options
    const writer = this.#writer as EventWriter
    const known = new Map(partitions.flatMap((p) => (this.#positions.has(p) ? [[p, this.#positions.get(p) ?? 0]] : [])))
    const response = await peers.stream(endpoint, pathFor(partitions), this.#gone.signal, positionsId(known))
    try {
      for await (const { event, data, id } of peerEvents(response)) {
        if (this.#isGone || event === 'closing') return
        if (id !== undefined) {
          for (const partition of partitions) this.#positions.delete(partition)
          for (const [partition, offset] of positionsOf(id)) this.#positions.set(partition, offset)
        }
        if (data === undefined) writer.reached(positionsId(this.#positions))
        else if (event === 'ready') {
          for (const partition of partitions) this.#interrupted.delete(partition)
          writer.event(event, data)
        } else if (event !== 'heartbeat')
          writer.event(event, data, id === undefined ? id : positionsId(this.#positions))
        await writer.ready()
      }
    } finally {
      response.destroy()
    }
  }
}
