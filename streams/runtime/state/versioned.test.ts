import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createEmbeddedProvider, type EmbeddedProvider } from '../../../kafka/embedded.ts'
import { KafkaStreams, StreamsBuilder, serdes } from '../../index.ts'

const TEXT = { key: serdes.string, value: serdes.string }

let kafka: EmbeddedProvider
let directory: string
const running: KafkaStreams[] = []

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'brook-versioned-'))
  kafka = createEmbeddedProvider({ directory: undefined, cleanerIntervalMs: 0 })
  await kafka.admin().createTopics(['prices', 'orders', 'bills'].map((name) => ({ name, partitions: 3 })))
})

afterEach(async () => {
  await Promise.all(running.splice(0).map((streams) => streams.close()))
  await kafka.close()
  await rm(directory, { recursive: true, force: true })
})

/** Orders at the price of their time; orders wait 50 ms for prices that come late. */
async function started(disk: string): Promise<KafkaStreams> {
  const builder = new StreamsBuilder()
  const prices = builder.table('prices', { ...TEXT, store: 'price-history', versioned: { historyRetention: 1000 } })
  builder
    .stream('orders', TEXT)
    .leftJoin(prices, (order, price) => `${order} at ${price ?? 'no price'}`, { name: 'billing', grace: 50 })
    .to('bills', TEXT)
  const streams = new KafkaStreams(builder.build(), {
    applicationId: 'app',
    kafka,
    stateDir: join(directory, disk),
    commitInterval: 20,
  })
  running.push(streams)
  await streams.start()
  await streams.waitFor('RUNNING')
  return streams
}

async function send(
  topic: string,
  rows: readonly (readonly [key: string, value: string | null, timestampMs: number])[],
): Promise<void> {
  const producer = kafka.createProducer()
  for (const [key, value, timestampMs] of rows)
    producer.send(topic, undefined, {
      key: Buffer.from(key),
      value: value === null ? null : Buffer.from(value),
      timestampMs,
      headers: [],
    })
  await producer.flush()
  await producer.close()
}

async function bills(): Promise<readonly string[]> {
  const reader = kafka.createReader({ isolationLevel: 'read_committed' })
  await reader.assign([0, 1, 2].map((partition) => ({ topic: 'bills', partition, offset: 0 })))
  const found: string[] = []
  for (let i = 0; i < 3; i++)
    for (const { records } of await reader.poll(5))
      for (const { value, timestampMs } of records) found.push(`${value}@${timestampMs}`)
  await reader.close()
  return found
}

async function history(streams: KafkaStreams): Promise<readonly string[]> {
  const versions = await streams.queries.versionedStore<string, string>('price-history').history('tea', 0, 1e9)
  return versions.map(({ value, timestampMs, validToMs }) => `${value}@${timestampMs}-${validToMs}`)
}

describe('the history of a table, and records that wait', () => {
  it('are there after a stop, and from the changelogs when the disk is gone', async () => {
    const first = await started('one')
    await send('prices', [['tea', '1', 100], ['tea', '2', 200], ['milk', '9', 100]]) // biome-ignore format: a table
    await expect.poll(() => history(first)).toEqual(['1@100-200', '2@200-Infinity'])
    await send('orders', [['tea', 'a', 150], ['tea', 'b', 210], ['tea', 'c', 240]]) // biome-ignore format: a table
    await expect.poll(bills).toEqual(['a at 1@150'])
    await first.close()

    const second = await started('one')
    await send('prices', [['tea', '3', 230], ['tea', null, 120]]) // biome-ignore format: a table
    await expect.poll(() => history(second)).toEqual(['1@100-120', '2@200-230', '3@230-Infinity'])
    await send('orders', [['tea', 'late', 130]])
    await expect.poll(bills).toEqual(['a at 1@150', 'late at no price@130'])
    await second.close()

    const third = await started('another')
    expect(await history(third)).toEqual(['1@100-120', '2@200-230', '3@230-Infinity'])
    await send('orders', [['tea', 'd', 300]])
    await expect.poll(bills).toEqual(['a at 1@150', 'late at no price@130', 'b at 2@210', 'c at 3@240'])

    const store = third.queries.versionedStore<string, string>('price-history')
    expect(await store.get('tea', 205)).toBe('2')
    expect(await store.getEntry('tea', 125)).toBeUndefined()
    expect(await store.get('nobody')).toBeUndefined()
    expect(await store.history('nobody', 0, 1e9)).toEqual([])
    const newest: string[] = []
    for await (const { key, value } of store.range(undefined, undefined)) newest.push(`${key}=${value}`)
    expect(newest.sort()).toEqual(['milk=9', 'tea=3'])
    expect(third.queries.store('price-history')).toMatchObject({ type: 'versioned', historyRetentionMs: 1000 })
    expect(() => third.queries.keyValueStore('price-history')).toThrow(/is a versioned store/)
  })
})
