import type { Clock } from '../../common/clock.ts'
import type { Logger } from '../../common/log.ts'
import type { Catalogue } from './catalogue.ts'
import { Compaction } from './compaction.ts'
import type { PartitionLog } from './partition-log.ts'
import type { LogWriter } from './writer.ts'

interface CleanerParts {
  readonly catalogue: Catalogue
  readonly writer: LogWriter
  readonly clock: Clock
  readonly logger: Logger
  /** 0: only when asked. */
  readonly intervalMs: number
}

interface FirstRun {
  readonly logStart: number
  readonly maxTimestampMs: number
  readonly sizeBytes: number
}

/** Deletes what retention lets go and compacts, in the background. One partition is changed by one thing at a time. */
export class Cleaner {
  readonly #parts: CleanerParts
  readonly #compaction: Compaction
  readonly #busy = new WeakMap<PartitionLog, Promise<void>>()
  readonly #first = new WeakMap<PartitionLog, FirstRun>()
  #timer: NodeJS.Timeout | undefined
  #running = new Set<Promise<void>>()
  #stopped = false

  constructor(parts: CleanerParts) {
    this.#parts = parts
    this.#compaction = new Compaction(parts.writer, parts.clock, () => this.#stopped)
  }

  start(): void {
    const { intervalMs, logger } = this.#parts
    if (intervalMs <= 0 || this.#stopped) return
    this.#timer = setTimeout(() => {
      this.clean(false)
        .catch((error: unknown) =>
          logger.error({ err: error }, 'cleaning the embedded log failed; it is tried again later'),
        )
        .finally(() => this.start())
    }, intervalMs)
    this.#timer.unref()
  }

  /** Cleans every topic now. `force`: also compacts what is not dirty enough yet to be worth it. */
  async clean(force: boolean): Promise<void> {
    for (const log of this.#parts.catalogue.logs) {
      await this.#exclusive(log, async () => {
        if (log.config.deletes) await this.#applyRetention(log)
        if (log.config.compacts) await this.#compaction.run(log, force)
      })
    }
  }

  /** Moves the start of a partition, and deletes the runs that end before it. */
  deleteBefore(log: PartitionLog, offset: number): Promise<void> {
    return this.#exclusive(log, async () => {
      if (offset <= log.head.logStart) return
      let freedBytes = 0
      for await (const { bytes } of log.rows(log.head.logStart, offset)) freedBytes += bytes.length
      await this.#moveStart(log, offset, freedBytes)
    })
  }

  async stop(): Promise<void> {
    this.#stopped = true
    clearTimeout(this.#timer)
    await Promise.allSettled([...this.#running])
  }

  #exclusive(log: PartitionLog, work: () => Promise<void>): Promise<void> {
    const before = this.#busy.get(log) ?? Promise.resolve()
    const run = before.then(async () => {
      if (!this.#stopped && !log.deleted) await work()
    })
    const settled = run.catch(() => {})
    this.#busy.set(log, settled)
    this.#running.add(settled)
    void settled.then(() => this.#running.delete(settled))
    return run
  }

  /** Lets go of whole runs from the beginning: those too old to the last record, and those beyond the size. */
  async #applyRetention(log: PartitionLog): Promise<void> {
    const { retentionMs, retentionBytes } = log.config
    const { logStart, sizeBytes } = log.head
    if (sizeBytes === 0 || (retentionMs === undefined && retentionBytes === undefined)) return
    const oldestMs = retentionMs === undefined ? Number.NEGATIVE_INFINITY : this.#parts.clock.nowMs() - retentionMs
    let excessBytes = retentionBytes === undefined ? 0 : sizeBytes - retentionBytes
    const stays = (maxTimestampMs: number, runBytes: number) => maxTimestampMs >= oldestMs && excessBytes < runBytes
    const first = this.#first.get(log)
    if (first?.logStart === logStart && stays(first.maxTimestampMs, first.sizeBytes)) return
    let freedBytes = 0
    let newStart = logStart
    for await (const { header, bytes } of log.rows(logStart)) {
      if (stays(header.maxTimestampMs, bytes.length)) {
        const { maxTimestampMs } = header
        this.#first.set(log, { logStart: newStart, maxTimestampMs, sizeBytes: bytes.length })
        break
      }
      excessBytes -= bytes.length
      freedBytes += bytes.length
      newStart = header.lastOffset + 1
    }
    if (newStart > logStart) await this.#moveStart(log, newStart, freedBytes)
  }

  async #moveStart(log: PartitionLog, offset: number, freedBytes: number): Promise<void> {
    if (log.deleted) return
    log.moveStart(offset, freedBytes)
    await this.#parts.writer.write([log.headRow()], [log.rangeBefore(offset)])
  }
}
