import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { createEmbeddedProvider, type EmbeddedProvider } from '../../kafka/embedded.ts'
import { KafkaStreams, KeyQuery, StreamsBuilder, serdes } from '../index.ts'

const TEXT = { key: serdes.string, value: serdes.string }

let kafka: EmbeddedProvider
let directory: string
let streams: KafkaStreams

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'brook-held-back-'))
  kafka = createEmbeddedProvider({ directory: undefined, cleanerIntervalMs: 0 })
  await kafka.admin().createTopics([{ name: 'in', partitions: 1 }])
})

afterEach(async () => {
  await streams.close()
  await kafka.close()
  await rm(directory, { recursive: true, force: true })
})

it('does not claim a record whose asynchronous work is under way', async () => {
  const calls: (() => void)[] = []
  const builder = new StreamsBuilder()
  builder
    .stream('in', TEXT)
    .mapValuesAsync((value) => new Promise<string>((resolve) => calls.push(() => resolve(`${value} done`))), {
      timeout: '1m',
    })
    .toTable({ ...TEXT, store: 'rows' })
  streams = new KafkaStreams(builder.build(), {
    applicationId: 'app',
    kafka,
    stateDir: directory,
    commitInterval: '30s',
  })
  await streams.start()
  await streams.waitFor('RUNNING')
  const producer = kafka.createProducer()
  producer.send('in', 0, { key: Buffer.from('k'), value: Buffer.from('v'), timestampMs: 1 })
  await producer.close()
  await vi.waitFor(() => expect(calls).toHaveLength(1))
  const ask = async () => {
    const { partitionResults } = await streams.queries.query({
      store: 'rows',
      query: KeyQuery.withKey<string, string>('k'),
    })
    const answer = partitionResults.get(0)
    return answer?.isSuccess ? [answer.result, answer.position.toString()] : answer
  }
  expect(await ask()).toEqual([undefined, ''])
  calls[0]?.()
  await vi.waitFor(async () => expect(await ask()).toEqual(['v done', 'in:0:0']))
})
