import { InvalidArgumentError } from '../../common/errors.ts'
import type { StoreBuilder } from '../../stores/store-builder.ts'
import { StoreNotAvailableError, UnknownStoreError } from '../errors.ts'
import { partitionOf } from '../runtime/client/application.ts'
import { GLOBAL_TASK_ID } from '../runtime/task/global-task.ts'
import type { Subtopology } from '../subtopologies.ts'
import { Position } from './position.ts'
import type { QueriedTask, QueryHost, StandbyTask, StorePart } from './query-host.ts'

export interface PartsQuery {
  /** Reads these partitions alone; all of this instance otherwise. */
  readonly partitions?: readonly number[] | undefined
  /** Takes standbys too that are behind by no more than so many changelog records, where the active task is not here. */
  readonly maxLag?: number | undefined
}

/** Finds the parts of a store that can be read here. */
export class StoreParts {
  readonly #host: QueryHost

  constructor(host: QueryHost) {
    this.#host = host
  }

  /** @throws {UnknownStoreError} */
  builder(name: string): StoreBuilder {
    const { stores, globalStores } = this.#host.application.topology
    const builder = stores.get(name) ?? (globalStores.get(name)?.store as StoreBuilder | undefined)
    if (builder === undefined) throw new UnknownStoreError(name, [...stores.keys(), ...globalStores.keys()])
    return builder
  }

  isGlobal(name: string): boolean {
    return this.#host.application.topology.globalStores.has(name)
  }

  subtopology(store: string): Subtopology | undefined {
    return this.#host.application.subtopologies.find((s) => s.stores.includes(store))
  }

  taskId(store: string, partition: number): string {
    return this.isGlobal(store) ? GLOBAL_TASK_ID : `${this.subtopology(store)?.id}_${partition}`
  }

  /** What the store's serdes are given as their topic. */
  serdeTopic(store: string): string {
    const global = this.#host.application.topology.globalStores.get(store)
    return global?.source.topics[0] ?? this.#host.application.changelogTopic(store)
  }

