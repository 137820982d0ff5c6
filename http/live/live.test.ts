import { connect } from 'node:net'
import { afterEach, describe, expect, test } from 'vitest'
import type { Device, Reading, RoomAverage, RuleEvaluation } from '../../schemas/types.ts'
import { type DemoServer, startDemoServer } from '../testing/demo-server.ts'
import { EventStream, type StreamedEvent } from '../testing/event-stream.ts'
import { LiveEntry } from './live-entry.ts'
import type { LiveEvent } from './live-events.ts'
import { LiveHub, type LiveHubOptions } from './live-hub.ts'
import { LiveRing } from './live-ring.ts'
import { roomView } from './rooms.ts'

const device = (deviceId: string, roomId: string, name = deviceId): LiveEvent => ({
  type: 'device',
  key: deviceId,
  data: {
    deviceId,
    roomId,
    floor: '1',
    name,
    type: 'dimmer',
    bus: 'zwave',
    kinds: ['light'],
    knx: null,
    zwave: null,
    mqtt: null,
  } satisfies Device,
})
const reading = (deviceId: string, roomId: string, value: number, eventTimeMs = 1): LiveEvent => ({
  type: 'reading',
  key: deviceId,
  data: {
    deviceId,
    roomId,
    bus: 'zwave',
    kind: 'light',
    value,
    unit: 'percent',
    quality: 'good',
    eventTimeMs,
    receivedAtMs: eventTimeMs,
    sequence: null,
    retained: false,
  } satisfies Reading,
})
const average = (roomId: string, windowStartMs: number, mean: number): LiveEvent => ({
  type: 'room-average',
  key: roomId,
  data: {
    roomId,
    windowStartMs,
    windowEndMs: windowStartMs + 300_000,
    temperature: { count: 1, mean, min: mean, max: mean },
    humidity: null,
    luminance: null,
  } satisfies RoomAverage,
})
const evaluation = (rule: string, atMs: number): LiveEvent => ({
  type: 'evaluation',
  key: 'a',
  data: {
    roomId: 'a',
    rule,
    result: 'fired',
    reason: 'because',
    conditions: [],
    causes: [],
    deviceId: null,
    commandId: null,
    targetValue: null,
    atMs,
  } satisfies RuleEvaluation,
})
const command = (commandId: string, roomId = 'a'): LiveEvent => ({
  type: 'command',
  key: 'd',
  data: {
    commandId,
    deviceId: 'd',
    roomId,
    kind: 'light',
    value: 1,
    issuer: 'user:local',
    causes: [],
    issuedAtMs: 1,
    expiresAtMs: 2,
  },
})

describe('what the hub remembers', () => {
  const remembered = (...events: LiveEvent[]) => {
    const hub = new LiveHub()
    for (const event of events) hub.publish(event)
    return hub
  }

  test('the last event of each kind of each device', () => {
    const hub = remembered(reading('d', 'a', 1), reading('e', 'a', 2), reading('d', 'a', 3))
    expect(hub.eventsOf('a').map(({ data }) => (data as Reading).value)).toEqual([2, 3])
  })

  test('the newest window of a room, also when an older one is corrected later', () => {
    const hub = remembered(
      average('a', 300_000, 20),
      average('a', 600_000, 21),
      average('a', 300_000, 19),
      average('a', 600_000, 22),
    )
    expect(hub.eventsOf('a').map(({ data }) => (data as RoomAverage).temperature?.mean)).toEqual([22])
  })

  test('the last few commands, and of evaluations also the last of each rule', () => {
    const commands = Array.from({ length: 30 }, (_, i) => command(`c${i}`))
    expect(remembered(...commands).eventsOf('a')).toHaveLength(20)
    const evaluations = Array.from({ length: 50 }, (_, i) => evaluation('lights', i + 2))
    const kept = remembered(evaluation('blinds-open', 1), ...evaluations).eventsOf('a')
    expect(kept).toHaveLength(21)
    expect((kept[0]!.data as RuleEvaluation).rule).toBe('blinds-open')
  })

  test('a device in the room where it stands now, and none that is gone', () => {
    const moved = remembered(device('d', 'a'), reading('d', 'a', 1), reading('x', 'a', 2), device('d', 'b'))
    expect(moved.eventsOf('a').map(({ key }) => key)).toEqual(['x'])
    expect(moved.roomOfDevice('d')).toBe('b')
    moved.publish({ type: 'device', key: 'd', data: null })
    expect(moved.roomIds).toEqual(['a'])
    expect(moved.roomOfDevice('d')).toBeUndefined()
  })

  test('a bounded number of rooms: the one that was quiet longest goes', () => {
    const hub = new LiveHub({ maxRooms: 2 })
    for (const room of ['a', 'b', 'a', 'c']) hub.publish(reading('d', room, 1))
    expect([...hub.roomIds].sort()).toEqual(['a', 'c'])
  })

  test('values by the time they were measured, whatever the order they came in', () => {
    const hub = remembered(device('d', 'a'), reading('d', 'a', 10, 200), {
      type: 'device-state',
      key: 'd',
      data: {
        deviceId: 'd',
        roomId: 'a',
        values: [{ kind: 'light', value: 99, unit: 'percent', quality: 'good', timeMs: 100, receivedAtMs: 100 }],
        lastCommand: null,
        lastResult: null,
      },
    })
    expect(roomView('a', hub.eventsOf('a'), 1_200)).toMatchObject({
      devices: [{ values: [{ value: 10, ageMs: 1_000 }] }],
    })
  })

  test('commands with what became of them', () => {
    const hub = remembered(command('c1'), command('c2'), {
      type: 'command-result',
      key: 'd',
      data: { commandId: 'c1', deviceId: 'd', roomId: 'a', status: 'refused', detail: 'no', atMs: 5 },
    })
    expect(roomView('a', hub.eventsOf('a'), 10)).toMatchObject({
      commands: [
        { commandId: 'c2', status: 'accepted' },
        { commandId: 'c1', status: 'refused', detail: 'no', statusAtMs: 5 },
      ],
    })
  })
})

