import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createEmbeddedProvider, type EmbeddedProvider } from '../../../kafka/embedded.ts'
import { KafkaAuthorizationError, KafkaUnavailableError, UnknownOutcomeError } from '../../../kafka/errors.ts'
import type { GroupConsumer, KafkaProvider, Producer } from '../../../kafka/port.ts'
import { KafkaStreams, StreamsBuilder, type StreamsOptions, serdes, type Topology } from '../../index.ts'

const TEXT = { key: serdes.string, value: serdes.string }

let kafka: EmbeddedProvider
let stateDir: string
const running: KafkaStreams[] = []

beforeEach(async () => {
  stateDir = await mkdtemp(join(tmpdir(), 'brook-recovery-'))
  kafka = createEmbeddedProvider({ directory: undefined, cleanerIntervalMs: 0 })
  await kafka.admin().createTopics(['words', 'counts'].map((name) => ({ name, partitions: 1 })))
})

afterEach(async () => {
  await Promise.all(running.splice(0).map((streams) => streams.close()))
  await kafka.close()
  await rm(stateDir, { recursive: true, force: true })
})

function wordCount(): Topology {
  const builder = new StreamsBuilder()
  builder.stream('words', TEXT).groupByKey().count({ store: 'rows', caching: false }).toStream().to('counts')
  return builder.build()
}

async function started(topology: Topology, options: Partial<StreamsOptions> = {}): Promise<KafkaStreams> {
  const streams = new KafkaStreams(topology, { applicationId: 'app', kafka, stateDir, commitInterval: 20, ...options })
  running.push(streams)
  await streams.start()
  await streams.waitFor('RUNNING')
  return streams
}

async function send(topic: string, records: readonly (readonly [key: string, value: Buffer])[]): Promise<void> {
  const producer = kafka.createProducer()
  for (const [key, value] of records) producer.send(topic, 0, { key: Buffer.from(key), value, timestampMs: Date.now() })
  await producer.flush()
  await producer.close()
}

const words = (...keys: string[]) => keys.map((key) => [key, Buffer.from('x')] as const)
const countOf = (streams: KafkaStreams, word: string) => () =>
  streams.queries.keyValueStore<string, number>('rows').get(word)

/** The numbers that readers of committed records see, in order. */
async function counted(): Promise<number[]> {
  const reader = kafka.createReader({ isolationLevel: 'read_committed' })
  await reader.assign([{ topic: 'counts', partition: 0, offset: 0 }])
  const batches = await reader.poll(0)
  await reader.close()
  return batches.flatMap(({ records }) => records.map(({ value }) => Number(value?.readBigInt64BE())))
}

type Faults<T> = (real: T) => Partial<T>

/** The same object with some of its methods in other hands. */
function altered<T extends object>(real: T, alter: Faults<T>): T {
  const own = alter(real)
  return new Proxy(real, {
    get(target, name) {
      const found: unknown = name in own ? own[name as keyof T] : Reflect.get(target, name)
      return typeof found === 'function' && !(name in own) ? found.bind(target) : found
    },
  })
}

function faulty(faults: { producer?: Faults<Producer>; consumer?: Faults<GroupConsumer> }): KafkaProvider {
  return altered<KafkaProvider>(kafka, (real) => ({
    createProducer: (options) => altered(real.createProducer(options), faults.producer ?? (() => ({}))),
    createConsumer: (options) => altered(real.createConsumer(options), faults.consumer ?? (() => ({}))),
  }))
}

describe('local state', () => {
  it('is thrown away and restored where its place in the changelog is gone', async () => {
    const first = await started(wordCount())
    await send('words', words('a', 'b'))
    await expect.poll(countOf(first, 'b')).toBe(1)
    await first.close()
    const changelog = 'app-rows-changelog'
    const seven = Buffer.alloc(8)
    seven.writeBigInt64BE(7n)
    await send(changelog, [
      ['b', seven],
      ['a', seven],
    ])
    const end = [...(await kafka.admin().endOffsets([{ topic: changelog, partition: 0 }])).values()][0] ?? 0
    await kafka.admin().deleteRecords([{ topic: changelog, partition: 0, offset: end - 1 }])
    const second = await started(wordCount())
    await expect.poll(countOf(second, 'a')).toBe(7)
    expect(await countOf(second, 'b')()).toBeUndefined()
  })
})

