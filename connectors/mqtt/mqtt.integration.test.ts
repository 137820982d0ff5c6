import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import type { DeadLetter, Reading } from '../../schemas/types.ts'
import { startMqttChild } from '../testing/child-process.ts'
import { readFileLog } from '../testing/file-log.ts'
import { DEAD_LETTERS, fakePublishing, json, READINGS } from '../testing/fixtures.ts'
import { Mosquitto } from '../testing/mosquitto.ts'
import { type MqttPublisher, openPublisher, openSubscriber } from './client.ts'
import { MqttConnector, type MqttConnectorOptions } from './connector.ts'
import { TopicMapping } from './mapping.ts'

let mosquitto: Mosquitto
let sender: MqttPublisher
let directory: string
const cleanUp: (() => Promise<unknown>)[] = []

beforeEach(async () => {
  mosquitto = await Mosquitto.start()
  sender = await openPublisher({ url: mosquitto.url, clientId: 'sender' })
  directory = await mkdtemp(join(tmpdir(), 'brook-mqtt-'))
})

afterEach(async () => {
  for (const done of cleanUp.splice(0).reverse()) await done()
  await sender?.close()
  await mosquitto?.stop()
  if (directory) await rm(directory, { recursive: true, force: true })
})

async function connect(options: Partial<MqttConnectorOptions> = {}) {
  const publishing = fakePublishing()
  const connector = new MqttConnector({
    endpoint: { url: mosquitto.url, clientId: 'brook-mqtt' },
    mapping: new TopicMapping(),
    publisher: publishing.publisher,
    status: publishing.status,
    backoff: { baseMs: 50, capMs: 200 },
    drainMs: 100,
    ...options,
  })
  await connector.start()
  cleanUp.push(() => connector.stop())
  return { ...publishing, connector }
}

type Connected = Awaited<ReturnType<typeof connect>>
const values = ({ log }: Connected): number[] => log.in(READINGS).map((record) => json<Reading>(record.value).value)
const send = (value: number): Promise<void> => sender.publish('building/r1/d1/luminance', JSON.stringify({ value }))
const upTo = (count: number): number[] => Array.from({ length: count }, (_, i) => i)

test('a connector that is killed in mid-stream has every message in the log after it is started again', async () => {
  const logFile = join(directory, 'log')
  const start = () => startMqttChild({ logFile, acknowledgeAfterMs: 50, url: mosquitto.url })
  let child = await start()
  cleanUp.push(() => child.kill())
  const count = 2000
  const sent = Promise.all(upTo(count).map(send))
  for (const killAfterMs of [80, 150]) {
    await new Promise((resolve) => setTimeout(resolve, killAfterMs))
    await child.kill()
    child = await start()
  }
  await sent
  await vi.waitFor(() => {
    const landed = new Set(readFileLog<Reading>(logFile, READINGS).map((reading) => reading.value))
    expect(upTo(count).filter((value) => !landed.has(value)).length).toBe(0)
  }, 20_000)
})

test('no PUBACK before the log has acknowledged: the broker sends again on the next connection, in order', async () => {
  const first = await connect()
  first.log.holding = true
  await Promise.all(upTo(50).map(send))
  await vi.waitFor(() => expect(first.log.held).toBe(50))
  await first.connector.stop()
  const second = await connect()
  await vi.waitFor(() => expect(values(second)).toHaveLength(50))
  expect(values(second)).toEqual(upTo(50))
  await vi.waitFor(() => expect(second.connector.status()).toMatchObject({ published: 50, queueLength: 0 }))
  await second.connector.stop()
  const third = await connect()
  await send(99)
  await vi.waitFor(() => expect(values(third)).toEqual([99]))
})

test('MQTT 3.1.1 holds its PUBACKs back as well', async () => {
  const received: string[] = []
  const open = (settles: boolean) =>
    openSubscriber({
      url: mosquitto.url,
      clientId: 'v4',
      protocolVersion: 4,
      sessionExpirySeconds: 60,
      receiveMaximum: 100,
      onMessage: (message, settle) => {
        received.push(message.payload.toString())
        if (settles) settle()
        return undefined
      },
      onClose: () => {},
    })
  const first = await open(false)
  await first.subscribe(['building/#'])
  for (const value of upTo(10)) await send(value)
  await vi.waitFor(() => expect(received).toHaveLength(10))
  await first.close()
  const second = await open(true)
  await vi.waitFor(() => expect(received).toHaveLength(20))
  await second.close()
  const third = await open(true)
  await new Promise((resolve) => setTimeout(resolve, 300))
  await third.close()
  expect(received.slice(10)).toEqual(received.slice(0, 10))
})

