import { rm } from 'node:fs/promises'
import { GroupActiveError } from '../../kafka/errors.ts'
import type { Admin } from '../../kafka/port.ts'
import { readLocalState } from '../../stores/database/local-state.ts'
import { StateDirectory } from '../../streams/runtime/client/state-directory.ts'
import { readDeployedTopology } from '../../streams/runtime/deployment/deployed-topology.ts'
import { type Command, type CommandContext, STATE_DIR_OPTION } from './command.ts'
import { type ApplicationTopics, findApplicationTopics, partitionsOf } from './deployed-topics.ts'
import { CliError, UsageError } from './errors.ts'
import { plural } from './output.ts'
import { type OffsetMove, offsetMoves, type ResetTarget, targetOf } from './reset-target.ts'

/** Everything that a reset would do. */
export interface ResetSteps {
  readonly offsets: readonly OffsetMove[]
  readonly deleteTopics: readonly string[]
  readonly deleteDirectories: readonly string[]
  /** What whoever resets should know before. */
  readonly warnings: readonly string[]
}

export const resetCommand: Command = {
  name: 'reset',
  summary: 'sets an application back: offsets of its inputs, its internal topics, its local state',
  details: `Shows what it would do and does nothing, unless --execute is given. Say what is to be reset: one target for the offsets of the
inputs, --internal-topics, --local-state, or --all, which is --to-earliest with both. It refuses while the group has members. Local state of
other machines is theirs to delete: run it there with --local-state.`,
  options: {
    all: { type: 'boolean', doc: 'begin anew: --to-earliest --internal-topics --local-state' },
    'to-earliest': { type: 'boolean', doc: 'offsets of the inputs to the beginning' },
    'to-latest': { type: 'boolean', doc: 'offsets of the inputs to the end' },
    'to-datetime': {
      type: 'string',
      value: 'time',
      doc: 'to the first record at or after a time such as 2026-11-22T08:00:00Z',
    },
    'shift-by': { type: 'string', value: 'n', doc: 'forward, or back with a negative number: --shift-by=-100' },
    'input-topics': { type: 'string', value: 'a,b', doc: 'offsets of these inputs only' },
    'internal-topics': {
      type: 'boolean',
      doc: 'delete repartition and changelog topics and the description of the topology',
    },
    'local-state': { type: 'boolean', doc: 'delete local state on this machine' },
    'state-dir': STATE_DIR_OPTION,
    execute: { type: 'boolean', doc: 'do it' },
    'dry-run': { type: 'boolean', doc: 'only show it (default)' },
  },
  async run(context) {
    const { output, options, settings } = context
    if (options['execute'] === true && options['dry-run'] === true)
      throw new UsageError('--execute and --dry-run: give one of them')
    const wanted = wantedOf(context)
    const kafka = await context.kafka()
    const admin = kafka.admin()
    await refuseWhileActive(admin, settings.applicationId)
    const deployed = await readDeployedTopology(kafka, settings.applicationId)
    const topics = await findApplicationTopics(admin, settings.applicationId, deployed?.blueprint)
    const isDone = options['execute'] === true
    const steps = await locked(wanted.localState ? await context.stateDirectories() : [], async () => {
      const planned = await stepsOf(context, wanted, admin, topics)
      if (isDone) await execute(context, admin, planned)
      return planned
    })
    output.json({ applicationId: settings.applicationId, executed: isDone, ...steps })
    print(context, steps, isDone)
    return 0
  },
}

interface Wanted {
  readonly target: ResetTarget | undefined
  readonly inputTopics: readonly string[] | undefined
  readonly internalTopics: boolean
  readonly localState: boolean
}

function wantedOf({ options }: CommandContext): Wanted {
  const all = options['all'] === true
  const target = targetOf(options) ?? (all ? { kind: 'earliest' as const } : undefined)
  const internalTopics = all || options['internal-topics'] === true
  const localState = all || options['local-state'] === true
  if (target === undefined && !internalTopics && !localState)
    throw new UsageError(
      'say what is to be reset: --all, one of --to-earliest, --to-latest, --to-datetime and --shift-by, --internal-topics, --local-state',
    )
  const names = options['input-topics']
  if (names !== undefined && target === undefined)
    throw new UsageError('--input-topics needs a target such as --to-earliest')
  return { target, inputTopics: typeof names === 'string' ? names.split(',') : undefined, internalTopics, localState }
}

