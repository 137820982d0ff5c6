import type { Topology } from '../../topology.ts'
import type { BuildOptions } from './build-options.ts'
import { compile } from './compile.ts'
import type { BuilderContext } from './context.ts'
import { requireExplicitNames } from './explicit-names.ts'
import { optimise } from './optimise/optimise.ts'
import { parseOptimization } from './optimise/topology-optimization.ts'

/** @see InternalStreamsBuilder.buildAndOptimizeTopology */
export function buildTopology(context: BuilderContext, options: BuildOptions): Topology {
  const wanted = parseOptimization(options.topologyOptimization)
  const { processorWrapper } = options
  const plan = wanted.size === 0 ? context.plan : optimised(context, wanted)
  const topology = compile(plan, { processorWrapper })
  if (options.ensureExplicitInternalResourceNaming) requireExplicitNames(topology)
  return topology
}

/** Operators that ask about the way of their values are told of this plan too. */
function optimised(context: BuilderContext, wanted: ReturnType<typeof parseOptimization>) {
  const result = optimise(context.plan, wanted)
  context.optimised.push(result)
  return result.plan
}
