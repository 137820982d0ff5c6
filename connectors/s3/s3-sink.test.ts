import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { ManualClock } from '../../common/clock.ts'
import { createEmbeddedProvider, type EmbeddedProvider } from '../../kafka/embedded.ts'
import { KafkaUnavailableError } from '../../kafka/errors.ts'
import { AvroCodec } from '../../schemas/avro-codec.ts'
import type { AvroSchema } from '../../schemas/avro-type.ts'
import { RegistryUnavailableError, SchemaNotFoundError } from '../../schemas/errors.ts'
import type { DeadLetter } from '../../schemas/types.ts'
import { WireWriter } from '../../schemas/wire-format.ts'
import { StatusTracker } from '../status.ts'
import { DEAD_LETTERS, fakePublishing, json } from '../testing/fixtures.ts'
import { S3Wire } from '../testing/s3-wire.ts'
import { S3ObjectStore } from './object-store.ts'
import { S3Sink, type S3SinkOptions } from './s3-sink.ts'

const TOPIC = 'measured'
const GROUP = 'lake'
const SCHEMA: AvroSchema = { type: 'record', name: 'M', fields: [{ name: 'n', type: 'long' }] }
const TEN_OCLOCK_MS = Date.UTC(2024, 10, 22, 10)
const writer = new WireWriter(new AvroCodec(SCHEMA))

let kafka: EmbeddedProvider
let wire: S3Wire
const running: S3Sink[] = []

beforeEach(async () => {
  kafka = createEmbeddedProvider({ directory: undefined, cleanerIntervalMs: 0 })
  await kafka.connect()
  await kafka.admin().createTopics([{ name: TOPIC, partitions: 1 }])
  wire = await S3Wire.start()
})
afterEach(async () => {
  await Promise.all(running.splice(0).map((sink) => sink.stop()))
  await wire.close()
  await kafka.close()
})

async function append(
  values: readonly (Buffer | null)[],
  timestampMs = TEN_OCLOCK_MS,
  key = Buffer.from('k'),
): Promise<void> {
  const producer = kafka.createProducer()
  for (const value of values) producer.send(TOPIC, 0, { key, value, timestampMs })
  await producer.flush()
  await producer.close()
}

const numbers = (from: number, count: number): Buffer[] =>
  Array.from({ length: count }, (_, i) => writer.write(1, { n: from + i }))

interface SetUp extends Partial<S3SinkOptions> {
  readonly clock?: ManualClock
}

function makeSink(options: SetUp = {}) {
  const { log, publisher } = fakePublishing()
  const status = new StatusTracker('s3')
  const sink = new S3Sink({
    kafka,
    topics: [TOPIC],
    groupId: GROUP,
    registry: { schemaById: async () => SCHEMA as never },
    createStore: () =>
      new S3ObjectStore({
        bucket: 'lake',
        endpoint: wire.url,
        region: 'us-east-1',
        credentials: { accessKeyId: 'key', secretAccessKey: 'secret' },
      }),
    prefix: 'topics',
    format: 'json',
    compression: 'none',
    timeZone: 'UTC',
    limits: { maxRecords: 1_000, maxBytes: 1_000_000 },
    flushIntervalMs: 0,
    maxBufferBytes: 10_000_000,
    publisher,
    status,
    backoff: { baseMs: 10, capMs: 20 },
    drainMs: 200,
    ...options,
  })
  running.push(sink)
  return { sink, log }
}

async function startSink(options: SetUp = {}) {
  const { sink, log } = makeSink(options)
  const failures: Error[] = []
  await sink.start((error) => failures.push(error))
  return { sink, log, failures }
}

const committed = async () => (await kafka.admin().committedOffsets(GROUP, [TOPIC])).get(`${TOPIC}-0`)
const stored = (): number[][] =>
  [...wire.objects.values()].map((body) =>
    body
      .toString()
      .trimEnd()
      .split('\n')
      .map((line) => (JSON.parse(line) as { n: number }).n),
  )
const nameOf = (firstOffset: number): string =>
  `topics/${TOPIC}/2024/11/22/10/${TOPIC}+0+${String(firstOffset).padStart(10, '0')}.jsonl`

