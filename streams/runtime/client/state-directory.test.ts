import { mkdir, mkdtemp, readdir, rm, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { createEmbeddedProvider, type EmbeddedProvider } from '../../../kafka/embedded.ts'
import { openRocksdbDatabase } from '../../../stores/database/rocksdb-database.ts'
import { StateDirectoryLockedError } from '../../errors.ts'
import { KafkaStreams, StreamsBuilder, type StreamsOptions, serdes } from '../../index.ts'
import { StateDirectory } from './state-directory.ts'

const TEXT = { key: serdes.string, value: serdes.string }
const HOUR_MS = 3_600_000

let path: string

beforeEach(async () => {
  path = await mkdtemp(join(tmpdir(), 'brook-state-'))
})

afterEach(() => rm(path, { recursive: true, force: true }))

async function writeTask(taskId: string, offset: number): Promise<void> {
  const database = await openRocksdbDatabase(path)(taskId)
  await database.write({ puts: [], rangeDeletes: [], offsets: new Map([['changelog-0', offset]]) })
  await database.close()
}

describe('a state directory', () => {
  it('is one process at a time, and says whose it is', async () => {
    const first = new StateDirectory(path)
    await first.lock()
    const refused = await new StateDirectory(path).lock().catch((error: unknown) => error)
    expect(refused).toBeInstanceOf(StateDirectoryLockedError)
    expect(String(refused)).toContain(path)
    expect(String(refused)).toContain(`process ${process.pid} on `)
    await first.unlock()
    const second = new StateDirectory(path)
    await second.lock()
    await second.unlock()
  })

  it('can be locked over files of a lock that make no sense', async () => {
    await mkdir(join(path, '.lock'))
    await writeFile(join(path, '.lock', 'CURRENT'), 'nonsense')
    const directory = new StateDirectory(path)
    await directory.lock()
    await directory.unlock()
  })

  it('knows how far the state of each task is, and leaves out what cannot be read', async () => {
    await writeTask('0_0', 7)
    await writeTask('0_1', 9)
    await writeFile(join(path, '0_1', 'rocksdb', 'CURRENT'), 'nonsense')
    await mkdir(join(path, 'global'))
    const directory = new StateDirectory(path)
    await directory.readOffsets(openRocksdbDatabase(path))
    expect([...directory.offsetSums]).toEqual([['0_0', 7]])
    expect(await directory.tasks()).toEqual(['0_0', '0_1'])
  })

  it('deletes what was not used for long, and nobody uses', async () => {
    for (const taskId of ['0_0', '0_1', '0_2']) await writeTask(taskId, 1)
    const longAgo = new Date(Date.now() - HOUR_MS)
    for (const taskId of ['0_0', '0_1']) {
      const files = (await readdir(join(path, taskId, 'rocksdb'))).map((name) => join(path, taskId, 'rocksdb', name))
      for (const file of [...files, join(path, taskId)]) await utimes(file, longAgo, longAgo)
    }
    const directory = new StateDirectory(path)
    expect(await directory.clean(HOUR_MS / 2, () => new Set(['0_1']))).toEqual(['0_0'])
    expect(await directory.tasks()).toEqual(['0_1', '0_2'])
  })
})

describe('a client and its state directory', () => {
  let kafka: EmbeddedProvider
  const running: KafkaStreams[] = []

  beforeEach(async () => {
    kafka = createEmbeddedProvider({ directory: undefined, cleanerIntervalMs: 0 })
    await kafka.admin().createTopics(['words', 'counts'].map((name) => ({ name, partitions: 1 })))
  })

  afterEach(async () => {
    await Promise.all(running.splice(0).map((streams) => streams.close()))
    await kafka.close()
  })

  function client(options: Partial<StreamsOptions> = {}): KafkaStreams {
    const builder = new StreamsBuilder()
    builder.stream('words', TEXT).groupByKey().count({ store: 'counts-store' }).toStream().to('counts')
    const given = { applicationId: 'app', kafka, stateDir: path, commitInterval: 20, ...options }
    const streams = new KafkaStreams(builder.build(), given)
    running.push(streams)
    return streams
  }

  async function send(word: string): Promise<void> {
    const producer = kafka.createProducer()
    producer.send('words', 0, { key: Buffer.from(word), value: Buffer.from(word), timestampMs: 1 })
    await producer.flush()
    await producer.close()
  }

  const countOf = (streams: KafkaStreams, word: string) =>
    streams.queries.keyValueStore<string, number>('counts-store').get(word)
  const eventually = (look: () => unknown) => vi.waitFor(look, { timeout: 5_000, interval: 10 })

  it('are two of a kind: a second client with the directory of the first does not start', async () => {
    const first = client()
    await first.start()
    const second = client({ onUncaughtError: () => {} })
    await expect(second.start()).rejects.toBeInstanceOf(StateDirectoryLockedError)
    expect(second.state).toBe('ERROR')
    await first.close()
    const third = client()
    await third.start()
    await third.waitFor('RUNNING')
  })

  it('clean up together, though not while the client runs', async () => {
    const streams = client()
    await streams.start()
    await streams.waitFor('RUNNING')
    await expect(streams.cleanUp()).rejects.toThrow('CLEANED_UP')
    await streams.close()
    expect(await readdir(path)).toEqual(['app'])
    await streams.cleanUp()
    expect(await readdir(path)).toEqual([])
  })

  it('get rid of state whose task is not here any more', async () => {
    await mkdir(join(path, 'app', '0_7', 'rocksdb'), { recursive: true })
    const streams = client({ stateCleanupDelay: 200 })
    await streams.start()
    await eventually(async () => expect(await new StateDirectory(join(path, 'app')).tasks()).toEqual(['0_0']))
  })

  it('pause: records wait, the store can be read, and after resume they are counted', async () => {
    const streams = client()
    await streams.start()
    await streams.waitFor('RUNNING')
    await send('a')
    await eventually(async () => expect(await countOf(streams, 'a')).toBe(1))
    streams.pause()
    expect(streams.isPaused).toBe(true)
    await send('a')
    await new Promise((resolve) => setTimeout(resolve, 200))
    expect(await countOf(streams, 'a')).toBe(1)
    expect(streams.state).toBe('RUNNING')
    streams.resume()
    await eventually(async () => expect(await countOf(streams, 'a')).toBe(2))
    expect(streams.isPaused).toBe(false)
  })

  it('refuse settings of state that make no sense', () => {
    const bad = {
      numStandbyReplicas: -1,
      maxWarmupReplicas: 0,
      probingRebalanceInterval: '5s',
      rackAwareAssignmentTags: ['zone'],
    } as const
    expect(() => client(bad)).toThrow(/numStandbyReplicas[\s\S]*maxWarmupReplicas|rackAwareAssignmentTags names zone/)
  })
})
