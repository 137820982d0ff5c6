import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, expect, test } from 'vitest'
import { type MqttPublisher, openPublisher } from '../../connectors/mqtt/client.ts'
import { topics } from '../../schemas/topics.ts'
import { withLog } from './building-log.ts'
import { BuildingProcess, cleanUp, freshSettings } from './building-process.ts'
import { eventually } from './eventually.ts'

const MESSAGES = 6_000
const DEVICES = ['thermometer-a', 'thermometer-b', 'thermometer-c']
const ROOM = 'vault'

afterEach(cleanUp)

interface Message {
  readonly deviceId: string
  readonly sequence: number
}

/** Publishes with many messages under way at once; what is acknowledged is added to `acknowledged`, then or later. */
function publishAll(publisher: MqttPublisher, messages: readonly Message[], acknowledged: Message[]): void {
  for (const message of messages) {
    const { deviceId, sequence } = message
    const payload = JSON.stringify({ value: sequence / 100, timestamp: Date.now(), sequence })
    publisher.publish(`building/${ROOM}/${deviceId}/temperature`, payload).then(
      () => acknowledged.push(message),
      () => undefined,
    )
  }
}

test(`what MQTT has acknowledged is in the log, whenever the building is killed among ${MESSAGES} messages`, async () => {
  const env = { ...(await freshSettings()), BROOK_SIMULATE: 'none' }
  const messages = Array.from({ length: MESSAGES }, (_, sequence) => ({
    deviceId: DEVICES[sequence % DEVICES.length] as string,
    sequence,
  }))
  const acknowledged: Message[] = []

  const first = await BuildingProcess.start({ env })
  const publisher = await openPublisher({ url: first.mqttUrl, clientId: 'publisher' })
  publishAll(publisher, messages, acknowledged)
  await eventually('half of them are acknowledged', () => (acknowledged.length >= MESSAGES / 2 ? true : undefined))
  await first.kill()
  await publisher.close()
  const acknowledgedAtKill = acknowledged.length
  expect(acknowledgedAtKill, 'the kill came too late to tell anything').toBeLessThan(MESSAGES)

  const second = await BuildingProcess.start({ env })
  const again = await openPublisher({ url: second.mqttUrl, clientId: 'publisher' })
  const done = new Set(acknowledged.map(({ sequence }) => sequence))
  const others = messages.filter(({ sequence }) => !done.has(sequence))
  publishAll(again, others, acknowledged)
  await eventually('the others are acknowledged', () => (acknowledged.length === MESSAGES ? true : undefined))
  await again.close()
  // What the broker has acknowledged is delivered to the log soon, not at once.
  await eventually('every reading is counted', async () => {
    const { body } = await second.get<{ windows: { value: { temperature: { count: number } } }[] }>(
      `/v1/stores/room-averages/windows/${ROOM}`,
    )
    const count = body.windows.reduce((sum, { value }) => sum + value.temperature.count, 0)
    return count >= MESSAGES ? count : undefined
  })
  await sleep(500)
  await second.kill()

  const readings = await withLog(env, (log) => log.read(topics.readings))
  const sequences = readings.map(({ value }) => value.sequence)
  expect(new Set(sequences)).toEqual(new Set(messages.map(({ sequence }) => sequence)))
  for (const device of DEVICES) {
    const own = readings.filter(({ value }) => value.deviceId === device)
    expect(new Set(own.map(({ partition }) => partition)).size).toBe(1)
    const firsts = [...new Set(own.map(({ value }) => value.sequence as number))]
    const beforeKill = new Set(acknowledged.slice(0, acknowledgedAtKill).map(({ sequence }) => sequence))
    // Those that were under way at the kill were published again after it, by a publisher of its own.
    const kept = firsts.filter((sequence) => beforeKill.has(sequence))
    expect(kept).toEqual([...kept].sort((a, b) => a - b))
  }
}, 90_000)
