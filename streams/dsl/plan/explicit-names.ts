import { TopologyError, type TopologyProblem } from '../../errors.ts'
import type { Topology } from '../../topology.ts'

/** A name that the builder has made: it has a number, which shifts when operators come before it. */
const GENERATED = /(?:^|-)(?:STATE-STORE|COGROUPKSTREAM(?:-[A-Z]+)*|K(?:STREAM|TABLE)(?:-[A-Z]+)*)-\d{10}(?=-|$)/

/**
 * Names of what outlives a deployment must be the user's: stores, their changelogs, and repartition topics.
 * @throws {TopologyError} listing all that have generated names. @see InternalTopologyBuilder.checkUnprovidedNames (KIP-1111)
 */
export function requireExplicitNames(topology: Topology): void {
  const problems: TopologyProblem[] = []
  for (const store of [...topology.stores.values(), ...[...topology.globalStores.values()].map((g) => g.store)]) {
    if (!GENERATED.test(store.name)) continue
    const users = [...topology.nodes.values()].filter((n) => n.kind === 'processor' && n.stores.has(store.name))
    const hasChangelog =
      store.logging && !topology.globalStores.has(store.name) && !topology.sourceTopicsOfStores.has(store.name)
    problems.push({
      code: 'generated-name',
      message: `store ${store.name}${hasChangelog ? ` and its changelog ${store.name}-changelog have generated names` : ' has a generated name'}: give ${users.map((n) => n.name).join(', ')} the option ${store.type === 'change-buffer' ? 'name' : 'store'}`,
      nodes: [store.name, ...users.map((n) => n.name)],
    })
  }
  for (const { name } of topology.repartitionTopics.values()) {
    if (!GENERATED.test(name)) continue
    const sinks = [...topology.nodes.values()].filter((n) => n.kind === 'sink' && n.topic === name)
    problems.push({
      code: 'generated-name',
      message: `repartition topic ${name} has a generated name: give the grouping, the join or the repartition that needs it the option name`,
      nodes: [name, ...sinks.map((n) => n.name)],
    })
  }
  if (problems.length > 0) throw new TopologyError(problems)
}
