import { describe, expect, test } from 'vitest'
import { ConfigError } from '../../common/errors.ts'
import { TopicMapping } from './mapping.ts'
import { covers, reduceFilters } from './topic-filter.ts'

function problemsOf(rules: unknown): readonly string[] {
  try {
    new TopicMapping(rules)
  } catch (error) {
    if (error instanceof ConfigError) return error.problems
    throw error
  }
  return []
}

describe('the default rules', () => {
  const mapping = new TopicMapping()

  test.each([
    ['building/r1/d1/temperature', { roomId: 'r1', deviceId: 'd1', kind: 'temperature' }],
    ['sensors/s-1', { deviceId: 's-1' }],
    ['building/r1/d1', undefined],
    ['building/r1/d1/temperature/raw', undefined],
    ['sensors', undefined],
    ['other', undefined],
  ])('%s', (topic, captured) => {
    expect(mapping.match(topic)?.captured).toEqual(captured)
  })

  test('subscribe to what they match', () => {
    expect(mapping.filters).toEqual(['building/+/+/+', 'sensors/+'])
  })
})

test('the first rule that matches counts, and may fix what the topic does not tell', () => {
  const mapping = new TopicMapping([
    { topic: 'lab/door', payload: 'value', roomId: 'lab', deviceId: 'door', kind: 'motion' },
    { topic: 'lab/<deviceId>/#', payload: 'sensor-message', roomId: 'lab' },
  ])
  expect(mapping.match('lab/door')).toMatchObject({
    rule: { payload: 'value' },
    captured: { roomId: 'lab', deviceId: 'door', kind: 'motion' },
  })
  expect(mapping.match('lab/x')?.captured).toEqual({ roomId: 'lab', deviceId: 'x' })
  expect(mapping.match('lab/x/y/z')?.captured).toEqual({ roomId: 'lab', deviceId: 'x' })
  expect(mapping.filters).toEqual(['lab/+/#'])
})

test('all problems are listed at once', () => {
  expect(
    problemsOf([
      { topic: 'a/<roomId>/<roomId>/<kind>', payload: 'value' },
      { topic: 'a/#/b', payload: 'json', colour: 'red' },
      { topic: '<deviceId>/<floor>', payload: 'sensor-message', kind: 'temperature', deviceId: 'x' },
      { topic: '', payload: 'value' },
      'rule',
      { topic: '$SYS/x+', payload: 'value', roomId: 1, deviceId: 'd', kind: 'noise' },
    ]),
  ).toEqual([
    'MQTT mapping rule 1 has <roomId> twice in its topic',
    'MQTT mapping rule 1 does not tell the deviceId: put <deviceId> into the topic or fix it',
    'MQTT mapping rule 2 has an unknown field "colour"',
    'MQTT mapping rule 2 has the payload "json": it must be "value" or "sensor-message"',
    'MQTT mapping rule 2 has the topic level "#": wildcards stand alone, and # last',
    'MQTT mapping rule 3 has <floor> in its topic: only <roomId>, <deviceId>, <kind> exist',
    'MQTT mapping rule 3 has deviceId both fixed and from the topic',
    'MQTT mapping rule 3 has a kind, but a sensor message tells its kinds itself',
    'MQTT mapping rule 4 has no topic',
    'MQTT mapping rule 5 is not an object',
    'MQTT mapping rule 6 has a roomId that is not a text',
    'MQTT mapping rule 6 has the kind "noise", which does not exist',
    'MQTT mapping rule 6 has a topic that begins with $, which is the broker’s own',
    'MQTT mapping rule 6 has the topic level "x+": wildcards stand alone, and # last',
  ])
})

test.each([[[]], ['x'], [null]])('%j is no list of rules', (rules) => {
  expect(problemsOf(rules)).toEqual(['the MQTT mapping must be a list of at least one rule'])
})

test('a rule that can never match is a problem', () => {
  expect(
    problemsOf([
      { topic: 'a/#', payload: 'sensor-message' },
      { topic: 'a/<deviceId>', payload: 'sensor-message' },
    ]),
  ).toEqual(['MQTT mapping rule 2 never matches: rule 1 takes all its topics'])
})

test.each([
  ['a/#', 'a/b/c', true],
  ['a/#', 'a', true],
  ['#', 'a/+', true],
  ['a/+', 'a/b', true],
  ['a/+', 'a/#', false],
  ['a/b', 'a/+', false],
  ['+/+', 'a/#', false],
  ['a/+/c', 'a/b/c', true],
  ['a', 'a/b', false],
  ['a/b', 'a', false],
])('%s covers %s: %s', (outer, inner, expected) => {
  expect(covers(outer, inner)).toBe(expected)
})

test('filters that others cover are left out, those with # come first', () => {
  expect(reduceFilters(['+/+', 'a/b', 'a/#', 'a/#', 'c'])).toEqual(['a/#', '+/+', 'c'])
})
