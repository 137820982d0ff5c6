import { InvalidArgumentError } from '../../common/errors.ts'
import type { TopicPartition } from '../../common/record.ts'
import type { FetchedBatch, LogReader, ReaderOptions } from '../port.ts'
import type { EngineSource } from './engine.ts'
import { Fetcher } from './fetcher.ts'
import { Signal } from './signal.ts'

/** A loop that always finds records would otherwise keep timers, sockets and producers from their turn. */
const YIELD_AFTER_MS = 10

/** Says when it is time to let the rest of the process have a turn. */
export class Courtesy {
  #lastMs = performance.now()

  yielded(): void {
    this.#lastMs = performance.now()
  }

  async turn(): Promise<void> {
    if (performance.now() - this.#lastMs < YIELD_AFTER_MS) return
    await new Promise((resolve) => setImmediate(resolve))
    this.yielded()
  }
}

/** Reads from given positions. Under both isolation levels it sees what is stable: an open transaction is never read here. */
export class EmbeddedReader implements LogReader {
  readonly #source: EngineSource
  readonly #onClose: (reader: EmbeddedReader) => void
  readonly #signal = new Signal()
  readonly #courtesy = new Courtesy()
  readonly #fetcher: Fetcher
  #woken = false
  #closed = false

  constructor(source: EngineSource, options: ReaderOptions, onClose: (reader: EmbeddedReader) => void) {
    this.#source = source
    this.#onClose = onClose
    this.#fetcher = new Fetcher(this.#signal, {
      maxPartitionBytes: options.maxPartitionBytes,
      outOfRange: 'throw',
      missing: 'throw',
    })
  }

  async assign(positions: readonly (TopicPartition & { readonly offset: number })[]): Promise<void> {
    this.#assertOpen()
    const { catalogue } = await this.#source.open()
    this.#fetcher.assign(catalogue, positions)
  }

  async poll(timeoutMs: number): Promise<readonly FetchedBatch[]> {
    this.#assertOpen()
    await this.#courtesy.turn()
    const deadlineMs = performance.now() + timeoutMs
    for (;;) {
      this.#signal.clear()
      const batches = await this.#fetcher.fetch()
      const leftMs = deadlineMs - performance.now()
      if (batches.length > 0 || this.#woken || this.#closed) {
        this.#woken = false
        return batches
      }
      await this.#signal.wait(leftMs)
      this.#courtesy.yielded()
      if (leftMs <= 0) return []
    }
  }

  pause(partitions: readonly TopicPartition[]): void {
    this.#fetcher.setPaused(partitions, true)
  }

  resume(partitions: readonly TopicPartition[]): void {
    this.#fetcher.setPaused(partitions, false)
  }

  seek(partition: TopicPartition, offset: number): void {
    this.#fetcher.seek(partition, offset)
  }

  lag(partition: TopicPartition): number | undefined {
    return this.#fetcher.lag(partition)
  }

  wakeup(): void {
    this.#woken = true
    this.#signal.fire()
  }

  async close(): Promise<void> {
    if (this.#closed) return
    this.#closed = true
    this.#fetcher.clear()
    this.#signal.fire()
    this.#onClose(this)
  }

  #assertOpen(): void {
    if (this.#closed) throw new InvalidArgumentError('the reader is closed')
  }
}
