import {
  BufferConfig,
  type KTable,
  SessionWindows,
  SlidingWindows,
  type StreamsBuilder,
  Suppressed,
  serdes,
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
  type TextTable,
  table,
  tumbling,
  zero,
} from './shared.ts'

const FOREVER = 100 * 86_400_000
const { maxBytes, maxRecords, unbounded } = BufferConfig
const { untilTimeLimit, untilWindowCloses } = Suppressed
type Buffer = Parameters<typeof untilTimeLimit>[1]
type Strict = Parameters<typeof untilWindowCloses>[0]

const held =
  (waitMs: number, buffer: Buffer): Build =>
  (b) =>
    outTable(table(b, 'left').suppress(untilTimeLimit(waitMs, buffer)))
const final = untilWindowCloses(unbounded())
const six = untilTimeLimit(6, unbounded())
const windowed = (b: StreamsBuilder, windows: TimeWindows): KTable<Windowed<Text>, Text> =>
  stream(b, 'left').groupByKey().windowedBy(windows).aggregate(zero, add, { store: 'w', value: S })
const aggregated = { store: 'g', value: S }

const times = (from: readonly number[], make: (n: number) => Scenarios): Scenarios =>
  Object.assign({}, ...from.map(make)) as Scenarios

const limits: Scenarios = {
  ...times([0, 2, 10, FOREVER], (n) => ({ [`until-${n}`]: held(n, unbounded()) })),
  ...times([0, 1, 2, 3], (n) => ({
    [`max-records-${n}`]: held(FOREVER, maxRecords(n)),
    [`max-records-${n}-until-5`]: held(5, maxRecords(n).emitEarlyWhenFull()),
    [`max-records-${n}-or-stop`]: held(10, maxRecords(n).shutDownWhenFull()),
  })),
  ...times([40, 60, 80, 100, 120, 200], (n) => ({
    [`max-bytes-${n}`]: held(FOREVER, maxBytes(n)),
    [`max-bytes-${n}-or-stop`]: held(10, maxBytes(n).shutDownWhenFull()),
  })),
  'max-both': held(20, maxBytes(110).withMaxRecords(2)),
  named: (b) => outTable(table(b, 'left').suppress(untilTimeLimit(5, unbounded()), { name: 'later' }).filter(notX)),
  'no-changelog': { build: held(5, unbounded().withLoggingDisabled()), forgets: true },
  'changelog-configs': held(5, maxRecords(2).withLoggingEnabled({ 'segment.ms': '1000' })),
  'very-late': held(5, unbounded()),
}

