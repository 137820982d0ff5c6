import { mkdtemp, rm } from 'node:fs/promises'
import { connect as connectTcp, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { MosquittoServer } from '../../scripts/servers/mosquitto.ts'
import { KafkaPublishing } from '../../test/support/kafka-publishing.ts'
import * as fc from '../../test/support/property.ts'
import { type MqttPublisher, openPublisher } from './client.ts'
import { MqttConnector } from './connector.ts'
import { TopicMapping } from './mapping.ts'

let directory: string
let mosquitto: MosquittoServer
let log: KafkaPublishing
let connector: MqttConnector
let sender: MqttPublisher

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'brook-mqtt-hostile-'))
  mosquitto = await MosquittoServer.start({ directory })
  log = await KafkaPublishing.open()
  connector = new MqttConnector({
    endpoint: { url: mosquitto.url, clientId: 'brook-mqtt' },
    mapping: new TopicMapping({
      rules: [{ topic: 'raw/<deviceId>', roomId: 'r', payload: 'number', readings: [{ kind: 'light' }] }],
    }),
    publisher: log.publisher,
    status: log.status,
  })
  await connector.start()
  sender = await openPublisher({ url: mosquitto.url, clientId: 'sender' })
}, 60_000)

afterAll(async () => {
  await sender?.close()
  await connector?.stop()
  await log?.close()
  await mosquitto?.stop()
  await rm(directory, { recursive: true, force: true })
})

type Hostile = readonly [topic: string, payload: Buffer]

/** What brokers let through: valid UTF-8 without control characters and wildcards, of at most 200 levels. */
const level = fc.oneof(
  fc.constantFrom('d1', 'temperature', '__proto__', 'constructor', '', ' ', '💥', '\u202e', 'x'.repeat(300)),
  fc.string({ unit: 'grapheme', maxLength: 12 }).map((text) => text.replaceAll(/[+#/$\p{C}]/gu, '_')),
)
const topic = fc.oneof(
  fc
    .tuple(fc.constantFrom('building', 'sensors', 'raw'), fc.array(level, { minLength: 1, maxLength: 3 }))
    .map(([first, rest]) => `${first}/${first === 'building' ? [...rest, 'a', 'b'].slice(0, 3).join('/') : rest[0]}`),
  fc.constantFrom(`sensors/${'x'.repeat(65_000)}`, `raw/${'é'.repeat(32_000)}`),
)
const text = fc.oneof(
  fc.json({ maxDepth: 3 }),
  fc.constantFrom(
    'NaN',
    '-Infinity',
    '{"value":1e999}',
    '{"__proto__":{"value":1}}',
    '{"value":"1"}',
    '{"value":20,"timestamp":1e300}',
    '',
  ),
  fc.constantFrom(
    '['.repeat(30_000) + ']'.repeat(30_000),
    `[${'0,'.repeat(100_000)}0]`,
    `{"readings":${'{"a":'.repeat(5_000)}1${'}'.repeat(5_000)}}`,
  ),
)
const payload = fc.oneof(
  fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes)),
  text.map((json) => Buffer.from(json)),
)
const hostile = fc.tuple(topic, payload)

test('fuzzed messages end as dead letters with their bytes and a reason, and delay nobody', async () => {
  const bad: Hostile[] = fc.sample(hostile, 400)
  const good: number[] = []
  for (const [i, [badTopic, bytes]] of bad.entries()) {
    const sent = [sender.publish(badTopic, bytes)]
    if (i % 4 === 0) {
      good.push(good.length)
      sent.push(
        sender.publish('building/lab/sensor/luminance', JSON.stringify({ value: good.length - 1, sequence: i })),
      )
    }
    await Promise.all(sent)
  }
  await vi.waitFor(async () => {
    await log.read()
    expect(log.readings.filter(({ deviceId }) => deviceId === 'sensor')).toHaveLength(good.length)
    expect(connector.status()).toMatchObject({ received: bad.length + good.length, queueLength: 0 })
    expect(log.readings.length + log.letters.length).toBe(connector.status().published + connector.status().deadLetters)
  }, 30_000)
  expect(log.readings.filter(({ deviceId }) => deviceId === 'sensor').map(({ value }) => value)).toEqual(good)
  expect(connector.status()).toMatchObject({ state: 'running', reconnects: 0, dropped: 0 })
  const others = new Set(log.readings.map(({ deviceId }) => deviceId))
  const lost = bad.filter(([badTopic, bytes]) => {
    const letter = log.letters.find(
      ({ origin, originalValue }) => origin === `mqtt:${badTopic}` && originalValue?.equals(bytes),
    )
    return (
      letter === undefined && !others.has(badTopic.split('/').at(badTopic.startsWith('building') ? 2 : 1) as string)
    )
  })
  expect(lost).toEqual([])
  expect(log.letters.length).toBeGreaterThan(300)
  const codes = new Set(log.letters.map(({ code }) => code))
  for (const code of [
    'NOT_JSON',
    'NOT_UTF8',
    'EMPTY_PAYLOAD',
    'WRONG_TYPE',
    'MISSING_FIELD',
    'BAD_ID',
    'PAYLOAD_TOO_LARGE',
  ])
    expect(codes).toContain(code)
  for (const { reason } of log.letters) expect(reason.length).toBeLessThan(2_000)
})

test('topics that MQTT does not allow end at the broker, and the connector does not notice', async () => {
  const before = connector.status()
  const surrogate = Buffer.from([0xed, 0xa0, 0x80])
  const notUtf8 = Buffer.from([0x61, 0xff])
  for (const illegal of [...['a/+', '#', 'a\0b'].map((name) => Buffer.from(name)), surrogate, notUtf8])
    await cutOff(publishPacket(illegal))
  await sender.publish('building/lab/sensor/luminance', '{"value": 4711}')
  await vi.waitFor(async () => {
    await log.read()
    expect(log.readings.at(-1)?.value).toBe(4711)
  }, 10_000)
  expect(connector.status()).toMatchObject({ state: 'running', reconnects: 0, deadLetters: before.deadLetters })
})

/** CONNECT of MQTT 3.1.1 with a clean session and no client id. */
const CONNECT = Buffer.from('100c00044d5154540402003c0000', 'hex')

/** A PUBLISH of QoS 0 that no client library would send. */
function publishPacket(name: Buffer): Buffer {
  return Buffer.concat([Buffer.from([0x30, name.length + 3, 0, name.length]), name, Buffer.from('1')])
}

/** Sends the packet on a connection of its own; resolves when the broker has closed that. */
function cutOff(packet: Buffer): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket: Socket = connectTcp({ port: mosquitto.port, host: '127.0.0.1' }, () => socket.write(CONNECT))
    socket.setTimeout(5_000, () => socket.destroy(new Error('the broker has kept the connection')))
    socket.once('data', () => socket.write(packet))
    socket.once('error', reject)
    socket.once('close', () => resolve())
  })
}
