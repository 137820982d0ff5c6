import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { openPublisher } from '../../connectors/mqtt/client.ts'
import { topics } from '../../schemas/topics.ts'
import { freePort } from '../../scripts/servers/ports.ts'
import { BuildingProcess, freshDirectory } from '../e2e/building-process.ts'
import { eventually } from '../e2e/eventually.ts'
import { MqttScene, nothingIsLost } from './mqtt-scene.ts'
import { MqttSensors } from './mqtt-sensors.ts'

const IDS = Array.from({ length: 10 }, (_, i) => `d${i}`)
const OF_EACH = 1_000
const MESSAGES = IDS.length * OF_EACH
/** How many readings are in Kafka when the connector is killed. */
const KILLS_AT = [2_000, 5_000]
/** Mosquitto writes what it has acknowledged once a second, and loses what came after that when it is killed. */
const MOSQUITTO_WRITES_WITHIN_MS = 2_000
const RECOVERY_MS = 5_000

let scene: MqttScene

beforeAll(async () => {
  scene = await MqttScene.start(['autosave_on_changes false'])
}, 120_000)
afterAll(() => scene?.close())

it(`kill -9 of the connector among ${MESSAGES} messages: all are in Kafka, in order, and counted once`, async () => {
  const building = BuildingProcess.spawn({
    env: {
      ...scene.env,
      BROOK_HTTP_PORT: String(await freePort()),
      BROOK_DATA_DIR: freshDirectory(),
      BROOK_MQTT_URL: '',
    },
  })
  await scene.startConnector()
  await scene.connector?.kill()
  const sensors = await MqttSensors.open(scene.mosquitto.url, IDS)
  for (let i = 0; i < OF_EACH; i++) sensors.publishOfEach()
  const atKill: number[] = []
  for (const count of KILLS_AT) {
    const connector = scene.spawnConnector()
    await scene.untilWritten(count)
    await connector.kill()
    atKill.push(await scene.written())
  }
  expect(Math.max(...atKill), 'the kill came too late to tell anything').toBeLessThan(MESSAGES)
  await scene.startConnector()
  expect(await nothingIsLost(scene, sensors)).toBe(MESSAGES)
  await sensors.close()
  await eventually('the connector has nothing left', async () =>
    (await scene.status()).queueLength === 0 ? true : undefined,
  )
  const written = await scene.written()

  await building.ready()
  const counts = await eventually('the building has counted every reading', () =>
    scene.log(async (log) => {
      const counted = new Map<string, number>()
      for (const { value } of await log.read(topics.roomAverages))
        counted.set(`${value.roomId} ${value.windowStartMs}`, value.temperature?.count ?? 0)
      const total = [...counted.values()].reduce((sum, count) => sum + count, 0)
      return total >= MESSAGES ? total : undefined
    }),
  )
  expect(counts).toBe(MESSAGES)
  console.log(
    `[fault] kill -9 of the MQTT connector with ${atKill.join(' and ')} of ${MESSAGES} messages in Kafka: ${written - MESSAGES} came twice, none was counted twice`,
  )
}, 90_000)

it('mosquitto is killed and comes back: readings flow within seconds, and none is lost', async () => {
  const sensors = await MqttSensors.open(scene.mosquitto.url, ['m0', 'm1', 'm2', 'm3', 'm4'])
  const stopping = new AbortController()
  const publishing = sensors.publishEvery(20, stopping.signal)
  await scene.untilWritten((await scene.written()) + 800)
  await scene.mosquitto.kill()
  const killedMs = performance.now()
  await scene.untilState('connecting')
  // Long enough for the waits between attempts to have grown.
  await sleep(4_000)
  await scene.mosquitto.restart()
  const probe = await openPublisher({ url: scene.mosquitto.url, clientId: 'probe' })
  const tookMs = await scene.untilNextReading(() => void probe.publish('building/r/probe/temperature', '{"value":1}'))
  await probe.close()
  expect(tookMs).toBeLessThan(RECOVERY_MS)
  stopping.abort()
  await publishing
  const count = await nothingIsLost(scene, sensors, [[killedMs - MOSQUITTO_WRITES_WITHIN_MS, killedMs]])
  await sensors.close()
  expect(await scene.untilState('running')).toMatchObject({ dropped: 0 })
  console.log(`[fault] kill -9 of mosquitto: readings again ${Math.round(tookMs)} ms after its return, ${count} kept`)
})
