import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { StreamsBuilder, serdes, TimeWindows } from '../../streams/index.ts'
import { Cluster, type Instance, TOKEN } from '../../test/support/cluster.ts'

interface Place {
  readonly floor: number
  readonly room: string
}

const place = serdes.json<Place>()
const PLACES = Array.from({ length: 12 }, (_, i): Place => ({ floor: i % 3, room: `r/${i}?` }))

function topology() {
  const builder = new StreamsBuilder()
  builder.table('places', { key: place, value: serdes.string, store: 'places' })
  builder
    .stream('events', { key: place, value: serdes.string })
    .groupByKey()
    .windowedBy(TimeWindows.ofSizeAndGrace('1m', '10m'))
    .count({ store: 'windows' })
  return builder.build()
}

const cluster = new Cluster(topology)
let instances: readonly Instance[]

async function ask(instance: Instance, store: string, body: unknown) {
  const answer = await fetch(`${instance.url}/v1/stores/${store}/query`, {
    method: 'POST',
    redirect: 'manual',
    headers: { authorization: `Bearer ${TOKEN}`, 'content-type': 'application/json' },
    body: JSON.stringify(body),
  })
  const text = await answer.text()
  return {
    status: answer.status,
    location: answer.headers.get('location'),
    body: (text === '' ? {} : JSON.parse(text)) as Record<string, unknown>,
  }
}

beforeAll(async () => {
  await cluster.open(['places', 'events'].map((name) => ({ name, partitions: 4 })))
  for (const topic of ['places', 'events'])
    await cluster.produce(
      topic,
      PLACES.map((key) => ({ key: JSON.stringify(key), value: JSON.stringify(`of ${key.room}`) })),
    )
  instances = [await cluster.start('a'), await cluster.start('b')]
  await vi.waitFor(
    async () => {
      for (const instance of instances)
        for (const [store, type, rows] of [
          ['places', 'range', 'entries'],
          ['windows', 'window-range', 'windows'],
        ] as const) {
          const { body } = await ask(instance, store, { type })
          expect([body['complete'], (body[rows] as unknown[] | undefined)?.length]).toEqual([true, PLACES.length])
        }
    },
    { timeout: 20_000, interval: 50 },
  )
}, 30_000)

afterAll(() => cluster.close())

describe('composite keys, asked of any instance', () => {
  test('a value', async () => {
    for (const instance of instances)
      for (const key of PLACES) {
        const { status, body } = await ask(instance, 'places', { type: 'key', key })
        expect([status, body]).toEqual([200, expect.objectContaining({ key, value: JSON.stringify(`of ${key.room}`) })])
      }
  })

  test('windows of a key, and of a range of keys', async () => {
    for (const instance of instances) {
      const [key] = PLACES
      const one = await ask(instance, 'windows', { type: 'windows', key, from: 0, to: '1970-01-01T01:00:00Z' })
      expect(one.body).toMatchObject({ key, windows: [{ startMs: 0, value: 1 }], more: false })
      const some = await ask(instance, 'windows', { type: 'window-range', fromKey: PLACES[2], limit: 2, to: 0 })
      expect((some.body['windows'] as { key: Place }[]).map((w) => w.key.floor)).toEqual([2, 2])
    }
  })

  test('a range, in pages', async () => {
    const [a] = instances as [Instance]
    const seen: Place[] = []
    let cursor: string | undefined
    do {
      const { body } = await ask(a, 'places', { type: 'range', from: { floor: 1, room: '' }, limit: 3, cursor })
      seen.push(...(body['entries'] as { key: Place }[]).map(({ key }) => key))
      cursor = body['cursor'] as string | undefined
    } while (cursor !== undefined && cursor !== null)
    expect(seen.map(({ floor }) => floor)).toEqual([1, 1, 1, 1, 2, 2, 2, 2])
  })

  test('another instance is told as the address of the GET', async () => {
    const [a, b] = instances as [Instance, Instance]
    const key = PLACES.find((one) => !a.streams.queries.metadataForKey('places', one).local) as Place
    const { status, location } = await ask(a, 'places', { type: 'key', key, routing: 'redirect' })
    expect([status, location?.startsWith(`${b.url}/v1/stores/places/keys/`)]).toEqual([303, true])
    const there = await fetch(location as string, { headers: { authorization: `Bearer ${TOKEN}` } })
    expect(await there.json()).toMatchObject({ key })
    expect((await ask(a, 'places', { type: 'key', key, routing: 'local' })).body['code']).toBe('NOT_OWNER')
  })
})

test.each([
  [{ type: 'key' }, 400, 'BAD_KEY'],
  [{ type: 'key', key: { floor: 9, room: '' } }, 404, 'KEY_NOT_FOUND'],
  [{ type: 'key', key: 'x', keyType: 'long' }, 400, 'BAD_KEY'],
  [{ type: 'range', key: 'x' }, 400, 'BAD_REQUEST'],
  [{ type: 'windows', key: 1 }, 400, 'STORE_TYPE'],
  [{ type: 'range', limit: 0 }, 400, 'LIMIT'],
  [{ type: 'range', cursor: '!' }, 400, 'BAD_CURSOR'],
  [{ type: 'range', other: 1 }, 400, 'BAD_REQUEST'],
  [{ type: 'nothing' }, 400, 'BAD_REQUEST'],
  [[], 400, 'BAD_REQUEST'],
])('%j is refused', async (body, status, code) => {
  const answer = await ask(instances[0] as Instance, 'places', body)
  expect([answer.status, answer.body['code']]).toEqual([status, code])
})

test('an unknown store, and a body that is not JSON', async () => {
  expect((await ask(instances[0] as Instance, 'nope', { type: 'range' })).body['code']).toBe('STORE_UNKNOWN')
  const answer = await fetch(`${instances[0]?.url}/v1/stores/places/query`, {
    method: 'POST',
    headers: { authorization: `Bearer ${TOKEN}` },
    body: 'x',
  })
  expect(answer.status).toBe(415)
})
