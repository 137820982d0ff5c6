import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { openPublisher } from '../../connectors/mqtt/client.ts'
import { KafkaCluster } from '../../scripts/servers/kafka-broker.ts'
import { freePorts } from '../../scripts/servers/ports.ts'
import { run } from '../../scripts/servers/run.ts'
import { BuildingProcess, cleanUp, freshDirectory } from './building-process.ts'
import { eventually } from './eventually.ts'
import { zoneWhereItIs } from './local-hour.ts'

const BUSES = ['mqtt', 'knx', 'zwave'] as const

interface RoomDocument {
  readonly roomId: string
  readonly averages: { readonly value: { readonly temperature: { readonly count: number } | null } } | null
  readonly devices: readonly { readonly bus: string; readonly values: readonly { readonly kind: string }[] }[]
}

/** As docker-compose.yml has it: each connector a process of its own, and a building without any. */
describe('connectors in processes of their own', () => {
  let kafka: KafkaCluster
  let building: BuildingProcess
  const connectors = new Map<string, BuildingProcess>()
  let shared: Record<string, string>
  const settings = new Map<string, Record<string, string>>()

  beforeAll(async () => {
    kafka = await KafkaCluster.start({ directory: freshDirectory() })
    shared = {
      BROOK_KAFKA_BROKERS: kafka.brokers,
      BROOK_SCHEMA_REGISTRY: process.env['BROOK_TEST_REGISTRY'] as string,
      BROOK_TIME_ZONE: zoneWhereItIs(23),
    }
    const ports = await freePorts(5)
    const own = (port: number) => ({
      ...shared,
      BROOK_DATA_DIR: freshDirectory(),
      BROOK_HTTP_PORT: String(ports[port]),
      BROOK_MQTT_PORT: String(ports[4]),
    })
    BUSES.forEach((bus, i) => {
      settings.set(bus, own(i))
      connectors.set(bus, BuildingProcess.spawn({ program: 'connectors', args: [bus], env: own(i) }))
    })
    building = BuildingProcess.spawn({ env: { ...own(3), BROOK_SIMULATE: 'none' } })
    await Promise.all([building, ...connectors.values()].map((program) => program.ready()))
  }, 120_000)
  afterAll(async () => {
    await kafka?.kill()
    await cleanUp()
  })

  test('say over HTTP that they are ready, what they do, and nothing of stores', async () => {
    for (const [bus, connector] of connectors) {
      expect((await connector.get('/livez')).status).toBe(200)
      expect((await connector.get('/readyz')).body).toEqual({
        ready: true,
        checks: [
          { name: 'server', ready: true },
          { name: 'kafka', ready: true },
          { name: 'schema-registry', ready: true },
          { name: 'connector', ready: true },
        ],
      })
      const metrics = await (await fetch(`${connector.url}/metrics`)).text()
      expect(metrics).toContain(`brook_connector_up{connector="${bus}"} 1`)
      await eventually('its report says so too', async () => {
        const { connectors: reports } = (
          await connector.get<{ connectors: { name: string; state: string }[] }>('/v1/connectors')
        ).body
        return reports.some(({ name, state }) => name === bus && state === 'running') ? true : undefined
      })
      expect((await connector.get('/v1/stores')).status).toBe(503)
    }
  })

  test('answer the health check of their containers', async () => {
    const connector = connectors.get('knx') as BuildingProcess
    const port = new URL(connector.url).port
    const check = () =>
      run(process.execPath, ['deploy/healthcheck.mjs'], { env: { ...process.env, BROOK_HTTP_PORT: port } })
    expect(await check()).toEqual({ exitCode: 0, output: '' })
  })

  test('give the building a whole house: twelve rooms, with what is on every bus', async () => {
    const rooms = await eventually(
      'twelve rooms with averages and actuators',
      async () => {
        const all = (await building.get<{ rooms: RoomDocument[] }>('/v1/rooms')).body.rooms
        const isWhole = ({ averages, devices }: RoomDocument) =>
          averages?.value.temperature && devices.every(({ values }) => values.length > 0)
        return all.length === 12 && all.every(isWhole) ? all : undefined
      },
      30_000,
    )
    const buses = new Set(rooms.flatMap(({ devices }) => devices.map(({ bus }) => bus)))
    expect([...buses].sort()).toEqual(['knx', 'mqtt', 'zwave'])
  })

  test('carry commands out: a lamp on Z-Wave and blinds on KNX do as a person says', async () => {
    for (const [deviceId, kind, value] of [
      ['dimmer-101', 'light', 42],
      ['blinds-101', 'blinds', 30],
    ] as const) {
      const { status, body } = await building.post<{ commandId: string }>('/v1/commands', { deviceId, kind, value })
      expect(status).toBe(202)
      const path = `/v1/stores/device-states/keys/${deviceId}`
      await eventually(`${deviceId} has done it`, async () => {
        const { value: state } = (
          await building.get<{
            value: { lastResult: { commandId: string; status: string }; values: { value: number }[] }
          }>(path)
        ).body
        const isDone = state.lastResult?.commandId === body.commandId && state.lastResult.status === 'confirmed'
        return isDone && Math.abs((state.values[0]?.value ?? 0) - value) <= 1 ? true : undefined
      })
    }
  })

  test('go on where they were when one is killed', async () => {
    const env = settings.get('mqtt') as Record<string, string>
    const before = connectors.get('mqtt') as BuildingProcess
    await before.kill()
    const after = await BuildingProcess.start({ program: 'connectors', args: ['mqtt'], env })
    const publisher = await openPublisher({ url: after.mqttUrl, clientId: 'sensors' })
    await publisher.publish('building/vault/own/temperature', '{"value": 33}')
    await publisher.close()
    await eventually('the message is counted', async () => {
      const path = '/v1/stores/room-averages/windows/vault'
      const { windows } = (await building.get<{ windows: unknown[] }>(path)).body
      return windows?.length === 1 ? true : undefined
    })
    connectors.set('mqtt', after)
  })

  test('stop on Ctrl-C, and the building complained of nothing', async () => {
    const exits = await Promise.all([building, ...connectors.values()].map((program) => program.interrupt()))
    for (const { code, afterMs } of exits) {
      expect(code).toBe(0)
      expect(afterMs).toBeLessThan(10_000)
    }
    expect(building.complaints).toEqual([])
  })
})

test('a connector that has lost its bus is not ready', async () => {
  const [port] = await freePorts(1)
  const connector = BuildingProcess.spawn({
    program: 'connectors',
    args: ['mqtt'],
    env: {
      BROOK_KAFKA_BROKERS: process.env['BROOK_TEST_BROKERS'] as string,
      BROOK_SCHEMA_REGISTRY: process.env['BROOK_TEST_REGISTRY'] as string,
      BROOK_DATA_DIR: freshDirectory(),
      BROOK_HTTP_PORT: String(port),
      BROOK_MQTT_URL: 'mqtt://127.0.0.1:1',
      BROOK_SIMULATE: 'none',
    },
  })
  const checks = await eventually('it says why', async () => {
    const { status, body } = await connector.get<{ checks: { name: string; reason?: string }[] }>('/readyz')
    return status === 503 && body.checks.some(({ reason }) => reason?.includes('127.0.0.1:1')) ? body.checks : undefined
  })
  expect(checks.find(({ name }) => name === 'connector')?.reason).toMatch(/^the connector is (connecting|failed): /)
  expect((await connector.get('/livez')).status).toBe(200)
  expect((await connector.interrupt()).code).toBe(0)
  await cleanUp()
})
