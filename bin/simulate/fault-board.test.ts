import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { silentLogger } from '../../common/log.ts'
import { GatewaySimulator } from '../../connectors/knx/gateway-simulator.ts'
import { simulatedDatapoints } from '../../connectors/knx/simulated-building.ts'
import { SimulatedSensors } from '../../connectors/simulation/simulated-sensors.ts'
import { SerialSimulator } from '../../connectors/zwave/serial-simulator.ts'
import { DIMMER, MULTISENSOR } from '../../connectors/zwave/simulated-node.ts'
import { demoHouse } from '../../topology/demo-house.ts'
import { housePublications } from '../../topology/rooms-config.ts'
import { faultList, faultRequest } from './console.ts'
import { FaultBoard } from './fault-board.ts'
import { FAULT_KINDS } from './fault-kinds.ts'
import { parseFaultPlan } from './fault-spec.ts'

const { devices } = housePublications(demoHouse(2))
const told: string[] = []
let gateway: GatewaySimulator
let stick: SerialSimulator
let truth = 20
let sensors: SimulatedSensors
let board: FaultBoard

beforeEach(() => {
  vi.useFakeTimers()
  gateway = new GatewaySimulator({ datapoints: simulatedDatapoints(devices) })
  const zwave = devices.flatMap(({ zwave: at, type }) => (at ? [[at.nodeId, type] as const] : []))
  stick = new SerialSimulator({
    nodes: new Map(zwave.map(([nodeId, type]) => [nodeId, type === 'dimmer' ? DIMMER : MULTISENSOR])),
  })
  truth = 20
  sensors = new SimulatedSensors({ measure: () => truth })
  board = new FaultBoard({
    field: { devices, simulation: { wires: { knx: gateway, zwave: stick }, sensors } },
    log: silentLogger,
    onChange: (what, { name, deviceId }) => told.push(`${name} ${deviceId} ${what}`),
  })
})
afterEach(async () => {
  await board.close()
  vi.useRealTimers()
  told.length = 0
})

describe('faults on request', () => {
  test('begin, are listed, and end by a command', async () => {
    await board.begin({ name: 'knx-silent' })
    expect(gateway.faults.silent).toBe(true)
    expect(board.active).toMatchObject([{ name: 'knx-silent', deviceId: null, untilMs: null }])
    await board.end('knx-silent')
    expect(gateway.faults.silent).toBe(false)
    expect(board.active).toEqual([])
    expect(told).toEqual(['knx-silent null begins', 'knx-silent null ends'])
  })

  test('end by themselves after their time', async () => {
    await board.begin({ name: 'zwave-node-dead', deviceId: 'dimmer-101', durationMs: 5_000 })
    const node = stick.node(devices.find(({ deviceId }) => deviceId === 'dimmer-101')!.zwave!.nodeId)
    await vi.advanceTimersByTimeAsync(4_999)
    expect(node.dead).toBe(true)
    await vi.advanceTimersByTimeAsync(1)
    expect(node.dead).toBe(false)
  })

  test('put a node to sleep that still says what it measures', async () => {
    const { nodeId } = devices.find(({ deviceId }) => deviceId === 'dimmer-101')!.zwave!
    await board.begin({ name: 'zwave-node-asleep', deviceId: 'dimmer-101' })
    expect(stick.node(nodeId)).toMatchObject({ hears: false, dead: false })
    await board.end('zwave-node-asleep')
    expect(stick.node(nodeId).hears).toBe(true)
  })

  test('of two devices go on side by side, and all end at the close', async () => {
    await board.begin({ name: 'sensor-stuck', deviceId: 'sensor-101' })
    await board.begin({ name: 'sensor-stuck', deviceId: 'sensor-102' })
    expect(sensors.measure('sensor-101', 'temperature')).toBe(20)
    truth = 25
    expect(sensors.measure('sensor-101', 'temperature')).toBe(20)
    expect(sensors.measure('dimmer-101', 'light')).toBe(25)
    await board.close()
    expect(sensors.measure('sensor-101', 'temperature')).toBe(25)
    expect(board.active).toEqual([])
  })

  test('of a low battery show in the battery alone', async () => {
    await board.begin({ name: 'battery-low', deviceId: 'sensor-101' })
    expect(sensors.measure('sensor-101', 'battery')).toBe(5)
    expect(sensors.measure('sensor-101', 'temperature')).toBe(20)
    const { nodeId } = devices.find(({ deviceId }) => deviceId === 'sensor-101')!.zwave!
    expect(stick.node(nodeId).batteryPercent).toBe(5)
    await board.end('battery-low')
    expect(stick.node(nodeId).batteryPercent).toBe(100)
  })

  test.each([
    [{ name: 'flying-saucer' }, /there is no fault "flying-saucer".*lists/],
    [{ name: 'knx-silent', deviceId: 'blinds-101' }, /befalls the whole wire/],
    [{ name: 'sensor-stuck', deviceId: 'sensor-999' }, /no device sensor-999/],
    [{ name: 'sensor-stuck', deviceId: 'blinds-101' }, /cannot befall blinds-101, which is on knx/],
    [{ name: 'mqtt-flood' }, /there is no MQTT here/],
    [{ name: 'mqtt-broker-gone' }, /stop it yourself/],
  ])('are refused with the reason: %o', async (request, reason) => {
    await expect(board.begin(request)).rejects.toThrow(reason)
    expect(() => board.check(request)).toThrow(reason)
    expect(board.active).toEqual([])
  })

  test('are refused when they go on already, and cannot be ended when they do not', async () => {
    await board.begin({ name: 'knx-line-cut' })
    await expect(board.begin({ name: 'knx-line-cut' })).rejects.toThrow('goes on already')
    await board.end('knx-line-cut')
    await expect(board.end('knx-line-cut')).rejects.toThrow('does not go on')
  })

  test('have names of their own and are all listed', () => {
    expect(new Set(FAULT_KINDS.map(({ name }) => name)).size).toBe(FAULT_KINDS.length)
    const lines = faultList(FAULT_KINDS).split('\n')
    expect(lines.map((line) => line.trim().split(' ')[0])).toEqual(FAULT_KINDS.map(({ name }) => name))
  })
})

describe('a plan of faults', () => {
  test('says what, of which device, when and for how long', () => {
    expect(parseFaultPlan('knx-silent@30s+20s, sensor-stuck:sensor-101, mqtt-garbage+1m')).toEqual([
      { name: 'knx-silent', afterMs: 30_000, durationMs: 20_000 },
      { name: 'sensor-stuck', deviceId: 'sensor-101', afterMs: 0 },
      { name: 'mqtt-garbage', afterMs: 0, durationMs: 60_000 },
    ])
  })

  test.each(['', 'KNX!', 'nothing-of-the-sort', 'knx-silent@soon', 'knx-silent+60d', 'knx-silent@-3s'])(
    'that makes no sense is refused: %s',
    (text) => {
      expect(() => parseFaultPlan(text)).toThrow(/a fault is|there is no fault|not a duration|the time must be/)
    },
  )

  test('can be typed with device and time in any order', () => {
    const wanted = { name: 'sensor-stuck', deviceId: 'sensor-101', durationMs: 30_000 }
    expect(faultRequest(['sensor-stuck', 'sensor-101', '30s'])).toEqual(wanted)
    expect(faultRequest(['sensor-stuck', '30s', 'sensor-101'])).toEqual(wanted)
    expect(() => faultRequest(['sensor-stuck', '30s', '40s'])).toThrow('too many words')
  })
})
