import { afterEach, expect, test, vi } from 'vitest'
import { silentLogger } from '../common/log.ts'
import type { TopicPartition } from '../common/record.ts'
import { KafkaUnavailableError } from '../kafka/errors.ts'
import type { GroupConsumer, LogRecord, OffsetCommit } from '../kafka/port.ts'
import { type SinkPartition, SinkReader, type SinkReaderOptions } from './sink-reader.ts'
import { StatusTracker } from './status.ts'
import { FakeLog } from './testing/fake-log.ts'
import { Troubles } from './troubles.ts'

const TOPIC = 't'
const running: SinkReader<Taken>[] = []
afterEach(async () => {
  await Promise.all(running.splice(0).map((reader) => reader.stop()))
})

/** Keeps what it is offered, and lets as much of it be committed as the test says. */
class Taken implements SinkPartition {
  readonly offsets: number[] = []
  isBusy = false
  isClosed = false
  ended: number | undefined
  readonly from: TopicPartition
  readonly position: number

  constructor(from: TopicPartition, position: number) {
    this.from = from
    this.position = position
  }

  offer(records: readonly LogRecord[]): void {
    this.offsets.push(...records.map(({ offset }) => offset))
  }
  due(): OffsetCommit | undefined {
    return this.ended === undefined ? undefined : { ...this.from, offset: this.ended }
  }
  committed(): void {
    this.ended = undefined
  }
  close(): void {
    this.isClosed = true
  }
}

function setUp(options: Partial<SinkReaderOptions<Taken>> = {}, log = new FakeLog()) {
  log.createTopic(TOPIC)
  const status = new StatusTracker('test')
  const opened: Taken[] = []
  const failures: Error[] = []
  const reader = new SinkReader<Taken>({
    kafka: log,
    topics: [TOPIC],
    groupId: 'g',
    open: (from, position) => {
      opened.push(new Taken(from, position))
      return opened.at(-1) as Taken
    },
    isFull: () => false,
    drain: async () => {},
    troubles: new Troubles(status, silentLogger),
    backoff: { baseMs: 1, capMs: 5 },
    ...options,
  })
  running.push(reader)
  reader.start((error) => failures.push(error))
  const append = (count: number): void => {
    for (let i = 0; i < count; i++) log.append(TOPIC, 'k', i)
  }
  const committed = (): number | undefined => log.commits.get('g')?.get(TOPIC)
  return { log, reader, status, opened, failures, append, committed }
}

test('reads from the beginning, commits what has ended, and goes on there', async () => {
  const { log, reader, opened, append, committed } = setUp()
  append(5)
  await vi.waitFor(() => expect(opened[0]?.offsets).toEqual([0, 1, 2, 3, 4]))
  ;(opened[0] as Taken).ended = 3
  await vi.waitFor(() => expect(committed()).toBe(3))
  await reader.stop()
  expect(opened[0]?.isClosed).toBe(true)
  const next = setUp({}, log)
  await vi.waitFor(() => expect(next.opened[0]?.offsets).toEqual([3, 4]))
})

test('reads nothing of a partition that is busy, and nothing at all while the sink is full', async () => {
  let isFull = false
  const { opened, append } = setUp({ isFull: () => isFull })
  append(1)
  await vi.waitFor(() => expect(opened[0]?.offsets).toEqual([0]))
  const taken = opened[0] as Taken
  const settle = (): Promise<unknown> => new Promise((resolve) => setTimeout(resolve, 250))
  taken.isBusy = true
  await settle()
  append(1)
  await settle()
  expect(taken.offsets).toEqual([0])
  isFull = true
  taken.isBusy = false
  await settle()
  expect(taken.offsets).toEqual([0])
  isFull = false
  await vi.waitFor(() => expect(taken.offsets).toEqual([0, 1]))
})

test('what has ended by the time that partitions are drained is committed at a stop', async () => {
  const { reader, opened, append, committed } = setUp({
    drain: async (partitions) => {
      for (const partition of partitions) partition.ended = 5
    },
  })
  append(5)
  await vi.waitFor(() => expect(opened[0]?.offsets).toHaveLength(5))
  expect(await reader.stop()).toBeUndefined()
  expect(committed()).toBe(5)
})

test('a Kafka that is away for a while is a trouble, not a failure', async () => {
  const log = new FakeLog()
  const { status, opened, failures, append } = setUp({}, log)
  append(1)
  await vi.waitFor(() => expect(opened[0]?.offsets).toEqual([0]))
  log.pollError = new KafkaUnavailableError('away')
  append(1)
  await vi.waitFor(() =>
    expect(status.snapshot()).toMatchObject({ lastError: 'away', reconnects: 1, state: 'running' }),
  )
  await vi.waitFor(() => expect(opened[0]?.offsets).toEqual([0, 1]))
  expect(failures).toEqual([])
})

test('asks again where to begin when it cannot be told', async () => {
  const log = new FakeLog()
  let asked = 0
  const kafka: SinkReaderOptions<Taken>['kafka'] = {
    admin: () => log.admin(),
    createConsumer: (options): GroupConsumer => {
      const consumer = log.createConsumer(options)
      return {
        ...consumer,
        committed: (partitions) =>
          ++asked < 3 ? Promise.reject(new KafkaUnavailableError('away')) : consumer.committed(partitions),
      }
    },
  }
  const { opened, append } = setUp({ kafka }, log)
  append(2)
  await vi.waitFor(() => expect(opened[0]?.offsets).toEqual([0, 1]))
  expect(asked).toBe(3)
})

test('an error that will not pass is told once', async () => {
  const { log, failures, append } = setUp()
  log.pollError = new Error('broken')
  append(1)
  await vi.waitFor(() => expect(failures.map(({ message }) => message)).toEqual(['broken']))
})
