import {
  EmitStrategy,
  type KGroupedStream,
  SlidingWindows,
  type StreamsBuilder,
  serdes,
  type TimeWindowedKStream,
  TimeWindows,
} from '../../../streams/index.ts'
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
  zero,
} from './shared.ts'

type Grouped = KGroupedStream<Text, Text>
type Windowed = TimeWindowedKStream<Text, Text>

const KINDS: Readonly<Record<string, (grouped: Grouped) => Windowed>> = {
  tumbling: (g) => closing(g.windowedBy(TimeWindows.ofSizeAndGrace(10, 5))),
  hopping: (g) => closing(g.windowedBy(TimeWindows.ofSizeAndGrace(10, 5).advanceBy(4))),
  sliding: (g) => closing(g.windowedBy(SlidingWindows.ofTimeDifferenceAndGrace(10, 5))),
}

function closing(windowed: Windowed): Windowed {
  return windowed.emitStrategy(EmitStrategy.onWindowClose())
}

const LOSES = 'Kafka Streams loses windows that close when a window starts further ahead than the retention'

const grouped = (b: StreamsBuilder): Grouped => stream(b, 'left').groupByKey()
const kept = (store: string) => ({ store, value: S, retention: 1_000 })
const deleting = (a: Text, v: Text): Text => (isNull(v) || v.startsWith('x') ? (null as never) : `${a}+${v}`)

function scenariosOf(kind: string, by: (grouped: Grouped) => Windowed): [string, Build | Scenario][] {
  const aggregate: Build = (b) => outWindows(by(grouped(b)).aggregate(zero, add, kept('w')))
  const filterMap: Build = (b) =>
    outWindows(
      by(grouped(b))
        .aggregate(zero, add, kept('w'))
        .filter((v) => v.length < 9)
        .mapValues((v) => `<${v}>`),
    )
  /** Kafka Streams finds these windows as long as they are in the record cache, which sliding windows do not have here. */
  const losing = (build: Build, withCache = false): Build | Scenario => ({
    build,
    deviation: { why: LOSES, withCache, withoutCache: true },
  })
  const of: Record<string, Build | Scenario> = {
    count: (b) => by(grouped(b)).count({ key: S, retention: 1_000 }).toStream().to('out', { value: serdes.long }),
    reduce: (b) => outWindows(by(grouped(b)).reduce(add, { retention: 1_000 })),
    aggregate: losing((b) => outWindows(by(grouped(b)).aggregate(zero, add, { value: S }))),
    'aggregate-kept': aggregate,
    'aggregate-uncached': (b) => outWindows(by(grouped(b)).aggregate(zero, add, { ...kept('w'), caching: false })),
    'aggregate-late': aggregate,
    'aggregate-far': aggregate,
    'aggregate-deletes': (b) => outWindows(by(grouped(b)).aggregate(zero, deleting, kept('w'))),
    throttled: { build: aggregate, driver: { emitIntervalMs: 40 } },
    repartitioned: (b) =>
      outWindows(
        by(
          stream(b, 'left').groupBy((v) => (isNull(v) ? (null as never) : first(v)), { ...TEXT, name: 'by-first' }),
        ).aggregate(zero, add, kept('w')),
      ),
    'repartitioned-unnamed': losing((b) =>
      outWindows(
        by(
          stream(b, 'left')
            .selectKey((_v, k) => k)
            .groupByKey(TEXT),
        ).reduce((a, v) => a + v, { name: 'r' }),
      ),
    ),
    'filter-map': filterMap,
    'filter-map-stores': filterMap,
    'group-by': (b) =>
      outTable(
        by(grouped(b))
          .aggregate(zero, add, kept('w'))
          .groupBy((v, k) => [String(Math.floor(k.startMs / 10)), v], TEXT)
          .aggregate(zero, add, subtract, { store: 'g', value: S }),
      ),
    'two-stages': (b) => {
      const once = by(grouped(b))
        .aggregate(zero, add, kept('w1'))
        .toStream((_v, k) => k.key)
      outWindows(by(once.groupByKey(TEXT)).aggregate(zero, add, kept('w2')))
    },
    'then-table-join': (b) => {
      const l = by(grouped(b)).reduce((a, v) => a + v, kept('l'))
      const r = by(stream(b, 'right').groupByKey()).reduce((a, v) => a + v, kept('r'))
      outWindows(l.outerJoin(r, join))
    },
    'beside-updates': (b) => {
      const both = grouped(b)
      outWindows(by(both).aggregate(zero, add, kept('w')))
      both.count({ store: 'counts' }).toStream().to('out2', { key: S, value: serdes.long })
    },
    'jumps-beyond-retention': losing(
      (b) => outWindows(by(grouped(b)).aggregate(zero, add, { store: 'w', value: S })),
      kind === 'sliding',
    ),
  }
  const sequences: Record<string, Build | Scenario> = {
    order: aggregate,
    edge: aggregate,
    'headers-of-the-record-that-closes': aggregate,
    'late-records-close-nothing-new': aggregate,
    throttle: { build: aggregate, driver: { emitIntervalMs: 100 } },
    epoch: aggregate,
    'silence-does-nothing': aggregate,
  }
  return [
    ...Object.entries(of).map(([name, scenario]): [string, Build | Scenario] => [`${kind}-${name}`, scenario]),
    ...Object.entries(sequences).map(([name, scenario]): [string, Build | Scenario] => [`${name}-${kind}`, scenario]),
  ]
}

