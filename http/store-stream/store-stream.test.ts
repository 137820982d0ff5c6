import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { StreamsBuilder, serdes, TimeWindows } from '../../streams/index.ts'
import { Cluster, type Instance } from '../../test/support/cluster.ts'
import type { EventStream, StreamedEvent } from '../testing/event-stream.ts'

const TEXT = { key: serdes.string, value: serdes.string }
const KEYS = Array.from({ length: 12 }, (_, i) => `key-${String(i).padStart(2, '0')}`)

function topology() {
  const builder = new StreamsBuilder()
  builder.table('things', { ...TEXT, store: 'things' })
  builder
    .stream('events', TEXT)
    .groupByKey()
    .windowedBy(TimeWindows.ofSizeAndGrace('1m', '10m'))
    .count({ store: 'windows' })
  return builder.build()
}

let cluster: Cluster
let streams: EventStream[]

beforeEach(async () => {
  cluster = new Cluster(topology)
  streams = []
  await cluster.open(['things', 'events'].map((name) => ({ name, partitions: 4 })))
})

afterEach(async () => {
  await Promise.all(streams.map((stream) => stream.close().catch(() => {})))
  await cluster.close()
})

const produce = (records: readonly (readonly [key: string, value: string | null])[]) =>
  cluster.produce(
    'things',
    records.map(([key, value]) => ({ key, value })),
  )

async function listen(instance: Instance, path: string, lastEventId?: string): Promise<Listener> {
  const stream = await cluster.listen(instance, path, lastEventId === undefined ? {} : { 'last-event-id': lastEventId })
  expect([stream.response.status, stream.response.headers.get('content-type')]).toEqual([
    200,
    'text/event-stream; charset=utf-8',
  ])
  streams.push(stream)
  return new Listener(stream)
}

/** Keeps the rows as a client does. */
class Listener {
  readonly rows = new Map<string, unknown>()
  readonly events: StreamedEvent[] = []
  readonly #ready = new Set<number>()
  readonly stream: EventStream

  constructor(stream: EventStream) {
    this.stream = stream
    void this.#read().catch(() => {})
  }

  get isReady(): number {
    return this.#ready.size
  }

  named(name: string): StreamedEvent[] {
    return this.events.filter((event) => event.event === name)
  }

  async #read(): Promise<void> {
    for (let event = await this.stream.next(); event !== undefined; event = await this.stream.next()) {
      this.events.push(event)
      const data = event.data as { key: string; value: unknown; partitions: number[]; startMs?: number }
      const row = () => (data.startMs === undefined ? data.key : `${data.key}@${data.startMs}`)
      if (event.event === 'row' || event.event === 'change') {
        if (data.value === null) this.rows.delete(row())
        else this.rows.set(row(), data.value)
      }
      if (event.event === 'ready') for (const p of data.partitions) this.#ready.add(p)
      if (event.event === 'snapshot' || event.event === 'interrupted')
        for (const p of data.partitions) this.#ready.delete(p)
    }
  }
}

const settled = (check: () => void | Promise<void>) => vi.waitFor(check, { timeout: 10_000, interval: 10 })

async function two(): Promise<[Instance, Instance]> {
  const a = await cluster.start('a')
  const b = await cluster.start('b')
  await settled(() =>
    expect([a, b].map((i) => [i.streams.state, i.streams.tasks().length])).toEqual([
      ['RUNNING', 4],
      ['RUNNING', 4],
    ]),
  )
  return [a, b]
}

