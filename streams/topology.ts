import type { Serde } from '../common/serde.ts'
import type { StoreBuilder } from '../stores/store-builder.ts'
import { TopologyError } from './errors.ts'
import type { ProcessorSupplier } from './processors/processor.ts'
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

  /** Reads topics; each topic may have one source only. */
  addSource<K, V>(name: string, topics: string | readonly string[], options: SourceOptions<K, V>): this {
    const list = typeof topics === 'string' ? [topics] : [...topics]
    if (list.length === 0) throw new TopologyError(`source ${name} has no topic`)
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

  /** A step after its parents. `stores` of the supplier are connected by `addStateStore` or `connectProcessorAndStateStores`. */
  addProcessor<KIn, VIn, KOut, VOut>(
    name: string,
    supplier: ProcessorSupplier<KIn, VIn, KOut, VOut>,
    ...parents: readonly string[]
  ): this {
    this.#requireParents(name, parents)
    this.#add({
      kind: 'processor',
      name,
      supplier: supplier as ProcessorSupplier,
      parents: [...parents],
      stores: new Set(),
    })
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
  addStateStore(store: StoreBuilder, ...processors: readonly string[]): this {
    const known = this.#stores.get(store.name)
    if (known !== undefined && known !== store)
      throw new TopologyError(`store ${store.name} is defined twice, differently: give one of them another name`)
    if (this.#globals.has(store.name)) throw new TopologyError(`store ${store.name} is a global store already`)
    this.#stores.set(store.name, store)
    for (const processor of processors) this.connectProcessorAndStateStores(processor, store.name)
    return this
  }

  connectProcessorAndStateStores(processor: string, ...stores: readonly string[]): this {
    const node = this.#nodes.get(processor)
    if (node?.kind !== 'processor')
      throw new TopologyError(`${processor} is not a processor: stores ${stores.join(', ')} cannot be connected to it`)
    for (const store of stores) {
      if (this.#globals.has(store)) continue
      if (!this.#stores.has(store))
        throw new TopologyError(`store ${store}, wanted by ${processor}, is not in the topology: add it first`)
      node.stores.add(store)
    }
    return this
  }

  /** A store that every instance fills from the whole topic. `processor` writes it; nothing may come after. */
  addGlobalStore<K, V>(
    store: StoreBuilder,
    source: { readonly name: string; readonly topic: string } & SourceOptions<K, V>,
    processor: { readonly name: string; readonly supplier: ProcessorSupplier<K, V> },
  ): this {
    if (this.#stores.has(store.name) || this.#globals.has(store.name))
      throw new TopologyError(`store ${store.name} is defined twice`)
    this.#claimTopics(source.name, [source.topic])
    for (const name of [source.name, processor.name]) this.#requireFree(name)
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
      supplier: processor.supplier as ProcessorSupplier,
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
        throw new TopologyError(`${name} is not a source: it cannot be co-partitioned`)
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

  #requireFree(name: string): void {
    if (this.#nodes.has(name)) throw new TopologyError(`there are two nodes with the name ${name}`)
  }

  #requireParents(name: string, parents: readonly string[]): void {
    this.#requireFree(name)
    if (parents.length === 0) throw new TopologyError(`${name} has no parent`)
    for (const parent of parents) {
      const node = this.#nodes.get(parent)
      if (parent === name) throw new TopologyError(`${name} cannot be its own parent`)
      if (node === undefined) throw new TopologyError(`the parent ${parent} of ${name} is not in the topology (yet)`)
      if (node.kind === 'sink') throw new TopologyError(`the sink ${parent} cannot be the parent of ${name}`)
    }
  }

  #claimTopics(source: string, topics: readonly string[]): void {
    for (const topic of topics) {
      const other = this.#sourceOfTopic.get(topic)
      if (other !== undefined)
        throw new TopologyError(`topic ${topic} is read by ${other} already and cannot be read by ${source} as well`)
    }
    for (const topic of topics) this.#sourceOfTopic.set(topic, source)
  }
}

export type { ProcessorNode, SinkNode, SourceNode, TopologyNode }
export { parentsOf }
