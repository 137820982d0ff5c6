import { randomBytes } from 'node:crypto'
import type { ServerResponse } from 'node:http'
import { type Clock, systemClock } from '../../common/clock.ts'
import type { Metrics } from '../../common/metrics.ts'
import { HttpProblem } from '../problem.ts'
import { LiveClient } from './live-client.ts'
import { LiveEntry } from './live-entry.ts'
import { type LiveEvent, type LiveType, roomOf } from './live-events.ts'
import { LiveMemory } from './live-memory.ts'
import { LiveRing } from './live-ring.ts'

export interface LiveHubOptions {
  readonly clock?: Clock
  readonly metrics?: Metrics
  /** Listeners at a time (default 100). */
  readonly maxClients?: number
  /** Events kept for those who come back (default 4,096). */
  readonly ringSize?: number
  /** Rooms remembered (default 20,000). */
  readonly maxRooms?: number
  /** Least time between two events of one slot to one client (default 250 ms). */
  readonly minIntervalMs?: number
  readonly heartbeatMs?: number
  /** How long a client may leave its connection full (default 10 s). */
  readonly slowAfterMs?: number
  /** Events that may wait for one client (default 20,000). */
  readonly maxPending?: number
}

/** What a listener wants; absent means everything. Events of no room pass every filter of rooms. */
export interface LiveFilter {
  readonly types?: ReadonlySet<LiveType>
  readonly rooms?: ReadonlySet<string>
}

/**
 * Takes the changes of the building and hands them to whoever listens, as server-sent events: first what is known (or, with a
 * `Last-Event-ID` of this hub that is still in the ring, what was missed), between `snapshot` or `resume` and `ready`; then
 * each change. `heartbeat` comes every 15 s, `closing` before the end.
 */
export class LiveHub {
  readonly #memory: LiveMemory
  readonly #ring: LiveRing
  readonly #clients = new Set<LiveClient>()
  readonly #feedId = randomBytes(6).toString('hex')
  readonly #clock: Clock
  readonly #options: LiveHubOptions
  #heart: NodeJS.Timeout | undefined
  #isClosed = false

  constructor(options: LiveHubOptions = {}) {
    this.#options = options
    this.#clock = options.clock ?? systemClock
    this.#memory = new LiveMemory(options.maxRooms ?? 20_000)
    this.#ring = new LiveRing(options.ringSize ?? 4_096)
    options.metrics?.gauge('http_live_clients', 'Listeners of the live feed.', [], (set) => set(this.#clients.size))
    options.metrics?.counter('http_live_events_total', 'Events given to the live feed.', [], (total) =>
      total(this.#ring.next - 1),
    )
  }

  get clientCount(): number {
    return this.#clients.size
  }

  publish(event: LiveEvent): void {
    const roomId = roomOf(event) ?? (event.type === 'connector' ? undefined : this.#memory.roomOfDevice(event.key))
    const entry = new LiveEntry(this.#ring.next, event, roomId)
    this.#ring.push(entry)
    this.#memory.remember(entry)
    for (const client of this.#clients) client.offer(entry)
  }

  /** Rooms of which anything is known. */
  get roomIds(): readonly string[] {
    return this.#memory.roomIds
  }

  /** What is remembered of a room, oldest first; empty for one that is not known. */
  eventsOf(roomId: string): readonly LiveEvent[] {
    return this.#memory.entriesOf(roomId).map(({ event }) => event)
  }

  /** What is remembered and belongs to no room. */
  commonEvents(): readonly LiveEvent[] {
    return this.#memory.commonEntries().map(({ event }) => event)
  }

  /** The room of a device that has a record. */
  roomOfDevice(deviceId: string): string | undefined {
    return this.#memory.roomOfDevice(deviceId)
  }

  /** @throws {HttpProblem} `CLIENTS` when there are too many already, or the hub is closed. */
  checkRoom(): void {
    if (this.#isClosed) throw new HttpProblem('CLIENTS', 'the server is stopping', { retryAfterS: 2 })
    if (this.#clients.size >= (this.#options.maxClients ?? 100))
      throw new HttpProblem('CLIENTS', 'too many clients listen already', { retryAfterS: 10 })
  }

  /** Serves one listener until either side ends it. The headers are written here. */
  listen(response: ServerResponse, filter: LiveFilter = {}, lastEventId?: string): void {
    response.writeHead(200, {
      'Content-Type': 'text/event-stream; charset=utf-8',
      'Cache-Control': 'no-store',
      'X-Accel-Buffering': 'no',
    })
    const client: LiveClient = new LiveClient({
      response,
      feedId: this.#feedId,
      clock: this.#clock,
      limits: {
        minIntervalMs: this.#options.minIntervalMs ?? 250,
        slowAfterMs: this.#options.slowAfterMs ?? 10_000,
        maxPending: this.#options.maxPending ?? 20_000,
      },
      accepts: ({ event, roomId }) =>
        (filter.types?.has(event.type) ?? true) &&
        (filter.rooms === undefined || roomId === undefined || filter.rooms.has(roomId)),
      onClosed: () => this.#left(client),
    })
    this.#clients.add(client)
    this.#heart ??= setInterval(() => {
      for (const listener of this.#clients) listener.heartbeat()
    }, this.#options.heartbeatMs ?? 15_000)
    this.#begin(client, lastEventId)
  }

  /** Ends all streams with the reason; no more are taken. */
  close(reason = 'the server is stopping', retryMs = 2_000): void {
    this.#isClosed = true
    for (const client of [...this.#clients]) client.close(reason, retryMs)
  }

  #begin(client: LiveClient, lastEventId: string | undefined): void {
    const missed = this.#missedSince(lastEventId)
    const data = JSON.stringify({ timeMs: this.#clock.nowMs() })
    const last = `${this.#feedId}-${this.#ring.next - 1}`
    client.begin(
      `retry: 2000\nevent: ${missed === undefined ? 'snapshot' : 'resume'}\ndata: ${data}\n\n`,
      missed ?? this.#memory.entries(),
      `id: ${last}\nevent: ready\ndata: ${data}\n\n`,
    )
  }

  /** Ids are `<feed>-<sequence>`; another feed's say nothing here. */
  #missedSince(lastEventId: string | undefined): readonly LiveEntry[] | undefined {
    const match = /^([0-9a-f]{12})-(\d{1,15})$/.exec(lastEventId ?? '')
    return match?.[1] === this.#feedId ? this.#ring.after(Number(match[2])) : undefined
  }

  #left(client: LiveClient): void {
    this.#clients.delete(client)
    if (this.#clients.size > 0) return
    clearInterval(this.#heart)
    this.#heart = undefined
  }
}
