import { type Awaitable, chain } from '../../../common/awaitable.ts'
import { DiskFullError } from '../../../common/disk-full.ts'
import { asError } from '../../../common/errors.ts'
import type { Logger } from '../../../common/log.ts'
import type { TopicPartition } from '../../../common/record.ts'
import type { Admin, KafkaProvider, LogReader } from '../../../kafka/port.ts'
import { nameOf } from '../client/application.ts'
import type { GlobalTask } from '../task/global-task.ts'

const POLL_MS = 200
const RETRY_MS = 1_000

export interface GlobalThreadOptions {
  readonly task: GlobalTask
  readonly kafka: KafkaProvider
  readonly admin: Admin
  readonly log: Logger
  readonly onFailure: (error: Error) => void
}

/**
 * Keeps the global stores full: `start` resolves when they hold everything that their topics hold now, after that they follow.
 * @see org.apache.kafka.streams.processor.internals.GlobalStreamThread
 */
export class GlobalThread {
  readonly #options: GlobalThreadOptions
  readonly #reader: LogReader
  #stopping = false
  #running: Promise<void> | undefined

  constructor(options: GlobalThreadOptions) {
    this.#options = options
    this.#reader = options.kafka.createReader({ isolationLevel: 'read_committed' })
  }

  async start(): Promise<void> {
    const { task, admin } = this.#options
    const described = await admin.describeTopics(task.topics)
    const partitions: TopicPartition[] = []
    for (const { name, partitions: count } of described.values())
      for (let partition = 0; partition < count; partition++) partitions.push({ topic: name, partition })
    const begins = await admin.beginningOffsets(partitions)
    await this.#reader.assign(
      partitions.map((p) => ({
        ...p,
        offset: Math.max(task.stores.storedOffset(p.topic, p.partition), begins.get(nameOf(p)) ?? 0),
      })),
    )
    while (!this.#stopping && partitions.some((p) => this.#reader.lag(p) !== 0)) await this.#step()
    this.#running = this.#follow()
  }

  async stop(): Promise<void> {
    this.#stopping = true
    this.#reader.wakeup()
    await this.#running
    await this.#reader.close()
    await this.#options.task.close()
  }

  async #step(): Promise<void> {
    const { task } = this.#options
    for (const batch of await this.#reader.poll(POLL_MS)) {
      const updated: Awaitable<void> = chain(task.update(batch), () => task.write())
      if (updated instanceof Promise) await updated
    }
  }

  async #follow(): Promise<void> {
    while (!this.#stopping) {
      try {
        await this.#step()
      } catch (thrown) {
        const error = asError(thrown)
        // What was read and could not be written would be missing: that begins anew with the client.
        if ('recovery' in error && error.recovery === 'retry' && !(error instanceof DiskFullError)) {
          this.#options.log.warn({ err: error }, 'global stores wait for Kafka')
          await new Promise((resolve) => setTimeout(resolve, RETRY_MS))
        } else {
          this.#options.onFailure(error)
          return
        }
      }
    }
  }
}
