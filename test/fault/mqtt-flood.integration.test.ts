import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { topics } from '../../schemas/topics.ts'
import type { LoadOptions } from '../bench/jobs/mqtt-load.ts'
import { eventually } from '../e2e/eventually.ts'
import { MqttScene, nothingIsLost } from './mqtt-scene.ts'
import { MqttSensors } from './mqtt-sensors.ts'
import { ReadingDelays } from './reading-delays.ts'

const LOAD = join(import.meta.dirname, '..', 'bench', 'jobs', 'mqtt-load.ts')
const PER_SECOND = 10_000
const FLOOD_MS = 5_000
const DELAY_MS = 1_000
const run = promisify(execFile)

let scene: MqttScene

beforeAll(async () => {
  scene = await MqttScene.start(['autosave_on_changes false'])
  await scene.startConnector()
}, 120_000)
afterAll(() => scene?.close())

it.each([
  ['good', false],
  ['every second broken', true],
] as const)(
  'a flood of one device (%s) delays the others by less than a second, and loses nothing',
  async (kind, broken) => {
    const delays = await ReadingDelays.open(scene.env)
    const sensors = await MqttSensors.open(
      scene.mosquitto.url,
      Array.from({ length: 20 }, (_, i) => `calm-${kind.length}-${i}`),
    )
    const before = await scene.written()
    const stopping = new AbortController()
    const publishing = sensors.publishEvery(200, stopping.signal)
    const load: LoadOptions = {
      port: scene.mosquitto.port,
      messages: (PER_SECOND * FLOOD_MS) / 1_000,
      devices: 1,
      prefix: broken ? 'broken-' : 'good-',
      window: 2_000,
      perSecond: PER_SECOND,
      broken,
    }
    const startedMs = performance.now()
    await run(process.execPath, [LOAD, JSON.stringify(load)])
    const floodedMs = performance.now() - startedMs
    stopping.abort()
    await publishing
    const calm = await nothingIsLost(scene, sensors)
    const good = broken ? load.messages / 2 : load.messages
    await scene.untilWritten(before + good + calm)
    await sensors.close()
    const letters = await scene.log((log) => log.read(topics.deadLetters))
    expect(letters.length).toBe(load.messages - good)
    const of = await eventually('all delays are known', () => {
      const seen = delays.of(sensors.ids)
      return seen.length >= calm ? seen : undefined
    })
    await delays.close()
    const named = scene.connector?.logLines.map(({ msg }) => msg)
    expect(named, 'the log names who floods').toContain(`${load.prefix}0 floods MQTT`)
    const p99 = of[Math.floor(of.length * 0.99)] as number
    console.log(
      `[fault] ${load.messages} messages of one device in ${Math.round(floodedMs)} ms (${kind}): ${of.length} readings of others took ${of[of.length >> 1]} ms at the median, ${p99} ms at the 99th percentile`,
    )
    expect(p99).toBeLessThan(DELAY_MS)
  },
)
