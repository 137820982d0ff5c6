import {
  BufferConfig,
  type CogroupedKStream,
  type KGroupedStream,
  type KTable,
  SessionWindows,
  SlidingWindows,
  type StreamsBuilder,
  Suppressed,
  TimeWindows,
  type Windowed,
} from '../../../streams/index.ts'
import {
  add,
  type Build,
  first,
  hopping,
  isNull,
  join,
  joinTables,
  out,
  outTable,
  outWindows,
  S,
  type Scenarios,
  stream,
  subtract,
  TEXT,
  type Text,
  type TextStream,
  table,
  tumbling,
  zero,
} from './shared.ts'

const one = add
const two_ = (a: Text, v: Text): Text => `${a}*${v}`
const three = (a: Text, v: Text, k: Text): Text => `${a}/${k}${v}`
const deleting = (a: Text, v: Text): Text => (isNull(v) || v.startsWith('x') ? (null as never) : `${a}*${v}`)
const merge = (a: Text, b: Text): Text => `${a}&${b}`
const C = { store: 'c', value: S }
/** Inputs have times of their own: what one takes as open must not be beyond the retention of the store, whose time is that of all. */
const KEPT = { value: S, retention: 1_000 }
const W = { store: 'w', ...KEPT }
const SESSIONS = { store: 's', ...KEPT }

const grouped = (b: StreamsBuilder, topic: string): KGroupedStream<Text, Text> => stream(b, topic).groupByKey()
const two = (b: StreamsBuilder): CogroupedKStream<Text, Text> =>
  grouped(b, 'left').cogroup(one).cogroup(grouped(b, 'right'), two_)
const withDeletions = (b: StreamsBuilder): CogroupedKStream<Text, Text> =>
  grouped(b, 'left').cogroup(one).cogroup(grouped(b, 'right'), deleting)
const moved = (b: StreamsBuilder, topic: string): TextStream => stream(b, topic).selectKey((_v, k) => k)
const outSessions = (t: KTable<Windowed<Text>, Text>): void => t.toStream().to('out', { value: S })

const plain: Scenarios = {
  one: (b) => outTable(grouped(b, 'left').cogroup(one).aggregate(zero, TEXT)),
  two: (b) => outTable(two(b).aggregate(zero, TEXT)),
  'two-kept': (b) => outTable(two(b).aggregate(zero, C)),
  'two-uncached': (b) => outTable(two(b).aggregate(zero, { ...C, caching: false })),
  'two-named': (b) => outTable(two(b).aggregate(zero, { ...C, name: 'both' })),
  'two-named-only': (b) => outTable(two(b).aggregate(zero, { ...TEXT, name: 'both' })),
  three: (b) => outTable(two(b).cogroup(grouped(b, 'third'), three).aggregate(zero, C)),
  deleting: (b) => outTable(withDeletions(b).aggregate(zero, C)),
  'deleting-uncached': (b) => outTable(withDeletions(b).aggregate(zero, { ...C, caching: false })),
  'same-group-twice': (b) => {
    const g = grouped(b, 'left')
    outTable(g.cogroup(one).cogroup(g, two_).aggregate(zero, C))
  },
  'same-topic-twice': (b) => {
    const s = stream(b, 'left')
    outTable(s.groupByKey().cogroup(one).cogroup(s.groupByKey(), two_).aggregate(zero, C))
  },
  'same-topic-twice-uncached': (b) => {
    const s = stream(b, 'left')
    outTable(
      s
        .groupByKey()
        .cogroup(one)
        .cogroup(s.groupByKey(), two_)
        .aggregate(zero, { ...C, caching: false }),
    )
  },
  'aggregated-twice': (b) => {
    const c = two(b)
    outTable(c.aggregate(zero, C))
    out(c.aggregate(() => '1', { store: 'd', value: S }).toStream(), 'out2')
  },
  'flat-mapped': (b) =>
    outTable(
      stream(b, 'left')
        .flatMapValues((v) => (isNull(v) ? [] : [v, v + v]))
        .groupByKey(TEXT)
        .cogroup(one)
        .cogroup(grouped(b, 'right'), two_)
        .aggregate(zero, C),
    ),
  'fed-by-aggregate': (b) => {
    const left = grouped(b, 'left').cogroup(one)
    const right = grouped(b, 'right').aggregate(zero, add, { store: 'a', value: S }).toStream().groupByKey(TEXT)
    outTable(left.cogroup(right, two_).aggregate(zero, C))
  },
}

