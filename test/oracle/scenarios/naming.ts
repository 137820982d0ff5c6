import {
  type Processor,
  type ProcessorContext,
  Stores,
  type StreamRecord,
  StreamsBuilder,
  serdes,
} from '../../../streams/index.ts'
import {
  add,
  type Build,
  hopping,
  join,
  joinStreams,
  joinTables,
  KINDS,
  out,
  outLong,
  outTable,
  outWindows,
  S,
  type Scenario,
  type Scenarios,
  stream,
  subtract,
  TEXT,
  type Text,
  type TextStream,
  table,
  tumbling,
  within,
  zero,
} from './shared.ts'

const JOINED = { ...TEXT, otherValue: S }
const LONG = { key: S, value: serdes.long }
const windows = within(5, 5, 0)
const same = (a: Text): Text => a
const always = (): boolean => true
const none = (): void => {}
const pair = (v: Text, k: Text): readonly [Text, Text] => [k, v]
const keyed = (b: StreamsBuilder, topic: string): TextStream => stream(b, topic).selectKey((v, k) => k + v)

class Nothing implements Processor<Text, Text, Text, Text> {
  #context!: ProcessorContext<Text, Text>

  init(context: ProcessorContext<Text, Text>): void {
    this.#context = context
  }

  process(record: StreamRecord<Text, Text>) {
    return this.#context.forward(record)
  }
}

const nothing = (): Nothing => new Nothing()
const swallow = (): Processor<Text, Text> => ({ process: none })

function merged(b: StreamsBuilder, left: boolean): TextStream {
  const changed = stream(b, 'topic-1')
    .selectKey((v) => v)
    .filter(always)
  const plain = stream(b, 'topic-2')
  return left ? changed.merge(plain) : plain.merge(changed)
}

const given: Record<string, Build> = {
  source: (b) => b.stream('topic', { ...TEXT, name: 'src' }).to('out'),
  'source-of-several': (b) => b.stream(['b', 'a', 'c'], TEXT).to('out'),
  'source-twice': (b) => {
    out(stream(b, 'topic').filter(always))
    out(stream(b, 'topic').mapValues(same), 'out2')
  },
  table: (b) =>
    b
      .table('topic', { ...TEXT, name: 'src' })
      .toStream()
      .to('out'),
  'table-store': (b) =>
    b
      .table('topic', { ...TEXT, name: 'src', store: 'rows' })
      .toStream()
      .to('out'),
  'global-table': (b) => {
    b.globalTable('topic', { ...TEXT, name: 'src' })
    out(stream(b, 'in'))
  },
  'global-table-store': (b) => {
    b.globalTable('topic', { ...TEXT, store: 'rows' })
    out(stream(b, 'in'))
  },
  'global-tables': (b) => {
    const one = b.globalTable('one', TEXT)
    const two = b.globalTable('two', { ...TEXT, store: 'second' })
    out(
      stream(b, 'in')
        .leftJoin(one, (v) => v, join)
        .join(two, (v) => v, join, { name: 'with-two' }),
    )
  },
  'global-store': (b) => {
    b.addGlobalStore(Stores.keyValueStore('rows', TEXT), 'topic', { ...TEXT, name: 'src' }, swallow)
    out(stream(b, 'in'))
  },
  'global-store-generated': (b) => {
    b.addGlobalStore(Stores.keyValueStore('rows', TEXT), 'topic', TEXT, swallow)
    out(stream(b, 'in'))
  },
  sink: (b) => stream(b, 'topic').to('out', { name: 'snk' }),
}

/** Where names are given, these; else none. */
type Naming = <O extends object>(options: O) => Partial<O>

