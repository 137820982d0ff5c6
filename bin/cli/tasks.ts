import { setTimeout as sleep } from 'node:timers/promises'
import { EmbeddedLogInUseError } from '../../kafka/embedded.ts'
import type { KafkaProvider } from '../../kafka/port.ts'
import { readDeployedTopology } from '../../streams/runtime/deployment/deployed-topology.ts'
import type { Command, CommandContext } from './command.ts'
import { CliError, UsageError } from './errors.ts'
import { tableText } from './output.ts'
import { progressOf, progressText, type ToldTasks } from './task-progress.ts'
import { type TaskRow, taskRows } from './task-rows.ts'

const ASK_MS = 3_000
const BAR_WIDTH = 10
/** How often `--watch` looks where a person does, and where lines go to a file. */
const WATCH_MS = 1_000
const WATCH_LINES_MS = 5_000

/** What one look has found. */
interface Look {
  readonly document: Readonly<Record<string, unknown>>
  readonly title: string
  readonly heads: readonly string[]
  readonly rows: readonly (Pick<TaskRow, 'taskId' | 'state' | 'lag' | 'restore'> & {
    readonly isActive: boolean
    readonly cells: (progress: string | undefined) => readonly (string | undefined)[]
  })[]
}

export const tasksCommand: Command = {
  name: 'tasks',
  summary: 'who has which task, active, standby or warming up, in which state, and how far it is',
  details: `Who has what is asked of the group's coordinator. State and progress of a task (how far its restore is, or how many records it is behind) are
asked of the instance that has it, at the address that it tells the group (applicationServer), with the token of BROOK_HTTP_TOKEN; where
nobody answers they are left out. On an embedded log that is in use, the process that has it is asked for all of it (--http-host, --http-port).
--watch looks again every second until Ctrl-C (where no person watches: prints what is restored every 5 s); --wait ends when every task runs.`,
  options: {
    'no-ask': { type: 'boolean', doc: 'do not ask the instances for the states of their tasks' },
    watch: { type: 'boolean', doc: 'look again and again' },
    wait: { type: 'boolean', doc: 'the same, until every task has an instance and runs' },
  },
  async run(context) {
    const { options } = context
    const look = await looker(context)
    if (options['watch'] !== true && options['wait'] !== true) {
      const found = await look()
      context.output.json(found.document)
      context.output.line(lookText(found, 0))
      return 0
    }
    if (options['no-ask'] === true)
      throw new UsageError('--no-ask leaves out what --watch and --wait are for: give one of them')
    return watch(context, look, options['wait'] === true)
  },
}

function lookText({ title, heads, rows }: Look, barWidth: number): string {
  if (rows.length === 0) return title
  const cells = rows.map((row) => row.cells(progressText(row, barWidth)))
  return `${title}\n\n${tableText(heads, cells)}`
}

/** How to look: at the group, or where the log belongs to one process, at that. */
async function looker(context: CommandContext): Promise<() => Promise<Look>> {
  let kafka: KafkaProvider
  try {
    kafka = await context.kafka()
  } catch (error) {
    if (!(error instanceof EmbeddedLogInUseError)) throw error
    return () => lookAtProcess(context, error)
  }
  return () => lookAtGroup(context, kafka)
}

async function watch({ output }: CommandContext, look: () => Promise<Look>, untilRunning: boolean): Promise<number> {
  for (;;) {
    const found = await look()
    const isDone =
      found.rows.some((row) => row.isActive) && found.rows.every((r) => !r.isActive || r.state === 'running')
    if (untilRunning && isDone) {
      output.json(found.document)
      output.redraw(lookText(found, BAR_WIDTH), true)
      return 0
    }
    if (output.isTerminal) output.redraw(lookText(found, BAR_WIDTH), false)
    else
      for (const row of found.rows)
        if (row.isActive && row.state !== 'running')
          output.note(`task ${row.taskId}: ${row.state ?? 'state not known'} ${progressText(row, 0) ?? ''}`.trimEnd())
    await sleep(output.isTerminal ? WATCH_MS : WATCH_LINES_MS)
  }
}

