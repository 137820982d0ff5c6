import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { openPublisher } from '../../connectors/mqtt/client.ts'
import { run } from '../../scripts/servers/run.ts'
import { BuildingProcess, cleanUp, freshSettings } from './building-process.ts'
import { eventually } from './eventually.ts'
import { LiveListener } from './live-listener.ts'
import { zoneWhereItIs } from './local-hour.ts'

interface Statistic {
  readonly count: number
  readonly mean: number
  readonly min: number
  readonly max: number
}
type Averages = Readonly<Record<'temperature' | 'humidity' | 'luminance', Statistic | null>>
interface RoomDocument {
  readonly roomId: string
  readonly name: string
  readonly averages: { readonly value: Averages } | null
  readonly evaluations: readonly {
    readonly rule: string
    readonly result: string
    readonly targetValue: number | null
    readonly commandId: string | null
    readonly deviceId: string | null
    readonly causes: readonly { readonly kind: string; readonly value: number; readonly topic: string }[]
  }[]
}
interface Windows {
  readonly store: string
  readonly key: string
  readonly windows: readonly {
    readonly start: string
    readonly end: string
    readonly startMs: number
    readonly endMs: number
    readonly value: Averages
  }[]
}

/** What `npm start` runs, and nothing set but ports, a directory, and an hour at which lamps are wanted. */
describe('the building without settings', () => {
  let building: BuildingProcess
  let startedAfterMs = 0

  beforeAll(async () => {
    const env = { ...(await freshSettings()), BROOK_TIME_ZONE: zoneWhereItIs(23) }
    const startMs = performance.now()
    building = await BuildingProcess.start({ env })
    startedAfterMs = performance.now() - startMs
  })
  afterAll(cleanUp)

  const rooms = async () => (await building.get<{ rooms: RoomDocument[] }>('/v1/rooms')).body.rooms
  const windows = async (room: string) =>
    (await building.get<Windows>(`/v1/stores/room-averages/windows/${room}`)).body.windows

  test('is ready within a minute, says where, and complains of nothing', async () => {
    expect(startedAfterMs).toBeLessThan(60_000)
    expect(building.output).toContain(`Brook is running: ${building.url}`)
    expect(building.complaints).toEqual([])
    expect(building.stderr).toBe('')
  })

  test('shows twelve rooms whose averages change', async () => {
    const complete = await eventually(
      'twelve rooms with averages',
      async () => {
        const all = await rooms()
        return all.length === 12 && all.every(({ averages }) => averages?.value.temperature) ? all : undefined
      },
      30_000,
    )
    expect(complete.map(({ roomId }) => roomId)).toEqual(
      [1, 2, 3].flatMap((floor) => [1, 2, 3, 4].map((n) => `room-${floor}0${n}`)),
    )
    const counts = (list: readonly RoomDocument[]) =>
      list.map(({ averages }) => averages?.value.temperature?.count ?? 0)
    const before = counts(complete)
    await eventually(
      'new readings in every room',
      async () => (counts(await rooms()).every((count, i) => count !== before[i]) ? true : undefined),
      30_000,
    )
  })

  test('one message of MQTT changes the average of its room within two seconds, over HTTP and in the live feed', async () => {
    const live = new LiveListener()
    await live.start(building.url)
    const line = /npx mqtt pub .* -t (\S+) -m '(.+)'/.exec(building.output)
    const [topic, payload] = [line?.[1] as string, line?.[2] as string]
    expect(topic).toBe('building/room-101/my-sensor/temperature')
    const { value } = JSON.parse(payload) as { value: number }
    const publisher = await openPublisher({ url: building.mqttUrl, clientId: 'a-person' })
    const sentMs = Date.now()
    await publisher.publish(topic, payload)
    await eventually(
      `the average of room-101 knows ${value}`,
      async () => {
        const newest = (await windows('room-101')).at(-1)
        return newest?.value.temperature?.max === value ? newest : undefined
      },
      2_000,
    )
    const shown = await eventually('the live feed tells it', () =>
      live.events.find(
        ({ type, data }) => type === 'room-average' && (data['temperature'] as Statistic)?.max === value,
      ),
    )
    expect(shown.data['roomId']).toBe('room-101')
    expect(shown.atMs - sentMs).toBeLessThan(2_000)
    await Promise.all([publisher.close(), live.stop()])
  })

  test('mosquitto_pub and a whole sensor message do so too', async () => {
    const [host, port] = building.mqttUrl.replace('mqtt://', '').split(':') as [string, string]
    const message = {
      deviceId: 'weather-1',
      deviceType: 'environmental',
      timestamp: Date.now(),
      location: { building: 'a', floor: 1, room: 'room-of-my-own' },
      readings: { temperature: 31.5, humidity: 12, pressure: 987 },
      metadata: { battery_level: 55 },
    }
    const publish = (topic: string, body: string) =>
      run('mosquitto_pub', ['-q', '1', '-h', host, '-p', port, '-t', topic, '-m', body])
    expect(await publish('sensors/weather-1', JSON.stringify(message))).toEqual({ exitCode: 0, output: '' })
    expect((await publish('building/room-of-my-own/s/humidity', '{"value": 14}')).exitCode).toBe(0)
    const window = await eventually('the window of a room that nobody knew before', async () => {
      const newest = (await windows('room-of-my-own')).at(-1)
      return newest?.value.humidity?.count === 2 ? newest : undefined
    })
    expect(window.value).toEqual({
      temperature: { count: 1, mean: 31.5, min: 31.5, max: 31.5 },
      humidity: { count: 2, mean: 13, min: 12, max: 14 },
      luminance: null,
    })
    expect(window.endMs - window.startMs).toBe(300_000)
    expect([window.start, window.end]).toEqual([window.startMs, window.endMs].map((ms) => new Date(ms).toISOString()))
  })

  test('somebody walks in by night: the lamp goes on, confirmed, and the evaluation says why', async () => {
    const fired = await eventually('a lamp is switched on', async () => {
      for (const { roomId, evaluations } of await rooms())
        for (const evaluation of evaluations)
          if (evaluation.rule === 'lights' && evaluation.result === 'fired' && evaluation.targetValue === 100)
            return { roomId, ...evaluation }
      return undefined
    })
    expect(fired.causes.map(({ topic, kind, value }) => ({ topic, kind, value }))).toContainEqual({
      topic: 'building.readings',
      kind: expect.stringMatching(/^(motion|luminance)$/),
      value: expect.any(Number),
    })
    const state = await eventually('the lamp has told that it is on', async () => {
      const { body } = await building.get<{ value: Record<string, unknown> }>(
        `/v1/stores/device-states/keys/${fired.deviceId}`,
      )
      const result = body.value['lastResult'] as { status: string } | null
      return result?.status === 'confirmed' ? body.value : undefined
    })
    expect((state['lastCommand'] as { commandId: string }).commandId).toBe(fired.commandId)
    expect(state['values']).toContainEqual(expect.objectContaining({ kind: 'light', value: 100 }))
  })

  test.each([
    ['/v1/stores/no-such-store/keys/room-101', 404],
    ['/v1/stores/no-such-store/windows/room-101', 404],
    ['/v1/stores/occupancy/keys/no-such-room', 404],
    ['/v1/rooms/no-such-room', 404],
    ['/v1/nothing', 404],
    ['/v1/stores/room-averages/windows/room-101?from=yesterday', 400],
    ['/v1/stores/room-averages/windows/room-101?from=200&to=100', 400],
    ['/v1/stores/room-averages/windows/room-101?limit=0', 400],
    ['/v1/stores/occupancy/windows/room-101', 400],
  ])('%s answers %i as a problem document', async (path, status) => {
    const answer = await building.get<{ status: number; title: string; detail: string; code: string }>(path)
    expect(answer).toMatchObject({ status, body: { status, code: expect.any(String), title: expect.any(String) } })
  })

  test('the page, the API document, the topology and the metrics are served', async () => {
    const text = async (path: string, accept = '*/*') => {
      const answer = await fetch(`${building.url}${path}`, { headers: { accept } })
      return { status: answer.status, type: answer.headers.get('content-type') ?? '', body: await answer.text() }
    }
    expect(await text('/')).toMatchObject({ status: 200, type: expect.stringContaining('text/html') })
    expect((await text('/openapi.json')).body).toContain('"openapi":"3.1')
    expect((await text('/v1/topology', 'text/plain')).body).toMatch(/^Topologies:\n/)
    expect((await text('/metrics')).body).toMatch(/^brook_connector_published_total\{connector="mqtt"\} [1-9]/m)
    expect((await building.get('/livez')).status).toBe(200)
    const stores = (await building.get<{ stores: { name: string }[] }>('/v1/stores')).body.stores
    expect(stores.map(({ name }) => name)).toEqual(expect.arrayContaining(['room-averages', 'occupancy', 'rules']))
  })

  test('Ctrl-C stops it within ten seconds with exit code 0, and it complained of nothing all the while', async () => {
    const { pid } = building
    const children = (await run('pgrep', ['-P', String(pid)])).output.split('\n').filter(Boolean).map(Number)
    const { code, afterMs } = await building.interrupt()
    expect(code).toBe(0)
    expect(afterMs).toBeLessThan(10_000)
    for (const one of [pid, ...children]) expect(() => process.kill(one, 0)).toThrow(/ESRCH/)
    expect(building.complaints).toEqual([])
  })
})