function operators(named: Naming): Record<string, Build> {
  const isNamed = Object.keys(named({ name: '' })).length > 0
  return {
    stateless: (b) =>
      stream(b, 'topic')
        .filter(always, named({ name: 'f1' }))
        .filterNot(always, named({ name: 'f2' }))
        .map(pair, named({ name: 'm1' }))
        .mapValues(same, named({ name: 'm2' }))
        .flatMap((v, k) => [pair(v, k)], named({ name: 'm3' }))
        .flatMapValues((v) => [v], named({ name: 'm4' }))
        .selectKey((_v, k) => k, named({ name: 'k1' }))
        .peek(none, named({ name: 'p1' }))
        .foreach(none, named({ name: 'e1' })),
    split: (b) => {
      stream(b, 'topic')
        .split(named({ name: 's' }))
        .branch(always, isNamed ? { name: '-x' } : { withConsumer: none })
        .branch(always, { withFunction: (x) => x.mapValues(same) })
        .defaultBranch({ ...named({ name: '-rest' }), withConsumer: (x) => x.to('rest', TEXT) })
    },
    merge: (b) => out(stream(b, 'one').merge(stream(b, 'two'), named({ name: 'm' }))),
    print: (b) => stream(b, 'topic').print(named({ name: 'p' })),
    process: (b) => {
      b.addStateStore(Stores.keyValueStore('one', TEXT))
      b.addStateStore(Stores.keyValueStore('two', TEXT))
      const s = stream(b, 'topic')
      out(s.process<Text, Text>(nothing, { ...named({ name: 'p' }), stores: ['one', 'two'] }))
      out(s.processValues<Text>(nothing, { ...named({ name: 'v' }), stores: ['one'] }), 'out2')
    },
    repartition: (b) => out(stream(b, 'topic').repartition({ ...TEXT, ...named({ name: 'r' }) })),
    'to-table': (b) => {
      outTable(stream(b, 'topic').toTable(named({ name: 't' })))
      out(
        keyed(b, 'other')
          .toTable({ ...TEXT, ...named({ name: 't2', store: 'rows' }) })
          .toStream(),
        'out2',
      )
    },
    'to-stream': (b) => {
      out(table(b, 'topic').toStream(named({ name: 's' })))
      table(b, 'other')
        .toStream(pair, named({ name: 's2' }))
        .foreach(none)
    },
    'table-operators': (b) => {
      const filtered = table(b, 'topic')
        .filter(always, named({ name: 'f1' }))
        .filterNot(always, { ...named({ name: 'f2' }), store: 'fs' })
        .mapValues(same, named({ name: 'm1' }))
      outTable(filtered.mapValues(same, isNamed ? { name: 'm2', store: 'ms', ...TEXT } : TEXT))
    },
    'stream-table-joins': (b) => {
      const s = stream(b, 'topic')
      out(s.join(table(b, 't1'), join, { ...TEXT, ...named({ name: 'j1' }) }))
      out(s.leftJoin(table(b, 't2'), join, { ...TEXT, ...named({ name: 'j2' }) }), 'out2')
      out(keyed(b, 'other').join(table(b, 't3'), join, { ...TEXT, ...named({ name: 'j3' }) }), 'out3')
    },
    ...Object.fromEntries(
      KINDS.flatMap((kind): readonly (readonly [string, Build])[] => [
        [
          `stream-join-${kind}`,
          (b) =>
            out(
              joinStreams(kind, stream(b, 'one'), stream(b, 'two'), windows, {
                ...JOINED,
                ...named({ name: 'j', store: 'js' }),
              }),
            ),
        ],
        [
          `stream-join-keyed-${kind}`,
          (b) =>
            out(
              joinStreams(kind, keyed(b, 'one'), keyed(b, 'two').filter(always), windows, {
                ...JOINED,
                ...named({ name: 'j' }),
              }),
            ),
        ],
        [
          `table-join-${kind}`,
          (b) => {
            const l = table(b, 'one')
            const r = table(b, 'two')
            const plain = joinTables(kind, l, r, named({ name: 'j' }))
            outTable(joinTables(kind, plain, r, { ...TEXT, ...named({ name: 'j2', store: 'js' }) }))
          },
        ],
      ]),
    ),
    'stream-aggregates': (b) => {
      const g = keyed(b, 'topic').groupByKey({ ...TEXT, ...named({ name: 'g' }) })
      outLong(g.count(named({ name: 'c' })))
      outTable(g.reduce(same, { ...TEXT, ...named({ name: 'r', store: 'rs' }) }))
      outTable(g.aggregate(zero, add, { ...TEXT, ...named({ name: 'a', store: 'as' }) }))
      const h = stream(b, 'other').groupBy((v) => v, { ...TEXT, ...named({ name: 'h' }) })
      outLong(h.count({ ...LONG, ...named({ name: 'c2', store: 'c2s' }) }))
    },
    'windowed-aggregates': (b) => {
      const w = keyed(b, 'topic')
        .groupByKey({ ...TEXT, ...named({ name: 'g' }) })
        .windowedBy(tumbling)
      w.count(named({ name: 'c' }))
        .toStream()
        .foreach(none)
      outWindows(w.reduce(same, named({ name: 'r', store: 'rs' })))
      outWindows(w.aggregate(zero, add, { value: S, ...named({ name: 'a', store: 'as' }) }))
    },
    'table-aggregates': (b) => {
      const g = table(b, 'topic').groupBy(pair, { ...TEXT, ...named({ name: 'g' }) })
      outLong(g.count(named({ name: 'c' })))
      outTable(g.reduce(same, same, named({ name: 'r', store: 'rs' })))
      outTable(g.aggregate(zero, add, subtract, { ...TEXT, ...named({ name: 'a', store: 'as' }) }))
    },
  }
}

