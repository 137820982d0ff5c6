import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { createKafkaProvider } from '../../kafka/kafkajs.ts'
import type { KafkaProvider, LogReader, Producer } from '../../kafka/port.ts'
import type { ProcessingGuarantee } from '../../streams/index.ts'
import { readCommitted, untilConsumed } from './committed.ts'
import { TallyInstance } from './tally-instance.ts'
import { judge, type Verdict } from './tally-model.ts'
import { decodeTotal, encodeReading, METERS, PARTITIONS, TASKS, topicsOf } from './tally-topology.ts'

const TICK_MS = 20
const SEND_MS = 100
/** The input waits for brokers for longer than any test takes them away. */
const DELIVERY_TIMEOUT_MS = 600_000
/** Between two readings of a meter, as their timestamps say. */
const SPACING_MS = 1_000
/** Changelogs of windows forget what is older than some days, so the readings are of today. */
const AGE_MS = 12 * 3_600_000

export interface TallySettings {
  readonly name: string
  readonly guarantee: ProcessingGuarantee
  readonly instances: number
  /** Readings a second, of all meters together. */
  readonly load: number
  readonly sessionTimeoutMs: number
  readonly numStandbyReplicas?: number
}

/** The application of `tally-topology.ts` under load: its instances, its input, and how far its committed output is. */
export class TallyApplication {
  readonly settings: TallySettings
  readonly #brokers: string
  readonly #name: string
  readonly #directory: string
  readonly #kafka: KafkaProvider
  readonly #producer: Producer
  readonly #reader: LogReader
  readonly #instances = new Map<string, TallyInstance>()
  /** The highest sequence in the committed totals of each room. */
  readonly #counted = new Map<string, number>()
  readonly #loops = new AbortController()
  #running: Promise<unknown> = Promise.resolve()
  readonly #firstMs = Date.now() - AGE_MS
  #isSending = true
  #sent = 0
  #failure: Error | undefined

  private constructor(brokers: string, settings: TallySettings, directory: string) {
    this.settings = settings
    this.#brokers = brokers
    this.#name = `${settings.name}-${Date.now()}`
    this.#directory = directory
    this.#kafka = createKafkaProvider({ brokers: brokers.split(',') })
    this.#producer = this.#kafka.createProducer({ deliveryTimeoutMs: DELIVERY_TIMEOUT_MS })
    this.#reader = this.#kafka.createReader({ isolationLevel: 'read_committed' })
  }

  /** Resolves when all instances run and every meter has been counted. */
  static async start(brokers: string, settings: TallySettings): Promise<TallyApplication> {
    const directory = await mkdtemp(join(tmpdir(), 'brook-tally-'))
    const application = new TallyApplication(brokers, settings, directory)
    try {
      await application.#begin()
      return application
    } catch (error) {
      await application.close()
      throw error
    }
  }

  get kafka(): KafkaProvider {
    return this.#kafka
  }

