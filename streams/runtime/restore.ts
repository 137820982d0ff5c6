import { partitionName } from '../../common/record.ts'
import { OffsetOutOfRangeError } from '../../kafka/errors.ts'
import type { IsolationLevel, KafkaProvider } from '../../kafka/port.ts'
import { TaskCorruptedError } from '../errors.ts'
import type { TaskStores } from './task-stores.ts'

/** How far a restore is; `totalRecords` counts offsets, so gaps of compaction are in it. */
export interface RestoreProgress {
  readonly taskId: string
  readonly store: string
  readonly restoredOffset: number
  readonly endOffset: number
}

export interface RestoreOptions {
  readonly taskId: string
  readonly stores: TaskStores
  readonly kafka: KafkaProvider
  readonly isolationLevel: IsolationLevel
  readonly signal: AbortSignal
  readonly onProgress?: (progress: RestoreProgress) => void
}

interface Pending {
  readonly store: string
  readonly topic: string
  offset: number
  readonly endOffset: number
}

/**
 * Brings the stores of a task up to the end that their changelogs have now, from the offsets that local state stands at: after
 * a crash that is only what had not been written. @throws {TaskCorruptedError} when local state is ahead of its changelog, or
 * its place in it is gone.
 */
export async function restoreStores(options: RestoreOptions): Promise<void> {
  const pending = await whatIsMissing(options)
  if (pending.size === 0) return
  const reader = options.kafka.createReader({ isolationLevel: options.isolationLevel })
  try {
    const partition = options.stores.partition
    await reader.assign([...pending.values()].map(({ topic, offset }) => ({ topic, partition, offset })))
    while (pending.size > 0 && !options.signal.aborted) {
      for (const batch of await reader.poll(100)) {
        const changelog = pending.get(partitionName(batch.topic, batch.partition))
        if (changelog === undefined) continue
        await options.stores.restore(changelog.store, batch)
        changelog.offset = batch.nextOffset
        options.onProgress?.({
          taskId: options.taskId,
          store: changelog.store,
          restoredOffset: batch.nextOffset,
          endOffset: changelog.endOffset,
        })
      }
      for (const [name, { topic, offset, endOffset }] of pending) {
        if (offset >= endOffset || reader.lag({ topic, partition }) === 0) pending.delete(name)
      }
    }
  } catch (error) {
    if (error instanceof OffsetOutOfRangeError)
      throw new TaskCorruptedError([options.taskId], { cause: error, because: error.message })
    throw error
  } finally {
    await reader.close()
  }
}

async function whatIsMissing({ taskId, stores, kafka, isolationLevel }: RestoreOptions): Promise<Map<string, Pending>> {
  const changelogs = stores.changelogs()
  const partitions = changelogs.map(({ topic }) => ({ topic, partition: stores.partition }))
  const admin = kafka.admin()
  const ends = await admin.endOffsets(partitions, isolationLevel)
  const begins = await admin.beginningOffsets(partitions)
  const pending = new Map<string, Pending>()
  for (const { store, topic, offset } of changelogs) {
    const name = partitionName(topic, stores.partition)
    const endOffset = ends.get(name) ?? 0
    const begin = begins.get(name) ?? 0
    if (offset > endOffset) {
      throw new TaskCorruptedError([taskId], {
        because: `store ${store} stands at ${offset}, its changelog ${name} ends at ${endOffset}`,
      })
    }
    if (offset < endOffset) pending.set(name, { store, topic, offset: Math.max(offset, begin), endOffset })
  }
  return pending
}