describe('a commit', () => {
  type Fault = [what: string, guarantee: 'exactly_once' | 'at_least_once', faults: () => Parameters<typeof faulty>[0]]

  function once(): () => boolean {
    let left = 1
    return () => left-- > 0
  }

  const FAULTS: readonly Fault[] = [
    [
      'that was made',
      'exactly_once',
      () => {
        const fails = once()
        const producer: Faults<Producer> = (real) => ({
          commitTransaction: async () => {
            await real.commitTransaction()
            if (fails()) throw new UnknownOutcomeError('no answer')
          },
        })
        return { producer }
      },
    ],
    [
      'that was not made',
      'exactly_once',
      () => {
        const fails = once()
        const producer: Faults<Producer> = (real) => ({
          commitTransaction: async () => {
            if (!fails()) return real.commitTransaction()
            await real.abortTransaction()
            throw new UnknownOutcomeError('no answer')
          },
        })
        return { producer }
      },
    ],
    [
      'of offsets alone',
      'at_least_once',
      () => {
        const fails = once()
        const consumer: Faults<GroupConsumer> = (real) => ({
          commit: async (offsets) => {
            await real.commit(offsets)
            if (fails()) throw new KafkaUnavailableError('no answer')
          },
        })
        return { consumer }
      },
    ],
  ]

  it.each(FAULTS)(
    'of which nobody knows the outcome is done over from what was committed (%s)',
    async (_what, processingGuarantee, faults) => {
      const streams = await started(wordCount(), { kafka: faulty(faults()), processingGuarantee })
      await send('words', words('a', 'a', 'a'))
      await expect.poll(counted, { timeout: 5_000 }).toContain(3)
      await send('words', words('a'))
      await expect.poll(counted, { timeout: 5_000 }).toEqual([1, 2, 3, 4])
      await expect.poll(countOf(streams, 'a')).toBe(4)
    },
  )
})

describe('a record that cannot be sent', () => {
  it('stops the client, and no offset is committed past it', async () => {
    let uncaught: Error | undefined
    const producer: Faults<Producer> = (real) => {
      let failure: Error | undefined
      return {
        send: (topic, partition, record, acknowledge) => {
          if (topic === 'counts' && failure === undefined) failure = new KafkaAuthorizationError('may not write counts')
          if (failure === undefined) real.send(topic, partition, record, acknowledge)
          else acknowledge?.(failure, -1)
        },
        flush: async () => {
          if (failure !== undefined) throw failure
          return real.flush()
        },
      }
    }
    const streams = await started(wordCount(), {
      kafka: faulty({ producer }),
      onUncaughtError: (error) => (uncaught = error),
    })
    await send('words', words('a', 'b'))
    await streams.waitFor('ERROR')
    expect(uncaught?.message).toContain('may not write counts')
    expect([...(await kafka.admin().committedOffsets('app', ['words'])).values()]).toEqual([])
  })
})

describe('a partition with a full buffer', () => {
  it('is paused until there is room again, and loses nothing', async () => {
    const calls: string[] = []
    const consumer: Faults<GroupConsumer> = (real) => ({
      pause: (partitions) => {
        calls.push('pause')
        real.pause(partitions)
      },
      resume: (partitions) => {
        calls.push('resume')
        real.resume(partitions)
      },
    })
    const seen: string[] = []
    const builder = new StreamsBuilder()
    builder.stream('words', TEXT).foreach((_value, key) => void seen.push(key))
    const keys = Array.from({ length: 20_000 }, (_, i) => String(i))
    await send('words', words(...keys))
    await started(builder.build(), { kafka: faulty({ consumer }), bufferedRecordsPerPartition: 10 })
    await expect.poll(() => seen.length, { timeout: 5_000 }).toBe(keys.length)
    expect(seen).toEqual(keys)
    expect(calls.join(' ')).toMatch(/pause resume/)
  })
})