  get topics(): ReturnType<typeof topicsOf> {
    return topicsOf(this.#name)
  }

  get instances(): readonly TallyInstance[] {
    return [...this.#instances.values()]
  }

  /** Readings of each meter that were sent, the last one perhaps not of every meter. */
  get sentSequence(): number {
    return Math.ceil(this.#sent / METERS)
  }

  /** Readings of each meter up to this one are counted, in every room. */
  get countedSequence(): number {
    return this.#counted.size < METERS ? 0 : Math.min(...this.#counted.values())
  }

  instance(index: number): TallyInstance {
    const instance = this.instances[index % this.settings.instances]
    if (instance === undefined) throw new Error(`there is no instance ${index}`)
    return instance
  }

  /** Starts an instance; one that was there before has its state directory again. */
  launch(id: string): TallyInstance {
    const { guarantee, sessionTimeoutMs, numStandbyReplicas = 0 } = this.settings
    const options = { brokers: this.#brokers, name: this.#name, guarantee, sessionTimeoutMs, numStandbyReplicas }
    const own = { instance: id, stateDir: join(this.#directory, id) }
    const instance = new TallyInstance({ ...options, ...own })
    this.#instances.set(id, instance)
    return instance
  }

  /** Waits until `look` is true, and gives the time that it took. @throws with what the instances said when it takes too long. */
  async until(what: string, look: () => boolean, withinMs = 60_000): Promise<number> {
    const startedMs = performance.now()
    while (!look()) {
      if (this.#failure !== undefined) throw this.#failure
      if (performance.now() - startedMs > withinMs)
        throw new Error(`${what} took more than ${withinMs} ms: ${this.describe()}`)
      await sleep(TICK_MS)
    }
    return performance.now() - startedMs
  }

  /** Waits until every meter has a committed total for a reading that was sent after now. */
  async untilItGoesOn(what: string, withinMs = 60_000): Promise<number> {
    const from = this.sentSequence
    return this.until(what, () => this.countedSequence > from, withinMs)
  }

  /** Waits until these run, and have all tasks between them. */
  untilShared(what: string, among: readonly TallyInstance[] = this.instances): Promise<number> {
    return this.until(what, () => {
      const tasks = among.flatMap((instance) => instance.status.tasks)
      return among.every((i) => i.isRunning) && tasks.length === TASKS && new Set(tasks).size === TASKS
    })
  }

  /** Stops the input, waits until everything is consumed, and judges what came out. */
  async finish(): Promise<Verdict> {
    this.#isSending = false
    await this.#producer.flush()
    await this.until('the rest of the output', () => this.countedSequence >= Math.floor(this.#sent / METERS))
    await untilConsumed(this.#kafka, this.#name, [this.topics.readings, this.topics.repartition], 60_000)
    const [readings, totals, sums] = await Promise.all(
      [this.topics.readings, this.topics.totals, this.topics.sums].map((topic) => readCommitted(this.#kafka, topic)),
    )
    return judge({ readings: readings ?? [], totals: totals ?? [], sums: sums ?? [] }, this.settings.guarantee)
  }

  describe(): string {
    const counted = `${this.countedSequence} of ${this.sentSequence} readings a meter counted`
    return [counted, ...this.instances.map((instance) => instance.describe())].join('\n  ')
  }

  async close(): Promise<void> {
    this.#loops.abort()
    await this.#running
    await Promise.all(this.instances.map((instance) => instance.kill()))
    await this.#producer.close()
    await this.#reader.close()
    await this.#kafka.close()
    await rm(this.#directory, { recursive: true, force: true, maxRetries: 5 })
  }

  async #begin(): Promise<void> {
    const { readings, totals, sums } = this.topics
    const topics = [readings, totals, sums].map((name) => ({ name, partitions: PARTITIONS }))
    await this.#kafka.admin().createTopics(topics)
    await this.#reader.assign(
      Array.from({ length: PARTITIONS }, (_, partition) => ({ topic: totals, partition, offset: 0 })),
    )
    const keep = (error: Error): void => {
      this.#failure ??= error
    }
    this.#running = Promise.all([this.#send().catch(keep), this.#watch().catch(keep)])
    for (let i = 0; i < this.settings.instances; i++) this.launch(`instance-${i + 1}`)
    await this.untilShared('the start')
    await this.until('the first results', () => this.countedSequence > 0)
  }

  async #send(): Promise<void> {
    const startedMs = performance.now()
    while (!this.#loops.signal.aborted && this.#isSending) {
      const due = ((performance.now() - startedMs) / 1_000) * this.settings.load
      // A cluster that has been away is not made to swallow all at once what it has missed.
      const most = this.#sent + this.settings.load
      for (; this.#sent < Math.min(due, most); this.#sent++) this.#sendOne(this.#sent)
      await this.#producer.flush()
      await sleep(SEND_MS)
    }
  }

  #sendOne(n: number): void {
    const meter = n % METERS
    const sequence = Math.floor(n / METERS) + 1
    this.#producer.send(this.topics.readings, meter % PARTITIONS, {
      key: Buffer.from(`meter-${meter}`),
      value: Buffer.from(encodeReading({ sequence, amount: 1 + (n % 7) })),
      timestampMs: this.#firstMs + sequence * SPACING_MS,
    })
  }

  async #watch(): Promise<void> {
    while (!this.#loops.signal.aborted)
      for (const { records } of await this.#reader.poll(TICK_MS))
        for (const { key, value } of records) {
          const room = String(key)
          const { sequence } = decodeTotal(String(value))
          this.#counted.set(room, Math.max(this.#counted.get(room) ?? 0, sequence))
        }
  }
}