const neighbours: Scenarios = {
  'kept-parent': (b) => outTable(b.table('left', { ...TEXT, store: 'rows' }).suppress(six)),
  'kept-parent-uncached': (b) => outTable(b.table('left', { ...TEXT, store: 'rows', caching: false }).suppress(six)),
  'after-filter': (b) => outTable(table(b, 'left').filter(notX).suppress(six)),
  'after-kept-filter': (b) =>
    outTable(
      table(b, 'left')
        .filter(notX, { store: 'f' })
        .suppress(untilTimeLimit(6, maxRecords(1))),
    ),
  'after-map': (b) =>
    outTable(
      table(b, 'left')
        .mapValues((v) => `<${v}>`, TEXT)
        .suppress(six),
    ),
  'before-map': (b) =>
    outTable(
      table(b, 'left')
        .suppress(six)
        .mapValues((v) => `<${v}>`, { store: 'm', value: S }),
    ),
  'before-filter': (b) => outTable(table(b, 'left').suppress(six).filter(notX)),
  'before-kept-filter': (b) => outTable(table(b, 'left').suppress(six).filter(notX, { store: 'f' })),
  'before-group': (b) =>
    outTable(
      table(b, 'left')
        .suppress(six)
        .groupBy((v) => [first(v), v], TEXT)
        .aggregate(zero, add, subtract, aggregated),
    ),
  'before-group-uncached': (b) =>
    outTable(
      table(b, 'left')
        .suppress(untilTimeLimit(6, maxRecords(1)))
        .groupBy((v) => [first(v), v], TEXT)
        .aggregate(zero, add, subtract, { ...aggregated, caching: false }),
    ),
  'before-group-until-0': (b) =>
    outLong(
      table(b, 'left')
        .suppress(untilTimeLimit(0, unbounded()))
        .groupBy((v) => [first(v), v], TEXT)
        .count(),
    ),
  'after-aggregate': (b) =>
    outTable(stream(b, 'left').groupByKey().aggregate(zero, add, { store: 'a', value: S }).suppress(six)),
  'after-reduce-uncached': (b) =>
    outTable(
      stream(b, 'left')
        .groupByKey()
        .reduce(add, { store: 'a', caching: false })
        .suppress(untilTimeLimit(6, maxRecords(1))),
    ),
  'after-flat-map': (b) =>
    outTable(
      stream(b, 'left')
        .flatMapValues((v) => (isNull(v) ? [] : [v, v + v]))
        .groupByKey(TEXT)
        .aggregate(zero, add, { store: 'a', value: S })
        .suppress(six),
    ),
  'after-group': (b) =>
    outLong(
      table(b, 'left')
        .groupBy((v) => [first(v), v], TEXT)
        .count()
        .suppress(six),
    ),
  twice: (b) =>
    outTable(
      table(b, 'left')
        .suppress(untilTimeLimit(4, unbounded()))
        .suppress(untilTimeLimit(4, maxRecords(1))),
    ),
  'two-of-one': (b) => {
    const rows = table(b, 'left')
    outTable(rows.suppress(untilTimeLimit(4, unbounded())))
    out(rows.suppress(untilTimeLimit(8, unbounded()), { name: 'slow' }).toStream(), 'out2')
  },
  ...(Object.assign(
    {},
    ...KINDS.map((kind) => ({
      [`before-join-left-${kind}`]: (b: StreamsBuilder) =>
        outTable(joinTables(kind, table(b, 'left').suppress(six), table(b, 'right'))),
      [`before-join-right-${kind}`]: (b: StreamsBuilder) =>
        outTable(joinTables(kind, table(b, 'left'), table(b, 'right').suppress(six))),
      [`before-join-both-${kind}`]: (b: StreamsBuilder) =>
        outTable(
          joinTables(
            kind,
            table(b, 'left').suppress(untilTimeLimit(6, maxRecords(2))),
            table(b, 'right').suppress(untilTimeLimit(3, unbounded())),
            { store: 'j', value: S },
          ),
        ),
      [`after-join-${kind}`]: (b: StreamsBuilder) =>
        outTable(joinTables(kind, table(b, 'left'), table(b, 'right'), { store: 'j', value: S }).suppress(six)),
    })),
  ) as Scenarios),
  'before-filtered-join': (b) =>
    outTable(joinTables('outer', table(b, 'left').suppress(six).filter(notX), table(b, 'right'))),
  'before-stream-join': (b) => out(stream(b, 'left').leftJoin(table(b, 'right').suppress(six), join)),
}

const kindsOfWindows: Scenarios = Object.assign(
  {},
  ...(
    [
      ['tumbling', tumbling],
      ['hopping', hopping],
    ] as const
  ).map(([kind, windows]) => ({
    [`closes-${kind}`]: (b: StreamsBuilder) => outWindows(windowed(b, windows).suppress(final)),
    [`closes-${kind}-uncached`]: (b: StreamsBuilder) =>
      outWindows(
        stream(b, 'left')
          .groupByKey()
          .windowedBy(windows)
          .aggregate(zero, add, { store: 'w', value: S, caching: false })
          .suppress(final),
      ),
    [`closes-${kind}-late`]: (b: StreamsBuilder) => outWindows(windowed(b, windows).suppress(final)),
    ...times([1, 6], (n) => ({
      [`closes-${kind}-max-${n}`]: (b) =>
        outWindows(windowed(b, windows).suppress(untilWindowCloses(maxRecords(n).shutDownWhenFull()))),
    })),
    [`windowed-until-${kind}`]: (b: StreamsBuilder) =>
      outWindows(windowed(b, windows).suppress(untilTimeLimit(7, unbounded()))),
    [`windowed-max-${kind}`]: (b: StreamsBuilder) =>
      outWindows(windowed(b, windows).suppress(untilTimeLimit(FOREVER, maxRecords(2)))),
  })),
) as Scenarios

