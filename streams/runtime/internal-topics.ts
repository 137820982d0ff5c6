import type { Admin, TopicSpec } from '../../kafka/port.ts'
import type { StoreBuilder } from '../../stores/store-builder.ts'
import { SourceTopicError, TopologyError } from '../errors.ts'
import { type Subtopology, sinksOf } from '../subtopologies.ts'
import type { Application } from './application.ts'

const ONE_DAY_MS = 86_400_000

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
  const missing = external.filter((topic) => !described.has(topic))
  if (missing.length > 0)
    throw new SourceTopicError(`source topics that do not exist: ${missing.join(', ')}. Create them first`)
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
  for (let changed = true; changed; ) {
    changed = false
    for (const { name } of repartitionTopics.values()) {
      const topic = application.topicName(name)
      if (counts.has(topic)) continue
      const count = countFromWriters(application, name, counts)
      if (count === undefined) continue
      counts.set(topic, count)
      changed = true
    }
  }
  for (const { name } of repartitionTopics.values()) {
    if (!counts.has(application.topicName(name)))
      throw new TopologyError(
        `the partition count of repartition topic ${name} cannot be known: what writes it reads only itself`,
      )
  }
  enforceCopartitioning(application, counts)
  return {
    partitionCounts: counts,
    internalTopics: [...repartitionSpecs(application, counts), ...changelogSpecs(application, counts)],
  }
}

function countFromWriters(
  application: Application,
  name: string,
  counts: ReadonlyMap<string, number>,
): number | undefined {
  const writers = application.subtopologies.filter((s) => sinksOf(s).some((sink) => sink.topic === name))
  let max: number | undefined
  for (const writer of writers) {
    for (const topic of application.inputs(writer).keys()) {
      const count = counts.get(topic)
      if (count === undefined) return undefined
      max = Math.max(max ?? 0, count)
    }
  }
  return max
}

function enforceCopartitioning(application: Application, counts: Map<string, number>): void {
  const { topology } = application
  for (const group of topology.copartitionedSources) {
    const topics = group.flatMap((source) => {
      const node = topology.nodes.get(source)
      return node?.kind === 'source' ? [...node.topics] : []
    })
    const isFree = (topic: string): boolean =>
      topology.repartitionTopics.has(topic) && topology.repartitionTopics.get(topic)?.partitions === undefined
    const countOf = (topic: string): number => counts.get(application.topicName(topic)) as number
    const given = topics.filter((t) => !isFree(t))
    const target = given.length > 0 ? countOf(given[0] as string) : Math.max(...topics.map(countOf))
    const odd = given.filter((t) => countOf(t) !== target)
    if (odd.length > 0) {
      const list = given.map((t) => `${t} has ${countOf(t)}`).join(', ')
      throw new TopologyError(
        `${group.join(' and ')} are joined and must have the same number of partitions: ${list}. Repartition one of them`,
      )
    }
    for (const topic of topics.filter(isFree)) counts.set(application.topicName(topic), target)
  }
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
      .filter((builder) => builder?.logging)
      .map((builder) => ({
        name: application.changelogTopic(builder.name),
        partitions: taskCount(application, subtopology, counts),
        configs: { ...changelogConfigs(builder), ...builder.changelogConfigs },
      })),
  )
}

/** Windows leave the changelog a day after their retention, as Kafka Streams' default has it; other rows are compacted. */
function changelogConfigs(builder: StoreBuilder): Readonly<Record<string, string>> {
  const common = { 'message.timestamp.type': 'CreateTime' }
  if (builder.type !== 'window') return { ...common, 'cleanup.policy': 'compact' }
  return {
    ...common,
    'cleanup.policy': 'compact,delete',
    'retention.ms': String((builder.retentionMs ?? 0) + ONE_DAY_MS),
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
