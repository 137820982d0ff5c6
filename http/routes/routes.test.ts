import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import {
  CountDocument,
  KeyDocument,
  OwnerDocument,
  ProblemDocument,
  RangeDocument,
  RoomAverageDocument,
  StoreDocument,
  WindowsDocument,
} from '../api-schemas.ts'
import { type DemoServer, startDemoServer } from '../testing/demo-server.ts'
import { rawGet } from '../testing/raw-get.ts'
import type { CommandRequest } from './context.ts'

let demo: DemoServer
const commands: CommandRequest[] = []

beforeAll(async () => {
  demo = await startDemoServer({
    tickMs: 0,
    commands: async (request) => {
      commands.push(request)
      return { commandId: 'c-1', position: 'building.commands:2:17' }
    },
  })
})
afterAll(() => demo.stop())

const ask = (path: string, init?: RequestInit) => fetch(demo.url + path, init)
const json = async (path: string): Promise<unknown> => (await ask(path)).json()

describe('reads', () => {
  test('the stores of the topology', async () => {
    const { stores } = (await json('/v1/stores')) as { stores: unknown[] }
    expect(stores.map((store) => StoreDocument.parse(store).name).sort()).toEqual(['occupancy', 'room-averages'])
    expect(StoreDocument.parse(await json('/v1/stores/occupancy')).type).toBe('key-value')
  })

  test('windows of a room, the last three hours unless asked otherwise', async () => {
    const { store, key, windows } = WindowsDocument.parse(await json('/v1/stores/room-averages/windows/room-101'))
    expect({ store, key }).toEqual({ store: 'room-averages', key: 'room-101' })
    expect(windows.length).toBeGreaterThanOrEqual(36)
    const { start, end, startMs, endMs, value } = windows[0]!
    expect(start).toBe(new Date(startMs).toISOString())
    expect(end).toBe(new Date(startMs + 300_000).toISOString())
    expect(endMs).toBe(startMs + 300_000)
    expect(Object.keys(value as object)).toEqual(['temperature', 'humidity', 'luminance'])
    expect(RoomAverageDocument.parse(value).temperature?.count).toBe(5)
  })

  test('windows between two times, in both ways of writing them, newest first when asked', async () => {
    const all = WindowsDocument.parse(await json('/v1/stores/room-averages/windows/room-101')).windows
    const [from, to] = [all[3]!.startMs, all[6]!.startMs]
    const path = '/v1/stores/room-averages/windows/room-101'
    const byMs = await json(`${path}?from=${from}&to=${to}`)
    const byIso = await json(`${path}?from=${new Date(from).toISOString()}&to=${new Date(to).toISOString()}`)
    expect(WindowsDocument.parse(byMs).windows).toEqual(all.slice(3, 7))
    expect(byIso).toEqual(byMs)
    const newest = WindowsDocument.parse(await json(`${path}?from=${from}&to=${to}&limit=2&reverse=true`))
    expect(newest.windows.map((w) => w.startMs)).toEqual([all[6]!.startMs, all[5]!.startMs])
    expect(newest.more).toBe(true)
  })

  test('no windows for a room that was never seen', async () => {
    expect(await json('/v1/stores/room-averages/windows/nowhere')).toMatchObject({ windows: [], more: false })
  })

  test('the occupancy of a room, with its times in both forms', async () => {
    const response = await ask('/v1/stores/occupancy/keys/room-101')
    expect(response.headers.get('x-streams-role')).toBe('active')
    const body = KeyDocument.parse(await response.json())
    const value = body.value as { present: boolean; since: string; sinceMs: number; evidence: unknown[] }
    expect(body).toMatchObject({ store: 'occupancy', key: 'room-101' })
    expect(value.present).toBe(true)
    expect(Date.parse(value.since)).toBe(value.sinceMs)
    expect(value.evidence).toHaveLength(1)
  })

  test('ranges page by page, forwards and backwards', async () => {
    for (const [query, first] of [
      ['', 'room-101'],
      ['&reverse=true', 'room-304'],
    ] as const) {
      const keys: unknown[] = []
      let cursor: string | undefined
      do {
        const after: string = cursor === undefined ? '' : `&cursor=${cursor}`
        const page = RangeDocument.parse(await json(`/v1/stores/occupancy/range?limit=5${query}${after}`))
        expect(page.complete).toBe(true)
        keys.push(...page.entries.map((entry) => entry.key))
        cursor = page.cursor
      } while (cursor !== undefined)
      expect(keys[0]).toBe(first)
      expect(new Set(keys).size).toBe(12)
      expect(keys).toHaveLength(12)
    }
  })

  test('bounds and prefixes of keys', async () => {
    const keysOf = async (path: string) => RangeDocument.parse(await json(path)).entries.map(({ key }) => key)
    expect(await keysOf('/v1/stores/occupancy/range?from=room-103&to=room-202')).toEqual([
      'room-103',
      'room-104',
      'room-201',
      'room-202',
    ])
    expect(await keysOf('/v1/stores/occupancy/prefix/room-2')).toHaveLength(4)
    const { cursor } = RangeDocument.parse(await json('/v1/stores/occupancy/prefix/room-2?limit=3'))
    expect(await keysOf(`/v1/stores/occupancy/prefix/room-2?limit=3&cursor=${cursor}`)).toEqual(['room-204'])
    expect(await keysOf('/v1/stores/occupancy/prefix/x')).toEqual([])
    expect(await keysOf(`/v1/stores/occupancy/prefix/${btoa('room-3')}?keyType=base64`)).toHaveLength(4)
  })

  test('counts, owners, tasks, instances and the topology', async () => {
    expect(CountDocument.parse(await json('/v1/stores/occupancy/count')).count).toBe(12)
    const owner = OwnerDocument.parse(await json('/v1/metadata/stores/occupancy/keys/room-101'))
    expect(owner).toMatchObject({ local: true, partition: 0, endpoint: null })
    expect(await json('/v1/tasks')).toMatchObject({ state: 'RUNNING', tasks: [{ taskId: '0_0' }, { taskId: '1_0' }] })
    expect(await json('/v1/metadata')).toMatchObject({ applicationId: 'demo', instances: [{ local: true }] })
    expect(await json('/v1/topology')).toMatchObject({ subtopologies: [{ id: 0 }, { id: 1 }] })
    const text = await ask('/v1/topology', { headers: { accept: 'text/plain' } })
    expect(text.headers.get('content-type')).toMatch(/^text\/plain/)
    expect(await text.text()).toMatch(/^Topologies:\n {3}Sub-topology: 0/)
  })

  test('rooms as the page shows them', async () => {
    const { rooms } = (await json('/v1/rooms')) as { rooms: { roomId: string }[] }
    expect(rooms.map((room) => room.roomId)).toHaveLength(12)
    expect(await json('/v1/rooms/room-104')).toMatchObject({
      roomId: 'room-104',
      name: 'Workshop 104',
      floor: '1',
      occupancy: { roomId: 'room-104' },
      averages: { value: { temperature: { count: expect.any(Number) } } },
      devices: [
        { deviceId: 'blinds-104' },
        { deviceId: 'dimmer-104' },
        { deviceId: 'radiator-104' },
        { deviceId: 'sensor-104' },
        { deviceId: 'switch-104' },
      ],
    })
  })
})

