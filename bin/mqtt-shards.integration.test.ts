import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { silentLogger } from '../common/log.ts'
import { type MqttPublisher, openPublisher } from '../connectors/mqtt/client.ts'
import { MqttConnector } from '../connectors/mqtt/connector.ts'
import { TopicMapping } from '../connectors/mqtt/mapping.ts'
import type { ShardBy } from '../connectors/mqtt/shards.ts'
import { DEAD_LETTERS, fakePublishing, json, READINGS } from '../connectors/testing/fixtures.ts'
import type { Reading } from '../schemas/types.ts'
import { MosquittoServer } from '../scripts/servers/mosquitto.ts'
import { mqttConnections } from './mqtt-connections.ts'

const ROOMS = ['r1', 'r2', 'r3', 'r4']
const DEVICES = 8

let directory: string
let mosquitto: MosquittoServer
let sender: MqttPublisher
const running: MqttConnector[] = []

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'brook-mqtt-shards-'))
  mosquitto = await MosquittoServer.start({ directory: join(directory, 'mosquitto') })
  sender = await openPublisher({ url: mosquitto.url, clientId: 'sender' })
})

afterEach(async () => {
  await stop()
  await sender?.close()
  await mosquitto?.stop()
  await rm(directory, { recursive: true, force: true })
})

const stop = () => Promise.all(running.splice(0).map((connector) => connector.stop()))

const mappingOf = (rooms: readonly string[]) =>
  new TopicMapping({
    builtIn: false,
    rules: [
      { topic: 'home/<roomId>/<deviceId>', only: { roomId: rooms }, readings: [{ kind: 'luminance', value: '' }] },
    ],
  })

/** The connections that a program would have, each with a log of its own. */
async function start(shards: number, options: { by?: ShardBy; shard?: number; rooms?: readonly string[] } = {}) {
  const { by = 'filters', shard, rooms = ROOMS } = options
  const plan = {
    url: mosquitto.url,
    clientId: 'brook',
    mapping: mappingOf(rooms),
    shards: { shards, by, group: 'brook' },
    ...(shard === undefined ? {} : { shard }),
  }
  const connections = await mqttConnections(plan, directory, silentLogger)
  const started = connections.map(({ name, ...rest }) => {
    const { log, publisher, status } = fakePublishing()
    return { name, log, connector: new MqttConnector({ ...rest, publisher, status, drainMs: 500 }) }
  })
  running.push(...started.map(({ connector }) => connector))
  await Promise.all(started.map(({ connector }) => connector.start()))
  return started
}

type Started = Awaited<ReturnType<typeof start>>
const readingsOf = (one: Started[number] | undefined) =>
  (one?.log.in(READINGS) ?? []).map((record) => json<Reading>(record.value))
const all = (started: Started) => started.flatMap(readingsOf)

/** Values 0 to `count` of each device, all devices of all rooms at once. */
const send = (count: number, from = 0) =>
  Promise.all(
    Array.from({ length: count }, (_, value) =>
      ROOMS.flatMap((room) =>
        Array.from({ length: DEVICES / ROOMS.length }, (_unused, n) =>
          sender.publish(`home/${room}/${room}-d${n}`, String(from + value)),
        ),
      ),
    ).flat(),
  )

test('each message comes once, over one of the connections, and those of a device in order', async () => {
  const started = await start(3)
  expect(started.map(({ name }) => name)).toEqual(['mqtt-1', 'mqtt-2', 'mqtt-3'])
  await send(50)
  await vi.waitFor(() => expect(all(started)).toHaveLength(50 * DEVICES), 10_000)
  for (const one of started) expect(readingsOf(one).length).toBeGreaterThan(0)
  const byDevice = Map.groupBy(all(started), ({ deviceId }) => deviceId)
  expect(byDevice.size).toBe(DEVICES)
  for (const readings of byDevice.values())
    expect(readings.map(({ value }) => value)).toEqual(Array.from({ length: 50 }, (_, i) => i))
  const roomsOf = started.map((one) => new Set(readingsOf(one).map(({ roomId }) => roomId)))
  expect(roomsOf.flatMap((rooms) => [...rooms]).sort()).toEqual(ROOMS)
})

test('a process that has one of them takes its share; what the others have waits for them', async () => {
  await start(2)
  await stop()
  const second = await start(2, { shard: 2 })
  expect(second.map(({ name }) => name)).toEqual(['mqtt-2'])
  await send(10)
  await vi.waitFor(() => expect(all(second)).toHaveLength(5 * DEVICES), 10_000)
  const first = await start(2, { shard: 1 })
  await vi.waitFor(() => expect(all(first)).toHaveLength(5 * DEVICES), 10_000)
})

test('with fewer connections than before, nothing that the broker has kept for the others is lost', async () => {
  await start(3)
  await stop()
  await send(10)
  const started = await start(1)
  expect(started.map(({ name }) => name)).toEqual(['mqtt', 'mqtt-1', 'mqtt-2', 'mqtt-3'])
  await vi.waitFor(() => expect(all(started)).toHaveLength(10 * DEVICES), 10_000)
  await send(1, 10)
  await vi.waitFor(() => expect(readingsOf(started[0])).toHaveLength(DEVICES), 10_000)
  expect(all(started)).toHaveLength(11 * DEVICES)
  for (const names of [['mqtt', 'mqtt-1', 'mqtt-2', 'mqtt-3'], ['mqtt']]) {
    await stop()
    expect((await start(1)).map(({ name }) => name)).toEqual(names)
  }
})

test('what was left out of the mapping is not subscribed to any more', async () => {
  await start(1)
  await stop()
  const [one] = await start(1, { rooms: ['r1'] })
  await send(1)
  await vi.waitFor(() => expect(readingsOf(one)).toHaveLength(2), 10_000)
  await sender.publish('home/r1/last', '1')
  await vi.waitFor(() => expect(readingsOf(one)).toHaveLength(3), 10_000)
  expect(one?.log.in(DEAD_LETTERS)).toEqual([])
})

test('a session that the broker has forgotten, or that never was, is no trouble', async () => {
  const remembered = { [mosquitto.url]: { brook: ['never/there', 'home/#'], 'brook-7': ['home/+/+'] } }
  await writeFile(join(directory, 'mqtt-subscriptions.json'), JSON.stringify(remembered))
  const started = await start(1)
  expect(started.map(({ name }) => name)).toEqual(['mqtt', 'mqtt-7'])
  await send(1)
  await vi.waitFor(() => expect(readingsOf(started[0])).toHaveLength(DEVICES), 10_000)
  expect(readingsOf(started[1])).toEqual([])
})

test('by shared subscriptions the broker deals one filter out to all connections, each message once', async () => {
  const started = await start(2, { by: 'shared-subscriptions', rooms: ['r1'] })
  const count = 100
  await Promise.all(Array.from({ length: count }, (_, value) => sender.publish('home/r1/d', String(value))))
  await vi.waitFor(() => expect(all(started)).toHaveLength(count), 10_000)
  expect(new Set(all(started).map(({ value }) => value)).size).toBe(count)
  for (const one of started) expect(readingsOf(one).length).toBeGreaterThan(10)
})
