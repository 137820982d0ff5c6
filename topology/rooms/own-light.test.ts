import { describe, expect, it } from 'vitest'
import type { OwnLight } from '../../schemas/types.ts'
import { followLight, type LightSeen, NO_OWN_LIGHT } from './own-light.ts'

const SETTLE = 2_000
const at = (atMs: number, lux: number, changes: Partial<LightSeen> = {}): LightSeen => ({
  atMs,
  lampLevel: 0,
  lampMoving: false,
  blindsMoving: false,
  luminance: { lux, oldestReceivedMs: atMs, causes: [] },
  ...changes,
})
const run = (...seen: readonly LightSeen[]): OwnLight =>
  seen.reduce<OwnLight>((own, one) => followLight(own, one, SETTLE), NO_OWN_LIGHT)

describe("a lamp's own light", () => {
  const lampOn = [
    at(0, 5),
    at(1_000, 5, { lampMoving: true }),
    at(1_500, 200, { lampMoving: true }),
    at(2_000, 300, { lampLevel: 100 }),
  ]

  it('does not count from the moment the lamp is told to go on', () => {
    expect(run(...lampOn)).toMatchObject({ settled: false, ambientLux: 5 })
    expect(run(...lampOn, at(3_000, 300, { lampLevel: 100 }))).toMatchObject({ settled: false, ambientLux: 5 })
  })

  it('is learned from the step and taken off while the lamp is on', () => {
    const on = [...lampOn, at(4_000, 305, { lampLevel: 100 })]
    expect(run(...on)).toMatchObject({ settled: true, fullLux: 300, ambientLux: 5 })
    expect(run(...on, at(5_000, 345, { lampLevel: 100 }))).toMatchObject({ ambientLux: 45 })
    expect(run(...on, at(5_000, 290, { lampLevel: 100 }))).toMatchObject({ ambientLux: 0 })
  })

  it('goes with the level of the lamp', () => {
    const dimmed = [
      ...lampOn,
      at(4_000, 305, { lampLevel: 100 }),
      at(5_000, 155, { lampLevel: 50 }),
      at(9_000, 155, { lampLevel: 50 }),
    ]
    expect(run(...dimmed)).toMatchObject({ fullLux: 300, ambientLux: 5 })
  })

  it('is learned from the step down when the lamp was on from the start', () => {
    const off = run(at(0, 300, { lampLevel: 100 }), at(3_000, 300, { lampLevel: 100 }), at(4_000, 300), at(8_000, 6))
    expect(off).toMatchObject({ settled: true, fullLux: 294, ambientLux: 6 })
  })

  it('is not learned when blinds moved as well', () => {
    const both = run(
      at(0, 5),
      at(1_000, 5, { lampMoving: true, blindsMoving: true }),
      at(2_000, 300, { lampLevel: 100, blindsMoving: true }),
      at(8_000, 800, { lampLevel: 100 }),
      at(12_000, 800, { lampLevel: 100 }),
    )
    expect(both).toMatchObject({ settled: true, fullLux: null, ambientLux: 800 })
  })

  it('is nothing to speak of in a room without a lamp', () => {
    expect(run(at(0, 5), at(1, 80))).toMatchObject({ settled: true, lux: 80, ambientLux: 80 })
  })
})
