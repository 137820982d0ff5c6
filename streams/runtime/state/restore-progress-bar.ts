import { barText, countText, percentText, timeText } from '../../../common/progress.ts'
import type { RestoreEvent, StateRestoreListener } from './restore-listener.ts'

export interface RestoreProgressBarOptions {
  /** Where it is shown (default: standard error). On a terminal one line is written over; elsewhere lines follow each other. */
  readonly stream?: ProgressStream
  /** Least time between two looks at a terminal (default 100 ms). */
  readonly redrawMs?: number
  /** Least time between two lines elsewhere (default 10 s). */
  readonly lineMs?: number
  readonly nowMs?: () => number
}

export interface ProgressStream {
  readonly isTTY?: boolean | undefined
  readonly columns?: number | undefined
  write(text: string): unknown
}

interface Restore {
  readonly startingOffset: number
  readonly endingOffset: number
  offset: number
  isOver: boolean
}

const BAR_WIDTH = 24
const CLEAR_LINE = '\r\u001b[2K'

/**
 * Shows how the restores of a client go, all stores as one: a bar on a terminal, else a line now and then; at the end how much it was and how
 * long it took. Give it as `stateRestoreListener`. Progress is counted in changelog offsets, rates in records.
 */
export function restoreProgressBar(options: RestoreProgressBarOptions = {}): StateRestoreListener {
  const bar = new RestoreProgressBar(options)
  return {
    onRestoreStart: (event) => bar.started(event),
    onBatchRestored: (event) => bar.reached(event, event.batchEndOffset, event.numRestored),
    onRestoreEnd: (event) => bar.ended(event, true),
    onRestoreSuspended: (event) => bar.ended(event, false),
  }
}

class RestoreProgressBar {
  readonly #stream: ProgressStream
  readonly #everyMs: number
  readonly #nowMs: () => number
  readonly #restores = new Map<string, Restore>()
  #records = 0
  #startedMs = 0
  #shownMs = 0

  constructor({
    stream = process.stderr,
    redrawMs = 100,
    lineMs = 10_000,
    nowMs = Date.now,
  }: RestoreProgressBarOptions) {
    this.#stream = stream
    this.#everyMs = stream.isTTY ? redrawMs : lineMs
    this.#nowMs = nowMs
  }

  started(event: RestoreEvent): void {
    if (this.#restores.size === 0) {
      this.#startedMs = this.#nowMs()
      this.#shownMs = this.#startedMs
      this.#records = 0
    }
    const { startingOffset, endingOffset } = event
    this.#restores.set(nameOf(event), { startingOffset, endingOffset, offset: startingOffset, isOver: false })
    this.#show()
  }

  reached(event: RestoreEvent, offset: number, records: number): void {
    const restore = this.#restores.get(nameOf(event))
    if (restore === undefined) return
    restore.offset = Math.min(offset, restore.endingOffset)
    this.#records += records
    this.#show()
  }

  ended(event: RestoreEvent, isComplete: boolean): void {
    const restore = this.#restores.get(nameOf(event))
    if (restore === undefined) return
    if (isComplete) {
      restore.offset = restore.endingOffset
      restore.isOver = true
    } else this.#restores.delete(nameOf(event))
    const open = [...this.#restores.values()].some(({ isOver }) => !isOver)
    if (open) this.#show()
    else this.#finish()
  }

  #show(): void {
    const nowMs = this.#nowMs()
    if (nowMs - this.#shownMs < this.#everyMs) return
    this.#shownMs = nowMs
    if (this.#stream.isTTY) this.#stream.write(CLEAR_LINE + this.#line(nowMs, true).slice(0, this.#width))
    else this.#stream.write(`${this.#line(nowMs, false)}\n`)
  }

  #line(nowMs: number, withBar: boolean): string {
    const restores = [...this.#restores.values()]
    const total = sum(restores, (r) => r.endingOffset - r.startingOffset)
    const done = sum(restores, (r) => r.offset - r.startingOffset) / Math.max(1, total)
    const elapsedMs = Math.max(1, nowMs - this.#startedMs)
    const over = restores.filter(({ isOver }) => isOver).length
    const parts = [
      `${withBar ? `${barText(done, BAR_WIDTH)} ` : ''}${percentText(done)}`,
      `${countText(this.#records)} records`,
      `${countText((this.#records * 1000) / elapsedMs)}/s`,
      ...(done > 0 && done < 1 ? [`${timeText((elapsedMs * (1 - done)) / done)} left`] : []),
    ]
    return `restoring ${over} of ${restores.length} stores  ${parts.join('  ')}`
  }

  #finish(): void {
    const restored = this.#restores.size
    const seconds = Math.max(1, this.#nowMs() - this.#startedMs) / 1000
    this.#restores.clear()
    const text =
      restored === 0
        ? ''
        : `restored ${restored === 1 ? '1 store' : `${restored} stores`}: ${countText(this.#records)} records in ${seconds.toFixed(1)} s (${countText(this.#records / seconds)}/s)\n`
    this.#stream.write(this.#stream.isTTY ? CLEAR_LINE + text : text)
  }

  /** A line that fills the last column wraps in some terminals. */
  get #width(): number {
    return Math.max(20, (this.#stream.columns ?? 80) - 1)
  }
}

function nameOf({ taskId, store, partition }: RestoreEvent): string {
  return `${taskId}/${store}/${partition}`
}

function sum(restores: readonly Restore[], of: (restore: Restore) => number): number {
  return restores.reduce((all, restore) => all + of(restore), 0)
}
