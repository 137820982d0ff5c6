import { expectTypeOf } from 'vitest'
import {
  BufferConfig,
  type CogroupedKStream,
  type KTable,
  SessionWindows,
  SlidingWindows,
  StreamsBuilder,
  Suppressed,
  serdes,
  TimeWindows,
  type Windowed,
} from '../../streams/index.ts'

/** Checked by `tsc`: nothing here runs. */

interface Reading {
  readonly room: string
  readonly celsius: number
}

interface State {
  readonly sum: number
  readonly name: string
}

const builder = new StreamsBuilder()
const readings = builder.stream('readings', { key: serdes.string, value: serdes.json<Reading>() }).groupByKey()
const names = builder.stream('names', { key: serdes.string, value: serdes.string }).groupByKey()
const numbered = builder.stream('numbered', { key: serdes.integer, value: serdes.string }).groupByKey()
const rooms = builder.table('rooms', { key: serdes.string, value: serdes.integer })
const windowed = readings.windowedBy(TimeWindows.ofSizeAndGrace('5m', '1m')).count()
const sessions = readings.windowedBy(SessionWindows.ofInactivityGapWithNoGrace('5m')).count()
const { untilTimeLimit, untilWindowCloses } = Suppressed

// Suppression: the table stays what it is.
expectTypeOf(rooms.suppress(untilTimeLimit('1s', BufferConfig.unbounded()))).toEqualTypeOf<KTable<string, number>>()
expectTypeOf(windowed.suppress(untilTimeLimit('1s', BufferConfig.maxRecords(1)))).toEqualTypeOf<
  KTable<Windowed<string>, number>
>()
expectTypeOf(windowed.suppress(untilWindowCloses(BufferConfig.unbounded()))).toEqualTypeOf<
  KTable<Windowed<string>, number>
>()
sessions.suppress(untilWindowCloses(BufferConfig.maxBytes(1_000).shutDownWhenFull()), { name: 'final' })
// @ts-expect-error: keys without windows have nothing that closes
rooms.suppress(untilWindowCloses(BufferConfig.unbounded()))
// @ts-expect-error: a final result is not sent early
untilWindowCloses(BufferConfig.maxRecords(1))
// @ts-expect-error: a final result is not sent early
untilWindowCloses(BufferConfig.unbounded().emitEarlyWhenFull())
// @ts-expect-error: values are numbers
rooms.suppress(untilTimeLimit(1, BufferConfig.unbounded()), { value: serdes.string })

// Cogroup: each aggregator has the values of its own input, and all have one aggregate.
const cogrouped = readings.cogroup((state: State, reading, key) => {
  expectTypeOf(reading).toEqualTypeOf<Reading>()
  expectTypeOf(key).toEqualTypeOf<string>()
  return { ...state, sum: state.sum + reading.celsius }
})
expectTypeOf(cogrouped).toEqualTypeOf<CogroupedKStream<string, State>>()
cogrouped.cogroup(names, (state, name) => {
  expectTypeOf(state).toEqualTypeOf<State>()
  expectTypeOf(name).toEqualTypeOf<string>()
  return { ...state, name }
})
const empty = (): State => ({ sum: 0, name: '' })
const state = serdes.json<State>()
expectTypeOf(cogrouped.aggregate(empty, { value: state })).toEqualTypeOf<KTable<string, State>>()
expectTypeOf(
  cogrouped.windowedBy(TimeWindows.ofSizeWithNoGrace('5m')).aggregate(empty, { value: state }),
).toEqualTypeOf<KTable<Windowed<string>, State>>()
cogrouped.windowedBy(SlidingWindows.ofTimeDifferenceWithNoGrace('5m')).aggregate(empty, { value: state })
expectTypeOf(
  cogrouped
    .windowedBy(SessionWindows.ofInactivityGapWithNoGrace('5m'))
    .aggregate(empty, (a, b) => ({ ...a, sum: a.sum + b.sum }), { value: state }),
).toEqualTypeOf<KTable<Windowed<string>, State>>()
// @ts-expect-error: keys are strings
cogrouped.cogroup(numbered, (s) => s)
// @ts-expect-error: the aggregate is a state
cogrouped.cogroup(names, (_s, name) => name)
// @ts-expect-error: the aggregate is a state
cogrouped.aggregate(() => 0, { value: serdes.integer })
// @ts-expect-error: sessions are merged
cogrouped.windowedBy(SessionWindows.ofInactivityGapWithNoGrace('5m')).aggregate(empty, { value: state })

// Transformed values: deletions come too, and nothing can be sent on.
expectTypeOf(
  rooms.transformValues(() => ({
    init(context) {
      // @ts-expect-error: a value transformer sends nothing
      void context.forward
    },
    transform(value: number | null, key: string) {
      return `${key}: ${value}`
    },
  })),
).toEqualTypeOf<KTable<string, string>>()
// @ts-expect-error: values may be null
rooms.transformValues(() => ({ transform: (value: number) => value }))
// @ts-expect-error: the new values are strings
rooms.transformValues(() => ({ transform: (v: number | null) => `${v}` }), { store: 's', value: serdes.integer })
