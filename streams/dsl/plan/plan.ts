import type { Serde } from '../../../common/serde.ts'
import type { StoreBuilder } from '../../../stores/store-builder.ts'
import type { ProcessorFactory } from '../../processors/processor.ts'
import type { OffsetReset, StreamPartitioner, TimestampExtractor, TopicNameExtractor } from '../../topology-nodes.ts'

/** Serdes as they are known at a point of the plan; `undefined` where nobody has given one yet. */
export interface Serdes<K = unknown, V = unknown> {
  readonly key: Serde<K> | undefined
  readonly value: Serde<V> | undefined
}

export interface SourcePlan {
  readonly kind: 'source'
  readonly name: string
  readonly topics: readonly string[]
  readonly key: Serde<unknown>
  readonly value: Serde<unknown>
  readonly timestampExtractor: TimestampExtractor | undefined
  readonly offsetReset: OffsetReset | undefined
}

export interface ProcessorPlan {
  readonly kind: 'processor'
  readonly name: string
  readonly parents: readonly PlanNode[]
  readonly supplier: ProcessorFactory
  /** Stores that come into the topology with this node. */
  readonly stores: () => readonly StoreBuilder[]
  /** Stores of other nodes that it reads. */
  readonly connects: () => readonly string[]
  /** It keeps what it is given beyond the call: a mutable aggregate must be copied before it is forwarded here. */
  readonly retains: boolean
  /** A left or outer join of a stream, which has a result for records with a null key (KIP-962). */
  readonly takesNullKeys: boolean
  /** A windowed aggregation: how long after the end of a window it still changes. */
  readonly graceMs?: number | undefined
  /** It gives records other keys, or other values under the same keys: a topic below is not moved above it. */
  readonly changes?: 'key' | 'value' | undefined
  /** It takes what its parents drop. */
  readonly takesDropped?: boolean | undefined
  /** It brings streams together. */
  readonly merges?: boolean | undefined
  /** The topic of a table that is read from one: with `reuse.ktable.source.topics` its store has no other changelog. */
  readonly tableOf?: string | undefined
  readonly reusesTopic?: boolean | undefined
  /** The last node of a stream-stream join knows the others. */
  readonly streamJoin?: StreamJoinPlan | undefined
}

/** The nodes of a stream-stream join, and what takes their place when both sides are the same stream. */
export interface StreamJoinPlan {
  readonly windows: readonly [ProcessorPlan, ProcessorPlan]
  readonly sides: readonly [ProcessorPlan, ProcessorPlan]
  /** `undefined` where one store cannot give the same results. */
  readonly self: { readonly supplier: ProcessorFactory; readonly store: string } | undefined
}

export interface SinkPlan {
  readonly kind: 'sink'
  readonly name: string
  readonly parents: readonly PlanNode[]
  readonly topic: string | TopicNameExtractor
  readonly key: Serde<unknown>
  readonly value: Serde<unknown>
  readonly partitioner: StreamPartitioner | undefined
}

/** A topic of Brook's own between two sub-topologies, with the nodes on both sides of it. */
export interface RepartitionPlan {
  readonly kind: 'repartition'
  /** The source's name. */
  readonly name: string
  readonly parents: readonly PlanNode[]
  readonly topic: string
  readonly partitions: number | undefined
  /** A filter stands before the sink of stream repartitions. */
  readonly filterName: string | undefined
  readonly sinkName: string
  readonly key: Serde<unknown>
  readonly value: Serde<unknown>
  readonly partitioner: StreamPartitioner | undefined
  /** Made for an operator that needs it, not asked for: `merge.repartition.topics` may move it up. */
  readonly optimizable?: boolean | undefined
}

export interface GlobalTablePlan {
  readonly kind: 'global-table'
  /** The processor's name. */
  readonly name: string
  readonly sourceName: string
  readonly topic: string
  readonly key: Serde<unknown>
  readonly value: Serde<unknown>
  readonly timestampExtractor: TimestampExtractor | undefined
  readonly store: StoreBuilder
  readonly supplier: ProcessorFactory
}

export interface CopartitionPlan {
  readonly kind: 'copartition'
  readonly sources: readonly string[]
}

export type PlanNode = SourcePlan | ProcessorPlan | SinkPlan | RepartitionPlan | GlobalTablePlan
export type PlanEntry = PlanNode | CopartitionPlan

/** What the calls of the DSL add up to, in their order. Nothing in it is bound to a running task. */
export class Plan {
  readonly entries: PlanEntry[] = []
  /** Stores added by hand, for processors that name them. */
  readonly stores = new Map<string, StoreBuilder>()

  readonly #children = new Map<PlanNode, PlanNode[]>()

  add<N extends PlanEntry>(entry: N): N {
    this.entries.push(entry)
    if (entry.kind !== 'copartition' && 'parents' in entry)
      for (const parent of entry.parents) this.#addChild(parent, entry)
    return entry
  }

  /** A plan without nodes that has the same stores. */
  emptyCopy(): Plan {
    const copy = new Plan()
    for (const [name, store] of this.stores) copy.stores.set(name, store)
    return copy
  }

  childrenOf(node: PlanNode): readonly PlanNode[] {
    return this.#children.get(node) ?? []
  }

  #addChild(parent: PlanNode, child: PlanNode): void {
    const children = this.#children.get(parent)
    if (children) children.push(child)
    else this.#children.set(parent, [child])
  }
}
