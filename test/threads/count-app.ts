import { randomUUID } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Logger } from '../../common/log.ts'
import { createKafkaProvider, type KafkaOptions } from '../../kafka/kafkajs.ts'
import type { KafkaProvider } from '../../kafka/port.ts'
import { KafkaStreams, loadTopology, type StreamsOptions } from '../../streams/index.ts'
import type { CountSettings } from './count-topology.ts'

export const PARTITIONS = 4
export const WORDS = 40
const TOPOLOGY = new URL('./count-topology.ts', import.meta.url)

/** A word count on a real Kafka, with topics and state of its own. */
export class CountApp {
  readonly name = `threads-${randomUUID().slice(0, 8)}`
  readonly input = `${this.name}-words`
  readonly output = `${this.name}-counts`
  readonly global = `${this.name}-names`
  readonly kafka: KafkaProvider
  readonly #clients: KafkaStreams[] = []
  readonly #sent = new Map<string, number>()
  #directory = ''
  #next = 0

  /** On the broker of the tests, if no other one is named. */
  constructor(kafka: KafkaOptions = { brokers: brokers() }) {
    this.kafka = createKafkaProvider(kafka)
  }

  async prepare(): Promise<void> {
    this.#directory = await mkdtemp(join(tmpdir(), 'brook-threads-'))
    await this.kafka.connect()
    await this.kafka.admin().createTopics([
      { name: this.input, partitions: PARTITIONS },
      { name: this.output, partitions: PARTITIONS },
      { name: this.global, partitions: 1 },
    ])
  }

  get directory(): string {
    return this.#directory
  }

  /** State of another client, as on another machine. */
  get otherDirectory(): string {
    return join(this.#directory, 'other')
  }

  async client(
    options: Partial<StreamsOptions> = {},
    settings: Partial<CountSettings> = {},
    exportName = 'default',
  ): Promise<KafkaStreams> {
    const topology = await loadTopology(TOPOLOGY, {
      export: exportName,
      settings: { input: this.input, output: this.output, ...settings },
    })
    const streams = new KafkaStreams(topology, {
      applicationId: this.name,
      kafka: this.kafka,
      stateDir: this.#directory,
      numStreamThreads: 2,
      processingGuarantee: 'exactly_once',
      cacheMaxBytes: 0,
      sessionTimeout: '6s',
      heartbeatInterval: '500ms',
      ...options,
    })
    this.#clients.push(streams)
    return streams
  }

  /** Sends words to all partitions in turn. */
  async send(count: number): Promise<void> {
    const producer = this.kafka.createProducer()
    for (let i = 0; i < count; i++) {
      const word = `word-${this.#next % WORDS}`
      this.#sent.set(word, (this.#sent.get(word) ?? 0) + 1)
      producer.send(this.input, this.#next % PARTITIONS, {
        key: null,
        value: Buffer.from(word),
        timestampMs: Date.now(),
      })
      this.#next++
    }
    await producer.close()
  }

  async sendOne(topic: string, key: string | null, value: string, partition = 0): Promise<void> {
    const producer = this.kafka.createProducer()
    producer.send(topic, partition, {
      key: key === null ? null : Buffer.from(key),
      value: Buffer.from(value),
      timestampMs: Date.now(),
    })
    await producer.close()
  }

  /** How often each word was sent. */
  get sent(): Record<string, number> {
    return Object.fromEntries([...this.#sent].sort())
  }

  /** The committed counts of each word: those that an output without loss and doubling has are 1, 2, 3, … */
  async outputs(): Promise<Record<string, number[]>> {
    const reader = this.kafka.createReader({ isolationLevel: 'read_committed' })
    const positions = Array.from({ length: PARTITIONS }, (_, partition) => ({
      topic: this.output,
      partition,
      offset: 0,
    }))
    await reader.assign(positions)
    const counts: Record<string, number[]> = {}
    while (positions.some((p) => reader.lag(p) !== 0))
      for (const { records } of await reader.poll(50))
        for (const { key, value } of records)
          counts[String(key)] = [...(counts[String(key)] ?? []), Number(value?.readBigInt64BE(0))]
    await reader.close()
    return counts
  }

  /** What was counted in the end, if every word was counted from 1 on without a gap; otherwise what is wrong. */
  async counted(): Promise<Record<string, number | string>> {
    const output = await this.outputs()
    return Object.fromEntries(
      Object.entries(output)
        .map(([word, counts]) => {
          const wrongAt = counts.findIndex((count, i) => count !== i + 1)
          return [word, wrongAt < 0 ? counts.length : `${counts[wrongAt]} after ${counts[wrongAt - 1]}`] as const
        })
        .sort(),
    )
  }

  /** Resolves when everything that was sent is counted and committed. */
  async allCounted(timeoutMs = 40_000): Promise<void> {
    const deadline = Date.now() + timeoutMs
    const expected = JSON.stringify(this.sent)
    for (;;) {
      const counted = JSON.stringify(await this.counted())
      if (counted === expected) return
      if (Date.now() > deadline) throw new Error(`not all is counted:\n  sent    ${expected}\n  counted ${counted}`)
      await new Promise((resolve) => setTimeout(resolve, 200))
    }
  }

  async cleanUp(): Promise<void> {
    await Promise.all(this.#clients.map((client) => client.close({ timeout: '15s' })))
    await this.kafka.close()
    await rm(this.#directory, { recursive: true, force: true })
  }
}

function brokers(): readonly string[] {
  const text = process.env['BROOK_TEST_BROKERS']
  if (text === undefined) throw new Error('BROOK_TEST_BROKERS is not set')
  return text.split(',')
}

export interface LogLine {
  readonly fields: Record<string, unknown>
  readonly message: string
}

/** A logger that keeps its lines from `info` on. */
export function collecting(lines: LogLine[], bound: object = {}): Logger {
  const write = (fields: object, message: string): void => void lines.push({ fields: { ...bound, ...fields }, message })
  const ignore = (): void => {}
  return {
    trace: ignore,
    debug: ignore,
    info: write,
    warn: write,
    error: write,
    fatal: write,
    isLevelEnabled: (level) => level !== 'trace' && level !== 'debug',
    child: (fields) => collecting(lines, { ...bound, ...fields }),
  }
}
