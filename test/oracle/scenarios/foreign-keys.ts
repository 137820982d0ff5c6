import {
  type KTable,
  StreamsBuilder,
  serdes,
  type TableJoined,
  type TableMaterialized,
  type Windowed,
} from '../../../streams/index.ts'
import {
  add,
  type Build,
  concat,
  first,
  isNull,
  join,
  joinTables,
  notX,
  out,
  outTable,
  outWindows,
  S,
  type Scenario,
  stream,
  subtract,
  TEXT,
  type Text,
  type TextTable,
  table,
  tumbling,
  zero,
} from './shared.ts'

type Kind = 'inner' | 'left'
const KINDS: readonly Kind[] = ['inner', 'left']

const key = (v: Text): Text | null => (v.startsWith('x') ? null : first(v).toUpperCase())

function fk<K>(
  kind: Kind,
  l: KTable<K, Text>,
  r: TextTable,
  options: TableJoined<K, Text, Text> = {},
  foreignKey: (v: Text, k: K) => Text | null = key,
): KTable<K, Text> {
  const serde = { value: S, ...options }
  return kind === 'inner' ? l.join(r, foreignKey, join, serde) : l.leftJoin(r, foreignKey, join, serde)
}

const kept = (b: StreamsBuilder, topic: string): TextTable =>
  b.table(topic, { ...TEXT, store: `${topic}-rows`, caching: false })

const versioned = (b: StreamsBuilder, topic: string): TextTable =>
  b.table(topic, { ...TEXT, store: `${topic}-rows`, versioned: { historyRetention: 50 } })

function optimised(build: Build): Scenario {
  return {
    topology: () => {
      const builder = new StreamsBuilder()
      build(builder)
      return builder.build({ topologyOptimization: 'all' })
    },
  }
}

const noC = (v: Text): boolean => !v.includes('c')
const J: TableMaterialized<Text, Text> = { store: 'j' }
const J_UNCACHED: TableMaterialized<Text, Text> = { store: 'j', caching: false }

