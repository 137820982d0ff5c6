import { expect, test } from 'vitest'
import { lookUp, parsePointer } from './json-pointer.ts'

const DOCUMENT = JSON.parse('{"a":{"b/c":[1,{"d~":2}]},"":{"":3},"__proto__":{"x":4},"n":null}') as unknown

test.each([
  ['', DOCUMENT],
  ['/a/b~1c/0', 1],
  ['/a/b~1c/1/d~0', 2],
  ['//', 3],
  ['/__proto__/x', 4],
  ['/n', null],
  ['/n/x', undefined],
  ['/a/b~1c/2', undefined],
  ['/a/b~1c/01', undefined],
  ['/a/b~1c/length', undefined],
  ['/a/b~1c/-', undefined],
  ['/constructor', undefined],
  ['/a/toString', undefined],
  ['/a/b~1c/0/toFixed', undefined],
])('%s', (text, expected) => {
  expect(lookUp(DOCUMENT, parsePointer(text) ?? ['no pointer'])).toEqual(expected)
})

test.each(['a', 'a/b', '/~', '/~2', '/a~'])('%s is no pointer', (text) => {
  expect(parsePointer(text)).toBeUndefined()
})