describe('what is asked wrongly gets a problem document', () => {
  const windows = '/v1/stores/room-averages/windows/room-101'
  test.each([
    ['/v1/stores/nope', 404, 'STORE_UNKNOWN'],
    ['/v1/stores/nope/keys/a', 404, 'STORE_UNKNOWN'],
    ['/v1/stores/nope/windows/a', 404, 'STORE_UNKNOWN'],
    ['/v1/stores/nope/range', 404, 'STORE_UNKNOWN'],
    ['/v1/stores/__proto__', 404, 'STORE_UNKNOWN'],
    ['/v1/stores/constructor/keys/a', 404, 'STORE_UNKNOWN'],
    ['/v1/stores/..%2F..%2Fetc%2Fpasswd', 404, 'STORE_UNKNOWN'],
    ['/v1/stores/a%0d%0aSet-Cookie:%20x', 404, 'STORE_UNKNOWN'],
    ['/v1/stores/%00', 404, 'STORE_UNKNOWN'],
    [`/v1/stores/${'x'.repeat(300)}`, 400, 'BAD_REQUEST'],
    ['/v1/stores/%zz', 400, 'BAD_REQUEST'],
    ['/v1/stores/occupancy/keys/nobody', 404, 'KEY_NOT_FOUND'],
    ['/v1/stores/occupancy/keys/__proto__', 404, 'KEY_NOT_FOUND'],
    ['/v1/stores/occupancy/keys/a?keyType=long', 400, 'BAD_KEY'],
    ['/v1/stores/occupancy/keys/a?keyType=nope', 400, 'BAD_KEY'],
    ['/v1/stores/occupancy/keys/%7B?keyType=json', 400, 'BAD_KEY'],
    [`/v1/stores/occupancy/keys/${'x'.repeat(9_000)}`, 400, 'BAD_KEY'],
    ['/v1/stores/room-averages/keys/a', 400, 'STORE_TYPE'],
    ['/v1/stores/occupancy/windows/a', 400, 'STORE_TYPE'],
    ['/v1/stores/room-averages/range', 400, 'STORE_TYPE'],
    [`${windows}?from=x`, 400, 'BAD_WINDOW'],
    [`${windows}?to=2026-02-30`, 400, 'BAD_WINDOW'],
    [`${windows}?from=`, 400, 'BAD_WINDOW'],
    [`${windows}?from=2&to=1`, 400, 'BAD_WINDOW'],
    [`${windows}?from=1&from=2`, 400, 'BAD_WINDOW'],
    [`${windows}?limit=0`, 400, 'LIMIT'],
    [`${windows}?limit=x`, 400, 'LIMIT'],
    ['/v1/stores/occupancy/range?limit=1001', 400, 'LIMIT'],
    ['/v1/stores/occupancy/range?limit=1.5', 400, 'LIMIT'],
    ['/v1/stores/occupancy/range?cursor=***', 400, 'BAD_CURSOR'],
    ['/v1/stores/occupancy/prefix/a?keyType=long', 400, 'BAD_KEY'],
    ['/v1/stores/occupancy/prefix/a?reverse=maybe', 400, 'BAD_REQUEST'],
    ['/v1/rooms/nowhere', 404, 'ROOM_UNKNOWN'],
    ['/v1/live?types=nope', 400, 'BAD_REQUEST'],
    ['/v1/nope', 404, 'NOT_FOUND'],
    ['/../server.ts', 404, 'NOT_FOUND'],
    ['/%2e%2e/server.ts', 404, 'NOT_FOUND'],
    ['/.git/config', 404, 'NOT_FOUND'],
  ])('%s: %i %s', async (path, status, code) => {
    const response = await rawGet(demo.url, path)
    const problem = ProblemDocument.parse(JSON.parse(response.text))
    expect({ status: response.status, code: problem.code, inBody: problem.status }).toEqual({
      status,
      code,
      inBody: status,
    })
  })

  test('as the media type for it', async () => {
    const response = await ask('/v1/nope')
    expect(response.headers.get('content-type')).toBe('application/problem+json; charset=utf-8')
    expect(await response.json()).toMatchObject({ type: '/docs#NOT_FOUND', instance: '/v1/nope' })
  })

  test('a wrong method is told the right ones', async () => {
    const response = await ask('/v1/stores', { method: 'DELETE' })
    expect(response.status).toBe(405)
    expect(response.headers.get('allow')).toBe('GET, HEAD, OPTIONS')
    expect((await ask('/v1/commands')).headers.get('allow')).toBe('POST, OPTIONS')
    const options = await ask('/v1/commands', { method: 'OPTIONS' })
    expect([options.status, options.headers.get('allow')]).toEqual([204, 'POST, OPTIONS'])
  })

  test('HEAD has the status and headers and no body', async () => {
    const response = await ask('/v1/stores/occupancy/keys/room-101', { method: 'HEAD' })
    expect(response.status).toBe(200)
    expect(response.headers.get('content-type')).toMatch(/json/)
    expect(await response.text()).toBe('')
    expect((await ask('/v1/live', { method: 'HEAD' })).status).toBe(200)
  })
})

