import { type Awaitable, chain } from '../../../common/awaitable.ts'
import type { Cancellable, PunctuationType, Punctuator } from '../../processors/processor.ts'
import type { TimedWork } from '../../processors/times/timed-work.ts'
import { firstDue, PunctuationQueue, type RunPunctuator } from './punctuation.ts'
import { TimedWorks } from './timed-works.ts'

export interface Schedule {
  readonly intervalMs: number
  readonly type: PunctuationType
  readonly punctuator: Punctuator
  readonly startMs: number | undefined
  /** Of its kind of time. */
  readonly nowMs: number
}

/** What a task does because it is time: punctuations, and works of its nodes, on stream time and on the wall clock. */
export class TaskTimes {
  readonly #streamTime = new PunctuationQueue()
  readonly #wallClock = new PunctuationQueue()
  readonly #works = new TimedWorks()
  readonly #run: RunPunctuator
  readonly #onWork: () => void

  /** `onWork` is told that a work is about to run. */
  constructor(run: RunPunctuator, onWork: () => void) {
    this.#run = run
    this.#onWork = onWork
  }

  schedule(nodeName: string, { intervalMs, type, punctuator, startMs, nowMs }: Schedule): Cancellable {
    const onStreamTime = type === 'stream-time'
    const first = firstDue(nodeName, intervalMs, startMs, nowMs) ?? (onStreamTime ? 0 : nowMs + intervalMs)
    return (onStreamTime ? this.#streamTime : this.#wallClock).schedule(nodeName, intervalMs, first, punctuator)
  }

  add(nodeName: string, work: TimedWork, store?: string): void {
    this.#works.add(nodeName, work, store)
  }

  /** Somebody takes the rows of this store that are due. */
  isTaken(store: string): boolean {
    return this.#works.isTaken(store)
  }

  /** When a work is due next that waits for stream time. */
  get nextStreamTimeWorkMs(): number {
    return this.#works.nextDueMs('stream-time')
  }

  /** When something is due next that waits for the wall clock. */
  get nextWallClockMs(): number {
    return Math.min(this.#wallClock.nextDueMs, this.#works.nextDueMs('wall-clock-time'))
  }

  workOnStreamTime(streamTimeMs: number): Awaitable<boolean> {
    return this.#work('stream-time', streamTimeMs)
  }

  /** Runs works, then punctuations, that are due on stream time; true when something was. */
  onStreamTime(streamTimeMs: number): Awaitable<boolean> {
    if (this.#streamTime.nextDueMs > streamTimeMs && this.nextStreamTimeWorkMs > streamTimeMs) return false
    return chain(this.#work('stream-time', streamTimeMs), (worked) => {
      if (streamTimeMs < 0) return worked
      return chain(this.#streamTime.punctuate(streamTimeMs, this.#run), (called) => called || worked)
    })
  }

  /** The same on the wall clock. */
  onWallClock(nowMs: number): Awaitable<boolean> {
    return chain(this.#work('wall-clock-time', nowMs), (worked) =>
      chain(this.#wallClock.punctuate(nowMs, this.#run), (called) => called || worked),
    )
  }

  #work(type: PunctuationType, nowMs: number): Awaitable<boolean> {
    if (this.#works.nextDueMs(type) > nowMs) return false
    this.#onWork()
    return this.#works.run(type, nowMs)
  }
}
