import { type Materialized, type StreamsBuilder, serdes, TimeWindows } from '../../../streams/index.ts'
import {
  add,
  type Build,
  concat,
  first,
  hopping,
  isNull,
  join,
  joinStreams,
  joinTables,
  KINDS,
  notX,
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
  type TextTable,
  table,
  tumbling,
  within,
  zero,
} from './shared.ts'

const aggregations: Record<string, Build> = {
  count: (b) => outLong(stream(b, 'left').groupByKey().count()),
  'count-materialized-with': (b) => outLong(stream(b, 'left').groupByKey().count({ key: S, value: serdes.long })),
  'count-named': (b) => outLong(stream(b, 'left').groupByKey().count({ name: 'counter', store: 'counts' })),
  aggregate: (b) => outTable(stream(b, 'left').groupByKey().aggregate(zero, add, { value: S })),
  'aggregate-uncached': (b) =>
    outTable(stream(b, 'left').groupByKey().aggregate(zero, add, { store: 'a', value: S, caching: false })),
  'aggregate-deletes': (b) =>
    outTable(stream(b, 'left').groupByKey().aggregate(zero, deleting, { store: 'a', value: S })),
  'aggregate-deletes-uncached': (b) =>
    outTable(stream(b, 'left').groupByKey().aggregate(zero, deleting, { store: 'a', value: S, caching: false })),
  reduce: (b) => outTable(stream(b, 'left').groupByKey().reduce(add)),
  'group-by': (b) =>
    outLong(
      stream(b, 'left')
        .groupBy((v) => v, { key: S })
        .count(),
    ),
  'group-by-named': (b) => {
    const grouped = stream(b, 'left').groupBy((v) => (isNull(v) ? (null as never) : first(v)), {
      name: 'by-first',
      key: S,
    })
    outLong(grouped.count())
    out(grouped.reduce((a, v) => a + v).toStream(), 'out2')
  },
  'flat-map-aggregate': (b) =>
    outTable(
      stream(b, 'left')
        .flatMap((v, k) => (isNull(v) ? [] : [[k ?? 'n', v] as const, ['all', v] as const, ['all', v + v] as const]))
        .groupByKey(TEXT)
        .aggregate(zero, add, { store: 'a', value: S }),
    ),
  'flat-map-values-aggregate': (b) => outTable(doubled(b).aggregate(zero, add, { store: 'a', value: S })),
  'flat-map-values-aggregate-uncached': (b) =>
    outTable(doubled(b).aggregate(zero, add, { store: 'a', value: S, caching: false })),
  'aggregate-group': (b) =>
    outTable(
      stream(b, 'left')
        .groupByKey()
        .aggregate(zero, add, { store: 'a', value: S })
        .groupBy((v) => [v.slice(-1), v], TEXT)
        .aggregate(zero, add, subtract, { store: 'g', value: S }),
    ),
  'reduce-filter-store': (b) =>
    outTable(
      stream(b, 'left')
        .groupByKey()
        .reduce((_a, v) => v, { store: 'r' })
        .filter(notX, { store: 'f' })
        .mapValues((v) => `${v}!`, { store: 'm', value: S }),
    ),
  'count-join-table': (b) =>
    outTable(
      stream(b, 'left')
        .groupByKey()
        .count()
        .leftJoin(table(b, 'right'), (c, v) => `${c}|${v ?? 'null'}`, { name: 'cj', store: 'cjs', value: S }),
    ),
}

function deleting(a: Text, v: Text): Text {
  return v.startsWith('x') ? (null as never) : `${a}+${v}`
}

function doubled(b: StreamsBuilder) {
  return stream(b, 'left')
    .flatMapValues((v) => (isNull(v) ? [] : [v, v + v]))
    .groupByKey(TEXT)
}

