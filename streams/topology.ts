import type { Serde } from '../common/serde.ts'
import type { StoreBuilder } from '../stores/store-builder.ts'
import { TopologyError, type TopologyProblemCode } from './errors.ts'
import {
  type AnyStoreBuilder,
  checkFactory,
  factoryOf,
  type ProcessorProvider,
  type ProcessorSupplier,
  type ProcessorWrapper,
  storesOf,
  wrapped,
} from './processors/processor-supplier.ts'
import { duplicateStore } from './store-differences.ts'
import { describeTopology, type TopologyDescription } from './topology-description.ts'
import {
  type GlobalStore,
  type OffsetReset,
  type ProcessorNode,
  parentsOf,
  type RepartitionTopic,
  type SinkNode,
  type SourceNode,
  type StreamPartitioner,
  type TimestampExtractor,
  type TopicNameExtractor,
  type TopologyNode,
} from './topology-nodes.ts'

export interface SourceOptions<K, V> {
  readonly key: Serde<K>
  readonly value: Serde<V>
  readonly timestampExtractor?: TimestampExtractor<K, V>
  readonly offsetReset?: OffsetReset
}

export interface SinkOptions<K, V> {
  readonly key: Serde<K>
  readonly value: Serde<V>
  readonly partitioner?: StreamPartitioner<K, V>
}

export interface TopologyOptions {
  /** `processor.wrapper.class` (KIP-1112): may put something around every processor that is added. */
  readonly processorWrapper?: ProcessorWrapper | undefined
}

/**
 * A graph of sources, processors and sinks with their stores: what the DSL compiles to, and the Processor API itself. Nothing
 * runs and nothing is asked of Kafka until it is started. Every mistake is a {@link TopologyError} that names the nodes.
 * @see org.apache.kafka.streams.Topology
 */
export class Topology {
  readonly #nodes = new Map<string, TopologyNode>()
  readonly #stores = new Map<string, StoreBuilder>()
  readonly #globals = new Map<string, GlobalStore>()
  readonly #sourceOfTopic = new Map<string, string>()
  readonly #repartitionTopics = new Map<string, RepartitionTopic>()
  readonly #copartitioned: (readonly string[])[] = []
  readonly #changelogTopics = new Map<string, string>()
  readonly #wrapper: ProcessorWrapper | undefined

  constructor(options: TopologyOptions = {}) {
    this.#wrapper = options.processorWrapper
  }

