import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'vitest'
import type { KafkaProvider } from '../../kafka/port.ts'
import { avro } from '../../schemas/avro-serde.ts'
import { type AvroField, type AvroType, defineAvroType } from '../../schemas/avro-type.ts'
import { RegistryClient } from '../../schemas/registry-client.ts'
import {
  KafkaStreams,
  type ProcessingGuarantee,
  StreamsBuilder,
  type StreamsOptions,
  serdes,
} from '../../streams/index.ts'
import { readCommitted, untilConsumed } from './committed.ts'
import { TcpProxy } from './proxies.ts'

interface Reading {
  readonly n: number
}
interface NewReading extends Reading {
  readonly unit: string
}

const NEEDS_NEW_SCHEMA = 0
const UNTROUBLED = 1
const NEEDS_NEW_TOPIC = 2
const PARTITIONS = 3
/** Sums from here on go to a topic of their own, whose schema nobody has asked for before. */
const HIGH = 1_000
const N: AvroField = { name: 'n', type: 'int' }

function typeOf<T>(name: string, ...fields: readonly AvroField[]): AvroType<T> {
  return defineAvroType<T>({ type: 'record', namespace: 'fault', name, fields })
}

/** Ways to the same registry: one that can be shut, and one that is always open. */
interface Ways {
  readonly proxy: TcpProxy
  readonly shuttable: RegistryClient
  readonly direct: RegistryClient
}

async function openWays(registryUrl: string): Promise<Ways> {
  const url = new URL(registryUrl)
  const proxy = await TcpProxy.start({ target: Number(url.port) })
  const direct = new RegistryClient({ url: registryUrl })
  url.port = String(proxy.port)
  const shuttable = new RegistryClient({ url: url.href, timeoutMs: 500, retry: { attempts: 2, firstWaitMs: 50 } })
  return { proxy, shuttable, direct }
}

/** An application that loses its registry in the middle of the work; `around` starts it and looks at it while the registry is away. */
class Scene {
  readonly kafka: KafkaProvider
  readonly name: string
  readonly ways: Ways
  readonly failures: Error[] = []
  readonly streams: KafkaStreams
  readonly #sent: number[][] = Array.from({ length: PARTITIONS }, () => [])

  constructor(kafka: KafkaProvider, name: string, ways: Ways, options: Partial<StreamsOptions>) {
    this.kafka = kafka
    this.name = name
    this.ways = ways
    const reading = avro(typeOf<Reading>('Reading', N), { registry: ways.shuttable })
    const builder = new StreamsBuilder()
    builder
      .stream(`${name}-in`, { key: serdes.string, value: reading })
      .groupByKey()
      .aggregate(
        () => ({ n: 0 }),
        (sum, { n }) => ({ n: sum.n + n }),
        { store: 'sums', value: reading },
      )
      .toStream()
      .to((_key, { n }) => (n >= HIGH ? `${name}-high` : `${name}-sums`), { value: reading })
    this.streams = new KafkaStreams(builder.build(), {
      applicationId: name,
      kafka,
      commitInterval: 20,
      cacheMaxBytes: 0,
      sessionTimeout: '10s',
      heartbeatInterval: '500ms',
      onUncaughtError: (error) => void this.failures.push(error),
      ...options,
    })
  }

  async createTopics(): Promise<void> {
    const topics = ['in', 'sums', 'high'].map((topic) => ({ name: `${this.name}-${topic}`, partitions: PARTITIONS }))
    await this.kafka.admin().createTopics(topics)
  }

  async send(partition: number, isNew: boolean, ...values: readonly number[]): Promise<void> {
    const topic = `${this.name}-in`
    const { direct: registry } = this.ways
    const unit: AvroField = { name: 'unit', type: 'string', default: '' }
    const serdeOfNew = avro(typeOf<NewReading>('Reading', N, unit), { registry })
    const serdeOfOld = avro(typeOf<Reading>('Reading', N), { registry })
    await (isNew ? serdeOfNew : serdeOfOld).prepare?.(topic, 'value')
    const producer = this.kafka.createProducer()
    for (const n of values) {
      const value = isNew ? serdeOfNew.serialize({ n, unit: 'lux' }, topic) : serdeOfOld.serialize({ n }, topic)
      producer.send(topic, partition, { key: Buffer.from(`device-${partition}`), value, timestampMs: Date.now() })
      this.#sent[partition]?.push(n)
    }
    await producer.flush()
    await producer.close()
  }

  async committedOffset(partition: number): Promise<number> {
    const topic = `${this.name}-in`
    return (await this.kafka.admin().committedOffsets(this.name, [topic])).get(`${topic}-${partition}`)?.offset ?? 0
  }