const windows: Record<string, Build> = {
  tumbling: (b) => outWindows(stream(b, 'left').groupByKey().windowedBy(tumbling).aggregate(zero, add, { value: S })),
  'tumbling-uncached': (b) =>
    outWindows(
      stream(b, 'left')
        .groupByKey()
        .windowedBy(tumbling)
        .aggregate(zero, add, { store: 'w', value: S, caching: false }),
    ),
  hopping: (b) =>
    outWindows(stream(b, 'left').groupByKey().windowedBy(hopping).aggregate(zero, add, { store: 'w', value: S })),
  'hopping-reduce-uncached': (b) =>
    outWindows(stream(b, 'left').groupByKey().windowedBy(hopping).reduce(add, { store: 'w', caching: false })),
  'hopping-no-grace-count': (b) =>
    stream(b, 'left')
      .groupByKey()
      .windowedBy(TimeWindows.ofSizeWithNoGrace(10).advanceBy(3))
      .count({ name: 'c' })
      .toStream((_v, k) => `${k.key}@${k.startMs}`)
      .to('out', { key: S, value: serdes.long }),
  'windowed-table-join': (b) => {
    const side = (topic: string, store: string) =>
      stream(b, topic)
        .groupByKey()
        .windowedBy(tumbling)
        .reduce((a, v) => concat(a, v), { store })
    outWindows(side('left', 'l').outerJoin(side('right', 'r'), join))
  },
  'windowed-filter-map': (b) =>
    outWindows(
      stream(b, 'left')
        .groupByKey()
        .windowedBy(tumbling)
        .aggregate(zero, add, { store: 'w', value: S })
        .filter((v) => v.length < 12)
        .mapValues((v) => `<${v}>`),
    ),
  'windowed-group-by': (b) =>
    outTable(
      stream(b, 'left')
        .groupByKey()
        .windowedBy(tumbling)
        .aggregate(zero, add, { store: 'w', value: S })
        .groupBy((v, k) => [String(k.startMs), v], TEXT)
        .aggregate(zero, add, subtract, { store: 'g', value: S }),
    ),
}

