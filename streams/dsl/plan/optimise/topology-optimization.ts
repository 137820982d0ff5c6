import { ConfigError } from '../../../../common/errors.ts'

/** @see StreamsConfig.TOPOLOGY_OPTIMIZATION_CONFIG */
export type TopologyOptimization = 'reuse.ktable.source.topics' | 'merge.repartition.topics' | 'single.store.self.join'

const ALL: readonly TopologyOptimization[] = [
  'reuse.ktable.source.topics',
  'merge.repartition.topics',
  'single.store.self.join',
]

/** @throws {ConfigError} for a word that is none of them. */
export function parseOptimization(
  wanted: 'none' | 'all' | readonly TopologyOptimization[] = 'none',
): ReadonlySet<TopologyOptimization> {
  if (wanted === 'none') return new Set()
  if (wanted === 'all') return new Set(ALL)
  const list: readonly string[] = typeof wanted === 'string' ? [wanted] : wanted
  const unknown = list.filter((word) => !ALL.includes(word as TopologyOptimization))
  if (unknown.length > 0)
    throw new ConfigError([
      `topologyOptimization may be 'none', 'all', or a list of ${ALL.join(', ')}, not ${unknown.join(', ')}`,
    ])
  return new Set(list as readonly TopologyOptimization[])
}
