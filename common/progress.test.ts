import { expect, test } from 'vitest'
import { barText, countText, percentText, timeText } from './progress.ts'

test.each([
  [0, '    '],
  [0.5, '██  '],
  [0.6, '██▍ '],
  [1, '████'],
  [7, '████'],
  [-1, '    '],
])('a bar of %d', (done, text) => {
  expect(barText(done, 4)).toBe(text)
})

test.each([
  [0.999, '99 %'],
  [1, '100 %'],
  [0, '0 %'],
])('%d in percent', (done, text) => {
  expect(percentText(done)).toBe(text)
})

test.each([
  [400, '0 s'],
  [8_400, '8 s'],
  [90_000, '1 min 30 s'],
  [7_500_000, '2 h 5 min'],
])('%d ms', (ms, text) => {
  expect(timeText(ms)).toBe(text)
})

test('a count', () => {
  expect(countText(1234567)).toBe('1,234,567')
})
