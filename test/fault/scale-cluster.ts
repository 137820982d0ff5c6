import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import { createKafkaProvider } from '../../kafka/kafkajs.ts'
import type { KafkaProvider, LogReader, Producer } from '../../kafka/port.ts'
import type { ScaleAppOptions, Status } from './scale-app.ts'

const APP = join(import.meta.dirname, 'scale-app.ts')
export const PARTITIONS = 6
export const WORDS = 120
const TICK_MS = 20

/** A process of the application. */
export class Instance {
  readonly #process: ChildProcess
  readonly #exited: Promise<void>
  status: Status = { state: 'CREATED', tasks: [], standbys: [], caughtUp: [], restores: [] }
  stderr = ''

  constructor(options: ScaleAppOptions) {
    this.#process = spawn(process.execPath, [APP, JSON.stringify(options)], { stdio: ['ignore', 'pipe', 'pipe'] })
    this.#exited = new Promise((resolve) => this.#process.once('close', () => resolve()))
    createInterface({ input: this.#process.stdout as NodeJS.ReadableStream }).on('line', (line) => {
      this.status = JSON.parse(line) as Status
    })
    this.#process.stderr?.on('data', (data) => (this.stderr += data))
  }

  async end(signal: 'SIGTERM' | 'SIGKILL'): Promise<void> {
    this.#process.kill(signal)
    await this.#exited
  }
}

/** The input under load, the instances, and what the outside sees of the output: everything that one test needs. */
export class ScaleCluster {
  readonly #kafka: KafkaProvider
  readonly #brokers: string
  readonly #name: string
  readonly #directory: string
  readonly #instances: Instance[] = []
  readonly #producer: Producer
  readonly #reader: LogReader
  /** The counts of each word, as committed, in their order. */
  readonly counts = new Map<string, number[]>()
  /** Longest time without a committed output since `resetSilence`. */
  longestSilenceMs = 0
  sent = 0
  #seen = 0
  #lastSeenMs = performance.now()
  #isSending = true
  #isOver = false
  #loops: Promise<unknown> = Promise.resolve()

  private constructor(brokers: string, name: string, directory: string) {
    this.#brokers = brokers
    this.#name = name
    this.#directory = directory
    this.#kafka = createKafkaProvider({ brokers: brokers.split(',') })
    this.#producer = this.#kafka.createProducer()
    this.#reader = this.#kafka.createReader({ isolationLevel: 'read_committed' })
  }

  static async start(name: string, recordsPerSecond: number): Promise<ScaleCluster> {
    const directory = await mkdtemp(join(tmpdir(), 'brook-scale-'))
    const cluster = new ScaleCluster(process.env['BROOK_TEST_BROKERS'] as string, `${name}-${Date.now()}`, directory)
    await cluster.#begin(recordsPerSecond)
    return cluster
  }

  instance(id: string, options: { numStandbyReplicas: number; acceptableRecoveryLag: number }): Instance {
    const at = { brokers: this.#brokers, name: this.#name, stateDir: join(this.#directory, id) }
    const instance = new Instance({ ...at, ...options })
    this.#instances.push(instance)
    return instance
  }

  resetSilence(): void {
    this.longestSilenceMs = 0
    this.#lastSeenMs = performance.now()
  }

  /** Waits until `look` is true. @throws with what the instances said when it takes too long. */
  async until(what: string, look: () => boolean, withinMs = 60_000): Promise<number> {
    const startedMs = performance.now()
    while (!look()) {
      if (performance.now() - startedMs > withinMs)
        throw new Error(`${what} took more than ${withinMs} ms: ${this.#said()}`)
      await sleep(TICK_MS)
    }
    return performance.now() - startedMs
  }

  /** Stops the input and waits until everything of it has come out, or more than everything. */
  async settle(): Promise<void> {
    this.#isSending = false
    await this.until('the rest of the output', () => this.#seen >= this.sent)
    await sleep(1_000)
  }

  async close(): Promise<void> {
    this.#isSending = false
    this.#isOver = true
    await this.#loops
    await Promise.all(this.#instances.map((instance) => instance.end('SIGKILL')))
    await this.#producer.close()
    await this.#reader.close()
    await this.#kafka.close()
    await rm(this.#directory, { recursive: true, force: true, maxRetries: 5 })
  }

  async #begin(recordsPerSecond: number): Promise<void> {
    const topics = ['words', 'counts'].map((topic) => ({ name: `${this.#name}-${topic}`, partitions: PARTITIONS }))
    await this.#kafka.admin().createTopics(topics)
    const positions = Array.from({ length: PARTITIONS }, (_, partition) => ({
      topic: `${this.#name}-counts`,
      partition,
      offset: 0,
    }))
    await this.#reader.assign(positions)
    this.#loops = Promise.all([this.#send(recordsPerSecond), this.#watch()])
  }

  async #send(recordsPerSecond: number): Promise<void> {
    const startedMs = performance.now()
    while (this.#isSending) {
      const due = ((performance.now() - startedMs) / 1_000) * recordsPerSecond
      for (; this.sent < due; this.sent++) {
        const n = this.sent % WORDS
        this.#producer.send(`${this.#name}-words`, n % PARTITIONS, {
          key: Buffer.from(`word-${n}`),
          value: Buffer.from('x'),
          timestampMs: Date.now(),
        })
      }
      await this.#producer.flush()
      await sleep(TICK_MS)
    }
  }

  async #watch(): Promise<void> {
    while (!this.#isOver) {
      const batches = await this.#reader.poll(TICK_MS)
      const nowMs = performance.now()
      if (this.#isSending) this.longestSilenceMs = Math.max(this.longestSilenceMs, nowMs - this.#lastSeenMs)
      for (const { records } of batches) {
        for (const { key, value } of records) {
          const word = String(key)
          const counts = this.counts.get(word) ?? []
          counts.push(Number(value?.readBigInt64BE(0)))
          this.counts.set(word, counts)
        }
        this.#seen += records.length
        if (records.length > 0) this.#lastSeenMs = nowMs
      }
    }
  }

  #said(): string {
    return this.#instances.map(({ status, stderr }) => `${JSON.stringify(status)} ${stderr.slice(-2_000)}`).join('\n')
  }
}
