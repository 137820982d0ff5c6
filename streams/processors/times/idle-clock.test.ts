import { beforeEach, describe, expect, it } from 'vitest'
import type { ProcessorContext, Punctuator } from '../processor.ts'
import { IdleClock } from './idle-clock.ts'

/** What a clock asks of its task, with time moved by hand. */
class Task {
  nowMs = 1_000_000
  readonly metadata = new Map<string, number>()
  readonly schedules: { readonly intervalMs: number; readonly tick: Punctuator }[] = []
  #sources = new Map<string, () => number>()

  context(): ProcessorContext {
    this.schedules.length = 0
    this.#sources = new Map()
    return {
      nodeName: 'node',
      currentSystemTimeMs: () => this.nowMs,
      processorMetadata: (key: string) => this.metadata.get(key),
      keepProcessorMetadata: (key: string, value: number | (() => number)) =>
        typeof value === 'number' ? this.metadata.set(key, value) : this.#sources.set(key, value),
      schedule: (intervalMs: number, _type: string, tick: Punctuator) => this.schedules.push({ intervalMs, tick }),
    } as unknown as ProcessorContext
  }

  advance(byMs: number): void {
    this.nowMs += byMs
    for (const { tick } of this.schedules) expect(tick(this.nowMs)).toBeUndefined()
  }

  commit(): void {
    for (const [key, read] of this.#sources) this.metadata.set(key, read())
  }
}

describe('stream time that silence moves', () => {
  let task: Task
  let moved: number[]
  const clock = (idleTimeoutMs: number | undefined): IdleClock =>
    new IdleClock(task.context(), 'store', idleTimeoutMs, (timeMs) => {
      moved.push(timeMs)
    })
  beforeEach(() => {
    task = new Task()
    moved = []
  })

  it('schedules nothing without a timeout', () => {
    const time = clock(undefined)
    expect(task.schedules).toEqual([])
    expect([time.saw(5), time.saw(3), time.streamTimeMs]).toEqual([5, 5, 5])
  })

  it.each([
    [200, 200],
    [1_000, 1_000],
    [60_000, 1_000],
  ])('with a timeout of %i ms looks every %i ms', (timeoutMs, intervalMs) => {
    clock(timeoutMs)
    expect(task.schedules.map((s) => s.intervalMs)).toEqual([intervalMs])
  })

  it('goes on by what the silence lasts beyond the timeout', () => {
    const time = clock(100)
    task.advance(5_000)
    expect(moved).toEqual([])
    time.saw(50)
    task.advance(100)
    expect(moved).toEqual([])
    task.advance(1)
    task.advance(30)
    expect(moved).toEqual([51, 81])
    expect(time.saw(60)).toBe(81)
    task.advance(110)
    expect(moved).toEqual([51, 81, 91])
  })

  it('is where it was after a restart, and counts silence anew', () => {
    clock(100).saw(50)
    task.advance(130)
    task.commit()
    const again = clock(100)
    expect(again.streamTimeMs).toBe(80)
    task.advance(100)
    expect(moved).toEqual([80])
    task.advance(7)
    expect(moved).toEqual([80, 87])
  })

  it('that was not committed is not there after a restart', () => {
    clock(100).saw(50)
    task.commit()
    task.advance(130)
    expect(clock(100).streamTimeMs).toBe(50)
  })

  it('is told of an earlier run, which moves it forward only', () => {
    const time = clock(100)
    time.startAt(70)
    time.startAt(20)
    expect(time.streamTimeMs).toBe(70)
    task.advance(105)
    expect(moved).toEqual([75])
  })
})
