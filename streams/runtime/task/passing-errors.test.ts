import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createEmbeddedProvider, type EmbeddedProvider } from '../../../kafka/embedded.ts'
import { KafkaUnavailableError } from '../../../kafka/errors.ts'
import type { GroupConsumer, KafkaProvider, Producer } from '../../../kafka/port.ts'
import { KafkaStreams, type ProductionFailure, StreamsBuilder, type StreamsOptions, serdes } from '../../index.ts'

const TEXT = { key: serdes.string, value: serdes.string }

let kafka: EmbeddedProvider
let stateDir: string
let streams: KafkaStreams | undefined
const uncaught: Error[] = []

beforeEach(async () => {
  stateDir = await mkdtemp(join(tmpdir(), 'brook-passing-'))
  kafka = createEmbeddedProvider({ directory: undefined, cleanerIntervalMs: 0 })
  await kafka.admin().createTopics(['in', 'out'].map((name) => ({ name, partitions: 1 })))
  uncaught.length = 0
})

afterEach(async () => {
  await streams?.close()
  await kafka.close()
  await rm(stateDir, { recursive: true, force: true })
})

type Faults<T> = (real: T) => Partial<T>

function altered<T extends object>(real: T, faults: Faults<T> = () => ({})): T {
  const own = faults(real)
  return new Proxy(real, {
    get(target, name) {
      const found: unknown = name in own ? own[name as keyof T] : Reflect.get(target, name)
      return typeof found === 'function' && !(name in own) ? found.bind(target) : found
    },
  })
}

async function start(
  faults: { producer?: Faults<Producer>; consumer?: Faults<GroupConsumer> },
  options: Partial<StreamsOptions> = {},
): Promise<KafkaStreams> {
  const builder = new StreamsBuilder()
  builder.stream('in', TEXT).groupByKey().count({ store: 'counts' }).toStream().mapValues(String).to('out', TEXT)
  const faulty = altered<KafkaProvider>(kafka, (real) => ({
    createProducer: (given) => altered(real.createProducer(given), faults.producer),
    createConsumer: (given) => altered(real.createConsumer(given), faults.consumer),
  }))
  streams = new KafkaStreams(builder.build(), {
    applicationId: 'app',
    kafka: faulty,
    stateDir,
    commitInterval: 20,
    cacheMaxBytes: 0,
    onUncaughtError: (error) => void uncaught.push(error),
    ...options,
  })
  await streams.start()
  await streams.waitFor('RUNNING')
  return streams
}

async function send(records: number): Promise<void> {
  const producer = kafka.createProducer()
  for (let i = 0; i < records; i++)
    producer.send('in', 0, { key: Buffer.from('k'), value: Buffer.from('v'), timestampMs: i })
  await producer.flush()
  await producer.close()
}

async function written(): Promise<string[]> {
  const reader = kafka.createReader({ isolationLevel: 'read_committed' })
  await reader.assign([{ topic: 'out', partition: 0, offset: 0 }])
  const batches = await reader.poll(0)
  await reader.close()
  return batches.flatMap(({ records }) => records.map(({ value }) => String(value)))
}

const committedOffset = async () => (await kafka.admin().committedOffsets('app', ['in'])).get('in-0')?.offset

describe('offsets that cannot be committed for a while, under at-least-once', () => {
  it('are committed later, and no record is done over for it', async () => {
    let failures = 0
    const consumer: Faults<GroupConsumer> = (real) => ({
      commit: async (offsets) => {
        if (failures++ < 3) throw new KafkaUnavailableError('the coordinator is away')
        await real.commit(offsets)
      },
    })
    await start({ consumer })
    await send(3)
    await expect.poll(committedOffset, { timeout: 5_000 }).toBe(3)
    expect(failures).toBeGreaterThan(3)
    expect(await written()).toEqual(['1', '2', '3'])
    expect(uncaught).toEqual([])
  })

  it('end the client after taskTimeout', async () => {
    const consumer: Faults<GroupConsumer> = () => ({
      commit: async () => {
        throw new KafkaUnavailableError('the coordinator is away')
      },
    })
    const client = await start({ consumer }, { taskTimeout: '400ms' })
    await send(1)
    await client.waitFor('ERROR')
    expect(uncaught[0]?.message).toMatch(/task 0_0 made no progress for 400 ms: the coordinator is away/)
    expect(await committedOffset()).toBeUndefined()
  })
})

describe.each(['at_least_once', 'exactly_once'] as const)(
  'a record that is not acknowledged in time, under %s',
  (guarantee) => {
    const lateOnce = (): Faults<Producer> => {
      let late = true
      return (real) => ({
        send: (topic, partition, record, acknowledge) => {
          if (topic === 'out' && late && String(record.value) === '2') {
            late = false
            acknowledge?.(new KafkaUnavailableError('not acknowledged in time'), -1)
          } else real.send(topic, partition, record, acknowledge)
        },
      })
    }

    it('has its task done over by default, and nothing is committed without it', async () => {
      const client = await start({ producer: lateOnce() }, { processingGuarantee: guarantee })
      await send(3)
      await expect.poll(committedOffset, { timeout: 5_000 }).toBe(3)
      await expect.poll(async () => (await written()).at(-1)).toBeDefined()
      if (guarantee === 'exactly_once') expect(await written()).toEqual(['1', '2', '3'])
      else expect(await written()).toEqual(expect.arrayContaining(['1', '3']))
      const count = await client.queries.keyValueStore<string, number>('counts').get('k')
      if (guarantee === 'exactly_once') expect(count).toBe(3)
      else expect(count).toBeGreaterThanOrEqual(3)
      expect(uncaught).toEqual([])
    })

    it('is given up when the handler says so', async () => {
      const seen: ProductionFailure[] = []
      await start(
        { producer: lateOnce() },
        {
          processingGuarantee: guarantee,
          onProductionError: (failure) => {
            seen.push(failure)
            return 'continue'
          },
        },
      )
      await send(3)
      await expect.poll(committedOffset, { timeout: 5_000 }).toBe(3)
      expect(await written()).toEqual(['1', '3'])
      expect(seen).toMatchObject([{ targetTopic: 'out', topic: 'in', offset: 1, changelog: false }])
    })
  },
)
