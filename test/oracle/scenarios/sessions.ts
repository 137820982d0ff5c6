import {
  EmitStrategy,
  type KGroupedStream,
  type KTable,
  SessionWindows,
  type StreamsBuilder,
  serdes,
  type Windowed,
  type WindowMaterialized,
} from '../../../streams/index.ts'
import {
  add,
  type Build,
  isNull,
  join,
  KINDS,
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
  zero,
} from './shared.ts'

type Sessions = KTable<Windowed<Text>, Text>
type Options = WindowMaterialized<Text, Text>

const L = serdes.long
const GAP_MS = 300_000
const KEPT = { retention: 100 }
const TEXTS: Options = { value: S, ...KEPT }

const merge = (a: Text, b: Text): Text => `(${a}&${b})`
const sessions = (gapMs: number, graceMs: number): SessionWindows =>
  SessionWindows.ofInactivityGapAndGrace(gapMs, graceMs)
const grouped = (b: StreamsBuilder, gapMs: number, graceMs: number, topic = 'left') =>
  stream(b, topic).groupByKey().windowedBy(sessions(gapMs, graceMs))
const aggregated = (b: StreamsBuilder, gapMs: number, graceMs: number, options: Options = TEXTS, topic = 'left') =>
  grouped(b, gapMs, graceMs, topic).aggregate(zero, add, merge, options as Options & { value: typeof S })
const outCounts = (t: KTable<Windowed<Text>, number>): void => t.toStream().to('out', { value: L })
const spanOf = (k: Windowed<Text>): number => k.endMs - k.startMs

function eachOperation(gapMs: number, graceMs: number): Record<string, Build> {
  const id = `gap${gapMs}-grace${graceMs}`
  return {
    [`count-${id}`]: (b) => outCounts(grouped(b, gapMs, graceMs).count({ key: S, value: L, ...KEPT })),
    [`reduce-${id}`]: (b) => outWindows(grouped(b, gapMs, graceMs).reduce(add, TEXTS)),
    [`aggregate-${id}`]: (b) => outWindows(aggregated(b, gapMs, graceMs)),
  }
}

const options: Record<string, Build> = {
  'aggregate-named-uncached': (b) => outWindows(aggregated(b, 5, 4, { ...TEXTS, store: 'sessions', caching: false })),
  'count-named': (b) => outCounts(grouped(b, 5, 4).count({ name: 'counter', store: 'counts', ...KEPT })),
  'reduce-named': (b) => outWindows(grouped(b, 5, 4).reduce(add, { name: 'reducer', store: 'reduced', ...KEPT })),
  'aggregate-in-memory': (b) => outWindows(aggregated(b, 5, 4, { ...TEXTS, persistent: false })),
  'aggregate-unlogged': (b) => outWindows(aggregated(b, 5, 4, { ...TEXTS, logging: false })),
  'many-late': (b) => outWindows(aggregated(b, 2, 1)),
  'few-late': (b) => outWindows(aggregated(b, 4, 20)),
  'deleting-aggregator': (b) =>
    outWindows(
      grouped(b, 5, 8).aggregate(
        zero,
        (a, v) => (isNull(v) || v.startsWith('x') ? (null as never) : `${a}+${v}`),
        merge,
        { value: S, ...KEPT },
      ),
    ),
  'deleting-merger': (b) =>
    outWindows(
      grouped(b, 5, 8).aggregate(
        zero,
        (a, v) => `${a}+${v}`,
        (one, two) => (two.includes('x') ? (null as never) : `${one}&${two}`),
        { value: S, ...KEPT },
      ),
    ),
  'merger-by-key': (b) =>
    outWindows(
      grouped(b, 6, 6).aggregate(
        zero,
        (a, _v, k) => `${a}${k}`,
        (one, two, k) => `${one}${k}${two}`,
        { value: S, ...KEPT },
      ),
    ),
  'count-default': (b) =>
    outCounts(stream(b, 'left').groupByKey().windowedBy(SessionWindows.ofInactivityGapWithNoGrace(5)).count()),
  'count-default-named': (b) => outCounts(grouped(b, 5, 0).count({ name: 'c' })),
  'count-materialized-as': (b) => outCounts(grouped(b, 5, 0).count({ store: 'c' })),
  'reduce-default': (b) => outWindows(grouped(b, 5, 0).reduce(add)),
  'aggregate-default': (b) => outWindows(aggregated(b, 5, 0, { value: S })),
  'aggregate-named-node': (b) => outWindows(aggregated(b, 5, 0, { ...TEXTS, name: 'node', store: 'store' })),
}