const windows: Scenarios = {
  ...kindsOfWindows,
  'closes-no-grace': (b) => outWindows(windowed(b, TimeWindows.ofSizeWithNoGrace(10)).suppress(final)),
  'closes-named': (b) => outWindows(windowed(b, tumbling).suppress(final, { name: 'final' })),
  'closes-deleting': (b) =>
    outWindows(
      stream(b, 'left')
        .groupByKey()
        .windowedBy(tumbling)
        .aggregate<Text>(zero, (a, v) => (isNull(v) || v.startsWith('x') ? (null as never) : `${a}+${v}`), {
          store: 'w',
          value: S,
        })
        .suppress(final),
    ),
  'closes-filtered': (b) =>
    outWindows(
      windowed(b, tumbling)
        .filter((v) => v.length < 12)
        .suppress(final),
    ),
  'closes-joined': (b) => {
    const left = stream(b, 'left').groupByKey().windowedBy(tumbling).aggregate(zero, add, { store: 'l', value: S })
    const right = stream(b, 'right')
      .groupByKey()
      .windowedBy(TimeWindows.ofSizeAndGrace(10, 9))
      .aggregate(zero, add, { store: 'r', value: S })
    outWindows(left.outerJoin(right, join, { store: 'j', value: S }).suppress(final))
  },
  'closes-before-group': (b) =>
    outTable(
      windowed(b, tumbling)
        .suppress(final)
        .groupBy((v, k) => [k.key, v.slice(-1)], TEXT)
        .aggregate(zero, add, subtract, aggregated),
    ),
  'closes-regrouped': (b) =>
    outLong(
      stream(b, 'left')
        .groupByKey()
        .windowedBy(tumbling)
        .count({ store: 'w' })
        .suppress(final)
        .toStream((_v, k) => `${k.key}@${k.startMs}`)
        .groupByKey({ key: S, value: serdes.long })
        .reduce((a, v) => a + v),
    ),
}

const byCount =
  (buffer: Buffer, waitMs = FOREVER): Build =>
  (b) => {
    const counts = b
      .table('input', { ...TEXT, store: 'rows', caching: false, logging: false })
      .groupBy((v, k) => [v, k], TEXT)
      .count({ key: S, value: serdes.long })
    counts.suppress(untilTimeLimit(waitMs, buffer)).toStream().to('output-suppressed', { value: serdes.long })
    counts.toStream().to('output-raw', { value: serdes.long })
  }

const byHand: Scenarios = {
  'hand-zero-limit': byCount(unbounded(), 0),
  'hand-time-limit': byCount(unbounded(), 2),
  'hand-record-limit': byCount(maxRecords(1).emitEarlyWhenFull()),
  'hand-bytes-limit': byCount(maxBytes(200).emitEarlyWhenFull()),
  'hand-record-stop': byCount(maxRecords(1).shutDownWhenFull()),
  'hand-bytes-stop': byCount(maxBytes(200).shutDownWhenFull()),
  'hand-replaced-keeps-its-turn': held(10, unbounded()),
  'hand-limit-is-inclusive': held(10, maxRecords(2)),
  'hand-older-comes-later': held(10, unbounded()),
  'hand-tombstones': held(0, maxRecords(0)),
  'hand-same-time-by-key': held(5, unbounded()),
  'hand-before-group': (b) =>
    outLong(
      table(b, 'topic')
        .suppress(untilTimeLimit(10, unbounded()))
        .groupBy((v, k) => [k, v], TEXT)
        .count(),
    ),
  'hand-before-group-replaced': (b) =>
    outTable(
      table(b, 'topic')
        .suppress(untilTimeLimit(10, unbounded()))
        .groupBy((v) => ['all', v], TEXT)
        .aggregate(zero, add, subtract, { ...aggregated, caching: false }),
    ),
  'hand-before-join-right': (b) =>
    outTable(table(b, 'left').outerJoin(table(b, 'right').suppress(untilTimeLimit(10, unbounded())), join)),
  'hand-before-join-left': (b) =>
    outTable(table(b, 'left').suppress(untilTimeLimit(10, unbounded())).outerJoin(table(b, 'right'), join)),
  'hand-joined-with-itself': (b) => {
    const rows: TextTable = table(b, 'left').suppress(untilTimeLimit(10, unbounded()))
    outTable(rows.outerJoin(rows, join))
  },
}

const shown = (k: Windowed<Text>): Text => `[${k.key}@${k.startMs}/${k.endMs}]`
const outLongs = (counts: KTable<Windowed<Text>, number>, topic = 'out'): void =>
  counts
    .toStream()
    .map((v, k) => [shown(k), v])
    .to(topic, { key: S, value: serdes.long })

const finals =
  (w: TimeWindows, buffer: Strict = unbounded()): Build =>
  (b) => {
    const counts = stream(b, 'input')
      .groupBy((_v, k) => k, { key: S })
      .windowedBy(w)
      .count({ store: 'counts', caching: false })
    outLongs(counts.suppress(untilWindowCloses(buffer)), 'output-suppressed')
    outLongs(counts, 'output-raw')
  }