function scenarios(kind: Kind): Record<string, Build | Scenario> {
  const both =
    (options: TableJoined<Text, Text, Text> = {}): Build =>
    (b) =>
      outTable(fk(kind, table(b, 'left'), table(b, 'right'), options))
  const plain = (b: StreamsBuilder, options: TableJoined<Text, Text, Text> = {}): TextTable =>
    fk(kind, table(b, 'left'), table(b, 'right'), options)
  return {
    plain: both(),
    late: both(),
    store: both(J),
    'store-uncached': both(J_UNCACHED),
    'materialized-with': both(TEXT),
    named: both({ name: 'fk' }),
    'named-store': both({ name: 'fk', store: 'j' }),
    partitioners: both({ partitioner: () => [0], otherPartitioner: () => undefined }),
    'kept-sides': (b) => outTable(fk(kind, kept(b, 'left'), kept(b, 'right'))),
    filter: (b) => outTable(plain(b).filter(noC)),
    'filter-store': (b) => outTable(plain(b).filter(noC, { store: 'f' })),
    'store-filter': (b) => outTable(plain(b, J).filter(noC)),
    'map-values': (b) => outTable(plain(b).mapValues((v, k) => k + v)),
    group: (b) =>
      outTable(
        plain(b)
          .groupBy((v) => [first(v), v], TEXT)
          .aggregate(zero, add, subtract, { store: 'g', value: S }),
      ),
    'store-group': (b) =>
      outTable(
        plain(b, J_UNCACHED)
          .groupBy((v) => ['k', v], TEXT)
          .aggregate(zero, add, subtract, { store: 'g', value: S, caching: false }),
      ),
    join: (b) => outTable(joinTables('outer', plain(b), table(b, 'third'))),
    'store-join': (b) => {
      const third = table(b, 'third')
      outTable(joinTables('left', third, plain(b, J)))
    },
    'stream-join': (b) => {
      const third = stream(b, 'third')
      out(third.leftJoin(plain(b, J), join))
    },
    twice: (b) => {
      const once = plain(b)
      outTable(fk(kind, once, table(b, 'third')))
    },
    two: (b) => {
      const l = table(b, 'left')
      outTable(fk(kind, l, table(b, 'right')))
      out(fk('left', l, table(b, 'third'), { name: 'second' }).toStream(), 'out2')
    },
    'same-right': (b) => {
      const r = table(b, 'right')
      outTable(fk(kind, table(b, 'left'), r))
      out(fk('inner', table(b, 'third'), r).toStream(), 'out2')
    },
    'right-of-right': (b) => {
      const l = table(b, 'left')
      outTable(fk(kind, l, fk('left', table(b, 'right'), table(b, 'third'), J)))
    },
    self: (b) => {
      const l = table(b, 'left')
      outTable(fk(kind, l, l))
    },
    'self-store': (b) => {
      const l = kept(b, 'left')
      outTable(fk(kind, l, l, J_UNCACHED))
    },
    repartitioned: (b) => {
      const l = stream(b, 'left')
        .selectKey((v, k) => (isNull(v) ? (null as never) : concat(v, k)))
        .toTable(TEXT)
      const r = stream(b, 'right')
        .groupBy((v) => (isNull(v) ? (null as never) : first(v).toUpperCase()), TEXT)
        .reduce(concat)
      outTable(fk(kind, l, r))
    },
    aggregates: (b) => {
      const l = stream(b, 'left')
        .groupByKey()
        .reduce((a, v) => v + a, { store: 'l' })
      const r = stream(b, 'right').groupByKey().aggregate(zero, add, { store: 'r', value: S, caching: false })
      outTable(fk(kind, l, r))
    },
    'group-sides': (b) => {
      const l = table(b, 'left')
        .groupBy((v, k) => [v, k], TEXT)
        .reduce(
          (_a, v) => v,
          (a) => a,
          { store: 'l' },
        )
        .mapValues((_v, k) => k, { store: 'lm', value: S })
      const r = table(b, 'right')
        .groupBy((v) => [first(v).toUpperCase(), v], TEXT)
        .aggregate(zero, add, subtract, { store: 'r', value: S })
      outTable(fk(kind, l, r))
    },
    'filtered-sides': (b) => {
      const l = table(b, 'left').filter((v) => !v.startsWith('c'))
      const r = table(b, 'right').mapValues((v) => (v.startsWith('x') ? (null as never) : v + v), TEXT)
      outTable(fk(kind, l, r))
    },
    'kept-filtered-sides': (b) => {
      const l = table(b, 'left').filterNot((v) => v.startsWith('c'), { store: 'l' })
      outTable(fk(kind, l, table(b, 'right').filter(notX, { store: 'r', caching: false })))
    },
    burst: (b) => {
      const l = stream(b, 'left')
        .flatMapValues((v) => (isNull(v) ? [] : [v, v === 'ab' ? 'b' : v + v, v === 'c' ? 'a' : 'xx']))
        .toTable(TEXT)
      const r = stream(b, 'right')
        .flatMapValues((v) => (isNull(v) ? [] : [v, `${v}2`]))
        .toTable(TEXT)
      outTable(fk(kind, l, r))
    },
    'windowed-left': (b) => {
      const l = stream(b, 'left')
        .groupByKey()
        .windowedBy(tumbling)
        .reduce((_a, v) => v, { store: 'l', retention: '10s' })
      outWindows(fk<Windowed<Text>>(kind, l, table(b, 'right')))
    },
    versioned: (b) => outTable(fk(kind, versioned(b, 'left'), versioned(b, 'right'))),
    'versioned-left': (b) => {
      const l = versioned(b, 'left').filter((v) => !v.startsWith('c'))
      outTable(fk(kind, l, table(b, 'right'), J))
    },
    'versioned-right': (b) => {
      const l = table(b, 'left')
      outTable(fk(kind, l, versioned(b, 'right').filter(notX)))
    },
    optimised: optimised(both(J)),
    'optimised-repartitioned': optimised((b) => {
      const l = stream(b, 'left').selectKey((v, k) => (isNull(v) ? (null as never) : concat(v, k)))
      l.groupByKey(TEXT).count({ store: 'c' }).toStream().to('out2', { key: S, value: serdes.long })
      outTable(fk(kind, l.toTable(TEXT), table(b, 'right')))
    }),
    'key-and-value': (b) =>
      outTable(fk(kind, table(b, 'left'), table(b, 'right'), {}, (v, k) => (v.endsWith('b') ? k : key(v)))),
    'burst-stale': (b) => {
      const l = stream(b, 'left')
        .flatMapValues((v) => (isNull(v) ? [] : v.split(',')))
        .toTable({ ...TEXT, store: 'l', caching: kind === 'left' })
      outTable(fk(kind, l, table(b, 'right')))
    },
    ...sequences(kind),
  }
}

const SEQUENCES = [
  'left-then-right',
  'right-then-left',
  'delete-and-again',
  'unchanged-value',
  'null-foreign-keys',
  'foreign-key-without-row',
  'many-to-one',
  'foreign-keys-that-begin-alike',
  'times-of-results',
  'empty-values',
  'unsubscribed',
  'null-keys',
]

function sequences(kind: Kind): Record<string, Build> {
  return Object.fromEntries(
    SEQUENCES.map((name): [string, Build] => [name, (b) => outTable(fk(kind, table(b, 'left'), table(b, 'right')))]),
  )
}

function keptSequences(kind: Kind): Record<string, Build> {
  return Object.fromEntries(
    SEQUENCES.map((name): [string, Build] => [
      `${name}-${kind}-store`,
      (b) => outTable(fk(kind, kept(b, 'left'), kept(b, 'right'), J)),
    ]),
  )
}

/** Bursts are the only scenarios in which an answer comes too late. */
const DEVIATIONS: Readonly<Record<string, Scenario['deviation']>> = {
  'burst-inner': { why: 'a result that has to go asks again', withoutCache: true },
  'burst-stale-inner': { why: 'a result that has to go asks again', withCache: true, withoutCache: true },
}

function deviating(name: string, build: Build | Scenario): Build | Scenario {
  const deviation = DEVIATIONS[name]
  return typeof build !== 'function' || deviation === undefined ? build : { build, deviation }
}

export const FOREIGN_KEYS: Readonly<Record<string, Build | Scenario>> = Object.assign(
  {},
  ...KINDS.map((kind) => ({
    ...Object.fromEntries(
      Object.entries(scenarios(kind)).map(([name, build]) => [`${name}-${kind}`, deviating(`${name}-${kind}`, build)]),
    ),
    ...keptSequences(kind),
  })),
)
