import type { Logger } from '../../../common/log.ts'
import { partitionName, type TopicPartition } from '../../../common/record.ts'
import type { Admin, IsolationLevel } from '../../../kafka/port.ts'
import { type Application, partitionOf } from '../client/application.ts'

/** The changelogs of a task; none for one that has nothing to restore. */
export function changelogsOf(application: Application, taskId: string): readonly TopicPartition[] {
  const partition = partitionOf(taskId)
  return application
    .subtopologyOf(taskId)
    .stores.filter((name) => application.storeBuilder(name).logging || application.sourceTopicOf(name) !== undefined)
    .map((name) => ({ topic: application.changelogTopic(name), partition }))
}

/**
 * For each task with something to restore, the sum of the ends of its changelogs, which for a source topic is what the group
 * has committed of it; `undefined` when it could not be asked: a group without an assignment would be worse.
 */
export async function changelogEnds(
  application: Application,
  taskIds: readonly string[],
  admin: Admin,
  isolationLevel: IsolationLevel,
  log: Logger,
): Promise<ReadonlyMap<string, number | undefined>> {
  const changelogs = new Map(
    taskIds
      .map((taskId) => [taskId, changelogsOf(application, taskId)] as const)
      .filter(([, partitions]) => partitions.length > 0),
  )
  try {
    return await ask(application, changelogs, admin, isolationLevel)
  } catch (error) {
    log.warn({ err: error }, 'the ends of the changelogs are not known: tasks stay where their state is')
    return new Map([...changelogs.keys()].map((taskId) => [taskId, undefined]))
  }
}

async function ask(
  application: Application,
  changelogs: ReadonlyMap<string, readonly TopicPartition[]>,
  admin: Admin,
  isolationLevel: IsolationLevel,
): Promise<ReadonlyMap<string, number>> {
  const sources = new Set(
    [...application.topology.stores.keys()]
      .map((store) => application.sourceTopicOf(store))
      .filter((t) => t !== undefined),
  )
  const all = [...changelogs.values()].flat()
  const [ends, committed] = await Promise.all([
    admin.endOffsets(
      all.filter((p) => !sources.has(p.topic)),
      isolationLevel,
    ),
    sources.size === 0 ? new Map<string, never>() : admin.committedOffsets(application.id, [...sources]),
  ])
  const endOf = ({ topic, partition }: TopicPartition): number => {
    const name = partitionName(topic, partition)
    return ends.get(name) ?? committed.get(name)?.offset ?? 0
  }
  return new Map(
    [...changelogs].map(([taskId, partitions]) => [taskId, partitions.reduce((sum, one) => sum + endOf(one), 0)]),
  )
}
