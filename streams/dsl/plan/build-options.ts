import type { ProcessorWrapper } from '../../processors/processor-supplier.ts'
import type { TopologyOptimization } from './optimise/topology-optimization.ts'

/** What is decided when the topology is built; nowhere else does it take effect. */
export interface BuildOptions {
  /**
   * `topology.optimization` (default `none`). `reuse.ktable.source.topics`: tables read from a topic have no changelog of their own.
   * `merge.repartition.topics`: one repartition topic for all operators after a change of the key. `single.store.self.join`: one window
   * store for a stream joined with itself. Results stay the same; names of topics and numbers of sub-topologies do not.
   */
  readonly topologyOptimization?: 'none' | 'all' | readonly TopologyOptimization[]
  /** `ensure.explicit.internal.resource.naming` (KIP-1111): refuses stores, changelogs and repartition topics with generated names. */
  readonly ensureExplicitInternalResourceNaming?: boolean
  /** `processor.wrapper.class` (KIP-1112): may put something around every processor, those of the DSL and of global stores included. */
  readonly processorWrapper?: ProcessorWrapper
}
