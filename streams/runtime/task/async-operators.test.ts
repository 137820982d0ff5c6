import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createEmbeddedProvider, type EmbeddedProvider } from '../../../kafka/embedded.ts'
import { type AsyncCall, KafkaStreams, StreamsBuilder, type StreamsOptions, serdes } from '../../index.ts'

const TEXT = { key: serdes.string, value: serdes.string }
const PARTITIONS = 2

let kafka: EmbeddedProvider
let directory: string
const running: KafkaStreams[] = []

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'brook-async-'))
  kafka = createEmbeddedProvider({ directory: undefined, cleanerIntervalMs: 0 })
  await kafka.admin().createTopics(['in', 'out'].map((name) => ({ name, partitions: PARTITIONS })))
})

afterEach(async () => {
  await Promise.all(running.splice(0).map((streams) => streams.close()))
  await kafka.close()
  await rm(directory, { recursive: true, force: true })
})

async function started(
  call: (value: string, key: string, call: AsyncCall) => Promise<string>,
  options: Partial<StreamsOptions> = {},
): Promise<KafkaStreams> {
  const builder = new StreamsBuilder()
  const stream = builder.stream('in', TEXT)
  stream.groupByKey().count({ store: 'counts' })
  stream
    .mapValuesAsync(call, { concurrency: 4, name: 'slow' })
    .to('out', { ...TEXT, partitioner: (_topic, key) => [Number(key.slice(1))] })
  const streams = new KafkaStreams(builder.build(), {
    applicationId: 'app',
    kafka,
    stateDir: join(directory, String(running.length)),
    commitInterval: 20,
    cacheMaxBytes: 0,
    ...options,
  })
  running.push(streams)
  await streams.start()
  await streams.waitFor('RUNNING')
  return streams
}

/** Value `n` goes to partition `n % 2`, under the key of that partition. */
async function send(from: number, to: number): Promise<void> {
  const producer = kafka.createProducer()
  for (let n = from; n < to; n++) {
    const partition = n % PARTITIONS
    producer.send('in', partition, { key: Buffer.from(`k${partition}`), value: Buffer.from(`${n}`), timestampMs: n })
  }
  await producer.flush()
  await producer.close()
}

async function outputs(): Promise<readonly string[]> {
  const reader = kafka.createReader({ isolationLevel: 'read_committed' })
  const partitions = Array.from({ length: PARTITIONS }, (_, partition) => ({ topic: 'out', partition, offset: 0 }))
  await reader.assign(partitions)
  const seen: string[][] = partitions.map(() => [])
  do {
    for (const { partition, records } of await reader.poll(20))
      for (const { key, value } of records) seen[partition]?.push(`${key}=${value}`)
  } while (partitions.some((p) => reader.lag(p) !== 0))
  await reader.close()
  return seen.flat().sort((a, b) => (a.slice(0, 2) < b.slice(0, 2) ? -1 : a.slice(0, 2) > b.slice(0, 2) ? 1 : 0))
}

const committed = async (): Promise<number> =>
  [...(await kafka.admin().committedOffsets('app', ['in'])).values()].reduce((sum, { offset }) => sum + offset, 0)

async function eventually<T>(look: () => Promise<T> | T, expected: T): Promise<void> {
  const deadline = Date.now() + 8_000
  for (;;) {
    const found = await look()
    if (Date.now() > deadline || JSON.stringify(found) === JSON.stringify(expected)) {
      expect(found).toEqual(expected)
      return
    }
    await sleep(10)
  }
}

const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))

const inOrder = (to: number): readonly string[] =>
  [0, 1].flatMap((k) =>
    Array.from({ length: to }, (_, n) => n)
      .filter((n) => n % PARTITIONS === k)
      .map((n) => `k${k}=${n}`),
  )

/** Waits that differ, and are the same in each run. */
const jittery = async (value: string): Promise<string> => {
  await sleep((Number(value) * 7) % 11)
  return value
}

