import type { Awaitable } from '../../../common/awaitable.ts'
import type { ProcessorContext } from '../processor.ts'
import { OperatorTime } from './operator-time.ts'

/** How often, at most, an idle source moves time. */
const MAX_TICK_MS = 1_000

/**
 * Stream time of one operator that goes on while nothing comes. It is the highest time of its records; and when none has come for
 * `idleTimeoutMs` by the wall clock, it goes on with the wall clock from then on: by as long as the silence lasts beyond the timeout.
 * It never goes back, and stands still until the first record.
 *
 * As every operator's time it is kept in the metadata of each commit, so what silence has done is final exactly when the offsets are:
 * after a restart, and when records are read again from the committed offsets, the same ones are late. The time that nothing runs is no
 * silence: it is counted anew from each start.
 *
 * An operator makes one in `init` in the place of an {@link OperatorTime}, calls `saw` for every record, and closes in `onMoved` what the
 * new time closes.
 */
export class IdleClock extends OperatorTime {
  readonly #context: ProcessorContext
  readonly #idleTimeoutMs: number | undefined
  /** Where the last record left stream time, and when it came. */
  #heardMs: number
  #heardAtMs: number

  /**
   * `name` is unique in the topology, such as that of the operator's store. Without a timeout only records move time, and nothing is
   * scheduled.
   */
  constructor(
    context: ProcessorContext,
    name: string,
    idleTimeoutMs: number | undefined,
    onMoved: (streamTimeMs: number) => Awaitable<void>,
  ) {
    super(context, name)
    this.#context = context
    this.#idleTimeoutMs = idleTimeoutMs
    this.#heardMs = this.streamTimeMs
    this.#heardAtMs = context.currentSystemTimeMs()
    if (idleTimeoutMs === undefined) return
    context.schedule(Math.min(idleTimeoutMs, MAX_TICK_MS), 'wall-clock-time', (nowMs) => {
      if (this.#move(nowMs)) return onMoved(this.streamTimeMs)
    })
  }

  /** Time was here already: something says so that knows of an earlier run. */
  startAt(streamTimeMs: number): void {
    super.saw(streamTimeMs)
    this.#heardMs = this.streamTimeMs
  }

  override saw(timestampMs: number): number {
    super.saw(timestampMs)
    if (this.#idleTimeoutMs !== undefined) {
      this.#heardMs = this.streamTimeMs
      this.#heardAtMs = this.#context.currentSystemTimeMs()
    }
    return this.streamTimeMs
  }

  #move(nowMs: number): boolean {
    if (this.streamTimeMs < 0) return false
    const movedMs = this.#heardMs + nowMs - this.#heardAtMs - (this.#idleTimeoutMs as number)
    if (movedMs <= this.streamTimeMs) return false
    super.saw(movedMs)
    return true
  }
}
