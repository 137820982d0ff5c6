import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { Metrics } from '../../common/metrics.ts'
import {
  type KafkaStreams,
  KeyQuery,
  Position,
  PositionBound,
  ProcessingError,
  type ProcessingGuarantee,
  StreamThreadDiedError,
} from '../../streams/index.ts'
import { CountApp, collecting, type LogLine, WORDS } from './count-app.ts'

const run = promisify(execFile)

let app: CountApp

beforeEach(async () => {
  app = new CountApp()
  await app.prepare()
})

afterEach(() => app.cleanUp())

test.each([
  [2, 'exactly_once'],
  [4, 'exactly_once'],
  [2, 'at_least_once'],
] as const)(
  '%i threads process all partitions, %s',
  async (numStreamThreads, processingGuarantee: ProcessingGuarantee) => {
    const streams = await app.client({ numStreamThreads, processingGuarantee, commitInterval: '100ms' })
    await app.send(4_000)
    await streams.start()
    await streams.waitFor('RUNNING')
    await app.allCounted()
    const threads = streams.metadataForLocalThreads()
    expect(threads.map((t) => t.threadName)).toEqual(
      Array.from({ length: numStreamThreads }, (_, i) => `${app.name}-StreamThread-${i + 1}`),
    )
    expect(threads.map((t) => t.activeTasks.length)).toEqual(threads.map(() => 8 / numStreamThreads))
    expect(threads.every((t) => t.threadState === 'RUNNING')).toBe(true)
    expect(await streams.close({ timeout: '20s' })).toBe(true)
    expect(streams.state).toBe('NOT_RUNNING')
    expect(Object.keys(app.sent)).toHaveLength(WORDS)
  },
)

test('threads that come and go under load lose nothing and double nothing', async () => {
  const lines: LogLine[] = []
  const streams = await app.client({ numStreamThreads: 1, log: collecting(lines) }, { workMs: 0.3 })
  await streams.start()
  const load = (async () => {
    for (let i = 0; i < 40; i++) {
      await app.send(200)
      await new Promise((resolve) => setTimeout(resolve, 100))
    }
  })()
  await streams.waitFor('RUNNING')
  expect(await streams.addStreamThread()).toBe(`${app.name}-StreamThread-2`)
  expect(await streams.addStreamThread()).toBe(`${app.name}-StreamThread-3`)
  await streams.waitFor('RUNNING')
  expect(streams.metadataForLocalThreads().map((t) => t.activeTasks.length > 0)).toEqual([true, true, true])
  expect(await streams.removeStreamThread()).toBe(`${app.name}-StreamThread-3`)
  await streams.waitFor('RUNNING')
  expect(await streams.removeStreamThread({ timeout: '10s' })).toBe(`${app.name}-StreamThread-2`)
  expect(await streams.addStreamThread()).toBe(`${app.name}-StreamThread-2`)
  await load
  await app.allCounted()
  await streams.waitFor('RUNNING')
  expect(streams.tasks()).toHaveLength(8)
  const errors = lines.flatMap(({ fields: { err } }) => (err instanceof Error ? [`${err.name}: ${err.message}`] : []))
  expect(errors.filter((error) => /lock/i.test(error))).toEqual([])
})

