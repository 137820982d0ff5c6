import { describe, expect, it } from 'vitest'
import * as fc from '../../test/support/property.ts'
import { roomEvent } from '../rooms/room-event.ts'
import { reading } from '../testing/fixtures.ts'
import { type AveragedKind, addReading, emptyAverage, isAveraged } from './room-average.ts'

const origin = { topic: 'building.readings', partition: 0, offset: 0, timeMs: 301_000 }
const of = (kind: AveragedKind, value: number) =>
  roomEvent('reading', origin, { reading: reading({ kind, value, eventTimeMs: 301_000 }) })

describe('a room average', () => {
  it('has its window, and nothing for kinds that were not measured', () => {
    expect(addReading(emptyAverage(), of('humidity', 40), 'r1', 300_000)).toEqual({
      roomId: 'r1',
      windowStartMs: 300_000,
      windowEndMs: 600_000,
      temperature: null,
      humidity: { count: 1, mean: 40, min: 40, max: 40 },
      luminance: null,
    })
  })

  it('is the mean, least and most of what was measured, in any order', () => {
    fc.assert(
      fc.property(fc.array(fc.double({ min: -60, max: 200_000, noNaN: true }), { minLength: 1 }), (values) => {
        let average = emptyAverage()
        for (const value of values) average = addReading(average, of('temperature', value), 'r1', 300_000)
        const mean = values.reduce((a, b) => a + b, 0) / values.length
        expect(average.temperature).toMatchObject({
          count: values.length,
          min: Math.min(...values),
          max: Math.max(...values),
        })
        expect(average.temperature?.mean).toBeCloseTo(mean, 6)
      }),
    )
  })

  it.each([
    ['a good temperature', {}, true],
    ['a replayed one', { retained: true }, false],
    ['an uncertain one', { quality: 'uncertain' }, false],
    ['motion', { kind: 'motion', value: 1 }, false],
    ['a dimmer', { kind: 'light' }, false],
  ] as const)('counts %s: %s', (_, changes, counts) => {
    expect(isAveraged(reading(changes))).toBe(counts)
  })
})
