import { afterEach, describe, expect, it, vi } from 'vitest'
import { Metrics } from '../../common/metrics.ts'
import { serdes } from '../../common/serde.ts'
import { withDefaults } from '../../schemas/avro-type.ts'
import {
  type Command,
  type CommandResult,
  type DeadLetter,
  type Device,
  KnxGroup,
  type Reading,
} from '../../schemas/types.ts'
import type { DeviceListener } from '../device-table.ts'
import { command, DEAD_LETTERS, device, fakePublishing, json, READINGS, RESULTS } from '../testing/fixtures.ts'
import { parseGroupAddress } from './addresses.ts'
import type { GroupTelegram } from './cemi.ts'
import type { GroupPayload } from './dpt.ts'
import { GatewaySimulator } from './gateway-simulator.ts'
import { KnxConnector, type KnxConnectorOptions } from './knx-connector.ts'

const COMMANDS = 'building.commands'

type GroupGiven = Pick<KnxGroup, 'kind' | 'write' | 'status' | 'dpt'> & Partial<KnxGroup>

function knxDevice(deviceId: string, ...given: GroupGiven[]): Device {
  const groups = given.map((group) => withDefaults(KnxGroup, group))
  return device({ deviceId, roomId: `room of ${deviceId}`, kinds: groups.map((g) => g.kind), knx: { groups } })
}

const BLINDS = knxDevice('blinds-1', { kind: 'blinds', write: '1/0/1', status: '1/0/2', dpt: '5.001' })
const VALVE = knxDevice('valve-1', { kind: 'radiator', write: '1/1/1', status: '1/1/2', dpt: '5.001' })
const SWITCH = knxDevice('switch-1', { kind: 'switch', write: '1/2/1', status: '1/2/2', dpt: '1.001' })
const BARE = knxDevice('bare-1', { kind: 'radiator', write: '1/3/1', status: null, dpt: '5.001' })
const SENSOR = knxDevice('sensor-1', { kind: 'temperature', write: null, status: '1/4/1', dpt: '9.001' })
const DEVICES = [BLINDS, VALVE, SWITCH, BARE, SENSOR]
const DATAPOINTS = [
  { write: '1/0/1', status: '1/0/2', dpt: '5.001', initial: 100, travelMs: 600 },
  { write: '1/1/1', status: '1/1/2', dpt: '5.001', initial: 40 },
  { write: '1/2/1', status: '1/2/2', dpt: '1.001' },
  { write: '1/3/1', dpt: '5.001' },
  { status: '1/4/1', dpt: '9.001', initial: 21.5 },
]

const closers: (() => Promise<void>)[] = []
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close()
})

class FakeDevices {
  readonly #devices = new Map<string, Device>()
  readonly #listeners = new Set<DeviceListener>()

  constructor(devices: readonly Device[]) {
    for (const one of devices) this.#devices.set(one.deviceId, one)
  }

