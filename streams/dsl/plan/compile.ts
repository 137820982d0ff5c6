import { StatelessFilter } from '../../processors/stateless.ts'
import { Topology, type TopologyOptions } from '../../topology.ts'
import { TopologyProblems } from '../../topology-problems.ts'
import type { Plan, PlanEntry, PlanNode, ProcessorPlan, RepartitionPlan, SinkPlan } from './plan.ts'
import { leadsToNullKeyJoin } from './plan-paths.ts'

/**
 * Turns a plan into a topology; nodes come in the order of the calls, so that sub-topologies are numbered as on the JVM.
 * @throws {TopologyError} with all that is wrong.
 */
export function compile(plan: Plan, options: TopologyOptions = {}): Topology {
  const topology = new Topology(options)
  const problems = new TopologyProblems()
  for (const store of plan.stores.values()) problems.of([], () => topology.addStateStore(store))
  for (const entry of plan.entries) problems.of(nodeNamesOf(entry), () => write(topology, plan, entry))
  for (const entry of plan.entries)
    if (entry.kind === 'processor') problems.of([entry.name], () => connect(topology, entry))
  for (const entry of plan.entries)
    if (entry.kind === 'copartition') problems.of([], () => topology.copartitionSources(entry.sources))
  for (const entry of plan.entries) if (entry.kind === 'sink') refuseOwnTopic(plan, entry, problems)
  problems.throwIfAny()
  return topology
}

function write(topology: Topology, plan: Plan, entry: PlanEntry): void {
  switch (entry.kind) {
    case 'source':
      topology.addSource(entry.name, entry.topics, sourceOptions(entry))
      return
    case 'processor':
      topology[entry.takesDropped ? 'addDroppedProcessor' : 'addProcessor'](
        entry.name,
        { get: entry.supplier, stores: entry.stores },
        ...namesOf(entry.parents),
      )
      return
    case 'sink':
      topology.addSink(
        entry.name,
        entry.topic,
        { key: entry.key, value: entry.value, ...(entry.partitioner ? { partitioner: entry.partitioner } : {}) },
        ...namesOf(entry.parents),
      )
      return
    case 'repartition':
      writeRepartition(topology, plan, entry)
      return
    case 'global-table':
      topology.addGlobalStore(
        entry.store,
        {
          name: entry.sourceName,
          topic: entry.topic,
          key: entry.key,
          value: entry.value,
          ...(entry.timestampExtractor ? { timestampExtractor: entry.timestampExtractor } : {}),
        },
        { name: entry.name, supplier: entry.supplier },
      )
      return
    case 'copartition':
      return
  }
}

/** Stores of other nodes come after all nodes: an operator may read a table that comes later in the plan. */
function connect(topology: Topology, node: ProcessorPlan): void {
  const connected = topology.nodes.get(node.name)
  if (connected?.kind !== 'processor') return
  // describe() gives them in this order where their hashes fall together.
  const own = [...connected.stores]
  connected.stores.clear()
  const stores = [...node.connects(), ...own]
  if (stores.length > 0) topology.connectProcessorAndStateStores(node.name, ...stores)
  if (node.reusesTopic && node.tableOf !== undefined)
    for (const store of node.stores()) topology.connectSourceStoreAndTopic(store.name, node.tableOf)
}

/** Records with a null key have no place on the other side, unless a join there has a result for them. @see InternalStreamsBuilder.rewriteRepartitionNodes */
function writeRepartition(topology: Topology, plan: Plan, entry: RepartitionPlan): void {
  topology.addRepartitionTopic({ name: entry.topic, partitions: entry.partitions })
  let parents = namesOf(entry.parents)
  if (entry.filterName !== undefined) {
    const takesNullKeys = leadsToNullKeyJoin(plan, entry)
    topology.addProcessor(
      entry.filterName,
      () => new StatelessFilter((_value, key) => takesNullKeys || (key !== null && key !== undefined), true),
      ...parents,
    )
    parents = [entry.filterName]
  }
  const { key, value } = entry
  topology.addSink(
    entry.sinkName,
    entry.topic,
    { key, value, ...(entry.partitioner ? { partitioner: entry.partitioner } : {}) },
    ...parents,
  )
  topology.addSource(entry.name, entry.topic, { key, value })
}

function sourceOptions(entry: PlanEntry & { kind: 'source' }) {
  const { key, value, timestampExtractor, offsetReset } = entry
  return { key, value, ...(timestampExtractor ? { timestampExtractor } : {}), ...(offsetReset ? { offsetReset } : {}) }
}

function namesOf(nodes: readonly PlanNode[]): readonly string[] {
  return nodes.map((n) => n.name)
}

/** The nodes that an entry becomes. */
function nodeNamesOf(entry: PlanEntry): readonly string[] {
  switch (entry.kind) {
    case 'copartition':
      return []
    case 'repartition':
      return [entry.name, entry.sinkName, ...(entry.filterName === undefined ? [] : [entry.filterName])]
    case 'global-table':
      return [entry.name, entry.sourceName]
    default:
      return [entry.name]
  }
}

/** A topic of that name would get the application id in front: records would go where the user does not see them. */
function refuseOwnTopic(plan: Plan, sink: SinkPlan, problems: TopologyProblems): void {
  const own = plan.entries.find((entry) => entry.kind === 'repartition' && entry.topic === sink.topic)
  if (own?.kind !== 'repartition') return
  problems.add({
    code: 'topic-name-clash',
    message: `sink ${sink.name} writes to ${own.topic}, which is the name of the repartition topic of ${own.name}: rename one of them`,
    nodes: [sink.name, own.name, own.topic],
  })
}
