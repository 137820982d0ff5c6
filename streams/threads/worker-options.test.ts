import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { ConfigError } from '../../common/errors.ts'
import { createEmbeddedProvider } from '../../kafka/embedded.ts'
import { createKafkaProvider } from '../../kafka/kafkajs.ts'
import { MemoryTracer } from '../../test/support/memory-tracer.ts'
import { KafkaStreams, loadTopology, type StreamsOptions, StreamThreadsError } from '../index.ts'
import { cacheShare, planWorkers } from './worker-options.ts'

const MODULE = new URL('../../test/threads/count-topology.ts', import.meta.url)
const settings = { input: 'words', output: 'counts' }
const kafka = createKafkaProvider({
  brokers: ['one:9092'],
  ssl: true,
  sasl: { mechanism: 'plain', username: 'brook', password: 'hush' },
})
const embedded = createEmbeddedProvider({ directory: undefined })
const load = (exportName = 'default') => loadTopology(MODULE, { export: exportName, settings })

const plan = async (options: Partial<StreamsOptions>) => {
  const problems: string[] = []
  return { plan: planWorkers(await load(), { applicationId: 'app', kafka, ...options }, problems), problems }
}

describe('stream threads are workers', () => {
  test('when the topology came from a module and Kafka from brokers, even one thread', async () => {
    const { plan: workers, problems } = await plan({ commitInterval: '1s', onUncaughtError: () => {} })
    expect(problems).toEqual([])
    expect(workers).toMatchObject({
      module: { href: MODULE.href, exportName: 'default', settings },
      options: { applicationId: 'app', commitInterval: '1s' },
      provider: { exportName: 'createKafkaProvider', options: { brokers: ['one:9092'], sasl: { password: 'hush' } } },
    })
    expect(Object.keys(workers?.options ?? {})).not.toContain('onUncaughtError')
  })

  test('not on the embedded log, which has one thread', async () => {
    expect(await plan({ kafka: embedded })).toEqual({ plan: undefined, problems: [] })
  })
})

describe('several threads are refused', () => {
  const refusal = async (options: Partial<StreamsOptions>, topology = load()): Promise<string> => {
    try {
      new KafkaStreams(await topology, { applicationId: 'app', kafka, numStreamThreads: 2, ...options })
    } catch (error) {
      expect(error).toBeInstanceOf(ConfigError)
      return (error as Error).message
    }
    return 'accepted'
  }

  test('on the embedded log', async () => {
    expect(await refusal({ kafka: embedded })).toContain(
      'numStreamThreads is 2, but the embedded log (memory) works in one thread only: set it to 1, or run on Kafka (createKafkaProvider)',
    )
  })

  test('for a topology that is an object', async () => {
    const { topology } = (await import('../../test/threads/count-topology.ts')).lenientTopology(settings)
    expect(await refusal({}, Promise.resolve(topology))).toContain(
      "load it from a module, that each thread imports for itself (loadTopology(new URL('./topology.ts', import.meta.url)))",
    )
  })

  test('with settings that cannot be sent, all of which are named', async () => {
    const clock = { nowMs: () => 0 }
    const message = await refusal({ clock, onDeserializationError: () => 'fail', applicationServer: 'localhost:1' })
    expect(message).toContain('clock.nowMs cannot be sent to the stream threads: it is a function. Use plain data')
    expect(message).toContain(
      "onDeserializationError cannot be sent to the stream threads: it is a function. Give it from the topology's module: { topology, handlers: { onDeserializationError } }",
    )
    expect(message).not.toContain('applicationServer')
  })

  test('with a tracer, which comes from the module', async () => {
    expect(await refusal({ tracing: new MemoryTracer().tracing })).toContain(
      "tracing cannot be sent to the stream threads: it is made of functions. Give it from the topology's module: { topology, handlers: { tracing } }",
    )
  })

  test('when the connection to Kafka has functions, which are named', async () => {
    const secured = createKafkaProvider({
      brokers: ['one:9093'],
      ssl: { ca: [Buffer.from('pem')], checkServerIdentity: () => undefined },
    })
    expect(await refusal({ kafka: secured })).toContain(
      'kafka cannot be made in the stream threads, because of its option ssl.checkServerIdentity: it is a function. Use plain data (certificates as text or bytes)',
    )
  })

  test('when their number is none', async () => {
    expect(await refusal({ numStreamThreads: 0 })).toContain(
      'numStreamThreads must be a whole number of at least 1, got 0',
    )
  })
})

test.each([
  [embedded, 'default', 'this Kafka (embedded) works in one thread only'],
  [kafka, undefined, 'load it from a module'],
] as const)('threads cannot be added where they are not workers', async (provider, exportName, reason) => {
  const module = await import('../../test/threads/count-topology.ts')
  const topology = exportName === undefined ? module.default(settings) : await load()
  const streams = new KafkaStreams(topology, { applicationId: 'app', kafka: provider })
  await expect(streams.addStreamThread()).rejects.toThrow(reason)
  await expect(streams.removeStreamThread()).rejects.toBeInstanceOf(StreamThreadsError)
})

test('handlers of the module hold in the thread of the program too', async () => {
  const log = createEmbeddedProvider({ directory: undefined })
  await log.admin().createTopics([
    { name: 'words', partitions: 1 },
    { name: 'counts', partitions: 1 },
  ])
  const producer = log.createProducer()
  for (const word of ['poison', 'fine'])
    producer.send('words', 0, { key: null, value: Buffer.from(word), timestampMs: 1 })
  await producer.close()
  const poison = { value: 'poison', by: 'error' }
  const topology = await loadTopology(MODULE, { export: 'lenientTopology', settings: { ...settings, poison } })
  const stateDir = await mkdtemp(join(tmpdir(), 'brook-handlers-'))
  const streams = new KafkaStreams(topology, { applicationId: 'app', kafka: log, stateDir })
  await streams.start()
  await streams.waitFor('RUNNING')
  await expect.poll(() => streams.queries.keyValueStore('counts').get('fine')).toBe(1)
  expect(await streams.queries.keyValueStore('counts').get('poison')).toBeUndefined()
  await streams.close()
  await log.close()
  await rm(stateDir, { recursive: true })
})

test('each thread has its share of the record cache', () => {
  expect([cacheShare(10, 1), cacheShare(10, 3), cacheShare(0, 2)]).toEqual([10, 3, 0])
})
