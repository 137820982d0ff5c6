import type { Clock } from '../../../common/clock.ts'
import type { Logger } from '../../../common/log.ts'
import type { TopicPartition } from '../../../common/record.ts'
import type { StateStore } from '../../../stores/state-store.ts'
import type { ErrorHandlers } from '../../error-handlers.ts'
import type { DropReason } from '../../processors/processor.ts'
import type { Tracing } from '../../tracing.ts'
import type { Application } from '../client/application.ts'
import type { TaskMetrics } from '../metrics/task-metrics.ts'
import type { TaskStores } from '../state/task-stores.ts'
import type { LagOf } from './partition-group.ts'
import type { RecordCollector } from './record-collector.ts'

export type OnDropped = (taskId: string, nodeName: string, reason: DropReason) => void

export interface StreamTaskOptions {
  readonly taskId: string
  readonly application: Application
  readonly inputs: readonly TopicPartition[]
  readonly stores: TaskStores
  readonly globalStore: (name: string) => StateStore | undefined
  readonly collector: RecordCollector
  readonly lagOf: LagOf
  readonly clock: Clock
  readonly log: Logger
  readonly maxTaskIdleMs: number
  readonly recordCacheMaxBytes: number
  /** Default 1 s, as Kafka Streams' internal default. */
  readonly emitIntervalMs?: number
  readonly errorHandlers: ErrorHandlers
  readonly deadLetterTopic: string | undefined
  /** Stores tell at the put what they cannot write (default no: at the commit, which costs less). */
  readonly verifiesPuts?: boolean
  /** Told beside the metrics. */
  readonly onDropped?: OnDropped
  readonly metrics?: TaskMetrics
  readonly tracing?: Tracing | undefined
  readonly onUnblocked: () => void
  /** Something is to be done between records; called from outside of the task's turns. */
  readonly onMail?: () => void
}
