import { InvalidArgumentError } from '../../common/errors.ts'
import { segmentIntervalMs } from './segment-keys.ts'

/**
 * The stream time of one window store: the latest window start that was put. Windows that start at or before
 * `stream time - retention` are expired.
 */
export class WindowClock {
  readonly intervalMs: number
  readonly #retentionMs: number
  /** -1 before the first put. */
  observedMs = -1
  /** First window start that is not expired. */
  minVisibleMs: number

  constructor(retentionMs: number, intervalMs = segmentIntervalMs(retentionMs)) {
    this.#retentionMs = retentionMs
    this.intervalMs = intervalMs
    this.minVisibleMs = -retentionMs
  }

  /** @throws {InvalidArgumentError} when no window can start there. */
  observe(windowStartMs: number): void {
    if (!Number.isSafeInteger(windowStartMs))
      throw new InvalidArgumentError(`a window cannot start at ${windowStartMs}`)
    if (windowStartMs > this.observedMs) this.reset(windowStartMs)
  }

  reset(observedMs: number): void {
    this.observedMs = observedMs
    this.minVisibleMs = observedMs - this.#retentionMs + 1
  }

  segmentNumber(windowStartMs: number): number {
    return Math.floor(windowStartMs / this.intervalMs)
  }

  firstLiveSegment(): number {
    return this.segmentNumber(Math.max(this.minVisibleMs, 0))
  }

  /** Whether a window that starts there can have a row that is shown. */
  isVisible(windowStartMs: number): boolean {
    return (
      windowStartMs >= this.minVisibleMs &&
      windowStartMs >= 0 &&
      windowStartMs <= this.observedMs &&
      Number.isInteger(windowStartMs)
    )
  }

  /** The part of [fromMs, toMs] that can have rows that are shown; `undefined` when none can. */
  visiblePart(fromMs: number, toMs: number): readonly [fromMs: number, toMs: number] | undefined {
    const from = Math.ceil(Math.max(fromMs, this.minVisibleMs, 0))
    const to = Math.floor(Math.min(toMs, this.observedMs))
    return from <= to ? [from, to] : undefined
  }
}