const repartitioned: Scenarios = {
  'first-repartitioned': (b) =>
    outTable(moved(b, 'left').groupByKey(TEXT).cogroup(one).cogroup(grouped(b, 'right'), two_).aggregate(zero, C)),
  'second-repartitioned': (b) =>
    outTable(grouped(b, 'left').cogroup(one).cogroup(moved(b, 'right').groupByKey(TEXT), two_).aggregate(zero, TEXT)),
  'both-repartitioned': (b) =>
    outTable(
      moved(b, 'left')
        .groupByKey({ ...TEXT, name: 'l' })
        .cogroup(one)
        .cogroup(moved(b, 'right').groupByKey({ ...TEXT, name: 'r' }), two_)
        .aggregate(zero, C),
    ),
  'grouped-by': (b) => {
    const left = grouped(b, 'left').cogroup(one)
    const right = stream(b, 'right').groupBy((v) => (isNull(v) ? (null as never) : first(v)), TEXT)
    outTable(left.cogroup(right, two_).aggregate(zero, C))
  },
  'repartitioned-aggregated-twice': (b) => {
    const left = grouped(b, 'left').cogroup(one)
    const c = left.cogroup(moved(b, 'right').groupByKey({ ...TEXT, name: 'r' }), two_)
    outTable(c.aggregate(zero, C))
    out(c.aggregate(() => '1', { store: 'd', value: S }).toStream(), 'out2')
  },
  'repartitioned-twice-unnamed': (b) => {
    const left = grouped(b, 'left').cogroup(one)
    const c = left.cogroup(moved(b, 'right').groupByKey(TEXT), two_)
    outTable(c.aggregate(zero, TEXT))
    out(c.aggregate(() => '1', TEXT).toStream(), 'out2')
  },
  'repartitioned-elsewhere': (b) => {
    const right = moved(b, 'right').groupByKey({ ...TEXT, name: 'r' })
    outTable(grouped(b, 'left').cogroup(one).cogroup(right, two_).aggregate(zero, C))
  },
  'repartitioned-windowed': (b) =>
    outWindows(
      moved(b, 'left')
        .groupByKey({ ...TEXT, name: 'l' })
        .cogroup(one)
        .cogroup(moved(b, 'right').groupByKey({ ...TEXT, name: 'r' }), two_)
        .windowedBy(tumbling)
        .aggregate(zero, W),
    ),
}

const followed: Scenarios = {
  filtered: (b) =>
    outTable(
      two(b)
        .aggregate(zero, C)
        .filter((v) => v.length < 12),
    ),
  grouped: (b) =>
    outTable(
      two(b)
        .aggregate(zero, C)
        .groupBy((v) => [v.slice(-1), v], TEXT)
        .aggregate(zero, add, subtract, { store: 'g', value: S }),
    ),
  joined: (b) => outTable(joinTables('outer', two(b).aggregate(zero, C), table(b, 'third'))),
  'joined-right': (b) => outTable(joinTables('left', table(b, 'third'), two(b).aggregate(zero, TEXT))),
  'stream-joined': (b) => out(stream(b, 'third').leftJoin(two(b).aggregate(zero, C), join)),
  suppressed: (b) =>
    outTable(two(b).aggregate(zero, C).suppress(Suppressed.untilTimeLimit(6, BufferConfig.unbounded()))),
  mapped: (b) =>
    outTable(
      two(b)
        .aggregate(zero, C)
        .mapValues((v) => `<${v}>`, { store: 'm', value: S }),
    ),
}

const final = Suppressed.untilWindowCloses(BufferConfig.unbounded())
const sliding = SlidingWindows.ofTimeDifferenceAndGrace(8, 5)
const inWindows =
  (windows: TimeWindows | SlidingWindows, options: object = {}): Build =>
  (b) =>
    outWindows(
      two(b)
        .windowedBy(windows)
        .aggregate(zero, { ...W, ...options }),
    )

