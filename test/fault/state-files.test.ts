import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { createEmbeddedProvider, type EmbeddedProvider } from '../../kafka/embedded.ts'
import { KafkaStreams, StreamsBuilder, serdes } from '../../streams/index.ts'
import { HARMS, harmOwnFiles } from './state-harms.ts'

const TEXT = { key: serdes.string, value: serdes.string }
const WORDS = 500
const ROUNDS = 4

let kafka: EmbeddedProvider
let directory: string

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'brook-state-files-'))
  kafka = createEmbeddedProvider({ directory: undefined, cleanerIntervalMs: 0 })
  await kafka.admin().createTopics(['words', 'counts'].map((name) => ({ name, partitions: 1 })))
})

afterEach(async () => {
  await kafka.close()
  await rm(directory, { recursive: true, force: true })
})

/** Runs a word count until it has counted `times` of each word, and closes it; with `meanwhile`, once more after that has happened to it. */
async function countUpTo(times: number, meanwhile?: () => Promise<void>): Promise<void> {
  const builder = new StreamsBuilder()
  builder.stream('words', TEXT).groupByKey().count({ store: 'counts-store' }).toStream().to('counts')
  const streams = new KafkaStreams(builder.build(), {
    applicationId: 'app',
    kafka,
    stateDir: directory,
    processingGuarantee: 'exactly_once',
    commitInterval: 20,
    taskTimeout: '20s',
    storeCacheEntries: 10,
  })
  await streams.start()
  await streams.waitFor('RUNNING')
  await countOnce(streams, times)
  if (meanwhile !== undefined) {
    await meanwhile()
    await countOnce(streams, times + 1)
  }
  await streams.close()
}

async function countOnce(streams: KafkaStreams, times: number): Promise<void> {
  const producer = kafka.createProducer()
  for (let i = 0; i < WORDS; i++)
    producer.send('words', 0, { key: Buffer.from(`word-${i}`), value: Buffer.from('x'), timestampMs: i })
  await producer.flush()
  await producer.close()
  await vi.waitFor(
    async () => {
      const counts: number[] = []
      const store = streams.queries.keyValueStore<string, number>('counts-store')
      for await (const { value } of store.range(undefined, undefined)) counts.push(value)
      expect(counts).toHaveLength(WORDS)
      expect(new Set(counts)).toEqual(new Set([times]))
    },
    { timeout: 15_000, interval: 20 },
  )
}

describe('local state that something has happened to', () => {
  const task = (): string => join(directory, 'app', '0_0')
  const all: readonly (readonly [what: string, harm: () => Promise<void>])[] = [
    ...Object.entries(HARMS).map(([what, harm]) => [what, () => harm(task())] as const),
    ['all of it is deleted', () => rm(directory, { recursive: true })],
    ['the lock of its process and the note of who has it are cut', () => harmOwnFiles(join(directory, 'app'))],
  ]

  it.each(all)('is as it was after the next start, when %s', { timeout: 60_000 }, async (_what, harm) => {
    for (let round = 1; round < ROUNDS; round++) await countUpTo(round)
    await harm()
    await countUpTo(ROUNDS)
  })

  it.each(all)(
    'is right while it is in use, and after the next start, when %s',
    { timeout: 60_000 },
    async (_w, harm) => {
      for (let round = 1; round < ROUNDS; round++) await countUpTo(round)
      await countUpTo(ROUNDS, harm)
      await countUpTo(ROUNDS + 2)
    },
  )
})
