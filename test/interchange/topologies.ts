import {
  BufferConfig,
  EmitStrategy,
  JoinWindows,
  type KStream,
  type KTable,
  SessionWindows,
  SlidingWindows,
  StreamsBuilder,
  Suppressed,
  serdes,
  TimeWindows,
  type Topology,
  type Windowed,
} from '../../streams/index.ts'

const S = serdes.string
const L = serdes.long
const TEXT = { key: S, value: S }
const JOINED = { ...TEXT, otherValue: S }
const join = (a: string | undefined, b: string | undefined): string => `${a ?? 'null'}|${b ?? 'null'}`
const first = (v: string): string => v.slice(0, 1)

/** Topics that the topology `all` reads, with their partitions: what is rekeyed comes from one, so that its order is the same in every run. */
export const INPUTS = { events: 1, left: 2, right: 2, a: 2, b: 2, versions: 2, orders: 2, customers: 2 } as const
export type Input = keyof typeof INPUTS
export const OUTPUTS = [
  'count',
  'tumbling',
  'hopping',
  'sliding',
  'session',
  'final',
  'suppressed',
  'later',
  'inner',
  'left',
  'outer',
  'stream-table',
  'table-table',
  'versioned',
  'graced',
  'groups',
  'foreign',
] as const
export interface TopologyOptions {
  readonly what: 'all' | 'count'
  /** Prefix of the topics that are read. */
  readonly in: string
  /** Prefix of the topics that are written. */
  readonly out: string
  /** Stores, repartition topics and joins have names; else what is generated. */
  readonly named: boolean
  readonly optimised: boolean
  /** Called for each result. */
  readonly onResult?: () => void
}

/** The topologies of java/Topologies.java, in the same order: generated names depend on it. */
export function buildTopology(options: TopologyOptions): Topology {
  const topologies = new Topologies(options)
  if (options.what === 'all') topologies.all()
  else topologies.count()
  return topologies.builder.build({ topologyOptimization: options.optimised ? 'all' : 'none' })
}

class Topologies {
  readonly builder = new StreamsBuilder()
  readonly #options: TopologyOptions
  readonly #streams = new Map<string, KStream<string, string>>()

  constructor(options: TopologyOptions) {
    this.#options = options
  }

  all(): void {
    this.count()
    this.#windows()
    this.#joins()
    this.#foreignKeys()
  }

  count(): void {
    const counts = this.#stream('events')
      .selectKey(first)
      .groupByKey({ ...TEXT, ...this.#name('by-first') })
      .count({ ...this.#kept('counts'), value: L })
    this.#to(counts, 'count')
  }

  #windows(): void {
    const events = this.#stream('events')
      .selectKey(first)
      .repartition({ ...TEXT, partitions: 2, ...this.#name('by-kind') })
      .groupByKey()
    const add = (a: string, v: string): string => a + v
    const empty = (): string => ''
    const text = (store: string) => ({ ...this.#kept(store), value: S })
    const long = (store: string) => ({ ...this.#kept(store), value: L })
    const tumbling = TimeWindows.ofSizeAndGrace('10s', '5s')
    this.#windowed(events.windowedBy(tumbling).aggregate(empty, add, text('tumbling')), 'tumbling')
    this.#windowed(events.windowedBy(tumbling.advanceBy('4s')).count(long('hopping')), 'hopping')
    const sliding = SlidingWindows.ofTimeDifferenceAndGrace('4s', '6s')
    this.#windowed(events.windowedBy(sliding).reduce(add, text('sliding')), 'sliding')
    const sessions = SessionWindows.ofInactivityGapAndGrace('3s', '6s')
    const merge = (a: string, b: string): string => `(${a}&${b})`
    this.#windowed(events.windowedBy(sessions).aggregate(empty, add, merge, text('session')), 'session')
    const closing = events.windowedBy(tumbling).emitStrategy(EmitStrategy.onWindowClose())
    // With less, Kafka Streams loses windows that close when a record is far ahead.
    this.#windowed(closing.count({ ...long('final'), retention: '10m' }), 'final')
    const counts = events.windowedBy(tumbling).count(long('suppressed'))
    const closes = Suppressed.untilWindowCloses(BufferConfig.unbounded())
    this.#windowed(counts.suppress(closes, this.#name('until-closed')), 'suppressed')
    // Longer than updates of a window come: what is held back anew too soon, Kafka Streams lets go early after a restart.
    const later = Suppressed.untilTimeLimit('20s', BufferConfig.unbounded())
    this.#windowed(counts.suppress(later, this.#name('later')), 'later')
  }

  #joins(): void {
    const left = this.#stream('left')
    const right = this.#stream('right')
    const a = this.#table('a')
    const b = this.#table('b')
    const near = JoinWindows.ofTimeDifferenceAndGrace('3s', '4s')
    const joined = (name: string) => (this.#options.named ? { ...JOINED, name, store: name } : JOINED)
    this.#out(left.join(right, join, near, joined('inner')), 'inner')
    this.#out(left.leftJoin(right, join, near, joined('left')), 'left')
    this.#out(left.outerJoin(right, join, near, joined('outer')), 'outer')
    this.#out(left.leftJoin(a, join), 'stream-table')
    this.#to(a.outerJoin(b, join, { ...this.#kept('table-table'), value: S }), 'table-table')
    const versions = this.builder.table(`${this.#options.in}versions`, {
      ...TEXT,
      store: 'versions',
      versioned: { historyRetention: '60s' },
    })
    this.#out(left.join(versions, join), 'versioned')
    this.#out(left.leftJoin(versions, join, { ...TEXT, name: 'graced', grace: '4s' }), 'graced')
    const grouped = a.groupBy((v) => [first(v), v], { ...TEXT, ...this.#name('by-value') })
    this.#to(grouped.count({ ...this.#kept('groups'), value: L }), 'groups')
  }

  #foreignKeys(): void {
    const orders = this.#table('orders')
    const customers = this.#table('customers')
    const options = { ...this.#name('order-customer'), ...this.#kept('foreign'), value: S }
    this.#to(orders.leftJoin(customers, first, join, options), 'foreign')
  }

  #stream(topic: string): KStream<string, string> {
    const known = this.#streams.get(topic)
    if (known !== undefined) return known
    const stream = this.builder.stream(this.#options.in + topic, TEXT)
    this.#streams.set(topic, stream)
    return stream
  }

  #table(topic: string): KTable<string, string> {
    return this.builder.table(this.#options.in + topic, { ...TEXT, ...this.#kept(`table-${topic}`) })
  }

  #name(name: string): { readonly name?: string } {
    return this.#options.named ? { name } : {}
  }

  #kept(store: string): { readonly key: typeof S; readonly store?: string } {
    return this.#options.named ? { key: S, store } : { key: S }
  }

  #windowed<V>(table: KTable<Windowed<string>, V>, topic: string): void {
    const key = ({ key, startMs, endMs }: Windowed<string>): string => `${key}@${startMs}-${endMs}`
    this.#out(
      table.toStream((_v, w) => key(w)),
      topic,
    )
  }

  #to<V>(table: KTable<string, V>, topic: string): void {
    this.#out(table.toStream(), topic)
  }

  #out<V>(stream: KStream<string, V>, topic: string): void {
    const text = stream.mapValues((v) => {
      this.#options.onResult?.()
      return (v === null ? null : String(v)) as string
    })
    text.to(this.#options.out + topic, TEXT)
  }
}
