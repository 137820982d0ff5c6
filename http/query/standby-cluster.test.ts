import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { KeyQuery, StreamsBuilder, serdes } from '../../streams/index.ts'
import { Cluster, type Instance } from '../../test/support/cluster.ts'

const KEYS = Array.from({ length: 16 }, (_, i) => `key-${i}`)

function topology() {
  const builder = new StreamsBuilder()
  builder.table('things', { key: serdes.string, value: serdes.string, store: 'things' })
  return builder.build()
}

const cluster = new Cluster(topology)
let a: Instance
let b: Instance

beforeAll(async () => {
  await cluster.open([{ name: 'things', partitions: 4 }])
  await cluster.produce(
    'things',
    KEYS.map((key) => ({ key, value: `of ${key}` })),
  )
  a = await cluster.start('a', { numStandbyReplicas: 1 })
  b = await cluster.start('b', { numStandbyReplicas: 1 })
  await vi.waitFor(
    async () => {
      expect([a, b].map((i) => [i.streams.state, i.streams.tasks().length])).toEqual([
        ['RUNNING', 2],
        ['RUNNING', 2],
      ])
      const { body } = await cluster.get(a, '/v1/stores/things/range')
      expect([body['complete'], (body['entries'] as unknown[]).length]).toEqual([true, KEYS.length])
      const { partitionResults } = await a.streams.queries.query({
        store: 'things',
        query: KeyQuery.withKey<string, string>(KEYS[0] as string),
      })
      expect([...partitionResults.values()].map((p) => p.isSuccess && [p.role, p.lag]).sort()).toEqual([
        ['active', 0],
        ['active', 0],
        ['standby', 0],
        ['standby', 0],
      ])
    },
    { timeout: 20_000, interval: 50 },
  )
}, 40_000)

afterAll(() => cluster.close())

test('with warm copies, all keys are answered when an instance is gone, if the lag is stated', async () => {
  const told = (await cluster.get(a, '/v1/metadata/stores/things')).body['partitions'] as {
    endpoint: string
    standbys: string[]
  }[]
  const hosts = [a, b].map((i) => new URL(i.url).host)
  for (const { endpoint, standbys } of told.filter((p) => p.endpoint === hosts[0])) {
    expect([endpoint, standbys]).toEqual([hosts[0], [hosts[1]]])
  }
  await b.server.stop()
  const roles = new Set<unknown>()
  for (const key of KEYS) {
    const { status, body, headers } = await cluster.get(a, `/v1/stores/things/keys/${key}?maxLag=0`)
    expect([status, body['value']]).toEqual([200, `of ${key}`])
    roles.add(headers['x-streams-role'])
  }
  expect([...roles].sort()).toEqual(['active', 'standby'])
  const range = await cluster.get(a, '/v1/stores/things/range?maxLag=0')
  expect([range.body['complete'], (range.body['entries'] as unknown[]).length]).toEqual([true, KEYS.length])
  expect(range.headers['x-streams-role']).toBe('standby')
  const count = await cluster.get(a, '/v1/stores/things/count?maxLag=0')
  expect(count.body).toMatchObject({ count: KEYS.length, complete: true })
  expect((await cluster.get(a, '/v1/stores/things/range')).body['complete']).toBe(false)
})