test('memory stays bounded although the broker sends more than it was allowed to', async () => {
  const first = await connect()
  await first.connector.stop()
  await Promise.all(upTo(600).map(send))
  const c = await connect({ maxInFlight: 50, stalledAfterMs: 100 })
  let most = 0
  c.log.holding = true
  await vi.waitFor(() => expect(c.connector.status()).toMatchObject({ state: 'degraded' }))
  const watching = setInterval(() => {
    most = Math.max(most, c.connector.status().queueLength)
  }, 1)
  c.log.release()
  await vi.waitFor(() => expect(new Set(values(c)).size).toBe(600), 10_000)
  clearInterval(watching)
  expect(most).toBeLessThanOrEqual(50)
  expect(c.connector.status()).toMatchObject({ reconnects: 0 })
})

test('a log that stalls beyond the keep-alive costs neither the connection nor a message', async () => {
  const c = await connect({
    endpoint: { url: mosquitto.url, clientId: 'brook-mqtt', keepaliveSeconds: 1 },
    maxInFlight: 5,
  })
  c.log.holding = true
  await Promise.all(upTo(20).map(send))
  await new Promise((resolve) => setTimeout(resolve, 4000))
  c.log.release()
  await vi.waitFor(() => expect(values(c)).toEqual(upTo(20)))
  expect(c.connector.status()).toMatchObject({ reconnects: 0, received: 20 })
})

test.each(['SIGTERM', 'SIGKILL'] as const)(
  'comes back after the broker ended with %s, with what was sent meanwhile',
  async (signal) => {
    const c = await connect()
    await send(1)
    await vi.waitFor(() => expect(values(c)).toEqual([1]))
    await mosquitto.kill(signal)
    await vi.waitFor(() => expect(c.connector.status()).toMatchObject({ state: 'connecting' }))
    await new Promise((resolve) => setTimeout(resolve, 300))
    await mosquitto.run()
    await send(2)
    await vi.waitFor(() => expect(values(c)).toContain(2), 10_000)
    expect(c.connector.status()).toMatchObject({ state: 'running', reconnects: 1 })
  },
)

test('retained messages come once with the subscription, flagged, and not again on a reconnect or a restart', async () => {
  await sender.publish('building/r1/d1/motion', '{"value":true}', { retain: true })
  const c = await connect({ maxInFlight: 1 })
  const retained = () =>
    c.log
      .in(READINGS)
      .map((record) => json<Reading>(record.value))
      .filter((one) => one.retained)
  await vi.waitFor(() => expect(retained()).toHaveLength(1))
  expect(retained()[0]).toMatchObject({ retained: true, quality: 'uncertain' })
  // With one message in flight the next comes when the broker has the acknowledgement of the one before.
  await send(1)
  await vi.waitFor(() => expect(values(c)).toContain(1))
  await mosquitto.kill()
  await mosquitto.run()
  await vi.waitFor(() => expect(c.connector.status()).toMatchObject({ reconnects: 1, state: 'running' }), 5000)
  await send(2)
  await vi.waitFor(() => expect(values(c)).toContain(2))
  await c.connector.stop()
  await c.connector.start()
  await send(3)
  await vi.waitFor(() => expect(values(c)).toContain(3))
  expect(retained()).toHaveLength(1)
})

test('hostile messages become dead letters and the flow goes on', async () => {
  const c = await connect()
  const hostile: [topic: string, payload: string | Buffer][] = [
    ['building/r1/d1/luminance', ''],
    ['building/r1/d1/luminance', Buffer.alloc(300, 0xff)],
    ['building/r1/d1/luminance', '{"value": 1e999}'],
    ['building/r1/d1/luminance', '['.repeat(60_000)],
    ['building/r1/d1/luminance', Buffer.alloc(2 * 1024 * 1024, 0x20)],
    ['building/r1/d1/__proto__', '{"value": 1}'],
    ['building///luminance', '{"value": 1}'],
    ['sensors/a', '{"deviceId": "b", "location": {"room": "r"}, "readings": {"temperature": 1}}'],
  ]
  for (const [topic, payload] of hostile) await sender.publish(topic, payload)
  await send(1)
  await vi.waitFor(() => expect(values(c)).toEqual([1]))
  const letters = c.log.in(DEAD_LETTERS).map((record) => json<DeadLetter>(record.value))
  expect(letters.map((letter) => letter.code)).toEqual([
    'EMPTY_PAYLOAD',
    'NOT_UTF8',
    'VALUE_NOT_FINITE',
    'NOT_JSON',
    'PAYLOAD_TOO_LARGE',
    'UNKNOWN_KIND',
    'BAD_ID',
    'DEVICE_MISMATCH',
  ])
  expect(c.connector.status()).toMatchObject({ state: 'running', reconnects: 0, deadLetters: 8 })
})
