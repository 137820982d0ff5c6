import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { systemClock } from '../../common/clock.ts'
import { Inclusion } from './inclusion.ts'

describe('taking a device in or letting one go', () => {
  let states: string[]
  let stops: number
  let inclusion: Inclusion

  beforeEach(() => {
    vi.useFakeTimers()
    states = []
    stops = 0
    inclusion = new Inclusion({
      clock: systemClock,
      stopStick: () => void stops++,
      onChange: ({ state }) => void states.push(state),
    })
  })

  afterEach(() => {
    expect(vi.getTimerCount()).toBe(0)
    vi.useRealTimers()
  })

  it('goes its way to the end', () => {
    inclusion.begin('include', 1000)
    inclusion.found()
    inclusion.found()
    inclusion.added(7)
    inclusion.ready(6)
    inclusion.ready(7)
    expect(states).toEqual(['including', 'node-found', 'interviewing', 'done'])
    expect(inclusion.status).toMatchObject({ kind: 'inclusion', nodeId: 7 })
    inclusion.begin('exclude', 1000)
    expect(inclusion.status).not.toHaveProperty('nodeId')
    inclusion.found()
    inclusion.removed(7)
    expect(states.slice(4)).toEqual(['excluding', 'node-found', 'done'])
  })

  it('is one at a time', () => {
    inclusion.begin('include', 1000)
    expect(() => inclusion.begin('exclude', 1000)).toThrow('another inclusion is under way for 1 s more')
    inclusion.stop()
    expect(inclusion.isUnderWay).toBe(false)
    inclusion.begin('exclude', 1000)
    inclusion.fail('the stick is gone')
    expect(inclusion.status).toMatchObject({ state: 'failed', detail: 'the stick is gone' })
  })

  it('ends when its time is over, and tells the stick', () => {
    inclusion.begin('include', 1000)
    vi.advanceTimersByTime(999)
    expect(inclusion.status).toMatchObject({ state: 'including', endsAtMs: Date.now() + 1 })
    vi.advanceTimersByTime(1)
    expect(inclusion.status).toMatchObject({ state: 'timed-out' })
    expect(inclusion.status).not.toHaveProperty('endsAtMs')
    expect(stops).toBe(1)
  })

  it('has a node that is in the network whatever comes after that', () => {
    inclusion.begin('include', 1000)
    inclusion.added(7)
    vi.advanceTimersByTime(60_000)
    expect(inclusion.status).toMatchObject({ state: 'done', nodeId: 7, detail: expect.stringContaining('still') })
    expect(stops).toBe(0)
  })

  it('does not mind nodes that come and go without it', () => {
    inclusion.added(5)
    inclusion.removed(5)
    inclusion.begin('include', 1000)
    inclusion.removed(5)
    expect(states).toEqual(['including'])
    inclusion.stop()
  })
})
