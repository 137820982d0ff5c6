import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createEmbeddedProvider, type EmbeddedProvider } from '../../../kafka/embedded.ts'
import { type DroppedRecord, KafkaStreams, StreamsBuilder, serdes, TimeWindows } from '../../index.ts'

let kafka: EmbeddedProvider
let directory: string
let streams: KafkaStreams | undefined

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'brook-dropped-'))
  kafka = createEmbeddedProvider({ directory: undefined, cleanerIntervalMs: 0 })
  await kafka.admin().createTopics(['in', 'dropped'].map((name) => ({ name, partitions: 1 })))
})

afterEach(async () => {
  await streams?.close()
  streams = undefined
  await kafka.close()
  await rm(directory, { recursive: true, force: true })
})

async function dropped(): Promise<readonly string[]> {
  const reader = kafka.createReader({ isolationLevel: 'read_committed' })
  const at = { topic: 'dropped', partition: 0 }
  await reader.assign([{ ...at, offset: 0 }])
  const seen: string[] = []
  do {
    for (const { records } of await reader.poll(20)) {
      for (const { value } of records) {
        const { reason, offset } = JSON.parse(String(value)) as DroppedRecord<unknown>
        seen.push(`${reason}@${offset}`)
      }
    }
  } while (reader.lag(at) !== 0)
  await reader.close()
  return seen
}

async function eventually<T>(look: () => Promise<T> | T, expected: T): Promise<void> {
  const deadline = Date.now() + 5_000
  for (;;) {
    const found = await look()
    if (Date.now() > deadline || JSON.stringify(found) === JSON.stringify(expected)) {
      expect(found).toEqual(expected)
      return
    }
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
}

describe.each(['at_least_once', 'exactly_once'] as const)('dropped streams under %s', (processingGuarantee) => {
  it('are written in the commit that passes the dropped records over, at the end of a partition too', async () => {
    const builder = new StreamsBuilder()
    builder
      .stream('in', {
        key: serdes.string,
        value: serdes.integer,
        droppedUnread: (unread) =>
          unread.mapValues(({ reason, offset }) => ({ reason, offset })).to('dropped', { value: serdes.json() }),
      })
      .groupByKey()
      .windowedBy(TimeWindows.ofSizeWithNoGrace(10))
      .count({
        store: 'counts',
        dropped: (late) => late.to('dropped', { value: serdes.json() }),
      })
    streams = new KafkaStreams(builder.build(), {
      applicationId: 'app',
      kafka,
      stateDir: directory,
      commitInterval: 20,
      processingGuarantee,
      onDeserializationError: () => 'continue',
    })
    await streams.start()
    await streams.waitFor('RUNNING')
    const producer = kafka.createProducer()
    const send = (value: Buffer, timestampMs: number): void =>
      producer.send('in', 0, { key: Buffer.from('k'), value, timestampMs })
    const good = Buffer.of(0, 0, 0, 1)
    send(good, 100)
    send(Buffer.from('unreadable'), 100)
    send(good, 5)
    send(Buffer.from('the last one'), 100)
    await producer.flush()
    await producer.close()
    await eventually(dropped, ['deserialization-error@1', 'late@2', 'deserialization-error@3'])
    await eventually(async () => (await kafka.admin().committedOffsets('app', ['in'])).get('in-0')?.offset, 4)
    expect(await dropped()).toHaveLength(3)
  })
})
