import type { Awaitable } from '../../common/awaitable.ts'
import { partitionName } from '../../common/record.ts'
import type { LogRecord, ProducerRecord } from '../port.ts'
import { headKey, runKey } from './keys.ts'
import type { LogStore } from './log-store.ts'
import { type Fetched, LogTail } from './log-tail.ts'
import { encodeHead, type PartitionHead } from './partition-head.ts'
import { decodeRun, encodeRun, MAX_RUN_BYTES, type RunHeader, readRunHeader } from './run.ts'
import type { Signal } from './signal.ts'
import type { TailCache } from './tail-cache.ts'
import type { TopicConfig } from './topic-config.ts'

/** A run that was given offsets and may not be read yet: its write is under way, or its transaction is open. */
export interface PendingRun extends RunHeader {
  readonly sizeBytes: number
  /** Gone when the memory is better used: the run is durable then. */
  bytes: Buffer | undefined
  /** Its row is in the database, or enqueued, before its transaction is committed. */
  stored: boolean
  state: 'pending' | 'durable' | 'dropped'
}

export interface StoredRun {
  readonly key: Buffer
  readonly bytes: Buffer
  readonly header: RunHeader
}

/** Bytes of durable runs that wait behind an open transaction and are still held in memory. */
const MAX_BLOCKED_BYTES = 4 * 1024 * 1024
/** The database reads as many rows ahead; each may be as large as a run. */
const MAX_SCAN_ROWS = 128
const SCAN_PAGE_ROWS = 64

/**
 * One partition: hands out offsets, knows what may be read (everything below the first run that is not settled), keeps the
 * newest runs in memory and reads older ones from the database. Offsets have gaps where transactions were aborted and where
 * compaction took records.
 */
export class PartitionLog {
  readonly topic: string
  readonly topicId: number
  readonly index: number
  readonly config: TopicConfig
  readonly head: PartitionHead
  /** Readers that wait for what comes. */
  readonly readers = new Set<Signal>()
  readonly #store: LogStore
  readonly #tail: LogTail
  #pending: PendingRun[] = []
  #blockedBytes = 0
  #deleted = false
  #rowBytes = 1024

  constructor(
    topic: { readonly name: string; readonly id: number; readonly config: TopicConfig },
    index: number,
    head: PartitionHead,
    store: LogStore,
    cache: TailCache,
  ) {
    this.topic = topic.name
    this.topicId = topic.id
    this.config = topic.config
    this.index = index
    this.head = head
    this.#store = store
    this.#tail = new LogTail(cache, head.nextOffset)
  }

  get name(): string {
    return partitionName(this.topic, this.index)
  }

  get deleted(): boolean {
    return this.#deleted
  }

  /** The last stable offset: where the first run begins that is not settled, or the end. */
  get stableOffset(): number {
    return this.#pending[0]?.baseOffset ?? this.head.nextOffset
  }

  /** Encodes records into runs and gives them offsets. They can be read once they are settled, and those before them. */
  append(records: readonly ProducerRecord[], nowMs: number): PendingRun[] {
    const stamped = this.config.logAppendTime ? records.map((one) => ({ ...one, timestampMs: nowMs })) : records
    const runs: PendingRun[] = []
    for (let from = 0; from < stamped.length; ) {
      const { prefixMaxTimestampMs, nextOffset } = this.head
      const run = encodeRun({ records: stamped, from, baseOffset: nextOffset, prefixMaxTimestampMs, appendedMs: nowMs })
      this.head.prefixMaxTimestampMs = run.header.prefixMaxTimestampMs
      this.head.nextOffset += run.header.count
      from += run.header.count
      const pending: PendingRun = {
        ...run.header,
        sizeBytes: run.bytes.length,
        bytes: run.bytes,
        stored: false,
        state: 'pending',
      }
      this.#pending.push(pending)
      runs.push(pending)
    }
    return runs
  }

  /** The rows that make these runs durable, with the head that goes with them. To be enqueued before anything else happens to the partition. */
  commitRows(runs: readonly PendingRun[]): (readonly [Buffer, Buffer])[] {
    const rows: (readonly [Buffer, Buffer])[] = []
    for (const run of runs) {
      this.head.sizeBytes += run.sizeBytes
      if (run.bytes && !run.stored) rows.push([this.keyAt(run.lastOffset), run.bytes])
    }
    rows.push(this.headRow())
    return rows
  }

  headRow(): readonly [Buffer, Buffer] {
    return [headKey(this.topicId, this.index), encodeHead(this.head)]
  }

