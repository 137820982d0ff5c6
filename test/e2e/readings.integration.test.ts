import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { garbagePayloads } from '../../bin/simulate/disturbances.ts'
import { unitOf } from '../../connectors/reading-kinds.ts'
import { topics } from '../../schemas/topics.ts'
import type { DeadLetter, Reading } from '../../schemas/types.ts'
import { KafkaCluster } from '../../scripts/servers/kafka-broker.ts'
import { type TopicRecord, withLog } from './building-log.ts'
import { BuildingProcess, cleanUp, freshDirectory, freshSettings } from './building-process.ts'
import { eventually } from './eventually.ts'
import { SimulateProcess } from './simulate-process.ts'

/** One that speaks MQTT and has a clock that is an hour ahead. */
const WRONG_CLOCK = 'sensor-103'
const DOUBLED = 'sensor-202'
const GARBAGE = 'sensor-301'

describe('what connectors write into Kafka, whatever the bus', () => {
  let kafka: KafkaCluster
  let simulate: SimulateProcess
  let readings: readonly TopicRecord<Reading>[]
  let letters: readonly TopicRecord<DeadLetter>[]

  beforeAll(async () => {
    const plan = `clock-wrong:${WRONG_CLOCK},mqtt-doubled:${DOUBLED},mqtt-garbage:${GARBAGE}@3s,knx-garbage@3s`
    ;[kafka, simulate] = await Promise.all([
      KafkaCluster.start({ directory: freshDirectory() }),
      SimulateProcess.start(['--rooms', '12', '--zwave', 'tcp:0', '--seed', '7', '--fault', plan]),
    ])
    const env = {
      ...(await freshSettings()),
      ...simulate.document.env,
      BROOK_KAFKA_BROKERS: kafka.brokers,
      BROOK_SCHEMA_REGISTRY: process.env['BROOK_TEST_REGISTRY'] as string,
    }
    const building = await BuildingProcess.start({ env })
    const read = () =>
      withLog(env, async (log) => ({ all: await log.read(topics.readings), dead: await log.read(topics.deadLetters) }))
    await eventually(
      'every bus has spoken, and garbage of two has come',
      async () => {
        const { all, dead } = await read()
        const buses = new Set(all.map(({ value }) => value.bus))
        const origins = new Set(dead.map(({ value }) => value.origin.split(':')[0]))
        const isEnough =
          all.some(({ value }) => value.deviceId === WRONG_CLOCK) && dead.length >= 2 * garbagePayloads.length
        if (isEnough && buses.size === 3 && origins.size === 2) return true
        throw new Error(`${all.length} readings of ${[...buses]}, ${dead.length} dead letters of ${[...origins]}`)
      },
      40_000,
    )
    expect((await building.interrupt()).code).toBe(0)
    ;({ all: readings, dead: letters } = await read())
  }, 90_000)
  afterAll(async () => {
    await simulate?.kill()
    await kafka?.kill()
    await cleanUp()
  })

  const of = (deviceId: string) => readings.filter(({ value }) => value.deviceId === deviceId)

  test('the key is the device, the timestamp the event time, and the unit that of the kind', () => {
    expect(readings.length).toBeGreaterThan(100)
    for (const { key, value, timestampMs } of readings) {
      expect(key).toBe(value.deviceId)
      expect(timestampMs).toBe(value.eventTimeMs)
      expect(value.unit).toBe(unitOf(value.kind))
      expect(['good', 'uncertain']).toContain(value.quality)
      expect(value.roomId).toMatch(/^room-/)
    }
  })

  test('the event time is that of the device, unless its clock cannot be believed: then the receive time, and uncertain', () => {
    const believed = readings.filter(({ value }) => value.bus === 'mqtt' && value.deviceId !== WRONG_CLOCK)
    expect(believed.some(({ value }) => value.quality === 'good' && value.eventTimeMs < value.receivedAtMs)).toBe(true)
    const wrong = of(WRONG_CLOCK)
    expect(wrong.length).toBeGreaterThan(0)
    for (const { value } of wrong) {
      expect(value.quality).toBe('uncertain')
      expect(value.eventTimeMs).toBe(value.receivedAtMs)
    }
  })

  test('a repeated reading can be told by its sequence number', () => {
    const numbered = of(DOUBLED).map(({ value }) => `${value.kind} ${value.sequence}`)
    expect(numbered.length).toBeGreaterThan(new Set(numbered).size)
    for (const { value } of of(DOUBLED)) expect(value.sequence).toBeGreaterThan(0)
  })

  test('states that KNX was asked for are flagged: they are no events', () => {
    const answers = readings.filter(({ value }) => value.bus === 'knx' && value.retained)
    expect(answers.length).toBeGreaterThan(0)
  })

  test('what cannot be used is in the dead letters with its bytes, a reason and where it came from', () => {
    for (const { value } of letters) {
      expect(value.reason.length).toBeGreaterThan(10)
      expect(value.code).toMatch(/^[A-Z0-9_]+$/)
    }
    const mqtt = letters.filter(({ value }) => value.origin.startsWith('mqtt:'))
    for (const { value } of mqtt) expect(value.origin).toContain(`/${GARBAGE}/temperature`)
    const kept = new Set(mqtt.map(({ value }) => (value.originalValue ?? Buffer.alloc(0)).toString('hex')))
    expect(garbagePayloads.filter((payload) => !kept.has(payload.toString('hex')))).toEqual([])
    const knx = letters.find(({ value }) => value.origin.startsWith('knx:'))?.value
    expect(knx?.originalValue?.toString('hex')).toBe('deadbeef00')
    expect(knx?.headers).toMatchObject({ 'knx-service': 'GroupValue_Write' })
  })
})
