import { partitionName } from '../../../common/record.ts'
import type { FetchedBatch, LogReader } from '../../../kafka/port.ts'
import { upTo } from '../state/restore-batches.ts'
import type { TaskStores } from '../state/task-stores.ts'

interface Followed {
  readonly store: string
  readonly topic: string
  readonly isSource: boolean
  offset: number
}

/** A changelog partition and where to go on reading it. */
export interface FollowedPosition {
  readonly topic: string
  readonly partition: number
  readonly offset: number
}

/** A copy of a task's state that follows the changelogs. What it holds is always what some commit left. */
export class StandbyTask {
  readonly taskId: string
  readonly stores: TaskStores
  readonly #followed = new Map<string, Followed>()
  readonly #lags = new Map<string, number>()

  constructor(taskId: string, stores: TaskStores) {
    this.taskId = taskId
    this.stores = stores
    for (const { store, topic, isSource, offset } of stores.changelogs())
      this.#followed.set(partitionName(topic, stores.partition), { store, topic, isSource, offset })
  }

  /** Changelog records that a store is behind by; `undefined` while that is not known. */
  lagOf(store: string): number | undefined {
    return this.#lags.get(store)
  }

  lagOfTopic(topic: string): number | undefined {
    const followed = this.#followed.get(partitionName(topic, this.stores.partition))
    return followed && this.#lags.get(followed.store)
  }

  /** The lag of the whole task; `undefined` while that of some store is not known. */
  get lag(): number | undefined {
    let sum = 0
    for (const { store } of this.#followed.values()) {
      const lag = this.#lags.get(store)
      if (lag === undefined) return undefined
      sum += lag
    }
    return sum
  }

  /** Source topics among the changelogs: they may be followed only as far as the group has committed. */
  get sources(): readonly string[] {
    return [...this.#followed.values()].filter((f) => f.isSource).map((f) => f.topic)
  }

  /** The stores with their changelogs, and where they stand in them. */
  get followed(): readonly Pick<Followed, 'store' | 'topic' | 'offset'>[] {
    return [...this.#followed.values()]
  }

  positions(): readonly FollowedPosition[] {
    const { partition } = this.stores
    return [...this.#followed.values()].map(({ topic, offset }) => ({ topic, partition, offset }))
  }

  /** Starts of changelogs that have lost their first records since: going on from there is as good. */
  startAt(beginnings: ReadonlyMap<string, number>): void {
    for (const [name, followed] of this.#followed)
      followed.offset = Math.max(followed.offset, beginnings.get(name) ?? 0)
  }

  follows(name: string): boolean {
    return this.#followed.has(name)
  }

  /** Takes a batch in as far as `limit`; true when there was more than that. */
  async take(batch: FetchedBatch, limit: number): Promise<boolean> {
    const followed = this.#followed.get(partitionName(batch.topic, batch.partition)) as Followed
    const part = upTo(batch, Math.max(limit, followed.offset))
    if (part.nextOffset > followed.offset) {
      await this.stores.restore(followed.store, part)
      followed.offset = part.nextOffset
    }
    return part.nextOffset < batch.nextOffset
  }

  /** After a batch: how far the copies are from the ends, or from what is committed of source topics. */
  updateLags(reader: LogReader, limitOf: (name: string) => number): void {
    const { partition } = this.stores
    for (const [name, { store, topic, isSource, offset }] of this.#followed) {
      const lag = isSource ? Math.max(0, limitOf(name) - offset) : reader.lag({ topic, partition })
      if (lag !== undefined) this.#lags.set(store, lag)
    }
  }
}
