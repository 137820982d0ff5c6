import { type Awaitable, chain } from '../../../common/awaitable.ts'
import { EMPTY_HEADERS, type Headers } from '../../../common/record.ts'
import type { ClosingWindowStore } from '../../../stores/state-store.ts'
import { Change, StreamRecord, Windowed } from '../../record.ts'
import type { Counted, Recorder } from '../node-metrics.ts'
import type { ProcessorContext } from '../processor.ts'
import { IdleClock } from '../times/idle-clock.ts'

/** What an aggregation that emits on window close is told. */
export interface WindowCloseSettings {
  /** Silence that moves time, by the wall clock; absent: only records do. */
  readonly idleTimeoutMs: number | undefined
}

/** How far an operator has sent the results of closed windows. */
export class WindowCloseProgress {
  readonly #context: ProcessorContext
  readonly #store: string
  #lastCloseMs: number
  #nextMs = Number.NEGATIVE_INFINITY
  readonly #emitted: Counted
  readonly #latency: Recorder | undefined
  #startedMs = 0

  /** Goes on where the last commit left off. */
  constructor(context: ProcessorContext, store: string) {
    this.#context = context
    this.#store = store
    this.#emitted = context.metrics.counted('window-aggregate-final-emit')
    this.#latency = context.metrics.latency('window-aggregate-final-emit')
    this.#lastCloseMs = context.processorMetadata(store) ?? -1
  }

  /** The close time up to which results were sent; -1 when none was yet. */
  get lastCloseMs(): number {
    return this.#lastCloseMs
  }

  /** Whether to look for closed windows now: once per interval of the wall clock, and only when close time has moved on. */
  isDue(closeMs: number): boolean {
    const nowMs = this.#context.currentSystemTimeMs()
    if (nowMs < this.#nextMs) return false
    this.#nextMs = nowMs + this.#context.emitIntervalMs
    if (this.#latency !== undefined) this.#startedMs = performance.now()
    return this.#lastCloseMs === -1 || this.#lastCloseMs < closeMs
  }

  /** A result is about to be sent. */
  sends(): void {
    this.#emitted.count++
  }

  /** All that had closed by then was sent. Kept under the store's name, as the JVM does. */
  sent(closeMs: number): void {
    this.#latency?.record(performance.now() - this.#startedMs)
    this.#lastCloseMs = closeMs
    this.#context.keepProcessorMetadata(this.#store, closeMs)
  }
}

/** Which windows a close time (stream time less grace) leaves open. */
export interface ClosableWindows {
  readonly graceMs: number
  /** Every window that starts before this is closed; 0 or less when none can be. Never goes back as close time goes on. */
  firstOpenStartMs(closeMs: number): number
  endMs(startMs: number): number
}

/**
 * Sends each window of a window store once, when it has closed: in the order of start, then key bytes, with the row's time and the headers
 * of the record that closed it (none when silence did). Rows stay in the store until they were sent, even past its retention.
 *
 * Use: make one in `init`; per record take stream time from `clock.saw(timestamp)`, decide on `streamTimeMs - graceMs` what is late,
 * write the rows without forwarding anything, and end with `send(headers)`.
 *
 * Sessions (whose store has another shape) use {@link WindowCloseProgress} and {@link IdleClock} the same way: `isDue(closeMs)`, then a
 * scan of the sessions with `lastCloseMs <= end < closeMs`, forward each, then `sent(closeMs)`.
 * @see AbstractKStreamTimeWindowAggregateProcessor (rules 6, 7, 13)
 */
export class WindowCloseEmitter<K, A> {
  readonly clock: IdleClock
  readonly #context: ProcessorContext<Windowed<K>, Change<A>>
  readonly #windows: ClosableWindows
  readonly #rows: ClosingWindowStore<K, A>
  readonly #progress: WindowCloseProgress

  constructor(
    context: ProcessorContext<Windowed<K>, Change<A>>,
    windows: ClosableWindows,
    store: string,
    { idleTimeoutMs }: WindowCloseSettings,
  ) {
    this.#context = context
    this.#windows = windows
    this.#rows = context.getStateStore(store)
    this.#progress = new WindowCloseProgress(context as ProcessorContext, store)
    this.clock = new IdleClock(context as ProcessorContext, store, idleTimeoutMs, () => this.send(EMPTY_HEADERS))
    const { lastCloseMs } = this.#progress
    if (lastCloseMs < 0) return
    // What was sent before a restart is closed after it too.
    this.clock.startAt(lastCloseMs + windows.graceMs)
    this.#rows.release(windows.firstOpenStartMs(lastCloseMs))
  }

  /** Sends what has closed, if it is time to look. */
  send(headers: Headers): Awaitable<void> {
    const closeMs = this.clock.streamTimeMs - this.#windows.graceMs
    if (!this.#progress.isDue(closeMs)) return
    const { lastCloseMs } = this.#progress
    const fromMs = lastCloseMs < 0 ? 0 : Math.max(0, this.#windows.firstOpenStartMs(lastCloseMs))
    const openMs = this.#windows.firstOpenStartMs(closeMs)
    if (openMs <= fromMs) return
    const sent = this.#rows.visitInOrder(fromMs, openMs - 1, ({ key, windowStartMs, value, timestampMs }) => {
      this.#progress.sends()
      const windowed = new Windowed(key, windowStartMs, this.#windows.endMs(windowStartMs))
      return this.#context.forward(new StreamRecord(windowed, new Change(value, null), timestampMs, headers))
    })
    return chain(sent, () => {
      this.#progress.sent(closeMs)
      this.#rows.release(openMs)
    })
  }
}