describe('commands', () => {
  const post = (body: unknown, headers: Record<string, string> = {}) =>
    ask('/v1/commands', {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      body: typeof body === 'string' ? body : JSON.stringify(body),
    })

  test('go out with the room of the device, in the name of the local user', async () => {
    const response = await post({ deviceId: 'dimmer-101', kind: 'light', value: 40 })
    expect(response.status).toBe(202)
    expect(response.headers.get('x-streams-position')).toBe('building.commands:2:17')
    expect(await response.json()).toEqual({
      commandId: 'c-1',
      deviceId: 'dimmer-101',
      roomId: 'room-101',
      status: 'accepted',
      position: 'building.commands:2:17',
    })
    expect(commands.at(-1)).toEqual({
      deviceId: 'dimmer-101',
      roomId: 'room-101',
      kind: 'light',
      value: 40,
      issuer: 'user:local',
    })
  })

  test.each([
    ['an unknown device', { deviceId: 'nope', kind: 'light', value: 1 }, 404, 'DEVICE_UNKNOWN'],
    ['a kind that the device has not', { deviceId: 'dimmer-101', kind: 'blinds', value: 1 }, 400, 'BAD_COMMAND'],
    ['a kind that is none', { deviceId: 'dimmer-101', kind: 'unknown', value: 1 }, 400, 'BAD_REQUEST'],
    ['a value above 100', { deviceId: 'dimmer-101', kind: 'light', value: 101 }, 400, 'BAD_REQUEST'],
    ['a value below 0', { deviceId: 'dimmer-101', kind: 'light', value: -1 }, 400, 'BAD_REQUEST'],
    ['half a switch', { deviceId: 'switch-104', kind: 'switch', value: 0.5 }, 400, 'BAD_REQUEST'],
    ['text for a value', { deviceId: 'dimmer-101', kind: 'light', value: '1' }, 400, 'BAD_REQUEST'],
    ['nothing', {}, 400, 'BAD_REQUEST'],
    ['a list', [], 400, 'BAD_REQUEST'],
    ['no JSON', '{"deviceId":', 400, 'BAD_REQUEST'],
    ['JSON that is no object', 'null', 400, 'BAD_REQUEST'],
    ['polluted JSON', '{"__proto__":{"deviceId":"dimmer-101","kind":"light","value":1}}', 400, 'BAD_REQUEST'],
    ['a huge body', { deviceId: 'x'.repeat(20_000), kind: 'light', value: 1 }, 413, 'BODY_TOO_LARGE'],
  ])('%s is refused', async (_, body, status, code) => {
    const before = commands.length
    const response = await post(body)
    expect(response.status).toBe(status)
    expect(await response.json()).toMatchObject({ code })
    expect(commands).toHaveLength(before)
  })

  test.each([
    ['a form', { 'content-type': 'application/x-www-form-urlencoded' }, 415, 'MEDIA_TYPE'],
    ['text, which needs no leave of the browser', { 'content-type': 'text/plain' }, 415, 'MEDIA_TYPE'],
    ['a page of another site', { origin: 'https://evil.example' }, 403, 'FORBIDDEN_ORIGIN'],
    ['a page that hides its origin', { origin: 'null' }, 403, 'FORBIDDEN_ORIGIN'],
  ])('from %s are refused', async (_, headers, status, code) => {
    const response = await post({ deviceId: 'dimmer-101', kind: 'light', value: 40 }, headers)
    expect(response.status).toBe(status)
    expect(await response.json()).toMatchObject({ code })
  })
})

