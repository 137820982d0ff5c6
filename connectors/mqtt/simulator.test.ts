import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import type { Reading } from '../../schemas/types.ts'
import { fakePublishing, json, READINGS } from '../testing/fixtures.ts'
import { MqttConnector } from './connector.ts'
import { EmbeddedBroker } from './embedded-broker.ts'
import { TopicMapping } from './mapping.ts'
import { MqttSimulator } from './simulator.ts'

let dataDir: string
let broker: EmbeddedBroker

beforeEach(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'brook-mqtt-'))
  broker = new EmbeddedBroker({ dataDir, port: 0 })
  await broker.start()
})

afterEach(async () => {
  await broker.stop()
  await rm(dataDir, { recursive: true, force: true })
})

test('what a simulated room measures arrives as readings, each kind at its interval', async () => {
  const { publisher, status, log } = fakePublishing()
  const connector = new MqttConnector({
    endpoint: { url: broker.url, clientId: 'brook-mqtt' },
    mapping: new TopicMapping(),
    publisher,
    status,
  })
  await connector.start()
  const model: Record<string, number> = { temperature: 21.5, humidity: 40, luminance: 300, motion: 2 }
  const simulator = new MqttSimulator({
    endpoint: { url: broker.url, clientId: 'simulator' },
    sensors: [{ deviceId: 's1', roomId: 'r1', kinds: ['temperature', 'humidity', 'luminance', 'motion'] }],
    model: (_deviceId, kind) => model[kind] ?? 0,
    intervalMs: { motion: 30 },
  })
  await simulator.start()
  const readings = (): Reading[] => log.in(READINGS).map((record) => json<Reading>(record.value))
  const of = (kind: string): Reading[] => readings().filter((reading) => reading.kind === kind)
  await vi.waitFor(() => expect(of('motion').length).toBeGreaterThan(2))
  await simulator.stop()
  await connector.stop()
  expect(of('temperature')).toMatchObject([{ deviceId: 's1', roomId: 'r1', value: 21.5, sequence: 1 }])
  expect(of('humidity')).toHaveLength(1)
  expect(of('luminance')).toHaveLength(1)
  expect(of('motion').slice(0, 3)).toMatchObject([1, 2, 3].map((sequence) => ({ value: 1, unit: 'boolean', sequence })))
})

test('a stop leaves no timer and no connection behind', async () => {
  const simulator = new MqttSimulator({
    endpoint: { url: broker.url, clientId: 'simulator' },
    sensors: [{ deviceId: 's1', roomId: 'r1', kinds: ['temperature'] }],
    model: () => 20,
    intervalMs: { temperature: 5 },
  })
  await simulator.start()
  await simulator.stop()
  await expect(simulator.publish({ deviceId: 's1', roomId: 'r1', kinds: [] }, 'temperature')).resolves.toBeUndefined()
})