const SAME_POINT =
  'without the record cache, a record at the time of a one-point session is sent without the old value; ours has it'

const downstream: Record<string, Build | Scenario> = {
  filter: {
    build: (b) => outWindows(aggregated(b, 5, 6).filter((v) => v.length < 9)),
    deviation: { why: SAME_POINT, withoutCache: true },
  },
  'filter-not-by-window': (b) => outWindows(aggregated(b, 5, 6).filterNot((_v, k) => spanOf(k) % 2 === 1)),
  'map-values': (b) => outWindows(aggregated(b, 5, 6).mapValues((v, k) => `${k.key}${k.startMs}-${k.endMs}${v}`)),
  'filter-map-uncached': {
    build: (b) =>
      outWindows(
        aggregated(b, 5, 6, { ...TEXTS, store: 's', caching: false })
          .filter((v) => v.length < 12)
          .mapValues((v) => `<${v}>`),
      ),
    deviation: { why: SAME_POINT, withCache: true, withoutCache: true },
  },
  'filter-map-apart': (b) =>
    outWindows(
      aggregated(b, 5, 6, { ...TEXTS, store: 's', caching: false })
        .filter((v) => v.length < 12)
        .mapValues((v) => `<${v}>`),
    ),
  'group-by-apart': (b) =>
    outTable(
      aggregated(b, 5, 6, { ...TEXTS, store: 's', caching: false })
        .groupBy((v, k) => [k.key, v], TEXT)
        .aggregate(zero, add, subtract, { store: 'g', value: S }),
    ),
  'to-stream-key': (b) =>
    aggregated(b, 5, 6)
      .toStream((_v, k) => `${k.key}@${k.startMs}-${k.endMs}`)
      .to('out', TEXT),
  'to-stream-again': (b) =>
    outTable(
      grouped(b, 3, 6)
        .count({ key: S, value: L, ...KEPT })
        .toStream()
        .filter((v) => (v as number | null) !== null)
        .map((v, k): [Text, Text] => [k.key, `${k.startMs}:${v}`])
        .groupByKey(TEXT)
        .reduce((a, v) => `${a},${v}`),
    ),
  'group-by-key': (b) =>
    outTable(
      aggregated(b, 4, 6)
        .groupBy((v, k) => [k.key, v], TEXT)
        .aggregate(zero, add, subtract, { store: 'g', value: S }),
    ),
  'group-by-length': {
    build: (b) =>
      outLong(
        grouped(b, 4, 6)
          .count({ key: S, value: L, ...KEPT })
          .groupBy((v, k) => [String(spanOf(k)), v], { key: S, value: L })
          .count({ store: 'g' }),
      ),
    deviation: { why: SAME_POINT, withoutCache: true },
  },
  'group-by-spread': (b) =>
    outLong(
      grouped(b, 4, 6)
        .count({ key: S, value: L, ...KEPT })
        .groupBy((v, k) => [String(k.startMs % 3), v], { key: S, value: L })
        .reduce(
          (a, v) => a + v,
          (a, v) => a - v,
        ),
    ),
  ...Object.fromEntries(
    KINDS.map((kind) => [
      `join-${kind}`,
      (b: StreamsBuilder) => {
        const l: Sessions = aggregated(b, 4, 20, { ...TEXTS, store: 'l' })
        const r: Sessions = aggregated(b, 4, 20, { ...TEXTS, store: 'r' }, 'right')
        if (kind === 'inner') outWindows(l.join(r, join))
        else outWindows(kind === 'left' ? l.leftJoin(r, join) : l.outerJoin(r, join))
      },
    ]),
  ),
}

