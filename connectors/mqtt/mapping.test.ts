import { describe, expect, test } from 'vitest'
import { ConfigError } from '../../common/errors.ts'
import { TopicMapping } from './mapping.ts'
import { covers, reduceFilters } from './topic-filter.ts'

function problemsOf(document: unknown): readonly string[] {
  try {
    new TopicMapping(document)
  } catch (error) {
    if (error instanceof ConfigError) return error.problems.map((problem) => problem.replace('MQTT mapping: ', ''))
    throw error
  }
  return []
}

const levelsOf = (mapping: TopicMapping, topic: string) => {
  const match = mapping.match(topic)
  return match && Object.fromEntries(match.levels)
}
const LIGHT = [{ kind: 'light', value: '/v' }]

describe('without rules of its own', () => {
  const mapping = new TopicMapping()

  test.each([
    ['building/r1/d1/temperature', { roomId: 'r1', deviceId: 'd1', kind: 'temperature' }],
    ['sensors/s-1', { deviceId: 's-1' }],
    ['building/r1/d1', undefined],
    ['building/r1/d1/temperature/raw', undefined],
    ['sensors', undefined],
    ['other', undefined],
  ])('%s', (topic, levels) => {
    expect(levelsOf(mapping, topic)).toEqual(levels)
    expect(levelsOf(mapping, topic)).toEqual(levels)
  })

  test('subscribes to what the built-in rules match', () => {
    expect(mapping.filters).toEqual(['building/+/+/+', 'sensors/+'])
  })
})

test('the first rule that matches counts, the built-in ones last', () => {
  const mapping = new TopicMapping({
    rules: [
      { name: 'door', topic: 'lab/door', roomId: 'lab', deviceId: 'door', readings: LIGHT },
      { topic: 'lab/<deviceId>/#', roomId: 'lab', readings: LIGHT },
      { topic: 'building/<roomId>/old/#', ignore: true },
    ],
  })
  const titleOf = (topic: string) => mapping.match(topic)?.compiled.title
  expect(titleOf('lab/door')).toBe('rule 1 (door)')
  expect(titleOf('lab/x')).toBe('rule 2')
  expect(levelsOf(mapping, 'lab/x/y/z')).toEqual({ deviceId: 'x' })
  expect(titleOf('building/r/old/light')).toBe('rule 3')
  expect(titleOf('building/r/new/light')).toBe('built-in rule (one value)')
  expect(mapping.filters).toEqual(['lab/+/#', 'building/+/old/#', 'building/+/+/+', 'sensors/+'])
})

test('builtIn: false leaves the built-in rules out', () => {
  const mapping = new TopicMapping({ builtIn: false, rules: [{ topic: 'a/<deviceId>', roomId: 'r', readings: LIGHT }] })
  expect(mapping.filters).toEqual(['a/+'])
  expect(mapping.match('sensors/x')).toBeUndefined()
})

test('levels under only are subscribed to one by one, and nothing else matches', () => {
  const rule = { topic: 'b/<roomId>/<deviceId>', only: { roomId: ['r1', 'r2'] }, readings: LIGHT }
  const mapping = new TopicMapping({ builtIn: false, rules: [rule] })
  expect(mapping.filters).toEqual(['b/r1/+', 'b/r2/+'])
  expect(levelsOf(mapping, 'b/r2/d')).toEqual({ roomId: 'r2', deviceId: 'd' })
  expect(mapping.match('b/r3/d')).toBeUndefined()
})

test('more topics than are remembered do not mix up the rules', () => {
  const mapping = new TopicMapping()
  for (let i = 0; i < 25_000; i++) mapping.match(`sensors/s${i}`)
  expect(levelsOf(mapping, 'sensors/s1')).toEqual({ deviceId: 's1' })
  expect(levelsOf(mapping, `sensors/${'x'.repeat(60_000)}`)?.['deviceId']).toHaveLength(60_000)
})

