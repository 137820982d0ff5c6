import { setTimeout as sleep } from 'node:timers/promises'
import { expect, it } from 'vitest'
import { randomOf } from '../fault/committed.ts'
import { MqttScene, nothingIsLost } from '../fault/mqtt-scene.ts'
import { MqttSensors } from '../fault/mqtt-sensors.ts'
import { soakLimitMs, soakMs } from '../support/soak.ts'

const IDS = ['a', 'b', 'c', 'd', 'e']
const BACKLOG_OF_EACH = 20_000
const INTERVAL_MS = 10
const MOSQUITTO_WRITES_WITHIN_MS = 2_000
const SETTLE_MS = 60_000

/** A backlog of 100,000 messages first; then traffic, in which connector, Kafka and Mosquitto are killed in turn and at random. */
it('for long, MQTT into Kafka loses nothing and keeps the order of each device', {
  timeout: soakLimitMs(),
}, async () => {
  const seed = Math.trunc(Math.random() * 2 ** 31)
  const random = randomOf(seed)
  const seconds = (least: number, most: number) => sleep(1_000 * (least + random() * (most - least)))
  const scene = await MqttScene.start(['autosave_on_changes false'])
  const dyingMs: [number, number][] = []
  const faults = [
    async () => {
      await scene.connector?.kill()
      await seconds(0, 3)
      scene.spawnConnector()
    },
    async () => {
      await scene.kafka.killNode(0)
      await seconds(0, 10)
      await scene.kafka.startNode(0)
    },
    async () => {
      await scene.mosquitto.kill()
      const killedMs = performance.now()
      dyingMs.push([killedMs - MOSQUITTO_WRITES_WITHIN_MS, killedMs])
      await seconds(0, 5)
      await scene.mosquitto.restart()
    },
  ]
  try {
    await scene.startConnector()
    await scene.connector?.kill()
    const sensors = await MqttSensors.open(scene.mosquitto.url, IDS)
    for (let i = 0; i < BACKLOG_OF_EACH; i++) {
      sensors.publishOfEach()
      while (sensors.unacknowledged > 5_000) await sleep(5)
    }
    scene.spawnConnector()
    const stopping = new AbortController()
    const publishing = sensors.publishEvery(INTERVAL_MS, stopping.signal)
    const endMs = performance.now() + soakMs()
    let killed = 0
    for (; killed < faults.length || performance.now() < endMs; killed++) {
      await seconds(1, 5)
      await faults[killed < faults.length ? killed : Math.floor(random() * faults.length)]?.()
    }
    stopping.abort()
    await publishing
    const count = await nothingIsLost(scene, sensors, dyingMs, SETTLE_MS)
    await sensors.close()
    expect(count).toBeGreaterThan(IDS.length * BACKLOG_OF_EACH * 0.9)
    expect(await scene.untilState('running')).toMatchObject({ dropped: 0 })
    const repeated = (await scene.written()) - count
    process.stderr.write(
      `[soak] MQTT (seed ${seed}): ${killed} kills, ${count} readings kept, about ${repeated} came twice\n`,
    )
  } finally {
    await scene.close()
  }
})
