import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { BrookError, SerdeError } from '../../../common/errors.ts'
import { lastHeader } from '../../../common/record.ts'
import { createEmbeddedProvider, type EmbeddedProvider } from '../../../kafka/embedded.ts'
import { UnknownOutcomeError } from '../../../kafka/errors.ts'
import type { KafkaProvider, LogRecord } from '../../../kafka/port.ts'
import {
  DeadLetterError,
  deadLetterAndContinue,
  KafkaStreams,
  logAndContinue,
  type ProcessingFailure,
  ProductionError,
  type ProductionFailure,
  StreamsBuilder,
  type StreamsOptions,
  serdes,
  TaskTimeoutError,
} from '../../index.ts'
import { CUT_VALUE_HEADER } from './dead-letters.ts'

const TEXT = { key: serdes.string, value: serdes.string }
const SMALL = 2_000

class PassingError extends BrookError {
  readonly code = 'PASSING'
  readonly domain = 'external'
  readonly recovery = 'retry'
}

let kafka: EmbeddedProvider
let directory: string
const running: KafkaStreams[] = []
const uncaught: Error[] = []

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'brook-errors-'))
  kafka = createEmbeddedProvider({ directory: undefined, cleanerIntervalMs: 0 })
  const small = { 'max.message.bytes': String(SMALL) }
  await kafka.admin().createTopics([
    { name: 'in', partitions: 2 },
    { name: 'out', partitions: 2, configs: small },
    { name: 'dead', partitions: 1, configs: small },
  ])
  uncaught.length = 0
})

afterEach(async () => {
  await Promise.all(running.splice(0).map((streams) => streams.close()))
  await kafka.close()
  await rm(directory, { recursive: true, force: true })
})

const ALL = {
  onDeserializationError: deadLetterAndContinue,
  onProcessingError: deadLetterAndContinue,
  onProductionError: deadLetterAndContinue,
  deadLetterTopic: 'dead',
} as const

function client(build: (builder: StreamsBuilder) => void, options: Partial<StreamsOptions> = {}): KafkaStreams {
  const builder = new StreamsBuilder()
  build(builder)
  const streams = new KafkaStreams(builder.build(), {
    applicationId: 'app',
    kafka,
    stateDir: join(directory, String(running.length)),
    commitInterval: 20,
    heartbeatInterval: '200ms',
    onUncaughtError: (error) => void uncaught.push(error),
    ...options,
  })
  running.push(streams)
  return streams
}

async function start(...clients: readonly KafkaStreams[]): Promise<void> {
  for (const streams of clients) {
    await streams.start()
    await streams.waitFor('RUNNING')
  }
}

async function send(partition: number, ...values: readonly string[]): Promise<void> {
  const producer = kafka.createProducer()
  for (const value of values)
    producer.send('in', partition, { key: Buffer.from('k'), value: Buffer.from(value), timestampMs: Date.now() })
  await producer.flush()
  await producer.close()
}

async function committed(topic: string): Promise<LogRecord[]> {
  const reader = kafka.createReader({ isolationLevel: 'read_committed' })
  await reader.assign((topic === 'dead' ? [0] : [0, 1]).map((partition) => ({ topic, partition, offset: 0 })))
  const batches = await reader.poll(20)
  await reader.close()
  return batches.flatMap(({ records }) => records)
}

const valuesOf = async (topic: string): Promise<string[]> =>
  (await committed(topic)).map(({ value }) => String(value)).sort()

const committedOffset = async (): Promise<number | undefined> =>
  (await kafka.admin().committedOffsets('app', ['in'])).get('in-0')?.offset

/** Copies, with what `act` does to some of the values. */
const copy =
  (act: (value: string) => string) =>
  (builder: StreamsBuilder): void => {
    builder
      .stream('in', TEXT)
      .mapValues(act)
      .to('out', { ...TEXT, partitioner: () => [0] })
  }

