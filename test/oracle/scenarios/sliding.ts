import { SlidingWindows, type StreamsBuilder, serdes, UnlimitedWindows } from '../../../streams/index.ts'
import {
  add,
  type Build,
  first,
  isNull,
  join,
  outTable,
  outWindows,
  S,
  type Scenario,
  type Scenarios,
  stream,
  subtract,
  TEXT,
  type Text,
} from './shared.ts'

const within = SlidingWindows.ofTimeDifferenceAndGrace
const grouped = (b: StreamsBuilder) => stream(b, 'left').groupByKey()
const sliding = (b: StreamsBuilder, difference = 10, grace = 5) => grouped(b).windowedBy(within(difference, grace))
const zero = (): Text => '0'
const deleting = (a: Text, v: Text): Text => (v.startsWith('x') ? (null as never) : `${a}+${v}`)

const LONG = { value: serdes.long }

const aggregations: Record<string, Build> = {
  count: (b) => sliding(b).count().toStream().to('out', LONG),
  'count-materialized-with': (b) => sliding(b).count({ key: S, value: serdes.long }).toStream().to('out', LONG),
  'count-named': (b) => sliding(b).count({ name: 'counter' }).toStream().to('out', LONG),
  reduce: (b) => outWindows(sliding(b).reduce(add)),
  'reduce-store': (b) => outWindows(sliding(b).reduce(add, { store: 'w' })),
  'aggregate-memory': (b) =>
    outWindows(sliding(b).aggregate(zero, add, { store: 'w', value: S, persistent: false, caching: false })),
  'aggregate-deletes': (b) => outWindows(sliding(b).aggregate(zero, deleting, { store: 'w', value: S })),
  'aggregate-retention': (b) => outWindows(sliding(b).aggregate(zero, add, { store: 'w', value: S, retention: 60 })),
  'aggregate-far': (b) => outWindows(sliding(b, 10, 20).aggregate(zero, add, { store: 'w', value: S })),
  'aggregate-dense': (b) => outWindows(sliding(b, 8, 16).reduce((a, v) => a + v, { store: 'w' })),
  'aggregate-uncached': (b) => outWindows(sliding(b).aggregate(zero, add, { store: 'w', value: S, caching: false })),
  repartitioned: (b) =>
    outWindows(
      stream(b, 'left')
        .groupBy((v) => (isNull(v) ? (null as never) : first(v)), { ...TEXT, name: 'by-first' })
        .windowedBy(within(10, 5))
        .aggregate(zero, add, { store: 'w', value: S }),
    ),
  'repartitioned-unnamed': (b) =>
    outWindows(
      stream(b, 'left')
        .selectKey((_v, k) => k)
        .groupByKey(TEXT)
        .windowedBy(within(10, 5))
        .reduce((a, v) => a + v, { name: 'r' }),
    ),
  'table-join': (b) => {
    const l = sliding(b).reduce((a, v) => a + v, { store: 'l' })
    const r = stream(b, 'right')
      .groupByKey()
      .windowedBy(within(10, 5))
      .reduce((a, v) => a + v, { store: 'r' })
    outWindows(l.outerJoin(r, join))
  },
  'to-stream-key': (b) =>
    sliding(b)
      .count({ name: 'c', store: 'counts' })
      .toStream((_v, k) => `${k.key}@${k.startMs}-${k.endMs}`)
      .to('out', { key: S, value: serdes.long }),
}

const filterMap: Build = (b) =>
  outWindows(
    sliding(b)
      .aggregate(zero, add, { store: 'w', value: S })
      .filter((v) => v.length < 12)
      .mapValues((v) => `<${v}>`),
  )

const sizes: readonly (readonly [number, number])[] = [
  [1, 0],
  [1, 4],
  [3, 0],
  [5, 2],
  [10, 0],
  [10, 30],
  [25, 0],
  [25, 10],
  [60, 5],
]
const store: (difference: number, grace: number) => Build = (difference, grace) => (b) =>
  outWindows(sliding(b, difference, grace).aggregate(zero, add, { store: 'w', value: S }))

const ofAllSizes = sizes.flatMap(([difference, grace]): [string, Build][] =>
  ['', '-again'].map((suffix) => [`aggregate-${difference}-${grace}${suffix}`, store(difference, grace)]),
)

const rules: Record<string, Build> = {
  'rule-11-null-keys-and-values': store(10, 5),
  'rule-13-the-end-is-inside-grace-0': store(10, 0),
  'rule-13-the-end-is-inside-grace-5': store(10, 5),
  ...Object.fromEntries(Array.from({ length: 9 }, (_, i) => [`rule-20-windows-of-each-record-${i}`, store(10, 50)])),
  ...Object.fromEntries(Array.from({ length: 6 }, (_, i) => [`rule-20-early-records-${i}`, store(10, 50)])),
  'rule-20-early-and-late': store(20, 0),
  'rule-21-windows-at-the-edge-of-retention': store(10, 5),
}

const FIRST = { why: 'the first update of a window has no old value', withoutCache: true }
const HIDES = { why: 'Kafka Streams hides the oldest windows that a late record looks for', withoutCache: true }

/** Kafka Streams says of a new window that what it begins with was there before. */
const groupBy: Scenario = {
  build: (b) =>
    outTable(
      sliding(b)
        .aggregate(zero, add, { store: 'w', value: S })
        .groupBy((v, k) => [String(Math.floor(k.startMs / 10)), v], TEXT)
        .aggregate(zero, add, subtract, { store: 'g', value: S }),
    ),
  deviation: FIRST,
}

const unlimited: Record<string, Build | Scenario> = {
  'unlimited-count': (b) => grouped(b).windowedBy(UnlimitedWindows.of()).count().toStream().to('out', LONG),
  'unlimited-start-on': (b) =>
    outWindows(
      grouped(b)
        .windowedBy(UnlimitedWindows.of().startOn(new Date(40)))
        .aggregate(zero, add, { store: 'u', value: S }),
    ),
  'unlimited-uncached': (b) =>
    outWindows(grouped(b).windowedBy(UnlimitedWindows.of().startOn(40)).reduce(add, { store: 'u', caching: false })),
  'unlimited-group-by': {
    build: (b) =>
      outTable(
        grouped(b)
          .windowedBy(UnlimitedWindows.of())
          .aggregate(zero, add, { store: 'u', value: S })
          .groupBy((_v, k) => ['all', k.key], TEXT)
          .aggregate(zero, add, subtract, { store: 'g', value: S }),
      ),
    deviation: FIRST,
  },
}

export const SLIDING: Scenarios = {
  ...aggregations,
  ...Object.fromEntries(ofAllSizes),
  ...rules,
  'group-by': groupBy,
  'filter-map': { build: filterMap, deviation: FIRST },
  ...Object.fromEntries(
    ['aggregate-3-0', 'aggregate-5-2', 'aggregate-25-0-again', 'rule-21-windows-at-the-edge-of-retention'].map(
      (name) => [name, { build: (Object.fromEntries(ofAllSizes)[name] ?? rules[name]) as Build, deviation: HIDES }],
    ),
  ),
  'reduce-store': { build: aggregations['reduce-store'] as Build, deviation: HIDES },
  ...unlimited,
}