const finalsByHand: Scenarios = {
  'hand-final-results': finals(TimeWindows.ofSizeAndGrace(2, 1)),
  'hand-final-results-long-retention': finals(TimeWindows.ofSizeAndGrace(2, 2)),
  'hand-final-no-grace': finals(TimeWindows.ofSizeWithNoGrace(100)),
  'hand-final-grace-to-the-ms': finals(TimeWindows.ofSizeAndGrace(1, 1)),
  'hand-final-stop': finals(TimeWindows.ofSizeAndGrace(2, 9), maxRecords(2).shutDownWhenFull()),
}

const merge = (a: Text, c: Text): Text => `${a}&${c}`
const inSessions = (b: StreamsBuilder, graceMs: number): KTable<Windowed<Text>, Text> =>
  stream(b, 'left')
    .groupByKey()
    .windowedBy(SessionWindows.ofInactivityGapAndGrace(6, graceMs))
    .aggregate(zero, add, merge, { value: S, retention: 1_000 })

const sessionsAndSliding: Scenarios = {
  ...times([0, 5], (graceMs) => ({
    [`closes-session-${graceMs}`]: (b) => outWindows(inSessions(b, graceMs).suppress(final)),
    [`closes-sliding-${graceMs}`]: (b) =>
      outWindows(
        stream(b, 'left')
          .groupByKey()
          .windowedBy(SlidingWindows.ofTimeDifferenceAndGrace(8, graceMs))
          .aggregate(zero, add, { store: 'w', value: S })
          .suppress(final),
      ),
  })),
  'session-until': (b) => outWindows(inSessions(b, 5).suppress(untilTimeLimit(7, maxRecords(3)))),
  'hand-final-sliding': (b) =>
    outLongs(
      stream(b, 'input')
        .groupByKey()
        .windowedBy(SlidingWindows.ofTimeDifferenceAndGrace(5, 15))
        .count({ store: 'counts', caching: false })
        .suppress(final),
    ),
  'hand-final-session': (b) =>
    outLongs(
      stream(b, 'input').groupByKey().windowedBy(SessionWindows.ofInactivityGapWithNoGrace(5)).count().suppress(final),
    ),
}

/**
 * Without the record cache Kafka Streams has the initializer's value in the buffer as what was there before the first record; and of a
 * session that stays where it is, that nothing was there.
 */
const INITIAL_VALUE: Readonly<Record<string, true | 'withoutCache'>> = {
  'after-aggregate': 'withoutCache',
  'after-flat-map': 'withoutCache',
  'closes-tumbling-uncached': true,
  'closes-hopping-uncached': true,
  ...Object.fromEntries(
    Object.keys(windows)
      .filter((name) => !name.endsWith('-uncached'))
      .map((name) => [name, 'withoutCache'] as const),
  ),
  ...Object.fromEntries(Object.keys(finalsByHand).map((name) => [name, true] as const)),
  ...Object.fromEntries(Object.keys(sessionsAndSliding).map((name) => [name, 'withoutCache'] as const)),
  'hand-final-sliding': true,
}

/** Kafka Streams gives the row before the last update as the old one, which nobody downstream has seen when updates were replaced. */
const UNSEEN_OLD_VALUE: readonly string[] = [
  'named',
  'before-filter',
  'before-group',
  'before-group-uncached',
  'before-filtered-join',
  'twice',
  'closes-before-group',
  'hand-before-group',
  'hand-before-group-replaced',
]

function withDeviations(scenarios: Scenarios): Scenarios {
  return Object.fromEntries(
    Object.entries(scenarios).map(([name, scenario]) => {
      if (typeof scenario !== 'function') return [name, scenario]
      const build = scenario
      const changelogs = INITIAL_VALUE[name]
      if (UNSEEN_OLD_VALUE.includes(name))
        return [name, { build, deviation: { why: 'old value of suppress', withCache: true, withoutCache: true } }]
      return changelogs === undefined
        ? [name, build]
        : [name, { build, deviation: { why: 'first update of a stream aggregation', changelogs } }]
    }),
  )
}

export const SUPPRESS: Scenarios = withDeviations({
  ...limits,
  ...neighbours,
  ...windows,
  ...byHand,
  ...finalsByHand,
  ...sessionsAndSliding,
})
