import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { lastHeader } from '../../common/record.ts'
import { KafkaUnavailableError } from '../../kafka/errors.ts'
import type { DeadLetter, Reading } from '../../schemas/types.ts'
import { DEAD_LETTERS, fakePublishing, json, READINGS } from '../testing/fixtures.ts'
import { type MqttPublisher, openPublisher } from './client.ts'
import { MqttConnector, type MqttConnectorOptions } from './connector.ts'
import { EmbeddedBroker } from './embedded-broker.ts'
import { MqttUnavailableError } from './errors.ts'
import { TopicMapping } from './mapping.ts'

let dataDir: string
let broker: EmbeddedBroker
let sender: MqttPublisher
const cleanUp: (() => Promise<unknown>)[] = []

beforeEach(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'brook-mqtt-'))
  broker = new EmbeddedBroker({ dataDir, port: 0 })
  await broker.start()
  sender = await openPublisher({ url: broker.url, clientId: 'sender' })
})

afterEach(async () => {
  for (const done of cleanUp.splice(0).reverse()) await done()
  await sender.close()
  await broker.stop()
  await rm(dataDir, { recursive: true, force: true })
})

async function connect(options: Partial<MqttConnectorOptions> = {}) {
  const publishing = fakePublishing()
  const connector = new MqttConnector({
    endpoint: { url: broker.url, clientId: 'brook-mqtt' },
    mapping: new TopicMapping(),
    publisher: publishing.publisher,
    status: publishing.status,
    backoff: { baseMs: 20, capMs: 50 },
    drainMs: 100,
    ...options,
  })
  await connector.start()
  cleanUp.push(() => connector.stop())
  return { ...publishing, connector }
}

type Connected = Awaited<ReturnType<typeof connect>>
const readings = ({ log }: Connected) => log.in(READINGS).map((record) => json<Reading>(record.value))
const values = (connected: Connected) => readings(connected).map((reading) => reading.value)
const send = (value: number, room = 'r1') => sender.publish(`building/${room}/d1/luminance`, JSON.stringify({ value }))

test('a message becomes a record with where it came from in its headers', async () => {
  const c = await connect()
  await send(5)
  await vi.waitFor(() => expect(values(c)).toEqual([5]))
  const headers = c.log.in(READINGS)[0]?.headers ?? []
  expect(String(lastHeader(headers, 'mqtt.topic'))).toBe('building/r1/d1/luminance')
  expect(String(lastHeader(headers, 'mqtt.qos'))).toBe('1')
  expect(String(lastHeader(headers, 'mqtt.retained'))).toBe('false')
  await vi.waitFor(() =>
    expect(c.connector.status()).toMatchObject({ state: 'running', received: 1, published: 1, queueLength: 0 }),
  )
})

test('a retained message is flagged', async () => {
  await sender.publish('building/r1/d1/motion', '{"value":true}', { retain: true })
  const c = await connect()
  await vi.waitFor(() => expect(readings(c)).toMatchObject([{ kind: 'motion', value: 1, retained: true }]))
})

test('bad messages become dead letters with their bytes, and the flow goes on', async () => {
  const c = await connect()
  await sender.publish('building/r1/d1/luminance', Buffer.from([0xff, 0xfe]))
  await sender.publish('sensors/s1', 'not json')
  await send(1)
  await vi.waitFor(() => expect(values(c)).toEqual([1]))
  const letters = c.log.in(DEAD_LETTERS).map((record) => json<DeadLetter>(record.value))
  expect(letters.map(({ code, origin }) => [code, origin])).toEqual([
    ['NOT_UTF8', 'mqtt:building/r1/d1/luminance'],
    ['NOT_JSON', 'mqtt:sensors/s1'],
  ])
  expect(Buffer.from(letters[0]?.originalValue as Buffer)).toEqual(Buffer.from([0xff, 0xfe]))
  await vi.waitFor(() => expect(c.connector.status()).toMatchObject({ deadLetters: 2, queueLength: 0 }))
})

test('what the log has not acknowledged is sent again by the broker after the connector was gone', async () => {
  const first = await connect()
  first.log.holding = true
  for (const value of [1, 2, 3]) await send(value)
  await vi.waitFor(() => expect(first.log.held).toBe(3))
  await first.connector.stop()
  const second = await connect()
  await vi.waitFor(() => expect(values(second)).toEqual([1, 2, 3]))
})

test('what the log has acknowledged does not come again', async () => {
  const first = await connect()
  for (const value of [1, 2, 3]) await send(value)
  await vi.waitFor(() => expect(first.connector.status()).toMatchObject({ published: 3 }))
  await first.connector.stop()
  const second = await connect()
  await send(4)
  await vi.waitFor(() => expect(values(second)).toEqual([4]))
})

