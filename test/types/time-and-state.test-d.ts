import { expectTypeOf } from 'vitest'
import {
  CalendarWindows,
  type CountWindow,
  CountWindows,
  type KeyValueStoreBuilder,
  type KStream,
  type KTable,
  type ProcessorContext,
  Stores,
  StreamsBuilder,
  serdes,
  type Timers,
  type Windowed,
} from '../../streams/index.ts'

/** Checked by `tsc`: nothing here runs. */

interface Reading {
  readonly eventId: number
  readonly celsius: number
}

const readings = new StreamsBuilder().stream('readings', { key: serdes.string, value: serdes.json<Reading>() })
const grouped = readings.groupByKey()

// Calendar windows give the keys that time windows give.
const days = grouped.windowedBy(CalendarWindows.days('Europe/Paris', { grace: '1h' }))
expectTypeOf(days.count()).toEqualTypeOf<KTable<Windowed<string>, number>>()
expectTypeOf(days.reduce((a) => a)).toEqualTypeOf<KTable<Windowed<string>, Reading>>()
// @ts-expect-error no such day
CalendarWindows.weeks('Europe/Paris', { firstDay: 'lundi' })

// Count windows give a stream under the key itself.
const three = grouped.windowedBy(CountWindows.ofCount(3))
expectTypeOf(three.count()).toEqualTypeOf<KStream<string, CountWindow<number>>>()
expectTypeOf(three.reduce((a) => a)).toEqualTypeOf<KStream<string, CountWindow<Reading>>>()
expectTypeOf(
  three.aggregate(
    () => '',
    (text, r) => text + r.celsius,
    { value: serdes.string },
  ),
).toEqualTypeOf<KStream<string, CountWindow<string>>>()
// @ts-expect-error windows of records have no history
three.count({ versioned: { historyRetention: '1h' } })

// Deduplication keeps the types; the id is inferred and needs a serde of its type.
expectTypeOf(readings.deduplicate({ within: '1h' })).toEqualTypeOf<KStream<string, Reading>>()
expectTypeOf(readings.deduplicate({ within: '1h', by: (r) => r.eventId, id: serdes.integer })).toEqualTypeOf<
  KStream<string, Reading>
>()
// @ts-expect-error the id is a number
readings.deduplicate({ within: '1h', by: (r: Reading) => r.eventId, id: serdes.string })

// Rows may have a time to live where the table keeps a stream's records or aggregates, nowhere else.
expectTypeOf(readings.toTable({ ttl: '7d' })).toEqualTypeOf<KTable<string, Reading>>()
grouped.count({ ttl: { after: '7d', time: 'wall-clock-time' } })
// @ts-expect-error windows have a retention
days.count({ ttl: '7d' })
// @ts-expect-error a table that is computed from another shrinks with it
readings.toTable().mapValues((r) => r.celsius, { value: serdes.double, store: 'celsius', ttl: '7d' })

// Any stored table may forget the least recently used, but for windows.
expectTypeOf(grouped.count({ lru: { maxEntries: 100 } })).toEqualTypeOf<KTable<string, number>>()
expectTypeOf(
  readings.toTable().mapValues((r) => r.celsius, { value: serdes.double, lru: { maxEntries: 100 } }),
).toEqualTypeOf<KTable<string, number>>()
expectTypeOf(Stores.lruMap('recent', { key: serdes.string, value: serdes.long, maxEntries: 100 })).toEqualTypeOf<
  KeyValueStoreBuilder<string, number>
>()
// @ts-expect-error windows have a retention
days.count({ lru: { maxEntries: 100 } })
// @ts-expect-error without a bound
grouped.count({ lru: {} })
// @ts-expect-error it is in memory
Stores.lruMap('recent', { key: serdes.string, value: serdes.long, maxEntries: 100, persistent: true })
// @ts-expect-error a global table holds all rows
new StreamsBuilder().globalTable('all', { key: serdes.string, value: serdes.long, lru: { maxEntries: 100 } })

// Timers have the keys of their processor.
declare const context: ProcessorContext<string, string>
const timers = context.timers<string>('alarms', ({ key, dueMs }) => {
  expectTypeOf(key).toEqualTypeOf<string>()
  expectTypeOf(dueMs).toEqualTypeOf<number>()
})
expectTypeOf(timers).toEqualTypeOf<Timers<string>>()
// @ts-expect-error keys are strings
timers.schedule(5, 1_000)
