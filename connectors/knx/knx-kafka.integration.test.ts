import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import { createKafkaProvider } from '../../kafka/kafkajs.ts'
import { withDefaults } from '../../schemas/avro-type.ts'
import { type Command, type Device, KnxGroup } from '../../schemas/types.ts'
import { BusScene } from '../testing/bus-scene.ts'
import { command, device } from '../testing/fixtures.ts'
import { formatGroupAddress, parseGroupAddress } from './addresses.ts'
import { dptOf } from './dpt.ts'
import { KnxConnector, type KnxConnectorOptions } from './knx-connector.ts'
import { Knxd, TUNNEL_SERVER } from './testing/knxd.ts'
import { LineActuators } from './testing/line-actuators.ts'
import { PrivateNetwork } from './testing/private-network.ts'
import { Wire } from './testing/wire.ts'

const percent = dptOf('5.001')
const address = parseGroupAddress

function knxDevice(deviceId: string, group: Pick<KnxGroup, 'kind' | 'dpt'> & Partial<KnxGroup>): Device {
  return device({
    deviceId,
    roomId: 'room-1',
    kinds: [group.kind],
    knx: { groups: [withDefaults(KnxGroup, { write: null, status: null, ...group })] },
  })
}

const DEVICES = [
  knxDevice('lamp', { kind: 'light', dpt: '5.001', write: '1/0/1', status: '1/0/2' }),
  knxDevice('valve', { kind: 'radiator', dpt: '5.001', write: '1/1/1', status: '1/1/2' }),
  knxDevice('blinds', { kind: 'blinds', dpt: '5.001', write: '1/2/1', status: '1/2/2', inverted: true }),
  knxDevice('sensor', { kind: 'temperature', dpt: '9.001', status: '1/3/2' }),
  knxDevice('bare', { kind: 'radiator', dpt: '5.001', write: '1/4/1' }),
]
const STATUS = ['1/0/2', '1/1/2', '1/2/2', '1/3/2']

let network: PrivateNetwork
let knxd: Knxd
/** Of the connector. */
let wire: Wire
/** Of the devices. */
let line: Wire
let actuators: LineActuators
let building: BusScene
const closers: (() => Promise<unknown>)[] = []

beforeAll(async () => {
  network = await PrivateNetwork.open()
})
afterAll(() => network.close())

beforeEach(async () => {
  knxd = await Knxd.start(TUNNEL_SERVER, network.prefix)
  closers.push(() => knxd.remove())
  ;[wire, line] = await Promise.all([Wire.open(network), Wire.open(network)])
  closers.push(() => Promise.all([wire.close(), line.close()]))
  actuators = new LineActuators(
    line.port,
    new Map([0, 1, 2].map((i) => [address(`1/${i}/1`), address(`1/${i}/2`)])),
    new Map([
      [address('1/0/2'), percent.encode(0)],
      [address('1/1/2'), percent.encode(40)],
      [address('1/2/2'), percent.encode(0)],
      [address('1/3/2'), dptOf('9.001').encode(21.5)],
    ]),
  )
  closers.push(() => actuators.close())
  await actuators.open()
  const brokers = (process.env['BROOK_TEST_BROKERS'] as string).split(',')
  building = await BusScene.open(createKafkaProvider({ brokers, clientId: 'knx-test' }), DEVICES)
  closers.push(() => building.close())
})

afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close()
})

