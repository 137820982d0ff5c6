import type { ServerResponse } from 'node:http'
import type { Clock } from '../../common/clock.ts'
import type { LiveEntry } from './live-entry.ts'

export interface ClientLimits {
  /** Between two events of one slot. */
  readonly minIntervalMs: number
  /** How long a client may leave its connection full. */
  readonly slowAfterMs: number
  /** Events that may wait for a client. */
  readonly maxPending: number
}

export interface ClientOptions {
  readonly response: ServerResponse
  /** Prefix of ids: those of another feed mean nothing here. */
  readonly feedId: string
  readonly limits: ClientLimits
  readonly clock: Clock
  readonly accepts: (entry: LiveEntry) => boolean
  readonly onClosed: () => void
}

/** How long a client may take to read the last words. */
const LINGER_MS = 1_000

/**
 * One listener. What it cannot take now waits, one event per slot, in the order of the feed; an `id:` is only written where
 * everything before it has been sent or replaced, so that going on after it misses nothing.
 */
export class LiveClient {
  readonly #options: ClientOptions
  readonly #pending = new Map<string, LiveEntry>()
  readonly #sentAtMs = new Map<string, number>()
  #fullSinceMs: number | undefined
  #timer: NodeJS.Timeout | undefined
  #isClosed = false
  #readyFrame: string | undefined

  constructor(options: ClientOptions) {
    this.#options = options
    const { response } = options
    response.on('drain', () => {
      this.#fullSinceMs = undefined
      this.#flush()
    })
    response.on('close', () => this.#closed())
    response.on('error', () => this.#closed())
  }

  get isClosed(): boolean {
    return this.#isClosed
  }

  /** Sends a beginning: everything that is known (or was missed), then `ready`. Limits of rate do not hold for it. */
  begin(first: string, entries: readonly LiveEntry[], ready: string): void {
    this.#write(first)
    for (const entry of entries) if (this.#options.accepts(entry)) this.#await(entry)
    this.#readyFrame = ready
    this.#flush()
  }

  offer(entry: LiveEntry): void {
    if (this.#isClosed || !this.#options.accepts(entry)) return
    this.#await(entry)
    if (this.#pending.size > this.#options.limits.maxPending) {
      this.close('too slow: more events wait than can be kept')
      return
    }
    const isHeldBack = this.#fullSinceMs !== undefined || this.#readyFrame !== undefined
    if (!isHeldBack && this.#isDue(entry)) this.#send(entry)
    this.#schedule()
  }

  /** Keeps the connection alive, tells the server's time, and cuts a client that takes nothing. */
  heartbeat(): void {
    const nowMs = this.#options.clock.nowMs()
    if (this.#fullSinceMs !== undefined) {
      if (nowMs - this.#fullSinceMs >= this.#options.limits.slowAfterMs)
        this.close('too slow: the connection stayed full')
      return
    }
    this.#write(`: heartbeat\nevent: heartbeat\ndata: {"timeMs":${nowMs}}\n\n`)
  }

  /** Ends the stream with a reason and a hint when to come back. */
  close(reason: string, retryMs = 2_000): void {
    if (this.#isClosed) return
    const { response } = this.#options
    response.end(`retry: ${retryMs}\nevent: closing\ndata: ${JSON.stringify({ reason, retryMs })}\n\n`)
    const { socket } = response
    this.#closed()
    setTimeout(() => socket?.destroy(), LINGER_MS).unref()
  }

  #await(entry: LiveEntry): void {
    this.#pending.delete(entry.slot)
    this.#pending.set(entry.slot, entry)
  }

  #flush(): void {
    if (this.#isClosed) return
    for (const entry of this.#pending.values()) {
      if (this.#fullSinceMs !== undefined) return
      if (this.#readyFrame !== undefined || this.#isDue(entry)) this.#send(entry)
    }
    if (this.#readyFrame !== undefined && this.#fullSinceMs === undefined) {
      this.#write(this.#readyFrame)
      this.#readyFrame = undefined
    }
    const dueMs = this.#options.clock.nowMs() - this.#options.limits.minIntervalMs
    for (const [slot, sentAtMs] of this.#sentAtMs) if (sentAtMs <= dueMs) this.#sentAtMs.delete(slot)
    this.#schedule()
  }

  #isDue({ slot }: LiveEntry): boolean {
    const sentAtMs = this.#sentAtMs.get(slot)
    return sentAtMs === undefined || this.#options.clock.nowMs() - sentAtMs >= this.#options.limits.minIntervalMs
  }

  #send(entry: LiveEntry): void {
    this.#pending.delete(entry.slot)
    this.#sentAtMs.set(entry.slot, this.#options.clock.nowMs())
    this.#write(`${this.#idLine(entry.sequence)}${entry.frame}\n`)
  }

  /** What was held back for its rate is looked at again when the interval is over. */
  #schedule(): void {
    if (this.#isClosed || this.#timer !== undefined || (this.#pending.size === 0 && this.#sentAtMs.size === 0)) return
    this.#timer = setTimeout(() => {
      this.#timer = undefined
      this.#flush()
    }, this.#options.limits.minIntervalMs)
  }

  /** The last event before the oldest one that still waits. */
  #idLine(sequence: number): string {
    const oldest = this.#pending.values().next()
    const safe = oldest.done ? sequence : Math.min(sequence, oldest.value.sequence - 1)
    return `id: ${this.#options.feedId}-${safe}\n`
  }

  #write(text: string): void {
    if (this.#isClosed) return
    const hasRoom = this.#options.response.write(text)
    if (!hasRoom) this.#fullSinceMs ??= this.#options.clock.nowMs()
  }

  #closed(): void {
    if (this.#isClosed) return
    this.#isClosed = true
    clearTimeout(this.#timer)
    this.#pending.clear()
    this.#options.onClosed()
  }
}
