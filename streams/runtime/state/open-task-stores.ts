import { partitionOf } from '../client/application.ts'
import { measuredBuilder } from '../metrics/measured-store.ts'
import type { TaskMetrics } from '../metrics/task-metrics.ts'
import type { TaskEnvironment } from '../thread/managed-task.ts'
import { type TaskDatabases, TaskStores } from './task-stores.ts'

export type StoresEnvironment = Pick<TaskEnvironment, 'config' | 'application' | 'openPersistent' | 'openMemory'>

/** The stores of a task, over its databases where those are open already. */
export async function openTaskStores(
  taskId: string,
  env: StoresEnvironment,
  metrics: TaskMetrics,
  databases?: TaskDatabases,
): Promise<TaskStores> {
  const { application, config } = env
  const stores = await TaskStores.open({
    taskId,
    partition: partitionOf(taskId),
    builders: application.subtopologyOf(taskId).stores.map((name) => {
      const builder = application.storeBuilder(name)
      return measuredBuilder(builder, metrics.store(builder))
    }),
    changelogTopic: (store) => application.changelogTopic(store),
    isSource: (store) => application.sourceTopicOf(store) !== undefined,
    openPersistent: env.openPersistent,
    openMemory: env.openMemory,
    cacheEntries: config.storeCacheEntries,
    onExpired: (store) => metrics.expired(application.storeBuilder(store)),
    databases,
  })
  if (stores.hasPersistent) metrics.observeDatabase((name) => stores.databaseProperty(name))
  return stores
}