  keyAt(offset: number): Buffer {
    return runKey(this.topicId, this.index, offset)
  }

  /** These runs are durable, or dropped: they will never be. */
  settle(runs: readonly PendingRun[], state: 'durable' | 'dropped'): void {
    for (const run of runs) {
      run.state = state
      if (state === 'dropped') run.bytes = undefined
      else if (run !== this.#pending[0] && this.#blockedBytes > MAX_BLOCKED_BYTES) run.bytes = undefined
      this.#blockedBytes += run.bytes?.length ?? 0
    }
    let count = 0
    while (count < this.#pending.length && this.#pending[count]!.state !== 'pending') count++
    if (count === 0) return
    for (const run of this.#pending.splice(0, count)) this.#stabilise(run)
    for (const reader of this.readers) reader.fire()
  }

  /**
   * Records from a position on that may be read, about `maxBytes` of them; `undefined` when the position is at the end.
   * The position must not be below the log's start.
   */
  fetch(position: number, maxBytes: number): Awaitable<Fetched | undefined> {
    const end = this.stableOffset
    if (position >= end) return undefined
    if (position >= this.#tail.startOffset) return this.#tail.fetch(position, maxBytes, end)
    return this.#fetchStored(position, maxBytes, Math.min(end, this.#tail.startOffset))
  }

  /** Stored runs that end in [from, to), in order. Pages through them: what is written meanwhile may be seen or not. */
  async *rows(fromOffset: number, toOffset = this.stableOffset): AsyncGenerator<StoredRun> {
    let from = fromOffset
    let atATime = 1
    while (from < toOffset && !this.#deleted) {
      let rows = 0
      const range = { gte: this.keyAt(from), lt: this.keyAt(toOffset), limit: atATime }
      for await (const [key, bytes] of this.#store.scan(range)) {
        const header = readRunHeader(bytes)
        yield { key, bytes, header }
        from = header.lastOffset + 1
        rows++
      }
      if (rows < atATime) return
      atATime = Math.min(atATime * 4, SCAN_PAGE_ROWS)
    }
  }

  /** What deletes the rows of all runs that end before an offset. */
  rangeBefore(offset: number): readonly [Buffer, Buffer] {
    return [this.keyAt(0), this.keyAt(offset)]
  }

  /** The log begins later now. `freedBytes`: the size of the runs that go. */
  moveStart(logStart: number, freedBytes: number): void {
    const { head } = this
    head.logStart = logStart
    head.sizeBytes = Math.max(0, head.sizeBytes - freedBytes)
    head.cleanedTo = Math.max(head.cleanedTo, logStart)
    head.cleanedBytes = Math.min(head.sizeBytes, Math.max(0, head.cleanedBytes - freedBytes))
    this.#tail.trim(logStart)
  }

  /** Compaction has rewritten a run, or taken it away. */
  replaced(lastOffset: number, bytes: Buffer | null): void {
    this.#tail.replace(lastOffset, bytes)
  }

  /** The topic is deleted: lets go of the memory and wakes its readers. */
  markDeleted(): void {
    this.#deleted = true
    this.#tail.forget()
    for (const reader of this.readers) reader.fire()
  }

  #stabilise(run: PendingRun): void {
    if (this.#deleted || run.state === 'dropped') return
    if (run.bytes) {
      this.#blockedBytes -= run.bytes.length
      this.#tail.push(run.lastOffset, run.bytes)
    } else {
      this.#tail.restartAfter(run.lastOffset)
    }
  }

  async #fetchStored(position: number, maxBytes: number, end: number): Promise<Fetched> {
    const limit = Math.min(MAX_SCAN_ROWS, Math.ceil(Math.min(maxBytes, 4 * MAX_RUN_BYTES) / this.#rowBytes) + 1)
    const records: LogRecord[] = []
    let nextOffset = position
    let leftBytes = maxBytes
    let rows = 0
    for await (const [, run] of this.#store.scan({ gte: this.keyAt(position), lt: this.keyAt(end), limit })) {
      this.#rowBytes = Math.max(64, Math.round(this.#rowBytes * 0.8 + run.length * 0.2))
      nextOffset = decodeRun(run, nextOffset, leftBytes, records)
      leftBytes -= run.length
      rows++
      if (leftBytes <= 0 || nextOffset <= readRunHeader(run).lastOffset) {
        return { records, nextOffset, sizeBytes: maxBytes - leftBytes }
      }
    }
    return { records, nextOffset: rows < limit ? end : nextOffset, sizeBytes: maxBytes - leftBytes }
  }
}
