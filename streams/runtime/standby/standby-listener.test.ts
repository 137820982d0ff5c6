import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { createEmbeddedProvider, type EmbeddedProvider } from '../../../kafka/embedded.ts'
import { KafkaStreams, type StandbyUpdateListener, StreamsBuilder, serdes } from '../../index.ts'

const TEXT = { key: serdes.string, value: serdes.string }
const CHANGELOG = 'app-counts-store-changelog'
const WORDS = 40

/** The calls of each partition, in their order. */
class Updates implements StandbyUpdateListener {
  readonly calls = new Map<number, string[]>()
  records = 0
  #note(partition: number, call: string): void {
    this.calls.set(partition, [...(this.calls.get(partition) ?? []), call])
  }
  onUpdateStart({
    taskId,
    store,
    topic,
    partition,
    startingOffset,
  }: Parameters<Required<StandbyUpdateListener>['onUpdateStart']>[0]): void {
    this.#note(partition, `start ${taskId} ${store} ${topic} ${startingOffset}`)
  }
  onBatchLoaded(event: Parameters<Required<StandbyUpdateListener>['onBatchLoaded']>[0]): void {
    expect(event.currentEndOffset).toBeGreaterThanOrEqual(event.batchEndOffset)
    this.records += event.batchSize
    this.#note(event.partition, `batch ${event.batchEndOffset}`)
  }
  onUpdateSuspended({
    partition,
    storeOffset,
    reason,
  }: Parameters<Required<StandbyUpdateListener>['onUpdateSuspended']>[0]): void {
    this.#note(partition, `${reason} ${storeOffset}`)
  }
}

let kafka: EmbeddedProvider
let directory: string
const running: KafkaStreams[] = []

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'brook-standby-listener-'))
  kafka = createEmbeddedProvider({ directory: undefined, cleanerIntervalMs: 0 })
  await kafka.admin().createTopics([{ name: 'words', partitions: 2 }])
})

afterEach(async () => {
  await Promise.all(running.splice(0).map((streams) => streams.close()))
  await kafka.close()
  await rm(directory, { recursive: true, force: true })
})

async function started(name: string, standbyUpdateListener?: StandbyUpdateListener): Promise<KafkaStreams> {
  const builder = new StreamsBuilder()
  builder.stream('words', TEXT).groupByKey().count({ store: 'counts-store' })
  const streams = new KafkaStreams(builder.build(), {
    applicationId: 'app',
    kafka,
    stateDir: join(directory, name),
    commitInterval: 20,
    numStandbyReplicas: 1,
    ...(standbyUpdateListener === undefined ? {} : { standbyUpdateListener }),
  })
  running.push(streams)
  await streams.start()
  await streams.waitFor('RUNNING')
  return streams
}

async function sendWords(): Promise<void> {
  const producer = kafka.createProducer()
  for (let i = 0; i < WORDS; i++) {
    const key = Buffer.from(`word-${i}`)
    producer.send('words', undefined, { key, value: key, timestampMs: i })
  }
  await producer.flush()
  await producer.close()
}

const quietly = (look: () => unknown) => vi.waitFor(look, { timeout: 8_000, interval: 10 })
const endOf = async (partition: number) =>
  (await kafka.admin().endOffsets([{ topic: CHANGELOG, partition }])).get(`${CHANGELOG}-${partition}`)

it('is told where a copy begins, how far each batch brings it, and that it became active', async () => {
  const updates = new Updates()
  const one = await started('one', updates)
  const two = await started('two')
  await quietly(() =>
    expect([one, two].map((s) => [s.tasks().length, s.standbyTasks().length])).toEqual([
      [1, 1],
      [1, 1],
    ]),
  )
  const [taskId = ''] = one.standbyTasks().map((t) => t.taskId)
  const partition = Number(taskId.slice(2))
  await sendWords()
  await quietly(() => expect(updates.calls.get(partition)?.length).toBeGreaterThan(1))
  await quietly(async () => expect(updates.calls.get(partition)?.at(-1)).toBe(`batch ${await endOf(partition)}`))
  const end = await endOf(partition)
  await two.close()
  await quietly(() => expect(updates.calls.get(partition)?.at(-1)).toBe(`PROMOTED ${end}`))
  expect(updates.calls.get(partition)?.[0]).toBe(`start ${taskId} counts-store ${CHANGELOG} 0`)
  expect(updates.records).toBe(end)
})

it('is told that a copy is not kept here any more', async () => {
  const updates = new Updates()
  const one = await started('one', updates)
  const two = await started('two')
  await quietly(() => expect([one, two].map((s) => s.standbyTasks().length)).toEqual([1, 1]))
  const [taskId = ''] = one.standbyTasks().map((t) => t.taskId)
  await one.close()
  expect(updates.calls.get(Number(taskId.slice(2)))?.at(-1)).toMatch(/^MIGRATED \d+$/)
})

it('is passed over when it fails: the copy is kept all the same', async () => {
  const failing: StandbyUpdateListener = {
    onBatchLoaded: () => {
      throw new Error('the listener failed')
    },
  }
  const one = await started('one', failing)
  const two = await started('two')
  await quietly(() => expect([one, two].map((s) => s.standbyTasks().length)).toEqual([1, 1]))
  await sendWords()
  const partition = Number(one.standbyTasks()[0]?.taskId.slice(2))
  await quietly(async () => expect(await endOf(partition)).toBeGreaterThan(0))
  await quietly(() => expect(one.standbyTasks().map(({ lag }) => lag)).toEqual([0]))
})
