import type { Serde } from '../../common/serde.ts'
import type { StoreBuilder } from '../../stores/store-builder.ts'
import { Stores } from '../../stores/stores.ts'
import { TopologyError } from '../errors.ts'
import type { ProcessorFactory } from '../processors/processor.ts'
import { factoryOf, type ProcessorSupplier } from '../processors/processor-supplier.ts'
import { GlobalTableSource } from '../processors/tables/table-source.ts'
import { keyValueView } from '../processors/tables/table-view.ts'
import { duplicateStore } from '../store-differences.ts'
import type { Topology } from '../topology.ts'
import type { TimestampExtractor } from '../topology-nodes.ts'
import { type DroppedOptions, handUnread } from './dropped.ts'
import { GlobalKTable } from './global-ktable.ts'
import { KStream } from './kstream.ts'
import { KTable } from './ktable.ts'
import type { Consumed, ExpiringMaterialized, Materialized } from './options.ts'
import type { BuildOptions } from './plan/build-options.ts'
import { buildTopology } from './plan/build-topology.ts'
import { BuilderContext } from './plan/context.ts'
import type { SourcePlan } from './plan/plan.ts'
import { sourceTable } from './plan/source-table.ts'

/**
 * Where a topology begins. Calls only write a plan; `build` turns it into a {@link Topology}.
 * @see org.apache.kafka.streams.StreamsBuilder
 */
export class StreamsBuilder {
  readonly #streams = new Map<string, SourcePlan>()
  readonly #context = new BuilderContext({ stream: (node) => new KStream(node), table: (node) => new KTable(node) })