test('objects are named by their first record, tell what is in them, and are committed once they are stored', async () => {
  await append(numbers(0, 5))
  const { sink } = await startSink({ limits: { maxRecords: 2, maxBytes: 1_000 } })
  await vi.waitFor(async () => expect(await committed()).toMatchObject({ offset: 4 }))
  expect([...wire.objects.keys()]).toEqual([nameOf(0), nameOf(2)])
  expect(stored()).toEqual([
    [0, 1],
    [2, 3],
  ])
  expect(wire.metadata.get(nameOf(2))).toEqual({ 'first-offset': '2', 'last-offset': '3', records: '2' })
  expect(sink.status()).toMatchObject({ state: 'running', received: 5, published: 4, queueLength: 1, objects: 2 })
})

describe('a cut by the clock', () => {
  test('is written down before anything is stored, and the next owner cuts at the same record', async () => {
    const clock = new ManualClock()
    await append(numbers(0, 3))
    wire.refusal = { status: 503, code: 'SlowDown' }
    const { sink } = await startSink({ flushIntervalMs: 60_000, clock })
    await vi.waitFor(() => expect(sink.status().queueLength).toBe(3))
    expect(await committed()).toBeUndefined()
    clock.advance(60_000)
    await vi.waitFor(async () => expect(await committed()).toMatchObject({ offset: 0, metadata: 'brook-s3 cut=3' }))
    await append(numbers(3, 2))
    await vi.waitFor(() => expect(sink.status().state).toBe('degraded'))
    await sink.stop()
    expect(wire.objects.size).toBe(0)
    wire.refusal = undefined
    const { sink: next } = await startSink()
    await vi.waitFor(async () => expect(await committed()).toMatchObject({ offset: 3, metadata: '' }))
    expect(stored()).toEqual([[0, 1, 2]])
    await vi.waitFor(() => expect(next.status().queueLength).toBe(2))
  })

  test('waits for the first record, not for an hour of wall-clock time', async () => {
    const clock = new ManualClock()
    const { sink } = await startSink({ flushIntervalMs: 60_000, clock })
    clock.advance(100_000)
    await append(numbers(0, 1))
    await vi.waitFor(() => expect(sink.status().queueLength).toBe(1))
    expect(wire.objects.size).toBe(0)
    clock.advance(60_000)
    await vi.waitFor(() => expect(stored()).toEqual([[0]]))
  })
})

test('a crash between storing and committing writes the same object over', async () => {
  await append(numbers(0, 4))
  const limits = { maxRecords: 4, maxBytes: 1_000 }
  const refusing = {
    admin: () => kafka.admin(),
    createConsumer: (options: Parameters<EmbeddedProvider['createConsumer']>[0]) =>
      Object.assign(kafka.createConsumer(options), {
        commit: () => Promise.reject(new KafkaUnavailableError('the coordinator is away')),
      }),
  }
  const { sink } = await startSink({ limits, kafka: refusing })
  await vi.waitFor(() => expect(sink.status()).toMatchObject({ objects: 1, state: 'degraded' }))
  const before = wire.objects.get(nameOf(0))
  await sink.stop()
  expect(await committed()).toBeUndefined()
  await startSink({ limits })
  await vi.waitFor(async () => expect(await committed()).toMatchObject({ offset: 4 }))
  expect(wire.puts.get(nameOf(0))).toBe(2)
  expect(wire.objects.get(nameOf(0))).toEqual(before)
  expect(wire.objects.size).toBe(1)
})

test('memory stays bounded while nothing can be stored, and everything is stored afterwards', async () => {
  wire.refusal = { status: 500, code: 'InternalError' }
  // One fetch brings about a thousand.
  await append(numbers(0, 8_000), TEN_OCLOCK_MS, Buffer.alloc(1_000))
  await append(numbers(8_000, 1), TEN_OCLOCK_MS + 3_600_000)
  const maxBufferBytes = 20_000
  const { sink } = await startSink({ maxBufferBytes, limits: { maxRecords: 100_000, maxBytes: 64_000_000 } })
  await vi.waitFor(() => expect(wire.refused).toBeGreaterThan(10))
  const { received, bufferedBytes, state } = sink.status()
  expect(state).toBe('degraded')
  expect(received).toBeLessThan(4_000)
  expect(bufferedBytes).toBeLessThan(maxBufferBytes + 2 * 1_048_576)
  wire.refusal = undefined
  await vi.waitFor(async () => expect(await committed()).toMatchObject({ offset: 8_000 }), 9_000)
  expect(
    stored()
      .flat()
      .sort((a, b) => a - b),
  ).toEqual(Array.from({ length: 8_000 }, (_, n) => n))
})