function both(): Record<string, Build> {
  const withNames = operators((options) => options)
  const without = operators(() => ({}))
  return {
    ...Object.fromEntries(Object.entries(withNames).map(([name, build]) => [`${name}-named`, build])),
    ...Object.fromEntries(Object.entries(without).map(([name, build]) => [`${name}-generated`, build])),
  }
}

function laterNames(more: boolean): Record<string, Build> {
  const later = (s: TextStream): TextStream => (more ? s.filter(always).mapValues(same) : s)
  const suffix = more ? '-later' : ''
  return {
    [`topic-of-join${suffix}`]: (b) => {
      const [l, r] = ['one', 'two'].map((topic) => {
        const s = keyed(b, topic)
        return s
      }) as [TextStream, TextStream]
      const look = (s: TextStream): TextStream => (more ? s.filter(always).peek(none) : s)
      out(look(l).join(look(r), join, windows, { ...JOINED, name: 'my-join' }))
    },
    [`topic-of-grouping${suffix}`]: (b) =>
      outLong(
        later(keyed(b, 'topic'))
          .groupByKey({ ...TEXT, name: 'grouping' })
          .count(),
      ),
    [`topic-of-group-by${suffix}`]: (b) =>
      later(keyed(b, 'topic'))
        .groupBy((v, k) => k + v, { ...TEXT, name: 'grouping' })
        .windowedBy(tumbling)
        .count()
        .toStream()
        .foreach(none),
    [`topic-of-grouped-table${suffix}`]: (b) => {
      const t = table(b, 'topic')
      outLong((more ? t.filter(always) : t).groupBy(pair, { ...TEXT, name: 'grouping' }).count())
    },
  }
}

const repartitions: Record<string, Build> = {
  'grouping-shared': (b) => {
    const g = keyed(b, 'topic').groupByKey({ ...TEXT, name: 'grouping' })
    const w = g.windowedBy(tumbling)
    outLong(g.count())
    w.count().toStream().foreach(none)
    outWindows(w.reduce(same))
    g.windowedBy(hopping).count().toStream().foreach(none)
  },
  'grouping-not-shared': (b) => {
    const g = keyed(b, 'topic').groupByKey(TEXT)
    g.windowedBy(tumbling).count().toStream().foreach(none)
    g.windowedBy(hopping).count().toStream().foreach(none)
  },
  ...laterNames(false),
  ...laterNames(true),
  'join-of-joins': (b) => {
    const s = keyed(b, 'one')
    const firstJoin = s.join(keyed(b, 'two'), join, windows, JOINED)
    out(
      s
        .leftJoin(firstJoin, join, windows, JOINED)
        .outerJoin(stream(b, 'three'), join, windows, { ...JOINED, name: 'last' }),
    )
  },
  'table-of-merged': (b) => merged(b, true).groupByKey(TEXT).count().toStream().foreach(none),
}