const tables: Record<string, Build> = {
  table: (b) => outTable(table(b, 'left')),
  'table-store': (b) => outTable(b.table('left', { ...TEXT, store: 'rows' })),
  'table-store-uncached': (b) => outTable(b.table('left', { ...TEXT, store: 'rows', caching: false })),
  'table-filter': (b) => outTable(table(b, 'left').filter(notX)),
  'table-filter-kept-parent': (b) => outTable(b.table('left', { ...TEXT, store: 'rows' }).filter(notX)),
  'table-filter-kept-parent-uncached': (b) =>
    outTable(b.table('left', { ...TEXT, store: 'rows', caching: false }).filter(notX)),
  'table-filter-store': (b) => outTable(table(b, 'left').filter(notX, { store: 'f' })),
  'table-filter-store-uncached': (b) => outTable(table(b, 'left').filter(notX, { store: 'f', caching: false })),
  'table-filter-store-kept-parent': (b) =>
    outTable(b.table('left', { ...TEXT, store: 'rows' }).filterNot(notX, { store: 'f' })),
  'table-map-values': (b) => outTable(table(b, 'left').mapValues((v) => `<${v}>`)),
  'table-map-values-null': (b) => outTable(table(b, 'left').mapValues((v) => (notX(v) ? v : (null as never)))),
  'table-map-values-store': (b) => outTable(table(b, 'left').mapValues((v) => `<${v}>`, { store: 'm', value: S })),
  'table-map-values-store-uncached': (b) =>
    outTable(
      table(b, 'left').mapValues((v) => (notX(v) ? `<${v}>` : (null as never)), {
        store: 'm',
        value: S,
        caching: false,
      }),
    ),
  'table-chain': (b) =>
    outTable(
      table(b, 'left')
        .mapValues((v) => v + v, TEXT)
        .filter(notX, { name: 'keep' })
        .mapValues((v, k) => k + v, { store: 'm', value: S })
        .filterNot((v) => v.endsWith('b')),
    ),
  'table-to-stream-key': (b) => out(table(b, 'left').toStream((_v, k) => `${k}!`)),
  'to-table': (b) => outTable(stream(b, 'left').toTable()),
  'to-table-store': (b) => outTable(stream(b, 'left').toTable({ name: 'tt', store: 'rows' })),
  'to-table-repartition': (b) =>
    outTable(
      stream(b, 'left')
        .selectKey((v) => (isNull(v) ? 'none' : first(v)))
        .toTable(TEXT)
        .filter(notX),
    ),
  'to-table-join': (b) => outTable(stream(b, 'left').toTable().join(stream(b, 'right').toTable(), join)),
  'table-group-count': (b) =>
    outLong(
      table(b, 'left')
        .groupBy((v) => [first(v), v], TEXT)
        .count(),
    ),
  'table-group-aggregate': (b) =>
    outTable(
      table(b, 'left')
        .groupBy((v) => [v.startsWith('c') ? (null as never) : first(v), v], TEXT)
        .aggregate(zero, add, subtract, { store: 'g', value: S, caching: false }),
    ),
  'table-group-aggregate-cached': (b) =>
    outTable(
      table(b, 'left')
        .groupBy((v) => [first(v), v], { ...TEXT, name: 'grp' })
        .aggregate(zero, add, subtract, { name: 'agg', store: 'g', value: S }),
    ),
  'table-group-reduce': (b) =>
    outTable(
      table(b, 'left')
        .groupBy((v) => [first(v), v], TEXT)
        .reduce(add, (a, v) => (a.length > 12 ? (null as never) : subtract(a, v))),
    ),
  'table-group-filter': (b) =>
    outTable(
      table(b, 'left')
        .groupBy((v) => ['k', v], TEXT)
        .aggregate(zero, add, subtract, { store: 'g', value: S })
        .filter((v) => v.length % 2 === 0),
    ),
  'table-group-of-group': (b) =>
    outLong(
      table(b, 'left')
        .groupBy((v) => [first(v), v], TEXT)
        .count({ store: 'c1' })
        .groupBy((v, k) => [String(v % 3), k], TEXT)
        .count({ store: 'c2' }),
    ),
}

const ROWS_GO_TOO_EARLY = {
  why: 'a join window with a negative bound: rows leave before the window closes',
  withCache: true,
  withoutCache: true,
}

const joins: Record<string, Build | Scenario> = {
  'stream-join-same': (b) => {
    const l = stream(b, 'left')
    out(l.join(l, join, within(10, 10, 5)))
  },
  'stream-join-twice-one-repartition': (b) => {
    const l = stream(b, 'left').selectKey((_v, k) => k)
    out(l.join(stream(b, 'right'), join, within(10, 10, 5), { key: S }))
    out(l.leftJoin(stream(b, 'third'), join, within(10, 10, 5), { key: S }), 'out2')
  },
  'stream-table-join': (b) => out(stream(b, 'left').join(table(b, 'right'), join)),
  'stream-table-left-join': (b) => out(stream(b, 'left').leftJoin(table(b, 'right'), join)),
  'stream-table-join-repartitioned': (b) => out(mapped(b, 'left').join(table(b, 'right'), join, TEXT)),
  'stream-table-left-join-repartitioned': (b) =>
    out(mapped(b, 'left').leftJoin(table(b, 'right'), join, { ...TEXT, name: 'lj' })),
  'stream-table-join-two': (b) => {
    const l = stream(b, 'left').selectKey((_v, k) => k)
    out(l.join(table(b, 'right'), join, TEXT))
    out(l.leftJoin(table(b, 'third'), join, TEXT), 'out2')
  },
  'stream-aggregate-join': (b) =>
    out(stream(b, 'left').leftJoin(stream(b, 'right').groupByKey().aggregate(zero, add, { value: S }), join)),
  'stream-filtered-table-join': (b) =>
    out(
      stream(b, 'left').leftJoin(
        table(b, 'right')
          .filter(notX)
          .mapValues((v) => v + v),
        join,
      ),
    ),
  'stream-table-table-join': (b) =>
    out(stream(b, 'left').leftJoin(table(b, 'right').outerJoin(table(b, 'third'), join), join)),
  'global-join': (b) => out(stream(b, 'left').join(b.globalTable('right', TEXT), (v, k) => (notX(v) ? k : null), join)),
  'global-left-join': (b) =>
    out(
      stream(b, 'left').leftJoin(
        b.globalTable('right', { ...TEXT, store: 'g' }),
        (v, k) => (notX(v) ? (k ?? 'A') : null),
        join,
      ),
    ),
}

