import { expect, test } from 'vitest'
import type { ProcessorContext } from '../processor.ts'
import { JoinTimeTracker } from './join-time-tracker.ts'

/** Of a task that keeps metadata and nothing else: a join does not hold results back until the commit. */
class Task {
  readonly #kept: Map<string, number>
  readonly #read = new Map<string, () => number>()

  constructor(kept: ReadonlyMap<string, number>) {
    this.#kept = new Map(kept)
  }

  get context(): ProcessorContext {
    const context: Partial<ProcessorContext> = {
      nodeName: 'join',
      processorMetadata: (key) => this.#kept.get(key),
      keepProcessorMetadata: (key, value) => {
        if (typeof value === 'function') this.#read.set(key, value)
      },
    }
    return context as ProcessorContext
  }

  commit(): ReadonlyMap<string, number> {
    for (const [key, read] of this.#read) if (read() >= 0) this.#kept.set(key, read())
    return this.#kept
  }
}

test('the earliest record that waits is known after a restart, or that none does', () => {
  let task = new Task(new Map())
  let tracker = new JoinTimeTracker(task.context, 'outer')
  const restart = (): void => {
    task = new Task(task.commit())
    tracker = new JoinTimeTracker(task.context, 'outer')
  }
  expect(tracker.earliestMs).toBe(Number.NEGATIVE_INFINITY)
  // It has not looked yet: nothing is known, after another start neither.
  restart()
  expect(tracker.earliestMs).toBe(Number.NEGATIVE_INFINITY)
  tracker.earliestMs = Number.POSITIVE_INFINITY
  expect(tracker.mayHaveWaiting).toBe(false)
  restart()
  expect(tracker.earliestMs).toBe(Number.POSITIVE_INFINITY)
  tracker.waits(20)
  tracker.waits(30)
  restart()
  expect(tracker.earliestMs).toBe(20)
})