describe.each(['at_least_once', 'exactly_once'] as const)('under %s', (processingGuarantee) => {
  it('a record that the broker refuses becomes a dead letter, cut where that is too large as well', async () => {
    const seen: ProductionFailure[] = []
    const streams = client(
      copy((value) => (value.startsWith('grow') ? value.padEnd(SMALL * 2, '.') : value)),
      {
        ...ALL,
        processingGuarantee,
        onProductionError: (failure) => {
          seen.push(failure)
          return deadLetterAndContinue(failure)
        },
      },
    )
    await start(streams)
    const large = 'x'.repeat(SMALL * 3)
    await send(0, 'a', 'grow', 'b', large, 'c')
    await expect.poll(() => valuesOf('out')).toEqual(['a', 'b', 'c'])
    await expect.poll(() => valuesOf('dead')).toEqual(['grow', 'null'])
    const letters = await committed('dead')
    const cut = letters.find(({ value }) => value === null)
    expect(String(lastHeader(cut?.headers ?? [], CUT_VALUE_HEADER))).toBe(String(large.length))
    expect(String(lastHeader(cut?.headers ?? [], '__streams.errors.offset'))).toBe('3')
    expect(seen.map(({ origin, targetTopic, topic }) => [origin, targetTopic, topic])).toEqual([
      [undefined, 'out', 'in'],
      [undefined, 'out', 'in'],
    ])
    await expect.poll(committedOffset).toBe(5)
    expect(uncaught).toEqual([])
  })

  it('no offset is committed past a record that is lost', async () => {
    let refused = 0
    const streams = client(
      copy((value) => (value === 'grow' ? 'g'.padEnd(SMALL * 2, '.') : value)),
      {
        processingGuarantee,
        onProductionError: () => {
          refused++
          return 'fail'
        },
      },
    )
    await start(streams)
    await send(0, 'a')
    await expect.poll(committedOffset).toBe(1)
    await send(0, 'grow', 'b')
    await streams.waitFor('ERROR')
    expect(refused).toBe(1)
    expect(uncaught[0]).toBeInstanceOf(ProductionError)
    expect(uncaught[0]?.message).toMatch(/task 0_0 could not write to out/)
    expect(await committedOffset()).toBe(1)
  })

  it('a task that fails for a reason that passes is done over, while the others go on', async () => {
    let failing = true
    let attempts = 0
    const streams = client(
      (builder) =>
        builder
          .stream('in', TEXT)
          .groupByKey()
          .aggregate(
            () => '',
            (aggregate, value) => {
              if (value === 'stuck' && failing) {
                attempts++
                throw new PassingError('the service is away')
              }
              return aggregate + value
            },
            { store: 'all', value: serdes.string },
          )
          .toStream()
          .to('out', { ...TEXT, partitioner: () => [0] }),
      { processingGuarantee, cacheMaxBytes: 0 },
    )
    await start(streams)
    await send(0, 'a', 'stuck', 'b')
    await expect.poll(() => attempts, { timeout: 5_000 }).toBeGreaterThan(1)
    await send(1, 'x', 'y')
    await expect.poll(() => valuesOf('out')).toEqual(expect.arrayContaining(['x', 'xy']))
    failing = false
    await expect.poll(async () => (await valuesOf('out')).at(-1), { timeout: 10_000 }).toBe('xy')
    await expect.poll(async () => (await valuesOf('out')).includes('astuckb'), { timeout: 10_000 }).toBe(true)
    if (processingGuarantee === 'exactly_once')
      expect(await valuesOf('out')).toEqual(['a', 'astuck', 'astuckb', 'x', 'xy'])
    expect(streams.queries.keyValueStore('all')).toBeDefined()
    expect(uncaught).toEqual([])
  })

  it('a task that fails for longer than taskTimeout ends the client', async () => {
    const streams = client(
      copy((value) => {
        if (value === 'stuck') throw new PassingError('the service is away')
        return value
      }),
      { processingGuarantee, taskTimeout: '300ms' },
    )
    await start(streams)
    await send(0, 'stuck')
    await streams.waitFor('ERROR')
    expect(uncaught[0]).toBeInstanceOf(TaskTimeoutError)
    expect(uncaught[0]?.message).toMatch(/task 0_0 made no progress for 300 ms: the service is away/)
  })

  it('a value that a store cannot write is the fault of its record, not of the commit', async () => {
    const picky = {
      ...serdes.string,
      serialize: (value: string) => {
        if (value.includes('unwritable')) throw new SerdeError('will not write that')
        return Buffer.from(value)
      },
    }
    const seen: ProcessingFailure[] = []
    const streams = client(
      (builder) =>
        builder
          .stream('in', TEXT)
          .groupByKey()
          .reduce((all, value) => all + value, { store: 'all', value: picky })
          .toStream()
          .to('out', { ...TEXT, partitioner: () => [0] }),
      {
        ...ALL,
        processingGuarantee,
        cacheMaxBytes: 0,
        onProcessingError: (failure) => {
          seen.push(failure)
          return deadLetterAndContinue(failure)
        },
      },
    )
    await start(streams)
    await send(0, 'a', 'unwritable', 'b')
    await expect.poll(() => valuesOf('dead'), { timeout: 5_000 }).toEqual(['unwritable'])
    await expect.poll(committedOffset).toBe(3)
    expect(seen.map(({ node, offset, error }) => [node, offset, error.message])).toEqual([
      ['KSTREAM-REDUCE-0000000001', 1, 'will not write that'],
    ])
    if (processingGuarantee === 'exactly_once') expect(await valuesOf('out')).toEqual(['a', 'ab'])
    await expect.poll(() => streams.queries.keyValueStore<string, string>('all').get('k')).toBe('ab')
    expect(uncaught).toEqual([])
  })

  it('a thread that is replaced goes on from what is committed', async () => {
    let failures = 0
    const streams = client(
      copy((value) => {
        if (value === 'once' && failures++ === 0) throw new Error('only this time')
        return value
      }),
      { processingGuarantee, uncaughtExceptionHandler: 'replace-thread' },
    )
    await start(streams)
    await send(0, 'a', 'once', 'b')
    await expect
      .poll(async () => new Set(await valuesOf('out')), { timeout: 5_000 })
      .toEqual(new Set(['a', 'b', 'once']))
    if (processingGuarantee === 'exactly_once') expect(await valuesOf('out')).toEqual(['a', 'b', 'once'])
    await streams.waitFor('RUNNING')
    expect(uncaught).toEqual([])
  })

  it('all clients end when the policy of one says so', async () => {
    const build = copy((value) => {
      if (value === 'bad') throw new Error('this must not go on anywhere')
      return value
    })
    const policy = { processingGuarantee, uncaughtExceptionHandler: 'shut-down-application' } as const
    const [first, second] = [client(build, policy), client(build, policy)]
    await start(first, second)
    await send(0, 'a', 'bad')
    await Promise.all([first.waitFor('ERROR'), second.waitFor('ERROR')])
    expect(uncaught.map(({ name }) => name).sort()).toEqual(['ProcessingError', 'ShutdownRequestedError'])
  })
})

