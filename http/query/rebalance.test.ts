import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { StreamsBuilder, serdes } from '../../streams/index.ts'
import { Cluster, type Instance } from '../../test/support/cluster.ts'

const KEYS = Array.from({ length: 20 }, (_, i) => `key-${i}`)
const RETRYABLE = [421, 502, 503, 504]

function topology() {
  const builder = new StreamsBuilder()
  builder.table('things', { key: serdes.string, value: serdes.string, store: 'things' })
  return builder.build()
}

const cluster = new Cluster(topology)
let a: Instance
let b: Instance

beforeAll(async () => {
  await cluster.open([{ name: 'things', partitions: 6 }])
  await cluster.produce(
    'things',
    KEYS.map((key) => ({ key, value: `of ${key}` })),
  )
  a = await cluster.start('a')
  b = await cluster.start('b')
  await vi.waitFor(() => expect([a, b].map((i) => i.streams.tasks().length)).toEqual([3, 3]), 20_000)
  await vi.waitFor(
    async () => {
      for (const key of KEYS) expect((await cluster.get(a, `/v1/stores/things/keys/${key}`)).status).toBe(200)
    },
    { timeout: 10_000, interval: 50 },
  )
}, 40_000)

afterAll(() => cluster.close())

test('while instances come and go, an answer is right or says when to ask again', async () => {
  const state = { isOver: false }
  const seen = { right: 0, later: 0, complete: 0, incomplete: 0 }
  const wrong: unknown[] = []
  const ask = async (instance: Instance): Promise<void> => {
    for (let n = 0; !state.isOver; n++) {
      const key = KEYS[n % KEYS.length] as string
      const { status, body, headers } = await cluster.get(instance, `/v1/stores/things/keys/${key}`)
      if (status === 200 && body['value'] === `of ${key}`) seen.right++
      else if (RETRYABLE.includes(status) && headers['retry-after'] !== undefined) seen.later++
      else wrong.push([status, body, headers])
      if (n % 10 !== 0) continue
      const range = await cluster.get(instance, '/v1/stores/things/range?limit=1000')
      const entries = (range.body['entries'] ?? []) as { key: string }[]
      const isWhole = new Set(entries.map((e) => e.key)).size === KEYS.length && entries.length === KEYS.length
      const missing = (range.body['missing'] ?? []) as number[]
      if (range.status === 200 && range.body['complete'] === isWhole && isWhole === (missing.length === 0))
        seen[isWhole ? 'complete' : 'incomplete']++
      else if (!RETRYABLE.includes(range.status)) wrong.push([range.status, range.body])
    }
  }
  const asking = [a, b].map(ask)
  for (let round = 0; round < 8; round++) {
    const c = await cluster.start(`c${round}`)
    await vi.waitFor(() => expect([a, b, c].map((i) => i.streams.tasks().length)).toEqual([2, 2, 2]), 15_000)
    await c.streams.waitFor('RUNNING')
    await c.stop()
    await vi.waitFor(() => expect([a, b].map((i) => i.streams.tasks().length)).toEqual([3, 3]), 15_000)
  }
  // How many questions fit beside eight rounds depends on the machine: there shall be enough of each.
  await vi.waitFor(() => expect([seen.right > 100, seen.complete > 5]).toEqual([true, true]), 15_000)
  state.isOver = true
  await Promise.all(asking)
  expect(wrong).toEqual([])
}, 60_000)

test('what nobody can be asked for any more is missing by name', async () => {
  await vi.waitFor(
    async () => expect((await cluster.get(a, '/v1/stores/things/range')).body['complete']).toBe(true),
    10_000,
  )
  const { body } = await cluster.get(b, '/v1/metadata/stores/things')
  const lost = (body['partitions'] as { partition: number; local: boolean }[])
    .filter((p) => p.local)
    .map((p) => p.partition)
  expect(lost).toHaveLength(3)
  await b.server.stop()
  const range = await cluster.get(a, '/v1/stores/things/range?limit=1000')
  expect(range.status).toBe(200)
  expect(range.body).toMatchObject({ complete: false, missing: lost })
  expect(range.body['failures']).toMatchObject([
    { host: new URL(b.url).host, reason: 'OWNER_UNREACHABLE', partitions: lost },
  ])
  const only = await cluster.get(a, `/v1/stores/things/range?partitions=${lost.join(',')}`)
  expect([only.status, only.body['code'], only.body['missing']]).toEqual([502, 'OWNER_UNREACHABLE', lost])
})
