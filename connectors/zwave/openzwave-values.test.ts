import { describe, expect, it } from 'vitest'
import { interpretOpenzwave } from './openzwave-values.ts'

const interpret = (commandClass: number, index: number, value: unknown, units = '', sensesMotion = false) =>
  interpretOpenzwave({ type: 'value', nodeId: 2, commandClass, index, value, units }, sensesMotion)

describe('values of OpenZWave', () => {
  it.each([
    [0x31, 1, '21.5', 'C', { kind: 'temperature', value: 21.5, unit: 'celsius' }],
    [0x31, 1, '70.7', 'F', { kind: 'temperature', value: 21.5, unit: 'celsius' }],
    [0x31, 3, '320', 'Lux', { kind: 'luminance', value: 320, unit: 'lux' }],
    [0x31, 5, '44', '%', { kind: 'humidity', value: 44, unit: 'percent' }],
    [0x71, 7, 'Clear', '', { kind: 'motion', value: 0, unit: 'boolean' }],
    [0x71, 7, 'Motion Detected at Unknown Location', '', { kind: 'motion', value: 1, unit: 'boolean' }],
    [0x80, 0, 12, '%', { kind: 'battery', value: 12, unit: 'percent' }],
    [0x80, 0, 255, '%', { kind: 'battery', value: 0, unit: 'percent' }],
    [0x26, 0, 99, '', { kind: 'light', value: 100, unit: 'percent' }],
  ])('class %i index %i value %s %s is told', (commandClass, index, value, units, expected) => {
    expect(interpret(commandClass, index, value, units)).toEqual(expected)
  })

  it.each([
    ['another scale of light', 0x31, 3, '50', '%'],
    ['another sensor', 0x31, 4, '12', 'W'],
    ['an empty text', 0x31, 1, ' ', 'C'],
    ['no number', 0x31, 1, 'warm', 'C'],
    ['another alarm', 0x71, 6, 'Clear', ''],
    ['another state', 0x71, 7, 'Tampering', ''],
    ['a target level', 0x26, 9, 50, ''],
    ['a level that is not known', 0x26, 0, 254, ''],
    ['a parameter', 0x70, 1, 5, ''],
  ])('%s is not', (_, commandClass, index, value, units) => {
    expect(interpret(commandClass as number, index as number, value, units as string)).toBeUndefined()
  })

  it('a Binary Sensor senses motion where that is known', () => {
    expect(interpret(0x30, 0, true, '', true)).toEqual({ kind: 'motion', value: 1, unit: 'boolean' })
    expect(interpret(0x30, 0, true, '', false)).toBeUndefined()
  })
})
