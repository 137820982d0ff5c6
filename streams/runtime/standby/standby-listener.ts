import { asError } from '../../../common/errors.ts'
import type { Logger } from '../../../common/log.ts'
import type { StandbyTask } from './standby-task.ts'

/** A store of a standby task, and its changelog. */
export interface StandbyUpdateEvent {
  readonly taskId: string
  readonly store: string
  /** The changelog. */
  readonly topic: string
  readonly partition: number
}

/** The task became active here (`PROMOTED`), or its copy is not kept here any more (`MIGRATED`). */
export type SuspendReason = 'MIGRATED' | 'PROMOTED'

/**
 * Told how standbys follow their changelogs (KIP-988); called between batches, so it should be quick. What it throws is logged.
 * @see org.apache.kafka.streams.processor.StandbyUpdateListener
 */
export interface StandbyUpdateListener {
  onUpdateStart?(event: StandbyUpdateEvent & { readonly startingOffset: number }): void
  /** After each batch: the offset that the store has come to, the records of the batch, and the end of the changelog as the last fetch told it. */
  onBatchLoaded?(
    event: StandbyUpdateEvent & {
      readonly batchEndOffset: number
      readonly batchSize: number
      readonly currentEndOffset: number
    },
  ): void
  /** The copy is not updated any more; `currentEndOffset` is absent where it was never told. */
  onUpdateSuspended?(
    event: StandbyUpdateEvent & {
      readonly storeOffset: number
      readonly currentEndOffset?: number
      readonly reason: SuspendReason
    },
  ): void
}

/** Tells a listener about the standby tasks of a thread. */
export class StandbyUpdates {
  readonly #listener: StandbyUpdateListener | undefined
  readonly #log: Logger

  constructor(listener: StandbyUpdateListener | undefined, log: Logger) {
    this.#listener = listener
    this.#log = log
  }

  started(task: StandbyTask): void {
    for (const { event, offset } of this.#stores(task))
      this.#tell((listener) => listener.onUpdateStart?.({ ...event, startingOffset: offset }))
  }

  /** `lag`: records that are behind the batch. */
  loaded(task: StandbyTask, changelog: string, batchSize: number, lag = 0): void {
    if (batchSize === 0) return
    for (const { event, offset } of this.#stores(task)) {
      if (event.topic !== changelog) continue
      const batch = { batchEndOffset: offset, batchSize, currentEndOffset: offset + lag }
      this.#tell((listener) => listener.onBatchLoaded?.({ ...event, ...batch }))
    }
  }

  suspended(task: StandbyTask, reason: SuspendReason): void {
    for (const { event, offset, lag } of this.#stores(task)) {
      const end = lag === undefined ? {} : { currentEndOffset: offset + lag }
      this.#tell((listener) => listener.onUpdateSuspended?.({ ...event, storeOffset: offset, ...end, reason }))
    }
  }

  #stores(task: StandbyTask) {
    if (this.#listener === undefined) return []
    const { taskId, stores } = task
    return task.followed.map(({ store, topic, offset }) => ({
      event: { taskId, store, topic, partition: stores.partition },
      offset,
      lag: task.lagOf(store),
    }))
  }

  #tell(call: (listener: StandbyUpdateListener) => void): void {
    try {
      if (this.#listener !== undefined) call(this.#listener)
    } catch (error) {
      this.#log.warn({ err: asError(error) }, 'the listener of standby updates failed')
    }
  }
}