const optimised: Record<string, Build> = {
  'several-groupings': (b) => {
    const mapped = b.stream('input', { ...TEXT, name: 'sourceStream' }).map(pair, { name: 'source-map' })
    mapped
      .filter(always, { name: 'process-filter' })
      .mapValues(same, { name: 'process-mapValues' })
      .process(nothing, { name: 'process' })
    const counts = mapped
      .groupByKey({ ...TEXT, name: 'count-groupByKey' })
      .count({ name: 'count', store: 'count-store' })
      .toStream({ name: 'count-toStream' })
    counts.to('counts', { ...LONG, name: 'count-to' })
    mapped
      .groupByKey({ ...TEXT, name: 'aggregate-groupByKey' })
      .aggregate(zero, add, { name: 'aggregate', store: 'aggregate-store', value: S })
      .toStream({ name: 'aggregate-toStream' })
      .to('aggregates', { ...TEXT, name: 'reduce-to' })
    mapped
      .filter(always, { name: 'reduce-filter' })
      .peek(none, { name: 'reduce-peek' })
      .groupByKey({ ...TEXT, name: 'reduce-groupByKey' })
      .reduce(same, { name: 'reducer', store: 'reduce-store' })
      .toStream({ name: 'reduce-toStream' })
      .to('reduced', TEXT)
    mapped
      .filter(always, { name: 'join-filter' })
      .join(counts, (a, c) => `${a}${c}`, windows, { ...TEXT, otherValue: serdes.long, name: 'join' })
      .to('joined', { ...TEXT, name: 'join-to' })
  },
  'nested-keys': (b) => {
    const s = stream(b, 'topic').selectKey((v) => v)
    s.groupByKey({ ...TEXT, name: 'count-repartition' })
      .count({ store: 'count-store' })
      .toStream()
      .to('counts', LONG)
    s.groupByKey({ ...TEXT, name: 'windowed-repartition' })
      .windowedBy(tumbling)
      .count({ store: 'windowed-store' })
      .toStream()
      .map((v, k) => [k.key, v])
      .to('windowed', LONG)
  },
  'values-after-key': (b) => {
    const s = keyed(b, 'topic')
    outLong(s.mapValues(same).groupByKey(TEXT).count())
    s.flatMapValues((v) => [v])
      .groupByKey(TEXT)
      .windowedBy(tumbling)
      .count()
      .toStream()
      .foreach(none)
    outLong(s.processValues<Text>(nothing).groupByKey(TEXT).count())
    outLong(s.process<Text, Text>(nothing).groupByKey(TEXT).count())
  },
  'merges-of-one-key': (b) => {
    const s = keyed(b, 'topic')
    const copy = (): TextStream => s.mapValues(same)
    const [one, two] = [copy(), copy()]
    out(one.merge(two).merge(copy()))
  },
  'merge-left': (b) => {
    const g = merged(b, true).groupByKey(TEXT)
    g.count({ store: 'count-store' })
    g.aggregate(zero, add, { store: 'latest-store', value: S })
  },
  'merge-right': (b) => {
    const g = merged(b, false).groupByKey(TEXT)
    g.count({ store: 'count-store' })
    g.aggregate(zero, add, { store: 'latest-store', value: S })
  },
  'asked-for': (b) => {
    const s = keyed(b, 'topic')
    outLong(s.repartition(TEXT).groupByKey().count())
    s.repartition(TEXT).groupByKey().windowedBy(tumbling).count().toStream().foreach(none)
  },
  'merge-and-tables': (b) => {
    const nobody = (): readonly (readonly [Text, Text])[] => []
    const retries = stream(b, 'retry')
      .process<Text, Text>(nothing)
      .groupByKey(TEXT)
      .aggregate(zero, add, TEXT)
      .toStream()
      .flatMap(nobody)
    const ids = stream(b, 'ids').flatMap(nobody).peek(none).groupByKey(TEXT).aggregate(zero, add, TEXT)
    stream(b, 'commands')
      .peek(none)
      .mapValues(same)
      .merge(retries)
      .leftJoin(ids, join, TEXT)
      .split()
      .branch(always, { withConsumer: (x) => x.map(pair).peek(none).to('external', TEXT) })
      .defaultBranch({
        withConsumer: (x) => {
          x.filter(always).peek(none).mapValues(same).to('dlq', TEXT)
          x.map(pair).to('retry', TEXT)
        },
      })
  },
  'self-join-of-merged': (b) => {
    const s = stream(b, 'one').merge(stream(b, 'two'))
    out(s.join(s, join, windows, JOINED))
  },
  'self-join-three-ways': (b) =>
    out(stream(b, 'one').join(stream(b, 'one'), join, windows, JOINED).join(stream(b, 'two'), join, windows, JOINED)),
  'self-joins-of-one-source': (b) => {
    const s = stream(b, 'one')
    s.join(stream(b, 'one'), join, windows, JOINED)
    s.join(stream(b, 'one'), join, windows, JOINED)
    out(s.outerJoin(s, join, windows, { ...JOINED, name: 'third' }))
  },
  'self-joins-in-a-row': (b) => {
    const firstJoin = stream(b, 'one').join(stream(b, 'one'), join, windows, JOINED)
    out(firstJoin.join(firstJoin, join, windows, JOINED).join(stream(b, 'one'), join, windows, JOINED))
  },
  'self-join-with-a-filter': (b) => {
    const s = stream(b, 'one')
    out(s.join(s.filter(always), join, windows, JOINED))
  },
  'self-join-of-a-map': (b) => {
    const s = stream(b, 'one').mapValues(same)
    out(s.join(s, join, windows, JOINED))
  },
  'self-join-rekeyed': (b) => {
    const s = keyed(b, 'one')
    out(s.leftJoin(s, join, windows, JOINED))
    outLong(s.groupByKey(TEXT).count())
  },
}

function withOptimisation([name, build]: readonly [string, Build]): readonly (readonly [string, Build | Scenario])[] {
  const topology = () => {
    const builder = new StreamsBuilder()
    build(builder)
    return builder.build({ topologyOptimization: 'all' })
  }
  return [
    [name, build],
    [`${name}@all`, { topology }],
  ]
}

export const NAMING: Scenarios = {
  ...given,
  ...both(),
  ...repartitions,
  ...Object.fromEntries(Object.entries(optimised).flatMap(withOptimisation)),
}