  /** Compares all that is committed with the sums that there should be, in order. */
  async compare(guarantee: ProcessingGuarantee): Promise<void> {
    const serde = avro(typeOf<Reading>('Reading', N), { registry: this.ways.direct })
    const found = new Map<string, number[]>()
    for (const topic of [`${this.name}-sums`, `${this.name}-high`]) {
      await serde.prepare?.(topic, 'value')
      for (const { key, value } of (await readCommitted(this.kafka, topic)).flat()) {
        const sums = found.get(String(key)) ?? []
        sums.push(await readingOf(() => serde.deserialize(value ?? Buffer.alloc(0), topic)))
        found.set(String(key), sums)
      }
    }
    for (const [partition, values] of this.#sent.entries()) {
      let sum = 0
      const expected = values.map((n) => (sum += n))
      const sums = found.get(`device-${partition}`) ?? []
      if (guarantee === 'exactly_once') expect(sums).toEqual(expected)
      else expect(sums.at(-1)).toBeGreaterThanOrEqual(sum)
    }
  }
}

async function readingOf(read: () => Reading): Promise<number> {
  try {
    return read().n
  } catch (error) {
    await (error as { readonly ready?: Promise<void> }).ready
    return read().n
  }
}

async function withScene(
  kafka: KafkaProvider,
  registryUrl: string,
  name: string,
  options: Partial<StreamsOptions>,
  play: (scene: Scene) => Promise<void>,
): Promise<void> {
  const stateDir = await mkdtemp(join(tmpdir(), 'brook-registry-down-'))
  const ways = await openWays(registryUrl)
  const scene = new Scene(kafka, name, ways, { stateDir, ...options })
  try {
    await scene.createTopics()
    for (let partition = 0; partition < PARTITIONS; partition++) await scene.send(partition, false, 1, 2, 3)
    await scene.streams.start()
    await untilConsumed(kafka, name, [`${name}-in`], 30_000)
    ways.proxy.shut()
    await play(scene)
  } finally {
    await scene.streams.close()
    ways.shuttable.close()
    ways.direct.close()
    await ways.proxy.close()
    await rm(stateDir, { recursive: true, force: true })
  }
}

/** While the registry is away, tasks that need it wait where they are, and the others go on; when it is back, nothing is lost or doubled. */
export function survivesRegistryOutage(
  kafka: KafkaProvider,
  registryUrl: string,
  name: string,
  processingGuarantee: ProcessingGuarantee,
): Promise<void> {
  return withScene(kafka, registryUrl, name, { processingGuarantee }, async (scene) => {
    const { streams, ways, failures } = scene
    await scene.send(NEEDS_NEW_SCHEMA, true, 10)
    await scene.send(NEEDS_NEW_SCHEMA, false, 20)
    await scene.send(NEEDS_NEW_TOPIC, false, 10, HIGH, 20)
    for (let i = 0; i < 10; i++) {
      await scene.send(UNTROUBLED, false, i)
      await expect.poll(() => scene.committedOffset(UNTROUBLED), { timeout: 10_000 }).toBe(4 + i)
      await new Promise((resolve) => setTimeout(resolve, 100))
    }
    expect(await scene.committedOffset(NEEDS_NEW_SCHEMA)).toBe(3)
    expect(await scene.committedOffset(NEEDS_NEW_TOPIC)).toBeLessThan(5)
    const backMs = performance.now()
    ways.proxy.open()
    await untilConsumed(kafka, name, [`${name}-in`], 30_000)
    console.log(`[fault] registry back: all consumed after ${Math.round(performance.now() - backMs)} ms`)
    await streams.close()
    expect(failures).toEqual([])
    await scene.compare(processingGuarantee)
  })
}

/** An outage that outlasts `taskTimeout` ends the client with the task's name; started again with the registry there, it goes on. */
export function endsWithTaskTimeout(
  kafka: KafkaProvider,
  registryUrl: string,
  name: string,
  needs: 'a new schema' | 'a new topic',
): Promise<void> {
  const options = { processingGuarantee: 'exactly_once', taskTimeout: '1s' } as const
  return withScene(kafka, registryUrl, name, options, async (scene) => {
    if (needs === 'a new schema') await scene.send(NEEDS_NEW_SCHEMA, true, 10)
    else await scene.send(NEEDS_NEW_TOPIC, false, HIGH)
    await expect.poll(() => scene.streams.state, { timeout: 20_000 }).toBe('ERROR')
    const partition = needs === 'a new schema' ? NEEDS_NEW_SCHEMA : NEEDS_NEW_TOPIC
    expect(scene.failures.map(({ message }) => message)).toEqual([
      expect.stringMatching(
        new RegExp(`task 0_${partition} made no progress for 1000 ms: schema registry .* does not answer`),
      ),
    ])
    expect(await scene.committedOffset(partition)).toBe(3)
  })
}