  get = (deviceId: string) => this.#devices.get(deviceId)
  onBus = (bus: string) => [...this.#devices.values()].filter((one) => one.bus === bus)
  listen = (listener: DeviceListener) => {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  put(one: Device): void {
    const before = this.#devices.get(one.deviceId)
    this.#devices.set(one.deviceId, one)
    for (const listener of this.#listeners) listener(one.deviceId, one, before)
  }

  delete(deviceId: string): void {
    const before = this.#devices.get(deviceId)
    this.#devices.delete(deviceId)
    for (const listener of this.#listeners) listener(deviceId, undefined, before)
  }
}

async function setUp(options: Partial<KnxConnectorOptions> = {}, devices: readonly Device[] = DEVICES) {
  const gateway = new GatewaySimulator({ datapoints: DATAPOINTS, telegramTimeMs: 1 })
  const { port } = await gateway.start()
  closers.push(() => gateway.stop())
  const telegrams: GroupTelegram[] = []
  gateway.onTelegram((telegram) => telegrams.push(telegram))
  const { log, status, publisher } = fakePublishing()
  log.createTopic(COMMANDS)
  const table = new FakeDevices(devices)
  const connector = new KnxConnector({
    devices: table,
    publisher,
    status,
    commands: { kafka: log, topic: COMMANDS, key: serdes.string, value: serdes.json<Command>(), groupId: 'knx' },
    readTimeoutMs: 100,
    readBackAfterMs: 60,
    confirmTimeoutMs: 400,
    laneMs: 250,
    ...options,
    link: {
      host: '127.0.0.1',
      port,
      telegramsPerSecond: 500,
      readsPerSecond: 500,
      connectTimeoutMs: 500,
      heartbeatMs: 100,
      heartbeatAnswerMs: 50,
      backoff: { baseMs: 50 },
      ...options.link,
    },
  })
  closers.push(() => connector.stop())
  const failures: Error[] = []
  const start = () => connector.start((error) => failures.push(error))
  const readings = () => log.in(READINGS).map((record) => json<Reading>(record.value))
  const results = () => log.in(RESULTS).map((record) => json<CommandResult>(record.value))
  const resultsOf = (id: string) => results().flatMap((r) => (r.commandId === id ? [r.status] : []))
  const letters = () => log.in(DEAD_LETTERS).map((record) => json<DeadLetter>(record.value))
  const order = async (changes: Partial<Command>) => {
    // The first poll is what joins the group, at the end of the log.
    await vi.waitFor(() => expect(log.commits.has('knx')).toBe(true))
    await new Promise((resolve) => setTimeout(resolve, 20))
    const one = command({ expiresAtMs: Date.now() + 60_000, ...changes })
    log.append(COMMANDS, one.deviceId, one)
  }
  return { gateway, telegrams, log, table, connector, start, readings, results, resultsOf, letters, order, failures }
}

const bus = (telegrams: readonly GroupTelegram[], service: string) => telegrams.filter((t) => t.service === service)
const told = (readings: readonly Reading[]) => readings.map((r) => `${r.deviceId}=${r.value} ${r.quality}`)
const write = (groupAddress: string, payload: GroupPayload): GroupTelegram => ({
  service: 'GroupValue_Write',
  source: 0x1107,
  destination: parseGroupAddress(groupAddress),
  payload,
})

describe('readings from KNX', () => {
  it('reads every status address at the start, flags the answers, and writes nothing', async () => {
    const { start, readings, telegrams, connector } = await setUp()
    await start()
    await vi.waitFor(() => expect(readings()).toHaveLength(4))
    expect(told(readings()).sort()).toEqual([
      'blinds-1=100 good',
      'sensor-1=21.5 good',
      'switch-1=0 good',
      'valve-1=40 good',
    ])
    expect(readings().every((reading) => reading.retained && reading.bus === 'knx')).toBe(true)
    expect(bus(telegrams, 'GroupValue_Write')).toEqual([])
    expect(bus(telegrams, 'GroupValue_Read')).toHaveLength(4)
    expect(connector.status()).toMatchObject({ state: 'running', silentAddresses: [], queueLength: 0 })
  })

  it('tells what a device reports, and what somebody else sets it to as uncertain', async () => {
    const { gateway, start, readings } = await setUp()
    await start()
    await vi.waitFor(() => expect(readings()).toHaveLength(4))
    gateway.setValue('1/4/1', 22.4)
    gateway.inject(write('1/1/1', { short: false, data: Buffer.of(0xff) }))
    await vi.waitFor(() => expect(readings()).toHaveLength(7))
    expect(told(readings().slice(4))).toEqual(['sensor-1=22.4 good', 'valve-1=100 uncertain', 'valve-1=100 good'])
    expect(readings()[4]).toMatchObject({
      kind: 'temperature',
      unit: 'celsius',
      retained: false,
      roomId: 'room of sensor-1',
    })
  })

  it('counts telegrams of nobody, and makes a dead letter of a payload that does not fit', async () => {
    const metrics = new Metrics()
    const { gateway, start, letters, connector, readings } = await setUp({ metrics })
    await start()
    await vi.waitFor(() => expect(readings()).toHaveLength(4))
    gateway.inject(write('7/7/7', { short: true, data: Buffer.of(1) }))
    gateway.inject(write('1/4/1', { short: false, data: Buffer.of(0x0c) }))
    gateway.inject(write('1/4/1', { short: false, data: Buffer.of(0x7f, 0xff) }))
    gateway.inject(write('1/4/1', { short: false, data: Buffer.of(0x0c, 0x33) }))
    await vi.waitFor(() => expect(readings()).toHaveLength(5))
    expect(letters()).toHaveLength(1)
    expect(letters()[0]).toMatchObject({
      code: 'KNX_DPT_MISMATCH',
      reason: 'DPT 9.001 needs 2 octets, got 1 octets',
      origin: 'knx:1/4/1:sensor-1',
      headers: { 'knx-group-address': '1/4/1', 'knx-source': '1.1.7', 'knx-service': 'GroupValue_Write' },
    })
    expect(Buffer.from(letters()[0]!.originalValue as Uint8Array).toString('hex')).toBe('0c')
    expect(connector.status()).toMatchObject({ unknownTelegrams: 1, deadLetters: 1, state: 'running' })
    expect(await metrics.text()).toContain('brook_knx_unknown_telegrams_total 1')
  })

  it('names status addresses that do not answer until they do', async () => {
    const { gateway, start, connector } = await setUp()
    gateway.mute('1/1/2')
    await start()
    await vi.waitFor(() => expect(connector.status().silentAddresses).toEqual(['1/1/2']))
    gateway.mute('1/1/2', false)
    gateway.setValue('1/1/2', 60)
    await vi.waitFor(() => expect(connector.status().silentAddresses).toEqual([]))
  })

  it('follows the device records: new ones are read, removed ones are nobody, unusable ones harm no other', async () => {
    const { gateway, start, readings, table, connector } = await setUp({}, [SWITCH])
    await start()
    await vi.waitFor(() => expect(told(readings())).toEqual(['switch-1=0 good']))
    table.put(knxDevice('odd-1', { kind: 'blinds', write: '99/9/9', status: null, dpt: '5.001' }))
    table.put(SENSOR)
    await vi.waitFor(() => expect(told(readings())).toEqual(['switch-1=0 good', 'sensor-1=21.5 good']))
    table.delete('switch-1')
    gateway.setValue('1/2/2', 1)
    await vi.waitFor(() => expect(connector.status().unknownTelegrams).toBe(1))
  })

  it('keeps the last value of each address while the log is away, counts the rest, and says degraded', async () => {
    const { gateway, start, readings, log, connector } = await setUp({ outbox: { backoff: { baseMs: 20, capMs: 20 } } })
    await start()
    await vi.waitFor(() => expect(readings()).toHaveLength(4))
    log.refuse = () => new Error('the log is away')
    for (const value of [23, 24, 25]) gateway.setValue('1/4/1', value)
    await vi.waitFor(() => expect(connector.status()).toMatchObject({ state: 'degraded', dropped: 2, queueLength: 1 }))
    log.refuse = undefined
    await vi.waitFor(() => expect(told(readings().slice(4))).toEqual(['sensor-1=25 good']))
    await vi.waitFor(() => expect(connector.status()).toMatchObject({ state: 'running', queueLength: 0 }))
  })
})

describe('commands to KNX', () => {
  it.each([
    ['the device reports by itself', { deviceId: 'valve-1', kind: 'radiator', value: 75 }, '1/1/1', 75],
    [
      'the device is there already and has to be asked',
      { deviceId: 'valve-1', kind: 'radiator', value: 40 },
      '1/1/1',
      40,
    ],
    ['one bit', { deviceId: 'switch-1', kind: 'switch', value: 1 }, '1/2/1', 1],
    ['no status address', { deviceId: 'bare-1', kind: 'radiator', value: 30 }, '1/3/1', 30],
  ] as const)('are confirmed: %s', async (_, changes, address, value) => {
    const { gateway, start, order, resultsOf, readings } = await setUp()
    await start()
    await order({ commandId: 'c', ...changes })
    await vi.waitFor(() =>
      expect(resultsOf('c')).toEqual(changes.deviceId === 'bare-1' ? ['confirmed'] : ['sent', 'confirmed']),
    )
    expect(gateway.value(address)).toBeCloseTo(value, 0)
    await vi.waitFor(() =>
      expect(readings().some((r) => r.deviceId === changes.deviceId && r.value === value)).toBe(true),
    )
  })

  it('tell that blinds are on their way, then that they have arrived', async () => {
    const { start, order, resultsOf, gateway } = await setUp()
    await start()
    await order({ commandId: 'c', deviceId: 'blinds-1', kind: 'blinds', value: 0 })
    await vi.waitFor(() => expect(resultsOf('c')).toEqual(['sent']))
    expect(gateway.value('1/0/1')).toBeGreaterThan(0)
    await vi.waitFor(() => expect(resultsOf('c')).toEqual(['sent', 'confirmed']))
    expect(gateway.value('1/0/1')).toBe(0)
  })

  it('give way to a newer one while the blinds still travel', async () => {
    const { start, order, resultsOf, gateway } = await setUp()
    await start()
    await order({ commandId: 'down', deviceId: 'blinds-1', kind: 'blinds', value: 0 })
    await vi.waitFor(() => expect(resultsOf('down')).toEqual(['sent']))
    await order({ commandId: 'up', deviceId: 'blinds-1', kind: 'blinds', value: 100 })
    await vi.waitFor(() => expect(resultsOf('up').at(-1)).toBe('confirmed'), { timeout: 3_000 })
    expect(resultsOf('down')).toEqual(['sent', 'superseded'])
    expect(gateway.value('1/0/1')).toBe(100)
  })

  it('give way to a newer one while the gateway is away: only the newest is carried out', async () => {
    const { start, order, resultsOf, gateway, connector, telegrams } = await setUp()
    await start()
    await gateway.stop({ abrupt: true })
    await vi.waitFor(() => expect(connector.status().state).toBe('degraded'), { timeout: 3_000 })
    for (const [commandId, value] of [
      ['first', 10],
      ['second', 20],
      ['third', 30],
    ] as const)
      await order({ commandId, deviceId: 'valve-1', kind: 'radiator', value })
    await gateway.start()
    await vi.waitFor(() => expect(resultsOf('third')).toEqual(['sent', 'confirmed']), { timeout: 5_000 })
    expect([resultsOf('first'), resultsOf('second')]).toEqual([['superseded'], ['superseded']])
    expect(bus(telegrams, 'GroupValue_Write').filter((t) => t.destination === parseGroupAddress('1/1/1'))).toHaveLength(
      1,
    )
  })

  it('time out when the device says nothing, with what it last showed', async () => {
    const { start, order, results, gateway } = await setUp()
    await start()
    gateway.mute('1/1/1')
    await order({ commandId: 'c', deviceId: 'valve-1', kind: 'radiator', value: 90 })
    await vi.waitFor(() => expect(results().at(-1)?.status).toBe('timed_out'), { timeout: 3_000 })
    expect(results().at(-1)?.detail).toBe('1/1/2 had not reported it in time; it shows nothing')
  })

  it.each([
    [
      'a kind that the device does not have',
      { deviceId: 'valve-1', kind: 'blinds', value: 1 },
      'has no KNX group for blinds',
    ],
    ['a value that the type cannot carry', { deviceId: 'valve-1', kind: 'radiator', value: 101 }, '0 to 100 percent'],
    ['an address that cannot be read', { deviceId: 'odd-1', kind: 'blinds', value: 1 }, 'has no usable KNX group'],
  ] as const)('are refused: %s', async (_, changes, detail) => {
    const odd = knxDevice('odd-1', { kind: 'blinds', write: '99/9/9', status: null, dpt: '5.001' })
    const { start, order, results, telegrams } = await setUp({}, [...DEVICES, odd])
    await start()
    await order({ commandId: 'c', ...changes })
    await vi.waitFor(() => expect(results()).toHaveLength(1))
    expect(results()[0]).toMatchObject({ status: 'refused', detail: expect.stringContaining(detail) })
    expect(bus(telegrams, 'GroupValue_Write')).toEqual([])
  })

  it('expire while the gateway is away and are not carried out after its return', async () => {
    const { start, order, resultsOf, gateway, connector, telegrams } = await setUp()
    await start()
    await gateway.stop()
    await vi.waitFor(() => expect(connector.status().state).toBe('degraded'))
    await order({ commandId: 'c', deviceId: 'switch-1', kind: 'switch', value: 1, expiresAtMs: Date.now() + 300 })
    await vi.waitFor(() => expect(resultsOf('c')).toEqual(['expired']))
    await gateway.start()
    await vi.waitFor(() => expect(connector.status().state).toBe('running'), { timeout: 3_000 })
    await new Promise((resolve) => setTimeout(resolve, 100))
    expect(bus(telegrams, 'GroupValue_Write')).toEqual([])
  })

  it('wait for the gateway as long as they are valid', async () => {
    const { start, order, resultsOf, gateway, connector } = await setUp()
    await start()
    await gateway.stop({ abrupt: true })
    await order({ commandId: 'c', deviceId: 'switch-1', kind: 'switch', value: 1 })
    await vi.waitFor(() => expect(connector.status().state).toBe('degraded'), { timeout: 3_000 })
    await gateway.start()
    await vi.waitFor(() => expect(resultsOf('c').at(-1)).toBe('confirmed'), { timeout: 4_000 })
    expect(gateway.value('1/2/1')).toBe(1)
  })
})

describe('the connector over outages and restarts', () => {
  it('is degraded while the gateway is away, reads the state again when it is back, and writes nothing', async () => {
    const { start, gateway, connector, readings, telegrams } = await setUp()
    await start()
    await vi.waitFor(() => expect(readings()).toHaveLength(4))
    await gateway.stop({ abrupt: true })
    await vi.waitFor(() => expect(connector.status().state).toBe('degraded'), { timeout: 3_000 })
    expect(connector.status().lastError).toContain('does not answer any more')
    gateway.setValue('1/1/2', 55)
    await gateway.start()
    await vi.waitFor(() => expect(connector.status()).toMatchObject({ state: 'running', reconnects: 1 }), {
      timeout: 3_000,
    })
    await vi.waitFor(() => expect(told(readings().slice(4))).toContain('valve-1=55 good'))
    expect(bus(telegrams, 'GroupValue_Write').filter((t) => t.destination !== parseGroupAddress('1/1/2'))).toEqual([])
  })

  it('starts again after a stop, and leaves no tunnel open', async () => {
    const { start, gateway, connector, readings, failures } = await setUp()
    await start()
    await connector.stop()
    expect(connector.status().state).toBe('stopped')
    expect(gateway.tunnels).toBe(0)
    await start()
    await vi.waitFor(() => expect(readings().length).toBeGreaterThanOrEqual(4))
    expect(connector.status().state).toBe('running')
    expect(gateway.tunnels).toBe(1)
    expect(failures).toEqual([])
  })

  it('can be stopped while it waits for its gateway', async () => {
    const { start, gateway, connector } = await setUp()
    await gateway.stop()
    const started = start().catch((error: unknown) => error)
    await vi.waitFor(() => expect(connector.status().state).toBe('degraded'), { timeout: 3_000 })
    expect(connector.status().lastError).toMatch(/no KNXnet\/IP gateway answers at 127\.0\.0\.1/)
    await connector.stop()
    expect(await started).toMatchObject({ code: 'KNX_LINK_CLOSED' })
  })
})
