import { expect, test } from 'vitest'
import { conversion, rounded, unitsOf } from './measured-units.ts'

test.each([
  ['temperature', 'fahrenheit', 98.6, 37],
  ['temperature', '°F', -40, -40],
  ['temperature', 'K', 294.65, 21.5],
  ['temperature', ' Celsius ', 21.5, 21.5],
  ['humidity', 'ratio', 0.45, 45],
  ['battery', '%', 90, 90],
  ['luminance', 'klx', 1.5, 1500],
  ['pressure', 'Pa', 101_325, 1013.25],
  ['pressure', 'kPa', 101.325, 1013.25],
  ['pressure', 'mmHg', 760, 1013.24999984],
  ['pressure', 'inHg', 29.92, 1013.20749],
  ['motion', 'boolean', 1, 1],
])('%s in %s: %d is %d', (kind, unit, given, expected) => {
  const convert = conversion(kind, unit)
  expect(rounded(convert?.(given) ?? Number.NaN)).toBeCloseTo(expected, 4)
})

test.each([
  ['temperature', 'lux'],
  ['humidity', 'celsius'],
  ['temperature', ''],
  ['temperature', 'constructor'],
  ['noise', 'celsius'],
])('%s is not measured in %s', (kind, unit) => {
  expect(conversion(kind, unit)).toBeUndefined()
})

test('the units of a kind are named once each', () => {
  expect(unitsOf('pressure')).toEqual(['hectopascal', 'pascal', 'kilopascal', 'mmhg', 'inhg'])
})
