import { mkdtemp, readdir, rm, stat, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { createEmbeddedProvider, type EmbeddedProvider } from '../../kafka/embedded.ts'
import { KafkaStreams, StreamsBuilder, serdes } from '../../streams/index.ts'

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

/** Runs a word count until it has counted `times` of each word, and closes it. */
async function countUpTo(times: number): Promise<void> {
  const builder = new StreamsBuilder()
  builder.stream('words', TEXT).groupByKey().count({ store: 'counts-store' }).toStream().to('counts')
  const streams = new KafkaStreams(builder.build(), {
    applicationId: 'app',
    kafka,
    stateDir: directory,
    processingGuarantee: 'exactly_once',
    commitInterval: 20,
    taskTimeout: '20s',
  })
  await streams.start()
  await streams.waitFor('RUNNING')
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
  await streams.close()
}

const TASK = () => join(directory, 'app', '0_0', 'rocksdb')

async function files(pattern: RegExp): Promise<readonly string[]> {
  const names = (await readdir(TASK())).filter((name) => pattern.test(name))
  expect(names.length, `files like ${pattern}`).toBeGreaterThan(0)
  return names.map((name) => join(TASK(), name))
}

async function cut(pattern: RegExp): Promise<void> {
  for (const file of await files(pattern)) await truncate(file, Math.floor((await stat(file)).size / 2))
}

describe('local state that something has happened to', () => {
  const harms: readonly (readonly [what: string, harm: () => Promise<void>])[] = [
    ['its directory is deleted', () => rm(directory, { recursive: true })],
    ['the directory of the task is deleted', () => rm(join(directory, 'app', '0_0'), { recursive: true })],
    ['its tables are cut in half', () => cut(/\.sst$/)],
    ['the log of its last writes is cut in half', () => cut(/\.log$/)],
    ['the list of its files is cut in half', () => cut(/^MANIFEST/)],
    ['the list of its files is gone', async () => rm((await files(/^MANIFEST/))[0] as string)],
    ['a table is gone', async () => rm((await files(/\.sst$/))[0] as string)],
    [
      'a table is overwritten',
      async () => {
        for (const file of await files(/\.sst$/)) await writeFile(file, Buffer.alloc((await stat(file)).size, 7))
      },
    ],
    ['the pointer to the list of its files is half written', () => writeFile(join(TASK(), 'CURRENT'), 'MANI')],
  ]

  it.each(harms)('is as it was after the next start, when %s', { timeout: 60_000 }, async (_what, harm) => {
    for (let round = 1; round < ROUNDS; round++) await countUpTo(round)
    await harm()
    await countUpTo(ROUNDS)
  })
})
