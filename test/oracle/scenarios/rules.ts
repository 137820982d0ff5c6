import { type StreamsBuilder, serdes, TimeWindows } from '../../../streams/index.ts'
import {
  add,
  type Build,
  first,
  hopping,
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

const split = (b: StreamsBuilder): TextStream => stream(b, 'left').flatMapValues((v) => v.split(','))
const windowed = (s: TextStream, windows: TimeWindows): void =>
  outWindows(s.groupByKey().windowedBy(windows).aggregate(zero, add, { store: 'w', value: S }))
const grouped = (t: TextTable): TextTable =>
  t.groupBy((v) => ['all', v], TEXT).aggregate(zero, add, subtract, { store: 'g', value: S })
const orNull = <T>(condition: boolean, value: T): T => (condition ? (null as never) : value)

const time: Record<string, Build> = {
  "rule-01-a-filter-delays-the-operator's-time": (b) => windowed(stream(b, 'left').filter(notX), tumbling),
  'rule-04-a-negative-time-fails': (b) => out(stream(b, 'left')),
  'rule-04-a-negative-extracted-time-is-dropped': (b) =>
    out(
      b.stream('left', {
        ...TEXT,
        timestampExtractor: ({ value, timestampMs }) => (value === 'x' ? -1 : timestampMs),
      }),
    ),
  'rule-06-the-extractor-is-told-the-highest-time-so-far': (b) =>
    out(
      b.stream('left', {
        ...TEXT,
        timestampExtractor: ({ value, timestampMs }, partitionTimeMs) =>
          value === 'p' ? partitionTimeMs + 100 : timestampMs,
      }),
    ),
}

const aggregations: Record<string, Build> = {
  'rule-11-null-keys-and-values': (b) => {
    outTable(stream(b, 'left').groupByKey().aggregate(zero, add, { store: 'a', value: S }))
    out(stream(b, 'left').groupByKey().reduce(add, { store: 'r' }).toStream(), 'out2')
    stream(b, 'left')
      .groupByKey()
      .windowedBy(tumbling)
      .aggregate(zero, add, { store: 'w', value: S })
      .toStream((_v, k) => k.key)
      .to('out3', TEXT)
  },
  'rule-12-the-later-time': (b) =>
    outTable(stream(b, 'left').groupByKey().aggregate(zero, add, { store: 'a', value: S })),
  'rule-13-a-window-closes-with-its-end-grace': (b) => windowed(stream(b, 'left'), tumbling),
  'rule-13-a-window-closes-with-its-end-no-grace': (b) =>
    windowed(stream(b, 'left'), TimeWindows.ofSizeWithNoGrace(10)),
  'rule-14-late-for-one-window-and-not-for-the-next': (b) => windowed(stream(b, 'left'), hopping),
  'rule-15-time-moves-before-the-check': (b) =>
    windowed(stream(b, 'left'), TimeWindows.ofSizeWithNoGrace(10).advanceBy(5)),
  'rule-16-window-starts': (b) =>
    outWindows(
      stream(b, 'left')
        .groupByKey()
        .windowedBy(hopping)
        .count()
        .mapValues((n) => String(n)),
    ),
  'rule-23-the-old-row-leaves-first': (b) =>
    outTable(
      table(b, 'left')
        .groupBy((v) => [first(v), v], TEXT)
        .aggregate(zero, add, subtract, { store: 'g', value: S }),
    ),
  'rule-23-no-subtraction-from-nothing': (b) =>
    outTable(
      table(b, 'left')
        .groupBy((v) => [first(v), v], TEXT)
        .aggregate(zero, (a, v) => orNull(v.endsWith('x'), add(a, v)), subtract, { store: 'g', value: S }),
    ),
  'rule-24-one-record-or-two': (b) =>
    outTable(
      table(b, 'left')
        .groupBy((v) => {
          if (v === 'none') return [null as never, v]
          return v === 'null' ? ['n', null as never] : [first(v), v]
        }, TEXT)
        .aggregate(zero, add, subtract, { store: 'g', value: S }),
    ),
}

const tables: Record<string, Build> = {
  'rule-25-somebody-downstream-wants-old-values': (b) => {
    const kept = b
      .table('left', { ...TEXT, store: 'rows' })
      .filter(notX)
      .mapValues((v) => `${v}!`)
    outTable(kept)
    out(grouped(kept).toStream(), 'out2')
  },
  'rule-26-a-row-that-stops-matching-old-values-known': (b) =>
    outTable(b.table('left', { ...TEXT, store: 'rows' }).filter(notX)),
  'rule-26-a-row-that-stops-matching-old-values-unknown': (b) => outTable(table(b, 'left').filter(notX)),
  'rule-27-no-call-for-a-tombstone': (b) =>
    outTable(table(b, 'left').mapValues((v) => String(v.length), { store: 'm', value: S })),
  'rule-28-null-keys-and-older-updates': (b) => outTable(b.table('left', { ...TEXT, store: 'rows' })),
  'rule-69-an-update-that-changes-nothing': (b) => outTable(b.table('left', { ...TEXT, store: 'rows' })),
}

const joins: Record<string, Build> = {
  'rule-40-join-first-then-keep': (b) => {
    const l = stream(b, 'left')
    out(l.join(l, join, within(10, 10, 5)))
  },
  'rule-46-only-the-stream-speaks': (b) => {
    out(stream(b, 'left').join(table(b, 'right'), join))
    out(stream(b, 'left').leftJoin(table(b, 'third'), join), 'out2')
  },
  'rule-48-a-global-table-knows-no-time': (b) =>
    out(stream(b, 'left').leftJoin(b.globalTable('right', TEXT), (_v, k) => k, join)),
}

for (const kind of KINDS) {
  const streams = (before: number, after: number, grace: number): Build => {
    return (b) => out(joinStreams(kind, stream(b, 'left'), stream(b, 'right'), within(before, after, grace)))
  }
  Object.assign(joins, {
    [`rule-37-null-keys-and-values-${kind}`]: streams(10, 10, 5),
    [`rule-38-the-edges-of-the-window-${kind}`]: streams(3, 5, 40),
    [`rule-39-duplicates-${kind}`]: streams(10, 10, 5),
    [`rule-41-records-without-a-partner-in-order-${kind}`]: streams(10, 10, 5),
    [`rule-42-without-a-partner-and-too-late-to-find-one-${kind}`]: streams(10, 10, 20),
    [`rule-43-a-partner-for-all-duplicates-${kind}`]: streams(10, 10, 5),
    [`rule-44-both-sides-share-their-time-${kind}`]: streams(10, 10, 0),
    [`rules-31-32-table-join-${kind}`]: (b) => outTable(joinTables(kind, table(b, 'left'), table(b, 'right'))),
    [`rules-31-32-table-join-${kind}-and-old-values`]: (b) => {
      const joined = joinTables(kind, table(b, 'left'), table(b, 'right'))
      outTable(joined)
      out(grouped(joined).toStream(), 'out2')
    },
  } satisfies Record<string, Build>)
}

const caches: Record<string, Build> = {
  'rule-52-updates-of-one-commit-collapse': (b) => {
    const last = split(b)
      .groupByKey()
      .reduce((a, v) => orNull(v === 'x', a + v), { store: 'r', value: S })
    outTable(last)
    out(grouped(last).toStream(), 'out2')
  },
  'rule-53-in-the-order-of-the-last-update': (b) =>
    outTable(
      stream(b, 'left')
        .flatMap((v) => v.split(',').map((one) => [first(one), one] as const))
        .groupByKey(TEXT)
        .aggregate(zero, add, { store: 'a', value: S }),
    ),
  'rule-53-a-flush-that-writes-into-the-next-cache': (b) =>
    outTable(
      split(b)
        .groupByKey()
        .aggregate(zero, add, { store: 'a', value: S })
        .filter((v) => v.length < 12, { store: 'f' })
        .mapValues((v) => `${v}!`, { store: 'm', value: S }),
    ),
}

const topologies: Record<string, Build> = {
  'rule-56-the-key-stays-changed': (b) => {
    const global = b.globalTable('right', TEXT)
    const changed = stream(b, 'left')
      .selectKey((v) => v)
      .filter(() => true)
      .mapValues((v) => v)
      .peek(() => {})
      .merge(stream(b, 'left'))
      .join(global, (_v: Text, k) => k, join)
    outLong(changed.groupByKey(TEXT).count())
  },
  'rule-56-the-key-is-in-its-place-again': (b) => {
    const long = { key: S, value: serdes.long }
    const changed = stream(b, 'left').selectKey((v) => v)
    outLong(changed.repartition(TEXT).groupByKey().count())
    changed.join(table(b, 'right'), join, TEXT).groupByKey(TEXT).count().toStream().to('out2', long)
    const pairs = changed.join(stream(b, 'third'), join, within(10, 10, 5), { ...TEXT, otherValue: S })
    pairs.groupByKey(TEXT).count().toStream().to('out3', long)
  },
  'rule-68-the-first-branch-that-takes-it': (b) => {
    const branches = stream(b, 'left')
      .split({ name: 's-' })
      .branch((v) => v.includes('a'), { name: 'a' })
      .branch((v) => v.includes('b'), { name: 'b' })
      .noDefaultBranch()
    for (const name of ['a', 'b']) out(branches[`s-${name}`] as TextStream, `out-${name}`)
  },
}

const COLLAPSE = 'rule-52-updates-of-one-commit-collapse'

export const RULES: Scenarios = {
  ...time,
  ...aggregations,
  ...tables,
  ...joins,
  ...caches,
  ...topologies,
  [COLLAPSE]: {
    build: caches[COLLAPSE] as Build,
    deviation: { why: 'a tombstone in the changelog for a row that came and went within a commit', changelogs: true },
  },
}
