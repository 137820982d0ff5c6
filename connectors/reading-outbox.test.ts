import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import type { Acknowledge } from '../kafka/port.ts'
import type { Reading } from '../schemas/types.ts'
import type { Origin } from './publisher.ts'
import { ReadingOutbox, type ReadingOutboxOptions } from './reading-outbox.ts'
import { StatusTracker } from './status.ts'

/** A publisher that keeps what it is given until the test says how it went. */
class Log {
  readonly given: { value: number; acknowledge: Acknowledge }[] = []
  room: Promise<void> | undefined
  flushes = 0
  reading(reading: Reading, _: Origin, acknowledge: Acknowledge): void {
    this.given.push({ value: reading.value, acknowledge })
  }
  backpressure(): Promise<void> | undefined {
    return this.room
  }
  flush(): Promise<void> {
    this.flushes++
    return Promise.resolve()
  }
  values(): number[] {
    return this.given.map((g) => g.value)
  }
  answer(index: number, error?: Error): void {
    this.given[index]!.acknowledge(error, error ? -1 : index)
  }
}

describe('the outbox', () => {
  let log: Log
  let status: StatusTracker
  let trouble: (string | undefined)[]

  beforeEach(() => {
    vi.useFakeTimers()
    log = new Log()
    status = new StatusTracker('zwave')
    trouble = []
  })
  afterEach(() => {
    vi.useRealTimers()
  })

  const open = (options: Partial<ReadingOutboxOptions> = {}): ReadingOutbox =>
    new ReadingOutbox({
      publisher: log,
      status,
      onTrouble: (error) => void trouble.push(error?.message),
      backoff: { baseMs: 1000, random: () => 1 },
      ...options,
    })
  const put = (outbox: ReadingOutbox, name: string, value: number): void => {
    const reading: Reading = {
      deviceId: name,
      roomId: 'r',
      bus: 'zwave',
      kind: 'light',
      value,
      unit: 'percent',
      quality: 'good',
      eventTimeMs: 0,
      receivedAtMs: 0,
      sequence: null,
      retained: false,
    }
    outbox.put(reading, { name, key: null, value: null, receivedAtMs: 0 })
  }
  const dropped = (): number => status.snapshot().dropped

  it('sends at once and in order while the log takes it', () => {
    const outbox = open()
    for (let i = 0; i < 5; i++) put(outbox, 'a', i)
    expect(log.values()).toEqual([0, 1, 2, 3, 4])
    expect(outbox.length).toBe(5)
    for (let i = 0; i < 5; i++) log.answer(i)
    expect(outbox.length).toBe(0)
    expect(dropped()).toBe(0)
  })

  it('keeps the last value per address while too much is unacknowledged, and counts what gave way', () => {
    const outbox = open({ maxInFlight: 1 })
    put(outbox, 'x', 0)
    for (const value of [1, 2, 3]) put(outbox, 'a', value)
    put(outbox, 'b', 9)
    expect(log.values()).toEqual([0])
    expect(outbox.length).toBe(3)
    log.answer(0)
    log.answer(1)
    expect(log.values()).toEqual([0, 3, 9])
    expect(dropped()).toBe(2)
  })

  it('waits for room in the producer', async () => {
    const outbox = open()
    let release = (): void => {}
    log.room = new Promise((resolve) => {
      release = resolve
    })
    put(outbox, 'a', 1)
    put(outbox, 'a', 2)
    put(outbox, 'b', 3)
    expect(log.values()).toEqual([])
    log.room = undefined
    release()
    await vi.advanceTimersByTimeAsync(0)
    expect(log.values()).toEqual([2, 3])
  })

  it('tries again with growing waits while the log is away, tells so once, and tells when it is back', async () => {
    const outbox = open()
    put(outbox, 'a', 1)
    log.answer(0, new Error('no broker'))
    expect(trouble).toEqual(['no broker'])
    await vi.advanceTimersByTimeAsync(1000)
    expect(log.values()).toEqual([1, 1])
    log.answer(1, new Error('still none'))
    await vi.advanceTimersByTimeAsync(1999)
    expect(log.values()).toHaveLength(2)
    await vi.advanceTimersByTimeAsync(1)
    log.answer(2)
    expect(trouble).toEqual(['no broker', undefined])
    expect(outbox.length).toBe(0)
    expect(dropped()).toBe(0)
  })

  it('prefers what is newer to what has failed', async () => {
    const outbox = open()
    put(outbox, 'a', 1)
    put(outbox, 'a', 2)
    put(outbox, 'b', 5)
    log.answer(0, new Error('away'))
    put(outbox, 'a', 3)
    log.answer(1, new Error('away'))
    log.answer(2, new Error('away'))
    await vi.advanceTimersByTimeAsync(1000)
    expect(log.values()).toEqual([1, 2, 5, 3, 5])
    expect(dropped()).toBe(2)
  })

  it('prefers the newer of two that have failed, in whatever order that becomes known', async () => {
    for (const [first, second] of [
      [0, 1],
      [1, 0],
    ] as const) {
      log.given.length = 0
      const outbox = open()
      put(outbox, 'a', 1)
      put(outbox, 'a', 2)
      log.answer(first, new Error('away'))
      log.answer(second, new Error('away'))
      await vi.advanceTimersByTimeAsync(1000)
      expect(log.values()).toEqual([1, 2, 2])
    }
    expect(dropped()).toBe(2)
  })

  it('tells that the log takes nothing long before a producer gives up, and when it goes on', async () => {
    const outbox = open({ maxInFlight: 1, stalledAfterMs: 5000 })
    put(outbox, 'a', 1)
    put(outbox, 'a', 2)
    await vi.advanceTimersByTimeAsync(4999)
    expect(trouble).toEqual([])
    await vi.advanceTimersByTimeAsync(60_000)
    expect(trouble).toEqual([
      'the log has acknowledged nothing for 5000 ms (readings that wait: 2; past 1 only the last of each address is kept)',
    ])
    log.answer(0)
    expect(trouble).toEqual([expect.any(String), undefined])
    log.answer(1)
    expect(vi.getTimerCount()).toBe(0)
  })

  it('drops the address that waits longest when there are too many', () => {
    const outbox = open({ maxInFlight: 1, maxWaiting: 2 })
    for (const [i, name] of ['x', 'a', 'b', 'c'].entries()) put(outbox, name, i)
    log.answer(0)
    log.answer(1)
    expect(log.values()).toEqual([0, 2, 3])
    expect(dropped()).toBe(1)
  })

  it('keeps over a stop what the log does not take, and leaves no timer behind', async () => {
    const outbox = open()
    put(outbox, 'a', 1)
    log.answer(0, new Error('away'))
    const closing = outbox.close()
    expect(log.values()).toEqual([1, 1])
    log.answer(1, new Error('away'))
    await closing
    expect(log.flushes).toBe(1)
    expect(vi.getTimerCount()).toBe(0)
    expect(outbox.length).toBe(1)
    put(outbox, 'b', 2)
    expect(log.values()).toHaveLength(2)
    outbox.open()
    expect(log.values()).toEqual([1, 1, 1, 2])
  })
})