async function lookAtGroup(context: CommandContext, kafka: KafkaProvider): Promise<Look> {
  const { settings, options } = context
  const group = await kafka.admin().describeGroup(settings.applicationId)
  if (group.state === 'Dead')
    throw new CliError(
      `there is no group ${settings.applicationId} on ${kafka.description}: name another with --application-id`,
    )
  const deployed = await readDeployedTopology(kafka, settings.applicationId)
  const placed = taskRows(group, deployed?.blueprint)
  const rows = options['no-ask'] === true ? placed : await withProgress(context, placed)
  return {
    document: {
      applicationId: settings.applicationId,
      groupState: group.state,
      members: group.members.length,
      tasks: rows,
    },
    title: `group ${settings.applicationId}: ${group.state}, ${group.members.length} members`,
    heads: ['TASK', 'ROLE', 'STATE', 'PROGRESS', 'CLIENT', 'HOST', 'ENDPOINT', 'PARTITIONS'],
    rows: rows.map((r) => ({
      ...r,
      isActive: r.role === 'active',
      cells: (progress) => [
        r.taskId,
        r.role,
        r.state ?? undefined,
        progress,
        r.clientId,
        r.host,
        r.endpoint ?? undefined,
        r.partitions.join(' '),
      ],
    })),
  }
}

/** The embedded log has one process, which has all tasks: it is asked itself. */
async function lookAtProcess({ settings }: CommandContext, inUse: EmbeddedLogInUseError): Promise<Look> {
  const endpoint = `http://${settings.httpHost === '0.0.0.0' ? '127.0.0.1' : settings.httpHost}:${settings.httpPort}`
  const answer = await ask(endpoint, settings.httpToken)
  if (typeof answer === 'string')
    throw new CliError(
      `${inUse.message}. It was asked at ${endpoint}, which does not tell its tasks: ${answer}. Name its address with --http-host and --http-port`,
    )
  const tasks = answer.tasks.map(({ taskId, inputs }) => ({
    taskId,
    partitions: inputs,
    endpoint,
    ...progressOf(answer, taskId, true),
  }))
  return {
    document: { applicationId: settings.applicationId, tasks },
    title: `the process at ${endpoint} has all tasks`,
    heads: ['TASK', 'STATE', 'PROGRESS', 'PARTITIONS'],
    rows: tasks.map((task) => ({
      ...task,
      isActive: true,
      cells: (progress) => [task.taskId, task.state ?? undefined, progress, task.partitions.join(' ')],
    })),
  }
}

async function withProgress(
  { settings, output }: CommandContext,
  rows: readonly TaskRow[],
): Promise<readonly TaskRow[]> {
  const endpoints = [...new Set(rows.flatMap(({ endpoint }) => endpoint ?? []))]
  const answers = new Map(
    await Promise.all(
      endpoints.map(async (endpoint) => {
        const answer = await ask(endpoint, settings.httpToken)
        if (typeof answer !== 'string') return [endpoint, answer] as const
        output.note(`${endpoint} does not tell the states of its tasks: ${answer}`)
        return [endpoint, undefined] as const
      }),
    ),
  )
  return rows.map((row) => ({
    ...row,
    ...progressOf(answers.get(row.endpoint ?? ''), row.taskId, row.role === 'active'),
  }))
}

/** What an instance tells of its tasks, or why it does not. */
async function ask(endpoint: string, token: string | undefined): Promise<ToldTasks | string> {
  const url = `${/^https?:\/\//.test(endpoint) ? endpoint : `http://${endpoint}`}/v1/tasks`
  try {
    const answer = await fetch(url, {
      headers: token === undefined ? {} : { authorization: `Bearer ${token}` },
      signal: AbortSignal.timeout(ASK_MS),
    })
    if (!answer.ok) return `status ${answer.status}${answer.status === 401 ? ' (set BROOK_HTTP_TOKEN)' : ''}`
    return (await answer.json()) as ToldTasks
  } catch (error) {
    const { cause, message } = error as Error
    return cause instanceof Error ? cause.message : message
  }
}