const repartitioned: Record<string, Build> = {
  'group-by': (b) =>
    outWindows(
      bySessions(
        stream(b, 'left').groupBy((v) => (isNull(v) ? (null as never) : v.slice(0, 1)), TEXT),
        5,
        6,
        TEXTS,
      ),
    ),
  'group-by-named': (b) =>
    outWindows(
      stream(b, 'left')
        .groupBy((v) => (isNull(v) ? 'none' : v), { name: 'by-value', ...TEXT })
        .windowedBy(sessions(5, 6))
        .reduce(add, { store: 'reduced', ...KEPT }),
    ),
  'map-twice': (b) => {
    const groups = stream(b, 'left')
      .map((v, k): [Text, Text] => [k, v])
      .groupByKey({ name: 'again', ...TEXT })
    outCounts(groups.windowedBy(sessions(5, 6)).count({ key: S, value: L, ...KEPT }))
    groups.windowedBy(sessions(2, 6)).reduce(add, TEXTS).toStream().to('out2', { value: S })
  },
  'flat-map': (b) =>
    outWindows(
      bySessions(
        stream(b, 'left')
          .flatMapValues((v) => (isNull(v) ? [] : [v, v + v]))
          .groupByKey(TEXT),
        5,
        6,
        { ...TEXTS, logging: false },
      ),
    ),
  'flat-map-keys': (b) =>
    outWindows(
      bySessions(
        stream(b, 'left')
          .flatMap((v, k): [Text, Text][] =>
            isNull(v)
              ? []
              : [
                  ['all', v],
                  [k ?? 'none', v],
                  ['all', v + v],
                ],
          )
          .groupByKey(TEXT),
        3,
        6,
        TEXTS,
      ),
    ),
}

function bySessions(groups: KGroupedStream<Text, Text>, gapMs: number, graceMs: number, made: Options): Sessions {
  return groups.windowedBy(sessions(gapMs, graceMs)).aggregate(zero, add, merge, made as Options & { value: typeof S })
}

const rules: Record<string, Build> = {
  'rule-17-merges-two': (b) => outWindows(aggregated(b, 5, 20)),
  'rule-17-merges-three': (b) => outWindows(aggregated(b, 8, 30)),
  'rule-17-gap-is-inclusive': (b) => outWindows(aggregated(b, 5, 20)),
  'rule-17-one-point': (b) => outWindows(aggregated(b, 5, 20)),
  'rule-18-time-is-the-end': (b) => outWindows(aggregated(b, 10, 50)),
  'rule-19-late-into-a-live-session': (b) => outWindows(aggregated(b, 5, 0)),
  'rule-13-closed-by-its-own-time': (b) => outWindows(aggregated(b, 5, 3)),
  'rule-11-null-keys-and-values': (b) => outWindows(grouped(b, 5, 20).reduce(add, TEXTS)),
  'zero-time': (b) => outWindows(aggregated(b, 5, 20)),
}

const kept = { key: S, value: L, store: 'session-store', retention: 3 * GAP_MS }
const processorTest: Record<string, Build> = {
  ...Object.fromEntries(
    ['within-gap', 'merge', 'same-time', 'apart-by-gap', 'removes-merged', 'several-and-merging'].map((name) => [
      `processor-${name}`,
      (b: StreamsBuilder) => outCounts(grouped(b, GAP_MS, 0).count(kept)),
    ]),
  ),
  'processor-late-zero-grace': (b) => outCounts(grouped(b, 10, 0).count(kept)),
  'processor-late-with-grace': (b) => outCounts(grouped(b, 10, 1).count(kept)),
}

const CLOSED =
  'with the record cache, a session that has closed is found for as long as it is in the cache; ours is not'
const HIDDEN =
  'with the default retention the store hides a session that ended exactly gap and grace before stream time, though it is open: a new one takes its place and its results are lost'
const byDefault: Build = (b) => outCounts(grouped(b, 5, 2).count({ key: S, value: L }))
const retention: Scenarios = {
  'retention-default': byDefault,
  'retention-default-edge': { build: byDefault, deviation: { why: HIDDEN, withCache: true, withoutCache: true } },
  'retention-default-closed': { build: byDefault, deviation: { why: CLOSED, withCache: true } },
  'retention-default-random': { build: byDefault, deviation: { why: HIDDEN, withCache: true, withoutCache: true } },
}

const HELD = { retention: 1_000 }
const heldText = { value: S, ...HELD }
const heldCount = { key: S, value: L, ...HELD }
const closing = (b: StreamsBuilder, gapMs: number, graceMs: number) =>
  grouped(b, gapMs, graceMs).emitStrategy(EmitStrategy.onWindowClose())
const closed = (b: StreamsBuilder, gapMs: number, graceMs: number, made: Options = heldText): Sessions =>
  closing(b, gapMs, graceMs).aggregate(zero, add, merge, made as Options & { value: typeof S })