describe('the description', () => {
  test('names every route once, with answers and problems that exist', async () => {
    const api = (await json('/openapi.json')) as {
      openapi: string
      paths: Record<string, Record<string, { operationId: string; responses: Record<string, unknown> }>>
      components: { schemas: Record<string, unknown> }
    }
    expect(api.openapi).toBe('3.1.0')
    expect(Object.keys(api.paths)).toEqual(
      expect.arrayContaining(['/v1/stores/{store}/windows/{key}', '/v1/live', '/v1/commands', '/readyz']),
    )
    const operations = Object.values(api.paths).flatMap((path) => Object.values(path))
    expect(new Set(operations.map((o) => o.operationId)).size).toBe(operations.length)
    for (const { responses } of operations) expect(Object.keys(responses).some((s) => /^2/.test(s))).toBe(true)
    const refs = [...JSON.stringify(api).matchAll(/"#\/components\/schemas\/(\w+)"/g)].map(([, name]) => name as string)
    expect(refs.length).toBeGreaterThan(10)
    for (const ref of refs) expect(api.components.schemas).toHaveProperty(ref)
  })

  test('every path parameter that is named in a path is described', async () => {
    const api = (await json('/openapi.json')) as {
      paths: Record<string, Record<string, { parameters?: { in: string; name: string }[] }>>
    }
    for (const [path, methods] of Object.entries(api.paths))
      for (const { parameters = [] } of Object.values(methods)) {
        const described = parameters.filter((p) => p.in === 'path').map((p) => p.name)
        expect(described.sort()).toEqual([...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name).sort())
      }
  })
})
