import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { createEmbeddedProvider, type EmbeddedProvider } from '../../../kafka/embedded.ts'
import { KafkaStreams, StreamsBuilder, type StreamsOptions, serdes } from '../../index.ts'
import type { RestoreEvent, StateRestoreListener } from '../state/restore-listener.ts'

const TEXT = { key: serdes.string, value: serdes.string }
const PARTITIONS = 4
const WORDS = 40

let kafka: EmbeddedProvider
let directory: string
const running: KafkaStreams[] = []

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'brook-standbys-'))
  kafka = createEmbeddedProvider({ directory: undefined, cleanerIntervalMs: 0 })
  await kafka.admin().createTopics(['words', 'counts'].map((name) => ({ name, partitions: PARTITIONS })))
})

afterEach(async () => {
  await Promise.all(running.splice(0).map((streams) => streams.close()))
  await kafka.close()
  await rm(directory, { recursive: true, force: true })
})

async function started(name: string, options: Partial<StreamsOptions> = {}): Promise<KafkaStreams> {
  const builder = new StreamsBuilder()
  builder.stream('words', TEXT).groupByKey().count({ store: 'counts-store' }).toStream().to('counts')
  const streams = new KafkaStreams(builder.build(), {
    applicationId: 'app',
    kafka,
    stateDir: join(directory, name),
    commitInterval: 20,
    numStandbyReplicas: 1,
    ...options,
  })
  running.push(streams)
  await streams.start()
  await streams.waitFor('RUNNING')
  return streams
}

async function sendEachWord(times: number): Promise<void> {
  const producer = kafka.createProducer()
  for (let i = 0; i < times * WORDS; i++) {
    const key = Buffer.from(`word-${i % WORDS}`)
    producer.send('words', undefined, { key, value: key, timestampMs: i })
  }
  await producer.flush()
  await producer.close()
}

const sumOf = async (streams: KafkaStreams): Promise<number> => {
  let sum = 0
  for await (const { value } of streams.queries
    .keyValueStore<string, number>('counts-store')
    .range(undefined, undefined))
    sum += value
  return sum
}

class Restores implements StateRestoreListener {
  readonly seen: RestoreEvent[] = []
  records = 0
  onRestoreStart(event: RestoreEvent): void {
    this.seen.push(event)
  }
  onRestoreEnd(event: RestoreEvent & { totalRestored: number }): void {
    this.records += event.totalRestored
  }
}

const quietly = (look: () => unknown) => vi.waitFor(look, { timeout: 8_000, interval: 10 })
const lagsOf = (streams: KafkaStreams) => streams.standbyTasks().map(({ lag }) => lag)

describe.each(['at_least_once', 'exactly_once'] as const)('standby tasks under %s', (processingGuarantee) => {
  it('follow the changelogs of the tasks that the other instance runs', async () => {
    const one = await started('one', { processingGuarantee })
    const two = await started('two', { processingGuarantee })
    await sendEachWord(10)
    await quietly(() => {
      for (const [mine, others] of [
        [one, two],
        [two, one],
      ] as const) {
        expect(mine.standbyTasks().map((t) => t.taskId)).toEqual(others.tasks().map((t) => t.taskId))
        expect(lagsOf(mine)).toEqual([0, 0])
      }
    })
  })

  it('take over without a restore when the other instance is gone, and lose nothing', async () => {
    const restores = new Restores()
    const one = await started('one', { processingGuarantee, stateRestoreListener: restores })
    const two = await started('two', { processingGuarantee })
    await quietly(() => expect(one.tasks()).toHaveLength(2))
    await sendEachWord(10)
    await quietly(async () => expect((await sumOf(one)) + (await sumOf(two))).toBe(10 * WORDS))
    await quietly(() => expect(lagsOf(one)).toEqual([0, 0]))
    const before = restores.records
    await two.close()
    await quietly(() => expect(one.tasks()).toHaveLength(PARTITIONS))
    await one.waitFor('RUNNING')
    expect(await sumOf(one)).toBe(10 * WORDS)
    expect(restores.records - before).toBeLessThanOrEqual(WORDS)
    expect(restores.seen.every((event) => event.startingOffset > 0)).toBe(true)
    expect(one.standbyTasks()).toEqual([])
  })
})

describe('a task that moves', () => {
  it('is warmed up first, then moves by itself, as does the rest', async () => {
    const options = { numStandbyReplicas: 0, acceptableRecoveryLag: 0, maxWarmupReplicas: 1 }
    const one = await started('one', options)
    await sendEachWord(20)
    await quietly(async () => expect(await sumOf(one)).toBe(20 * WORDS))
    const restores = new Restores()
    const two = await started('two', { ...options, stateRestoreListener: restores })
    await quietly(() => expect([one.tasks().length, two.tasks().length]).toEqual([2, 2]))
    await one.waitFor('RUNNING')
    await two.waitFor('RUNNING')
    expect((await sumOf(one)) + (await sumOf(two))).toBe(20 * WORDS)
    // What was left to restore when a task became active is less than what its copy had read before.
    expect(restores.seen.every((event) => event.startingOffset > 0)).toBe(true)
    expect(one.standbyTasks()).toEqual([])
    expect(two.standbyTasks()).toEqual([])
  })
})

describe('a restore', () => {
  it('tells its listener from where to where it goes, and takes up after a restart what is missing', async () => {
    const first = new Restores()
    const one = await started('one', { numStandbyReplicas: 0, stateRestoreListener: first })
    await sendEachWord(5)
    await quietly(async () => expect(await sumOf(one)).toBe(5 * WORDS))
    await one.close()
    const second = new Restores()
    const again = await started('one', { numStandbyReplicas: 0, stateRestoreListener: second })
    expect([first.seen, second.seen]).toEqual([[], []])
    await again.close()
    await rm(join(directory, 'one'), { recursive: true })
    const third = new Restores()
    const anew = await started('one', { numStandbyReplicas: 0, stateRestoreListener: third })
    expect(await sumOf(anew)).toBe(5 * WORDS)
    expect(third.seen.map((event) => event.startingOffset)).toEqual([0, 0, 0, 0])
    expect(third.seen.map((event) => event.taskId).sort()).toEqual(['0_0', '0_1', '0_2', '0_3'])
    expect(third.records).toBeGreaterThanOrEqual(WORDS)
  })
})
