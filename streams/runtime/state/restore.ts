import type { Logger } from '../../../common/log.ts'
import { partitionName } from '../../../common/record.ts'
import { OffsetOutOfRangeError } from '../../../kafka/errors.ts'
import type { FetchedBatch, IsolationLevel, KafkaProvider, LogReader } from '../../../kafka/port.ts'
import { TaskCorruptedError } from '../../errors.ts'
import { recordCount, upTo } from './restore-batches.ts'
import type { RestoreEvent, StateRestoreListener } from './restore-listener.ts'
import type { TaskStores } from './task-stores.ts'

/** How far a restore is, in offsets: gaps of compaction are in it. */
export interface RestoreProgress {
  readonly taskId: string
  readonly store: string
  /** Where it began. */
  readonly startingOffset: number
  readonly restoredOffset: number
  readonly endOffset: number
}

export interface RestoreOptions {
  readonly taskId: string
  readonly stores: TaskStores
  readonly kafka: KafkaProvider
  readonly isolationLevel: IsolationLevel
  readonly signal: AbortSignal
  readonly log?: Logger
  readonly listener?: StateRestoreListener | undefined
  /** Where the group stands in an input: as far as a store is restored from one. */
  readonly committedOffset: (topic: string) => number | undefined
  readonly onProgress?: (progress: RestoreProgress) => void
}

interface Pending {
  readonly event: RestoreEvent
  readonly topic: string
  offset: number
  records: number
  readonly endOffset: number
  /** Since when everything that is committed has been read, though not all that is there. */
  heldUpSinceMs?: number | undefined
}

/** Small enough for the objects of a batch to be gone before the collector would have to keep them. */
export const RESTORE_FETCH_BYTES = 512 * 1024

/** How long an open transaction may hold a restore up before the log says so. */
const PATIENCE_MS = 1_000

/**
 * Brings the stores of a task up to the end that their changelogs have now, from the offsets that local state stands at: after
 * a crash that is only what had not been written. The end is that of all there is, not of what is committed: a transaction may still be open that
 * the task's own id does not end (Kafka Streams' ids are not ours), or be committed by the group's offsets and not yet by the changelog. The
 * restore waits for it; the broker ends it when its producer is dead (`transaction.timeout.ms`).
 * @throws {TaskCorruptedError} when local state is ahead of its changelog, or its place in it is gone.
 */
export async function restoreStores(options: RestoreOptions): Promise<void> {
  const pending = await whatIsMissing(options)
  if (pending.size === 0) return
  const { kafka, isolationLevel, stores, signal } = options
  const reader = kafka.createReader({ isolationLevel, maxPartitionBytes: RESTORE_FETCH_BYTES, packed: true })
  try {
    await reader.assign(
      [...pending.values()].map(({ topic, offset }) => ({ topic, partition: stores.partition, offset })),
    )
    await new Restore(options, reader, pending).run()
    if (signal.aborted)
      for (const { event, records } of pending.values())
        options.listener?.onRestoreSuspended?.({ ...event, totalRestored: records })
  } catch (error) {
    if (error instanceof OffsetOutOfRangeError)
      throw new TaskCorruptedError([options.taskId], { cause: error, because: error.message })
    throw error
  } finally {
    await reader.close()
  }
}

class Restore {
  readonly #options: RestoreOptions
  readonly #reader: LogReader
  readonly #pending: Map<string, Pending>
  readonly #startedMs = performance.now()
  /** The write that is under way while the next batch is fetched and decoded. */
  #writing: Promise<void> = Promise.resolve()

  constructor(options: RestoreOptions, reader: LogReader, pending: Map<string, Pending>) {
    this.#options = options
    this.#reader = reader
    this.#pending = pending
  }