test('what cannot be in an object becomes a dead letter with its bytes, and is committed when that is in the log', async () => {
  const unknown = writer.write(404, { n: 1 })
  await append([numbers(0, 1)[0] as Buffer, Buffer.from('hot'), unknown, null])
  await append(numbers(1, 1), -5)
  await append(numbers(2, 1))
  const schemaById = async (id: number) => {
    if (id === 404) throw new SchemaNotFoundError('there is no schema 404')
    return SCHEMA as never
  }
  const { sink, log } = await startSink({ limits: { maxRecords: 6, maxBytes: 1_000 }, registry: { schemaById } })
  log.refuse = () => new KafkaUnavailableError('the log is away')
  await vi.waitFor(() => expect(sink.status()).toMatchObject({ state: 'degraded', objects: 1 }))
  expect(await committed()).toBeUndefined()
  log.refuse = undefined
  await vi.waitFor(async () => expect(await committed()).toMatchObject({ offset: 6 }))
  const letters = log.in(DEAD_LETTERS).map(({ value }) => json<DeadLetter>(value))
  const told = letters.map(({ code, origin }) => [code, origin])
  expect(told.sort()).toEqual([
    ['BAD_TIMESTAMP', `kafka:${TOPIC}-0@4`],
    ['SCHEMA_NOT_FOUND', `kafka:${TOPIC}-0@2`],
    ['SERDE_FAILED', `kafka:${TOPIC}-0@1`],
  ])
  const bytes = letters.find(({ code }) => code === 'SERDE_FAILED')?.originalValue as unknown as { data: number[] }
  expect(Buffer.from(bytes.data).toString()).toBe('hot')
  expect(stored()).toEqual([[0, 2]])
  expect(sink.status()).toMatchObject({ state: 'running', tombstones: 1 })
})

test('a registry that is away holds its records up, and nothing is lost', async () => {
  let isAway = true
  const schemaById = async () => {
    if (isAway) throw new RegistryUnavailableError('http://registry', 'ECONNREFUSED')
    return SCHEMA as never
  }
  await append(numbers(0, 3))
  const { sink } = await startSink({ limits: { maxRecords: 3, maxBytes: 1_000 }, registry: { schemaById } })
  await vi.waitFor(() => expect(sink.status().state).toBe('degraded'))
  expect(sink.status().lastError).toContain('schema registry http://registry does not answer')
  isAway = false
  await vi.waitFor(() => expect(stored()).toEqual([[0, 1, 2]]))
  await vi.waitFor(() => expect(sink.status()).toMatchObject({ state: 'running', reconnects: 1, deadLetters: 0 }))
})

test('a store that forbids is failed until somebody allows it', async () => {
  wire.refusal = { status: 403, code: 'AccessDenied' }
  await append(numbers(0, 2))
  const { sink, failures } = await startSink({ limits: { maxRecords: 2, maxBytes: 1_000 } })
  await vi.waitFor(() => expect(sink.status().state).toBe('failed'))
  expect(sink.status().lastError).toContain('may not write there (AccessDenied)')
  wire.refusal = undefined
  await vi.waitFor(() => expect(sink.status()).toMatchObject({ state: 'running', objects: 1 }))
  expect(failures).toEqual([])
})

test('a topic that is missing is told at the start', async () => {
  await expect(startSink({ topics: [TOPIC, 'measuerd'] })).rejects.toThrow('there is no topic measuerd: create it')
  expect(running[0]?.status()).toMatchObject({ state: 'failed', lastError: expect.stringContaining('measuerd') })
})

test('a stop while it starts leaves nothing that reads, and it can be started again', async () => {
  await append(numbers(0, 2))
  const { sink } = makeSink({ limits: { maxRecords: 2, maxBytes: 1_000 } })
  const starting = sink.start(() => {}).catch(() => {})
  await sink.stop()
  await starting
  expect(sink.status()).toMatchObject({ state: 'stopped', received: 0 })
  await sink.start(() => {})
  await vi.waitFor(() => expect(stored()).toEqual([[0, 1]]))
})

test('topics and their partitions are stored side by side', async () => {
  await kafka.admin().createTopics([{ name: 'other', partitions: 3 }])
  const producer = kafka.createProducer()
  for (const [partition, value] of numbers(10, 3).entries())
    producer.send('other', partition, { key: null, value, timestampMs: TEN_OCLOCK_MS })
  await producer.close()
  await append(numbers(0, 1))
  await startSink({ topics: [TOPIC, 'other'], limits: { maxRecords: 1, maxBytes: 1_000 } })
  await vi.waitFor(() => expect([...wire.objects.keys()].sort()).toHaveLength(4))
  expect(
    stored()
      .flat()
      .sort((a, b) => a - b),
  ).toEqual([0, 10, 11, 12])
})
