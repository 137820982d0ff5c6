import { randomBytes } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { createKafkaProvider } from '../../kafka/kafkajs.ts'
import { StreamsBuilder, serdes } from '../../streams/index.ts'
import { Cluster, type Instance } from '../../test/support/cluster.ts'

const brokers = process.env['BROOK_TEST_BROKERS']
if (!brokers) throw new Error('BROOK_TEST_BROKERS is missing: run with the integration project, which starts a broker')

const application = `queries-${randomBytes(4).toString('hex')}`
const input = `${application}-words`
const KEYS = Array.from({ length: 12 }, (_, i) => `key-${i}`)
const RETRYABLE = [421, 502, 503, 504]

function topology() {
  const builder = new StreamsBuilder()
  builder.stream(input, { key: serdes.string, value: serdes.string }).groupByKey().count({ store: 'counts' })
  return builder.build()
}

describe('three instances on Kafka, exactly once', () => {
  const cluster = new Cluster(topology, createKafkaProvider({ brokers: brokers.split(',') }), application)
  const options = {
    processingGuarantee: 'exactly_once',
    commitInterval: '100ms',
    sessionTimeout: '10s',
    heartbeatInterval: '500ms',
  } as const
  let instances: Instance[]

  beforeAll(async () => {
    await cluster.open([{ name: input, partitions: 6 }])
    instances = [
      await cluster.start('a', options),
      await cluster.start('b', options),
      await cluster.start('c', options),
    ]
    await vi.waitFor(
      () => {
        expect(instances.map((i) => i.streams.tasks().length)).toEqual([2, 2, 2])
        expect(instances.map((i) => i.streams.state)).toEqual(['RUNNING', 'RUNNING', 'RUNNING'])
      },
      { timeout: 60_000, interval: 100 },
    )
  }, 90_000)

  afterAll(() => cluster.close(), 60_000)

  test('any of them answers with what was just written', async () => {
    for (let n = 1; n <= 3; n++) {
      const written = await cluster.produce(
        input,
        KEYS.map((key) => ({ key, value: 'x' })),
      )
      for (const [i, key] of KEYS.entries())
        for (const instance of instances) {
          const { status, body } = await cluster.get(
            instance,
            `/v1/stores/counts/keys/${key}?minOffset=${written[i]?.offset}&wait=10000`,
          )
          expect([status, body['value']]).toEqual([200, n])
        }
    }
  })

  test('a live query goes through while one of them leaves, and ends up with every count', async () => {
    const [a, , c] = instances as [Instance, Instance, Instance]
    const stream = await cluster.listen(a, '/v1/stores/counts/stream')
    const rows = new Map<string, number>()
    const reading = (async () => {
      for (let event = await stream.next(); event !== undefined; event = await stream.next()) {
        if (event.event !== 'row' && event.event !== 'change') continue
        const { key, value } = event.data as { key: string; value: number }
        rows.set(key, value)
      }
    })().catch(() => {})
    await vi.waitFor(() => expect([...rows.values()]).toEqual(KEYS.map(() => 3)), 20_000)
    const write = () =>
      cluster.produce(
        input,
        KEYS.map((key) => ({ key, value: 'x' })),
      )
    await write()
    const leaving = c.stop()
    await write()
    const wrong: unknown[] = []
    const state = { isOver: false }
    const asking = (async () => {
      for (let n = 0; !state.isOver; n++) {
        const { status, body } = await cluster.get(a, `/v1/stores/counts/keys/${KEYS[n % KEYS.length]}`)
        const isRight = status === 200 && Number(body['value']) >= 3 && Number(body['value']) <= 5
        if (!isRight && !RETRYABLE.includes(status)) wrong.push([status, body])
      }
    })()
    await leaving
    await vi.waitFor(() => expect([...rows.values()]).toEqual(KEYS.map(() => 5)), { timeout: 60_000, interval: 100 })
    state.isOver = true
    await asking
    expect(wrong).toEqual([])
    await stream.close()
    await reading
  }, 120_000)
})
