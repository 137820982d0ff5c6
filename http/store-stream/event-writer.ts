import type { ServerResponse } from 'node:http'
import type { Clock } from '../../common/clock.ts'

export interface WriterLimits {
  /** How long a listener may leave its connection full. */
  readonly slowAfterMs: number
  /** Rows that may wait for a listener. */
  readonly maxPending: number
}

/** How long a listener may take to read the last words. */
const LINGER_MS = 1_000

/**
 * Writes server-sent events as fast as the listener takes them. While the connection is full, of each row only the last change
 * waits; who takes nothing for too long is cut with the reason.
 */
export class EventWriter {
  readonly #response: ServerResponse
  readonly #clock: Clock
  readonly #limits: WriterLimits
  readonly #onClosed: () => void
  readonly #pending = new Map<string, string>()
  #id: string | undefined
  #fullSinceMs: number | undefined
  #waiters: (() => void)[] = []
  #isClosed = false

  constructor(response: ServerResponse, clock: Clock, limits: WriterLimits, onClosed: () => void) {
    this.#response = response
    this.#clock = clock
    this.#limits = limits
    this.#onClosed = onClosed
    response.writeHead(200, {
      'Content-Type': 'text/event-stream; charset=utf-8',
      'Cache-Control': 'no-store',
      'X-Accel-Buffering': 'no',
    })
    response.flushHeaders()
    response.on('drain', () => this.#drained())
    response.on('close', () => this.#ended())
    response.on('error', () => this.#ended())
  }

  get isClosed(): boolean {
    return this.#isClosed
  }

  /** Resolves when the connection takes more, or is closed. */
  async ready(): Promise<void> {
    if (this.#fullSinceMs === undefined || this.#isClosed) return
    await new Promise<void>((resolve) => this.#waiters.push(resolve))
  }

  /** At once, whatever waits; `id` is where the listener stands then. */
  event(name: string, data: string, id?: string): void {
    this.#write(`${id === undefined ? '' : `id: ${id}\n`}event: ${name}\ndata: ${data}\n\n`)
  }

  /** A change of a row: at once, or in place of the one that waits. */
  change(rowId: string, data: string): void {
    const frame = `event: change\ndata: ${data}\n\n`
    if (this.#fullSinceMs === undefined && this.#pending.size === 0) {
      this.#write(frame)
      return
    }
    this.#pending.delete(rowId)
    this.#pending.set(rowId, frame)
    if (this.#pending.size > this.#limits.maxPending) this.close('too slow: more rows wait than can be kept')
  }

  /** Where the listener stands when everything that was given is written. */
  reached(id: string): void {
    if (this.#pending.size === 0 && this.#fullSinceMs === undefined) this.#write(`id: ${id}\n\n`)
    else this.#id = id
  }

  heartbeat(): void {
    const nowMs = this.#clock.nowMs()
    if (this.#fullSinceMs === undefined) this.event('heartbeat', `{"timeMs":${nowMs}}`)
    else if (nowMs - this.#fullSinceMs >= this.#limits.slowAfterMs) this.close('too slow: the connection stayed full')
  }

  /** Ends the stream with the reason and a hint when to come back. */
  close(reason: string, retryMs = 2_000): void {
    if (this.#isClosed) return
    this.#response.end(`retry: ${retryMs}\nevent: closing\ndata: ${JSON.stringify({ reason, retryMs })}\n\n`)
    const { socket } = this.#response
    this.#ended()
    setTimeout(() => socket?.destroy(), LINGER_MS).unref()
  }

  #write(text: string): void {
    if (this.#isClosed) return
    if (!this.#response.write(text)) this.#fullSinceMs ??= this.#clock.nowMs()
  }

  #drained(): void {
    this.#fullSinceMs = undefined
    for (const [rowId, frame] of this.#pending) {
      if (this.#fullSinceMs !== undefined) return
      this.#pending.delete(rowId)
      this.#write(frame)
    }
    if (this.#id !== undefined) this.#write(`id: ${this.#id}\n\n`)
    this.#id = undefined
    this.#wake()
  }

  #wake(): void {
    const waiters = this.#waiters
    this.#waiters = []
    for (const wake of waiters) wake()
  }

  #ended(): void {
    if (this.#isClosed) return
    this.#isClosed = true
    this.#pending.clear()
    this.#wake()
    this.#onClosed()
  }
}
