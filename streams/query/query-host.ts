import type { TopicPartition } from '../../common/record.ts'
import type { StateStore } from '../../stores/state-store.ts'
import type { Application } from '../runtime/client/application.ts'
import type { ClientState } from '../runtime/client/client-state.ts'
import type { TasksByEndpoint } from '../runtime/group/assignor.ts'
import type { TaskStores } from '../runtime/state/task-stores.ts'
import type { Reached } from '../runtime/task/task-position.ts'
import type { Position } from './position.ts'

/** What queries need of the stores of a task, which may be in another thread. */
export type QueriedStores = Pick<TaskStores, 'partition' | 'get' | 'changelogs' | 'storedOffset' | 'onClose' | 'tap'>

/** A task of this instance. */
export interface QueriedTask {
  readonly taskId: string
  /** `running` when it can be read. */
  readonly state: string
  readonly stores: QueriedStores | undefined
  /** While it is running. */
  readonly task: {
    readonly stores: QueriedStores
    readonly commitNeeded: boolean
    requestCommit(): void
    reachedBy(store: string, committedOnly: boolean): Reached
  }
}

/** A copy of a task's state that is kept warm here, while another instance runs the task. */
export interface StandbyTask {
  readonly taskId: string
  readonly stores: QueriedStores
  /** Changelog records that a store is behind by; `undefined` while that is not known. */
  lagOf(store: string): number | undefined
}

/** What the queries need to see of the client. */
export interface QueryHost {
  readonly application: Application
  readonly endpoint: string | undefined
  state(): ClientState
  tasks(): readonly QueriedTask[]
  /** Copies of tasks that others run. */
  standbys?(): readonly StandbyTask[]
  globalStores(): QueriedStores | undefined
  tasksByEndpoint(): TasksByEndpoint
  /** The same for standby tasks. */
  standbysByEndpoint?(): TasksByEndpoint
  partitionCounts(): ReadonlyMap<string, number>
  /** Ends of partitions, by their names. */
  endOffsets(partitions: readonly TopicPartition[]): Promise<ReadonlyMap<string, number>>
}

export type StoreRole = 'active' | 'standby'

/** The part of a store that one task of this instance holds. */
export interface StorePart {
  readonly taskId: string
  readonly partition: number
  /** The partition of its inputs, by which bounds are judged; a global store takes them all. */
  readonly inputPartition: number | undefined
  readonly store: StateStore
  readonly stores: QueriedStores
  readonly role: StoreRole
  /** Changelog records that a standby is behind by; 0 for an active task. */
  readonly lag: number
  /** How far the part has got; ask before reading: what is read is at least there. */
  position(committedOnly?: boolean): Position
  /** Has a commit made soon, where that lets the position reach what is processed. */
  hasten(): void
}
