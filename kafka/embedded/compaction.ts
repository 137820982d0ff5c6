import type { Clock } from '../../common/clock.ts'
import type { LogRecord } from '../port.ts'
import type { PartitionLog, StoredRun } from './partition-log.ts'
import { decodeRun, encodeRun } from './run.ts'
import type { LogWriter } from './writer.ts'

/** One pass looks at so many new keys; the rest of a log waits for the next pass. */
const MAX_KEYS = 500_000
const MAX_KEY_BYTES = 32 * 1024 * 1024
const MAX_CHANGE_BYTES = 4 * 1024 * 1024

interface Latest {
  /** The last offset of each key between the cleaned part and `end`. */
  readonly offsets: ReadonlyMap<string, number>
  readonly end: number
}

interface Change {
  readonly run: StoredRun
  readonly bytes: Buffer | null
}

const nameOf = (key: Buffer) => key.toString('latin1')

/**
 * Keeps the latest record of each key. First the part that is not cleaned yet is read for the latest offset of each of its
 * keys, then all runs up to there are rewritten without older records, in order, so that a crash leaves a log that is only
 * less compacted. Tombstones go `delete.retention.ms` after they were written, for readers on their way to see them.
 */
export class Compaction {
  readonly #writer: LogWriter
  readonly #clock: Clock
  readonly #stopped: () => boolean

  constructor(writer: LogWriter, clock: Clock, stopped: () => boolean) {
    this.#writer = writer
    this.#clock = clock
    this.#stopped = stopped
  }

  async run(log: PartitionLog, force: boolean): Promise<void> {
    while (this.#isDue(log, force)) {
      const before = log.head.cleanedTo
      if (!(await this.#pass(log))) return
      if (log.head.cleanedTo === before || log.head.cleanedTo >= log.stableOffset) return
    }
  }

  #isDue({ head, config, stableOffset, deleted }: PartitionLog, force: boolean): boolean {
    if (deleted) return false
    if (head.tombstoneDueMs <= this.#clock.nowMs()) return true
    const dirtyBytes = head.sizeBytes - head.cleanedBytes
    if (head.cleanedTo >= stableOffset || dirtyBytes <= 0) return false
    return force || dirtyBytes >= config.minDirtyRatio * head.sizeBytes
  }

  async #pass(log: PartitionLog): Promise<boolean> {
    const nowMs = this.#clock.nowMs()
    const latest = await this.#latestOffsets(log)
    let keptBytes = 0
    let tombstoneDueMs = Number.POSITIVE_INFINITY
    let changes: Change[] = []
    let changeBytes = 0
    for await (const run of log.rows(log.head.logStart, latest.end)) {
      if (this.#stopped() || log.deleted) return false
      const goneMs = run.header.appendedMs + log.config.deleteRetentionMs
      const kept = survivors(run, latest, goneMs <= nowMs)
      if (kept.some((one) => one.value === null)) tombstoneDueMs = Math.min(tombstoneDueMs, goneMs)
      const bytes = kept.length === run.header.count ? run.bytes : rewrite(run, kept)
      keptBytes += bytes?.length ?? 0
      if (bytes === run.bytes) continue
      changes.push({ run, bytes })
      changeBytes += bytes?.length ?? 0
      if (changeBytes > MAX_CHANGE_BYTES || changes.length > 1000) {
        await this.#apply(log, changes)
        changes = []
        changeBytes = 0
      }
    }
    await this.#apply(log, changes, () => {
      log.head.cleanedTo = latest.end
      log.head.cleanedBytes = Math.min(keptBytes, log.head.sizeBytes)
      log.head.tombstoneDueMs = tombstoneDueMs
    })
    return true
  }

  async #latestOffsets(log: PartitionLog): Promise<Latest> {
    const offsets = new Map<string, number>()
    let keyBytes = 0
    let end = log.stableOffset
    for await (const run of log.rows(log.head.cleanedTo, end)) {
      for (const { key, offset } of recordsOf(run)) {
        if (key === null) continue
        const name = nameOf(key)
        if (!offsets.has(name)) keyBytes += name.length
        offsets.set(name, offset)
      }
      if (offsets.size > MAX_KEYS || keyBytes > MAX_KEY_BYTES) {
        end = run.header.lastOffset + 1
        break
      }
    }
    return { offsets, end }
  }

  async #apply(log: PartitionLog, changes: readonly Change[], beforeHead = () => {}): Promise<void> {
    if (log.deleted) return
    for (const { run, bytes } of changes) log.head.sizeBytes += (bytes?.length ?? 0) - run.bytes.length
    beforeHead()
    await this.#writer.write([...changes.map(({ run, bytes }) => [run.key, bytes] as const), log.headRow()])
    for (const { run, bytes } of changes) log.replaced(run.header.lastOffset, bytes)
  }
}

function recordsOf(run: StoredRun): LogRecord[] {
  const records: LogRecord[] = []
  decodeRun(run.bytes, 0, Number.POSITIVE_INFINITY, records)
  return records
}

function survivors(run: StoredRun, latest: Latest, tombstonesGo: boolean): LogRecord[] {
  return recordsOf(run).filter(({ key, value, offset }) => {
    if (key === null) return true
    if (value === null && tombstonesGo) return false
    return (latest.offsets.get(nameOf(key)) ?? -1) <= offset
  })
}

function rewrite({ header }: StoredRun, kept: readonly LogRecord[]): Buffer | null {
  if (kept.length === 0) return null
  const { bytes } = encodeRun({
    records: kept,
    from: 0,
    baseOffset: header.baseOffset,
    offsets: kept.map((one) => one.offset),
    lastOffset: header.lastOffset,
    prefixMaxTimestampMs: header.prefixMaxTimestampMs,
    appendedMs: header.appendedMs,
  })
  return bytes
}
