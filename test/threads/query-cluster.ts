import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import { partitionForKey } from '../../common/murmur2.ts'
import { EventStream } from '../../http/testing/event-stream.ts'
import { rawGet } from '../../http/testing/raw-get.ts'
import { createKafkaProvider } from '../../kafka/kafkajs.ts'
import type { KafkaProvider } from '../../kafka/port.ts'
import type { QueryAppOptions, QueryAppStatus } from './query-app.ts'

const APP = join(import.meta.dirname, 'query-app.ts')
const TOKEN = 'shared-by-all-instances'
export const PARTITIONS = 4

export interface Answered {
  readonly status: number
  readonly body: Readonly<Record<string, unknown>>
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
}

/** A process of the application, with two stream threads. */
export class QueryProcess {
  readonly #process: ChildProcess
  readonly #exited: Promise<void>
  status: QueryAppStatus = { url: '', state: 'CREATED', tasks: [], standbys: [], threads: [] }
  stderr = ''
  /** It has ended by itself. */
  hasFailed = false

  constructor(options: QueryAppOptions) {
    this.#process = spawn(process.execPath, [APP, JSON.stringify(options)], {
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    })
    this.#process.once('exit', (code) => {
      this.hasFailed = code !== null && code !== 0
    })
    this.#exited = new Promise((resolve) => this.#process.once('close', () => resolve()))
    createInterface({ input: this.#process.stdout as NodeJS.ReadableStream }).on('line', (line) => {
      this.status = JSON.parse(line) as QueryAppStatus
    })
    this.#process.stderr?.on('data', (data) => (this.stderr += data))
  }

  /** Resolves with the name of the thread when it has joined, or has ended. */
  ask(message: 'add-thread' | 'remove-thread'): Promise<string> {
    return new Promise((resolve) => {
      this.#process.once('message', (name) => resolve(String(name)))
      this.#process.send(message)
    })
  }

  async end(signal: NodeJS.Signals): Promise<void> {
    this.#process.kill(signal)
    await this.#exited
  }

  signal(signal: NodeJS.Signals): void {
    this.#process.kill(signal)
  }

  /** `token: null` sends none. */
  async get(
    path: string,
    headers: Readonly<Record<string, string>> = {},
    token: string | null = TOKEN,
  ): Promise<Answered> {
    const { pathname } = new URL(this.status.url)
    const authorization: Record<string, string> = token === null ? {} : { authorization: `Bearer ${token}` }
    const answer = await rawGet(this.status.url, pathname + path, { ...authorization, ...headers })
    return { ...answer, body: (answer.text === '' ? {} : JSON.parse(answer.text)) as Record<string, unknown> }
  }

  listen(path: string, lastEventId?: string): Promise<EventStream> {
    const from: Record<string, string> = lastEventId === undefined ? {} : { 'last-event-id': lastEventId }
    return EventStream.open(this.status.url + path, { authorization: `Bearer ${TOKEN}`, ...from })
  }
}

/** The processes of an application on the broker of the tests, and its input. */
export class QueryCluster {
  readonly name: string
  readonly #kafka: KafkaProvider
  readonly #brokers: string
  readonly #processes: QueryProcess[] = []
  #directory = ''

  constructor(name: string) {
    const brokers = process.env['BROOK_TEST_BROKERS']
    if (!brokers)
      throw new Error('BROOK_TEST_BROKERS is missing: run with the integration project, which starts a broker')
    this.name = `${name}-${Date.now()}`
    this.#brokers = brokers
    this.#kafka = createKafkaProvider({ brokers: brokers.split(',') })
  }

  async open(): Promise<void> {
    this.#directory = await mkdtemp(join(tmpdir(), 'brook-queries-'))
    await this.#kafka.connect()
    const topics = (['words', 'rows', 'names'] as const).map((topic) => ({
      name: `${this.name}-${topic}`,
      partitions: topic === 'names' ? 1 : PARTITIONS,
    }))
    await this.#kafka.admin().createTopics(topics)
  }

  start(id: string, options: QueryAppOptions['options'] = {}): QueryProcess {
    const stateDir = join(this.#directory, id)
    const process = new QueryProcess({
      brokers: this.#brokers,
      name: this.name,
      token: TOKEN,
      options: { stateDir, ...options },
    })
    this.#processes.push(process)
    return process
  }

  /** Where each record is, in their order. */
  async produce(
    topic: 'words' | 'rows' | 'names',
    records: readonly { readonly key: string; readonly value: string; readonly timestampMs: number }[],
  ): Promise<readonly { readonly partition: number; readonly offset: number }[]> {
    const producer = this.#kafka.createProducer()
    const sent = records.map(({ key, value, timestampMs }) => {
      const partition = topic === 'names' ? 0 : partitionForKey(Buffer.from(key), PARTITIONS)
      const position = { partition, offset: -1 }
      const record = { key: Buffer.from(key), value: Buffer.from(value), timestampMs }
      producer.send(`${this.name}-${topic}`, partition, record, (error, offset) => {
        if (error === undefined) position.offset = offset
      })
      return position
    })
    await producer.flush()
    await producer.close()
    return sent
  }

  /** Waits until `look` is true. @throws with what the processes said when it takes too long. */
  async until(what: string, look: () => boolean | Promise<boolean>, withinMs = 60_000): Promise<void> {
    const startedMs = performance.now()
    while (!(await look())) {
      const isLate = performance.now() - startedMs > withinMs
      if (isLate || this.#processes.some((process) => process.hasFailed))
        throw new Error(
          `${what} ${isLate ? `took more than ${withinMs} ms` : 'was not waited for'}: ${this.#processes.map((p) => `${JSON.stringify(p.status)} ${p.stderr.slice(-2_000)}`).join('\n')}`,
        )
      await sleep(50)
    }
  }

  async close(): Promise<void> {
    await Promise.all(this.#processes.map((process) => process.end('SIGKILL')))
    await this.#kafka.close()
    await rm(this.#directory, { recursive: true, force: true, maxRetries: 5 })
  }
}