describe('a thread that dies', () => {
  const POISON = 'poison'

  test.each(['error', 'stray-error', 'exit'] as const)(
    'by %s shuts the client down, and the others with it',
    async (by) => {
      const errors: Error[] = []
      const streams = await app.client(
        { onUncaughtError: (error) => errors.push(error) },
        { poison: { value: POISON, by } },
      )
      await app.send(400)
      await streams.start()
      await streams.waitFor('RUNNING')
      await app.sendOne(app.input, null, POISON)
      await expect(streams.waitFor('ERROR')).resolves.toBeUndefined()
      const [error] = errors
      expect(errors).toHaveLength(1)
      if (by === 'error') {
        expect(error).toBeInstanceOf(ProcessingError)
        expect(error).toMatchObject({ taskId: '0_0', cause: { name: 'RangeError' } })
      } else expect(error).toBeInstanceOf(StreamThreadDiedError)
      if (by === 'stray-error') expect(error?.cause).toMatchObject({ message: 'a timer of the topology failed' })
      expect(streams.metadataForLocalThreads()).toEqual([])
    },
  )

  test.each(['error', 'exit'] as const)('by %s is replaced, and what it did is done once', async (by) => {
    let deaths = 0
    const streams = await app.client(
      {
        uncaughtExceptionHandler: () => {
          deaths++
          return 'replace-thread'
        },
      },
      { poison: { value: POISON, by } },
    )
    await app.send(2_000)
    await streams.start()
    await streams.waitFor('RUNNING')
    await app.sendOne(app.input, null, POISON)
    await expect.poll(() => deaths, { timeout: 20_000 }).toBeGreaterThan(1)
    await skipPoison()
    await app.send(2_000)
    await app.allCounted()
    expect(streams.metadataForLocalThreads().map((t) => t.threadName)).toEqual([
      `${app.name}-StreamThread-1`,
      `${app.name}-StreamThread-2`,
    ])
  })

  test('takes the whole application with it when the policy says so', async () => {
    const uncaughtExceptionHandler = () => 'shut-down-application' as const
    const poison = { value: POISON, by: 'error' } as const
    const one = await app.client({ uncaughtExceptionHandler }, { poison })
    const other = await app.client({ stateDir: app.otherDirectory }, { poison })
    await app.send(400)
    await Promise.all([one.start(), other.start()])
    await Promise.all([one.waitFor('RUNNING'), other.waitFor('RUNNING')])
    // The one with the policy has to be the one that meets the poison.
    const partition = Number(
      one
        .tasks()
        .find((t) => t.taskId.startsWith('0_'))
        ?.taskId.slice(2),
    )
    await app.sendOne(app.input, null, POISON, partition)
    await Promise.all([one.waitFor('ERROR'), other.waitFor('ERROR')])
    expect([one.tasks(), other.tasks()]).toEqual([[], []])
  })

  /** The poison would kill every thread that reads it: retention takes it away. */
  async function skipPoison(): Promise<void> {
    const admin = app.kafka.admin()
    const partition = { topic: app.input, partition: 0 }
    const end = (await admin.endOffsets([partition])).get(`${app.input}-0`) as number
    await admin.deleteRecords([{ ...partition, offset: end }])
  }
})

test("the threads have the handlers of the topology's module", async () => {
  const streams = await app.client({}, { poison: { value: 'poison', by: 'error' } }, 'lenientTopology')
  await app.sendOne(app.input, null, 'poison')
  await app.send(400)
  await streams.start()
  await streams.waitFor('RUNNING')
  await app.allCounted()
  expect(streams.state).toBe('RUNNING')
})

test('stores in threads are read from the main thread', async () => {
  const streams = await app.client({ commitInterval: '100ms' }, { global: app.global })
  await app.sendOne(app.global, 'a', 'first')
  await app.send(4_000)
  await streams.start()
  await streams.waitFor('RUNNING')
  await app.allCounted()
  const { queries } = streams
  const counts = queries.keyValueStore<string, number>('counts')
  expect(await counts.get('word-7')).toBe(100)
  expect(await counts.getEntry('word-7')).toMatchObject({ value: 100 })
  expect(await counts.get('no such word')).toBeUndefined()
  expect(await counts.approximateEntries()).toBe(WORDS)
  const all: Record<string, number> = {}
  for await (const { key, value } of counts.range(undefined, undefined)) all[key] = value
  expect(all).toEqual(app.sent)
  const some: string[] = []
  for await (const { key } of counts.prefix(Buffer.from('word-1'), { limit: 3 })) some.push(key)
  expect(some).toHaveLength(3)
  for await (const { key } of counts.range('word-2', 'word-3')) {
    expect(key >= 'word-2').toBe(true)
    break
  }
  expect(queries.store('counts').tasks).toHaveLength(4)
  const { partition, local } = queries.metadataForKey('counts', 'word-7')
  expect(local).toBe(true)
  expect(await queries.keyValueStore('counts', { partition }).get('word-7')).toBe(100)
  expect(await queries.keyValueStore<string, string>('names').get('a')).toBe('first')
  expect(() => queries.windowStore('counts')).toThrow('is a key-value store')
  await streams.removeStreamThread()
  await streams.waitFor('RUNNING')
  expect(await queries.keyValueStore('counts').get('word-7')).toBe(100)
})

