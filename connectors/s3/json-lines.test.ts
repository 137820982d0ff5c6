import { expect, test } from 'vitest'
import { jsonLine } from './json-lines.ts'

test.each([
  [{ a: 1, b: 'x\ny', c: null }, '{"a":1,"b":"x\\ny","c":null}'],
  [{ bytes: Buffer.from([0, 255]), list: [Buffer.from('hi')] }, '{"bytes":"AP8=","list":["aGk="]}'],
  [{ id: 9_223_372_036_854_775_807n, small: 2n }, '{"id":9223372036854775807,"small":2}'],
  [{ a: Number.NaN, b: -Infinity, c: [Infinity] }, '{"a":"NaN","b":"-Infinity","c":["Infinity"]}'],
  ['text', '"text"'],
  [Buffer.from('top'), '"dG9w"'],
  [{ nested: { map: { k: { v: true } } } }, '{"nested":{"map":{"k":{"v":true}}}}'],
])('a value is one line (%#)', (value, line) => {
  expect(jsonLine(value).toString()).toBe(`${line}\n`)
})
