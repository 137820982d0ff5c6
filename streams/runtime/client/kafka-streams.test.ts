import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { ConfigError } from '../../../common/errors.ts'
import { createEmbeddedProvider, type EmbeddedProvider } from '../../../kafka/embedded.ts'
import { KafkaStreams, StreamsBuilder, type StreamsOptions, serdes } from '../../index.ts'

const TEXT = { key: serdes.string, value: serdes.string }
const PARTITIONS = 4

let kafka: EmbeddedProvider
let directory: string
const running: KafkaStreams[] = []

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'brook-streams-'))
  kafka = createEmbeddedProvider({ directory: undefined, cleanerIntervalMs: 0 })
  await kafka
    .admin()
    .createTopics(['words', 'counts', 'names', 'dead'].map((name) => ({ name, partitions: PARTITIONS })))
})

afterEach(async () => {
  await Promise.all(running.splice(0).map((streams) => streams.close()))
  await kafka.close()
  await rm(directory, { recursive: true, force: true })
})

const wordCount = () => {
  const builder = new StreamsBuilder()
  builder.stream('words', TEXT).groupByKey().count({ store: 'counts-store' }).toStream().to('counts')
  return builder
}

function client(builder: StreamsBuilder, options: Partial<StreamsOptions> = {}): KafkaStreams {
  const streams = new KafkaStreams(builder.build(), {
    applicationId: 'app',
    kafka,
    stateDir: join(directory, String(running.length)),
    commitInterval: 20,
    cacheMaxBytes: 0,
    ...options,
  })
  running.push(streams)
  return streams
}

async function started(builder: StreamsBuilder, options: Partial<StreamsOptions> = {}): Promise<KafkaStreams> {
  const streams = client(builder, options)
  await streams.start()
  await streams.waitFor('RUNNING')
  return streams
}

async function send(topic: string, records: readonly (readonly [string | null, string | null])[]): Promise<void> {
  const producer = kafka.createProducer()
  for (const [key, value] of records) {
    producer.send(topic, undefined, {
      key: key === null ? null : Buffer.from(key),
      value: value === null ? null : Buffer.from(value),
      timestampMs: Date.now(),
    })
  }
  await producer.flush()
  await producer.close()
}