  /**
   * Records of one or more topics, which must exist. Creates node KSTREAM-SOURCE-n; streams of the same topics share the first one's
   * node and serdes. @throws {TopologyError} when such streams differ in serdes or offset reset, or topics overlap otherwise.
   */
  stream<K, V>(topics: string | readonly string[], consumed: Consumed<K, V>): KStream<K, V> {
    const name = this.#context.names.orElse(consumed.name, 'KSTREAM-SOURCE-')
    const node = this.#sharedSource(name, typeof topics === 'string' ? [topics] : topics, consumed)
    handUnread(this.#context, name, node, consumed)
    return new KStream({
      context: this.#context,
      node,
      serdes: { key: consumed.key, value: consumed.value },
      sources: new Set([node.name]),
      repartitionRequired: false,
    })
  }

  /**
   * A topic as a table: the last value of each key, null deletes; null keys are dropped. A store is kept when it has a name or an
   * operator reads the rows. With `versioned` it keeps the history of its rows, and drops what is older than that (KIP-914). Creates
   * nodes KSTREAM-SOURCE-n and KTABLE-SOURCE-n. @see KTableSource
   */
  table<K, V>(
    topic: string,
    options: Consumed<K, V> & Omit<ExpiringMaterialized<K, V>, 'key' | 'value' | 'name'> & DroppedOptions<K, V>,
  ): KTable<K, V> {
    const context = this.#context
    const storeName = options.store ?? context.names.store(`${topic}-`)
    const sourceName = context.names.suffixed(options.name, '-source', 'KSTREAM-SOURCE-')
    const name = context.names.orElse(options.name, 'KTABLE-SOURCE-')
    const source = this.#source(sourceName, [topic], options)
    handUnread(this.#context, sourceName, source, options)
    const serdes = { key: options.key, value: options.value }
    const sources = new Set([sourceName])
    return new KTable<K, V>(
      sourceTable(context, { name, store: storeName, parent: source, serdes, sources, options, topic }),
    )
  }

  /**
   * A topic as a table that every instance holds in full; filled before the streams start, without a changelog of its own. Creates
   * nodes KSTREAM-SOURCE-n and KTABLE-SOURCE-n. @see GlobalKTable
   */
  globalTable<K, V>(
    topic: string,
    options: Omit<Consumed<K, V>, 'droppedUnread'> & Pick<Materialized<K, V>, 'store' | 'persistent'>,
  ): GlobalKTable<K, V> {
    if ('versioned' in options && options.versioned !== undefined)
      throw new TopologyError(
        `the table of ${topic} is global: it cannot be versioned, since nothing ties it to a time`,
      )
    if ('lru' in options && options.lru !== undefined)
      throw new TopologyError(`the table of ${topic} is global: it holds all rows, and cannot forget those not used`)
    const { names } = this.#context
    const store = options.store ?? names.store(`${topic}-`)
    const sourceName = names.suffixed(options.name, '-source', 'KSTREAM-SOURCE-')
    const name = names.orElse(options.name, 'KTABLE-SOURCE-')
    const builder = Stores.keyValueStore<K, V>(store, {
      key: options.key,
      value: options.value,
      logging: false,
      persistent: options.persistent ?? true,
    })
    this.#global(
      builder as never,
      { ...options, name, sourceName, topic },
      () => new GlobalTableSource<K, V>(store) as never,
    )
    return new GlobalKTable<K, V>(store, keyValueView(store))
  }

  /** A store for processors that name it in `process`. @throws {TopologyError} when another store has its name. */
  addStateStore(store: StoreBuilder | { readonly name: string }): this {
    const { stores } = this.#context.plan
    const known = stores.get(store.name)
    if (known !== undefined && known !== store) throw duplicateStore(store as StoreBuilder, known, false, [])
    stores.set(store.name, store as StoreBuilder)
    return this
  }

  /**
   * A global store filled by a processor of your own, which must put what it is given under the record's key. Creates nodes
   * KSTREAM-SOURCE-n and KTABLE-SOURCE-n, or `<name>-source` and the name. @see StreamsBuilder#addGlobalStore
   */
  addGlobalStore<K, V>(
    store: StoreBuilder | { readonly name: string },
    topic: string,
    consumed: Consumed<K, V>,
    supplier: ProcessorSupplier<K, V>,
  ): this {
    const { names } = this.#context
    const sourceName = names.suffixed(consumed.name, '-source', 'KSTREAM-SOURCE-')
    const name = names.orElse(consumed.name, 'KTABLE-SOURCE-')
    this.#global(store as StoreBuilder, { ...consumed, name, sourceName, topic }, factoryOf(supplier) as never)
    return this
  }

  /**
   * The topology of all calls so far. @throws {TopologyError} with all that is wrong, naming the nodes; {ConfigError} for options that
   * there are not.
   */
  build(options: BuildOptions = {}): Topology {
    return buildTopology(this.#context, options)
  }

  /** @see InternalStreamsBuilder.mergeDuplicateSourceNodes */
  #sharedSource<K, V>(name: string, topics: readonly string[], consumed: Consumed<K, V>): SourcePlan {
    const id = [...topics].sort().join(',')
    const first = this.#streams.get(id)
    if (first === undefined) {
      const source = this.#source(name, topics, consumed)
      this.#streams.set(id, source)
      return source
    }
    const differs = [
      first.key.name !== consumed.key.name && 'key serde',
      first.value.name !== consumed.value.name && 'value serde',
      first.offsetReset !== consumed.offsetReset && 'offset reset',
      first.timestampExtractor !== (consumed.timestampExtractor as TimestampExtractor | undefined) &&
        'timestamp extractor',
    ].filter((what) => what !== false)
    if (differs.length > 0)
      throw new TopologyError(
        `${first.name} and ${name} both read ${topics.join(', ')} and must agree in their ${differs.join(', ')}: say the same in both, or read the topic once`,
        { code: 'source-mismatch', nodes: [first.name, name, ...topics] },
      )
    return first
  }

  #source<K, V>(name: string, topics: readonly string[], consumed: Consumed<K, V>) {
    return this.#context.plan.add({
      kind: 'source',
      name,
      topics,
      key: consumed.key as Serde<unknown>,
      value: consumed.value as Serde<unknown>,
      timestampExtractor: consumed.timestampExtractor as TimestampExtractor | undefined,
      offsetReset: consumed.offsetReset,
    } as const)
  }

  #global<K, V>(
    store: StoreBuilder,
    options: { readonly name: string; readonly sourceName: string; readonly topic: string } & Omit<
      Consumed<K, V>,
      'name'
    >,
    supplier: ProcessorFactory,
  ): void {
    this.#context.plan.add({
      kind: 'global-table',
      name: options.name,
      sourceName: options.sourceName,
      topic: options.topic,
      key: options.key as Serde<unknown>,
      value: options.value as Serde<unknown>,
      timestampExtractor: options.timestampExtractor as TimestampExtractor | undefined,
      store,
      supplier,
    })
  }
}
