import { describe, expect, test } from 'vitest'
import * as fc from '../../test/support/property.ts'
import { type Decoded, decodeMessage } from './decode.ts'
import { TopicMapping } from './mapping.ts'

const mapping = new TopicMapping()
const NOW = 1_800_000_000_000
const decode = (topic: string, payload: string | Buffer | object, retained = false): Decoded =>
  decodeMessage(
    mapping,
    {
      topic,
      payload: Buffer.isBuffer(payload)
        ? payload
        : Buffer.from(typeof payload === 'string' ? payload : JSON.stringify(payload)),
      retained,
    },
    NOW,
  )
const value = (payload: string | Buffer | object, kind = 'temperature'): Decoded =>
  decode(`building/r1/d1/${kind}`, payload)

const SENSOR_MESSAGE = {
  deviceId: 'sensor-001',
  deviceType: 'temperature_sensor',
  timestamp: '2024-01-20T10:30:00Z',
  location: { building: 'Factory-A', floor: 2, room: 'Production-Line-1' },
  readings: { temperature: 23.5, humidity: 45.2, pressure: 1013.25 },
  metadata: { firmware_version: '1.2.3', battery_level: 85, signal_strength: -45 },
}

describe('one value', () => {
  test('becomes a reading with the unit of its kind', () => {
    expect(value({ value: 23.4, timestamp: NOW - 5, sequence: 7 })).toEqual({
      readings: [
        {
          deviceId: 'd1',
          roomId: 'r1',
          bus: 'mqtt',
          kind: 'temperature',
          value: 23.4,
          unit: 'celsius',
          quality: 'good',
          eventTimeMs: NOW - 5,
          receivedAtMs: NOW,
          sequence: 7,
          retained: false,
        },
      ],
    })
  })

  test.each([
    ['motion', true, 1, 'boolean'],
    ['motion', false, 0, 'boolean'],
    ['switch', true, 1, 'boolean'],
    ['motion', 1, 1, 'boolean'],
    ['humidity', 100, 100, 'percent'],
    ['luminance', 200_000, 200_000, 'lux'],
    ['pressure', 300, 300, 'hectopascal'],
    ['temperature', -60, -60, 'celsius'],
    ['battery', 0, 0, 'percent'],
    ['blinds', 100, 100, 'percent'],
  ])('of %s, %j, is %d %s', (kind, given, expected, unit) => {
    expect(value({ value: given }, kind).readings).toMatchObject([{ kind, value: expected, unit }])
  })

  test('without a timestamp is of now', () => {
    expect(value({ value: 1, timestamp: null }).readings).toMatchObject([{ eventTimeMs: NOW, quality: 'good' }])
  })

  test('takes ISO 8601 as well', () => {
    expect(value({ value: 1, timestamp: '2027-01-15T08:00:00.000Z' }).readings).toMatchObject([{ eventTimeMs: NOW }])
  })

  test('that is retained is flagged, and may be old', () => {
    expect(decode('building/r1/d1/motion', { value: true }, true).readings).toMatchObject([
      { retained: true, quality: 'uncertain' },
    ])
  })

  test.each([
    ['NO_RULE', 'x/y', { value: 1 }],
    ['EMPTY_PAYLOAD', 'building/r1/d1/temperature', ''],
    ['PAYLOAD_TOO_LARGE', 'building/r1/d1/temperature', { value: 1, filler: 'x'.repeat(64 * 1024) }],
    ['NOT_UTF8', 'building/r1/d1/temperature', Buffer.from([0x7b, 0xff, 0x7d])],
    ['NOT_JSON', 'building/r1/d1/temperature', '{"value": NaN}'],
    ['NOT_JSON', 'building/r1/d1/temperature', '{"value": 1'],
    ['NOT_JSON', 'building/r1/d1/temperature', '['.repeat(60_000)],
    ['WRONG_TYPE', 'building/r1/d1/temperature', '23.4'],
    ['WRONG_TYPE', 'building/r1/d1/temperature', '[1]'],
    ['WRONG_TYPE', 'building/r1/d1/temperature', 'null'],
    ['MISSING_FIELD', 'building/r1/d1/temperature', {}],
    ['MISSING_FIELD', 'building/r1/d1/temperature', '{"__proto__": {"value": 1}}'],
    ['WRONG_TYPE', 'building/r1/d1/temperature', { value: '23.4' }],
    ['WRONG_TYPE', 'building/r1/d1/temperature', { value: null }],
    ['WRONG_TYPE', 'building/r1/d1/temperature', { value: true }],
    ['VALUE_NOT_FINITE', 'building/r1/d1/temperature', '{"value": 1e999}'],
    ['VALUE_OUT_OF_RANGE', 'building/r1/d1/temperature', { value: 100.1 }],
    ['VALUE_OUT_OF_RANGE', 'building/r1/d1/temperature', { value: -60.1 }],
    ['VALUE_OUT_OF_RANGE', 'building/r1/d1/humidity', { value: 101 }],
    ['VALUE_OUT_OF_RANGE', 'building/r1/d1/luminance', { value: -1 }],
    ['VALUE_OUT_OF_RANGE', 'building/r1/d1/pressure', { value: 299 }],
    ['VALUE_OUT_OF_RANGE', 'building/r1/d1/motion', { value: 0.5 }],
    ['VALUE_OUT_OF_RANGE', 'building/r1/d1/light', { value: 200 }],
    ['UNKNOWN_KIND', 'building/r1/d1/noise', { value: 1 }],
    ['UNKNOWN_KIND', 'building/r1/d1/unknown', { value: 1 }],
    ['UNKNOWN_KIND', 'building/r1/d1/constructor', { value: 1 }],
    ['DEVICE_MISMATCH', 'building/r1/d1/temperature', { value: 1, deviceId: 'd2' }],
    ['BAD_ID', 'building/r1//temperature', { value: 1 }],
    ['BAD_ID', 'building/r1/a\u0007b/temperature', { value: 1 }],
    ['BAD_ID', `building/r1/${'x'.repeat(257)}/temperature`, { value: 1 }],
    ['WRONG_TYPE', 'building/r1/d1/temperature', { value: 1, timestamp: true }],
    ['BAD_TIMESTAMP', 'building/r1/d1/temperature', { value: 1, timestamp: 'yesterday' }],
    ['WRONG_TYPE', 'building/r1/d1/temperature', { value: 1, sequence: 1.5 }],
  ])('%s: %s', (code, topic, payload) => {
    const decoded = decode(topic, payload)
    expect(decoded.problem?.code).toBe(code)
    expect(decoded.problem?.reason).not.toBe('')
    expect(decoded.readings).toEqual([])
  })
})

