import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { GatewaySimulator } from '../../connectors/knx/gateway-simulator.ts'
import { simulatedDatapoints } from '../../connectors/knx/simulated-building.ts'
import { createKafkaProvider } from '../../kafka/kafkajs.ts'
import type { KafkaProvider } from '../../kafka/port.ts'
import { topics } from '../../schemas/topics.ts'
import type { Command } from '../../schemas/types.ts'
import { KafkaCluster } from '../../scripts/servers/kafka-broker.ts'
import { freePort } from '../../scripts/servers/ports.ts'
import { housePublications } from '../../topology/rooms-config.ts'
import { withLog } from '../e2e/building-log.ts'
import { BuildingProcess, cleanUp, freshDirectory } from '../e2e/building-process.ts'
import { eventually } from '../e2e/eventually.ts'
import { smallHouse } from '../e2e/small-house.ts'

const ROOM = 'hall'
const GROUP = 'brook-connector-knx'
/** Blinds are on their way for longer than a connector needs to be killed and started again. */
const TRAVEL_MS = 12_000
const MINUTE = 60_000

/** A gateway in the test's process, which outlives every connector; a Kafka of its own; the KNX connector as users start it. */
let kafka: KafkaCluster
let provider: KafkaProvider
let gateway: GatewaySimulator
let connector: BuildingProcess
let env: Record<string, string>
/** What was written to each write address, in order. */
const effects: { readonly address: string; readonly value: number }[] = []

const LIGHT = `light-${ROOM}`
const BLINDS = `blinds-${ROOM}`
const RADIATOR = `radiator-${ROOM}`
const ADDRESS = { [LIGHT]: '1/3/1', [BLINDS]: '1/1/1', [RADIATOR]: '1/2/1' } as const

beforeAll(async () => {
  const house = smallHouse([ROOM], 'Europe/Zurich')
  const { devices } = housePublications(house)
  kafka = await KafkaCluster.start({ directory: freshDirectory() })
  provider = createKafkaProvider({ brokers: [kafka.brokers] })
  gateway = new GatewaySimulator({ datapoints: simulatedDatapoints(devices, { blindsTravelMs: TRAVEL_MS }) })
  gateway.onWrite((address, value) => effects.push({ address, value: Math.round(value) }))
  const { address, port } = await gateway.start()
  env = {
    BROOK_KAFKA_BROKERS: kafka.brokers,
    BROOK_SCHEMA_REGISTRY: process.env['BROOK_TEST_REGISTRY'] as string,
    BROOK_DATA_DIR: freshDirectory(),
    BROOK_HTTP_PORT: String(await freePort()),
    BROOK_KNX_GATEWAY: `${address}:${port}`,
    BROOK_SIMULATE: 'none',
  }
  await withLog(env, (log) => log.publish(house))
})
afterAll(async () => {
  await gateway?.stop({ abrupt: true })
  await provider?.close()
  await kafka?.kill()
  await cleanUp()
})

const startConnector = async () => {
  connector = await BuildingProcess.start({ program: 'connectors', args: ['knx'], env })
}
const effectsOf = (deviceId: keyof typeof ADDRESS) =>
  effects.flatMap(({ address, value }) => (address === ADDRESS[deviceId] ? [value] : []))

function command(commandId: string, deviceId: string, value: number, changes: Partial<Command> = {}): Command {
  const issuedAtMs = Date.now()
  return {
    commandId,
    deviceId,
    roomId: ROOM,
    kind: deviceId.split('-')[0] as Command['kind'],
    value,
    issuer: 'user:test',
    causes: [],
    issuedAtMs,
    expiresAtMs: issuedAtMs + 2 * MINUTE,
    ...changes,
  }
}

/** Resolves when Kafka has all of them. */
async function order(...commands: readonly Command[]): Promise<void> {
  await withLog(env, async ({ platform }) => {
    const topic = topics.commands.name
    const value = platform.value(topics.commands.value)
    await Promise.all([platform.key.prepare?.(topic, 'key'), value.prepare?.(topic, 'value')])
    const producer = platform.kafka.createProducer()
    for (const one of commands) {
      const key = platform.key.serialize(one.deviceId, topic)
      producer.send(topic, undefined, { key, value: value.serialize(one, topic), timestampMs: one.issuedAtMs })
    }
    await producer.flush()
    await producer.close()
  })
}