async function eventually<T>(look: () => Promise<T> | T, expected: T): Promise<void> {
  const deadline = Date.now() + 5_000
  for (;;) {
    const found = await Promise.resolve()
      .then(look)
      .catch((error: Error) => error)
    if (Date.now() > deadline || JSON.stringify(found) === JSON.stringify(expected)) {
      expect(found).toEqual(expected)
      return
    }
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
}

const countOf = (streams: KafkaStreams, word: string) =>
  streams.queries.keyValueStore<string, number>('counts-store').get(word)

describe('a client', () => {
  it('goes from CREATED over REBALANCING and RUNNING to NOT_RUNNING', async () => {
    const streams = client(wordCount())
    const seen: string[] = [streams.state]
    streams.onStateChange((to) => seen.push(to))
    await streams.start()
    await streams.waitFor('RUNNING')
    await streams.close()
    expect(seen).toEqual(['CREATED', 'REBALANCING', 'RUNNING', 'PENDING_SHUTDOWN', 'NOT_RUNNING'])
    await expect(streams.waitFor('RUNNING')).rejects.toThrow(/will not become RUNNING|NOT_RUNNING/)
  })

  it('lists every problem of its options at once', () => {
    const bad = {
      applicationId: 'no spaces',
      commitInterval: '5 parsecs' as never,
      sessionTimeout: '1s',
      bufferedRecordsPerPartition: 0,
    } as const
    expect(() => client(wordCount(), bad)).toThrow(ConfigError)
    try {
      client(wordCount(), bad)
    } catch (error) {
      expect((error as ConfigError).problems).toHaveLength(4)
    }
  })

  it('names the source topics that do not exist, and ends in ERROR', async () => {
    const builder = new StreamsBuilder()
    builder.stream('missing', TEXT).to('counts')
    const streams = client(builder)
    await expect(streams.start()).rejects.toThrow(/missing/)
    expect(streams.state).toBe('ERROR')
  })

  it('refuses joins of topics that are partitioned differently, naming both', async () => {
    await kafka.admin().createTopics([{ name: 'wide', partitions: 8 }])
    const builder = new StreamsBuilder()
    builder
      .stream('words', TEXT)
      .join(builder.table('wide', TEXT), (a, b) => a + b)
      .to('counts', TEXT)
    await expect(client(builder).start()).rejects.toThrow(/words has 4.*wide has 8|wide has 8.*words has 4/)
  })

  it('creates its changelog and repartition topics with the settings of Kafka Streams', async () => {
    const builder = new StreamsBuilder()
    builder
      .stream('words', TEXT)
      .groupBy((word) => word, TEXT)
      .count({ store: 'by-word' })
    await started(builder)
    const admin = kafka.admin()
    expect(await admin.topicConfigs('app-by-word-changelog')).toMatchObject({ 'cleanup.policy': 'compact' })
    expect(await admin.topicConfigs('app-by-word-repartition')).toMatchObject({
      'cleanup.policy': 'delete',
      'retention.ms': '-1',
    })
    expect((await admin.describeTopics(['app-by-word-repartition'])).get('app-by-word-repartition')?.partitions).toBe(
      PARTITIONS,
    )
  })
})

describe.each(['at_least_once', 'exactly_once'] as const)('under %s', (processingGuarantee) => {
  it('takes up its counts after a stop, and from the changelog when its disk is gone', async () => {
    const first = await started(wordCount(), { processingGuarantee })
    await send('words', [
      ['a', '1'],
      ['b', '1'],
      ['a', '2'],
    ])
    await eventually(() => countOf(first, 'a'), 2)
    await first.close()
    const second = await started(wordCount(), { processingGuarantee })
    await send('words', [['a', '3']])
    await eventually(() => countOf(second, 'a'), 3)
    await eventually(() => countOf(second, 'b'), 1)
  })

  it('shares the tasks with a second client and takes them back when it goes', async () => {
    const first = await started(wordCount(), { processingGuarantee, applicationServer: 'one' })
    await send('words', [
      ['a', '1'],
      ['b', '1'],
      ['c', '1'],
      ['d', '1'],
      ['e', '1'],
    ])
    await eventually(() => countOf(first, 'e'), 1)
    const second = await started(wordCount(), { processingGuarantee, applicationServer: 'two' })
    await first.waitFor('RUNNING')
    expect([first.tasks().length, second.tasks().length]).toEqual([2, 2])
    await send('words', [
      ['a', '2'],
      ['b', '2'],
      ['c', '2'],
      ['d', '2'],
      ['e', '2'],
    ])
    for (const word of ['a', 'b', 'c', 'd', 'e']) {
      const { local, endpoint } = first.queries.metadataForKey('counts-store', word)
      expect(endpoint).toBe(local ? 'one' : 'two')
      await eventually(() => countOf(local ? first : second, word), 2)
    }
    await second.close()
    await eventually(() => first.tasks().filter((t) => t.state === 'running').length, PARTITIONS)
    for (const word of ['a', 'b', 'c', 'd', 'e']) await eventually(() => countOf(first, word), 2)
  })
})

describe('records that cannot be read', () => {
  const numbers = () => {
    const builder = new StreamsBuilder()
    builder.stream('words', { key: serdes.string, value: serdes.integer }).groupByKey().count({ store: 'counts-store' })
    return builder
  }
  const good = Buffer.of(0, 0, 0, 1).toString('latin1')

  it('stop the client, with where they are, unless told otherwise', async () => {
    let uncaught: Error | undefined
    const streams = await started(numbers(), { onUncaughtError: (error) => (uncaught = error) })
    await send('words', [['a', 'not a number']])
    await streams.waitFor('ERROR')
    expect(uncaught?.message).toMatch(/words-\d@0 cannot be read/)
  })

  it('are handed to the handler and passed over, and do not stop the others', async () => {
    const seen: string[] = []
    const streams = await started(numbers(), {
      onDeserializationError: ({ topic, offset, value }) => {
        seen.push(`${topic}@${offset}: ${value}`)
        return 'continue'
      },
    })
    await send('words', [
      ['a', good],
      ['a', 'not a number'],
      ['a', good],
    ])
    await eventually(() => countOf(streams, 'a'), 2)
    expect(seen).toEqual(['words@1: not a number'])
  })
})

describe('a processor that throws', () => {
  it('stops the client with the node, the task and the record', async () => {
    let uncaught: Error | undefined
    const builder = new StreamsBuilder()
    builder.stream('words', TEXT).foreach(
      (word) => {
        if (word === 'bad') throw new Error('I do not like it')
      },
      { name: 'picky' },
    )
    const streams = await started(builder, { onUncaughtError: (error) => (uncaught = error) })
    await send('words', [
      ['a', 'good'],
      ['a', 'bad'],
    ])
    await streams.waitFor('ERROR')
    expect(uncaught?.message).toMatch(/processor picky of task 0_\d failed on words-\d@1: I do not like it/)
  })
})

describe('a global table', () => {
  it('is full before the stream starts, follows its topic, and is whole on every client', async () => {
    await send('names', [
      ['1', 'one'],
      ['2', 'two'],
    ])
    const builder = new StreamsBuilder()
    const names = builder.globalTable('names', { ...TEXT, store: 'names-store' })
    builder
      .stream('words', TEXT)
      .join(
        names,
        (value) => value,
        (_value, name) => name,
      )
      .groupByKey()
      .reduce((_before, name) => name, { store: 'named', value: serdes.string, key: serdes.string })
    const streams = await started(builder)
    await send('words', [
      ['a', '1'],
      ['b', '2'],
      ['c', '3'],
    ])
    const named = () => streams.queries.keyValueStore<string, string>('named')
    await eventually(() => named().get('a'), 'one')
    await eventually(() => named().get('b'), 'two')
    await send('names', [['3', 'three']])
    await eventually(() => streams.queries.keyValueStore<string, string>('names-store').get('3'), 'three')
    await send('words', [['c', '3']])
    await eventually(() => named().get('c'), 'three')
  })
})

describe('queries', () => {
  it('tell unknown stores, wrong types and stores of a client that does not run apart', async () => {
    const streams = client(wordCount())
    expect(() => streams.queries.keyValueStore('nope')).toThrow(
      /there is no store "nope"; the topology has counts-store/,
    )
    expect(() => streams.queries.windowStore('counts-store')).toThrow(/is a key-value store/)
    expect(() => streams.queries.keyValueStore('counts-store')).toThrow(/not started/)
  })
})
