import { partitionName, type TopicPartition } from '../../common/record.ts'
import type { Admin, OffsetAndMetadata } from '../../kafka/port.ts'
import { type LocalTask, readLocalState } from '../../stores/database/local-state.ts'
import { readDeployedTopology } from '../../streams/runtime/deployment/deployed-topology.ts'
import { type Command, type CommandContext, STATE_DIR_OPTION } from './command.ts'
import { findApplicationTopics, partitionsOf } from './deployed-topics.ts'
import { CliError, UsageError } from './errors.ts'

export interface LagRow extends TopicPartition {
  /** What the group has committed; `null` before the first commit. */
  readonly committed: number | null
  readonly end: number
  /** From the committed offset, or else from the beginning, to the end of what is committed on the log. */
  readonly lag: number
}

export interface ChangelogRow extends TopicPartition {
  readonly records: number
  readonly end: number
  /** Where the newest local state on this machine stands; `null` when it has none. */
  readonly local: number | null
  /** What is to be restored from there. */
  readonly lag: number | null
}

export const lagCommand: Command = {
  name: 'lag',
  summary: 'how far the application is behind, per partition, and its local state behind the changelogs',
  details: `LAG is the number of offsets from the committed one to the last stable one, so records of open transactions do not count.
For changelogs it is what local state on this machine would have to restore. With --max-lag the exit code says whether a partition
of an input is further behind.`,
  options: {
    'state-dir': STATE_DIR_OPTION,
    'max-lag': {
      type: 'string',
      value: 'records',
      doc: 'exit code 1 when an input partition is further behind than this',
    },
    'no-changelogs': { type: 'boolean', doc: 'inputs only' },
  },
  async run(context) {
    const { output, options, settings } = context
    const maxLag = maxLagOf(options['max-lag'])
    const kafka = await context.kafka()
    const admin = kafka.admin()
    const deployed = await readDeployedTopology(kafka, settings.applicationId)
    const topics = await findApplicationTopics(admin, settings.applicationId, deployed?.blueprint)
    const inputs = await inputLag(admin, settings.applicationId, [...topics.sources, ...topics.repartition])
    if (inputs.length === 0)
      throw new CliError(
        `group ${settings.applicationId} has committed nothing and has left no description: is ${settings.applicationId} the application id, and has it run on ${kafka.description}?`,
      )
    const changelogs =
      options['no-changelogs'] === true ? [] : await changelogLag(admin, topics.changelogs, await localTasks(context))
    const total = inputs.reduce((sum, { lag }) => sum + lag, 0)
    output.json({ applicationId: settings.applicationId, totalLag: total, inputs, changelogs })
    output.table(
      ['TOPIC', 'PARTITION', 'COMMITTED', 'END', 'LAG'],
      inputs.map((row) => [row.topic, row.partition, row.committed ?? undefined, row.end, row.lag]),
    )
    output.line(`${total} in all`)
    if (changelogs.length > 0) {
      output.line()
      output.table(
        ['CHANGELOG', 'PARTITION', 'RECORDS', 'END', 'LOCAL', 'TO RESTORE'],
        changelogs.map((r) => [r.topic, r.partition, r.records, r.end, r.local ?? undefined, r.lag ?? undefined]),
      )
    }
    return maxLag !== undefined && inputs.some(({ lag }) => lag > maxLag) ? 1 : 0
  },
}

function maxLagOf(value: string | boolean | undefined): number | undefined {
  if (value === undefined) return undefined
  if (typeof value === 'string' && /^\d+$/.test(value)) return Number(value)
  throw new UsageError(`--max-lag must be a number of records, got ${JSON.stringify(value)}`)
}

async function localTasks(context: CommandContext): Promise<readonly LocalTask[]> {
  return (await Promise.all((await context.stateDirectories()).map(readLocalState))).flat()
}

async function inputLag(admin: Admin, groupId: string, topics: readonly string[]): Promise<readonly LagRow[]> {
  const partitions = await partitionsOf(admin, topics)
  const [committed, begins, ends] = await Promise.all([
    admin.committedOffsets(groupId, topics),
    admin.beginningOffsets(partitions),
    admin.endOffsets(partitions, 'read_committed'),
  ])
  return lagRows(partitions, committed, begins, ends)
}

/** Pure. */
export function lagRows(
  partitions: readonly TopicPartition[],
  committed: ReadonlyMap<string, OffsetAndMetadata>,
  begins: ReadonlyMap<string, number>,
  ends: ReadonlyMap<string, number>,
): readonly LagRow[] {
  return partitions.map(({ topic, partition }) => {
    const name = partitionName(topic, partition)
    const begin = begins.get(name) ?? 0
    const end = ends.get(name) ?? begin
    const offset = committed.get(name)?.offset
    return {
      topic,
      partition,
      committed: offset ?? null,
      end,
      lag: Math.max(0, end - Math.max(offset ?? begin, begin)),
    }
  })
}

async function changelogLag(
  admin: Admin,
  topics: readonly string[],
  tasks: readonly LocalTask[],
): Promise<readonly ChangelogRow[]> {
  const partitions = await partitionsOf(admin, topics)
  const [begins, ends] = await Promise.all([
    admin.beginningOffsets(partitions),
    admin.endOffsets(partitions, 'read_committed'),
  ])
  return partitions.map(({ topic, partition }) => {
    const name = partitionName(topic, partition)
    const [begin, end] = [begins.get(name) ?? 0, ends.get(name) ?? 0]
    const known = tasks.flatMap(({ offsets }) => offsets.get(name) ?? [])
    const local = known.length === 0 ? null : Math.max(...known)
    return { topic, partition, records: end - begin, end, local, lag: local === null ? null : Math.max(0, end - local) }
  })
}
