import { partitionName } from '../../common/record.ts'
import type { StateStore } from '../../stores/state-store.ts'
import type { QueriedStores, QueriedTask, StandbyTask } from '../query/query-host.ts'
import { type Application, partitionOf } from '../runtime/client/application.ts'
import type { StandbyTaskInfo, TaskInfo } from '../runtime/client/client-info.ts'
import { GLOBAL_TASK_ID } from '../runtime/task/global-task.ts'
import { remoteStore } from './remote-store.ts'
import type { WorkerThread } from './worker-thread.ts'

/** A task in a worker, as the queries of the main thread see it. Made for one look: what it tells is of that moment. */
export function remoteTask(application: Application, thread: WorkerThread, task: TaskInfo): QueriedTask {
  const { taskId, state } = task
  const stores = remoteStores(application, thread, taskId, task.stores)
  return {
    taskId,
    state,
    stores,
    task: {
      stores,
      commitNeeded: true,
      requestCommit: () => thread.hasten(taskId),
      reachedBy: (store, committedOnly) => {
        const heldBack = thread.status.heldBack.find(([id]) => id === taskId)?.[1]
        const isCommitted = committedOnly || (heldBack?.includes(store) ?? false)
        return new Map(task.offsets.map((o) => [o.topic, isCommitted ? o.committedOffset : o.processedOffset]))
      },
    },
  }
}

/** A copy of a task in a worker. The lag of each store is told as that of the task. */
export function remoteStandby(
  application: Application,
  thread: WorkerThread,
  { taskId, stores, lag }: StandbyTaskInfo,
): StandbyTask {
  return { taskId, stores: remoteStores(application, thread, taskId, stores), lagOf: () => lag }
}

/** The global stores of a worker: each has a copy. */
export function remoteGlobalStores(application: Application, thread: WorkerThread): QueriedStores {
  return remoteStores(application, thread, GLOBAL_TASK_ID, [...application.topology.globalStores.keys()])
}

function remoteStores(
  application: Application,
  thread: WorkerThread,
  taskId: string,
  names: readonly string[],
): QueriedStores {
  const isGlobal = taskId === GLOBAL_TASK_ID
  const { stores, globalStores } = application.topology
  return {
    partition: isGlobal ? 0 : partitionOf(taskId),
    get: (name) => {
      const global = globalStores.get(name)
      const builder = global?.store ?? stores.get(name)
      if (builder === undefined || !names.includes(name)) return undefined
      const topic = global?.source.topics[0] ?? application.changelogTopic(name)
      // Queries call only what reads; the rest of a store is the affair of its task.
      return remoteStore(builder, topic, thread.storeLink({ taskId, store: name })) as StateStore
    },
    changelogs: () => thread.status.changelogs.filter((c) => c.taskId === taskId),
    storedOffset: (topic, partition) => {
      const name = partitionName(topic, partition)
      return thread.status.globalOffsets.find(([told]) => told === name)?.[1] ?? 0
    },
    // A scan over the port ends with an error of its own when the task is closed.
    onClose: () => () => {},
    tap: (store, tap) => thread.follow({ taskId, store }, tap),
  }
}
