import { createHash } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { GatewaySimulator } from '../../connectors/knx/gateway-simulator.ts'
import { simulatedDatapoints } from '../../connectors/knx/simulated-building.ts'
import { housePublications } from '../../topology/rooms-config.ts'
import { SimulatedWorld } from '../simulated-world.ts'
import type { SimulateOptions } from './simulate-options.ts'
import { simulatedHouse } from './simulated-building.ts'

const START_MS = Date.UTC(2026, 0, 15, 7)
const HOUR_MS = 3_600_000

const OPTIONS: SimulateOptions = {
  rooms: 24,
  floors: 4,
  seed: 7,
  people: 10,
  speed: 60,
  startMs: START_MS,
  mqtt: 'own',
  knx: { host: '127.0.0.1', port: 0 },
  zwave: { port: 0 },
  controlPort: undefined,
  statusMs: 0,
  plan: [],
  directory: '/nowhere',
}

/** Everything that the devices of the house measure in six hours, a quarter of an hour apart; time outside comes in pieces of `pieceMs`. */
function day(changes: Partial<SimulateOptions>, pieceMs = 1_000): string {
  const options = { ...OPTIONS, ...changes }
  const { devices } = housePublications(simulatedHouse(options, 'Europe/Zurich'))
  const { seed, startMs, speed, people = 0 } = options
  const world = SimulatedWorld.begin(devices, { seed, startMs, speed, people, beginsAtMs: 0 })
  const hash = createHash('sha256').update(JSON.stringify(devices))
  const quarterMs = HOUR_MS / 4 / speed
  for (let nowMs = 0; nowMs < (6 * HOUR_MS) / speed; ) {
    const untilMs = nowMs + quarterMs
    for (; nowMs < untilMs; nowMs += pieceMs) world.advance(Math.min(nowMs, untilMs))
    world.advance(untilMs)
    nowMs = untilMs
    for (const { deviceId, kinds } of devices)
      for (const kind of kinds) hash.update(`${deviceId} ${kind} ${world.model.measure(deviceId, kind)}\n`)
  }
  return hash.digest('hex')
}

describe('a simulated house', () => {
  test('is the same house with the same day for the same seed, however its time is cut', () => {
    const once = day({})
    expect(day({})).toBe(once)
    expect(day({}, 333)).toBe(once)
    expect(day({ speed: 600 })).toBe(once)
  })

  test.each<[string, Partial<SimulateOptions>]>([
    ['seed', { seed: 8 }],
    ['number of people', { people: 11 }],
    ['hour to begin at', { startMs: START_MS + HOUR_MS }],
    ['number of rooms', { rooms: 25 }],
  ])('has another day with another %s', (_, changes) => {
    expect(day(changes)).not.toBe(day({}))
  })

  test('of the largest size has an address on KNX for every device', () => {
    const { devices } = housePublications(simulatedHouse({ ...OPTIONS, rooms: 3_000, floors: 30 }, 'Europe/Zurich'))
    const datapoints = simulatedDatapoints(devices)
    expect(new Set(datapoints.map(({ individualAddress }) => individualAddress)).size).toBe(datapoints.length)
    expect(() => new GatewaySimulator({ datapoints })).not.toThrow()
  })

  test('has devices on those wires only that are there', () => {
    const buses = (changes: Partial<SimulateOptions>) => {
      const { devices } = housePublications(simulatedHouse({ ...OPTIONS, ...changes }, 'Europe/Zurich'))
      return [...new Set(devices.map(({ bus }) => bus))].sort()
    }
    expect(buses({})).toEqual(['knx', 'mqtt', 'zwave'])
    expect(buses({ zwave: undefined })).toEqual(['knx', 'mqtt'])
    expect(buses({ knx: undefined, mqtt: undefined })).toEqual(['zwave'])
  })
})