test('a bound on a store in a thread is waited for, and its changes are followed', async () => {
  const streams = await app.client(
    { commitInterval: '2s', processingGuarantee: 'at_least_once' },
    { global: app.global },
  )
  await streams.start()
  await streams.waitFor('RUNNING')
  const { queries } = streams
  const [topic = ''] = queries.positionTopics('counts')
  const changed: string[] = []
  const { partition } = queries.metadataForKey('counts', 'word-3')
  const live = queries.follow('counts', partition, {
    changed: (changes) => changed.push(...changes.map((c) => `${c.row().key}=${c.row().value}`)),
    closed: () => changed.push('closed'),
  })
  const rows = []
  for await (const row of live.rows()) rows.push(row)
  expect(rows).toEqual([])
  await app.send(40)
  await expect.poll(() => queries.keyValueStore<string, number>('counts').get('word-3'), { timeout: 45_000 }).toBe(1)
  await queries.waitFor('counts', [partition], PositionBound.at(Position.of({ [topic]: { [partition]: 0 } })), {
    timeoutMs: 20_000,
  })
  await expect.poll(() => changed, { timeout: 10_000 }).toContain('word-3=1')
  const { position, partitionResults } = await queries.query({
    store: 'counts',
    query: KeyQuery.withKey<string, number>('word-3'),
    partitions: [partition],
    positionBound: PositionBound.at(Position.of({ [topic]: { [partition]: 0 } })),
  })
  expect(partitionResults.get(partition)).toMatchObject({ isSuccess: true, result: 1 })
  expect(position.toString()).toContain(`${topic}:${partition}:`)
  await app.sendOne(app.global, 'a', 'first')
  const bound = PositionBound.at(Position.of({ [app.global]: { 0: 0 } }))
  expect(await queries.waitFor('names', [0], bound, { timeoutMs: 5_000 })).toBe(true)
  expect(await queries.keyValueStore<string, string>('names').get('a')).toBe('first')
  await streams.removeStreamThread()
  await streams.removeStreamThread()
  expect(changed.at(-1)).toBe('closed')
  expect(streams.state).toBe('REBALANCING')
  expect(() => queries.keyValueStore('counts')).toThrow('rebalancing')
})

test('a query during a move is answered, or told to try again', async () => {
  const streams = await app.client({}, {})
  await app.send(2_000)
  await streams.start()
  await streams.waitFor('RUNNING')
  await app.allCounted()
  const states = { isMoving: true, answers: 0, retries: 0 }
  const asking = (async () => {
    while (states.isMoving) {
      try {
        const counts = streams.queries.keyValueStore<string, number>('counts')
        let sum = 0
        for await (const { value } of counts.range(undefined, undefined)) sum += value
        if (sum === 2_000) states.answers++
      } catch (error) {
        expect(error).toMatchObject({ code: 'STORE_NOT_AVAILABLE', recovery: 'retry' })
        states.retries++
      }
      await new Promise((resolve) => setTimeout(resolve, 5))
    }
  })()
  await streams.addStreamThread()
  await streams.waitFor('RUNNING')
  await streams.removeStreamThread()
  await streams.waitFor('RUNNING')
  states.isMoving = false
  await asking
  expect(states.answers).toBeGreaterThan(0)
})

test('pausing stops all threads, those that are added too, until they are resumed', async () => {
  const streams = await app.client({ commitInterval: '100ms' })
  await app.send(200)
  await streams.start()
  await streams.waitFor('RUNNING')
  await app.allCounted()
  streams.pause()
  await new Promise((resolve) => setTimeout(resolve, 300))
  await streams.addStreamThread()
  await streams.waitFor('RUNNING')
  await app.send(200)
  await new Promise((resolve) => setTimeout(resolve, 1_000))
  expect(Object.values(await app.counted()).reduce((a, b) => Number(a) + Number(b), 0)).toBe(200)
  streams.resume()
  await app.allCounted()
})

