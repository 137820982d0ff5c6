import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Metrics } from '../../common/metrics.ts'
import { partitionForKey } from '../../common/murmur2.ts'
import { LiveHub } from '../../http/live/live-hub.ts'
import { createHttpServer, type HttpServer, type HttpServerOptions } from '../../http/server.ts'
import { EventStream } from '../../http/testing/event-stream.ts'
import { rawGet } from '../../http/testing/raw-get.ts'
import { createEmbeddedProvider } from '../../kafka/embedded.ts'
import type { KafkaProvider } from '../../kafka/port.ts'
import { KafkaStreams, type StreamsOptions, type Topology } from '../../streams/index.ts'

export const TOKEN = 'a-long-secret-token'

export interface Instance {
  readonly url: string
  readonly streams: KafkaStreams
  readonly server: HttpServer
  stop(): Promise<void>
}

export interface Answered {
  readonly status: number
  readonly body: Record<string, unknown>
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
}

/** Instances of one application, on an embedded log unless another one is given, each with its HTTP server. */
export class Cluster {
  readonly kafka: KafkaProvider
  readonly #applicationId: string
  readonly #topology: () => Topology
  readonly #running = new Set<Instance>()
  #directory = ''

  constructor(
    topology: () => Topology,
    kafka: KafkaProvider = createEmbeddedProvider({ directory: undefined, cleanerIntervalMs: 0 }),
    applicationId = 'cluster',
  ) {
    this.#topology = topology
    this.kafka = kafka
    this.#applicationId = applicationId
  }

  async open(topics: readonly { readonly name: string; readonly partitions: number }[]): Promise<void> {
    this.#directory = await mkdtemp(join(tmpdir(), 'brook-cluster-'))
    await this.kafka.connect()
    await this.kafka.admin().createTopics(topics)
  }

  /** Resolves when the server listens and the client is started; `token: undefined` asks for none. */
  async start(
    name: string,
    options: Partial<StreamsOptions> = {},
    http: Partial<HttpServerOptions> = {},
  ): Promise<Instance> {
    let streams: KafkaStreams | undefined
    const server = createHttpServer({
      port: 0,
      token: TOKEN,
      metrics: new Metrics(),
      live: new LiveHub(),
      peers: { timeoutMs: 1_000 },
      rateLimit: { windowMs: 1_000, limit: 100_000 },
      streams: () => streams,
      ...http,
    })
    const { url, port } = await server.start()
    streams = new KafkaStreams(this.#topology(), {
      applicationId: this.#applicationId,
      kafka: this.kafka,
      stateDir: join(this.#directory, name),
      applicationServer: `127.0.0.1:${port}`,
      commitInterval: '20ms',
      ...options,
    })
    const instance: Instance = {
      url,
      streams,
      server,
      stop: async () => {
        this.#running.delete(instance)
        await server.stop()
        await streams?.close()
      },
    }
    this.#running.add(instance)
    await streams.start()
    return instance
  }

  /** The offsets of the records, in their order. */
  async produce(
    topic: string,
    records: readonly { readonly key: string; readonly value: unknown; readonly timestampMs?: number }[],
  ): Promise<readonly { readonly partition: number; readonly offset: number }[]> {
    const producer = this.kafka.createProducer()
    const count = await producer.partitionCount(topic)
    const sent: { partition: number; offset: number }[] = []
    for (const { key, value, timestampMs = 1_000 } of records) {
      const bytes = value === null ? null : Buffer.from(typeof value === 'string' ? value : JSON.stringify(value))
      const position = { partition: partitionForKey(Buffer.from(key), count), offset: -1 }
      sent.push(position)
      producer.send(
        topic,
        position.partition,
        { key: Buffer.from(key), value: bytes, timestampMs },
        (error, offset) => {
          if (error === undefined) position.offset = offset
        },
      )
    }
    await producer.flush()
    await producer.close()
    return sent
  }

  async get(instance: Instance, path: string, headers: Readonly<Record<string, string>> = {}): Promise<Answered> {
    const answer = await rawGet(instance.url, path, { authorization: `Bearer ${TOKEN}`, ...headers })
    const body = (answer.text === '' ? {} : JSON.parse(answer.text)) as Record<string, unknown>
    return { status: answer.status, headers: answer.headers, body }
  }

  listen(instance: Instance, path: string, headers: Readonly<Record<string, string>> = {}): Promise<EventStream> {
    return EventStream.open(instance.url + path, { authorization: `Bearer ${TOKEN}`, ...headers })
  }

  async close(): Promise<void> {
    await Promise.all([...this.#running].map((instance) => instance.stop()))
    await this.kafka.close()
    await rm(this.#directory, { recursive: true, force: true })
  }
}
