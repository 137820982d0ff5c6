import type { Awaitable } from '../../common/awaitable.ts'
import { InvalidArgumentError } from '../../common/errors.ts'
import type { Cancellable, Punctuator } from '../processors/processor.ts'

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
  #schedules: Schedule[] = []

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
        this.#schedules = this.#schedules.filter((s) => s !== schedule)
      },
    }
    this.#schedules.push(schedule)
    return schedule
  }

  get nextDueMs(): number {
    let next = Number.POSITIVE_INFINITY
    for (const schedule of this.#schedules) if (schedule.dueMs < next) next = schedule.dueMs
    return next
  }

  /** Calls what is due at `nowMs`, earliest first; true when something was. */
  punctuate(nowMs: number, run: RunPunctuator): Awaitable<boolean> {
    return this.#punctuate(nowMs, run, false)
  }

  #punctuate(nowMs: number, run: RunPunctuator, called: boolean): Awaitable<boolean> {
    let any = called
    for (
      let schedule = this.#earliest();
      schedule !== undefined && schedule.dueMs <= nowMs;
      schedule = this.#earliest()
    ) {
      any = true
      schedule.dueMs = nextDue(schedule.dueMs, schedule.intervalMs, nowMs)
      const pending = run(schedule.nodeName, schedule.punctuator, nowMs)
      if (pending instanceof Promise) return pending.then(() => this.#punctuate(nowMs, run, true))
    }
    return any
  }

  #earliest(): Schedule | undefined {
    let earliest: Schedule | undefined
    for (const schedule of this.#schedules)
      if (earliest === undefined || schedule.dueMs < earliest.dueMs) earliest = schedule
    return earliest
  }
}

function nextDue(dueMs: number, intervalMs: number, nowMs: number): number {
  const next = dueMs + intervalMs
  return next > nowMs ? next : dueMs + (Math.floor((nowMs - dueMs) / intervalMs) + 1) * intervalMs
}
