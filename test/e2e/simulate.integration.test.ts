import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { ConnectorState } from '../../connectors/connector.ts'
import { run } from '../../scripts/servers/run.ts'
import { BuildingProcess, cleanUp, freshSettings } from './building-process.ts'
import { eventually } from './eventually.ts'
import { SimulateProcess } from './simulate-process.ts'

const BROOK = fileURLToPath(new URL('../../bin/brook.ts', import.meta.url))
const ROOMS = 100
/** One that speaks MQTT. */
const SENSOR = 'sensor-103'

interface Report {
  readonly name: string
  readonly state: ConnectorState
  readonly lastError?: string
  readonly received: number
  readonly deadLetters: number
  readonly reconnects: number
}

interface Room {
  readonly devices: readonly {
    readonly deviceId: string
    readonly available: boolean
    readonly lastSeenMs?: number
    readonly unavailableSinceMs?: number
  }[]
}

describe(`brook simulate with ${ROOMS} rooms, and a building on its three wires`, () => {
  let simulate: SimulateProcess
  let building: BuildingProcess

  const report = async (name: string): Promise<Report | undefined> => {
    const { connectors } = (await building.get<{ connectors: readonly Report[] }>('/v1/connectors')).body
    return connectors.find((connector) => connector.name === name)
  }
  const untilState = (name: string, states: readonly ConnectorState[], timeoutMs = 20_000) =>
    eventually(
      `${name} is ${states.join(' or ')}`,
      async () => {
        const found = await report(name)
        return found !== undefined && states.includes(found.state) ? found : undefined
      },
      timeoutMs,
    )
  const brook = (...args: string[]) =>
    run(process.execPath, [BROOK, 'simulate', ...args, '--control', simulate.document.control], { env: process.env })

  beforeAll(async () => {
    simulate = await SimulateProcess.start(
      `--rooms ${ROOMS} --floors 4 --seed 7 --people 60 --speed 10x --zwave pty --zwave-nodes 8`.split(' '),
    )
    building = await BuildingProcess.start({
      env: { ...(await freshSettings()), ...simulate.document.env, BROOK_DEVICE_SILENT_AFTER: '4s' },
    })
  }, 60_000)
  afterAll(async () => {
    await cleanUp()
    await simulate?.kill()
  })

  test('says what it simulates', () => {
    expect(simulate.document).toMatchObject({ rooms: ROOMS, floors: 4, seed: 7 })
    expect(Object.keys(simulate.document.env).sort()).toEqual([
      'BROOK_HOUSE',
      'BROOK_KNX_GATEWAY',
      'BROOK_MQTT_URL',
      'BROOK_SIMULATE',
      'BROOK_ZWAVE_PORT',
    ])
  })

  test('every bus speaks, and every room is there', async () => {
    for (const name of ['mqtt', 'knx', 'zwave']) {
      const { state } = await untilState(name, ['running'], 30_000)
      expect(state).toBe('running')
      await eventually(`${name} speaks`, async () => ((await report(name))?.received ? true : undefined))
    }
    await eventually('all rooms are known', async () => {
      const { rooms } = (await building.get<{ rooms: readonly unknown[] }>('/v1/rooms')).body
      return rooms.length === ROOMS ? true : undefined
    })
  })

  test('a fault of each wire is seen in the state of its connector, and over when it ends', async () => {
    const faults = [
      ['knx', 'knx-silent', ['degraded', 'connecting', 'failed']],
      ['zwave', 'zwave-unplugged', ['connecting', 'failed']],
      ['mqtt', 'mqtt-broker-gone', ['connecting', 'failed']],
    ] as const
    await Promise.all(
      faults.map(async ([bus, fault, states]) => {
        const before = (await report(bus))?.reconnects ?? 0
        expect(await brook('fault', fault)).toMatchObject({ exitCode: 0 })
        expect((await untilState(bus, states)).lastError, fault).toBeDefined()
        expect((await building.get(`/health/${bus}`)).status, fault).toBe(503)
        expect(await brook('end', fault)).toMatchObject({ exitCode: 0 })
        expect((await untilState(bus, ['running'], 40_000)).reconnects, fault).toBeGreaterThan(before)
        expect((await building.get(`/health/${bus}`)).status, fault).toBe(200)
      }),
    )
  })

  test('a gateway without a free connection, a silent sensor and garbage trouble nothing else, and end by themselves or when told', async () => {
    const sensor = async () => {
      const { rooms } = (await building.get<{ rooms: readonly Room[] }>('/v1/rooms')).body
      return rooms.flatMap(({ devices }) => devices).find(({ deviceId }) => deviceId === SENSOR)
    }
    const untilAvailable = (wanted: boolean) =>
      eventually(
        `${SENSOR} is ${wanted ? 'available' : 'unavailable'}`,
        async () => {
          const found = await sensor()
          return found?.available === wanted ? found : undefined
        },
        30_000,
      )
    await untilAvailable(true)
    const before = (await report('mqtt'))?.deadLetters ?? 0
    simulate.type(`fault sensor-silent ${SENSOR}`)
    simulate.type('fault mqtt-garbage 1s')
    simulate.type('fault knx-refuses 4s')
    expect((await untilState('knx', ['degraded', 'connecting', 'failed'])).lastError).toBeDefined()
    await eventually('dead letters', async () => ((await report('mqtt'))!.deadLetters > before ? true : undefined))
    expect((await report('mqtt'))?.state).toBe('running')
    const { lastSeenMs, unavailableSinceMs } = await untilAvailable(false)
    expect(unavailableSinceMs).toBeGreaterThan(lastSeenMs as number)
    expect(await (await fetch(`${building.url}/metrics`)).text()).toContain('brook_devices_unavailable{bus="mqtt"} 1')
    simulate.type(`end sensor-silent ${SENSOR}`)
    await untilAvailable(true)
    await untilState('knx', ['running'], 30_000)
    expect(simulate.notes).toContain('knx-refuses ends')
  })

  test('a fault that there is not is refused with the way out', async () => {
    const { exitCode, output } = await brook('fault', 'flying-saucer')
    expect(exitCode).toBe(1)
    expect(output).toContain('brook simulate faults lists what there is')
  })

  test('each loss was logged once, not once per try', () => {
    const losses = { mqtt: 1, knx: 2, zwave: 1 }
    for (const [bus, most] of Object.entries(losses)) {
      const lines = building.complaints.filter(({ connector }) => connector === bus).map(({ msg }) => msg)
      expect(lines.length, bus).toBeGreaterThan(0)
      for (const line of new Set(lines))
        expect(lines.filter((one) => one === line).length, line).toBeLessThanOrEqual(most)
    }
  })

  test('ends on Ctrl-C', async () => {
    expect((await building.interrupt()).code).toBe(0)
    expect(await simulate.interrupt()).toBe(0)
  })
})

test('a simulation that nobody types to, as a service, ends when it is told to', async () => {
  const simulate = await SimulateProcess.start(['--rooms', '2', '--zwave', 'tcp:0'], 'ignore')
  expect(await simulate.interrupt('SIGTERM')).toBe(0)
  await cleanUp()
})