describe('a producer that is done for', () => {
  it('is replaced, and what it lost is done over', async () => {
    let made = 0
    const provider: KafkaProvider = {
      ...kafka,
      createProducer: (options) => {
        const producer = kafka.createProducer(options)
        if (made++ > 0) return producer
        const broken = {
          send: (): never => {
            throw new UnknownOutcomeError('nobody knows')
          },
        }
        return Object.assign(Object.create(producer) as typeof producer, broken, {
          flush: () => producer.flush(),
          close: () => producer.close(),
          backpressure: () => producer.backpressure(),
          partitionCount: (topic: string) => producer.partitionCount(topic),
        })
      },
    }
    const streams = client(copy(String), { kafka: provider })
    await start(streams)
    await send(0, 'a', 'b')
    await expect.poll(() => valuesOf('out'), { timeout: 5_000 }).toEqual(['a', 'b'])
    expect(made).toBe(2)
    expect(uncaught).toEqual([])
  })
})

describe('an error of one client', () => {
  it('leaves the others alone by default, and they take its tasks', async () => {
    let bad = 0
    const build = copy((value) => {
      if (value === 'bad' && bad++ === 0) throw new Error('here only')
      return value
    })
    const [first, second] = [client(build), client(build)]
    await start(first, second)
    await send(0, 'a', 'bad', 'b')
    await expect.poll(() => [first.state, second.state].sort(), { timeout: 5_000 }).toEqual(['ERROR', 'RUNNING'])
    await expect.poll(async () => (await valuesOf('out')).includes('b'), { timeout: 5_000 }).toBe(true)
    expect(uncaught.map(({ name }) => name)).toEqual(['ProcessingError'])
  })

  it('is handled as by shut-down-client where the policy itself throws', async () => {
    const streams = client(
      copy(() => {
        throw new Error('first')
      }),
      {
        uncaughtExceptionHandler: () => {
          throw new Error('second')
        },
      },
    )
    await start(streams)
    await send(0, 'a')
    await streams.waitFor('ERROR')
    expect(uncaught[0]?.message).toMatch(/first/)
  })
})

describe('changes of stores', () => {
  const build = (builder: StreamsBuilder): void => {
    builder
      .stream('in', TEXT)
      .groupByKey()
      .reduce((all, value) => all + value, {
        store: 'all',
        topicConfigs: { 'max.message.bytes': String(SMALL) },
      } as never)
      .toStream()
      .mapValues((value) => String(value.length))
      .to('out', { ...TEXT, partitioner: () => [0] })
  }

  it('are not given up: the ready-made handlers fail', async () => {
    const streams = client(build, { onProductionError: logAndContinue })
    await start(streams)
    const changelog = 'app-all-changelog'
    await kafka.admin().deleteTopics([changelog])
    await kafka
      .admin()
      .createTopics([{ name: changelog, partitions: 2, configs: { 'max.message.bytes': String(SMALL) } }])
    await send(0, 'x'.repeat(SMALL * 2))
    await streams.waitFor('ERROR')
    expect(uncaught[0]?.message).toMatch(/could not write to app-all-changelog/)
  })
})

describe('a dead letter topic', () => {
  it('has to be there at the start', async () => {
    const streams = client(copy(String), { deadLetterTopic: 'nowhere' })
    await expect(streams.start()).rejects.toThrow(DeadLetterError)
    expect(streams.state).toBe('ERROR')
  })

  it('that does not take a letter ends the client: no record goes without trace', async () => {
    const streams = client(
      copy(() => {
        throw new Error('no')
      }),
      {
        onProcessingError: (failure) => ({ result: 'continue', deadLetters: failure.deadLetters('gone') }),
      },
    )
    await start(streams)
    await send(0, 'a')
    await streams.waitFor('ERROR')
    expect(uncaught[0]).toBeInstanceOf(DeadLetterError)
    expect(await committedOffset()).toBeUndefined()
  })
})