describe('a live query', () => {
  test('tells the rows of all instances, then every change', async () => {
    await produce(KEYS.map((key) => [key, 'first']))
    const [a, b] = await two()
    await settled(async () =>
      expect(((await cluster.get(a, '/v1/stores/things/range')).body['entries'] as unknown[]).length).toBe(KEYS.length),
    )
    const listeners = [await listen(a, '/v1/stores/things/stream'), await listen(b, '/v1/stores/things/stream')]
    for (const listener of listeners) {
      await settled(() => expect(listener.isReady).toBe(4))
      expect([...listener.rows.keys()].sort()).toEqual(KEYS)
    }
    await produce([
      [KEYS[0] as string, 'second'],
      [KEYS[1] as string, null],
      ['new', 'third'],
    ])
    for (const listener of listeners)
      await settled(() => {
        expect(listener.rows.get(KEYS[0] as string)).toBe('second')
        expect(listener.rows.has(KEYS[1] as string)).toBe(false)
        expect(listener.rows.get('new')).toBe('third')
      })
    expect(listeners[0]?.named('change')).toHaveLength(3)
    expect(listeners[0]?.stream.lastId?.split(',')).toHaveLength(4)
  })

  test('tells one key alone, whoever has it', async () => {
    const [a, b] = await two()
    await produce(KEYS.map((key) => [key, 'first']))
    for (const instance of [a, b])
      for (const key of KEYS.slice(0, 4)) {
        const listener = await listen(instance, `/v1/stores/things/stream?key=${key}`)
        await settled(() => expect(listener.rows).toEqual(new Map([[key, 'first']])))
      }
    await produce(KEYS.map((key) => [key, 'second']))
    await settled(() => expect(streams).toHaveLength(8))
  })

  test('tells windows with their times', async () => {
    const [a] = await two()
    const listener = await listen(a, '/v1/stores/windows/stream?key=w')
    await settled(() => expect(listener.isReady).toBe(1))
    for (const timestampMs of [10_000, 20_000, 70_000])
      await cluster.produce('events', [{ key: 'w', value: 'x', timestampMs }])
    await settled(() =>
      expect(listener.rows).toEqual(
        new Map([
          ['w@0', 2],
          ['w@60000', 1],
        ]),
      ),
    )
  })

  test('goes on where it stopped, at any instance, without the rows', async () => {
    const [a, b] = await two()
    await produce(KEYS.map((key) => [key, 'first']))
    const first = await listen(a, '/v1/stores/things/stream')
    await settled(() => expect(first.rows.size).toBe(KEYS.length))
    await settled(() => expect(first.stream.lastId?.split(',')).toHaveLength(4))
    const { lastId } = first.stream
    const other = await listen(b, '/v1/stores/things/stream')
    await settled(() => expect(other.isReady).toBe(4))
    await first.stream.close()
    await produce([
      [KEYS[2] as string, 'missed'],
      [KEYS[3] as string, null],
    ])
    await settled(() => expect(other.rows.get(KEYS[2] as string)).toBe('missed'))
    for (const instance of [a, b]) {
      const again = await listen(instance, '/v1/stores/things/stream', lastId)
      await settled(() => expect(again.isReady).toBe(4))
      expect(again.named('snapshot')).toEqual([])
      expect(again.named('row')).toEqual([])
      await settled(() =>
        expect(
          again
            .named('change')
            .map((e) => (e.data as { key: string; value: unknown }).value)
            .sort(),
        ).toEqual(['missed', null]),
      )
    }
  })

  test('reads the rows anew for an id that says nothing here', async () => {
    const [a] = await two()
    await produce(KEYS.map((key) => [key, 'first']))
    for (const id of ['nonsense', '0:999999,1:999999,2:999999,3:999999', '17:3']) {
      const listener = await listen(a, '/v1/stores/things/stream', id)
      await settled(() => expect(listener.rows.size).toBe(KEYS.length))
      expect(listener.named('snapshot').length).toBeGreaterThan(0)
    }
  })

  test('follows a task that moves, and misses nothing', async () => {
    const [a, b] = await two()
    await produce(KEYS.map((key) => [key, 'first']))
    const listener = await listen(a, '/v1/stores/things/stream')
    await settled(() => expect(listener.rows.size).toBe(KEYS.length))
    const state = { isOver: false, n: 0 }
    const writing = (async () => {
      while (!state.isOver) {
        await produce(KEYS.map((key) => [key, `value ${state.n}`]))
        state.n++
        await new Promise((resolve) => setTimeout(resolve, 2))
      }
    })()
    await b.stop()
    await settled(() => expect(a.streams.tasks().length).toBe(8))
    await a.streams.waitFor('RUNNING')
    const c = await cluster.start('c')
    await settled(() => expect(c.streams.tasks().length).toBe(4))
    await c.streams.waitFor('RUNNING')
    state.isOver = true
    await writing
    const last = `value ${state.n - 1}`
    await settled(() => expect([...listener.rows.values()]).toEqual(KEYS.map(() => last)))
    await settled(() => expect(listener.isReady).toBe(4))
    expect(listener.named('interrupted').length).toBeGreaterThan(0)
    expect(listener.named('closing')).toEqual([])
  }, 30_000)

  test('is refused where it makes no sense', async () => {
    const [a] = await two()
    for (const [path, status, code] of [
      ['/v1/stores/nope/stream', 404, 'STORE_UNKNOWN'],
      ['/v1/stores/things/stream?partitions=9', 400, 'BAD_REQUEST'],
      ['/v1/stores/things/stream?key=x&keyType=long', 400, 'BAD_KEY'],
    ] as const) {
      const answer = await cluster.get(a, path)
      expect([answer.status, answer.body['code']]).toEqual([status, code])
    }
    const elsewhere = (await cluster.get(a, '/v1/metadata/stores/things')).body['partitions'] as {
      partition: number
      local: boolean
    }[]
    const other = elsewhere.find((p) => !p.local)?.partition
    const hop = await cluster.get(a, `/v1/stores/things/stream?partitions=${other}`, { 'x-streams-hop': '1' })
    expect([hop.status, hop.body['code']]).toEqual([421, 'NOT_OWNER'])
  })

  test('costs one tap per partition, however many listen, and ends with a reason', async () => {
    const a = await cluster.start('a')
    await a.streams.waitFor('RUNNING')
    await produce(KEYS.map((key) => [key, 'first']))
    await settled(async () =>
      expect((await cluster.get(a, '/v1/stores/things/range')).body['entries']).toHaveLength(KEYS.length),
    )
    const listeners: Listener[] = []
    for (let n = 0; n < 300; n++)
      listeners.push(await listen(a, `/v1/stores/things/stream?key=${KEYS[n % KEYS.length]}`))
    await settled(() => expect(listeners.every((l) => l.rows.size === 1)).toBe(true))
    await produce(KEYS.map((key) => [key, 'second']))
    await settled(() => expect(listeners.every((l) => [...l.rows.values()][0] === 'second')).toBe(true))
    const seconds = ({ data }: StreamedEvent) => (data as { value: string }).value === 'second'
    expect(listeners.map((l) => l.named('change').filter(seconds).length)).toEqual(listeners.map(() => 1))
    const metrics = await fetch(`${a.url}/metrics`, { headers: { authorization: 'Bearer a-long-secret-token' } })
    expect(await metrics.text()).toMatch(/http_store_streams 300\n[\s\S]*http_store_feeds 4\n/)
    await a.server.stop()
    await settled(() => expect(listeners.every((l) => l.named('closing').length === 1)).toBe(true))
  }, 30_000)
})
