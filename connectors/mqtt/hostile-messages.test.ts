import { describe, expect, test } from 'vitest'
import { ConfigError } from '../../common/errors.ts'
import { AvroCodec } from '../../schemas/avro-codec.ts'
import { DeadLetter, Reading } from '../../schemas/types.ts'
import * as fc from '../../test/support/property.ts'
import type { RecordWriter } from '../publisher.ts'
import { TopicMapping } from './mapping.ts'
import { previewMessage } from './preview.ts'

/** A rule of every form that there is. */
const MAPPING = new TopicMapping({
  rooms: { d1: 'r1', ['__proto__']: 'r2' },
  rules: [
    { topic: 'number/<deviceId>', payload: 'number', readings: [{ kind: 'temperature', unit: 'fahrenheit' }] },
    { topic: 'text/<deviceId>', payload: 'text', readings: [{ kind: 'switch', map: { ON: true, OFF: false } }] },
    {
      topic: 'kind/<roomId>/<deviceId>/<kind>',
      readings: [{ kind: '<kind>', value: '', quoted: true, kinds: { t: 'temperature' } }],
    },
    {
      topic: 'fields/<roomId>',
      deviceId: '/who/0/id',
      time: { from: '/at', unit: 'seconds', zone: 'Europe/Zurich' },
      sequence: '/n',
      readings: [
        { kind: 'light', value: '/light', range: [0, 254], optional: true },
        { kind: 'temperature', value: '/t', unit: '/unit', scale: 0.1, offset: -3 },
        { each: '/all', optional: true },
      ],
    },
    { topic: 'record/<key>', record: { topic: 'elsewhere', key: '<key>' }, time: '/at' },
    { topic: 'bytes/#', payload: 'bytes', record: { topic: 'elsewhere', key: 'all' } },
  ],
})

const NAMES = ['value', 'deviceId', 'who', 'id', 'at', 'n', 'light', 't', 'unit', 'all', 'readings', 'location', 'room']
const HOSTILE = ['__proto__', 'constructor', 'prototype', 'toString', '', '0', '\u0000', '\ud800', 'x'.repeat(300)]
const name = fc.oneof(fc.constantFrom(...NAMES, ...HOSTILE), fc.string({ unit: 'binary', maxLength: 8 }))
const level = fc.oneof(
  fc.constantFrom('d1', 'r1', 'temperature', 't', '+', '#', '$SYS', ...HOSTILE),
  fc.string({ unit: 'binary' }),
)
const firstLevel = fc.constantFrom(
  'number',
  'text',
  'kind',
  'fields',
  'record',
  'bytes',
  'sensors',
  'building',
  'other',
)

const topic = fc.oneof(
  fc.tuple(firstLevel, fc.array(level, { maxLength: 4 })).map(([first, rest]) => [first, ...rest].join('/')),
  fc.string({ unit: 'binary' }),
  fc.constantFrom('number/d1', 'text/d1', 'kind/r1/d1/t', 'fields/r1', 'sensors/d1', 'building/r1/d1/light'),
  fc.constantFrom(`number/${'x'.repeat(65_000)}`, `bytes${'/'.repeat(60_000)}`, `sensors/${'💥'.repeat(16_000)}`),
)

const scalar = fc.oneof(
  fc.constantFrom<unknown>(
    'd1',
    20,
    1e300,
    -0,
    '',
    true,
    null,
    'C',
    'K',
    '21.5',
    'NaN',
    2 ** 53,
    1e-320,
    '2027-01-15T08:30:00',
    '0000-00-00T00:00:00',
    8.64e15,
  ),
  fc.double(),
  fc.string({ unit: 'binary' }),
)
const json = fc.letrec((tie) => ({
  node: fc.oneof(
    { maxDepth: 4, withCrossShrink: true },
    scalar,
    fc.array(tie('node'), { maxLength: 3 }),
    fc.array(fc.tuple(name, tie('node')), { maxLength: 6 }).map((fields) => Object.fromEntries(fields)),
  ),
})).node

const payload = fc.oneof(
  json.map((value) => Buffer.from(JSON.stringify(value) ?? 'undefined')),
  fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes)),
  fc.string({ unit: 'binary' }).map((text) => Buffer.from(text)),
  fc.constantFrom(
    ...['71.5', 'ON', '{"value":30}', '{"who":[{"id":"d1"}],"t":215,"unit":"C","light":100,"n":1}'].map((text) =>
      Buffer.from(text),
    ),
    ...['NaN', '-Infinity', '1e999', '{"value":1e999}', '21,5', '0x10', '  7\n', '', '{"__proto__":{"value":1}}'].map(
      (text) => Buffer.from(text),
    ),
    Buffer.from('['.repeat(30_000) + ']'.repeat(30_000)),
    Buffer.from(`[${'0,'.repeat(30_000)}0]`),
    Buffer.from(
      `{"readings":{${Array.from({ length: 2_000 }, (_, i) => `"k${i}":${i}`).join(',')}},"location":{"room":"r"}}`,
    ),
    Buffer.alloc(700_000, 0x20),
  ),
)

/** What devices send. */
const GOOD: readonly (readonly [topic: string, payload: unknown])[] = [
  ['number/d1', 71.5],
  ['kind/r1/d1/t', '21.5'],
  ['fields/r1', { who: [{ id: 'd1' }], t: 215, unit: 'C', light: 100, n: 1, at: 1.8e9, all: { humidity: 40 } }],
  ['building/r1/d1/light', { value: 30, deviceId: 'd1', timestamp: 1.8e12, sequence: 3 }],
  ['sensors/d1', { location: { room: 'r1' }, readings: { pressure: 1000 }, metadata: { battery_level: 9 } }],
  ['record/key', {}],
]