describe.each(['at_least_once', 'exactly_once'] as const)('asynchronous operators under %s', (processingGuarantee) => {
  it('give each result once, in order, with commits in between', async () => {
    const streams = await started(jittery, { processingGuarantee })
    await send(0, 200)
    await eventually(outputs, inOrder(200))
    await eventually(committed, 200)
    const counts = streams.queries.keyValueStore<string, number>('counts')
    expect([await counts.get('k0'), await counts.get('k1')]).toEqual([100, 100])
  })

  it('commit no offset before its result', async () => {
    const gate = Promise.withResolvers<string>()
    await started((value) => (value === '2' ? gate.promise : jittery(value)), { processingGuarantee })
    await send(0, 10)
    await eventually(async () => (await outputs()).includes('k1=9'), true)
    await eventually(committed, 5)
    await sleep(60)
    expect(await committed()).toBe(5)
    gate.resolve('2')
    await eventually(outputs, inOrder(10))
    await eventually(committed, 10)
  })

  it('finish what is under way when the client is closed, and nothing is done over', async () => {
    const calls: string[] = []
    const slowly = async (value: string): Promise<string> => {
      calls.push(value)
      await sleep(50)
      return value
    }
    const first = await started(slowly, { processingGuarantee, commitInterval: '10s' })
    await send(0, 4)
    await eventually(() => calls.length, 4)
    await first.close()
    expect(await outputs()).toEqual(inOrder(4))
    expect(await committed()).toBe(4)
    await started(slowly, { processingGuarantee })
    await send(4, 6)
    await eventually(outputs, inOrder(6))
    expect(calls).toHaveLength(6)
  })

  it('give up calls that do not end in time at the close; the next client makes them anew', async () => {
    let signal: AbortSignal | undefined
    const never = (_value: string, _key: string, call: AsyncCall): Promise<string> => {
      signal ??= call.signal
      return new Promise(() => {})
    }
    const first = await started(never, { processingGuarantee, drainTimeout: 30 })
    await send(0, 4)
    await eventually(() => signal !== undefined, true)
    await first.close()
    expect(signal?.aborted).toBe(true)
    expect(await committed()).toBe(0)
    const second = await started(jittery, { processingGuarantee })
    await eventually(outputs, inOrder(4))
    await eventually(() => second.queries.keyValueStore<string, number>('counts').get('k0'), 2)
  })

  it('give up calls that do not end in time before a rebalance; whoever has the tasks next makes them anew', async () => {
    let stuck = true
    const aborted: string[] = []
    const call = (value: string, _key: string, { signal }: AsyncCall): Promise<string> => {
      if (!stuck) return jittery(value)
      return new Promise(() => signal.addEventListener('abort', () => aborted.push(value)))
    }
    const options = { processingGuarantee, drainTimeout: 30 } as const
    const first = await started(call, options)
    await send(0, 4)
    await eventually(() => first.tasks().length, PARTITIONS)
    await sleep(50)
    await send(4, 6)
    stuck = false
    await started(call, options)
    await eventually(outputs, inOrder(6))
    expect(aborted.sort()).toEqual(['0', '1', '2', '3'])
  })

  it('lose and double nothing when tasks move to another client and back, with calls under way', async () => {
    const options = { processingGuarantee, drainTimeout: '5s' } as const
    const first = await started(jittery, options)
    await send(0, 100)
    const second = await started(jittery, options)
    await first.waitFor('RUNNING')
    await send(100, 200)
    await second.close()
    await first.waitFor('RUNNING')
    await send(200, 300)
    await eventually(outputs, inOrder(300))
    await eventually(() => first.queries.keyValueStore<string, number>('counts').get('k0'), 150)
  })
})

describe('a failing call', () => {
  it('stops the client with the node and the record', async () => {
    let uncaught: Error | undefined
    const streams = await started(
      async (value) => {
        await sleep(1)
        if (value === '3') throw new Error('I do not like it')
        return value
      },
      { onUncaughtError: (error) => (uncaught = error) },
    )
    await send(0, 6)
    await streams.waitFor('ERROR')
    expect(uncaught?.message).toMatch(/processor slow of task 0_1 failed on in-1@1: I do not like it/)
  })
})

describe('a task whose operator is full', () => {
  it('does not hold up the others', async () => {
    const gate = Promise.withResolvers<string>()
    await started((value) => (Number(value) % 2 === 0 ? gate.promise.then(() => value) : Promise.resolve(value)))
    await send(0, 200)
    await eventually(async () => (await outputs()).filter((o) => o.startsWith('k1')).length, 100)
    gate.resolve('')
    await eventually(outputs, inOrder(200))
  })
})