  /** Reads topics; each topic may have one source only. */
  addSource<K, V>(name: string, topics: string | readonly string[], options: SourceOptions<K, V>): this {
    const list = typeof topics === 'string' ? [topics] : [...topics]
    if (list.length === 0)
      throw new TopologyError(`source ${name} has no topic: name at least one`, { code: 'no-topic', nodes: [name] })
    this.#requireFree(name)
    this.#claimTopics(name, list)
    this.#add({
      kind: 'source',
      name,
      topics: list,
      keySerde: options.key as Serde<unknown>,
      valueSerde: options.value as Serde<unknown>,
      timestampExtractor: options.timestampExtractor as TimestampExtractor | undefined,
      offsetReset: options.offsetReset,
    })
    return this
  }

  /**
   * A step after its parents. Stores that the supplier brings are added and connected; others by `addStateStore` or
   * `connectProcessorAndStateStores`. @throws {TopologyError} also when the supplier gives the same processor twice.
   */
  addProcessor<KIn, VIn, KOut, VOut>(
    name: string,
    supplier: ProcessorSupplier<KIn, VIn, KOut, VOut>,
    ...parents: readonly string[]
  ): this {
    this.#requireParents(name, parents)
    const provider = this.#wrap(name, supplier as ProcessorSupplier)
    this.#add({ kind: 'processor', name, supplier: provider.get, parents: [...parents], stores: new Set() })
    for (const store of storesOf(provider)) this.addStateStore(store, name)
    return this
  }

  /** A step that takes what its parents (sources, processors or sinks) drop: records with {@link DroppedRecord} values. */
  addDroppedProcessor<KIn, VIn, KOut, VOut>(
    name: string,
    supplier: ProcessorSupplier<KIn, VIn, KOut, VOut>,
    ...parents: readonly string[]
  ): this {
    this.#requireParents(name, parents, true)
    const provider = this.#wrap(name, supplier as ProcessorSupplier)
    this.#add({
      kind: 'processor',
      name,
      supplier: provider.get,
      parents: [...parents],
      takesDropped: true,
      stores: new Set(),
    })
    for (const store of storesOf(provider)) this.addStateStore(store, name)
    return this
  }

  /** Writes to a topic, or to the one that a function names per record. */
  addSink<K, V>(
    name: string,
    topic: string | TopicNameExtractor<K, V>,
    options: SinkOptions<K, V>,
    ...parents: readonly string[]
  ): this {
    this.#requireParents(name, parents)
    this.#add({
      kind: 'sink',
      name,
      topic: topic as string | TopicNameExtractor,
      keySerde: options.key as Serde<unknown>,
      valueSerde: options.value as Serde<unknown>,
      partitioner: options.partitioner as StreamPartitioner | undefined,
      parents: [...parents],
    })
    return this
  }

  /** Adds a store and connects it to these processors. The same builder may be added again; another one under its name may not. */
  addStateStore(builder: AnyStoreBuilder, ...processors: readonly string[]): this {
    const store = builder as StoreBuilder
    const known = this.#stores.get(store.name) ?? this.#globals.get(store.name)?.store
    if (known !== undefined && (known !== store || this.#globals.has(store.name)))
      throw duplicateStore(store, known, this.#globals.has(store.name), [...this.#usersOf(store.name), ...processors])
    this.#stores.set(store.name, store)
    for (const processor of processors) this.connectProcessorAndStateStores(processor, store.name)
    return this
  }

  connectProcessorAndStateStores(processor: string, ...stores: readonly string[]): this {
    const node = this.#nodes.get(processor)
    if (node?.kind !== 'processor')
      throw new TopologyError(
        `${processor} is not a processor${node === undefined ? ' of this topology' : `, but a ${node.kind}`}: stores ${stores.join(', ')} cannot be connected to it`,
        { code: 'store-not-of-a-processor', nodes: [processor, ...stores] },
      )
    for (const store of stores) {
      if (this.#globals.has(store)) continue
      if (!this.#stores.has(store))
        throw new TopologyError(
          `store ${store}, wanted by ${processor}, is not in the topology: add it with addStateStore first${this.#stores.size > 0 ? `, or take one of ${[...this.#stores.keys()].join(', ')}` : ''}`,
          { code: 'unknown-store', nodes: [processor, store] },
        )
      node.stores.add(store)
    }
    return this
  }

  /**
   * A store that holds a topic as it is, and has no other changelog: the topic is read to restore it, up to what is committed.
   * `processor` must put each record under its key. @see Topology.addReadOnlyStateStore (KIP-813)
   */
  addReadOnlyStateStore<K, V>(
    store: AnyStoreBuilder,
    source: { readonly name: string; readonly topic: string } & SourceOptions<K, V>,
    processor: { readonly name: string; readonly supplier: ProcessorSupplier<K, V> },
  ): this {
    this.addSource(source.name, source.topic, source)
    this.addProcessor(processor.name, processor.supplier, source.name)
    this.addStateStore(store, processor.name)
    return this.connectSourceStoreAndTopic(store.name, source.topic)
  }

  /** The store has this source topic as its changelog. @see InternalTopologyBuilder.connectSourceStoreAndTopic */
  connectSourceStoreAndTopic(store: string, topic: string): this {
    const known = this.#changelogTopics.get(store)
    if (known !== undefined)
      throw new TopologyError(`store ${store} is restored from ${known} already, not from ${topic}`, {
        code: 'duplicate-store',
        nodes: [store, known, topic],
      })
    this.#changelogTopics.set(store, topic)
    return this
  }

  /** A store that every instance fills from the whole topic. `processor` writes it; nothing may come after. */
  addGlobalStore<K, V>(
    builder: AnyStoreBuilder,
    source: { readonly name: string; readonly topic: string } & SourceOptions<K, V>,
    processor: { readonly name: string; readonly supplier: ProcessorSupplier<K, V> },
  ): this {
    const store = builder as StoreBuilder
    if (store.dueTime !== undefined)
      throw new TopologyError(
        `rows of the global store ${store.name}, filled by ${processor.name}, cannot come due: a global store has no time of its own`,
      )
    const known = this.#stores.get(store.name) ?? this.#globals.get(store.name)?.store
    if (known !== undefined)
      throw duplicateStore(store, known, this.#globals.has(store.name), [...this.#usersOf(store.name), processor.name])
    for (const name of [source.name, processor.name]) this.#requireFree(name)
    if (source.name === processor.name)
      throw new TopologyError(`source and processor of global store ${store.name} are both named ${source.name}`, {
        code: 'duplicate-node',
        nodes: [source.name, store.name],
      })
    const provider = this.#wrap(processor.name, processor.supplier as ProcessorSupplier)
    const brought = storesOf(provider).filter((s) => s !== store)
    if (brought.length > 0)
      throw new TopologyError(
        `${processor.name}, which fills global store ${store.name}, may bring no other store: ${brought.map((s) => s.name).join(', ')}`,
        { code: 'global-store-misuse', nodes: [processor.name, store.name, ...brought.map((s) => s.name)] },
      )
    this.#claimTopics(source.name, [source.topic])
    const sourceNode: SourceNode = {
      kind: 'source',
      name: source.name,
      topics: [source.topic],
      keySerde: source.key as Serde<unknown>,
      valueSerde: source.value as Serde<unknown>,
      timestampExtractor: source.timestampExtractor as TimestampExtractor | undefined,
      offsetReset: 'earliest',
    }
    const processorNode: ProcessorNode = {
      kind: 'processor',
      name: processor.name,
      supplier: provider.get,
      parents: [source.name],
      stores: new Set([store.name]),
    }
    this.#nodes.set(source.name, sourceNode)
    this.#nodes.set(processor.name, processorNode)
    this.#globals.set(store.name, { store, source: sourceNode, processor: processorNode })
    return this
  }

  /** Declares a topic that Brook creates; sources and sinks name it without the application id. */
  addRepartitionTopic(topic: RepartitionTopic): this {
    this.#repartitionTopics.set(topic.name, topic)
    return this
  }

  /** The topics of these sources must have the same number of partitions, and go to the same tasks. */
  copartitionSources(sources: readonly string[]): this {
    for (const name of sources)
      if (this.#nodes.get(name)?.kind !== 'source')
        throw new TopologyError(`${name} is not a source: only sources can be co-partitioned`, {
          code: 'not-copartitioned',
          nodes: [name],
        })
    this.#copartitioned.push([...sources])
    return this
  }

  get nodes(): ReadonlyMap<string, TopologyNode> {
    return this.#nodes
  }

  get stores(): ReadonlyMap<string, StoreBuilder> {
    return this.#stores
  }

  get globalStores(): ReadonlyMap<string, GlobalStore> {
    return this.#globals
  }

  get repartitionTopics(): ReadonlyMap<string, RepartitionTopic> {
    return this.#repartitionTopics
  }

  /** Source topics that stand in for changelogs, by store. */
  get sourceTopicsOfStores(): ReadonlyMap<string, string> {
    return this.#changelogTopics
  }

  get copartitionedSources(): readonly (readonly string[])[] {
    return this.#copartitioned
  }

  /** The graph as data; its `toString()` is the text of Kafka Streams' `Topology.describe()`. */
  describe(): TopologyDescription {
    return describeTopology(this)
  }

  #add(node: TopologyNode): void {
    this.#requireFree(node.name)
    this.#nodes.set(node.name, node)
  }

  #wrap(name: string, supplier: ProcessorSupplier): ProcessorProvider {
    checkFactory(name, factoryOf(supplier))
    const stores = (): readonly StoreBuilder[] => storesOf(supplier)
    return this.#wrapper === undefined
      ? { get: factoryOf(supplier), stores }
      : wrapped(name, { get: factoryOf(supplier), stores }, this.#wrapper)
  }

  #usersOf(store: string): readonly string[] {
    return [...this.#nodes.values()].filter((n) => n.kind === 'processor' && n.stores.has(store)).map((n) => n.name)
  }

  #requireFree(name: string): void {
    const known = this.#nodes.get(name)
    if (known !== undefined)
      throw new TopologyError(
        `there are two nodes with the name ${name} (the first is a ${known.kind}${parentsOf(known).length > 0 ? ` after ${parentsOf(known).join(', ')}` : ''}): rename one`,
        { code: 'duplicate-node', nodes: [name] },
      )
  }

  #requireParents(name: string, parents: readonly string[], takesDropped = false): void {
    this.#requireFree(name)
    const fail = (code: TopologyProblemCode, message: string, ...nodes: readonly string[]): never => {
      throw new TopologyError(message, { code, nodes: [name, ...nodes] })
    }
    if (parents.length === 0) fail('no-parent', `${name} has no parent: name what comes before it`)
    for (const parent of parents) {
      const node = this.#nodes.get(parent)
      if (parent === name) fail('own-parent', `${name} cannot be its own parent`)
      if (node === undefined)
        fail('unknown-parent', `the parent ${parent} of ${name} is not in the topology (yet): add it first`, parent)
      if (node?.kind === 'sink' && !takesDropped)
        fail('sink-as-parent', `the sink ${parent} cannot be the parent of ${name}: nothing comes out of it`, parent)
      if (this.#feedsGlobalStore(parent) && !takesDropped)
        fail(
          'global-store-misuse',
          `${parent} fills a global store: nothing may come after it, so ${name} cannot`,
          parent,
        )
    }
  }

  #feedsGlobalStore(name: string): boolean {
    return [...this.#globals.values()].some((g) => g.source.name === name || g.processor.name === name)
  }

  #claimTopics(source: string, topics: readonly string[]): void {
    for (const topic of topics) {
      const other = this.#sourceOfTopic.get(topic)
      if (other !== undefined)
        throw new TopologyError(
          `topic ${topic} is read by ${other} already and cannot be read by ${source} as well: read it once and use the stream twice`,
          { code: 'duplicate-topic', nodes: [other, source, topic] },
        )
    }
    for (const topic of topics) this.#sourceOfTopic.set(topic, source)
  }
}

export type { ProcessorNode, SinkNode, SourceNode, TopologyNode }
export { parentsOf }