const timeSizes = [
  [1, 0, 1],
  [5, 0, 1],
  [7, 3, 2],
  [10, 0, 10],
  [10, 0, 3],
  [20, 0, 7],
  [3, 40, 3],
  [12, 6, 12],
] as const
const slidingSizes = [
  [1, 0],
  [3, 0],
  [5, 2],
  [10, 0],
  [25, 0],
  [10, 30],
  [60, 5],
] as const

const ofSizes: [string, Build][] = [
  ...timeSizes.map(([size, grace, advance]): [string, Build] => [
    `time-${size}-${grace}-${advance}`,
    (b) =>
      outWindows(
        closing(grouped(b).windowedBy(TimeWindows.ofSizeAndGrace(size, grace).advanceBy(advance))).aggregate(
          zero,
          add,
          kept('w'),
        ),
      ),
  ]),
  ...slidingSizes.map(([difference, grace]): [string, Build] => [
    `sliding-${difference}-${grace}`,
    (b) =>
      outWindows(
        closing(grouped(b).windowedBy(SlidingWindows.ofTimeDifferenceAndGrace(difference, grace))).aggregate(
          zero,
          add,
          kept('w'),
        ),
      ),
  ]),
]

const others: Record<string, Build | Scenario> = {
  'tumbling-memory': (b) =>
    outWindows(KINDS.tumbling?.(grouped(b)).aggregate(zero, add, { ...kept('w'), persistent: false }) as never),
  'sliding-memory': (b) =>
    outWindows(KINDS.sliding?.(grouped(b)).aggregate(zero, add, { ...kept('w'), persistent: false }) as never),
  'tumbling-explicit-updates': (b) =>
    outWindows(
      grouped(b)
        .windowedBy(TimeWindows.ofSizeAndGrace(10, 5))
        .emitStrategy(EmitStrategy.onWindowUpdate())
        .aggregate(zero, add, { store: 'w', value: S }),
    ),
  'sliding-explicit-updates': {
    build: (b) =>
      outWindows(
        grouped(b)
          .windowedBy(SlidingWindows.ofTimeDifferenceAndGrace(10, 5))
          .emitStrategy(EmitStrategy.onWindowUpdate())
          .aggregate(zero, add, { store: 'w', value: S }),
      ),
    deviation: { why: 'Kafka Streams hides the oldest windows that a late record looks for', withoutCache: true },
  },
}

export const EMIT_FINAL: Scenarios = {
  ...Object.fromEntries(Object.entries(KINDS).flatMap(([kind, by]) => scenariosOf(kind, by))),
  ...Object.fromEntries(ofSizes),
  ...others,
}
