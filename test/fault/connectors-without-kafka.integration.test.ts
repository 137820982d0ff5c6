import { readFile } from 'node:fs/promises'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { Metrics } from '../../common/metrics.ts'
import { openPublisher } from '../../connectors/mqtt/client.ts'
import { ReadingPublisher } from '../../connectors/publisher.ts'
import { ReadingOutbox } from '../../connectors/reading-outbox.ts'
import { StatusTracker } from '../../connectors/status.ts'
import { reading } from '../../connectors/testing/fixtures.ts'
import { topics } from '../../schemas/topics.ts'
import { eventually } from '../e2e/eventually.ts'
import { MqttScene, nothingIsLost } from './mqtt-scene.ts'
import { MqttSensors } from './mqtt-sensors.ts'

const RECOVERY_MS = 5_000
/** What the MQTT connector holds when Kafka is away: its window, and the bytes that the sockets and the parser hold. */
const MAX_IN_FLIGHT = 1_000
const MAX_GROWTH_MB = 100

let scene: MqttScene

beforeAll(async () => {
  scene = await MqttScene.start(['autosave_on_changes false'])
}, 120_000)
afterAll(() => scene?.close())

async function rssMb(): Promise<number> {
  const text = await readFile(`/proc/${scene.connector?.pid}/status`, 'utf8')
  return Number(/VmRSS:\s+(\d+) kB/.exec(text)?.[1]) / 1024
}

it('under MQTT: it is told, memory stays bounded, and nothing is lost', async () => {
  await scene.startConnector()
  const sensors = await MqttSensors.open(scene.mosquitto.url, ['d0', 'd1', 'd2', 'd3', 'd4'])
  const stopping = new AbortController()
  const publishing = sensors.publishEvery(20, stopping.signal)
  await scene.untilWritten(200)
  const before = await rssMb()
  await scene.kafka.killNode(0)
  const killedMs = performance.now()
  const flood = await openPublisher({ url: scene.mosquitto.url, clientId: 'flood' })
  const payload = JSON.stringify({ value: 1, pad: 'x'.repeat(2_000) })
  await Promise.all(Array.from({ length: 20_000 }, () => flood.publish('building/r/flood/luminance', payload)))
  await flood.close()
  const { lastError, queueLength } = await scene.untilState('degraded')
  const saidMs = performance.now() - killedMs
  expect(lastError).toContain('the log has acknowledged nothing for 5000 ms')
  expect(queueLength).toBeLessThanOrEqual(MAX_IN_FLIGHT)
  const during = await rssMb()
  expect(during - before).toBeLessThan(MAX_GROWTH_MB)

  await scene.kafka.startNode(0)
  const tookMs = await scene.untilNextReading(() => {})
  expect(tookMs).toBeLessThan(RECOVERY_MS)
  stopping.abort()
  await publishing
  const count = await nothingIsLost(scene, sensors)
  await sensors.close()
  expect(await scene.untilState('running')).toMatchObject({ dropped: 0 })
  console.log(
    `[fault] kill -9 of Kafka under MQTT: degraded after ${Math.round(saidMs)} ms, ${Math.round(during - before)} MB more with 20,000 messages of 2 kB waiting, readings again ${Math.round(tookMs)} ms after its return, ${count} kept`,
  )
})

it('under a bus that cannot be slowed: it is told, the last value of each address is kept, the others are counted', async () => {
  const addresses = Array.from({ length: 200 }, (_, i) => `knx-${i}`)
  const rounds = 40
  await scene.log(async ({ platform }) => {
    const metrics = new Metrics()
    const status = new StatusTracker('knx', { metrics })
    const { readings, commandResults, deadLetters } = topics
    const publisher = new ReadingPublisher({
      // It gives up while Kafka is away, as it would after two minutes by default.
      createProducer: () => platform.kafka.createProducer({ deliveryTimeoutMs: 2_000 }),
      readings: { topic: readings.name, key: platform.key, value: platform.value(readings.value) },
      commandResults: { topic: commandResults.name, key: platform.key, value: platform.value(commandResults.value) },
      deadLetters: { topic: deadLetters.name, value: platform.value(deadLetters.value) },
      status,
    })
    await publisher.prepare()
    const troubles: (string | undefined)[] = []
    const outbox = new ReadingOutbox({
      publisher,
      status,
      maxInFlight: 300,
      stalledAfterMs: 1_000,
      onTrouble: (error) => {
        troubles.push(error?.message)
        status.moveTo(error ? 'degraded' : 'running', error)
      },
    })
    const putRound = (value: number): void => {
      const eventTimeMs = Date.now()
      for (const name of addresses)
        outbox.put(reading({ deviceId: name, value, eventTimeMs, receivedAtMs: eventTimeMs }), {
          name,
          key: null,
          value: null,
          receivedAtMs: eventTimeMs,
        })
    }
    putRound(0)
    await eventually('the first are written', () => (outbox.length === 0 ? true : undefined))
    await scene.kafka.killNode(0)
    for (let round = 1; round < rounds; round++) putRound(round)
    expect(outbox.length).toBe(300 + addresses.length)
    await eventually('it is told', () => (status.state === 'degraded' ? true : undefined))
    expect(troubles).toEqual([expect.stringContaining('readings that wait: 500; past 300 only the last of each')])

    await scene.kafka.startNode(0)
    const backMs = performance.now()
    await eventually('all that was kept is written', () => (outbox.length === 0 ? true : undefined))
    const tookMs = performance.now() - backMs
    expect(tookMs).toBeLessThan(RECOVERY_MS)
    expect(troubles.at(-1)).toBeUndefined()
    expect(status.state).toBe('running')
    const { published, dropped } = status.snapshot()
    expect(published + dropped).toBe(addresses.length * rounds)
    expect(dropped).toBeGreaterThan(0)
    expect(await metrics.text()).toContain(`brook_connector_dropped_total{connector="knx"} ${dropped}`)
    const last = new Map<string, number>()
    for (const { key, value } of await scene.readings()) last.set(key, value.value)
    for (const name of addresses) expect(last.get(name)).toBe(rounds - 1)
    await publisher.close()
    console.log(
      `[fault] kill -9 of Kafka under a bus: of ${addresses.length * rounds} readings ${published} written and ${dropped} counted as dropped, all within ${Math.round(tookMs)} ms of its return`,
    )
  })
})