describe('a whole sensor message', () => {
  test('becomes one reading for each kind and one of the battery', () => {
    const { readings, problem } = decode('sensors/sensor-001', SENSOR_MESSAGE)
    expect(problem).toBeUndefined()
    expect(readings.map(({ kind, value: v, unit }) => [kind, v, unit])).toEqual([
      ['temperature', 23.5, 'celsius'],
      ['humidity', 45.2, 'percent'],
      ['pressure', 1013.25, 'hectopascal'],
      ['battery', 85, 'percent'],
    ])
    for (const reading of readings)
      expect(reading).toMatchObject({
        deviceId: 'sensor-001',
        roomId: 'Production-Line-1',
        eventTimeMs: Date.parse('2024-01-20T10:30:00Z'),
      })
  })

  test('that is good in part gives the good readings and tells of all that is not', () => {
    const { readings, problem } = decode('sensors/sensor-001', {
      ...SENSOR_MESSAGE,
      readings: { temperature: 20, humidity: 400, co2: 600 },
      metadata: null,
    })
    expect(readings.map((reading) => reading.kind)).toEqual(['temperature'])
    expect(problem).toEqual({
      code: 'VALUE_OUT_OF_RANGE',
      reason: 'the value of humidity is 400 percent: it must be from 0 to 100; there is no kind of reading "co2"',
    })
  })

  test.each([
    ['DEVICE_MISMATCH', { deviceId: 'other' }],
    ['WRONG_TYPE', { deviceId: 1 }],
    ['MISSING_FIELD', { location: {} }],
    ['WRONG_TYPE', { location: 'here' }],
    ['WRONG_TYPE', { readings: [1], metadata: {} }],
    ['MISSING_FIELD', { readings: {}, metadata: {} }],
    ['BAD_TIMESTAMP', { timestamp: '2024-13-45' }],
  ])('%s: %j', (code, changes) => {
    expect(decode('sensors/sensor-001', { ...SENSOR_MESSAGE, ...changes })).toMatchObject({
      readings: [],
      problem: { code },
    })
  })
})

describe('whatever comes', () => {
  const anyTopic = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.constantFrom('building/r1/d1/temperature', 'building/r1/d1/motion', 'sensors/s1'),
    fc.array(fc.string({ unit: 'binary' }), { maxLength: 5 }).map((levels) => levels.join('/')),
  )
  const field = fc.constantFrom(
    'value',
    'timestamp',
    'deviceId',
    'location',
    'room',
    'readings',
    'temperature',
    'sequence',
  )
  const anyJson = fc.letrec((tie) => ({
    node: fc.oneof(
      { maxDepth: 4 },
      fc.constantFrom('s1', 'd1', true, null, 20, 1e300, -0, ''),
      fc.jsonValue(),
      fc.array(tie('node'), { maxLength: 3 }),
      fc.dictionary(fc.oneof(field, fc.string()), tie('node'), { maxKeys: 6 }),
    ),
  })).node
  const anyPayload = fc.oneof(
    fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes)),
    fc.string({ unit: 'binary' }).map((text) => Buffer.from(text)),
    anyJson.map((json) => Buffer.from(JSON.stringify(json))),
  )

  test('it never throws and always gives readings or a problem; readings are whole and true', () => {
    fc.assert(
      fc.property(anyTopic, anyPayload, fc.boolean(), (topic, payload, retained) => {
        const { readings, problem } = decode(topic, payload, retained)
        expect(readings.length > 0 || problem !== undefined).toBe(true)
        for (const reading of readings) {
          expect(Number.isFinite(reading.value)).toBe(true)
          expect(Number.isFinite(reading.eventTimeMs)).toBe(true)
          expect(reading.deviceId).not.toBe('')
          expect(reading.roomId).not.toBe('')
          expect(reading.kind).not.toBe('unknown')
          expect(reading.retained).toBe(retained)
        }
      }),
      { numRuns: 2000 },
    )
  })
})
