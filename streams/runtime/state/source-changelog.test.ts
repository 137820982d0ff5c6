import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createEmbeddedProvider, type EmbeddedProvider } from '../../../kafka/embedded.ts'
import { MemoryDatabase } from '../../../stores/database/memory-database.ts'
import type { KeyValueStore } from '../../../stores/state-store.ts'
import { Stores } from '../../../stores/stores.ts'
import { KafkaStreams, StreamsBuilder, type StreamsOptions, serdes } from '../../index.ts'
import { restoreStores } from './restore.ts'
import { TaskStores } from './task-stores.ts'

const TEXT = { key: serdes.string, value: serdes.string }

let kafka: EmbeddedProvider
let directory: string
const running: KafkaStreams[] = []

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'brook-source-changelog-'))
  kafka = createEmbeddedProvider({ directory: undefined, cleanerIntervalMs: 0 })
  await kafka.admin().createTopics([
    { name: 'names', partitions: 1 },
    { name: 'out', partitions: 1 },
  ])
})

afterEach(async () => {
  await Promise.all(running.splice(0).map((streams) => streams.close()))
  await kafka.close()
  await rm(directory, { recursive: true, force: true })
})

async function send(...rows: readonly (readonly [key: string | null, value: string | null])[]): Promise<void> {
  const producer = kafka.createProducer()
  for (const [key, value] of rows)
    producer.send('names', 0, {
      key: key === null ? null : Buffer.from(key),
      value: value === null ? null : Buffer.from(value),
      timestampMs: 7,
    })
  await producer.flush()
  await producer.close()
}

async function start(
  stateDir: string,
  persistent: boolean,
  options: Partial<StreamsOptions> = {},
): Promise<KafkaStreams> {
  const builder = new StreamsBuilder()
  const table = builder.table('names', { ...TEXT, store: 'rows', persistent })
  table
    .groupBy((value) => [value, value], TEXT)
    .count({ store: 'groups' })
    .toStream()
    .to('out')
  const streams = new KafkaStreams(builder.build({ topologyOptimization: ['reuse.ktable.source.topics'] }), {
    applicationId: 'app',
    kafka,
    stateDir: join(directory, stateDir),
    commitInterval: 10,
    cacheMaxBytes: 0,
    heartbeatInterval: 50,
    sessionTimeout: 1_000,
    ...options,
  })
  running.push(streams)
  await streams.start()
  await streams.waitFor('RUNNING')
  return streams
}

async function stop(streams: KafkaStreams): Promise<void> {
  await streams.close()
  running.splice(running.indexOf(streams), 1)
}

const row = (streams: KafkaStreams, key: string) => streams.queries.keyValueStore<string, string>('rows').get(key)
const group = (streams: KafkaStreams, key: string) => streams.queries.keyValueStore<string, number>('groups').get(key)

async function eventually<T>(look: () => Promise<T> | T, expected: T): Promise<void> {
  await expect.poll(() => Promise.resolve().then(look).catch(String), { timeout: 5_000 }).toEqual(expected)
}

describe('a table whose source topic is its changelog', () => {
  it('has no other one', async () => {
    const streams = await start('a', true)
    await send(['k', 'one'])
    await eventually(() => row(streams, 'k'), 'one')
    const topics = await kafka.admin().describeTopics(['app-rows-changelog', 'app-groups-changelog'])
    expect([...topics.keys()]).toEqual(['app-groups-changelog'])
  })

  it.each([
    ['on another disk', true, 'b'],
    ['in memory', false, 'a'],
    ['on the same disk', true, 'a'],
  ])(
    'is whole after a restart %s, and what came meanwhile counts once',
    async (_where, persistent, directoryOfSecond) => {
      const first = await start('a', persistent)
      await send(['k', 'one'], [null, 'nobody'], ['l', 'one'], ['m', 'two'])
      await eventually(() => group(first, 'one'), 2)
      await eventually(() => group(first, 'two'), 1)
      await stop(first)
      await send(['k', 'two'], ['m', null])
      const second = await start(directoryOfSecond, persistent)
      await eventually(() => group(second, 'one'), 1)
      await eventually(() => group(second, 'two'), 1)
      expect(await row(second, 'k')).toBe('two')
      expect(await row(second, 'l')).toBe('one')
      expect(await row(second, 'm')).toBeUndefined()
    },
  )

  it.each([
    ['at_least_once', true],
    ['exactly_once', true],
    ['at_least_once', false],
  ] as const)(
    'under %s is whole when a commit ends before its state is written (on disk: %j)',
    async (guarantee, persistent) => {
      let isArmed = false
      const first = await start('a', persistent, {
        processingGuarantee: guarantee,
        afterCommitStep: (step) => {
          if (step === 4 && isArmed) throw new Error('the process ends here')
        },
      })
      await send(['k', 'one'], ['l', 'one'])
      await eventually(() => group(first, 'one'), 2)
      isArmed = true
      await send(['k', 'two'], ['m', 'two'])
      await eventually(() => first.state, 'ERROR')
      running.splice(running.indexOf(first), 1)
      const second = await start('a', persistent, { processingGuarantee: guarantee })
      await send(['m', 'one'])
      await eventually(() => group(second, 'one'), 2)
      await eventually(() => group(second, 'two'), 1)
      expect(await row(second, 'k')).toBe('two')
    },
  )

  it('is restored no further than what is committed', async () => {
    await send(['k', 'one'], ['l', 'one'], ['k', 'two'], ['l', 'two'])
    const stores = await TaskStores.open({
      taskId: '0_0',
      partition: 0,
      builders: [Stores.keyValueStore('rows', TEXT) as never],
      changelogTopic: () => 'names',
      isSource: () => true,
      openPersistent: async () => new MemoryDatabase(),
      openMemory: async () => new MemoryDatabase(),
      cacheEntries: 10,
      onExpired: () => {},
    })
    const restore = (committed: number | undefined) =>
      restoreStores({
        taskId: '0_0',
        stores,
        kafka,
        isolationLevel: 'read_uncommitted',
        signal: new AbortController().signal,
        committedOffset: () => committed,
      })
    const store = stores.get('rows') as KeyValueStore<string, string>
    await restore(undefined)
    expect(stores.storedOffset('names', 0)).toBe(0)
    await restore(3)
    expect(stores.storedOffset('names', 0)).toBe(3)
    expect(await store.getEntry('k')).toMatchObject({ value: 'two', timestampMs: 7 })
    expect(await store.getEntry('l')).toMatchObject({ value: 'one', timestampMs: 7 })
    await stores.close()
  })
})
