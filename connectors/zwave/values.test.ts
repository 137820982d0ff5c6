import { describe, expect, it } from 'vitest'
import { ManualClock } from '../../common/clock.ts'
import { type LevelReport, levelOfPercent, percentOfLevel, readBack } from './level.ts'
import { translateError } from './zwave-js-errors.ts'
import { interpretValue } from './zwave-values.ts'

describe('a level', () => {
  it.each([
    [0, 0],
    [0.4, 0],
    [1, 1],
    [42, 42],
    [98, 98],
    [99, 99],
    [100, 99],
    [140, 99],
    [-3, 0],
  ])('for %d percent is %d', (percent, level) => {
    expect(levelOfPercent(percent)).toBe(level)
  })

  it.each([
    [0, 0],
    [42, 42],
    [98, 98],
    [99, 100],
    [255, 100],
    [100, undefined],
    [254, undefined],
    [-1, undefined],
    [1.5, undefined],
  ])('of %d is %s percent', (level, percent) => {
    expect(percentOfLevel(level)).toBe(percent)
  })

  it('comes back as it went for every whole percent but 99', () => {
    for (let percent = 0; percent <= 100; percent++)
      if (percent !== 99) expect(percentOfLevel(levelOfPercent(percent))).toBe(percent)
  })
})

describe('reading a level back', () => {
  async function run(reports: readonly LevelReport[]): Promise<{ reached: boolean; waitsMs: number[] }> {
    const clock = new ManualClock()
    const waitsMs: number[] = []
    let asked = 0
    const reached = await readBack(50, {
      read: () => Promise.resolve(reports[Math.min(asked++, reports.length - 1)]!),
      wait: (ms) => {
        waitsMs.push(ms)
        clock.advance(ms)
        return Promise.resolve()
      },
      clock,
      timeoutMs: 1000,
    })
    return { reached, waitsMs }
  }

  it('needs one answer when the dimmer is there at once', async () => {
    expect(await run([{ currentValue: 50 }])).toEqual({ reached: true, waitsMs: [] })
  })

  it('asks again with growing waits while it ramps', async () => {
    const ramp = [{ currentValue: 0 }, { currentValue: 20 }, { currentValue: 40 }, { currentValue: 50 }]
    expect(await run(ramp)).toEqual({ reached: true, waitsMs: [100, 200, 400] })
  })

  it('gives up in time when the dimmer stays where it is', async () => {
    const { reached, waitsMs } = await run([{ currentValue: 0 }])
    expect(reached).toBe(false)
    expect(waitsMs.reduce((a, b) => a + b)).toBe(1000)
  })

  it('believes a dimmer that says it is on its way', async () => {
    expect((await run([{ currentValue: 10, targetValue: 50 }])).reached).toBe(true)
    expect((await run([{ currentValue: 10, targetValue: 0 }])).reached).toBe(false)
    expect((await run([{ currentValue: null, targetValue: null }])).reached).toBe(false)
  })
})

describe('what a node tells', () => {
  const sensor = (property: string, newValue: unknown) => ({ commandClass: 0x31, property, newValue })
  const motion = (newValue: unknown) => ({
    commandClass: 0x71,
    property: 'Home Security',
    propertyKey: 'Motion sensor status',
    newValue,
  })

  it.each([
    [sensor('Air temperature', 21.5), '°C', { kind: 'temperature', value: 21.5, unit: 'celsius' }],
    [sensor('Air temperature', 70.7), '°F', { kind: 'temperature', value: 21.5, unit: 'celsius' }],
    [sensor('Air temperature', -40), '°F', { kind: 'temperature', value: -40, unit: 'celsius' }],
    [sensor('Humidity', 44), '%', { kind: 'humidity', value: 44, unit: 'percent' }],
    [sensor('Humidity', 9), 'g/m³', undefined],
    [sensor('Illuminance', 320), 'Lux', { kind: 'luminance', value: 320, unit: 'lux' }],
    [sensor('Illuminance', 60), '%', undefined],
    [sensor('Air temperature', undefined), '°C', undefined],
    [sensor('Ultraviolet', 3), undefined, undefined],
    [motion(8), undefined, { kind: 'motion', value: 1, unit: 'boolean' }],
    [motion(7), undefined, { kind: 'motion', value: 1, unit: 'boolean' }],
    [motion(0), undefined, { kind: 'motion', value: 0, unit: 'boolean' }],
    [motion(254), undefined, undefined],
    [motion(undefined), undefined, undefined],
    [{ ...motion(8), propertyKey: 'Cover status' }, undefined, undefined],
    [
      { commandClass: 0x30, property: 'Motion', newValue: true },
      undefined,
      { kind: 'motion', value: 1, unit: 'boolean' },
    ],
    [
      { commandClass: 0x30, property: 'Motion', newValue: false },
      undefined,
      { kind: 'motion', value: 0, unit: 'boolean' },
    ],
    [{ commandClass: 0x30, property: 'Any', newValue: true }, undefined, undefined],
    [
      { commandClass: 0x80, property: 'level', newValue: 87 },
      undefined,
      { kind: 'battery', value: 87, unit: 'percent' },
    ],
    [{ commandClass: 0x80, property: 'isLow', newValue: true }, undefined, undefined],
    [
      { commandClass: 0x26, property: 'currentValue', newValue: 99 },
      undefined,
      { kind: 'light', value: 100, unit: 'percent' },
    ],
    [{ commandClass: 0x26, property: 'targetValue', newValue: 99 }, undefined, undefined],
    [{ commandClass: 0x26, property: 'currentValue', newValue: 254 }, undefined, undefined],
    [{ commandClass: 0x86, property: 'libraryType', newValue: 3 }, undefined, undefined],
  ])('%j in %s means %j', (raw, unit, expected) => {
    expect(interpretValue(raw, () => unit)).toEqual(expected)
  })
})

describe('an error of the driver library', () => {
  const codes = {
    Controller_CallbackNOK: 204,
    Controller_MessageDropped: 202,
    Controller_NodeTimeout: 201,
    Controller_MessageExpired: 215,
    Controller_NodeRemoved: 213,
    Controller_NodeNotFound: 211,
  }

  it.each([
    [{ code: 204 }, 'ZWAVE_NODE_DEAD'],
    [{ code: 201 }, 'ZWAVE_NODE_DEAD'],
    [{ code: 202 }, 'ZWAVE_NODE_DEAD'],
    [{ code: 215 }, 'ZWAVE_NODE_DEAD'],
    [{ code: 202, context: 'NAK' }, 'ZWAVE_UNAVAILABLE'],
    [{ code: 213 }, 'ZWAVE_UNKNOWN_NODE'],
    [{ code: 211 }, 'ZWAVE_UNKNOWN_NODE'],
    [{ code: 102 }, 'ZWAVE_UNAVAILABLE'],
    [{}, 'ZWAVE_UNAVAILABLE'],
  ])('%j becomes %s and keeps its cause', (fields, code) => {
    const cause = Object.assign(new Error('why'), fields)
    expect(translateError(7, cause, codes)).toMatchObject({ code, cause })
  })
})