async function refuseWhileActive(admin: Admin, applicationId: string): Promise<void> {
  const { state, members } = await admin.describeGroup(applicationId)
  if (state === 'Dead' && (await admin.committedOffsets(applicationId, await admin.listTopics())).size > 0)
    throw new CliError(
      `group ${applicationId} has offsets and is no classic group, so nobody can tell here whether it runs: reset it with the tools of its own kind (kafka-streams-groups.sh)`,
    )
  if (members.length === 0) return
  const clients = members.map(({ clientId, host }) => `${clientId} on ${host}`)
  throw new GroupActiveError(
    `application ${applicationId} runs: ${plural(members.length, 'member')} (${clients.join(', ')}). Stop it everywhere first, and wait for its session timeout where it was killed`,
  )
}

async function stepsOf(
  context: CommandContext,
  { target, inputTopics, internalTopics, localState }: Wanted,
  admin: Admin,
  topics: ApplicationTopics,
): Promise<ResetSteps> {
  const { settings } = context
  const unknown = (inputTopics ?? []).filter((topic) => !topics.sources.includes(topic))
  if (unknown.length > 0)
    throw new CliError(
      `${unknown.join(', ')} is no input of ${settings.applicationId}; its inputs are ${topics.sources.join(', ') || 'not known: it has committed nothing'}`,
    )
  const partitions = await partitionsOf(admin, inputTopics ?? topics.sources)
  const offsets = target === undefined ? [] : await offsetMoves(admin, settings.applicationId, partitions, target)
  const described = topics.description === undefined ? [] : [topics.description]
  const deleteTopics = internalTopics ? [...topics.repartition, ...topics.changelogs, ...described] : []
  const directories = await Promise.all((await context.stateDirectories()).map(readLocalState))
  const deleteDirectories = localState
    ? directories.flat().flatMap((task) => [task.directory, ...(task.copies ?? [])])
    : []
  return { offsets, deleteTopics, deleteDirectories, warnings: warningsOf() }

  function warningsOf(): string[] {
    const warnings: string[] = []
    const rewinds = offsets.some(({ from, to }) => from !== null && to < from)
    if (rewinds && !internalTopics && topics.changelogs.length > 0)
      warnings.push(
        'stores keep what they have: records that are read again are counted again (--internal-topics --local-state deletes them)',
      )
    if (internalTopics && !localState)
      warnings.push(
        'local state outlives its changelogs: delete it on every machine (--local-state) before the application starts again',
      )
    if (localState && !internalTopics) warnings.push('local state is restored from the changelogs at the next start')
    if (internalTopics && topics.lookAlikes.length > 0)
      warnings.push(
        `not deleted, as the description of the topology does not have them: ${topics.lookAlikes.join(', ')}. They are of an earlier topology, or of an application whose id begins with ${settings.applicationId}-`,
      )
    return warnings
  }
}

async function execute({ output, settings }: CommandContext, admin: Admin, steps: ResetSteps): Promise<void> {
  if (steps.offsets.length > 0) {
    output.progress('altering offsets')
    await admin.alterOffsets(
      settings.applicationId,
      steps.offsets.map(({ topic, partition, to }) => ({ topic, partition, offset: to })),
    )
  }
  if (steps.deleteTopics.length > 0) {
    output.progress(`deleting ${plural(steps.deleteTopics.length, 'topic')}`)
    await admin.deleteTopics(steps.deleteTopics)
  }
  for (const directory of steps.deleteDirectories) {
    output.progress(`deleting ${directory}`)
    await rm(directory, { recursive: true, force: true })
  }
}

/** Keeps processes of this machine out of the directories meanwhile. @throws {StateDirectoryLockedError} naming the one that is in. */
async function locked<T>(directories: readonly string[], work: () => Promise<T>): Promise<T> {
  const held: StateDirectory[] = []
  try {
    for (const directory of directories) {
      const one = new StateDirectory(directory)
      await one.lock()
      held.push(one)
    }
    return await work()
  } finally {
    for (const one of held) await one.unlock()
  }
}

function print({ output, settings }: CommandContext, steps: ResetSteps, isDone: boolean): void {
  if (steps.offsets.length > 0) {
    output.table(
      ['TOPIC', 'PARTITION', 'COMMITTED', 'NEW OFFSET'],
      steps.offsets.map(({ topic, partition, from, to }) => [topic, partition, from ?? undefined, to]),
    )
    output.line()
  }
  const verb = isDone ? 'deleted' : 'would delete'
  for (const topic of steps.deleteTopics) output.line(`${verb} topic ${topic}`)
  for (const directory of steps.deleteDirectories) output.line(`${verb} ${directory}`)
  for (const warning of steps.warnings) output.note(`note: ${warning}`)
  output.line(
    isDone ? `${settings.applicationId} is reset.` : 'Nothing was changed. Run it again with --execute to do this.',
  )
}