test('when the log refuses, the broker sends again until it takes it', async () => {
  const c = await connect()
  let refusals = 3
  c.log.refuse = () => (refusals-- > 0 ? new KafkaUnavailableError('away') : undefined)
  await send(7)
  await vi.waitFor(() => expect(values(c)).toEqual([7]), 5000)
  expect(c.connector.status()).toMatchObject({ reconnects: 3, state: 'running' })
  expect(c.connector.status().lastError).toContain('away')
})

test('memory is bounded: with so many messages in flight nothing more is read, and nothing is lost', async () => {
  const c = await connect({ maxInFlight: 10, stalledAfterMs: 50 })
  c.log.holding = true
  const sent = Promise.all(Array.from({ length: 60 }, (_, i) => send(i)))
  await vi.waitFor(() => expect(c.connector.status()).toMatchObject({ state: 'degraded', queueLength: 10 }))
  await new Promise((resolve) => setTimeout(resolve, 200))
  expect(c.log.held).toBe(10)
  c.log.release()
  await sent
  await vi.waitFor(() => expect(values(c)).toHaveLength(60))
  expect(new Set(values(c)).size).toBe(60)
  await vi.waitFor(() => expect(c.connector.status()).toMatchObject({ state: 'running', queueLength: 0 }))
})

test('bytes are bounded as well', async () => {
  const c = await connect({ maxInFlightBytes: 50_000 })
  c.log.holding = true
  const filler = 'x'.repeat(20_000)
  const sent = Promise.all(
    Array.from({ length: 10 }, (_, value) =>
      sender.publish('building/r1/d1/luminance', JSON.stringify({ value, filler })),
    ),
  )
  await vi.waitFor(() => expect(c.log.held).toBe(3))
  await new Promise((resolve) => setTimeout(resolve, 200))
  expect(c.log.held).toBe(3)
  c.log.release()
  await sent
  await vi.waitFor(() => expect(values(c)).toHaveLength(10))
})

test('a log that stalls beyond the keep-alive does not cost the connection', async () => {
  const c = await connect({
    endpoint: { url: broker.url, clientId: 'brook-mqtt', keepaliveSeconds: 1 },
    maxInFlight: 1,
  })
  c.log.holding = true
  await send(1)
  await new Promise((resolve) => setTimeout(resolve, 3500))
  c.log.release()
  await send(2)
  await vi.waitFor(() => expect(values(c)).toEqual([1, 2]))
  expect(c.connector.status()).toMatchObject({ reconnects: 0, received: 2 })
})

test('comes back after the broker was away, with what was sent meanwhile', async () => {
  const c = await connect()
  const { port } = broker
  await broker.stop()
  await vi.waitFor(() => expect(c.connector.status()).toMatchObject({ state: 'connecting' }))
  broker = new EmbeddedBroker({ dataDir, port })
  await broker.start()
  await send(1)
  await vi.waitFor(() => expect(values(c)).toEqual([1]), 5000)
  expect(c.connector.status()).toMatchObject({ state: 'running', reconnects: 1 })
})

test('stop lets what is in flight reach the log and acknowledges it', async () => {
  const c = await connect({ drainMs: 5000 })
  c.log.holding = true
  await send(1)
  await vi.waitFor(() => expect(c.log.held).toBe(1))
  const stopping = c.connector.stop()
  setTimeout(() => c.log.release(), 50)
  await stopping
  expect(c.connector.status().state).toBe('stopped')
  const again = await connect()
  await send(2)
  await vi.waitFor(() => expect(values(again)).toEqual([2]))
})

test('can be started again after a stop', async () => {
  const c = await connect()
  await c.connector.stop()
  await send(1)
  await c.connector.start()
  await vi.waitFor(() => expect(values(c)).toEqual([1]))
})

test('a stop while it starts ends the start, and leaves no connection behind', async () => {
  const { publisher, status, log } = fakePublishing()
  const connector = new MqttConnector({
    endpoint: { url: broker.url, clientId: 'brook-mqtt' },
    mapping: new TopicMapping(),
    publisher,
    status,
  })
  const starting = connector.start()
  const refused = expect(starting).rejects.toThrow('stopped while connecting')
  await connector.stop()
  await refused
  expect(connector.status().state).toBe('stopped')
  await send(1)
  await new Promise((resolve) => setTimeout(resolve, 100))
  expect(log.written).toEqual([])
})

test('a start without a broker is refused by name', async () => {
  const { publisher, status } = fakePublishing()
  const connector = new MqttConnector({
    endpoint: { url: 'mqtt://127.0.0.1:1', clientId: 'c' },
    mapping: new TopicMapping(),
    publisher,
    status,
  })
  const starting = connector.start()
  await expect(starting).rejects.toThrow(MqttUnavailableError)
  await expect(starting).rejects.toThrow('mqtt://127.0.0.1:1')
  expect(connector.status()).toMatchObject({ state: 'failed' })
  await connector.stop()
})
