import { partitionOf } from './application.ts'
import type { TaskEnvironment } from './managed-task.ts'
import { type TaskDatabases, TaskStores } from './task-stores.ts'

export type StoresEnvironment = Pick<
  TaskEnvironment,
  'config' | 'application' | 'openPersistent' | 'openMemory' | 'onExpired'
>

/** The stores of a task, over its databases where those are open already. */
export function openTaskStores(taskId: string, env: StoresEnvironment, databases?: TaskDatabases): Promise<TaskStores> {
  const { application, config } = env
  return TaskStores.open({
    taskId,
    partition: partitionOf(taskId),
    builders: application.subtopologyOf(taskId).stores.map((s) => application.storeBuilder(s)),
    changelogTopic: (store) => application.changelogTopic(store),
    isSource: (store) => application.sourceTopicOf(store) !== undefined,
    openPersistent: env.openPersistent,
    openMemory: env.openMemory,
    cacheEntries: config.storeCacheEntries,
    onExpired: (store) => env.onExpired(taskId, store),
    databases,
  })
}
