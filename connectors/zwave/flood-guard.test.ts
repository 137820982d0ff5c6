import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { systemClock } from '../../common/clock.ts'
import { FloodGuard } from './flood-guard.ts'

interface Told {
  readonly kind: string
  readonly value: number
}

describe('the guard against floods', () => {
  let passed: string[]
  let dropped: number
  let guard: FloodGuard<Told>

  beforeEach(() => {
    vi.useFakeTimers()
    passed = []
    dropped = 0
    guard = new FloodGuard<Told>({
      clock: systemClock,
      pass: (nodeId, { kind, value }) => void passed.push(`${nodeId} ${kind} ${value}`),
      onDropped: () => void dropped++,
      perSecond: 10,
      burst: 5,
    })
  })

  afterEach(() => vi.useRealTimers())

  it('delays nothing within the bounds', () => {
    for (let i = 0; i < 50; i++) {
      guard.put(2, { kind: 'temperature', value: i })
      vi.advanceTimersByTime(100)
    }
    expect(passed).toHaveLength(50)
    expect(dropped).toBe(0)
  })

  it('keeps the last value of each kind of a node that floods, and no other waits for it', () => {
    for (let i = 0; i < 1000; i++) guard.put(2, { kind: 'temperature', value: i })
    guard.put(2, { kind: 'battery', value: 9 })
    guard.put(4, { kind: 'temperature', value: 21 })
    expect(passed.at(-1)).toBe('4 temperature 21')
    expect(guard.length).toBe(2)
    expect(dropped).toBe(994)
    expect([guard.isFlooding(2), guard.isFlooding(4)]).toEqual([true, false])
    vi.advanceTimersByTime(300)
    expect(passed.slice(-2)).toEqual(['2 temperature 999', '2 battery 9'])
    expect(guard.length).toBe(0)
    vi.advanceTimersByTime(10_000)
    expect(guard.isFlooding(2)).toBe(false)
    expect(vi.getTimerCount()).toBe(0)
  })

  it('lets go of what waits when it is closed', () => {
    for (let i = 0; i < 10; i++) guard.put(2, { kind: 'humidity', value: i })
    guard.close()
    expect(passed.at(-1)).toBe('2 humidity 9')
    expect(vi.getTimerCount()).toBe(0)
  })
})