test('the ring gives what came after an event as long as it has all of it', () => {
  const ring = new LiveRing(4)
  for (let i = 1; i <= 6; i++) ring.push(new LiveEntry(i, reading('d', 'a', i)))
  expect(ring.after(2)?.map((e) => e.sequence)).toEqual([3, 4, 5, 6])
  expect(ring.after(6)).toEqual([])
  for (const gone of [0, 1, 7, 99, -1]) expect(ring.after(gone)).toBeUndefined()
})

describe('the live feed', () => {
  let demo: DemoServer
  const streams: EventStream[] = []
  const start = async (live: LiveHubOptions = {}) => {
    demo = await startDemoServer({ tickMs: 0, live, stopTimeoutMs: 500 })
  }
  const listen = async (query = '', headers: Record<string, string> = {}) => {
    const stream = await EventStream.open(`${demo.url}/v1/live${query}`, headers)
    streams.push(stream)
    return stream
  }
  afterEach(async () => {
    for (const stream of streams.splice(0)) await stream.close()
    await demo.stop()
  })
  const dataOf = (event: StreamedEvent | undefined) => event?.data as { key: string; id?: string; data: never }

  test('begins with all that is known, then tells each change', async () => {
    await start()
    const stream = await listen()
    expect(stream.response.headers.get('content-type')).toBe('text/event-stream; charset=utf-8')
    const beginning = await stream.until('ready')
    expect(beginning[0]!.event).toBe('snapshot')
    const count = (name: string) => beginning.filter(({ event }) => event === name).length
    expect([count('room'), count('device'), count('room-average'), count('occupancy'), count('connector')]).toEqual([
      12, 51, 12, 12, 3,
    ])
    demo.hub.publish({ ...reading('dimmer-101', 'room-101', 55), id: 'building.readings:0:1' })
    const change = await stream.next()
    expect(change?.event).toBe('reading')
    expect(dataOf(change)).toMatchObject({ key: 'dimmer-101', id: 'building.readings:0:1', data: { value: 55 } })
    expect(change?.id).toMatch(/^[0-9a-f]{12}-\d+$/)
  })

  test('passes only the types and rooms that were asked for', async () => {
    await start()
    const stream = await listen('?types=occupancy,reading&rooms=room-101,room-102')
    const beginning = (await stream.until('ready')).slice(1, -1)
    expect(new Set(beginning.map(({ event }) => event))).toEqual(new Set(['occupancy', 'reading']))
    expect(new Set(beginning.map((event) => (dataOf(event).data as Reading).roomId))).toEqual(
      new Set(['room-101', 'room-102']),
    )
    demo.hub.publish(reading('d', 'room-103', 1))
    demo.hub.publish(average('room-101', 0, 1))
    demo.hub.publish(reading('d', 'room-102', 2))
    expect(dataOf(await stream.next()).data).toMatchObject({ roomId: 'room-102', value: 2 })
  })

  test('goes on where a client stopped, without what it has already', async () => {
    await start()
    const first = await listen('?types=reading')
    await first.until('ready')
    await first.close()
    for (let i = 0; i < 3; i++) demo.hub.publish(reading(`new-${i}`, 'room-101', i))
    const again = await listen('?types=reading', { 'last-event-id': first.lastId as string })
    const missed = await again.until('ready')
    expect(missed[0]!.event).toBe('resume')
    expect(missed.slice(1, -1).map((event) => dataOf(event).key)).toEqual(['new-0', 'new-1', 'new-2'])
  })

  test.each([
    ['too old', (id: string) => id.replace(/-\d+$/, '-1')],
    ['from another process', (id: string) => id.replace(/^.{12}/, '0123456789ab')],
    ['not one of ours', () => 'x; DROP'],
  ])('begins anew for an id that is %s', async (_, change) => {
    await start({ ringSize: 8 })
    const first = await listen()
    await first.until('ready')
    const again = await listen('', { 'last-event-id': change(first.lastId as string) })
    expect((await again.next())?.event).toBe('snapshot')
  })

  test('gives one slot at most so often, and the last value in the end', async () => {
    await start({ minIntervalMs: 100 })
    const stream = await listen('?types=reading&rooms=fast')
    await stream.until('ready')
    for (let i = 1; i <= 100; i++) demo.hub.publish(reading('d', 'fast', i))
    demo.hub.publish(reading('other', 'fast', 7))
    const values = (await stream.during(350)).map((event) => (dataOf(event).data as Reading).value)
    expect(values).toEqual([1, 7, 100])
  })

  test('never gives an id past an event that still waits', async () => {
    await start({ minIntervalMs: 300 })
    const stream = await listen('?types=reading&rooms=fast')
    await stream.until('ready')
    for (const [id, value] of [
      ['d', 1],
      ['d', 2],
      ['e', 3],
    ] as const)
      demo.hub.publish(reading(id, 'fast', value))
    const first = await stream.next()
    const third = await stream.next()
    expect([first, third].map((event) => (dataOf(event).data as Reading).value)).toEqual([1, 3])
    const again = await listen('?types=reading&rooms=fast', { 'last-event-id': third?.id as string })
    const missed = (await again.until('ready')).slice(1, -1)
    expect(missed.map((event) => (dataOf(event).data as Reading).value)).toContain(2)
  })

  test('beats, with the time of the server', async () => {
    await start({ heartbeatMs: 40 })
    const stream = await listen('?types=connector')
    await stream.until('ready')
    const beat = await stream.next()
    expect(Math.abs((beat!.data as { timeMs: number }).timeMs - Date.now())).toBeLessThan(2_000)
  })

  test('takes only so many listeners', async () => {
    await start({ maxClients: 1 })
    const stream = await listen()
    const refused = await fetch(`${demo.url}/v1/live`)
    expect([refused.status, refused.headers.get('retry-after')]).toEqual([503, '10'])
    expect(await refused.json()).toMatchObject({ code: 'CLIENTS' })
    await stream.close()
    await expect.poll(() => demo.hub.clientCount).toBe(0)
    expect((await (await listen()).next())?.event).toBe('snapshot')
  })

  test('cuts a client that takes nothing, with the reason, and nobody else', async () => {
    await start({ heartbeatMs: 50, slowAfterMs: 200, minIntervalMs: 1 })
    const good = await listen('?types=room')
    await good.until('ready')
    const { port } = new URL(demo.url)
    const slow = connect(Number(port), '127.0.0.1')
    slow.on('error', () => {})
    slow.write('GET /v1/live?types=device HTTP/1.1\r\nHost: localhost\r\n\r\n')
    await expect.poll(() => demo.hub.clientCount).toBe(2)
    slow.pause()
    const text = 'x'.repeat(200_000)
    for (let i = 0; i < 100; i++) demo.hub.publish(device(`big-${i}`, 'a', text))
    await expect.poll(() => demo.hub.clientCount, { timeout: 5_000 }).toBe(1)
    slow.destroy()
    demo.hub.publish({ type: 'room', key: 'r', data: { roomId: 'r', name: 'R', floor: '1' } })
    const next = (await good.until('room')).at(-1)
    expect(dataOf(next).key).toBe('r')
  })

  test('cuts a client for which too much waits, and tells it so', async () => {
    await start({ maxPending: 20, minIntervalMs: 10_000 })
    const stream = await listen('?types=reading&rooms=fast')
    await stream.until('ready')
    for (let round = 0; round < 2; round++)
      for (let i = 0; i < 30; i++) demo.hub.publish(reading(`d${i}`, 'fast', round))
    const closing = (await stream.until('closing')).at(-1)
    expect(closing?.data).toMatchObject({ reason: expect.stringContaining('too slow') })
    expect(await stream.next()).toBeUndefined()
  })

  test('ends with a hint when the server stops, at once', async () => {
    await start()
    const stream = await listen()
    await stream.until('ready')
    const startedMs = performance.now()
    await Promise.all([
      demo.stop(),
      stream
        .until('closing')
        .then((events) => expect(events.at(-1)?.data).toEqual({ reason: 'the server is stopping', retryMs: 2_000 })),
    ])
    expect(performance.now() - startedMs).toBeLessThan(2_000)
  })
})
