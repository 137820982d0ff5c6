import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type MqttPublisher, openPublisher } from '../../connectors/mqtt/client.ts'
import { MosquittoServer } from '../../scripts/servers/mosquitto.ts'
import { BuildingProcess, cleanUp, freshDirectory, freshSettings } from './building-process.ts'
import { eventually } from './eventually.ts'

let mosquitto: MosquittoServer
let sender: MqttPublisher
let building: BuildingProcess

const publish = (kind: string, value: unknown, retain: boolean) =>
  sender.publish(`building/lab/${kind}-sensor/${kind}`, JSON.stringify({ value }), { retain })

interface Row<T> {
  readonly value: T
}

async function row<T>(store: string, key: string): Promise<T | undefined> {
  const { status, body } = await building.get<Row<T>>(`/v1/stores/${store}/keys/${key}`)
  return status === 200 ? body.value : undefined
}

const isPresent = async () => (await row<{ present: boolean }>('occupancy', 'lab'))?.present ?? false
const temperatureOf = async () => {
  const { body } = await building.get<{
    averages: { value: { temperature: { count: number; mean: number } | null } } | null
  }>('/v1/rooms/lab')
  return body.averages?.value.temperature ?? null
}

/** A broker that holds a motion and a temperature of the past for whoever subscribes. */
beforeAll(async () => {
  mosquitto = await MosquittoServer.start({ directory: join(freshDirectory(), 'mosquitto') })
  sender = await openPublisher({ url: mosquitto.url, clientId: 'sender' })
  await publish('motion', true, true)
  await publish('temperature', 35, true)
  building = BuildingProcess.spawn({
    env: { ...(await freshSettings()), BROOK_MQTT_URL: mosquitto.url, BROOK_SIMULATE: 'none' },
  })
  await building.ready()
}, 90_000)

afterAll(async () => {
  await sender?.close()
  await cleanUp()
  await mosquitto?.stop()
})

test('a retained message tells a state, and is no event', async () => {
  for (const [kind, value] of [
    ['motion', 1],
    ['temperature', 35],
  ] as const)
    await eventually(`the state of the ${kind} sensor is known`, async () => {
      const state = await row<{ values: { kind: string; value: number }[] }>('device-states', `${kind}-sensor`)
      return state?.values.some((known) => known.kind === kind && known.value === value) || undefined
    })
  await publish('luminance', 200, false)
  await eventually('a later message has gone the whole way', () => row('device-states', 'luminance-sensor'))
  expect(await isPresent()).toBe(false)
  expect(await temperatureOf()).toBeNull()
})

test('a fresh message of the same sensors is one', async () => {
  await publish('motion', true, false)
  await publish('temperature', 21, false)
  await eventually('somebody is present', async () => (await isPresent()) || undefined)
  const temperature = await eventually('there is an average', async () => (await temperatureOf()) ?? undefined)
  expect(temperature).toMatchObject({ count: 1, mean: 21 })
})
