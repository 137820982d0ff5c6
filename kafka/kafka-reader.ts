import { InvalidArgumentError } from '../common/errors.ts'
import type { Logger } from '../common/log.ts'
import type { TopicPartition } from '../common/record.ts'
import type { Cluster } from './cluster.ts'
import { Fetcher } from './fetcher.ts'
import type { FetchedBatch, LogReader, ReaderOptions } from './port.ts'

export const DEFAULT_MAX_PARTITION_BYTES = 1024 * 1024

/** Reads partitions of a cluster from given positions. Owns the cluster handle and closes it. */
export class KafkaReader implements LogReader {
  readonly #cluster: Cluster
  readonly #fetcher: Fetcher
  #polling = false
  #woken = false
  #closed = false

  constructor(cluster: Cluster, options: ReaderOptions, logger: Logger) {
    this.#cluster = cluster
    this.#fetcher = new Fetcher(cluster, {
      isolationLevel: options.isolationLevel ?? 'read_uncommitted',
      maxPartitionBytes: options.maxPartitionBytes ?? DEFAULT_MAX_PARTITION_BYTES,
      packed: options.packed,
      logger,
    })
  }

  /** @throws {UnknownTopicError} */
  async assign(positions: readonly (TopicPartition & { readonly offset: number })[]): Promise<void> {
    await Promise.all([...new Set(positions.map((p) => p.topic))].map((topic) => this.#cluster.requireTopic(topic)))
    this.#fetcher.assign(positions)
  }

  async poll(timeoutMs: number): Promise<readonly FetchedBatch[]> {
    if (this.#closed) throw new InvalidArgumentError('the reader is closed')
    const deadlineMs = performance.now() + timeoutMs
    this.#polling = true
    this.#woken = false
    try {
      for (;;) {
        const batches = this.#fetcher.take()
        if (batches.length > 0) return batches
        const leftMs = deadlineMs - performance.now()
        if (this.#woken || this.#closed || leftMs <= 0) return []
        await this.#fetcher.wait(leftMs)
      }
    } finally {
      this.#polling = false
    }
  }

  pause(partitions: readonly TopicPartition[]): void {
    this.#fetcher.pause(partitions)
  }

  resume(partitions: readonly TopicPartition[]): void {
    this.#fetcher.resume(partitions)
  }

  seek(partition: TopicPartition, offset: number): void {
    this.#fetcher.seek(partition, offset)
  }

  lag(partition: TopicPartition): number | undefined {
    return this.#fetcher.lag(partition)
  }

  wakeup(): void {
    if (!this.#polling) return
    this.#woken = true
    this.#fetcher.signal()
  }

  close(): Promise<void> {
    this.#closed = true
    this.#fetcher.close()
    this.#cluster.close()
    return Promise.resolve()
  }
}
