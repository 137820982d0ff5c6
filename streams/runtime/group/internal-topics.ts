import type { Admin, TopicSpec } from '../../../kafka/port.ts'
import type { StoreBuilder } from '../../../stores/store-builder.ts'
import { SourceTopicError, TopologyError, type TopologyProblem } from '../../errors.ts'
import { type Subtopology, sinksOf } from '../../subtopologies.ts'
import { TopologyProblems } from '../../topology-problems.ts'
import type { Application } from '../client/application.ts'

const ONE_DAY_MS = 86_400_000
const LONG_MAX = '9223372036854775807'

/** Partition counts of everything that the tasks read, and the topics that Brook has to have. */
export interface TopicPlan {
  readonly partitionCounts: ReadonlyMap<string, number>
  readonly internalTopics: readonly TopicSpec[]
}

/** Looks up the source topics, plans Brook's own ones and creates those that are missing. @throws {SourceTopicError} */
export async function prepareTopics(
  application: Application,
  admin: Admin,
  replicationFactor: number | undefined,
): Promise<TopicPlan> {
  const internal = new Set(
    [...application.topology.repartitionTopics.keys()].map((name) => application.topicName(name)),
  )
  const globals = [...application.topology.globalStores.values()].flatMap((g) => g.source.topics)
  const external = [...application.sourceTopics().filter((t) => !internal.has(t)), ...globals]
  const described = await admin.describeTopics([...new Set(external)])
  const missing = [...new Set(external)].filter((topic) => !described.has(topic))
  if (missing.length > 0)
    throw new SourceTopicError(
      `source topics that do not exist: ${missing.map((topic) => `${topic} (read by ${application.readerOf(topic)})`).join(', ')}. Create them first`,
    )
  const plan = planTopics(application, new Map([...described].map(([name, { partitions }]) => [name, partitions])))
  const specs = plan.internalTopics.map((t) => (replicationFactor === undefined ? t : { ...t, replicationFactor }))
  await admin.createTopics(specs)
  await verifyCounts(admin, specs)
  return plan
}

/**
 * Pure: from the partition counts of the source topics to those of all. A repartition topic has as many as the largest input of
 * what writes it; sources that are co-partitioned must agree, and repartition topics among them follow the others.
 * @see RepartitionTopics, CopartitionedTopicsEnforcer
 */
export function planTopics(application: Application, external: ReadonlyMap<string, number>): TopicPlan {
  const counts = new Map(external)
  const { repartitionTopics } = application.topology
  for (const { name, partitions } of repartitionTopics.values())
    if (partitions !== undefined) counts.set(application.topicName(name), partitions)
  const groups = copartitionedTopics(application)
  const countTopics = (countOf: (name: string) => number | undefined, once = false): boolean => {
    let counted = false
    for (const { name } of repartitionTopics.values()) {
      const topic = application.topicName(name)
      if (counts.has(topic)) continue
      const count = countOf(name)
      if (count === undefined) continue
      counts.set(topic, count)
      counted = true
      if (once) return true
    }
    return counted
  }
  // The topics of a foreign-key join are written by each other's readers: then the tables that they go with decide.
  while (
    countTopics((name) => countFromWriters(application, name, counts)) ||
    countTopics((name) => countFromGroup(application, name, groups, counts)) ||
    countTopics((name) => countFromWriters(application, name, counts, true), true)
  );
  const problems = new TopologyProblems()
  for (const { name } of repartitionTopics.values())
    if (!counts.has(application.topicName(name))) problems.add(unknownCount(application, name))
  problems.throwIfAny()
  for (const group of groups) problems.of([], () => enforceCopartitioning(application, group, counts))
  problems.throwIfAny()
  return {
    partitionCounts: counts,
    internalTopics: [...repartitionSpecs(application, counts), ...changelogSpecs(application, counts)],
  }
}

function unknownCount({ topology }: Application, name: string): TopologyProblem {
  const nodes = [...topology.nodes.values()]
    .filter((n) => (n.kind === 'sink' && n.topic === name) || (n.kind === 'source' && n.topics.includes(name)))
    .map((n) => n.name)
  return {
    code: 'partition-count-cycle',
    message: `the partition count of repartition topic ${name} cannot be known: what writes it reads only itself (${nodes.join(', ')}). Say how many (partitions: …)`,
    nodes: [name, ...nodes],
  }
}

/** `partly`: what is not known yet is left out. */
function countFromWriters(
  application: Application,
  name: string,
  counts: ReadonlyMap<string, number>,
  partly = false,
): number | undefined {
  const writers = application.subtopologies.filter((s) => sinksOf(s).some((sink) => sink.topic === name))
  let max: number | undefined
  for (const writer of writers) {
    for (const topic of application.inputs(writer).keys()) {
      const count = counts.get(topic)
      if (count === undefined && partly) continue
      if (count === undefined) return undefined
      max = Math.max(max ?? 0, count)
    }
  }
  return max
}

interface CopartitionedTopics {
  readonly sources: readonly string[]
  /** Without the application id. */
  readonly topics: readonly string[]
}

