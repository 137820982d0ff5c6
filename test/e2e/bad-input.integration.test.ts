import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type MqttPublisher, openPublisher } from '../../connectors/mqtt/client.ts'
import { topics } from '../../schemas/topics.ts'
import type { DeadLetter, Reading } from '../../schemas/types.ts'
import { type TopicRecord, withLog } from './building-log.ts'
import { BuildingProcess, cleanUp, freshSettings } from './building-process.ts'
import { eventually } from './eventually.ts'

const ROOM = 'vault'
const AHEAD = 99
const topic = `building/${ROOM}/sensor/temperature`
type Case = readonly [what: string, topic: string, payload: string | Buffer, reason: RegExp]

const CASES: readonly Case[] = [
  ['no JSON', topic, 'twenty-one', /not JSON/],
  ['half of JSON', topic, '{"value": 2', /not JSON/],
  ['an empty payload', topic, '', /empty/],
  ['bytes that are no text', topic, Buffer.from([0xff, 0xfe, 0x00, 0x80]), /not UTF-8/],
  ['a list', topic, '[21]', /not an object/],
  ['no value', topic, '{"valu": 21}', /value is missing/],
  ['a value that is a text', topic, '{"value": "21"}', /not a number/],
  ['a value that is null', topic, '{"value": null}', /not a number/],
  ['a value that is not finite', topic, '{"value": 1e999}', /not a finite number/],
  ['a value out of range', topic, '{"value": 4000}', /must be from -60 to 100/],
  ['a humidity below nothing', `building/${ROOM}/sensor/humidity`, '{"value": -1}', /must be from 0 to 100/],
  ['half a motion', `building/${ROOM}/sensor/motion`, '{"value": 0.5}', /must be 0 or 1/],
  ['a kind that there is not', `building/${ROOM}/sensor/happiness`, '{"value": 1}', /no kind of reading "happiness"/],
  ['a kind of JavaScript', `building/${ROOM}/sensor/__proto__`, '{"value": 1}', /no kind of reading/],
  ['a room without a name', 'building//sensor/temperature', '{"value": 1}', /roomId must be/],
  ['a device without a name', `building/${ROOM}//temperature`, '{"value": 1}', /deviceId must be/],
  ['a name with control characters', 'building/a\u0007b/sensor/temperature', '{"value": 1}', /control characters/],
  ['a name that is too long', `building/${'x'.repeat(300)}/sensor/temperature`, '{"value": 1}', /1 to 256 characters/],
  ['a device that is another', topic, '{"value": 1, "deviceId": "other"}', /is from device other/],
  ['a time that is none', topic, '{"value": 1, "timestamp": "yesterday"}', /not a time/],
  ['very much', topic, `{"value": 1, "x": "${'x'.repeat(70_000)}"}`, /more than 65536/],
  ['brackets without end', topic, '['.repeat(50_000), /not JSON/],
  ['a sensor message without readings', 'sensors/weather-1', '{"location": {"room": "a"}}', /readings is missing/],
  [
    'a sensor message without a room',
    'sensors/weather-1',
    '{"readings": {"temperature": 1}}',
    /location\.room is missing/,
  ],
]

describe('input that cannot be used', () => {
  let building: BuildingProcess
  let publisher: MqttPublisher
  let env: Record<string, string>
  let letters: readonly TopicRecord<DeadLetter>[] = []
  let readings: readonly TopicRecord<Reading>[] = []

  beforeAll(async () => {
    env = { ...(await freshSettings()), BROOK_SIMULATE: 'none' }
    building = await BuildingProcess.start({ env })
    publisher = await openPublisher({ url: building.mqttUrl, clientId: 'sensors' })
  })
  afterAll(cleanUp)

  test('does not stop what can be used', async () => {
    let good = 0
    const publishGood = () => publisher.publish(topic, JSON.stringify({ value: 20 + good, sequence: good++ }))
    await publishGood()
    // Clocks that are ahead are not believed: they would make everything else late.
    for (const timestamp of [Date.UTC(9999, 11, 31), Date.now() + 65_000])
      await publisher.publish(topic, JSON.stringify({ value: AHEAD, timestamp }))
    for (const [, at, payload] of CASES) {
      await publisher.publish(at, payload)
      await publishGood()
    }
    await eventually('every good message is counted', async () => {
      const { body } = await building.get<{ windows: { value: { temperature: { count: number } } }[] }>(
        `/v1/stores/room-averages/windows/${ROOM}`,
      )
      const count = body.windows.reduce((sum, { value }) => sum + value.temperature.count, 0)
      return count === good ? true : undefined
    })
    await eventually('the connector says how it fares', async () => {
      const { body } = await building.get<{ connectors: { state: string; deadLetters: number }[] }>('/v1/connectors')
      const [mqtt] = body.connectors
      return mqtt?.state === 'running' && mqtt.deadLetters === CASES.length ? true : undefined
    })
    expect((await building.get('/readyz')).status).toBe(200)
    expect(building.logLines.filter(({ level }) => level >= 50)).toEqual([])
    await publisher.close()
    expect((await building.interrupt()).code).toBe(0)
    await withLog(env, async (log) => {
      letters = await log.read(topics.deadLetters)
      readings = await log.read(topics.readings)
    })
  })

  test.each(CASES)('%s is kept with the bytes and the reason', (_, at, payload, reason) => {
    const bytes = Buffer.from(payload)
    const letter = letters.find(({ value }) => value.origin === `mqtt:${at}` && value.originalValue?.equals(bytes))
    expect(letter?.value).toMatchObject({
      reason: expect.stringMatching(reason),
      code: expect.stringMatching(/^[A-Z_0-9]+$/),
    })
  })

  test('is not a reading whose clock is ahead: that is kept as uncertain, under the time of its receipt', () => {
    const ahead = readings.filter(({ value }) => value.value === AHEAD)
    expect(ahead.map(({ value }) => value.quality)).toEqual(['uncertain', 'uncertain'])
    for (const { value } of ahead) expect(value.eventTimeMs).toBe(value.receivedAtMs)
  })

  test('is kept once', () => {
    expect(letters.length).toBe(CASES.length)
  })
})