test('all problems are listed at once', () => {
  const rules = [
    { topic: 'a/<roomId>/<roomId>/<kind>', readings: [{ kind: '<kind>', value: '/value' }] },
    { name: 'second', topic: 'a/#/b', payload: 'xml', colour: 'red', ignore: true },
    { topic: '<deviceId>/<floor>', deviceId: 'x', roomId: '<building>', readings: [{ kind: 'noise', value: 'v' }] },
    { topic: '', ignore: true },
    'rule',
    { topic: '$SYS/x+', roomId: 1, deviceId: 'd', readings: [] },
    {
      topic: 'b/<deviceId>',
      roomId: 'r',
      payload: 'text',
      readings: [{ kind: 'switch' }, { kind: 'motion', map: { on: 'x' } }],
    },
    {
      topic: 'c/<deviceId>',
      roomId: 'r',
      payload: 'number',
      time: '/t',
      readings: [{ kind: 'light', value: '/v', range: [1, 1] }],
    },
    {
      topic: 'd/<deviceId>',
      roomId: 'r',
      readings: [
        { kind: 'temperature', value: '/t', unit: 'lux', scale: 0 },
        { kind: 'temperature', value: '/t~2', range: [0, 1], offset: '3' },
        { each: '/all', kind: 'light' },
        { each: '/all', value: '/v', kinds: { hum: 'wet' } },
        { kind: 'light', value: '/v', optional: 'yes', colour: 1 },
      ],
    },
    { topic: 'e', record: { topic: 'building.readings', key: '<deviceId>' }, ignore: true },
    { topic: 'f', record: { topic: 'a topic' }, payload: 'text' },
    {
      topic: 'g/<deviceId>',
      roomId: 'r',
      time: { from: '/t', unit: 'hours', zone: 'Mars' },
      sequence: 3,
      only: { roomId: ['a'], deviceId: 'x' },
      readings: LIGHT,
    },
  ]
  expect(problemsOf({ rules, builtin: true, builtIn: 'no', rooms: { a: 1 } })).toEqual([
    'the mapping has an unknown field "builtin": there are rules, rooms, commands, builtIn',
    'builtIn must be true or false',
    'rooms must name the room of each device: rooms: { a-device: a-room }',
    'rule 1 has <roomId> twice in its topic',
    'rule 1 does not tell the deviceId: put <deviceId> into the topic, or add deviceId',
    'rule 2 (second) has an unknown field "colour": there are name, topic, only, payload, deviceId, roomId, time, sequence, readings, record, ignore, whenEmpty',
    'rule 2 (second) has the payload "xml": it must be json, number, text, bytes',
    'rule 2 (second) has the topic level "#": wildcards and <names> stand alone, and # last',
    'rule 3 has deviceId both of its own and from the topic',
    'rule 3 has <building> in its roomId, which its topic does not name',
    'rule 3 reading 1 has the kind "noise", which does not exist',
    'rule 3 reading 1 has the value "v", which is no JSON pointer: write it as /field or /object/field',
    'rule 4 has no topic',
    'rule 5 is not an object',
    'rule 6 has a topic that begins with $, which is the broker’s own',
    'rule 6 has the topic level "x+": wildcards and <names> stand alone, and # last',
    'rule 6 has a roomId that is not a text',
    'rule 6 has readings that are not a list: readings: [{ kind: …, value: … }]',
    'rule 7 reading 1 has no map, which must say what the texts mean: map: { ON: 1, OFF: 0 }',
    'rule 7 reading 2 has a map that does not say which text is which number: map: { ON: 1, OFF: 0 }',
    'rule 8 reading 1 has a value, but its payload is one value (number): leave value out',
    'rule 8 reading 1 has the range [1,1]: it must be two different numbers, such as [0, 254]',
    'rule 8 takes time from a field, but its payload is number',
    'rule 9 reading 1 has the scale 0: it must be a number other than 0',
    'rule 9 reading 1 has the unit "lux": temperature is known in celsius, fahrenheit, kelvin',
    'rule 9 reading 2 has the value "/t~2", which is no JSON pointer: write it as /field or /object/field',
    'rule 9 reading 2 has the offset "3": it must be a number',
    'rule 9 reading 2 has a range beside scale, offset or unit: it takes their place',
    'rule 9 reading 2 has a range, which is for percent, but temperature is in celsius',
    'rule 9 reading 3 must have one of kind and each',
    'rule 9 reading 4 has the kind "wet", which does not exist',
    'rule 9 reading 4 has each, which takes the values itself: leave value out',
    'rule 9 reading 5 has an unknown field "colour": there are kind, each, kinds, value, optional, quoted, map, range, scale, offset, unit',
    'rule 9 reading 5 has optional, which must be true or false',
    'rule 10 must have one of readings, record, ignore: it has record and ignore',
    'rule 10 writes to building.readings, where the building keeps Avro records: take another topic',
    'rule 10 has <deviceId> in its key, which its topic does not name',
    'rule 11 has the record topic "a topic", which Kafka does not allow',
    'rule 11 has a record without a key: records with one key stay in order',
    'rule 11 has a record, whose payload must be json or bytes',
    'rule 12 has roomId under only, which its topic does not have',
    'rule 12 has under only, for deviceId, something else than a list of levels',
    'rule 12 has the sequence 3, which is no JSON pointer: write it as /field or /object/field',
    'rule 12 has a time in "hours": it must be milliseconds or seconds',
    'rule 12 has the time zone "Mars": write one as Europe/Zurich',
  ])
})

test.each([[[]], ['x'], [null], [7]])('%j is no mapping', (document) => {
  expect(problemsOf(document)).toEqual(['must have a list of rules: rules: [{ topic: …, readings: … }]'])
})

test.each([[{}], [{ rules: {} }], [{ rules: [], builtIn: false }]])('%j has no rules', (document) => {
  expect(problemsOf(document)).toEqual(['rules must be a list of at least one rule'])
})

test('without rooms a rule must tell the room', () => {
  const rules = [{ topic: 'a/<deviceId>', readings: LIGHT }]
  expect(problemsOf({ rules })).toEqual([
    'rule 1 does not tell the roomId: put <roomId> into the topic, add roomId, or name the rooms of devices under rooms',
  ])
  expect(problemsOf({ rules, rooms: { d1: 'r1' } })).toEqual([])
})

test('a rule that can never match is a problem', () => {
  expect(
    problemsOf({
      rules: [
        { name: 'all', topic: 'a/#', ignore: true },
        { topic: 'a/<deviceId>', roomId: 'r', readings: LIGHT },
      ],
    }),
  ).toEqual(['rule 2 never matches: rule 1 (all) takes all its topics; put it before'])
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