/** Topics that must have the same number of partitions; groups that have a source in common are one. @see InternalTopologyBuilder.copartitionGroups */
function copartitionedTopics({ topology }: Application): readonly CopartitionedTopics[] {
  let groups: Set<string>[] = []
  for (const sources of topology.copartitionedSources) {
    const touching = groups.filter((group) => sources.some((source) => group.has(source)))
    const merged = new Set([...touching.flatMap((group) => [...group]), ...sources])
    groups = [...groups.filter((group) => !touching.includes(group)), merged]
  }
  return groups.map((group) => ({
    sources: [...group],
    topics: [...group].flatMap((source) => {
      const node = topology.nodes.get(source)
      return node?.kind === 'source' ? [...node.topics] : []
    }),
  }))
}

/** A topic whose partition count nobody has said: it follows others. */
function isFree({ topology }: Application, topic: string): boolean {
  const repartition = topology.repartitionTopics.get(topic)
  return repartition !== undefined && repartition.partitions === undefined
}

function countFromGroup(
  application: Application,
  name: string,
  groups: readonly CopartitionedTopics[],
  counts: ReadonlyMap<string, number>,
): number | undefined {
  const given = groups.find(({ topics }) => topics.includes(name))?.topics.find((topic) => !isFree(application, topic))
  return given === undefined ? undefined : counts.get(application.topicName(given))
}

function enforceCopartitioning(
  application: Application,
  { sources, topics }: CopartitionedTopics,
  counts: Map<string, number>,
): void {
  const countOf = (topic: string): number => counts.get(application.topicName(topic)) as number
  const free = topics.filter((topic) => isFree(application, topic))
  const given = topics.filter((topic) => !isFree(application, topic))
  const target = given.length > 0 ? countOf(given[0] as string) : Math.max(...topics.map(countOf))
  if (given.some((topic) => countOf(topic) !== target)) {
    const list = given.map((topic) => `${topic} has ${countOf(topic)}`).join(', ')
    throw new TopologyError(
      `${sources.join(' and ')} are joined and must have the same number of partitions: ${list}. Repartition one of them`,
      { code: 'not-copartitioned', nodes: [...sources, ...given] },
    )
  }
  for (const topic of free) counts.set(application.topicName(topic), target)
}

function repartitionSpecs(application: Application, counts: ReadonlyMap<string, number>): readonly TopicSpec[] {
  return [...application.topology.repartitionTopics.keys()].map((name) => {
    const topic = application.topicName(name)
    return {
      name: topic,
      partitions: counts.get(topic) as number,
      configs: {
        'cleanup.policy': 'delete',
        'retention.ms': '-1',
        'segment.bytes': String(50 * 1024 * 1024),
        'message.timestamp.type': 'CreateTime',
      },
    }
  })
}

function changelogSpecs(application: Application, counts: ReadonlyMap<string, number>): readonly TopicSpec[] {
  return application.subtopologies.flatMap((subtopology) =>
    subtopology.stores
      .map((name) => application.storeBuilder(name))
      .filter((builder) => builder?.logging && application.sourceTopicOf(builder.name) === undefined)
      .map((builder) => ({
        name: application.changelogTopic(builder.name),
        partitions: taskCount(application, subtopology, counts),
        configs: { ...changelogConfigs(builder), ...builder.changelogConfigs },
      })),
  )
}

/**
 * Windows leave the changelog a day after their retention, as Kafka Streams' default has it; other rows are compacted, those of versioned stores not
 * before their history and a day are over. Where every put is a row of its own there is nothing to compact.
 * @see VersionedChangelogTopicConfig, WindowedChangelogTopicConfig, StreamJoinedStoreFactory
 */
function changelogConfigs(builder: StoreBuilder): Readonly<Record<string, string>> {
  const common = { 'message.timestamp.type': 'CreateTime' }
  if (builder.type === 'versioned') {
    const lagMs = (builder.historyRetentionMs ?? 0) + ONE_DAY_MS
    return { ...common, 'cleanup.policy': 'compact', 'min.compaction.lag.ms': String(lagMs) }
  }
  if (builder.type !== 'window' && builder.type !== 'session') return { ...common, 'cleanup.policy': 'compact' }
  const forever = builder.retentionMs === Number.MAX_SAFE_INTEGER
  return {
    ...common,
    'cleanup.policy': builder.retainDuplicates === true ? 'delete' : 'compact,delete',
    'retention.ms': forever ? LONG_MAX : String((builder.retentionMs ?? 0) + ONE_DAY_MS),
  }
}

function taskCount(application: Application, subtopology: Subtopology, counts: ReadonlyMap<string, number>): number {
  return Math.max(...[...application.inputs(subtopology).keys()].map((topic) => counts.get(topic) ?? 0))
}

async function verifyCounts(admin: Admin, specs: readonly TopicSpec[]): Promise<void> {
  const found = await admin.describeTopics(specs.map((s) => s.name))
  const wrong = specs.filter((s) => found.get(s.name)?.partitions !== s.partitions)
  if (wrong.length === 0) return
  const list = wrong.map(
    (s) => `${s.name} has ${found.get(s.name)?.partitions ?? 'no'} partitions and needs ${s.partitions}`,
  )
  throw new SourceTopicError(
    `topics of this application do not fit its sources any more: ${list.join('; ')}. Reset the application, or go back to the old partition counts`,
  )
}
