import { StatelessFilter } from '../processors/stateless.ts'
import { Topology } from '../topology.ts'
import type { Plan, PlanEntry, PlanNode, ProcessorPlan, RepartitionPlan } from './plan.ts'
import { leadsToNullKeyJoin } from './plan-paths.ts'

/** Turns a plan into a topology; nodes come in the order of the calls, so that sub-topologies are numbered as on the JVM. */
export function compile(plan: Plan): Topology {
  const topology = new Topology()
  for (const store of plan.stores.values()) topology.addStateStore(store)
  for (const entry of plan.entries) write(topology, plan, entry)
  for (const node of plan.entries)
    if (node.kind === 'processor') for (const store of node.stores()) topology.addStateStore(store)
  for (const entry of plan.entries) if (entry.kind === 'processor') connect(topology, entry)
  for (const entry of plan.entries) if (entry.kind === 'copartition') topology.copartitionSources(entry.sources)
  return topology
}

function write(topology: Topology, plan: Plan, entry: PlanEntry): void {
  switch (entry.kind) {
    case 'source':
      topology.addSource(entry.name, entry.topics, sourceOptions(entry))
      return
    case 'processor':
      topology.addProcessor(entry.name, entry.supplier, ...namesOf(entry.parents))
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

/** Stores come after all nodes: an operator may ask another's table to be materialised later in the plan. */
function connect(topology: Topology, node: ProcessorPlan): void {
  const stores = [...node.connects(), ...node.stores().map((store) => store.name)]
  if (stores.length > 0) topology.connectProcessorAndStateStores(node.name, ...stores)
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
