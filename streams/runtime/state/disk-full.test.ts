import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { DiskFullError } from '../../../common/disk-full.ts'
import { Database } from '../../../common/rocksdb.ts'
import { createEmbeddedProvider, type EmbeddedProvider } from '../../../kafka/embedded.ts'
import { KafkaStreams, StreamsBuilder, type StreamsOptions, serdes, TaskTimeoutError } from '../../index.ts'

const TEXT = { key: serdes.string, value: serdes.string }

let kafka: EmbeddedProvider
let directory: string
let running: KafkaStreams[] = []
let onUncaughtError: (error: Error) => void

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'brook-disk-full-'))
  kafka = createEmbeddedProvider({ directory: undefined, cleanerIntervalMs: 0 })
  await kafka.admin().createTopics(['words', 'counts'].map((name) => ({ name, partitions: 2 })))
})

afterEach(async () => {
  vi.restoreAllMocks()
  for (const streams of running) await streams.close()
  running = []
  await kafka.close()
  await rm(directory, { recursive: true, force: true })
})

async function count(options: Partial<StreamsOptions> = {}, name = 'one'): Promise<KafkaStreams> {
  const builder = new StreamsBuilder()
  builder.stream('words', TEXT).groupByKey().count({ store: 'store' }).toStream().to('counts', { value: serdes.long })
  const streams = new KafkaStreams(builder.build(), {
    applicationId: 'app',
    kafka,
    stateDir: join(directory, name),
    processingGuarantee: 'exactly_once',
    commitInterval: 10,
    cacheMaxBytes: 0,
    onUncaughtError: (error) => onUncaughtError(error),
    ...options,
  })
  running.push(streams)
  await streams.start()
  await streams.waitFor('RUNNING')
  return streams
}

async function send(partition: number, times: number): Promise<void> {
  const producer = kafka.createProducer()
  for (let i = 0; i < times; i++)
    producer.send('words', partition, { key: Buffer.from(`w${partition}`), value: Buffer.from('x'), timestampMs: i })
  await producer.flush()
  await producer.close()
}

/** The committed counts of a word, in their order. */
async function countsOf(word: string): Promise<readonly number[]> {
  const reader = kafka.createReader({ isolationLevel: 'read_committed' })
  const partitions = [0, 1].map((partition) => ({ topic: 'counts', partition, offset: 0 }))
  await reader.assign(partitions)
  const counts: number[] = []
  while (partitions.some((p) => reader.lag(p) !== 0))
    for (const { records } of await reader.poll(20))
      for (const { key, value } of records) if (String(key) === word) counts.push(Number(value?.readBigInt64BE(0)))
  await reader.close()
  return counts
}

/** From now on there is no room for paths with this in them; calls of the answer make some. */
function fill(part: string): () => void {
  const real = Database.prototype.write
  const spy = vi.spyOn(Database.prototype, 'write').mockImplementation(function (this: Database, write) {
    if (this.path.includes(part)) return Promise.reject(new DiskFullError(this.path, 'No space left on device'))
    return real.call(this, write)
  })
  return () => spy.mockRestore()
}

const oneTo = (n: number): number[] => Array.from({ length: n }, (_, i) => i + 1)

describe('a full disk', () => {
  it('holds up the task that has no room only, and loses and doubles nothing when there is some', async () => {
    const failures: Error[] = []
    onUncaughtError = (error) => failures.push(error)
    await count()
    await Promise.all([send(0, 3), send(1, 3)])
    await vi.waitFor(async () => expect(await countsOf('w1')).toEqual(oneTo(3)))
    const makeRoom = fill('0_1')
    await Promise.all([send(0, 4), send(1, 4)])
    await vi.waitFor(async () => expect(await countsOf('w0')).toEqual(oneTo(7)), { timeout: 5_000 })
    makeRoom()
    await send(1, 2)
    await vi.waitFor(async () => expect(await countsOf('w1')).toEqual(oneTo(9)), { timeout: 5_000 })
    expect(failures).toEqual([])
  })

  it('holds up a standby, which is opened again when there is room', async () => {
    onUncaughtError = () => {}
    await count({ numStandbyReplicas: 1 })
    const two = await count({ numStandbyReplicas: 1 }, 'two')
    await vi.waitFor(() => expect(two.standbyTasks()).toHaveLength(1), { timeout: 8_000 })
    const [{ taskId } = { taskId: '' }] = two.standbyTasks()
    const path = join('two', 'app', taskId)
    const opened = vi.spyOn(Database, 'open')
    const makeRoom = fill(path)
    const partition = Number(taskId.slice(2))
    await send(partition, 3)
    await vi.waitFor(() => expect(opened.mock.calls.some(([at]) => at.includes(path))).toBe(true), { timeout: 5_000 })
    makeRoom()
    await send(partition, 2)
    const isThere = (): boolean => two.standbyTasks().some((standby) => standby.taskId === taskId && standby.lag === 0)
    await vi.waitFor(() => expect(isThere()).toBe(true), { timeout: 5_000 })
    expect(await countsOf(`w${partition}`)).toEqual(oneTo(5))
  }, 30_000)

  it('ends the client after taskTimeout, with an error that names the directory', async () => {
    const failed = new Promise<Error>((resolve) => (onUncaughtError = resolve))
    await count({ taskTimeout: 300 })
    fill('0_1')
    const feeding = setInterval(() => void send(1, 1), 50)
    const error = await failed
    clearInterval(feeding)
    expect(error).toBeInstanceOf(TaskTimeoutError)
    expect(error.cause).toBeInstanceOf(DiskFullError)
    expect(error.message).toContain(join(directory, 'one', 'app', '0_1'))
  })
})
