import type { Serde } from '../../../common/serde.ts'
import { keyIdentity } from '../../../stores/shared/key-identity.ts'
import type { StoreBuilder } from '../../../stores/store-builder.ts'
import { TopologyError } from '../../errors.ts'
import type { ProcessorFactory } from '../../processors/processor.ts'
import type { CopyOf, KeyIdOf } from '../../processors/tables/table-forwarder.ts'
import { Windowed } from '../../record.ts'
import type { KStream } from '../kstream.ts'
import type { KTable } from '../ktable.ts'
import { NameSource } from './naming.ts'
import type { StreamNode, TableNode } from './nodes.ts'
import type { OptimisedPlan } from './optimise/plan-graph.ts'
import { Plan, type PlanNode, type ProcessorPlan, type RepartitionPlan, type Serdes } from './plan.ts'
import { isRetainedDownstream, isSharedUpstream } from './plan-paths.ts'

/** Streams lead to tables and tables to streams: the builder, which knows both, hands each the means to make the other. */
export interface Factories {
  stream<K, V>(node: StreamNode<K, V>): KStream<K, V>
  table<K, V>(node: TableNode<K, V>): KTable<K, V>
}

/** What all streams and tables of one builder share. */
export class BuilderContext {
  readonly make: Factories
  readonly names = new NameSource()
  readonly plan = new Plan()
  /** What `build` has made of the plan so far. */
  readonly optimised: OptimisedPlan[] = []

  constructor(make: Factories) {
    this.make = make
  }

  processor(
    name: string,
    parents: readonly PlanNode[],
    supplier: () => unknown,
    extra: {
      readonly stores?: () => readonly StoreBuilder[]
      readonly connects?: () => readonly string[]
      readonly retains?: boolean
      readonly takesNullKeys?: boolean
    } & Pick<ProcessorPlan, 'graceMs' | 'changes' | 'takesDropped' | 'merges' | 'tableOf' | 'streamJoin'> = {},
  ): ProcessorPlan {
    return this.plan.add({
      kind: 'processor',
      name,
      // A stream that is merged with itself is there once. @see GraphNode.parentNodes
      parents: [...new Set(parents)],
      supplier: supplier as ProcessorFactory,
      stores: extra.stores ?? (() => []),
      connects: extra.connects ?? (() => []),
      retains: extra.retains ?? false,
      takesNullKeys: extra.takesNullKeys ?? false,
      graceMs: extra.graceMs,
      changes: extra.changes,
      takesDropped: extra.takesDropped,
      merges: extra.merges,
      tableOf: extra.tableOf,
      streamJoin: extra.streamJoin,
    })
  }

  /** True when a value forwarded by the node stays in somebody's hands. Known when the plan is complete. */
  isRetained(node: PlanNode): boolean {
    return this.#anyPlan(node, isRetainedDownstream)
  }

  /** True when another may hold what the node is given. Known when the plan is complete. */
  isShared(node: PlanNode): boolean {
    return this.#anyPlan(node, isSharedUpstream)
  }

  /** Optimised plans lead values other ways: what holds in one of them holds. */
  #anyPlan(node: PlanNode, holds: (plan: Plan, node: PlanNode) => boolean): boolean {
    if (holds(this.plan, node)) return true
    return this.optimised.some(({ plan, copies }) => {
      const copy = copies.get(node)
      return copy !== undefined && holds(plan, copy)
    })
  }

  /**
   * A repartition topic `<prefix>-repartition` with filter, sink and source. The three numbers are taken whatever the names are.
   * @see KStreamImpl.createRepartitionedSource
   */
  repartition(
    parent: PlanNode,
    prefix: string,
    serdes: Serdes,
    options: {
      readonly partitions?: number | undefined
      readonly partitioner?: RepartitionPlan['partitioner']
      /** The user asked for the topic: it stays where it is. */
      readonly fixed?: boolean
    } = {},
  ): RepartitionPlan {
    const topic = prefix.endsWith('-repartition') ? prefix : `${prefix}-repartition`
    const sink = this.names.node('KSTREAM-SINK-')
    const filter = this.names.node('KSTREAM-FILTER-')
    const source = this.names.node('KSTREAM-SOURCE-')
    const generated = /^KSTREAM.*-[0-9]{10}$/.test(prefix)
    return this.plan.add({
      kind: 'repartition',
      name: generated ? source : `${topic}-source`,
      parents: [parent],
      topic,
      partitions: options.partitions,
      filterName: generated ? filter : `${topic}-filter`,
      sinkName: generated ? sink : `${topic}-sink`,
      key: requireSerde(serdes.key, 'key', `repartition topic ${topic}`),
      value: requireSerde(serdes.value, 'value', `repartition topic ${topic}`),
      partitioner: options.partitioner,
      optimizable: options.fixed !== true,
    })
  }

  /** Takes the numbers of a repartition topic that is there already. */
  burnRepartition(): void {
    for (const prefix of ['KSTREAM-SINK-', 'KSTREAM-FILTER-', 'KSTREAM-SOURCE-']) this.names.node(prefix)
  }

  copartition(sources: ReadonlySet<string>): void {
    this.plan.add({ kind: 'copartition', sources: [...sources] })
  }
}

/** @throws {TopologyError} naming what needs the serde. */
export function requireSerde<T>(serde: Serde<T> | undefined, role: 'key' | 'value', what: string): Serde<T> {
  if (serde === undefined)
    throw new TopologyError(
      `${what} needs a ${role} serde: it is not known here, so give it in the options (${role}: …)`,
      { code: 'missing-serde', nodes: [what] },
    )
  return serde
}

/** Of two streams' serdes, one that stands for both; `undefined` where they may write different bytes. */
export function commonSerde<T>(a: Serde<T> | undefined, b: Serde<T> | undefined): Serde<T> | undefined {
  return a !== undefined && (a === b || a.name === b?.name) ? a : undefined
}

/** What tells two keys apart in a map. `serde` is that of the keys, or of what is in a window with them. */
export function identityOf(serde: Serde<unknown>): KeyIdOf {
  const inner = 'inner' in serde ? (serde.inner as Serde<unknown>) : serde
  return (key, topic) =>
    key instanceof Windowed
      ? `${typeof key.key}:${keyIdentity(key.key, inner, topic)}@${key.startMs}-${key.endMs}`
      : keyIdentity(key, serde, topic)
}

/** A copy that shares nothing with the value: through bytes and back. */
export function copyThrough<T>(serde: Serde<T>): CopyOf<T> {
  return (value, topic) =>
    typeof value === 'object' && value !== null ? serde.deserialize(serde.serialize(value, topic), topic) : value
}
