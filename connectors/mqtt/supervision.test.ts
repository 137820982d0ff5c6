import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { Metrics } from '../../common/metrics.ts'
import { KafkaUnavailableError } from '../../kafka/errors.ts'
import { fakePublishing } from '../testing/fixtures.ts'
import { type MqttPublisher, openPublisher } from './client.ts'
import { MqttConnector, type MqttConnectorOptions } from './connector.ts'
import { EmbeddedBroker } from './embedded-broker.ts'
import { TopicMapping } from './mapping.ts'

let dataDir: string
let broker: EmbeddedBroker
let sender: MqttPublisher
let connector: MqttConnector

beforeEach(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'brook-mqtt-'))
  broker = new EmbeddedBroker({ dataDir, port: 0 })
  await broker.start()
  sender = await openPublisher({ url: broker.url, clientId: 'sender' })
})
afterEach(async () => {
  await connector.stop()
  await sender.close()
  await broker.stop()
  await rm(dataDir, { recursive: true, force: true })
})

async function connect(options: Partial<MqttConnectorOptions>) {
  const publishing = fakePublishing()
  const { publisher, status } = publishing
  const endpoint = { url: broker.url, clientId: 'brook-mqtt' }
  connector = new MqttConnector({
    endpoint,
    mapping: new TopicMapping(),
    publisher,
    status,
    drainMs: 100,
    ...options,
  })
  await connector.start()
  return publishing
}

const send = (payload: object, device = 'd1') =>
  sender.publish(`building/r1/${device}/luminance`, JSON.stringify(payload))

test('says that the log is away as soon as one message waits too long, and when it is back', async () => {
  const { log } = await connect({ stalledAfterMs: 100 })
  log.holding = true
  await send({ value: 1 })
  await vi.waitFor(() => expect(connector.status()).toMatchObject({ state: 'degraded', queueLength: 1 }))
  expect(connector.status().lastError).toBe(
    'the log has acknowledged nothing for 100 ms (messages that wait: 1; the broker keeps those after them)',
  )
  log.release()
  await vi.waitFor(() => expect(connector.status()).toMatchObject({ state: 'running', queueLength: 0 }))
})

test('stays degraded over the reconnects of a log that refuses, until it takes something', async () => {
  const { log } = await connect({ backoff: { baseMs: 1, capMs: 2 } })
  log.refuse = () => new KafkaUnavailableError('away')
  await send({ value: 1 })
  await vi.waitFor(() => expect(connector.status()).toMatchObject({ state: 'degraded' }))
  const { reconnects } = connector.status()
  await vi.waitFor(() => expect(connector.status().reconnects).toBeGreaterThan(reconnects + 3))
  expect(connector.status().state).not.toBe('running')
  log.refuse = undefined
  await vi.waitFor(() => expect(connector.status()).toMatchObject({ state: 'running', published: 1 }))
})

test('names a device that floods, but not one whose backlog the broker delivers', async () => {
  const metrics = new Metrics()
  await connect({ floodPerSecond: 20, metrics })
  const old = Date.now() - 60_000
  const sent: Promise<void>[] = []
  for (let i = 0; i < 200; i++) {
    sent.push(send({ value: i }, 'wild'))
    sent.push(send({ value: i, timestamp: old + i }, 'patient'))
  }
  sent.push(send({ value: 1 }, 'calm'))
  await vi.waitFor(() => expect(connector.status().floods).toMatchObject([{ source: 'wild' }]), 3_000)
  await Promise.all(sent)
  expect(await metrics.text()).toMatch(/^brook_mqtt_flooding_sources{connector="test"} [01]$/m)
  await vi.waitFor(() => expect(connector.status()).toMatchObject({ floods: [], published: 401 }), 5_000)
})
