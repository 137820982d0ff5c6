import { asError } from '../../common/errors.ts'
import { type BackoffOptions, backoffMs } from '../backoff.ts'
import { pause } from '../pause.ts'
import type { Problem } from '../reading-kinds.ts'
import type { Troubles } from '../troubles.ts'
import { InfluxRefusedError, InfluxUnavailableError } from './errors.ts'
import type { WriteOutcome } from './write-outcome.ts'

export interface Point {
  readonly line: string
  /** Told once: it is in InfluxDB, or why it never will be. */
  readonly done: (problem: Problem | undefined) => void
  /** Nobody wants it any more: its partition is somebody else's, who may be further. */
  readonly isVoid?: () => boolean
}

export interface PointWriterOptions {
  readonly write: (lines: readonly string[], signal: AbortSignal) => Promise<WriteOutcome>
  readonly batchPoints: number
  /** Points wait for company so long at most. */
  readonly flushIntervalMs: number
  readonly troubles: Troubles
  /** Told once when it cannot go on. */
  readonly onFailure: (error: Error) => void
  readonly backoff?: BackoffOptions
}

const PART = 'influxdb'

/**
 * Points to InfluxDB in batches, one request at a time, so that of two points of one identity the later one stays. Tries again for as
 * long as it takes, after what `Retry-After` says where the server says it. A batch with bad lines is halved until each of them is
 * alone: what was written of it before is written over.
 */
export class PointWriter {
  readonly #options: PointWriterOptions
  readonly #closing = new AbortController()
  #waiting: Point[] = []
  #inFlight = 0
  #timer: NodeJS.Timeout | undefined
  #isDraining = false
  #whenIdle: (() => void)[] = []

  constructor(options: PointWriterOptions) {
    this.#options = options
  }

  /** Points that are not settled. */
  get size(): number {
    return this.#waiting.length + this.#inFlight
  }

  add(point: Point): void {
    if (this.#closing.signal.aborted) return
    this.#waiting.push(point)
    this.#look()
  }

  /** Sends what waits without waiting for company; resolves when all is settled, or the writer closed. */
  async drain(): Promise<void> {
    if (this.size === 0 || this.#closing.signal.aborted) return
    this.#isDraining = true
    this.#look()
    await new Promise<void>((resolve) => this.#whenIdle.push(resolve))
    this.#isDraining = false
  }

  /** Drops what is not settled; nobody is told. */
  close(): void {
    this.#closing.abort()
    clearTimeout(this.#timer)
    this.#waiting = []
    this.#idle()
  }

  #look(): void {
    if (this.#inFlight > 0) return
    if (this.#waiting.length === 0) {
      this.#idle()
      return
    }
    const { batchPoints, flushIntervalMs } = this.#options
    if (this.#waiting.length >= batchPoints || this.#isDraining) this.#send()
    else this.#timer ??= setTimeout(() => this.#send(), flushIntervalMs)
  }

  #send(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    const batch = this.#waiting.splice(0, this.#options.batchPoints).filter((point) => !point.isVoid?.())
    if (batch.length === 0) {
      this.#look()
      return
    }
    this.#inFlight = batch.length
    this.#settle(batch).then(
      () => this.#look(),
      (error: unknown) => {
        if (this.#closing.signal.aborted) return
        this.close()
        this.#options.onFailure(asError(error))
      },
    )
  }

  async #settle(points: readonly Point[]): Promise<void> {
    const outcome = await this.#answered(points)
    if (outcome.kind === 'written') return this.#tell(points, undefined)
    if (points.length === 1 || (outcome.kind === 'bad lines' && outcome.all))
      return this.#tell(points, { code: 'POINT_REFUSED', reason: outcome.reason })
    const half = points.length >> 1
    await this.#settle(points.slice(0, half))
    await this.#settle(points.slice(half))
  }

  #tell(points: readonly Point[], problem: Problem | undefined): void {
    for (const { done } of points) done(problem)
    this.#inFlight -= points.length
  }

  /** What is said of the lines themselves. @throws when closed. */
  async #answered(points: readonly Point[]): Promise<Exclude<WriteOutcome, { kind: 'unavailable' | 'refused' }>> {
    const { troubles, backoff } = this.#options
    const { signal } = this.#closing
    const lines = points.map(({ line }) => line)
    for (let failures = 0; ; failures++) {
      const outcome = await this.#options.write(lines, signal)
      signal.throwIfAborted()
      if (outcome.kind !== 'unavailable' && outcome.kind !== 'refused') {
        troubles.over(PART)
        return outcome
      }
      const isRefusal = outcome.kind === 'refused'
      troubles.has(
        PART,
        isRefusal ? new InfluxRefusedError(outcome.reason) : new InfluxUnavailableError(outcome.reason),
      )
      const asked = isRefusal ? undefined : outcome.retryAfterMs
      await pause(asked === undefined ? backoffMs(failures, backoff) : withJitter(asked), signal)
      signal.throwIfAborted()
    }
  }

  #idle(): void {
    for (const resolve of this.#whenIdle.splice(0)) resolve()
  }
}

/** Never sooner than asked; many that were asked the same do not come at once. */
function withJitter(waitMs: number): number {
  return Math.round(waitMs * (1 + Math.random() / 10))
}
