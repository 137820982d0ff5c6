import { describe, expect, it } from 'vitest'
import type { Cause, Occupancy } from '../../schemas/types.ts'
import { afterTime, motionSeen, presenceDueMs, presenceOf } from './occupancy.ts'

const VACANT_AFTER = 600_000
const T = 10_000_000
let offset = 0
const motion = (timeMs: number, value = 1, deviceId = 's1'): Cause => ({
  topic: 'building.readings',
  partition: 0,
  offset: offset++,
  deviceId,
  kind: 'motion',
  value,
  timeMs,
})
const seen = (before: Occupancy | undefined, cause: Cause, nowMs = cause.timeMs) =>
  motionSeen(before, 'r1', cause, VACANT_AFTER, nowMs)

describe('occupancy', () => {
  it('is present from the first motion, with the reading as evidence', () => {
    const cause = motion(T)
    expect(seen(undefined, cause)).toEqual({
      roomId: 'r1',
      present: true,
      since: T,
      lastMotionMs: T,
      evidence: [cause],
    })
  })

  it('is not known for sure until no motion was seen for long enough', () => {
    const first = seen(undefined, motion(T, 0))
    expect(first).toMatchObject({ present: false, since: T, lastMotionMs: null })
    expect(presenceOf(first, VACANT_AFTER, T + VACANT_AFTER - 1)).toBe('unknown')
    expect(presenceDueMs(first, VACANT_AFTER, T)).toBe(T + VACANT_AFTER)
    expect(presenceOf(first, VACANT_AFTER, T + VACANT_AFTER)).toBe('vacant')
    expect(presenceDueMs(first, VACANT_AFTER, T + VACANT_AFTER)).toBeUndefined()
  })

  it('stays present without a break for as long as motion comes', () => {
    const first = seen(undefined, motion(T))
    const second = seen(first, motion(T + 500_000))
    expect(second).toMatchObject({ present: true, since: T, lastMotionMs: T + 500_000 })
    expect(presenceDueMs(second, VACANT_AFTER, T)).toBe(T + 500_000 + VACANT_AFTER)
  })

  it('becomes vacant by time alone, at the moment it was due', () => {
    const present = seen(seen(undefined, motion(T)), motion(T + 5_000, 0))
    expect(afterTime(present, VACANT_AFTER, T + VACANT_AFTER - 1)).toBe(present)
    expect(afterTime(present, VACANT_AFTER, T + VACANT_AFTER + 77_000)).toMatchObject({
      present: false,
      since: T + VACANT_AFTER,
      lastMotionMs: T,
    })
  })

  it('is not shortened by motion that comes out of order', () => {
    const present = seen(undefined, motion(T))
    expect(seen(present, motion(T - 60_000), T)).toMatchObject({ present: true, since: T, lastMotionMs: T })
  })

  it('is not revived by motion that is over by now', () => {
    const vacant = afterTime(seen(undefined, motion(T)), VACANT_AFTER, T + VACANT_AFTER)
    const after = seen(vacant, motion(T + 60_000), T + 2 * VACANT_AFTER)
    expect(after).toMatchObject({ present: false, lastMotionMs: T + 60_000, since: T + 60_000 + VACANT_AFTER })
  })

  it('is revived by motion that came late but still counts', () => {
    const vacant = afterTime(seen(undefined, motion(T)), VACANT_AFTER, T + VACANT_AFTER)
    const after = seen(vacant, motion(T + 60_000), T + VACANT_AFTER + 1)
    expect(after).toMatchObject({ present: true, since: T + 60_000, lastMotionMs: T + 60_000 })
  })

  it('keeps a little evidence, the latest of each sensor first', () => {
    let occupancy: Occupancy | undefined
    for (let i = 0; i < 20; i++) occupancy = seen(occupancy, motion(T + i, i % 2, `s${i % 5}`))
    expect(occupancy?.evidence).toHaveLength(6)
    expect(occupancy?.evidence[0]).toMatchObject({ timeMs: T + 19, value: 1 })
  })
})
