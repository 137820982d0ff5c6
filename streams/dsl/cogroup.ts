import type { Serde } from '../../common/serde.ts'
import type { StoreBuilder } from '../../stores/store-builder.ts'
import type { AggregateOptions } from '../processors/aggregates/stream-aggregate.ts'
import { PassThrough } from '../processors/stateless.ts'
import { SharedForwarder } from '../processors/tables/shared-forwarder.ts'
import type { CopyOf } from '../processors/tables/table-forwarder.ts'
import type { TableView } from '../processors/tables/table-view.ts'
import { type DroppedOptions, handDropped } from './dropped.ts'
import type { GroupedStreamNode } from './grouped-stream.ts'
import type { Materialized } from './options.ts'
import { type BuilderContext, requireSerde } from './plan/context.ts'
import { aggregateSettings } from './plan/materialize.ts'
import type { TableNode } from './plan/nodes.ts'
import type { PlanNode, ProcessorPlan, RepartitionPlan, Serdes } from './plan/plan.ts'
import { isCached } from './plan/table-store.ts'

const AGGREGATE = 'COGROUPKSTREAM-AGGREGATE-'

/** An aggregator of one input; the value's type is known where the input was added. */
export type InputAggregator<K, A> = (aggregate: A, value: never, key: K) => A

/** Inputs of one aggregation, in the order in which they were added, and the topics that they have been given so far. */
export class CogroupPlan<K, A> {
  readonly context: BuilderContext
  readonly #inputs = new Map<GroupedStreamNode<K, never>, InputAggregator<K, A>>()
  readonly #repartitions = new Map<GroupedStreamNode<K, never>, RepartitionPlan>()

  constructor(context: BuilderContext) {
    this.context = context
  }

  /** An input that is there already gets another aggregator. */
  add(grouped: GroupedStreamNode<K, never>, aggregator: InputAggregator<K, A>): void {
    this.#inputs.set(grouped, aggregator)
  }

  get keySerde(): Serde<K> | undefined {
    for (const { serdes } of this.#inputs.keys()) if (serdes.key !== undefined) return serdes.key
    return undefined
  }

  get size(): number {
    return this.#inputs.size
  }

  /** What each input is aggregated from; sources that must have the same number of partitions are tied together. */
  parents(store: string): readonly CogroupInput<K, A>[] {
    const inputs = [...this.#inputs].map(([grouped, aggregator]) => {
      const parent = this.#parent(grouped, store)
      const sources = parent === grouped.node ? grouped.sources : new Set([parent.name])
      return { parent, sources, aggregator }
    })
    this.context.copartition(new Set(inputs.flatMap(({ sources }) => [...sources])))
    return inputs
  }

  #parent(grouped: GroupedStreamNode<K, never>, store: string): PlanNode {
    if (!grouped.repartitionRequired) return grouped.node
    const known = this.#repartitions.get(grouped)
    if (known !== undefined) {
      this.context.burnRepartition()
      return known
    }
    const made = this.context.repartition(grouped.node, grouped.name ?? store, grouped.serdes as Serdes)
    this.#repartitions.set(grouped, made)
    return made
  }
}

interface CogroupInput<K, A> {
  readonly parent: PlanNode
  readonly sources: ReadonlySet<string>
  readonly aggregator: InputAggregator<K, A>
}

/** What differs between windows of all kinds and none. */
export interface CogroupKind<K, KR, A> {
  readonly graceMs?: number
  readonly versioned?: boolean
  builder(store: string, serdes: { readonly key: Serde<K>; readonly value: Serde<A> }): StoreBuilder
  keySerde(key: Serde<K>): Serde<KR>
  processor(
    aggregator: InputAggregator<K, A>,
    options: (sharesInput?: boolean) => AggregateOptions<A>,
    copy: CopyOf<A>,
  ): unknown
  view(store: string, copy: CopyOf<A>): TableView<KR, A>
}

/** One store, an aggregation for each input, and a node that brings their results together. @see CogroupedStreamAggregateBuilder */
export function cogroupTable<K, KR, A>(
  plan: CogroupPlan<K, A>,
  kind: CogroupKind<K, KR, A>,
  options: Materialized<K, A> & DroppedOptions<K, unknown>,
): TableNode<KR, A> {
  const { context } = plan
  const { names } = context
  const store = options.store ?? names.store(AGGREGATE)
  const what = `the cogrouped table of store ${store}`
  const serdes = {
    key: requireSerde(options.key ?? plan.keySerde, 'key', what),
    value: requireSerde(options.value, 'value', what),
  }
  const builder = kind.builder(store, serdes)
  const { versioned = false } = kind
  const settings = aggregateSettings(
    context,
    store,
    serdes.key as Serde<unknown>,
    serdes.value,
    isCached(options),
    versioned,
  )
  const shared = new SharedForwarder<A>(plan.size)
  const inputs = plan.parents(store)
  const aggregations = inputs.map(({ parent, aggregator }, i) => {
    const name = names.suffixed(options.name, `-cogroup-agg-${i}`, AGGREGATE)
    const node: ProcessorPlan = context.processor(
      name,
      [parent],
      () => {
        const optionsOf = (sharesInput?: boolean) => ({ ...settings.options(node, sharesInput), shared })
        return kind.processor(aggregator, optionsOf, settings.copy)
      },
      { stores: () => [builder], retains: true, ...(kind.graceMs === undefined ? {} : { graceMs: kind.graceMs }) },
    )
    return node
  })
  const sources = new Set(inputs.flatMap((input) => [...input.sources]))
  const input = { context, serdes: { key: serdes.key, value: undefined }, sources, repartitionRequired: false }
  handDropped<K, unknown>(input, aggregations, options)
  const mergeName = names.suffixed(options.name, '-cogroup-merge', 'COGROUPKSTREAM-MERGE-')
  const merge = context.processor(mergeName, aggregations, () => new PassThrough())
  return {
    context,
    node: merge,
    serdes: { key: kind.keySerde(serdes.key), value: serdes.value },
    sources,
    store: options.store,
    versioned,
    view: () => kind.view(store, settings.copy),
    enableOldValues: settings.enableOldValues,
  }
}

/** An aggregator that makes the first aggregate itself. */
export function started<K, A>(initializer: () => A, aggregator: InputAggregator<K, A>) {
  return (before: A | undefined, value: never, key: K): A =>
    aggregator(before === undefined ? initializer() : before, value, key)
}
