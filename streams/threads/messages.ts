import type { MetricFamily } from '../../common/metrics.ts'
import type { ProviderDescription } from '../../kafka/port.ts'
import type { StandbyTaskInfo, TaskInfo } from '../runtime/client/client-info.ts'
import type { ClientState } from '../runtime/client/client-state.ts'
import type { TopicPlan } from '../runtime/group/internal-topics.ts'
import type { StreamsMetric } from '../runtime/metrics/streams-metrics.ts'
import type { StandbyUpdateListener } from '../runtime/standby/standby-listener.ts'
import type { StateRestoreListener } from '../runtime/state/restore-listener.ts'
import type { TaskStores } from '../runtime/state/task-stores.ts'
import type { WireChange } from './followed-changes.ts'
import type { PortError } from './port-errors.ts'
import type { LogMethod, PortLogLine } from './port-logger.ts'
import type { StoreRead, StoreScan, WireRows } from './store-reads.ts'
import type { TopologyModule } from './topology-module.ts'

/** What a worker is started with. */
export interface ThreadBoot {
  readonly threadName: string
  readonly processId: string
  readonly module: TopologyModule
  readonly provider: ProviderDescription
  /** The settings of the client that can be sent. */
  readonly options: Readonly<Record<string, unknown>>
  readonly plan: TopicPlan
  readonly stateDir: string
  /** How far the state of tasks is that nobody has open. */
  readonly offsetSums: ReadonlyMap<string, number>
  /** Where this thread keeps its copy of the global stores. */
  readonly globalStateDir: string
  readonly writtenLogMethods: readonly LogMethod[]
  /** What the user listens to. */
  readonly tells: readonly ListenerCall['listener'][]
  readonly isPaused: boolean
}

/** Which store of which task is read; `global` for global stores. */
export interface StoreAddress {
  readonly taskId: string
  readonly store: string
}

export type ToThread =
  | { readonly kind: 'close' }
  | { readonly kind: 'pause' }
  | { readonly kind: 'resume' }
  | { readonly kind: 'granted'; readonly lock: number }
  | { readonly kind: 'kept-elsewhere'; readonly taskId: string; readonly offsetSum: number }
  | { readonly kind: 'hasten'; readonly taskId: string }
  | { readonly kind: 'metrics'; readonly id: number }
  | { readonly kind: 'read'; readonly id: number; readonly at: StoreAddress; readonly read: StoreRead }
  | { readonly kind: 'scan'; readonly id: number; readonly at: StoreAddress; readonly scan: StoreScan }
  | { readonly kind: 'next'; readonly id: number }
  | { readonly kind: 'end-scan'; readonly id: number }
  | { readonly kind: 'follow'; readonly id: number; readonly at: StoreAddress }
  | { readonly kind: 'unfollow'; readonly id: number }

type TasksByEndpointList = readonly (readonly [endpoint: string, taskIds: readonly string[]])[]

export type ThreadChangelog = ReturnType<TaskStores['changelogs']>[number] & { readonly taskId: string }

/** What a thread counts: for Prometheus, and under the names of Kafka Streams. */
export interface ThreadMetricValues {
  readonly families: readonly MetricFamily[]
  readonly metrics: readonly StreamsMetric[]
}

export interface ThreadStatus {
  readonly state: ClientState
  /** Assignments that it has had. */
  readonly generation: number
  readonly tasks: readonly TaskInfo[]
  /** Per task, the stores that may not have what is processed before it is committed. */
  readonly heldBack: readonly (readonly [taskId: string, stores: readonly string[]])[]
  /** Per partition of the topics of global stores, the offset after the last record that is in them. */
  readonly globalOffsets: readonly (readonly [partition: string, offset: number])[]
  readonly standbyTasks: readonly StandbyTaskInfo[]
  /** Where the stores of tasks and copies stand in their changelogs. */
  readonly changelogs: readonly ThreadChangelog[]
  readonly tasksByEndpoint: TasksByEndpointList
  readonly standbysByEndpoint: TasksByEndpointList
}

/** A call of one of the user's listeners, which live in the main thread. */
export type ListenerCall =
  | { readonly listener: 'stateRestoreListener'; readonly step: keyof StateRestoreListener; readonly event: object }
  | { readonly listener: 'standbyUpdateListener'; readonly step: keyof StandbyUpdateListener; readonly event: object }

export type FromThread =
  | { readonly kind: 'status'; readonly status: ThreadStatus }
  | { readonly kind: 'started' }
  | { readonly kind: 'failed'; readonly error: PortError }
  | { readonly kind: 'closed' }
  | { readonly kind: 'log'; readonly line: PortLogLine }
  | { readonly kind: 'listener'; readonly call: ListenerCall }
  | { readonly kind: 'kept'; readonly taskId: string; readonly offsetSum: number }
  | { readonly kind: 'lock'; readonly lock: number; readonly taskId: string }
  | { readonly kind: 'unlock'; readonly lock: number }
  | {
      readonly kind: 'changed'
      readonly id: number
      readonly changes: readonly WireChange[]
      readonly offset: number | undefined
    }
  /** Where the followed store stands in its changelog; before all `changed`. */
  | { readonly kind: 'following'; readonly id: number; readonly offset: number | undefined }
  /** Nothing more of what is followed comes: the task is not here any more. */
  | { readonly kind: 'followed-to-the-end'; readonly id: number }
  | { readonly kind: 'answer'; readonly id: number; readonly answer: unknown }
  | { readonly kind: 'refusal'; readonly id: number; readonly error: PortError }

/** A batch of a scan; `isLast`: nothing comes after it. */
export interface ScanBatch {
  readonly rows: WireRows | undefined
  readonly isLast: boolean
}