function mapped(b: StreamsBuilder, topic: string): TextStream {
  return stream(b, topic).map((v, k) => [k, v])
}

for (const kind of KINDS) {
  const sides = (b: StreamsBuilder) => [table(b, 'left'), table(b, 'right')] as const
  const group = (t: TextTable, options: Materialized<Text, Text>): TextTable =>
    t.groupBy((v) => ['k', v], TEXT).aggregate(zero, add, subtract, { store: 'g', value: S, ...options })
  const stored = { store: 'j', value: S }
  Object.assign(joins, {
    [`table-join-${kind}`]: (b) => outTable(joinTables(kind, ...sides(b))),
    [`table-join-${kind}-store`]: (b) => outTable(joinTables(kind, ...sides(b), stored)),
    [`table-join-${kind}-store-uncached`]: (b) =>
      outTable(joinTables(kind, ...sides(b), { ...stored, caching: false })),
    [`table-join-${kind}-filter`]: (b) =>
      outTable(joinTables(kind, ...sides(b)).filter((v) => !v.includes('x'), { store: 'f', value: S })),
    [`table-join-${kind}-group`]: (b) => outTable(group(joinTables(kind, ...sides(b)), { caching: false })),
    [`table-join-${kind}-store-group`]: (b) =>
      outTable(group(joinTables(kind, ...sides(b), { ...stored, caching: false }), {})),
    [`table-join-${kind}-filtered-sides`]: (b) => {
      const l = table(b, 'left').filter(notX)
      const r = table(b, 'right').mapValues((v) => (notX(v) ? v + v : (null as never)))
      outTable(joinTables(kind, l, r))
    },
    [`table-join-${kind}-twice`]: (b) => outTable(joinTables('left', joinTables(kind, ...sides(b)), table(b, 'third'))),
    [`table-join-${kind}-nested`]: (b) => {
      const third = table(b, 'third')
      outTable(joinTables(kind, third, joinTables(kind, ...sides(b)), stored))
    },
    [`stream-join-${kind}-named`]: (b) =>
      out(
        joinStreams(
          kind,
          stream(b, 'left').selectKey((_v, k) => k),
          mapped(b, 'right'),
          within(10, 10, 5),
          { ...TEXT, otherValue: S, name: 'j', store: 'js' },
        ),
      ),
    [`stream-join-${kind}-repartitioned`]: (b) =>
      out(
        joinStreams(
          kind,
          stream(b, 'left').selectKey((_v, k) => k),
          mapped(b, 'right'),
          within(10, 10, 5),
          { ...TEXT, otherValue: S },
        ),
      ),
  } satisfies Record<string, Build>)
  for (const [before, after, grace] of [
    [10, 10, 0],
    [10, 10, 7],
    [0, 10, 3],
    [10, 0, 3],
    [-2, 10, 2],
    [10, -2, 2],
  ] as const) {
    const build: Build = (b) =>
      out(joinStreams(kind, stream(b, 'left'), stream(b, 'right'), within(before, after, grace)))
    const isApart = before < 0 || after < 0
    joins[`stream-join-${kind}_${before}_${after}_${grace}`] = isApart ? { build, deviation: ROWS_GO_TOO_EARLY } : build
  }
}

