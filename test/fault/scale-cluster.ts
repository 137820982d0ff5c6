import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect } from 'vitest'
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
  status: Status = {
    state: 'CREATED',
    tasks: [],
    standbys: [],
    caughtUp: [],
    restores: [],
    problems: [],
    problemCount: 0,
  }
  stderr = ''
  /** The process is there. */
  isAlive = true

  /** @param launcher what the program is started with, if it is not started as it is */
  constructor(options: ScaleAppOptions, launcher: readonly string[] = []) {
    const [command = '', ...args] = [...launcher, process.execPath, APP, JSON.stringify(options)]
    this.#process = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'] })
    this.#exited = new Promise((resolve) =>
      this.#process.once('close', () => {
        this.isAlive = false
        resolve()
      }),
    )
    createInterface({ input: this.#process.stdout as NodeJS.ReadableStream }).on('line', (line) => {
      this.status = JSON.parse(line) as Status
    })
    this.#process.stderr?.on('data', (data) => (this.stderr += data))
  }

  get pid(): number {
    return this.#process.pid as number
  }

  /** Whether it has this many tasks, running. */
  runs(tasks: number): boolean {
    return this.isAlive && this.status.state === 'RUNNING' && this.status.tasks.length === tasks
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
  /** The same, by task: one may be silent while the others speak. */
  readonly #taskSilences = Array.from({ length: PARTITIONS }, () => ({ longestMs: 0, lastMs: performance.now() }))
  /** The highest count that has come out of each task. */
  readonly #heights: number[] = new Array(PARTITIONS).fill(0)
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

  instance(
    id: string,
    options: { numStandbyReplicas: number; acceptableRecoveryLag: number; stateDir?: string; taskTimeoutMs?: number },
    launcher?: readonly string[],
  ): Instance {
    const at = { brokers: this.#brokers, name: this.#name, stateDir: join(this.#directory, id) }
    const instance = new Instance({ ...at, ...options }, launcher)
    this.#instances.push(instance)
    return instance
  }

  /** Where an instance has its tasks, unless it was given another place. */
  applicationDirectory(id: string): string {
    return join(this.#directory, id, this.#name)
  }

  resetSilence(): void {
    const nowMs = performance.now()
    this.longestSilenceMs = 0
    this.#lastSeenMs = nowMs
    for (const silence of this.#taskSilences) Object.assign(silence, { longestMs: 0, lastMs: nowMs })
  }

  /** Longest time since `resetSilence` without a committed output of one of these tasks; of any task, when none is named. */
  longestSilenceOfMs(taskIds: readonly string[] = this.#taskSilences.map((_, n) => `0_${n}`)): number {
    return Math.max(...taskIds.map((taskId) => this.#taskSilences[Number(taskId.slice(2))]?.longestMs ?? 0))
  }

  /** Whether what was sent before is out, of every task, and something that was sent after. */
  isPast(sent: number): boolean {
    return Math.min(...this.#heights) > Math.ceil(sent / WORDS)
  }

  /** Each word was counted 1, 2, 3, … as often as it was sent: nothing is missing, doubled or out of order. */
  expectEachCountOnce(): void {
    expect(this.counts.size).toBe(WORDS)
    for (let n = 0; n < WORDS; n++) {
      const times = Math.floor(this.sent / WORDS) + (n < this.sent % WORDS ? 1 : 0)
      const seen = this.counts.get(`word-${n}`) ?? []
      const wrong = seen.findIndex((count, i) => count !== i + 1)
      expect({ word: n, wrong, length: seen.length }).toEqual({ word: n, wrong: -1, length: times })
    }
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

  /** The load goes on for so long. */
  async during(forMs: number): Promise<void> {
    await sleep(forMs)
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
      if (this.#isSending) {
        this.longestSilenceMs = Math.max(this.longestSilenceMs, nowMs - this.#lastSeenMs)
        for (const s of this.#taskSilences) s.longestMs = Math.max(s.longestMs, nowMs - s.lastMs)
      }
      for (const { records } of batches) {
        for (const { key, value } of records) {
          const word = String(key)
          const counts = this.counts.get(word) ?? []
          const count = Number(value?.readBigInt64BE(0))
          counts.push(count)
          this.counts.set(word, counts)
          const task = Number(word.slice('word-'.length)) % PARTITIONS
          this.#heights[task] = Math.max(this.#heights[task] ?? 0, count)
          const silence = this.#taskSilences[task]
          if (silence !== undefined) silence.lastMs = nowMs
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