async function start(options: Partial<KnxConnectorOptions> = {}): Promise<KnxConnector> {
  const connector = new KnxConnector({
    ...(await building.parts()),
    link: { host: '127.0.0.1', port: wire.port },
    confirmTimeoutMs: 2_000,
    readBackAfterMs: 200,
    ...options,
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
  building.order(command({ roomId: 'room-1', issuedAtMs: Date.now(), expiresAtMs: Date.now() + 60_000, ...changes }))
const written = (): readonly string[] =>
  actuators.written.map(([to, payload]) => `${formatGroupAddress(to)}=${percent.decode(payload)}`)
/** What the connector has read. */
const asked = (fromMs: number): readonly string[] => {
  const statusRead = wire.sent.filter((d) => d.atMs >= fromMs && d.telegram?.service === 'GroupValue_Read')
  return statusRead.map((d) => formatGroupAddress(d.telegram!.destination))
}

/** The group is joined and at the end of the log when a command of now is carried out. */
async function started(options: Partial<KnxConnectorOptions> = {}): Promise<KnxConnector> {
  const connector = await start(options)
  let tries = 0
  await until(async () => {
    if (tries++ % 25 === 0) await order({ commandId: 'ready', deviceId: 'bare', kind: 'radiator', value: 1 })
    expect(building.resultsOf('ready')).toEqual(['confirmed'])
  }, 30_000)
  actuators.written.length = 0
  return connector
}

describe('the KNX connector between a real knxd and a real Kafka', () => {
  it('sends at a start and at a restart nothing but reads of status addresses, spaced', {
    timeout: 40_000,
  }, async () => {
    await order({ commandId: 'before', deviceId: 'lamp', kind: 'light', value: 80 })
    for (let i = 0; i < 2; i++) {
      const fromMs = performance.now()
      const connector = await start()
      await until(() => expect(asked(fromMs)).toHaveLength(STATUS.length))
      await until(() => expect(building.readings.length).toBeGreaterThanOrEqual((i + 1) * STATUS.length))
      await connector.stop()
      expect([...asked(fromMs)].sort()).toEqual(STATUS)
      expect(wire.sent.filter((d) => d.telegram?.service !== 'GroupValue_Read')).toEqual([])
      const times = wire.sent.filter((d) => d.telegram?.service === 'GroupValue_Read' && d.atMs >= fromMs)
      for (const [n, { atMs }] of times.slice(1).entries()) expect(atMs - times[n]!.atMs).toBeGreaterThan(80)
    }
    expect(actuators.written).toEqual([])
    expect(building.resultsOf('before')).toEqual([])
    const values = building.readings.map(({ deviceId, value, retained }) => `${deviceId} ${value} ${retained}`)
    expect(new Set(values)).toEqual(new Set(['lamp 0 true', 'valve 40 true', 'blinds 100 true', 'sensor 21.5 true']))
  })

  it('carries commands out: sent, then confirmed by the device; once per id; refused; timed out', {
    timeout: 40_000,
  }, async () => {
    await started()
    await order({ commandId: 'a', deviceId: 'lamp', kind: 'light', value: 80 })
    await until(() => expect(building.resultsOf('a')).toEqual(['sent', 'confirmed']))
    await order({ commandId: 'a', deviceId: 'lamp', kind: 'light', value: 80 })
    await order({ commandId: 'b', deviceId: 'blinds', kind: 'blinds', value: 100 })
    await order({ commandId: 'c', deviceId: 'lamp', kind: 'blinds', value: 1 })
    await order({ commandId: 'd', deviceId: 'lamp', kind: 'light', value: 101 })
    actuators.stuck.add(address('1/1/1'))
    await order({ commandId: 'e', deviceId: 'valve', kind: 'radiator', value: 90 })
    await until(() => expect(building.resultsOf('e')).toEqual(['sent', 'timed_out']))
    expect(building.resultsOf('a')).toEqual(['sent', 'confirmed'])
    expect(building.resultsOf('b')).toEqual(['sent', 'confirmed'])
    expect([building.resultsOf('c'), building.resultsOf('d')]).toEqual([['refused'], ['refused']])
    expect(written()).toEqual(['1/0/1=80', '1/2/1=0', '1/1/1=90'])
    expect(building.results.at(-1)?.detail).toBe('1/1/2 had not reported it in time; it shows 40')
    await until(async () => expect(await building.committed()).toBe(building.ordered))
    const lamp = building.readings.filter(({ deviceId, retained }) => deviceId === 'lamp' && !retained)
    expect(lamp.map(({ value, quality, bus }) => `${value} ${quality} ${bus}`)).toEqual(['80 good knx'])
  })

  it('keeps commands while knxd is away: the newest per device is carried out, an expired one is not', {
    timeout: 40_000,
  }, async () => {
    const connector = await started()
    await knxd.kill()
    await until(() => expect(connector.status().state).toBe('degraded'))
    await order({ commandId: 'late', deviceId: 'valve', kind: 'radiator', value: 90, expiresAtMs: Date.now() + 1_000 })
    await order({ commandId: 'one', deviceId: 'lamp', kind: 'light', value: 10 })
    await order({ commandId: 'two', deviceId: 'lamp', kind: 'light', value: 20 })
    await until(() => expect(building.resultsOf('late')).toEqual(['expired']))
    await order({ commandId: 'three', deviceId: 'lamp', kind: 'light', value: 30 })
    await until(() => expect(building.resultsOf('two')).toEqual(['superseded']))
    // Devices are on the bus before the gateway is; here they are behind it.
    wire.interfere = (datagram) => (actuators.up ? [datagram.bytes] : [])
    await knxd.resume()
    const backMs = performance.now()
    await until(() => expect(building.resultsOf('three')).toEqual(['sent', 'confirmed']))
    const doneMs = performance.now() - backMs
    expect(doneMs).toBeLessThan(5_000)
    expect(building.resultsOf('one')).toEqual(['superseded'])
    expect(written()).toEqual(['1/0/1=30'])
    await until(async () => expect(await building.committed()).toBe(building.ordered))
    console.log(`a command that waited for knxd is confirmed ${doneMs.toFixed(0)} ms after its return`)
  })

  it('does not send again what was sent before a restart: it sees to the end of it', { timeout: 40_000 }, async () => {
    actuators.stuck.add(address('1/1/1'))
    const first = await started({ confirmTimeoutMs: 60_000 })
    await order({ commandId: 'x', deviceId: 'valve', kind: 'radiator', value: 70 })
    await until(() => expect(building.resultsOf('x')).toEqual(['sent']))
    await first.stop()
    expect(await building.committed()).toBe(building.ordered - 1)
    actuators.stuck.clear()
    actuators.show(address('1/1/2'), percent.encode(70))
    await start()
    await until(() => expect(building.resultsOf('x')).toEqual(['sent', 'sent', 'confirmed']))
    expect(written()).toEqual(['1/1/1=70'])
    await until(async () => expect(await building.committed()).toBe(building.ordered))
  })
})
