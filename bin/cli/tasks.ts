import { EmbeddedLogInUseError } from '../../kafka/embedded.ts'
import type { GroupDescription, GroupMemberDescription, KafkaProvider } from '../../kafka/port.ts'
import { compareTaskIds } from '../../streams/runtime/application.ts'
import type { TopologyBlueprint } from '../../streams/runtime/deployment/blueprint.ts'
import { readDeployedTopology } from '../../streams/runtime/deployment/deployed-topology.ts'
import type { Command, CommandContext } from './command.ts'
import { CliError } from './errors.ts'

const ASK_MS = 3_000

export type TaskRole = 'active' | 'standby' | 'warm-up'

export interface TaskRow {
  readonly taskId: string
  readonly role: TaskRole
  readonly memberId: string
  readonly clientId: string
  readonly host: string
  /** Where its queries are answered; `null` when it serves none. */
  readonly endpoint: string | null
  readonly partitions: readonly string[]
  /** As the instance says; `null` when it was not asked or did not answer. */
  readonly state: string | null
}

export const tasksCommand: Command = {
  name: 'tasks',
  summary: 'who has which task, active, standby or warming up, and in which state',
  details: `Who has what is asked of the group's coordinator. The state of a task is asked of the instance that has it, at the address that it
tells the group (applicationServer), with the token of BROOK_HTTP_TOKEN; where nobody answers it is left out.
On an embedded log that is in use, the process that has it is asked for all of it (--http-host, --http-port).`,
  options: {
    'no-ask': { type: 'boolean', doc: 'do not ask the instances for the states of their tasks' },
  },
  async run(context) {
    const { output, options, settings } = context
    let kafka: KafkaProvider
    try {
      kafka = await context.kafka()
    } catch (error) {
      if (!(error instanceof EmbeddedLogInUseError)) throw error
      return tasksOfProcess(context, error)
    }
    const group = await kafka.admin().describeGroup(settings.applicationId)
    if (group.state === 'Dead')
      throw new CliError(
        `there is no group ${settings.applicationId} on ${kafka.description}: name another with --application-id`,
      )
    const deployed = await readDeployedTopology(kafka, settings.applicationId)
    const placed = taskRows(group, deployed?.blueprint)
    const rows = options['no-ask'] === true ? placed : await withStates(context, placed)
    output.json({
      applicationId: settings.applicationId,
      groupState: group.state,
      members: group.members.length,
      tasks: rows,
    })
    output.line(`group ${settings.applicationId}: ${group.state}, ${group.members.length} members`)
    if (rows.length === 0) return 0
    output.line()
    output.table(
      ['TASK', 'ROLE', 'STATE', 'CLIENT', 'HOST', 'ENDPOINT', 'PARTITIONS'],
      rows.map((r) => [
        r.taskId,
        r.role,
        r.state ?? undefined,
        r.clientId,
        r.host,
        r.endpoint ?? undefined,
        r.partitions.join(' '),
      ]),
    )
    return 0
  },
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
  return { taskId, role, memberId, clientId, host, endpoint: endpoint ?? null, partitions, state: null }
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

/** The embedded log has one process, which has all tasks: it is asked itself. */
async function tasksOfProcess({ settings, output }: CommandContext, inUse: EmbeddedLogInUseError): Promise<number> {
  const endpoint = `http://${settings.httpHost === '0.0.0.0' ? '127.0.0.1' : settings.httpHost}:${settings.httpPort}`
  const answer = await ask(endpoint, settings.httpToken)
  if (typeof answer === 'string')
    throw new CliError(
      `${inUse.message}. It was asked at ${endpoint}, which does not tell its tasks: ${answer}. Name its address with --http-host and --http-port`,
    )
  const tasks = [...answer.values()].map(({ taskId, state, inputs }) => ({
    taskId,
    state,
    partitions: inputs,
    endpoint,
  }))
  output.json({ applicationId: settings.applicationId, tasks })
  output.line(`the process at ${endpoint} has all tasks`)
  output.line()
  output.table(
    ['TASK', 'STATE', 'PARTITIONS'],
    tasks.map(({ taskId, state, partitions }) => [taskId, state, partitions.join(' ')]),
  )
  return 0
}

async function withStates({ settings, output }: CommandContext, rows: readonly TaskRow[]): Promise<readonly TaskRow[]> {
  const endpoints = [...new Set(rows.flatMap(({ endpoint }) => endpoint ?? []))]
  const answers = new Map(
    await Promise.all(
      endpoints.map(async (endpoint) => {
        const answer = await ask(endpoint, settings.httpToken)
        if (typeof answer === 'string') output.note(`${endpoint} does not tell the states of its tasks: ${answer}`)
        return [endpoint, typeof answer === 'string' ? new Map<string, ToldTask>() : answer] as const
      }),
    ),
  )
  return rows.map((row) => ({ ...row, state: answers.get(row.endpoint ?? '')?.get(row.taskId)?.state ?? null }))
}

interface ToldTask {
  readonly taskId: string
  readonly state: string
  readonly inputs: readonly string[]
}

/** The tasks of an instance by their ids, or why there are none. */
async function ask(endpoint: string, token: string | undefined): Promise<ReadonlyMap<string, ToldTask> | string> {
  const url = `${/^https?:\/\//.test(endpoint) ? endpoint : `http://${endpoint}`}/v1/tasks`
  try {
    const answer = await fetch(url, {
      headers: token === undefined ? {} : { authorization: `Bearer ${token}` },
      signal: AbortSignal.timeout(ASK_MS),
    })
    if (!answer.ok) return `status ${answer.status}${answer.status === 401 ? ' (set BROOK_HTTP_TOKEN)' : ''}`
    const { tasks } = (await answer.json()) as { tasks: readonly ToldTask[] }
    return new Map(tasks.map((task) => [task.taskId, task]))
  } catch (error) {
    const { cause, message } = error as Error
    return cause instanceof Error ? cause.message : message
  }
}