/** What the log tells of each command, in order. */
async function results(): Promise<ReadonlyMap<string, readonly string[]>> {
  const told = new Map<string, string[]>()
  for (const { value } of await withLog(env, (log) => log.read(topics.commandResults)))
    told.set(value.commandId, [...(told.get(value.commandId) ?? []), value.status])
  return told
}
const untilTold = (commandId: string, status: string) =>
  eventually(
    `${commandId} is ${status}`,
    async () => {
      const told = await results()
      return told.get(commandId)?.includes(status) ? told : undefined
    },
    30_000,
  )
/** Commands whose offsets the connector has committed. */
async function committed(): Promise<number> {
  const offsets = await provider.admin().committedOffsets(GROUP, [topics.commands.name])
  return [...offsets.values()].reduce((sum, { offset }) => sum + offset, 0)
}
const untilCommitted = (count: number) =>
  eventually(`${count} commands are committed`, async () => ((await committed()) === count ? true : undefined))

test('the first start carries out nothing that was asked before it', async () => {
  await order(command('before', LIGHT, 77))
  await startConnector()
  await untilCommitted(1)
  await order(command('first', LIGHT, 40))
  const told = await untilTold('first', 'confirmed')
  expect(effectsOf(LIGHT)).toEqual([40])
  expect(told.has('before')).toBe(false)
  expect(told.get('first')).toEqual(['sent', 'confirmed'])
})

test('after a kill: the newest wins, what is ten minutes old is void, what is done is not done again', async () => {
  await connector.kill()
  const old = { issuedAtMs: Date.now() - 10 * MINUTE, expiresAtMs: Date.now() - 8 * MINUTE }
  await order(
    ...[10, 20, 30, 60].map((value) => command(`light-${value}`, LIGHT, value)),
    command('old', BLINDS, 0, old),
    // The same command again, as a producer that did not see its acknowledgement sends it.
    command('first', LIGHT, 40),
    command('light-61', LIGHT, 61),
  )
  await startConnector()
  const told = await untilTold('light-61', 'confirmed')
  await untilTold('old', 'expired')
  await untilCommitted(9)
  expect(effectsOf(LIGHT)).toEqual([40, 61])
  expect(effectsOf(BLINDS)).toEqual([])
  for (const value of [10, 20, 30, 60]) expect(told.get(`light-${value}`)).toEqual(['superseded'])
  expect((await results()).get('first')).toEqual(['sent', 'confirmed'])
})

test('killed while a command is under way: its offset is not committed, and it ends after the restart without being sent again', async () => {
  await order(command('travel', BLINDS, 0))
  await untilTold('travel', 'sent')
  // Long enough for a commit of what has ended.
  await sleep(500)
  expect(await committed()).toBe(9)
  await connector.kill()
  await startConnector()
  const told = await untilTold('travel', 'confirmed')
  expect(told.get('travel')?.at(-1)).toBe('confirmed')
  expect(effectsOf(BLINDS)).toEqual([0])
  await untilCommitted(10)
})

test('killed in the middle of many: every command ends, and the device is where the last one sends it', async () => {
  const many = Array.from({ length: 40 }, (_, i) => command(`many-${i}`, i % 2 ? LIGHT : RADIATOR, 10 + i))
  await order(...many.slice(0, 20))
  await untilTold('many-0', 'superseded')
  await connector.kill()
  await order(...many.slice(20))
  await startConnector()
  await untilTold('many-38', 'confirmed')
  await untilTold('many-39', 'confirmed')
  await untilCommitted(50)
  const told = await results()
  const ends = (id: string) => told.get(id)?.filter((status) => status !== 'sent') ?? []
  expect(many.filter(({ commandId }) => ends(commandId).length === 0)).toEqual([])
  expect(effectsOf(RADIATOR).at(-1)).toBe(48)
  expect(effectsOf(LIGHT).at(-1)).toBe(49)
  const before = effects.length
  expect((await connector.interrupt()).code).toBe(0)
  await startConnector()
  await sleep(2_000)
  expect(effects.length, 'a start has sent something').toBe(before)
})
