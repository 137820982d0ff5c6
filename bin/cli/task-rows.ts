import type { GroupDescription, GroupMemberDescription } from '../../kafka/port.ts'
import { compareTaskIds } from '../../streams/runtime/client/application.ts'
import type { TopologyBlueprint } from '../../streams/runtime/deployment/blueprint.ts'
import { type TaskProgress, UNKNOWN_PROGRESS } from './task-progress.ts'

export type TaskRole = 'active' | 'standby' | 'warm-up'

export interface TaskRow extends TaskProgress {
  readonly taskId: string
  readonly role: TaskRole
  readonly memberId: string
  readonly clientId: string
  readonly host: string
  /** Where its queries are answered; `null` when it serves none. */
  readonly endpoint: string | null
  readonly partitions: readonly string[]
}

/** Pure: tasks by what each member has been given. Without a description the sub-topology of a partition is not known: `?_3`. */
export function taskRows(group: GroupDescription, blueprint: TopologyBlueprint | undefined): readonly TaskRow[] {
  const subtopologyOf = new Map(
    (blueprint?.subtopologies ?? []).flatMap(({ id, sources }) => sources.map((topic) => [topic, id] as const)),
  )
  const rows = group.members.flatMap((member) => {
    const active = new Map<string, string[]>()
    for (const { topic, partition } of member.assignment.partitions) {
      const taskId = `${subtopologyOf.get(topic) ?? '?'}_${partition}`
      active.set(taskId, [...(active.get(taskId) ?? []), `${topic}-${partition}`])
    }
    const { standby, warmup } = newsOf(member)
    return [
      ...[...active].map(([taskId, partitions]) => rowOf(member, taskId, 'active', partitions)),
      ...standby.filter((taskId) => !warmup.includes(taskId)).map((taskId) => rowOf(member, taskId, 'standby', [])),
      ...warmup.map((taskId) => rowOf(member, taskId, 'warm-up', [])),
    ]
  })
  const order: readonly TaskRole[] = ['active', 'standby', 'warm-up']
  return rows.sort((a, b) => compareTaskIds(a.taskId, b.taskId) || order.indexOf(a.role) - order.indexOf(b.role))
}

function rowOf(member: GroupMemberDescription, taskId: string, role: TaskRole, partitions: readonly string[]): TaskRow {
  const { memberId, clientId, host } = member
  const { endpoint } = readJson<{ endpoint?: string }>(member.userData)
  return { taskId, role, memberId, clientId, host, endpoint: endpoint ?? null, partitions, ...UNKNOWN_PROGRESS }
}

function newsOf({ assignment }: GroupMemberDescription): { standby: readonly string[]; warmup: readonly string[] } {
  const { standby = [], warmup = [] } = readJson<{ standby?: string[]; warmup?: string[] }>(assignment.userData)
  return { standby, warmup }
}

/** What members of another engine or version say is not for us. */
function readJson<T extends object>(data: Buffer | undefined): Partial<T> {
  try {
    return data === undefined || data.length === 0 ? {} : (JSON.parse(data.toString('utf8')) as T)
  } catch {
    return {}
  }
}
