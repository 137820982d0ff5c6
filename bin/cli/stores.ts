import { EmbeddedLogInUseError } from '../../kafka/embedded.ts'
import type { KafkaProvider } from '../../kafka/port.ts'
import { type LocalTask, readLocalState } from '../../stores/database/local-state.ts'
import type { TopologyBlueprint } from '../../streams/runtime/deployment/blueprint.ts'
import { readDeployedTopology } from '../../streams/runtime/deployment/deployed-topology.ts'
import { type Command, type CommandContext, STATE_DIR_OPTION } from './command.ts'
import { partitionsOf } from './deployed-topics.ts'
import { CliError } from './errors.ts'
import { bytesText, durationText, plural } from './output.ts'

export interface StoreRow {
  readonly store: string
  readonly type: string | null
  readonly persistent: boolean | null
  readonly tasks: number
  /** On this machine; exact unless `isEstimate`. */
  readonly rows: number
  readonly sizeBytes: number
  readonly isEstimate: boolean
  readonly retentionMs: number | null
  readonly changelog: string | null
  readonly changelogRecords: number | null
}

export const storesCommand: Command = {
  name: 'stores',
  summary: 'the stores: rows and bytes on this machine, retention, changelogs, and where local state is',
  details: `Rows and bytes are of the state directories on this machine, also while the application runs. Up to 100,000 rows of a store
and task are counted, beyond that they are estimated (≈). Rows of windows and of histories count one by one. Types, retention and
changelogs come from the description that the application has left on Kafka; with --local Kafka is not asked.`,
  options: {
    'state-dir': STATE_DIR_OPTION,
    local: { type: 'boolean', doc: 'only what is on this machine' },
  },
  async run(context) {
    const { output } = context
    const directories = await context.stateDirectories()
    const tasks: LocalTask[] = []
    for (const directory of directories) {
      output.progress(`reading ${directory}`)
      tasks.push(...(await readLocalState(directory)))
    }
    const cluster = await clusterFacts(context)
    const rows = storeRows(tasks, cluster?.blueprint, cluster?.changelogRecords ?? new Map())
    if (rows.length === 0)
      throw new CliError(
        `application ${context.settings.applicationId} has no stores ${directories.length === 0 ? 'on this machine: no state directory was found (--state-dir names one)' : `in ${directories.join(', ')}`}`,
      )
    const directoriesShown = tasks.map(({ taskId, directory, problem }) => ({
      taskId,
      directory,
      problem: problem ?? null,
    }))
    output.json({ applicationId: context.settings.applicationId, stores: rows, directories: directoriesShown })
    output.table(
      [
        'STORE',
        'TYPE',
        'TASKS',
        { title: 'ROWS', align: 'right' },
        { title: 'SIZE', align: 'right' },
        'RETENTION',
        'CHANGELOG',
        'RECORDS',
      ],
      rows.map((row) => [
        row.store,
        row.type === null ? undefined : `${row.type}${row.persistent === false ? ', in memory' : ''}`,
        row.tasks,
        `${row.isEstimate ? '≈ ' : ''}${row.rows}`,
        bytesText(row.sizeBytes),
        durationText(row.retentionMs ?? undefined),
        row.changelog ?? undefined,
        row.changelogRecords ?? undefined,
      ]),
    )
    output.line()
    for (const directory of directories)
      output.line(
        `${directory}: ${plural(tasks.filter((t) => t.directory.startsWith(`${directory}/`)).length, 'task')}`,
      )
    for (const { directory, problem } of tasks)
      if (problem !== undefined) output.note(`${directory} cannot be read: ${problem}`)
    return 0
  },
}

interface ClusterFacts {
  readonly blueprint: TopologyBlueprint
  readonly changelogRecords: ReadonlyMap<string, number>
}

async function clusterFacts(context: CommandContext): Promise<ClusterFacts | undefined> {
  const { options, settings, output } = context
  if (options['local'] === true) return undefined
  let kafka: KafkaProvider
  try {
    kafka = await context.kafka()
  } catch (error) {
    if (!(error instanceof EmbeddedLogInUseError) && !(error instanceof CliError)) throw error
    output.note(`types, retention and changelogs are left out: ${error.message}`)
    return undefined
  }
  const deployed = await readDeployedTopology(kafka, settings.applicationId)
  if (deployed === undefined) return undefined
  const changelogs = deployed.blueprint.stores.flatMap(({ changelog }) => changelog ?? [])
  const admin = kafka.admin()
  const partitions = await partitionsOf(admin, changelogs)
  const [begins, ends] = await Promise.all([admin.beginningOffsets(partitions), admin.endOffsets(partitions)])
  const records = new Map<string, number>()
  for (const { topic, partition } of partitions) {
    const name = `${topic}-${partition}`
    records.set(topic, (records.get(topic) ?? 0) + (ends.get(name) ?? 0) - (begins.get(name) ?? 0))
  }
  return { blueprint: deployed.blueprint, changelogRecords: records }
}

/** Pure: the stores of the description, and those on disk, each over all tasks. */
export function storeRows(
  tasks: readonly LocalTask[],
  blueprint: TopologyBlueprint | undefined,
  changelogRecords: ReadonlyMap<string, number>,
): readonly StoreRow[] {
  const local = tasks.flatMap(({ stores }) => stores)
  const names = new Set([...(blueprint?.stores ?? []).map(({ name }) => name), ...local.map(({ store }) => store)])
  return [...names].sort().map((store) => {
    const plan = blueprint?.stores.find(({ name }) => name === store)
    const parts = local.filter((part) => part.store === store)
    const changelog = plan?.changelog ?? null
    return {
      store,
      type: plan?.type ?? null,
      persistent: plan?.persistent ?? null,
      tasks: parts.length,
      rows: parts.reduce((sum, { rows }) => sum + rows, 0),
      sizeBytes: parts.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0),
      isEstimate: parts.some(({ isEstimate }) => isEstimate),
      retentionMs: plan?.retentionMs ?? plan?.historyRetentionMs ?? null,
      changelog,
      changelogRecords: changelog === null ? null : (changelogRecords.get(changelog) ?? null),
    }
  })
}