function eachOperationOnClose(gapMs: number, graceMs: number): Record<string, Build> {
  const id = `gap${gapMs}-grace${graceMs}`
  return {
    [`close-count-${id}`]: (b) => outCounts(closing(b, gapMs, graceMs).count(heldCount)),
    [`close-reduce-${id}`]: (b) => outWindows(closing(b, gapMs, graceMs).reduce(add, heldText)),
    [`close-aggregate-${id}`]: (b) => outWindows(closed(b, gapMs, graceMs)),
  }
}

const LOSES = 'Kafka Streams loses sessions that close when a record is further ahead than the retention'
const onClose: Scenarios = {
  ...eachOperationOnClose(3, 0),
  ...eachOperationOnClose(3, 4),
  ...eachOperationOnClose(2, 12),
  ...eachOperationOnClose(6, 6),
  ...eachOperationOnClose(0, 0),
  'close-named': (b) => outWindows(closing(b, 3, 2).reduce(add, { ...heldText, name: 'n', store: 's' })),
  'close-caching': (b) => outWindows(closing(b, 3, 2).reduce(add, { ...heldText, caching: true })),
  'close-in-memory': (b) => outWindows(closed(b, 3, 2, { ...heldText, persistent: false })),
  'close-filter-map': (b) =>
    outWindows(
      closed(b, 3, 4)
        .filter((v) => v.length < 9)
        .mapValues((v) => `<${v}>`),
    ),
  'close-group-by': (b) =>
    outLong(
      closing(b, 3, 4)
        .count(heldCount)
        .groupBy((v, k) => [k.key, v], { key: S, value: L })
        .reduce(
          (a, v) => a + v,
          (a, v) => a - v,
        ),
    ),
  'close-repartitioned': (b) =>
    outWindows(
      stream(b, 'left')
        .groupBy((v) => (isNull(v) ? 'none' : v.slice(0, 1)), TEXT)
        .windowedBy(sessions(3, 3))
        .emitStrategy(EmitStrategy.onWindowClose())
        .aggregate(zero, add, merge, heldText),
    ),
  'close-deleting': (b) =>
    outWindows(
      closing(b, 4, 8).aggregate(
        zero,
        (a, v) => (isNull(v) || v.startsWith('x') ? (null as never) : `${a}+${v}`),
        merge,
        heldText,
      ),
    ),
  'close-default': (b) => outCounts(closing(b, 3, 0).count()),
  'close-order': (b) => outWindows(closed(b, 5, 10)),
  'close-at-the-edge': (b) => outCounts(closing(b, 5, 0).count(heldCount)),
  'close-into-a-closed-one': (b) => outWindows(closed(b, 5, 0)),
  'close-default-retention': (b) => outCounts(closing(b, 5, 0).count({ key: S, value: L })),
  'close-far-ahead': {
    build: (b) => outCounts(closing(b, 5, 0).count({ key: S, value: L })),
    deviation: { why: LOSES, withCache: true, withoutCache: true },
  },
  'close-interval': {
    build: (b) => outCounts(closing(b, 3, 2).count(heldCount)),
    driver: { emitIntervalMs: 10 },
  },
}

const LONG = { value: S, retention: '9h' } as const
const wide: Scenarios = {
  'wide-aggregate': (b) => outWindows(aggregated(b, 9_000, 90_000, LONG)),
  'wide-count': (b) => outCounts(grouped(b, 2_000, 40_000).count({ store: 'counts', retention: '9h' })),
  'wide-long-sessions': (b) => outWindows(grouped(b, 70_000, 10_000).reduce(add, LONG)),
  'wide-close': (b) => outWindows(closed(b, 5_000, 30_000, LONG)),
  'wide-default-retention': (b) => outWindows(aggregated(b, 9_000, 60_000, { value: S })),
}

/** The same topologies as Sessions.java. */
export const SESSIONS: Scenarios = {
  ...eachOperation(5, 0),
  ...eachOperation(5, 4),
  ...eachOperation(3, 12),
  ...eachOperation(10, 6),
  ...eachOperation(0, 0),
  ...eachOperation(0, 8),
  ...options,
  ...downstream,
  ...repartitioned,
  ...rules,
  ...processorTest,
  ...retention,
  ...onClose,
  ...wide,
}
