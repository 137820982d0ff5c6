import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { SessionWindows, StreamsBuilder, serdes, TimeWindows } from '../../streams/index.ts'
import { type Answered, Cluster, type Instance } from '../../test/support/cluster.ts'

const TEXT = { key: serdes.string, value: serdes.string }
const PARTITIONS = 4
const MINUTE = 60_000
const KEYS = Array.from({ length: 24 }, (_, i) => `key-${String(i).padStart(2, '0')}`)

function topology() {
  const builder = new StreamsBuilder()
  builder.table('things', { ...TEXT, store: 'things' })
  builder.table('rows', { ...TEXT, store: 'history', versioned: { historyRetention: '1h' } })
  const events = builder.stream('events', TEXT).groupByKey()
  events.windowedBy(TimeWindows.ofSizeAndGrace('1m', '10m')).count({ store: 'windows' })
  events.windowedBy(SessionWindows.ofInactivityGapAndGrace('1m', '10m')).count({ store: 'sessions' })
  return builder.build()
}

const cluster = new Cluster(topology)
let a: Instance
let b: Instance

beforeAll(async () => {
  await cluster.open(['things', 'rows', 'events'].map((name) => ({ name, partitions: PARTITIONS })))
  await cluster.produce(
    'things',
    KEYS.map((key) => ({ key, value: `of ${key}` })),
  )
  await cluster.produce(
    'rows',
    KEYS.flatMap((key) =>
      [1_000, 2_000].map((timestampMs) => ({ key, value: `${key} at ${timestampMs}`, timestampMs })),
    ),
  )
  for (const timestampMs of [30_000, 70_000, 5 * MINUTE])
    await cluster.produce(
      'events',
      KEYS.map((key) => ({ key, value: 'x', timestampMs })),
    )
  a = await cluster.start('a')
  b = await cluster.start('b')
  await vi.waitFor(
    async () => {
      for (const instance of [a, b]) {
        expect([instance.streams.state, instance.streams.tasks().length]).toEqual(['RUNNING', 6])
        for (const [path, count] of [
          ['windows', 3 * KEYS.length],
          ['sessions', 2 * KEYS.length],
        ] as const) {
          const { body } = await cluster.get(instance, `/v1/stores/${path}/${path}?limit=1000`)
          expect((body[path] as unknown[]).length).toBe(count)
        }
        for (const store of ['things', 'history']) {
          const { body } = await cluster.get(instance, `/v1/stores/${store}/range?limit=1000`)
          expect((body['entries'] as unknown[]).length).toBe(KEYS.length)
        }
      }
    },
    { timeout: 20_000, interval: 50 },
  )
}, 40_000)

afterAll(() => cluster.close())

async function both(path: string, headers: Readonly<Record<string, string>> = {}): Promise<Answered> {
  const [one, other] = await Promise.all([a, b].map((instance) => cluster.get(instance, path, headers)))
  expect(other?.body).toEqual(one?.body)
  return one as Answered
}

describe('any instance answers for any key', () => {
  test('of sessions', async () => {
    for (const key of KEYS.slice(0, 8)) {
      const { status, body } = await both(`/v1/stores/sessions/sessions/${key}`)
      expect(status).toBe(200)
      expect(body).toMatchObject({
        store: 'sessions',
        key,
        sessions: [
          { startMs: 30_000, endMs: 70_000, start: '1970-01-01T00:00:30.000Z', value: 2 },
          { startMs: 5 * MINUTE, endMs: 5 * MINUTE, value: 1 },
        ],
        more: false,
      })
    }
    const late = await both(`/v1/stores/sessions/sessions/key-00?from=${4 * MINUTE}`)
    expect(late.body['sessions']).toHaveLength(1)
  })

  test('of versions, as of a time and all of them', async () => {
    for (const key of KEYS.slice(0, 8)) {
      expect((await both(`/v1/stores/history/keys/${key}`)).body).toMatchObject({
        value: `${key} at 2000`,
        validToMs: null,
      })
      expect((await both(`/v1/stores/history/keys/${key}?asOf=1500`)).body).toMatchObject({
        value: `${key} at 1000`,
        timestampMs: 1_000,
        validToMs: 2_000,
      })
      const { body } = await both(`/v1/stores/history/versions/${key}?reverse=true&limit=1`)
      expect(body).toMatchObject({ versions: [{ timestampMs: 2_000 }], more: true })
    }
    expect((await both('/v1/stores/history/keys/key-00?asOf=10')).body['code']).toBe('KEY_NOT_FOUND')
    expect((await both('/v1/stores/things/keys/key-00?asOf=10')).body['code']).toBe('STORE_TYPE')
  })
})

