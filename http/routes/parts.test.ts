import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { Metrics } from '../../common/metrics.ts'
import type { AvailabilityReport, ConnectorReport } from '../live/live-events.ts'
import { LiveHub } from '../live/live-hub.ts'
import { createHttpServer, type HttpServer } from '../server.ts'

const KNX: ConnectorReport = {
  name: 'knx',
  state: 'running',
  sinceMs: 1_000,
  lastMessageMs: 2_000,
  queueLength: 3,
  received: 4,
  published: 5,
  deadLetters: 6,
  dropped: 7,
  reconnects: 8,
}

const live = new LiveHub()
let kafkaProblem: string | undefined
let server: HttpServer
let url: string

beforeAll(async () => {
  server = createHttpServer({
    metrics: new Metrics(),
    live,
    port: 0,
    readiness: [
      { name: 'kafka', check: async () => kafkaProblem },
      { name: 'schema-registry', check: async () => undefined },
    ],
  })
  url = (await server.start()).url
})
afterAll(() => server.stop())

const ask = async (path: string) => {
  const response = await fetch(url + path)
  return { status: response.status, body: (await response.json()) as Record<string, unknown> }
}
const tell = (report: ConnectorReport) => live.publish({ type: 'connector', key: report.name, data: report })

describe('the parts of a program, one by one', () => {
  test('a connector that works', async () => {
    tell(KNX)
    expect((await ask('/v1/connectors/knx')).body).toEqual(KNX)
    expect(await ask('/health/knx')).toEqual({
      status: 200,
      body: {
        name: 'knx',
        healthy: true,
        state: 'running',
        since: '1970-01-01T00:00:01.000Z',
        sinceMs: 1_000,
        lastError: null,
        lastMessageAt: '1970-01-01T00:00:02.000Z',
        queueLength: 3,
        received: 4,
        published: 5,
        deadLetters: 6,
        dropped: 7,
        reconnects: 8,
      },
    })
  })

  test.each(['degraded', 'connecting', 'failed'])('a connector that is %s says since when and why', async (state) => {
    tell({ ...KNX, state, sinceMs: 5_000, lastError: 'no gateway' })
    expect(await ask('/health/knx')).toMatchObject({
      status: 503,
      body: { healthy: false, state, sinceMs: 5_000, lastError: 'no gateway' },
    })
  })

  test('what the program stands on, and since when it has been seen so', async () => {
    const first = await ask('/health/kafka')
    expect(first).toMatchObject({ status: 200, body: { name: 'kafka', healthy: true, lastError: null } })
    expect((await ask('/health/kafka')).body['sinceMs']).toBe(first.body['sinceMs'])
    kafkaProblem = 'no broker answers'
    const away = await ask('/health/kafka')
    expect(away).toMatchObject({ status: 503, body: { state: 'unreachable', lastError: 'no broker answers' } })
    kafkaProblem = undefined
    expect(await ask('/health/kafka')).toMatchObject({ status: 200, body: { lastError: 'no broker answers' } })
    expect(await ask('/health/registry')).toMatchObject({ status: 200, body: { name: 'registry' } })
  })

  test('a part that there is not', async () => {
    expect(await ask('/health/zigbee')).toMatchObject({ status: 404, body: { code: 'PART_UNKNOWN' } })
    expect(await ask('/v1/connectors/zigbee')).toMatchObject({ status: 404, body: { code: 'CONNECTOR_UNKNOWN' } })
  })
})

test('a room says which of its devices are unavailable, and forgets it when they are back', async () => {
  const device = {
    deviceId: 'sensor-1',
    roomId: 'attic',
    floor: '1',
    name: 'Sensor',
    type: 'sensor',
    bus: 'mqtt',
    kinds: ['temperature'],
    knx: null,
    zwave: null,
    mqtt: { topic: 'a/b' },
  } as const
  const availability = (report: Partial<AvailabilityReport>) =>
    live.publish({
      type: 'availability',
      key: 'sensor-1',
      data: {
        deviceId: 'sensor-1',
        isAvailable: false,
        sinceMs: 9_000,
        lastSeenMs: 3_000,
        expectedIntervalMs: 2_000,
        ...report,
      },
    })
  const shown = async () => ((await ask('/v1/rooms/attic')).body['devices'] as readonly object[])[0]
  live.publish({ type: 'device', key: 'sensor-1', data: device })
  expect(await shown()).toMatchObject({ available: true })
  availability({})
  expect(await shown()).toMatchObject({
    available: false,
    unavailableSinceMs: 9_000,
    lastSeen: '1970-01-01T00:00:03.000Z',
    expectedIntervalMs: 2_000,
  })
  availability({ isAvailable: true })
  expect(await shown()).toMatchObject({ available: true })
  expect(await shown()).not.toHaveProperty('unavailableSince')
})
