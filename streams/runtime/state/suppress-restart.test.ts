import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { createEmbeddedProvider, type EmbeddedProvider } from '../../../kafka/embedded.ts'
import { BufferConfig, KafkaStreams, StreamsBuilder, Suppressed, serdes, TimeWindows } from '../../index.ts'

const TEXT = { key: serdes.string, value: serdes.string }

let kafka: EmbeddedProvider
let directory: string

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'brook-suppress-'))
  kafka = createEmbeddedProvider({ directory: undefined, cleanerIntervalMs: 0 })
  await kafka.admin().createTopics(['in', 'out'].map((name) => ({ name, partitions: 1 })))
})

afterEach(async () => {
  await kafka.close()
  await rm(directory, { recursive: true, force: true })
})

async function withClient(
  name: string,
  processingGuarantee: 'exactly_once' | 'at_least_once',
  use: () => Promise<void>,
): Promise<void> {
  const builder = new StreamsBuilder()
  builder
    .stream('in', TEXT)
    .groupByKey()
    .windowedBy(TimeWindows.ofSizeAndGrace(10, 5))
    .count({ store: 'counts' })
    .suppress(Suppressed.untilWindowCloses(BufferConfig.unbounded()), { name: 'final' })
    .toStream((_count, key) => `${key.key}@${key.startMs}`)
    .to('out', { key: serdes.string, value: serdes.long })
  const streams = new KafkaStreams(builder.build(), {
    applicationId: 'app',
    kafka,
    stateDir: join(directory, name),
    commitInterval: 20,
    processingGuarantee,
  })
  await streams.start()
  await streams.waitFor('RUNNING')
  await use()
  await streams.close()
}

async function send(...records: readonly (readonly [key: string, timestampMs: number])[]): Promise<void> {
  const producer = kafka.createProducer()
  for (const [key, timestampMs] of records)
    producer.send('in', undefined, { key: Buffer.from(key), value: Buffer.from('x'), timestampMs })
  await producer.flush()
  await producer.close()
}

async function sent(): Promise<string[]> {
  const reader = kafka.createReader({ isolationLevel: 'read_committed' })
  await reader.assign([{ topic: 'out', partition: 0, offset: 0 }])
  const list: string[] = []
  for (const { records } of await reader.poll(10))
    for (const { key, value } of records) list.push(`${key}=${value?.readBigInt64BE(0)}`)
  await reader.close()
  return list
}

async function eventually(expected: readonly string[]): Promise<void> {
  const deadline = Date.now() + 5_000
  for (;;) {
    const list = await sent()
    if (Date.now() > deadline || list.length >= expected.length) return expect(list).toEqual(expected)
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}

it.each(['exactly_once', 'at_least_once'] as const)(
  'what waits is sent by the process that takes over, with nothing on its disk (%s)',
  async (guarantee) => {
    await withClient('first', guarantee, async () => {
      await send(['a', 1], ['b', 2], ['a', 3], ['c', 12], ['d', 27])
      await eventually(['a@0=2', 'b@0=1', 'c@10=1'])
    })
    await withClient('second', guarantee, async () => {
      // The second one is late: the time that was reached before the takeover counts.
      await send(['d', 28], ['c', 11], ['e', 31], ['f', 60])
      await eventually(['a@0=2', 'b@0=1', 'c@10=1', 'd@20=2', 'e@30=1'])
    })
  },
)
