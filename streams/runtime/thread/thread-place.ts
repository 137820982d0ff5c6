import type { TopicPartition } from '../../../common/record.ts'
import type { TaskGate } from '../../../stores/database/rocksdb-database.ts'
import type { StateDirectory } from '../client/state-directory.ts'
import type { AssignmentNews } from '../group/assignor.ts'
import type { TopicPlan } from '../group/internal-topics.ts'
import type { TaskStores } from '../state/task-stores.ts'
import type { StreamThread } from './stream-thread.ts'

/** What a client is told that is a stream thread of another: the affairs of the process are that one's. */
export interface ThreadPlace {
  readonly threadName: string
  readonly processId: string
  /** Topics are checked and created already. */
  readonly plan: TopicPlan
  readonly directory: StateDirectory
  /** Each thread has global stores of its own. */
  readonly globalStateDir: string
  /** Lets one thread at a time have a task open. */
  readonly gate: TaskGate
  /** Called once, with the inside of the thread. */
  attach(inside: ThreadInside): void
  /** Tasks or their states have changed. */
  onStatus(): void
}

export interface ThreadInside {
  /** While it runs. */
  thread(): Pick<StreamThread, 'tasks' | 'standbys'> | undefined
  globalStores(): Pick<TaskStores, 'storedOffset' | 'tap'> | undefined
  partitionsOf(topic: string): readonly TopicPartition[]
  news(): AssignmentNews
}