const topics: Record<string, Build> = {
  repartition: (b) => out(stream(b, 'left').repartition()),
  'repartition-named': (b) => out(stream(b, 'left').repartition({ name: 'again', partitions: 3 })),
  'repartition-left-join': (b) =>
    out(
      stream(b, 'left')
        .repartition()
        .mapValues((v) => v)
        .leftJoin(table(b, 'right'), join),
    ),
  'repartition-twice-left-join': (b) =>
    out(stream(b, 'left').repartition().repartition().leftJoin(table(b, 'right'), join)),
  stateless: (b) =>
    out(
      stream(b, 'left')
        .filter((v) => !isNull(v))
        .filterNot((v) => v.startsWith('x'))
        .map((v, k) => [v, k])
        .flatMap((v, k) => [[k, v] as const, [k + k, v] as const])
        .mapValues(concat)
        .flatMapValues((v) => [v, `${v}2`])
        .selectKey((_v, k) => `${k}s`)
        .peek(() => {}),
    ),
  'stateless-named': (b) =>
    stream(b, 'left')
      .filter((v) => !isNull(v), { name: 'f' })
      .map((v, k) => [k, v], { name: 'm' })
      .mapValues((v) => v, { name: 'mv' })
      .to(() => 'out', { ...TEXT, name: 'sink' }),
  merge: (b) =>
    out(
      stream(b, 'left')
        .mapValues((v) => concat(v, 'l'))
        .merge(stream(b, 'right').selectKey((v) => v))
        .filter(() => true),
    ),
  'merge-count': (b) =>
    outLong(
      stream(b, 'left')
        .merge(stream(b, 'right').selectKey((v) => v))
        .groupByKey(TEXT)
        .count(),
    ),
  split: (b) => {
    const branches = stream(b, 'left')
      .split({ name: 's-' })
      .branch(isNull, { name: 'null' })
      .branch((v) => v.startsWith('x'))
      .branch((v) => v.startsWith('a'), { name: 'a' })
      .defaultBranch()
    for (const name of ['s-null', 's-2', 's-a', 's-0']) out(branches[name] as TextStream, `out-${name}`)
  },
  'split-no-default': (b) => {
    const branches = stream(b, 'left')
      .split()
      .branch((v) => !isNull(v) && v.startsWith('x'))
      .branch((_v, k) => isNull(k))
      .noDefaultBranch()
    out(branches['KSTREAM-BRANCH-00000000011'] as TextStream)
    out(branches['KSTREAM-BRANCH-00000000012'] as TextStream, 'out2')
  },
  'same-topic-twice': (b) => {
    out(stream(b, 'left').mapValues((v) => concat(v, '1')))
    out(
      stream(b, 'left').filter((_v, k) => !isNull(k)),
      'out2',
    )
  },
  'two-topics': (b) => out(b.stream(['left', 'right'], TEXT)),
  'many-subtopologies': (b) => {
    const counts = stream(b, 'left')
      .groupBy((v) => v, { key: S })
      .count()
    const texts = stream(b, 'right')
      .groupBy((v) => v, { key: S })
      .reduce((a, v) => a + v)
    out(counts.join(texts, (c, t) => `${c}${t}`).toStream())
    out(stream(b, 'third'), 'out2')
  },
}

/**
 * Without the record cache, a stream aggregation of Kafka Streams says that the initializer's value was there before the first
 * record of a key, which grouping the result then subtracts from a group it was never in. With the cache it does not; nor do we ever.
 */
const INITIALIZER_AS_OLD_VALUE = { why: 'first update of a stream aggregation', withoutCache: true }

export const BASICS: Scenarios = {
  ...aggregations,
  ...windows,
  ...tables,
  ...joins,
  ...topics,
  'aggregate-group': { build: aggregations['aggregate-group'] as Build, deviation: INITIALIZER_AS_OLD_VALUE },
  'windowed-group-by': { build: windows['windowed-group-by'] as Build, deviation: INITIALIZER_AS_OLD_VALUE },
}
