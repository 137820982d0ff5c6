import type { Awaitable } from '../../../common/awaitable.ts'
import { InvalidArgumentError } from '../../../common/errors.ts'
import type { Cancellable, Punctuator } from '../../processors/processor.ts'
import { PunctuationHeap } from './punctuation-heap.ts'

interface Schedule extends Cancellable {
  readonly nodeName: string
  readonly intervalMs: number
  readonly punctuator: Punctuator
  dueMs: number
  cancelled: boolean
}

/** Runs a due punctuator on behalf of its node. */
export type RunPunctuator = (nodeName: string, punctuator: Punctuator, timestampMs: number) => Awaitable<void>

/**
 * The punctuations of one task on one kind of time, by due time. Calls that were missed collapse into one, which is told the
 * time that is now; later ones keep the phase of the first.
 * @see org.apache.kafka.streams.processor.internals.PunctuationQueue
 */
export class PunctuationQueue {
  readonly #schedules = new PunctuationHeap<Schedule>()

  /**
   * First due at `firstMs`: 0 for stream time (fires with the first known time), now + interval for the wall clock.
   * @throws {InvalidArgumentError} when the interval is not at least 1 ms.
   */
  schedule(nodeName: string, intervalMs: number, firstMs: number, punctuator: Punctuator): Cancellable {
    if (!(intervalMs >= 1) || !Number.isFinite(intervalMs))
      throw new InvalidArgumentError(`${nodeName} can be punctuated every 1 ms or more, not every ${intervalMs} ms`)
    const schedule: Schedule = {
      nodeName,
      intervalMs,
      punctuator,
      dueMs: firstMs,
      cancelled: false,
      cancel: () => {
        schedule.cancelled = true
      },
    }
    this.#schedules.add(schedule)
    return schedule
  }

  get nextDueMs(): number {
    let next = Number.POSITIVE_INFINITY
    for (const schedule of this.#schedules.all) if (!schedule.cancelled && schedule.dueMs < next) next = schedule.dueMs
    return next
  }

  /** Calls what is due at `nowMs`, earliest first; true when something was. */
  punctuate(nowMs: number, run: RunPunctuator): Awaitable<boolean> {
    return this.#punctuate(nowMs, run, false)
  }

  #punctuate(nowMs: number, run: RunPunctuator, called: boolean): Awaitable<boolean> {
    let any = called
    for (
      let first = this.#schedules.first;
      first !== undefined && first.dueMs <= nowMs;
      first = this.#schedules.first
    ) {
      const schedule = first
      this.#schedules.take()
      if (schedule.cancelled) continue
      any = true
      const pending = run(schedule.nodeName, schedule.punctuator, nowMs)
      if (pending instanceof Promise)
        return pending.then(() => {
          this.#goOn(schedule, nowMs)
          return this.#punctuate(nowMs, run, true)
        })
      this.#goOn(schedule, nowMs)
    }
    return any
  }

  #goOn(schedule: Schedule, nowMs: number): void {
    if (schedule.cancelled) return
    schedule.dueMs = nextDue(schedule.dueMs, schedule.intervalMs, nowMs)
    this.#schedules.add(schedule)
  }
}

/** The first time of a schedule with a start of its own that is not over yet. @see StreamTask.getInitialSchedule */
export function firstDue(
  nodeName: string,
  intervalMs: number,
  startMs: number | undefined,
  nowMs: number,
): number | undefined {
  if (startMs === undefined) return undefined
  if (!(startMs >= 0) || !Number.isFinite(startMs))
    throw new InvalidArgumentError(`${nodeName} can be punctuated from the epoch on, not from ${startMs} ms`)
  return startMs < nowMs ? nextDue(startMs, intervalMs, nowMs) : startMs
}

function nextDue(dueMs: number, intervalMs: number, nowMs: number): number {
  const next = dueMs + intervalMs
  return next > nowMs ? next : dueMs + (Math.floor((nowMs - dueMs) / intervalMs) + 1) * intervalMs
}
