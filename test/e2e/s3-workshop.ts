import { randomUUID } from 'node:crypto'
import { createKafkaProvider } from '../../kafka/kafkajs.ts'
import type { KafkaProvider } from '../../kafka/port.ts'
import { avro, avroString } from '../../schemas/avro-serde.ts'
import { defineAvroType } from '../../schemas/avro-type.ts'
import { RegistryClient } from '../../schemas/registry-client.ts'
import { freePorts } from '../../scripts/servers/ports.ts'
import { S3Server } from '../../scripts/servers/s3.ts'
import { BuildingProcess, cleanUp, freshDirectory } from './building-process.ts'
import { eventually } from './eventually.ts'
import { Lake, type LakeObject, valuesOf } from './s3-lake.ts'

export interface Measured {
  readonly sensor: string
  readonly number: number
}

const Measured = defineAvroType<Measured>({
  type: 'record',
  name: 'Measured',
  namespace: 'test.s3',
  fields: [
    { name: 'sensor', type: 'string' },
    { name: 'number', type: 'long' },
  ],
})

export const HOUR_MS = 3_600_000
/** Long past: brokers refuse times far ahead of their clock. */
export const TEN_OCLOCK_MS = Date.UTC(2024, 10, 22, 10)

export interface Written {
  readonly number: number
  readonly atMs?: number
  readonly partition?: number
}

/** What the sink says of itself over HTTP. */
export interface SinkReport {
  readonly state: string
  readonly lastError?: string
  readonly queueLength: number
  readonly bufferedBytes: number
  readonly deadLetters: number
  readonly reconnects: number
  readonly tombstones: number
}

/** A real S3, Kafka and registry, with topics to write and buckets to look into. */
export class S3Workshop {
  readonly server: S3Server
  readonly #kafka: KafkaProvider
  readonly #registry: RegistryClient
  readonly #lakes: Lake[] = []

  private constructor(server: S3Server, kafka: KafkaProvider, registry: RegistryClient) {
    this.server = server
    this.#kafka = kafka
    this.#registry = registry
  }

  static async open(): Promise<S3Workshop> {
    const server = await S3Server.start({ directory: freshDirectory(), progress: console.log })
    const kafka = createKafkaProvider({ brokers: (process.env['BROOK_TEST_BROKERS'] as string).split(',') })
    return new S3Workshop(server, kafka, new RegistryClient({ url: process.env['BROOK_TEST_REGISTRY'] as string }))
  }

  async close(): Promise<void> {
    for (const lake of this.#lakes) lake.close()
    await this.#kafka.close()
    this.#registry.close()
    await this.server.stop()
    await cleanUp()
  }

  async topic(partitions: number): Promise<string> {
    const name = `s3-sink-${randomUUID()}`
    await this.#kafka.admin().createTopics([{ name, partitions, configs: { 'retention.ms': '-1' } }])
    return name
  }

  async lake(server = this.server): Promise<Lake> {
    const lake = this.lakeToBe(server)
    await server.createBucket(lake.bucket)
    return lake
  }

  /** Its bucket is not there yet. */
  lakeToBe(server = this.server): Lake {
    const lake = new Lake(server, `lake-${randomUUID()}`)
    this.#lakes.push(lake)
    return lake
  }

  async write(topic: string, records: readonly Written[]): Promise<void> {
    const registry = this.#registry
    const key = avroString({ registry, role: 'key' })
    const value = avro(Measured, { registry })
    await key.prepare?.(topic, 'key')
    await value.prepare?.(topic, 'value')
    const producer = this.#kafka.createProducer()
    for (const { number, atMs = TEN_OCLOCK_MS, partition = 0 } of records) {
      const sensor = `sensor-${number % 7}`
      producer.send(topic, partition, {
        key: key.serialize(sensor, topic),
        value: value.serialize({ sensor, number }, topic),
        timestampMs: atMs,
      })
      await producer.backpressure()
    }
    await producer.flush()
    await producer.close()
  }

  async writeRaw(topic: string, value: Buffer | null): Promise<void> {
    const producer = this.#kafka.createProducer()
    producer.send(topic, 0, { key: Buffer.from('raw'), value, timestampMs: TEN_OCLOCK_MS })
    await producer.flush()
    await producer.close()
  }

  /** A record of a newer version of the schema. */
  async writeWithNote(topic: string, written: Measured & { readonly note: string }): Promise<void> {
    const { schema } = Measured
    const note = { name: 'note', type: 'string', default: '' }
    const type = defineAvroType<typeof written>({ ...schema, fields: [...(schema.fields ?? []), note] })
    const value = avro(type, { registry: this.#registry })
    await value.prepare?.(topic, 'value')
    await this.writeRaw(topic, value.serialize(written, topic))
  }
}

/** Settings of a sink of a consumer group of its own. */
export async function sinkSettings(topic: string, lake: Lake, more: Record<string, string> = {}) {
  const [port] = await freePorts(1)
  return {
    BROOK_KAFKA_BROKERS: process.env['BROOK_TEST_BROKERS'] as string,
    BROOK_SCHEMA_REGISTRY: process.env['BROOK_TEST_REGISTRY'] as string,
    BROOK_DATA_DIR: freshDirectory(),
    BROOK_HTTP_PORT: String(port),
    BROOK_S3_TOPICS: topic,
    BROOK_S3_GROUP: `s3-${randomUUID()}`,
    ...lake.settings,
    ...more,
  }
}

export function spawnSink(env: Readonly<Record<string, string>>): BuildingProcess {
  return BuildingProcess.spawn({ program: 'connectors', args: ['s3'], env })
}

export function untilReported(
  sink: BuildingProcess,
  what: string,
  holds: (report: SinkReport) => boolean,
): Promise<SinkReport> {
  return eventually(
    what,
    async () => {
      const { body } = await sink.get<{ connectors: readonly (SinkReport & { name: string })[] }>('/v1/connectors')
      const now = body.connectors.find(({ name }) => name === 's3')
      if (now && holds(now)) return now
      throw new Error(JSON.stringify(now))
    },
    20_000,
  )
}

export const upTo = (count: number): number[] => Array.from({ length: count }, (_, i) => i)

/** The numbers of all records in the objects, in their order. */
export async function numbersIn(objects: readonly LakeObject[]): Promise<number[]> {
  const values = await Promise.all(objects.map((object) => valuesOf<Measured>(object)))
  const numbers = values.flat().map(({ number }) => number)
  return numbers.sort((a, b) => a - b)
}

/** Records of three hours in four partitions, a tenth of them late. */
export function mixed(count: number): Written[] {
  return upTo(count).map((number) => {
    const hour = Math.floor((number * 3) / count)
    const atMs = TEN_OCLOCK_MS + (number % 10 === 9 ? Math.max(0, hour - 1) : hour) * HOUR_MS + (number % 3_000)
    return { number, partition: number % 4, atMs }
  })
}

/** A record of a later hour in each partition: it ends the chunk before it, and stays in one that nothing ends. */
export const endOf = (partitions: number): Written[] =>
  upTo(partitions).map((partition) => ({ number: -1, partition, atMs: TEN_OCLOCK_MS + 10 * HOUR_MS }))
