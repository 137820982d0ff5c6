import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import { device } from '../testing/fixtures.ts'
import { decodeMessage } from './decode.ts'
import { readMapping } from './mapping-file.ts'

const pathOf = (path: string): string => fileURLToPath(new URL(`../../${path}`, import.meta.url))
const EXAMPLE = pathOf('examples/mqtt-mapping/mapping.yaml')
const mapping = readMapping(EXAMPLE)
const NOW = 1_800_000_000_000

const decode = (topic: string, payload: string | object) =>
  decodeMessage(
    mapping,
    { topic, payload: Buffer.from(typeof payload === 'string' ? payload : JSON.stringify(payload)), retained: false },
    NOW,
  )

test('what the documentation shows of it is there, and is a mapping', () => {
  const [, shown = ''] = /```yaml\n([\s\S]*?)```/.exec(readFileSync(pathOf('docs/building.md'), 'utf8')) ?? []
  expect(readMapping('shown', () => shown).filters).toContain('tele/+/SENSOR')
  const lines = readFileSync(EXAMPLE, 'utf8').split('\n')
  expect(shown.split('\n').filter((line) => !lines.includes(line))).toEqual([])
})

/** The messages of well-known devices, as they publish them. */
describe('the example of a mapping', () => {
  test.each([
    [
      'tele/tasmota_4F2A1C/SENSOR',
      '{"Time":"2027-01-15T08:30:00","AM2301":{"Temperature":70.7,"Humidity":48.9,"DewPoint":50.4},"TempUnit":"F"}',
      [
        {
          deviceId: 'tasmota_4F2A1C',
          roomId: 'kitchen',
          kind: 'temperature',
          value: 21.5,
          eventTimeMs: Date.parse('2027-01-15T07:30:00Z'),
        },
        { kind: 'humidity', value: 48.9 },
      ],
    ],
    [
      'tele/tasmota_4F2A1C/SENSOR',
      '{"Time":"2027-07-15T08:30:00","BME280":{"Temperature":21,"Humidity":40,"Pressure":755.0},"PressureUnit":"mmHg","TempUnit":"C"}',
      [
        { kind: 'temperature', value: 21, eventTimeMs: Date.parse('2027-07-15T06:30:00Z') },
        { kind: 'humidity', value: 40 },
        { kind: 'pressure', value: 1006.58388142 },
      ],
    ],
    ['stat/tasmota_4F2A1C/POWER', 'ON', [{ kind: 'switch', value: 1, unit: 'boolean', eventTimeMs: NOW }]],
    [
      'zigbee2mqtt/living/climate',
      '{"battery":97,"humidity":45.1,"temperature":21.3,"linkquality":120,"last_seen":"2027-01-15T08:00:00+00:00"}',
      [
        { deviceId: 'climate', roomId: 'living', kind: 'temperature', value: 21.3, eventTimeMs: NOW },
        { kind: 'humidity', value: 45.1 },
        { kind: 'battery', value: 97 },
      ],
    ],
    [
      'zigbee2mqtt/living/pir',
      '{"occupancy":true,"illuminance":12}',
      [
        { kind: 'luminance', value: 12 },
        { kind: 'motion', value: 1 },
      ],
    ],
    ['zigbee2mqtt/living/lamp', '{"state":"ON","brightness":127}', [{ kind: 'light', value: 50 }]],
    ['zigbee2mqtt/living/remote', '{"action":"single"}', []],
    ['shellies/shellyht-AA01/sensor/temperature', '71.6', [{ kind: 'temperature', value: 22, roomId: 'bathroom' }]],
    ['shellies/shellyht-AA01/sensor/lux', '120', [{ kind: 'luminance', value: 120, unit: 'lux' }]],
    [
      'shellies/shellyswitch25-CC03/relay/1',
      'off',
      [{ deviceId: 'shellyswitch25-CC03-1', kind: 'switch', value: 0, roomId: 'office' }],
    ],
    [
      'shellyplusht-DD04/events/rpc',
      '{"src":"shellyplusht-DD04","method":"NotifyFullStatus","params":{"ts":1799999999.12,"temperature:0":{"id":0,"tC":21.3},"humidity:0":{"id":0,"rh":45.2},"devicepower:0":{"battery":{"V":5.9,"percent":95}}}}',
      [
        { deviceId: 'shellyplusht-DD04', roomId: 'cellar', kind: 'temperature', value: 21.3, eventTimeMs: NOW - 880 },
        { kind: 'humidity', value: 45.2 },
        { kind: 'battery', value: 95 },
      ],
    ],
    ['building/r1/d1/light', '{"value":50}', [{ kind: 'light', value: 50 }]],
  ])('%s %s', (topic, payload, expected) => {
    const { readings, problem } = decode(topic, payload)
    expect(problem).toBeUndefined()
    expect(readings).toHaveLength(expected.length)
    expect(readings).toMatchObject(expected)
  })

  test.each([
    ['tasmota_4F2A1C', 'switch', 1, 'cmnd/tasmota_4F2A1C/POWER', 'ON'],
    ['shelly1-BB02-0', 'switch', 0, 'shellies/shelly1-BB02/relay/0/command', 'off'],
    ['lamp-3', 'light', 100, 'zigbee2mqtt/office/lamp-3/set', '{"brightness": 254}'],
  ] as const)('%s is told %s %s', (deviceId, kind, value, topic, payload) => {
    const message = mapping.commands.message({ kind, value }, device({ deviceId, roomId: 'office', bus: 'mqtt' }))
    expect(message).toEqual({ topic, payload, confirmedBy: 'reading' })
  })

  test.each([
    ['stat/tasmota_4F2A1C/POWER', 'TOGGLE', 'UNKNOWN_VALUE', 'the value of switch is "TOGGLE": the map has ON, OFF'],
    ['stat/plug-9/POWER', 'ON', 'NO_ROOM', 'nothing tells the room of device plug-9'],
    [
      'tele/tasmota_4F2A1C/SENSOR',
      '{"ENERGY":{"Total":3}}',
      'MISSING_FIELD',
      'none of the values of rule 1 (Tasmota sensor) is there',
    ],
    [
      'tele/tasmota_4F2A1C/SENSOR',
      '{"AM2301":{"Temperature":20},"TempUnit":"R"}',
      'UNKNOWN_UNIT',
      'known are celsius, fahrenheit, kelvin',
    ],
    ['tele/tasmota_4F2A1C/SENSOR', '{"Time":"8 o’clock","AM2301":{"Humidity":20}}', 'BAD_TIMESTAMP', 'ISO 8601'],
    ['shellies/shellyht-AA01/sensor/humidity', 'NaN', 'VALUE_NOT_FINITE', 'the payload is NaN'],
    ['shellies/shellyht-AA01/sensor/humidity', '20 %', 'WRONG_TYPE', 'the payload is "20 %", not a number'],
    ['shellies/shellyht-AA01/sensor/act_reasons', '1', 'NO_RULE', 'no mapping rule'],
    ['zigbee2mqtt/living/lamp', '{"brightness":255}', 'VALUE_OUT_OF_RANGE', 'from 0 to 100'],
    ['zigbee2mqtt/living/climate', '{"temperature":"21"}', 'WRONG_TYPE', 'the value of temperature is a text'],
  ])('%s %s is a dead letter: %s', (topic, payload, code, reason) => {
    const { readings, problem } = decode(topic, payload)
    expect(problem?.code).toBe(code)
    expect(problem?.reason).toContain(reason)
    expect(readings).toEqual([])
  })
})
