import { mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import type { Reading } from '../../schemas/types.ts'
import { startMqttChild } from '../testing/child-process.ts'
import { readFileLog } from '../testing/file-log.ts'
import { READINGS } from '../testing/fixtures.ts'
import { type MqttMessage, openPublisher, openSubscriber } from './client.ts'
import { EmbeddedBroker } from './embedded-broker.ts'
import { MqttDataLockedError, MqttPortTakenError, MqttRefusedError } from './errors.ts'

let dataDir: string
const cleanUp: (() => Promise<unknown>)[] = []

beforeEach(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'brook-mqtt-'))
})

afterEach(async () => {
  for (const done of cleanUp.splice(0).reverse()) await done()
  await rm(dataDir, { recursive: true, force: true })
})

async function startBroker(options: Partial<ConstructorParameters<typeof EmbeddedBroker>[0]> = {}) {
  const broker = new EmbeddedBroker({ dataDir, port: 0, ...options })
  cleanUp.push(() => broker.stop())
  await broker.start()
  return broker
}

async function subscribe(url: string, received: MqttMessage[], settle = true, filters = ['t/#']) {
  const subscriber = await openSubscriber({
    url,
    clientId: 'subscriber',
    protocolVersion: 4,
    sessionExpirySeconds: 60,
    receiveMaximum: 100,
    onMessage: (message, done) => {
      received.push(message)
      if (settle) done()
      return undefined
    },
    onClose: () => {},
  })
  await subscriber.subscribe(filters)
  return subscriber
}

async function publisher(url: string) {
  const made = await openPublisher({ url, clientId: `publisher-${Math.random()}` })
  cleanUp.push(() => made.close())
  return made
}

const texts = (messages: readonly MqttMessage[]): string[] => messages.map((message) => message.payload.toString())

test('a port that is taken is named with the setting that changes it', async () => {
  const other = createServer()
  await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve))
  cleanUp.push(() => new Promise((resolve) => other.close(resolve)))
  const { port } = other.address() as { port: number }
  const starting = startBroker({ port })
  await expect(starting).rejects.toThrow(MqttPortTakenError)
  await expect(starting).rejects.toThrow(`port ${port} of 127.0.0.1 is taken: set BROOK_MQTT_PORT to a free one`)
  await startBroker()
})

test('a data directory that is in use is named', async () => {
  await startBroker()
  const second = startBroker()
  await expect(second).rejects.toThrow(MqttDataLockedError)
  await expect(second).rejects.toThrow(join(dataDir, 'mqtt'))
})

test('messages for a session that is away outlive a restart, in order, over several restarts', async () => {
  let broker = await startBroker()
  const first = await subscribe(broker.url, [])
  await first.close()
  for (const round of [0, 1, 2]) {
    const sender = await openPublisher({ url: broker.url, clientId: `p${round}` })
    for (let i = 0; i < 20; i++) await sender.publish('t/x', `${round}-${i}`)
    await sender.close()
    await broker.stop()
    broker = await startBroker()
  }
  const received: MqttMessage[] = []
  const again = await subscribe(broker.url, received)
  await vi.waitFor(() => expect(received.length).toBe(60), 5000)
  expect(texts(received)).toEqual([0, 1, 2].flatMap((round) => Array.from({ length: 20 }, (_, i) => `${round}-${i}`)))
  await again.close()
})

test('what was not acknowledged comes again on each connection until it is', async () => {
  const broker = await startBroker()
  const sender = await publisher(broker.url)
  const unsettled: MqttMessage[] = []
  const first = await subscribe(broker.url, unsettled, false)
  for (let i = 0; i < 50; i++) await sender.publish('t/x', String(i))
  await vi.waitFor(() => expect(unsettled.length).toBe(50))
  await first.close()
  const received: MqttMessage[] = []
  const second = await subscribe(broker.url, received)
  await vi.waitFor(() => expect(received.length).toBe(50))
  await sender.publish('t/x', 'last')
  await vi.waitFor(() => expect(texts(received)).toContain('last'))
  await second.close()
  const after: MqttMessage[] = []
  const third = await subscribe(broker.url, after)
  await new Promise((resolve) => setTimeout(resolve, 300))
  expect(after).toEqual([])
  await third.close()
})

test('a filter with # is kept for a session that is away although one with + is there too', async () => {
  const broker = await startBroker()
  const sender = await publisher(broker.url)
  const first = await subscribe(broker.url, [], true, ['a/#', '+/+'])
  await first.close()
  await sender.publish('a/b/c', 'deep')
  const received: MqttMessage[] = []
  const again = await subscribe(broker.url, received, true, ['a/#', '+/+'])
  await vi.waitFor(() => expect(texts(received)).toEqual(['deep']))
  await again.close()
})

test('credentials are asked for when there are some', async () => {
  const broker = await startBroker({ credentials: { username: 'app', password: 'secret' } })
  const endpoint = { url: broker.url, clientId: 'c' }
  await expect(openPublisher(endpoint)).rejects.toThrow(MqttRefusedError)
  await expect(openPublisher({ ...endpoint, username: 'app', password: 'wrong' })).rejects.toThrow(MqttRefusedError)
  const allowed = await openPublisher({ ...endpoint, username: 'app', password: 'secret' })
  await allowed.close()
})

test('speaks MQTT over websockets', async () => {
  const broker = await startBroker({ websocketPort: 0 })
  const received: MqttMessage[] = []
  const subscriber = await subscribe(`ws://127.0.0.1:${broker.websocketPort}`, received)
  const sender = await publisher(broker.url)
  await sender.publish('t/x', 'over ws')
  await vi.waitFor(() => expect(texts(received)).toEqual(['over ws']))
  await subscriber.close()
})

test('what was acknowledged to a publisher is in the log after the whole process was killed, at whatever moment', async () => {
  const logFile = join(dataDir, 'log')
  let port = 0
  let next = 0
  const acknowledged: number[] = []
  const start = () => startMqttChild({ logFile, acknowledgeAfterMs: 20, embedded: { dataDir, port } })
  let child = await start()
  cleanUp.push(() => child.kill())
  port = Number(new URL(child.url).port)
  for (const killAfterMs of [30, 120, 300]) {
    const sender = await openPublisher({ url: child.url, clientId: 'sender' })
    const until = Date.now() + killAfterMs
    const killed = new Promise<void>((resolve) => setTimeout(() => void child.kill().then(resolve), killAfterMs))
    while (Date.now() < until) {
      for (let i = 0; i < 20; i++) {
        const value = next++
        sender.publish('building/r1/d1/luminance', JSON.stringify({ value })).then(
          () => acknowledged.push(value),
          () => {},
        )
      }
      await new Promise((resolve) => setTimeout(resolve, 2))
    }
    await killed
    await sender.close()
    child = await start()
  }
  const landed = () => new Set(readFileLog<Reading>(logFile, READINGS).map((reading) => reading.value))
  await vi.waitFor(() => {
    const there = landed()
    expect(acknowledged.filter((value) => !there.has(value)).length).toBe(0)
  }, 8000)
  expect(acknowledged.length).toBeGreaterThan(50)
}, 30_000)