  /** Topics by whose offsets positions of the store are told. */
  inputTopics(store: string): readonly string[] {
    const global = this.#host.application.topology.globalStores.get(store)
    if (global !== undefined) return global.source.topics
    const subtopology = this.subtopology(store)
    return subtopology === undefined ? [] : [...this.#host.application.inputs(subtopology).keys()]
  }

  /** One task per partition of the widest input; 1 for a global store, 0 while that is not known. */
  partitions(store: string): number {
    if (this.isGlobal(store)) return 1
    const counts = this.#host.partitionCounts()
    return Math.max(0, ...this.inputTopics(store).map((topic) => counts.get(topic) ?? 0))
  }

  /**
   * The parts that can be read, in the order of their partitions. @throws {StoreNotAvailableError} when there is none here, or one of
   * them cannot be read now; {UnknownStoreError}.
   */
  readable(store: string, query: PartsQuery = {}): readonly StorePart[] {
    this.builder(store)
    this.checkRuns(store)
    if (this.isGlobal(store)) return [this.#global(store)]
    const parts: StorePart[] = []
    for (const { managed, standby } of this.#tasks(store, query.partitions)) {
      const copy = standby && this.#standby(store, standby)
      if (managed?.state === 'running') parts.push(this.#active(store, managed))
      else if (copy !== undefined && copy.lag <= (query.maxLag ?? -1)) parts.push(copy)
      else if (managed !== undefined) throw new StoreNotAvailableError(store, 'restoring')
    }
    if (parts.length === 0)
      throw new StoreNotAvailableError(store, this.#host.state() === 'REBALANCING' ? 'rebalancing' : 'not-local')
    return parts
  }

  /** One part, if it can be read here; without `maxLag` standbys of any lag are taken. */
  part(store: string, partition: number): StorePart | 'restoring' | undefined {
    if (this.isGlobal(store)) return partition === 0 ? this.#global(store) : undefined
    const [found] = this.#tasks(store, [partition])
    if (found?.managed?.state === 'running') return this.#active(store, found.managed)
    const standby = found?.standby && this.#standby(store, found.standby)
    return standby ?? (found?.managed === undefined ? undefined : 'restoring')
  }

  /** Partitions of the store that tasks of this instance hold, readable or not. */
  localPartitions(store: string): readonly number[] {
    return this.isGlobal(store) ? [0] : this.#tasks(store, undefined).map((t) => partitionOf(t.taskId))
  }

  /** @throws {StoreNotAvailableError} before the client is started and after it has ended. */
  checkRuns(store: string): void {
    const state = this.#host.state()
    if (state === 'CREATED') throw new StoreNotAvailableError(store, 'not-started')
    if (state === 'NOT_RUNNING' || state === 'ERROR') throw new StoreNotAvailableError(store, 'closed')
  }

  /** @throws {InvalidArgumentError} for a topic that the store's task does not read: such a bound would never be met. */
  checkBound(store: string, position: Position): void {
    const topics = this.inputTopics(store)
    const foreign = position.topics.find((topic) => !topics.includes(topic))
    if (foreign !== undefined)
      throw new InvalidArgumentError(
        `positions of store ${store} are told in offsets of ${topics.join(', ')}, not of ${foreign}`,
      )
  }

  #tasks(store: string, partitions: readonly number[] | undefined) {
    const prefix = `${this.subtopology(store)?.id}_`
    const found = new Map<string, { taskId: string; managed?: QueriedTask; standby?: StandbyTask }>()
    const isWanted = (taskId: string) =>
      taskId.startsWith(prefix) && (partitions === undefined || partitions.includes(partitionOf(taskId)))
    for (const managed of this.#host.tasks())
      if (isWanted(managed.taskId)) found.set(managed.taskId, { taskId: managed.taskId, managed })
    for (const standby of this.#host.standbys?.() ?? [])
      if (isWanted(standby.taskId))
        found.set(standby.taskId, { ...found.get(standby.taskId), taskId: standby.taskId, standby })
    return [...found.values()].sort((a, b) => partitionOf(a.taskId) - partitionOf(b.taskId))
  }

  #active(name: string, managed: QueriedTask): StorePart {
    const { taskId, task } = managed
    const partition = partitionOf(taskId)
    const { stores } = task
    const store = stores.get(name)
    if (store === undefined) throw new StoreNotAvailableError(name, 'not-local')
    return {
      taskId,
      partition,
      inputPartition: partition,
      store,
      stores,
      role: 'active',
      lag: 0,
      position: (committedOnly = false) => {
        let position = Position.empty()
        for (const [topic, offset] of task.reachedBy(name, committedOnly))
          if (offset > 0) position = position.withComponent(topic, partition, offset - 1)
        return position
      },
      hasten: () => {
        if (task.commitNeeded) task.requestCommit()
      },
    }
  }

  #standby(name: string, standby: StandbyTask): StorePart | undefined {
    const { taskId, stores } = standby
    const store = stores.get(name)
    const lag = standby.lagOf(name)
    if (store === undefined || lag === undefined) return undefined
    const partition = partitionOf(taskId)
    // A changelog does not tell offsets of the inputs: a standby can only promise its lag.
    const role = 'standby'
    const position = () => Position.empty()
    return { taskId, partition, inputPartition: partition, store, stores, role, lag, position, hasten: () => {} }
  }

  #global(name: string): StorePart {
    const stores = this.#host.globalStores()
    const store = stores?.get(name)
    if (stores === undefined || store === undefined) throw new StoreNotAvailableError(name, 'restoring')
    const [topic = ''] = this.inputTopics(name)
    return {
      taskId: GLOBAL_TASK_ID,
      partition: 0,
      inputPartition: undefined,
      store,
      stores,
      role: 'active',
      lag: 0,
      position: () => {
        let position = Position.empty()
        const count = this.#host.partitionCounts().get(topic) ?? 1
        for (let partition = 0; partition < count; partition++) {
          const offset = stores.storedOffset(topic, partition)
          if (offset > 0) position = position.withComponent(topic, partition, offset - 1)
        }
        return position
      },
      hasten: () => {},
    }
  }
}
