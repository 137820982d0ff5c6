import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createEmbeddedProvider, type EmbeddedProvider } from '../../../kafka/embedded.ts'
import {
  EmitStrategy,
  KafkaStreams,
  type ProcessingGuarantee,
  SlidingWindows,
  StreamsBuilder,
  serdes,
  TimeWindows,
} from '../../index.ts'
import { decodePartitionMetadata } from './partition-metadata.ts'

const TEXT = { key: serdes.string, value: serdes.string }
const INPUTS = ['in', 'other']

let kafka: EmbeddedProvider
let directory: string
const running: KafkaStreams[] = []

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'brook-window-close-'))
  kafka = createEmbeddedProvider({ directory: undefined, cleanerIntervalMs: 0 })
  await kafka.admin().createTopics([...INPUTS, 'out'].map((name) => ({ name, partitions: 1 })))
})

afterEach(async () => {
  await Promise.all(running.splice(0).map((streams) => streams.close()))
  await kafka.close()
  await rm(directory, { recursive: true, force: true })
})

const WINDOWS = {
  tumbling: TimeWindows.ofSizeAndGrace(10, 5),
  sliding: SlidingWindows.ofTimeDifferenceAndGrace(10, 5),
}

function counts(strategy: EmitStrategy, windows: keyof typeof WINDOWS = 'tumbling'): StreamsBuilder {
  const builder = new StreamsBuilder()
  const both = builder.stream('in', TEXT).merge(builder.stream('other', TEXT))
  const grouped = both.groupByKey()
  const windowed = windows === 'tumbling' ? grouped.windowedBy(WINDOWS.tumbling) : grouped.windowedBy(WINDOWS.sliding)
  windowed
    .emitStrategy(strategy)
    .count({ store: 'counts' })
    .toStream((_count, { key, startMs }) => `${key}@${startMs}`)
    .to('out', { key: serdes.string, value: serdes.long })
  return builder
}

async function started(
  builder: StreamsBuilder,
  guarantee: ProcessingGuarantee = 'at_least_once',
  storeCacheEntries = 1_000,
): Promise<KafkaStreams> {
  const streams = new KafkaStreams(builder.build(), {
    applicationId: 'app',
    kafka,
    stateDir: join(directory, 'state'),
    commitInterval: 20,
    storeCacheEntries,
    processingGuarantee: guarantee,
    maxTaskIdleMs: -1,
    emitInterval: 0,
  })
  running.push(streams)
  await streams.start()
  await streams.waitFor('RUNNING')
  return streams
}

async function send(records: readonly (readonly [key: string, timestampMs: number])[]): Promise<void> {
  const producer = kafka.createProducer()
  for (const [key, timestampMs] of records)
    producer.send('in', 0, { key: Buffer.from(key), value: Buffer.from('v'), timestampMs })
  await producer.flush()
  await producer.close()
}

async function written(): Promise<string[]> {
  const reader = kafka.createReader({ isolationLevel: 'read_committed' })
  const found: string[] = []
  try {
    await reader.assign([{ topic: 'out', partition: 0, offset: 0 }])
    do
      for (const { records } of await reader.poll(20))
        for (const { key, value } of records) found.push(`${key}=${value?.toString('hex').replace(/^0+/, '')}`)
    while ((reader.lag({ topic: 'out', partition: 0 }) ?? 1) > 0)
  } finally {
    await reader.close()
  }
  return found
}

async function eventually(expected: readonly string[]): Promise<void> {
  const deadline = Date.now() + 8_000
  let found = await written()
  while (Date.now() < deadline && found.join() !== expected.join()) {
    await new Promise((resolve) => setTimeout(resolve, 20))
    found = await written()
  }
  expect(found).toEqual(expected)
}

async function metadata(): Promise<Record<string, Record<string, number>>> {
  const committed = await kafka.admin().committedOffsets('app', INPUTS)
  return Object.fromEntries(
    [...committed].map(([name, position]) => [
      name,
      Object.fromEntries(decodePartitionMetadata(position.metadata).processors),
    ]),
  )
}

describe.each(['at_least_once', 'exactly_once'] as const)('emission on window close, %s', (guarantee) => {
  it.each(['tumbling', 'sliding'] as const)('goes on after a restart where it was: %s', async (windows) => {
    const onClose = counts(EmitStrategy.onWindowClose(), windows)
    const first = await started(onClose, guarantee)
    await send([
      ['a', 31],
      ['a', 32],
      ['b', 33],
      ['a', 70],
    ])
    const closed = windows === 'tumbling' ? ['a@30=2', 'b@30=1'] : ['a@21=1', 'a@22=2', 'b@23=1', 'a@32=1']
    await eventually(closed)
    await first.close()
    const kept = { counts: 65 }
    expect(await metadata(), 'on all inputs').toMatchObject({ 'in-0': kept, 'other-0': kept })

    await started(onClose, guarantee)
    await send([
      ['c', 34],
      ['a', 71],
      ['a', 200],
    ])
    const more = windows === 'tumbling' ? ['a@70=2'] : ['a@60=1', 'a@61=2', 'a@71=1']
    await eventually([...closed, ...more])
  })

  it('is moved on by silence, and what comes after it is late, after a restart too', async () => {
    const onClose = counts(EmitStrategy.onWindowClose({ idleTimeout: 100 }))
    const first = await started(onClose, guarantee)
    await send([
      ['a', 31],
      ['a', 42],
    ])
    await eventually(['a@30=1', 'a@40=1'])
    await first.close()
    await started(onClose, guarantee)
    await send([
      ['a', 43],
      ['b', 1_000_000],
      ['b', 2_000_000],
    ])
    await eventually(['a@30=1', 'a@40=1', 'b@1000000=1', 'b@2000000=1'])
  })
})

describe('a store on disk', () => {
  it.each(['tumbling', 'sliding'] as const)('gives what it no longer has in memory: %s', async (windows) => {
    const keys = Array.from({ length: 700 }, (_, i) => `key-${String(i).padStart(3, '0')}`)
    await started(counts(EmitStrategy.onWindowClose(), windows), 'at_least_once', 1)
    await send(keys.toReversed().map((key) => [key, 31] as const))
    const deadline = Date.now() + 8_000
    while (
      Date.now() < deadline &&
      ((await kafka.admin().committedOffsets('app', INPUTS)).get('in-0')?.offset ?? 0) < 700
    )
      await new Promise((resolve) => setTimeout(resolve, 20))
    await send([['a', 70]])
    const startMs = windows === 'tumbling' ? 30 : 21
    await eventually(keys.map((key) => `${key}@${startMs}=1`))
  })

  it('is built again from its changelog when windows are emitted another way', async () => {
    const first = await started(counts(EmitStrategy.onWindowUpdate()))
    await send([
      ['a', 31],
      ['a', 32],
    ])
    await eventually(['a@30=2'])
    await first.close()
    const second = await started(counts(EmitStrategy.onWindowClose()))
    await send([
      ['a', 33],
      ['a', 70],
    ])
    await eventually(['a@30=2', 'a@30=3'])
    await second.close()
    await started(counts(EmitStrategy.onWindowUpdate()))
    await send([['a', 71]])
    await eventually(['a@30=2', 'a@30=3', 'a@70=2'])
  })
})
