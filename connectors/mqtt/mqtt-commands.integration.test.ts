import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { createKafkaProvider } from '../../kafka/kafkajs.ts'
import type { Command } from '../../schemas/types.ts'
import { ReadingReports } from '../reading-reports.ts'
import { BusScene } from '../testing/bus-scene.ts'
import { command, device } from '../testing/fixtures.ts'
import { Mosquitto } from '../testing/mosquitto.ts'
import { type MqttSubscriber, openSubscriber } from './client.ts'
import { type MqttCommandPlan, MqttConnector } from './connector.ts'
import { TopicMapping } from './mapping.ts'

const DEVICES = [
  device({ deviceId: 'lamp', bus: 'mqtt', mqtt: { topic: 'building/r1/lamp' } }),
  device({ deviceId: 'valve', bus: 'mqtt', kinds: ['radiator'], mqtt: { topic: 'building/r1/valve' } }),
  device({ deviceId: 'plug', bus: 'mqtt', kinds: ['switch'] }),
]
const MAPPING = new TopicMapping({
  rules: [],
  commands: [{ devices: ['plug'], topic: 'cmnd/<deviceId>/POWER', map: { 0: 'OFF', 1: 'ON' }, confirmedBy: 'broker' }],
})

let mosquitto: Mosquitto
let building: BusScene
/** What the devices have been told, as `<topic> <payload>`. */
let told: string[]
/** Devices that do not do what they are told. */
const stuck = new Set<string>()
const closers: (() => Promise<unknown>)[] = []

beforeEach(async () => {
  told = []
  stuck.clear()
  mosquitto = await Mosquitto.start()
  closers.push(() => mosquitto.stop())
  const brokers = (process.env['BROOK_TEST_BROKERS'] as string).split(',')
  building = await BusScene.open(createKafkaProvider({ brokers, clientId: 'mqtt-commands-test' }), DEVICES)
  closers.push(() => building.close())
  await switchedOn()
})

afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close()
})

/** The devices: they do what they are told, and report it. */
async function switchedOn(): Promise<void> {
  const devices: MqttSubscriber = await openSubscriber({
    url: mosquitto.url,
    clientId: 'devices',
    protocolVersion: 5,
    sessionExpirySeconds: 600,
    receiveMaximum: 100,
    onMessage: (message, settle) => {
      settle()
      told.push(`${message.topic} ${message.payload}`)
      const [, topic = '', id = ''] = /^(building\/r1\/(\w+)\/\w+)\/set$/.exec(message.topic) ?? []
      if (topic !== '' && !stuck.has(id)) void devices.publish(topic, message.payload.toString())
      return undefined
    },
    onClose: () => {},
  })
  closers.push(() => devices.close())
  await devices.subscribe(['building/+/+/+/set', 'cmnd/#'])
}

async function start(options: Partial<MqttCommandPlan> = {}): Promise<MqttConnector> {
  const { commands, devices, readings, ...parts } = await building.parts()
  const reports = new ReadingReports({ kafka: building.kafka, ...readings })
  const connector = new MqttConnector({
    ...parts,
    endpoint: { url: mosquitto.url, clientId: 'brook-mqtt' },
    mapping: MAPPING,
    commands: { ...commands, devices, reports, confirmTimeoutMs: 2_000, ...options },
    drainMs: 200,
  })
  closers.push(() => connector.stop())
  await connector.start(() => {})
  return connector
}

async function until(holds: () => void | Promise<void>, timeout = 15_000): Promise<void> {
  await vi.waitFor(
    async () => {
      await building.read()
      await holds()
    },
    { timeout, interval: 20 },
  )
}

const order = (changes: Partial<Command>): Promise<void> =>
  building.order(command({ issuedAtMs: Date.now(), expiresAtMs: Date.now() + 60_000, ...changes }))

/** The group is joined and at the end of the log when a command of now is carried out. */
async function started(options: Partial<MqttCommandPlan> = {}): Promise<MqttConnector> {
  const connector = await start(options)
  let tries = 0
  await until(async () => {
    if (tries++ % 25 === 0) await order({ commandId: 'ready', deviceId: 'plug', kind: 'switch', value: 0 })
    expect(building.resultsOf('ready')).toEqual(['confirmed'])
  }, 30_000)
  told.length = 0
  return connector
}