test('logs and metrics of the threads are those of the client, under the names of the threads', async () => {
  const metrics = new Metrics()
  const lines: LogLine[] = []
  const log = collecting(lines)
  const streams = await app.client({ metrics, log, commitInterval: '100ms' })
  await app.send(400)
  await streams.start()
  await streams.waitFor('RUNNING')
  await app.allCounted()
  const text = await metrics.text()
  const processed = [
    ...text.matchAll(/^kafka_streams_stream_thread_metrics_process_total\{thread_id="([^"]+)"[^}]*\} (\d+)/gm),
  ]
  expect(processed.map(([, name]) => name).toSorted()).toEqual([1, 2].map((i) => `${app.name}-StreamThread-${i}`))
  expect(processed.reduce((sum, [, , count]) => sum + Number(count), 0)).toBe(800)
  expect(text).toMatch(/commit_latency_seconds_bucket\{[^}]*thread_id="/)
  expect(text.match(/^# TYPE kafka_streams_stream_thread_metrics_process_total /gm)).toHaveLength(1)
  const recorded = await streams.metrics()
  const totals = recorded.filter(({ group, name }) => group === 'stream-thread-metrics' && name === 'process-total')
  expect(totals.map(({ tags }) => tags['thread-id']).toSorted()).toEqual(
    [1, 2].map((i) => `${app.name}-StreamThread-${i}`),
  )
  expect(totals.reduce((sum, { value }) => sum + Number(value), 0)).toBe(800)
  expect(recorded.find(({ name }) => name === 'alive-stream-threads')?.value).toBe(2)
  const running = lines.filter(({ message }) => message === 'task running')
  expect(new Set(running.map(({ fields }) => fields['threadId']))).toEqual(
    new Set([1, 2].map((i) => `${app.name}-StreamThread-${i}`)),
  )
  await streams.close()
  expect(await metrics.text()).not.toContain('StreamThread-1')
})

test('closing ends a thread that hangs when the time is over', async () => {
  const streams = await app.client({}, { workMs: 1_000_000 })
  await streams.start()
  await streams.waitFor('RUNNING')
  await app.send(1)
  await new Promise((resolve) => setTimeout(resolve, 1_000))
  const startedMs = performance.now()
  expect(await streams.close({ timeout: '1s' })).toBe(false)
  expect(performance.now() - startedMs).toBeLessThan(5_000)
  await streams.close()
  expect(streams.state).toBe('NOT_RUNNING')
})

test('closing leaves nothing open: a program ends by itself', async () => {
  await app.send(400)
  const { stdout } = await run(
    process.execPath,
    [join(import.meta.dirname, 'count-program.ts'), JSON.stringify({ name: app.name, directory: app.directory })],
    { timeout: 30_000 },
  )
  expect(JSON.parse(stdout)).toEqual({ state: 'NOT_RUNNING', handles: [] })
})

test('two clients with two threads each share the tasks, and their copies go to the other client', async () => {
  const one = await app.client({ numStandbyReplicas: 1, commitInterval: '100ms' })
  const other = await app.client({ numStandbyReplicas: 1, commitInterval: '100ms', stateDir: app.otherDirectory })
  await app.send(2_000)
  await Promise.all([one.start(), other.start()])
  await Promise.all([one.waitFor('RUNNING'), other.waitFor('RUNNING')])
  await app.allCounted()
  await expect
    .poll(() => [one, other].map((client) => client.standbyTasks().length), { timeout: 15_000 })
    .toEqual([2, 2])
  const active = (client: KafkaStreams): readonly string[] => client.tasks().map((t) => t.taskId)
  expect([...active(one), ...active(other)].toSorted()).toHaveLength(8)
  for (const [mine, theirs] of [
    [one, other],
    [other, one],
  ] as const)
    expect(active(theirs)).toEqual(expect.arrayContaining(mine.standbyTasks().map((t) => t.taskId)))
  const word = Object.keys(app.sent).find((w) => !one.queries.metadataForKey('counts', w).local) as string
  const { partition } = one.queries.metadataForKey('counts', word)
  expect(() => one.queries.keyValueStore('counts', { partition })).toThrow('not local')
  const copy = async () => one.queries.keyValueStore('counts', { partition, maxLag: 10_000 }).get(word)
  await expect.poll(copy, { timeout: 10_000 }).toBe(app.sent[word])
  const lags = async () => {
    const ofCounts = (await one.queries.allLocalStorePartitionLags()).get('counts')
    return [...(ofCounts?.values() ?? [])].map(({ offsetLag }) => offsetLag < 100)
  }
  await expect.poll(lags, { timeout: 10_000 }).toEqual(Array(4).fill(true))
  await one.close()
  await app.send(2_000)
  await app.allCounted()
})