/** One that is wrong in one place of its topic or its payload, or in none. */
const spoilt = fc
  .tuple(fc.constantFrom(...GOOD), fc.nat({ max: 20 }), fc.oneof(level, json))
  .map(([[goodTopic, goodPayload], place, wrong]): [string, Buffer] => {
    const levels = goodTopic.split('/')
    if (place >= 1 && place < levels.length && typeof wrong === 'string') levels[place] = wrong
    const places: [holder: Record<string, unknown>, name: string][] = []
    const copy = structuredClone(goodPayload)
    const walk = (value: unknown): void => {
      if (typeof value !== 'object' || value === null) return
      for (const key of Object.keys(value)) {
        places.push([value as Record<string, unknown>, key])
        walk((value as Record<string, unknown>)[key])
      }
    }
    walk(copy)
    const spot = places[place - levels.length]
    if (spot) spot[0][spot[1]] = wrong
    return [levels.join('/'), Buffer.from(JSON.stringify(copy))]
  })

const message = fc.oneof(fc.tuple(topic, payload), spoilt)

const LONGEST = 512 * 1024

/** Takes the values as they are, after writing them as Avro: what cannot be written fails as it would on its way to Kafka. */
function capturing<T>(schema: ConstructorParameters<typeof AvroCodec>[0], into: T[]): RecordWriter<T> {
  const codec = new AvroCodec(schema)
  const buffer = Buffer.alloc(1024 * 1024)
  return {
    serialize: (value) => {
      if (codec.write(value, buffer, 0) < 0) throw new Error('larger than a record of Kafka may be')
      into.push(value)
      return Buffer.alloc(0)
    },
  }
}

describe('whatever comes over MQTT', () => {
  const readings: Reading[] = []
  const letters: DeadLetter[] = []
  const topics = {
    readings: { topic: 'readings', value: capturing<Reading>(Reading.schema, readings) },
    deadLetters: { topic: 'letters', value: capturing<DeadLetter>(DeadLetter.schema, letters) },
  }

  test('becomes readings that are whole and true, a record as it was, or a dead letter with its bytes and why', () => {
    const seen = { readings: 0, records: 0, letters: 0 }
    fc.assert(
      fc.property(message, fc.boolean(), ([mqttTopic, bytes], retained) => {
        readings.length = 0
        letters.length = 0
        const arrived = { topic: mqttTopic, payload: bytes, qos: 1, retained, duplicate: false } as const
        const { records } = previewMessage(MAPPING, arrived, topics)
        const forwarded = records.filter((record) => record.topic === 'elsewhere')
        expect(readings.length + letters.length + forwarded.length).toBe(records.length)
        expect(records.length).toBeGreaterThan(0)
        for (const reading of readings) {
          expect(Number.isFinite(reading.value)).toBe(true)
          expect(Number.isSafeInteger(reading.eventTimeMs)).toBe(true)
          expect(reading).toMatchObject({ bus: 'mqtt', retained })
          expect(reading.deviceId).toMatch(/^[^\p{Cc}\p{Cs}]{1,256}$/u)
          expect(reading.roomId).toMatch(/^[^\p{Cc}\p{Cs}]{1,256}$/u)
        }
        for (const { originalValue, reason, code } of letters) {
          expect(originalValue?.equals(bytes.subarray(0, LONGEST))).toBe(true)
          expect(code).toMatch(/^[A-Z0-9_]+$/)
          expect(reason.length).toBeGreaterThan(0)
        }
        seen.readings += readings.length
        seen.letters += letters.length
        seen.records += forwarded.length
      }),
      { numRuns: 1500 },
    )
    for (const count of Object.values(seen)) expect(count).toBeGreaterThan(10)
  })

  test('nothing of a payload gets into the prototype of objects', () => {
    const message = (text: string) =>
      ({ topic: 'sensors/d1', payload: Buffer.from(text), qos: 1, retained: false, duplicate: false }) as const
    for (const text of [
      '{"__proto__":{"polluted":1}}',
      '{"constructor":{"prototype":{"polluted":1}}}',
      '{"readings":{"__proto__":1},"location":{"room":"r"}}',
    ])
      previewMessage(MAPPING, message(text), topics)
    expect(({} as Record<string, unknown>)['polluted']).toBeUndefined()
  })
})

describe('whatever a mapping file holds', () => {
  const field = fc.oneof(
    fc.constantFrom(
      'rules',
      'topic',
      'readings',
      'record',
      'key',
      'kind',
      'value',
      'each',
      'map',
      'range',
      'time',
      'from',
      'only',
      'rooms',
      'payload',
      'ignore',
      ...HOSTILE,
    ),
  )
  const anything = fc.letrec((tie) => ({
    node: fc.oneof(
      { maxDepth: 6, withCrossShrink: true },
      fc.constantFrom<unknown>(
        'a/<deviceId>/#',
        '/a/b',
        '<kind>',
        'temperature',
        'json',
        'text',
        true,
        0,
        null,
        [0, 100],
      ),
      fc.jsonValue(),
      fc.array(tie('node'), { maxLength: 3 }),
      fc.array(fc.tuple(field, tie('node')), { maxLength: 5 }).map((fields) => Object.fromEntries(fields)),
    ),
  })).node

  test('it is a mapping that works, or a list of problems', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          anything,
          anything.map((rule) => ({ rules: [rule] })),
        ),
        (document) => {
          try {
            const mapping = new TopicMapping(document)
            expect(mapping.filters.every((filter) => filter !== '')).toBe(true)
          } catch (error) {
            expect(error).toBeInstanceOf(ConfigError)
          }
        },
      ),
      { numRuns: 2000 },
    )
  })
})
