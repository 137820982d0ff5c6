import { describe, expect, test } from 'vitest'
import * as fc from './property.ts'
import { propertySettings } from './property.ts'

describe('properties', () => {
  test('have the same seed on every run, unless another one is asked for', () => {
    expect(propertySettings({})).toEqual(propertySettings({ BROOK_PROPERTY_SEED: '', BROOK_PROPERTY_RUNS: '' }))
    expect(propertySettings({ BROOK_PROPERTY_SEED: '-5' })).toEqual({ seed: -5, runsFactor: 1 })
    expect(propertySettings({ BROOK_PROPERTY_RUNS: '2.5' }).runsFactor).toBe(2.5)
    const seeds = Array.from({ length: 5 }, () => propertySettings({ BROOK_PROPERTY_SEED: 'random' }).seed)
    expect(new Set(seeds).size).toBeGreaterThan(1)
  })

  test.each([
    { BROOK_PROPERTY_SEED: 'today' },
    { BROOK_PROPERTY_SEED: '1.5' },
    { BROOK_PROPERTY_RUNS: '0' },
    { BROOK_PROPERTY_RUNS: 'many' },
  ])('are not tried with %o', (env) => {
    expect(() => propertySettings(env)).toThrow(Object.keys(env)[0])
  })

  test('tell the seed when they fail, and are tried as often as it was said', () => {
    const { seed, runsFactor } = propertySettings({
      BROOK_PROPERTY_RUNS: process.env['BROOK_PROPERTY_RUNS'],
      BROOK_PROPERTY_SEED: String(fc.readConfigureGlobal().seed),
    })
    expect(() => fc.assert(fc.property(fc.nat(), () => false))).toThrow(`seed: ${seed}`)
    let runs = 0
    fc.assert(
      fc.property(fc.nat(), () => {
        runs++
      }),
      { numRuns: 20 },
    )
    expect(runs).toBe(Math.round(20 * runsFactor))
  })
})