  async run(): Promise<void> {
    const { stores, signal } = this.#options
    for (const { event } of this.#pending.values()) {
      this.#options.listener?.onRestoreStart?.(event)
      this.#tellProgress(event, event.startingOffset)
    }
    while (this.#pending.size > 0 && !signal.aborted) {
      for (const batch of await this.#reader.poll(100)) {
        const changelog = this.#pending.get(partitionName(batch.topic, batch.partition))
        if (changelog !== undefined) await this.#take(changelog, batch)
      }
      for (const [name, changelog] of this.#pending) {
        if (changelog.offset < changelog.endOffset) {
          this.#noteOpenTransaction(changelog, this.#reader.lag({ ...changelog, partition: stores.partition }) === 0)
          continue
        }
        await this.#writing
        this.#end(name)
      }
    }
    await this.#writing
  }

  async #take(changelog: Pending, batch: FetchedBatch): Promise<void> {
    const { stores, listener } = this.#options
    const { event, endOffset } = changelog
    const part = upTo(batch, endOffset)
    const numRestored = recordCount(part)
    if (stores.readsToRestore(event.store)) await this.#writing
    const written = stores.restore(event.store, part)
    written.catch(() => {})
    await this.#writing
    this.#writing = written
    changelog.offset = part.nextOffset
    changelog.records += numRestored
    listener?.onBatchRestored?.({ ...event, batchEndOffset: part.nextOffset, numRestored })
    this.#tellProgress(event, part.nextOffset)
  }

  /** Says once that there is something to read that is not committed yet. */
  #noteOpenTransaction(changelog: Pending, isAtLastStable: boolean): void {
    if (!isAtLastStable) changelog.heldUpSinceMs = undefined
    else if (changelog.heldUpSinceMs === undefined) changelog.heldUpSinceMs = performance.now()
    else if (performance.now() - changelog.heldUpSinceMs > PATIENCE_MS) {
      const { taskId, log } = this.#options
      const { topic, offset, endOffset, event } = changelog
      log?.warn(
        { taskId, store: event.store, topic, offset, endOffset },
        'the restore waits for an open transaction of another producer to end',
      )
      changelog.heldUpSinceMs = Number.POSITIVE_INFINITY
    }
  }

  #end(name: string): void {
    const { event, records } = this.#pending.get(name) as Pending
    this.#pending.delete(name)
    const seconds = (performance.now() - this.#startedMs) / 1000
    const { taskId, store } = event
    this.#tellProgress(event, event.endingOffset)
    this.#options.log?.info(
      { taskId, store, records, seconds: Number(seconds.toFixed(3)), recordsPerSecond: Math.round(records / seconds) },
      'store restored',
    )
    this.#options.listener?.onRestoreEnd?.({ ...event, totalRestored: records })
  }

  #tellProgress(
    { taskId, store, startingOffset, endingOffset: endOffset }: RestoreEvent,
    restoredOffset: number,
  ): void {
    this.#options.onProgress?.({ taskId, store, startingOffset, restoredOffset, endOffset })
  }
}

async function whatIsMissing(options: RestoreOptions): Promise<Map<string, Pending>> {
  const { taskId, stores, kafka } = options
  const { partition } = stores
  const changelogs = stores.changelogs()
  const partitions = changelogs.map(({ topic }) => ({ topic, partition }))
  const admin = kafka.admin()
  const [ends, begins] = await Promise.all([admin.endOffsets(partitions), admin.beginningOffsets(partitions)])
  const pending = new Map<string, Pending>()
  for (const { store, topic, offset, isSource } of changelogs) {
    const name = partitionName(topic, partition)
    const logEnd = ends.get(name) ?? 0
    const begin = begins.get(name) ?? 0
    if (offset > logEnd) {
      throw new TaskCorruptedError([taskId], {
        because: `store ${store} stands at ${offset}, its changelog ${name} ends at ${logEnd}`,
      })
    }
    if (offset > 0 && offset < begin) {
      throw new TaskCorruptedError([taskId], {
        because: `store ${store} stands at ${offset}, its changelog ${name} begins at ${begin}: what came between is gone`,
      })
    }
    const endOffset = isSource ? Math.min(options.committedOffset(topic) ?? 0, logEnd) : logEnd
    if (offset >= endOffset) continue
    const from = Math.max(offset, begin)
    const event = { taskId, store, topic, partition, startingOffset: from, endingOffset: endOffset }
    pending.set(name, { event, topic, offset: from, records: 0, endOffset })
  }
  return pending
}
