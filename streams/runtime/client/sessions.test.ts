import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createEmbeddedProvider, type EmbeddedProvider } from '../../../kafka/embedded.ts'
import { KafkaStreams, SessionWindows, StreamsBuilder, serdes } from '../../index.ts'

const TEXT = { key: serdes.string, value: serdes.string }
const MINUTE = 60_000

let kafka: EmbeddedProvider
let directory: string
const running: KafkaStreams[] = []

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'brook-sessions-'))
  kafka = createEmbeddedProvider({ directory: undefined, cleanerIntervalMs: 0 })
  await kafka.admin().createTopics(['clicks', 'visits'].map((name) => ({ name, partitions: 4 })))
})

afterEach(async () => {
  await Promise.all(running.splice(0).map((streams) => streams.close()))
  await kafka.close()
  await rm(directory, { recursive: true, force: true })
})

async function started(disk: string): Promise<KafkaStreams> {
  const builder = new StreamsBuilder()
  builder
    .stream('clicks', TEXT)
    .groupByKey()
    .windowedBy(SessionWindows.ofInactivityGapAndGrace('5m', '30m'))
    .count({ store: 'visits-store' })
    .toStream()
    .to('visits')
  const streams = new KafkaStreams(builder.build(), {
    applicationId: 'app',
    kafka,
    stateDir: join(directory, disk),
    commitInterval: 20,
  })
  running.push(streams)
  await streams.start()
  await streams.waitFor('RUNNING')
  return streams
}

async function send(records: readonly (readonly [key: string, timestampMs: number])[]): Promise<void> {
  const producer = kafka.createProducer()
  for (const [key, timestampMs] of records)
    producer.send('clicks', undefined, {
      key: Buffer.from(key),
      value: Buffer.from('click'),
      timestampMs,
      headers: [],
    })
  await producer.flush()
  await producer.close()
}

async function visits(streams: KafkaStreams): Promise<readonly string[]> {
  const store = streams.queries.sessionStore<string, number>('visits-store')
  const found: string[] = []
  for await (const { key, startMs, endMs, value } of store.fetchRange(undefined, undefined, 0, Number.MAX_SAFE_INTEGER))
    found.push(`${key}@${startMs / MINUTE}-${endMs / MINUTE}=${value}`)
  return found.sort()
}

describe('sessions of a client', () => {
  it('are there after a stop, and from the changelog when its disk is gone, and merge on', async () => {
    const first = await started('one')
    await send([
      ['ann', 0],
      ['ann', 4 * MINUTE],
      ['bob', MINUTE],
      ['ann', 12 * MINUTE],
      ['cy', 9 * MINUTE],
    ])
    await expect.poll(() => visits(first)).toEqual(['ann@0-4=2', 'ann@12-12=1', 'bob@1-1=1', 'cy@9-9=1'])
    await first.close()
    const second = await started('one')
    await send([['ann', 8 * MINUTE]])
    await expect.poll(() => visits(second)).toEqual(['ann@0-12=4', 'bob@1-1=1', 'cy@9-9=1'])
    await second.close()
    const third = await started('another')
    expect(await visits(third)).toEqual(['ann@0-12=4', 'bob@1-1=1', 'cy@9-9=1'])
    const store = third.queries.sessionStore<string, number>('visits-store')
    expect(await store.fetchSession('ann', 0, 12 * MINUTE)).toBe(4)
    expect(await store.fetch('nobody')).toEqual([])
    expect(await store.findSessions('cy', 0, MINUTE)).toEqual([])
    expect(third.queries.store('visits-store')).toMatchObject({ type: 'session', retentionMs: 35 * MINUTE })
    expect(() => third.queries.windowStore('visits-store')).toThrow(/is a session store/)
  })
})
