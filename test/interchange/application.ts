import { join } from 'node:path'
import type { KafkaProvider } from '../../kafka/port.ts'
import { KafkaStreams, type ProcessingGuarantee, type StreamsOptions } from '../../streams/index.ts'
import { type Row, rowsOf } from './changelog-rows.ts'
import { type Output, type Seen, seen } from './comparison.ts'
import type { Jvm } from './jvm.ts'
import { internalTopics, partitionsOf, readCommitted, untilAllIsCommitted } from './log-contents.ts'
import { buildTopology, INPUTS, OUTPUTS, type TopologyOptions } from './topologies.ts'

const COMMIT_MS = 200
const SESSION_TIMEOUT_MS = 6_000

export type Side = 'jvm' | 'brook'

export interface ApplicationOptions {
  readonly id: string
  /** Prefix of its inputs. */
  readonly in: string
  readonly what: TopologyOptions['what']
  readonly guarantee: ProcessingGuarantee
  readonly named: boolean
  readonly optimised: boolean
  readonly cached: boolean
  /** What the JVM does with its membership when it closes. */
  readonly membership: 'leave' | 'remain'
  readonly transactionTimeoutMs?: number
  /** Of the JVM (KIP-1071); default classic. */
  readonly groupProtocol?: 'classic' | 'streams'
}

export interface Place {
  readonly brokers: string
  readonly kafka: KafkaProvider
  readonly directory: string
}

/** One application, which either side can run, one after the other. */
export class Application {
  readonly options: ApplicationOptions
  readonly #place: Place
  #brook: KafkaStreams | undefined
  #starts = 0

  constructor(options: ApplicationOptions, place: Place) {
    this.options = options
    this.#place = place
  }

  get outputs(): readonly string[] {
    return OUTPUTS.map((name) => this.#out + name)
  }

  get inputs(): readonly string[] {
    const names = this.options.what === 'all' ? Object.keys(INPUTS) : ['events']
    return names.map((name) => this.options.in + name)
  }

  async createOutputs(): Promise<void> {
    await this.#place.kafka.admin().createTopics(this.outputs.map((name) => ({ name, partitions: 2 })))
  }

  /** Runs it on one side until everything that is in its inputs is processed, and closes it. */
  async runToTheEnd(side: Side, jvm: Jvm): Promise<void> {
    if (side === 'jvm') {
      await jvm.run(this.options.id, this.jvmConfig())
      await this.untilDone(jvm)
      await jvm.close(this.options.id, this.options.membership)
      return
    }
    await this.startBrook()
    await this.untilDone()
    await this.closeBrook()
  }

  async untilDone(jvm?: Jvm): Promise<void> {
    await untilAllIsCommitted(this.#place.kafka, this.options.id, this.inputs)
    jvm?.expectHealthy(this.options.id)
  }

  jvmConfig(): Readonly<Record<string, string | number | boolean>> {
    const { id, guarantee, named, optimised, cached, what } = this.options
    return {
      topology: what,
      in: this.options.in,
      out: this.#out,
      named,
      'application.id': id,
      'bootstrap.servers': this.#place.brokers,
      // Another machine each time: with its own local state Kafka Streams does not find the history of versioned tables again.
      'state.dir': join(this.#place.directory, `jvm-${++this.#starts}`),
      'processing.guarantee': guarantee === 'exactly_once' ? 'exactly_once_v2' : guarantee,
      'topology.optimization': optimised ? 'all' : 'none',
      'statestore.cache.max.bytes': cached ? 10_000_000 : 0,
      'commit.interval.ms': COMMIT_MS,
      ...(this.options.groupProtocol === 'streams'
        ? { 'group.protocol': 'streams' }
        : { 'session.timeout.ms': SESSION_TIMEOUT_MS, 'heartbeat.interval.ms': 500 }),
      ...(this.options.transactionTimeoutMs && { 'transaction.timeout.ms': this.options.transactionTimeoutMs }),
    }
  }

  async startBrook(more: Partial<StreamsOptions> = {}, onResult: () => void = () => {}): Promise<KafkaStreams> {
    const { id, guarantee, cached, transactionTimeoutMs } = this.options
    const streams = new KafkaStreams(buildTopology({ ...this.options, out: this.#out, onResult }), {
      applicationId: id,
      kafka: this.#place.kafka,
      stateDir: join(this.#place.directory, 'brook'),
      processingGuarantee: guarantee,
      cacheMaxBytes: cached ? 10_000_000 : 0,
      commitInterval: COMMIT_MS,
      sessionTimeout: SESSION_TIMEOUT_MS,
      heartbeatInterval: 500,
      emitInterval: 0,
      ...(transactionTimeoutMs === undefined ? {} : { transactionTimeout: transactionTimeoutMs }),
      ...more,
    })
    this.#brook = streams
    await streams.start()
    await streams.waitFor('RUNNING')
    return streams
  }

  async closeBrook(): Promise<void> {
    await this.#brook?.close()
    this.#brook = undefined
  }

  /** By output and key, what was committed, in order. */
  async output(): Promise<Output> {
    const found: Record<string, Seen[]> = {}
    for (const [topic, records] of await readCommitted(this.#place.kafka, this.outputs))
      for (const record of records) {
        const key = `${topic.slice(this.#out.length)} ${record.key?.toString()}`
        found[key] = [...(found[key] ?? []), seen(record)]
      }
    return found
  }

  /** By changelog, without the application's id; `cached` when they are compared with those of a run with the record cache. */
  async changelogs(cached: boolean): Promise<Readonly<Record<string, readonly Row[]>>> {
    const { id } = this.options
    const names = (await internalTopics(this.#place.kafka, id)).filter((name) => isCompared(name, cached))
    const contents = await readCommitted(this.#place.kafka, names)
    return Object.fromEntries(
      [...contents].map(([topic, records]) => [topic.slice(id.length + 1), rowsOf(topic, { id, cached }, records)]),
    )
  }

  /** Names, partition counts and configs of internal topics. */
  async internalTopics(): Promise<Readonly<Record<string, unknown>>> {
    const admin = this.#place.kafka.admin()
    const names = (await internalTopics(this.#place.kafka, this.options.id)).filter(
      (name) => !name.endsWith('-brook-topology'),
    )
    const partitions = await partitionsOf(this.#place.kafka, names)
    const described = names.map(async (name) => {
      const configs = await admin.topicConfigs(name)
      const wanted = [
        'cleanup.policy',
        'retention.ms',
        'min.compaction.lag.ms',
        'segment.bytes',
        'message.timestamp.type',
      ]
      return [
        name.slice(this.options.id.length + 1),
        {
          partitions: partitions.filter(({ topic }) => topic === name).length,
          ...Object.fromEntries(wanted.map((key) => [key, configs[key]])),
        },
      ] as const
    })
    return Object.fromEntries(await Promise.all(described))
  }

  get #out(): string {
    return `out.${this.options.id}.`
  }
}

function isCompared(topic: string, cached: boolean): boolean {
  // What a join with grace held back, Kafka Streams does not find after a restart, and leaves there.
  if (!topic.endsWith('-changelog') || topic.endsWith('-graced-Buffer-changelog')) return false
  // With the record cache, the time that an update waits from is that of a commit.
  return !(cached && topic.endsWith('-later-store-changelog'))
}