const windowed: Scenarios = {
  tumbling: inWindows(tumbling),
  'tumbling-uncached': inWindows(tumbling, { caching: false }),
  'tumbling-unnamed': (b) => outWindows(two(b).windowedBy(tumbling).aggregate(zero, KEPT)),
  'tumbling-named': inWindows(tumbling, { name: 'both' }),
  'tumbling-late': inWindows(tumbling),
  hopping: inWindows(hopping),
  'hopping-uncached': inWindows(hopping, { caching: false }),
  'tumbling-closes': (b) => outWindows(two(b).windowedBy(tumbling).aggregate(zero, W).suppress(final)),
  'tumbling-three': (b) =>
    outWindows(two(b).cogroup(grouped(b, 'third'), three).windowedBy(tumbling).aggregate(zero, W)),
  sliding: inWindows(sliding),
  'sliding-uncached': inWindows(sliding, { caching: false }),
  'sliding-named': inWindows(sliding, { name: 'both' }),
  'windowed-deleting': (b) => outWindows(withDeletions(b).windowedBy(tumbling).aggregate(zero, W)),
}

const gap = SessionWindows.ofInactivityGapAndGrace(6, 5)
const inSessions =
  (options: object, windows = gap): Build =>
  (b) =>
    outSessions(
      two(b)
        .windowedBy(windows)
        .aggregate(zero, merge, { ...KEPT, ...options }),
    )

const sessions: Scenarios = {
  sessions: inSessions({}),
  'sessions-kept': inSessions(SESSIONS),
  'sessions-uncached': inSessions({ ...SESSIONS, caching: false }),
  'sessions-named': inSessions({ ...SESSIONS, name: 'both' }),
  'sessions-close': (b) => outSessions(two(b).windowedBy(gap).aggregate(zero, merge, SESSIONS).suppress(final)),
  'sessions-no-grace': inSessions(SESSIONS, SessionWindows.ofInactivityGapWithNoGrace(6)),
}

const names: Scenarios = {
  'names-around': (b) => {
    stream(b, 'third')
      .selectKey((v) => v)
      .groupByKey(TEXT)
      .count()
    out(
      two(b)
        .aggregate(zero, TEXT)
        .toStream()
        .map((v, k) => [v, k])
        .repartition(TEXT),
    )
  },
  'names-beside-named': (b) => {
    two(b)
      .windowedBy(tumbling)
      .aggregate(zero, { ...TEXT, name: 'w' })
      .toStream((_v, k) => k.key)
      .to('out', TEXT)
    grouped(b, 'left').count()
  },
}

const byHand: Scenarios = {
  'hand-order-and-time': (b) => outTable(two(b).aggregate(zero, C)),
  'hand-order-and-time-uncached': (b) => outTable(two(b).aggregate(zero, { ...C, caching: false })),
  'hand-windows-of-both': inWindows(TimeWindows.ofSizeWithNoGrace(10)),
  'hand-windows-beyond-retention': {
    build: inWindows(TimeWindows.ofSizeWithNoGrace(10), { retention: 10 }),
    deviation: { why: 'inputs of a windowed cogroup at different times', withCache: true, withoutCache: true },
  },
  'hand-sessions-of-both': inSessions(SESSIONS, SessionWindows.ofInactivityGapWithNoGrace(10)),
}

/** Without the record cache Kafka Streams says that the initializer's value was there before the first record. */
const INITIAL_VALUE: readonly string[] = ['grouped']
const IN_CHANGELOG: readonly string[] = ['suppressed', 'tumbling-closes']

export const COGROUP: Scenarios = Object.fromEntries(
  Object.entries({ ...plain, ...repartitioned, ...followed, ...windowed, ...sessions, ...names, ...byHand }).map(
    ([name, build]) => {
      if (typeof build !== 'function') return [name, build]
      const why = 'first update of a stream aggregation'
      if (INITIAL_VALUE.includes(name)) return [name, { build, deviation: { why, withoutCache: true } }]
      if (IN_CHANGELOG.includes(name)) return [name, { build, deviation: { why, changelogs: 'withoutCache' as const } }]
      return [name, build]
    },
  ),
)