describe('ranges over all keys', () => {
  async function pages(path: string, rows: string): Promise<Record<string, unknown>[]> {
    const all: Record<string, unknown>[] = []
    let cursor: string | undefined
    do {
      const { body } = await both(cursor === undefined ? path : `${path}&cursor=${cursor}`)
      expect([body['complete'], body['missing'], body['failures']]).toEqual([true, [], []])
      all.push(...(body[rows] as Record<string, unknown>[]))
      cursor = body['cursor'] as string | undefined
    } while (cursor !== undefined)
    return all
  }

  test('of windows come page by page, by start and then by key', async () => {
    const expected = [0, MINUTE, 5 * MINUTE].flatMap((startMs) => KEYS.map((key) => [startMs, key]))
    const found = await pages('/v1/stores/windows/windows?limit=7', 'windows')
    expect(found.map((w) => [w['startMs'], w['key']])).toEqual(expected)
    const reversed = await pages('/v1/stores/windows/windows?limit=7&reverse=true', 'windows')
    expect(reversed.map((w) => [w['startMs'], w['key']])).toEqual(expected.toReversed())
    const some = await pages(
      '/v1/stores/windows/windows?limit=7&from=60000&to=60000&fromKey=key-05&toKey=key-07',
      'windows',
    )
    expect(some.map((w) => w['key'])).toEqual(['key-05', 'key-06', 'key-07'])
  })

  test('of sessions come page by page, by end and then by key', async () => {
    const found = await pages('/v1/stores/sessions/sessions?limit=5', 'sessions')
    expect(found.map((s) => [s['endMs'], s['key']])).toEqual(
      [70_000, 5 * MINUTE].flatMap((end) => KEYS.map((k) => [end, k])),
    )
  })

  test('of versioned stores show the newest versions', async () => {
    const found = await pages('/v1/stores/history/range?limit=5', 'entries')
    expect(found.map((e) => e['value'])).toEqual(KEYS.map((key) => `${key} at 2000`))
  })

  test('can be of some partitions only', async () => {
    const one = await pages('/v1/stores/things/range?limit=5&partitions=0', 'entries')
    const rest = await pages('/v1/stores/things/range?limit=5&partitions=1,2,3', 'entries')
    expect(one.length).toBeGreaterThan(0)
    expect([...one, ...rest].map((e) => e['key']).sort()).toEqual(KEYS)
    expect((await both('/v1/stores/things/range?partitions=4')).status).toBe(400)
  })
})

describe('an answer tells how new it is', () => {
  test('and can be asked to have what was just written', async () => {
    for (let n = 0; n < 20; n++) {
      const key = KEYS[n] as string
      const value = `new ${n}`
      const [at] = await cluster.produce('things', [{ key, value }])
      const { partition, offset } = at as { partition: number; offset: number }
      const asked = n % 2 === 0 ? `?minOffset=${offset}&wait=5000` : '?wait=5000'
      const headers: Record<string, string> =
        n % 2 === 0 ? {} : { 'X-Streams-Position': `things:${partition}:${offset}` }
      const answer = await both(`/v1/stores/things/keys/${key}${asked}`, headers)
      expect([answer.status, answer.body['value']]).toEqual([200, value])
      expect(Number(answer.headers['x-streams-offset'])).toBeGreaterThanOrEqual(offset)
      expect(answer.headers['x-streams-position']).toMatch(new RegExp(`^things:${partition}:\\d+$`))
      expect([answer.headers['x-streams-role'], answer.headers['x-streams-lag']]).toEqual(['active', '0'])
    }
  })

  test('ranges too, with the position of each partition', async () => {
    const positions = await cluster.produce(
      'things',
      KEYS.map((key) => ({ key, value: 'of the range' })),
    )
    const minOffset = [...new Map(positions.map((p) => [p.partition, p.offset]))]
      .map(([p, o]) => `things:${p}:${o}`)
      .join(',')
    const answer = await both(`/v1/stores/things/range?wait=5000&minOffset=${minOffset}`)
    expect((answer.body['entries'] as { value: string }[]).map((e) => e.value)).toEqual(KEYS.map(() => 'of the range'))
    expect(String(answer.headers['x-streams-position']).split(',')).toHaveLength(PARTITIONS)
  })

  test('and who is asked for another instance waits as long as it does', async () => {
    const [at] = await cluster.produce('things', [{ key: 'later', value: 'first' }])
    const { partition, offset } = at as { partition: number; offset: number }
    const waiting = both(`/v1/stores/things/keys/later?minOffset=things:${partition}:${offset + 1}&wait=8000`)
    // Longer than one instance otherwise waits for another.
    await new Promise((resolve) => setTimeout(resolve, 1_300))
    await cluster.produce('things', [{ key: 'later', value: 'second' }])
    const answer = await waiting
    expect([answer.status, answer.body['value']]).toEqual([200, 'second'])
  })

  test.each([
    ['what is not there yet', 'keys/key-00?minOffset=1000000&wait=20', 503, 'LAG_EXCEEDED'],
    ['an offset of another topic', 'keys/key-00?minOffset=elsewhere:0:1', 400, 'BAD_POSITION'],
    ['no offset', 'keys/key-00?minOffset=abc', 400, 'BAD_POSITION'],
    ['an offset that may be of any partition', 'range?minOffset=5', 400, 'BAD_POSITION'],
    ['a lag that is none', 'keys/key-00?maxLag=-1', 400, 'LIMIT'],
  ])('and refuses %s', async (_, path, status, code) => {
    for (const instance of [a, b]) {
      const answer = await cluster.get(instance, `/v1/stores/things/${path}`)
      expect([answer.status, answer.body['code']]).toEqual([status, code])
      if (status === 503) expect(answer.headers['retry-after']).toBe('1')
    }
  })
})

describe('the instances tell', () => {
  test('who has each partition', async () => {
    const told = await Promise.all([a, b].map(async (i) => (await cluster.get(i, '/v1/metadata/stores/things')).body))
    const [ofA, ofB] = told.map(
      (body) => body['partitions'] as { endpoint: string; local: boolean; partition: number }[],
    )
    expect(ofA?.map((p) => p.endpoint)).toEqual(ofB?.map((p) => p.endpoint))
    expect(ofA?.filter((p) => p.local).map((p) => p.partition)).toEqual(
      ofB?.filter((p) => !p.local).map((p) => p.partition),
    )
    expect(ofA?.filter((p) => p.local)).toHaveLength(2)
  })

  test('how far their stores are', async () => {
    const { body } = await cluster.get(a, '/v1/lags')
    const lags = body['lags'] as { store: string; lag: number }[]
    expect(lags.filter((l) => l.store === 'things').map((l) => l.lag)).toEqual([0, 0])
  })
})