describe('commands between a real Kafka and a real mosquitto', () => {
  it('are sent and confirmed by the device, once per id; refused; timed out; none because of a start', {
    timeout: 40_000,
  }, async () => {
    await order({ commandId: 'before', deviceId: 'lamp', value: 80 })
    await started()
    await order({ commandId: 'a', deviceId: 'lamp', value: 80 })
    await until(() => expect(building.resultsOf('a')).toEqual(['sent', 'confirmed']))
    await order({ commandId: 'a', deviceId: 'lamp', value: 80 })
    await order({ commandId: 'b', deviceId: 'plug', kind: 'switch', value: 1 })
    await order({ commandId: 'c', deviceId: 'lamp', value: 101 })
    stuck.add('valve')
    await order({ commandId: 'd', deviceId: 'valve', kind: 'radiator', value: 90 })
    await until(() => expect(building.resultsOf('d')).toEqual(['sent', 'timed_out']))
    await until(async () => expect(await building.committed()).toBe(building.ordered))
    expect(building.resultsOf('a')).toEqual(['sent', 'confirmed'])
    expect(building.resultsOf('b')).toEqual(['confirmed'])
    expect(building.resultsOf('c')).toEqual(['refused'])
    expect(building.resultsOf('before')).toEqual([])
    expect(told).toEqual([
      'building/r1/lamp/light/set {"value": 80}',
      'cmnd/plug/POWER ON',
      'building/r1/valve/radiator/set {"value": 90}',
    ])
  })

  it('wait while mosquitto is away: the newest per device is sent, an expired one is not', {
    timeout: 40_000,
  }, async () => {
    const connector = await started()
    await mosquitto.kill('SIGKILL')
    await until(() => expect(connector.status().state).toBe('connecting'))
    await order({ commandId: 'late', deviceId: 'valve', kind: 'radiator', value: 90, expiresAtMs: Date.now() + 1_000 })
    await order({ commandId: 'one', deviceId: 'lamp', value: 10 })
    await order({ commandId: 'two', deviceId: 'lamp', value: 20 })
    await until(() => expect(building.resultsOf('late')).toEqual(['expired']))
    await order({ commandId: 'three', deviceId: 'lamp', value: 30 })
    await until(() => expect(building.resultsOf('two')).toEqual(['superseded']))
    await mosquitto.run()
    const backMs = performance.now()
    await switchedOn()
    await until(() => expect(building.resultsOf('three')).toEqual(['sent', 'confirmed']))
    const doneMs = performance.now() - backMs
    expect(doneMs).toBeLessThan(5_000)
    expect(building.resultsOf('one')).toEqual(['superseded'])
    expect(told).toEqual(['building/r1/lamp/light/set {"value": 30}'])
    await until(async () => expect(await building.committed()).toBe(building.ordered))
    console.log(`a command that waited for mosquitto is confirmed ${doneMs.toFixed(0)} ms after its return`)
  })

  it('that were sent before a restart are not sent again: what the device has reported since ends them', {
    timeout: 40_000,
  }, async () => {
    stuck.add('valve')
    const first = await started({ confirmTimeoutMs: 60_000, drainMs: 100 })
    await order({ commandId: 'x', deviceId: 'valve', kind: 'radiator', value: 70 })
    await until(() => expect(building.resultsOf('x')).toEqual(['sent']))
    await first.stop()
    expect(await building.committed()).toBe(building.ordered - 1)
    // While nobody of us is there: the broker keeps it.
    const { publish, close } = await openSubscriber({
      url: mosquitto.url,
      clientId: 'valve',
      protocolVersion: 5,
      sessionExpirySeconds: 0,
      receiveMaximum: 1,
      onMessage: () => undefined,
      onClose: () => {},
    })
    closers.push(close)
    await publish('building/r1/valve/radiator', '{"value": 70}')
    await start()
    await until(() => expect(building.resultsOf('x')).toEqual(['sent', 'confirmed']))
    expect(told).toEqual(['building/r1/valve/radiator/set {"value": 70}'])
    await until(async () => expect(await building.committed()).toBe(building.ordered))
  })
})
