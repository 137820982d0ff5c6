import { expectTypeOf } from 'vitest'
import {
  type KStream,
  type KTable,
  Stores,
  StreamsBuilder,
  serdes,
  TimeWindows,
  type VersionedKeyValueStoreBuilder,
} from '../../streams/index.ts'

/** Checked by `tsc`: nothing here runs. */

const builder = new StreamsBuilder()
const TEXT = { key: serdes.string, value: serdes.string }
const versioned = { historyRetention: '10m' } as const
const orders = builder.stream('orders', TEXT)
const prices = builder.table('prices', { key: serdes.string, value: serdes.integer, versioned })
const numbered = builder.table('numbered', { key: serdes.integer, value: serdes.string, versioned })
const offers = builder.stream('offers', { key: serdes.string, value: serdes.integer })

expectTypeOf(prices).toEqualTypeOf<KTable<string, number>>()
expectTypeOf(orders.toTable({ versioned })).toEqualTypeOf<KTable<string, string>>()
expectTypeOf(orders.groupByKey().count({ store: 'c', versioned })).toEqualTypeOf<KTable<string, number>>()
expectTypeOf(
  Stores.versionedKeyValueStore('s', { ...TEXT, historyRetention: '1h', segmentInterval: '5m' }),
).toEqualTypeOf<VersionedKeyValueStoreBuilder<string, string>>()

// A history says how long it is.
// @ts-expect-error: the retention is missing
orders.toTable({ versioned: {} })
// @ts-expect-error: the retention is missing
Stores.versionedKeyValueStore('s', TEXT)
// @ts-expect-error: windows keep their rows by the window's retention
orders.groupByKey().windowedBy(TimeWindows.ofSizeWithNoGrace('1m')).count({ store: 'w', versioned })
// @ts-expect-error: a global table has no history
builder.globalTable('global', { ...TEXT, versioned })

// As-of joins take a table or a stream, of the same keys.
orders.joinAsOf(prices, (order, price, key) => {
  expectTypeOf(order).toEqualTypeOf<string>()
  expectTypeOf(price).toEqualTypeOf<number>()
  expectTypeOf(key).toEqualTypeOf<string>()
})
orders.leftJoinAsOf(prices, (_order, price) => expectTypeOf(price).toEqualTypeOf<number | undefined>())
expectTypeOf(orders.joinAsOf(prices, (_order, price) => price, { tolerance: '5m', grace: '10s' })).toEqualTypeOf<
  KStream<string, number>
>()
expectTypeOf(orders.joinAsOf(offers, (_order, offer) => offer, { versioned })).toEqualTypeOf<KStream<string, number>>()
orders.leftJoinAsOf(offers, (_order, offer) => expectTypeOf(offer).toEqualTypeOf<number | undefined>(), { versioned })
// @ts-expect-error: a stream that is joined needs a history
orders.joinAsOf(offers, (_order, offer) => offer)
// @ts-expect-error: string and number
orders.joinAsOf(numbered, (a, b) => [a, b])

// Grace is for joins with tables.
expectTypeOf(orders.join(prices, (_order, price) => price, { grace: '10s' })).toEqualTypeOf<KStream<string, number>>()
const globals = builder.globalTable('all', TEXT)
// @ts-expect-error: nothing ties a global table to a time
orders.join(globals, (_order, key) => key, (a, b) => a + b, { grace: '10s' }) // biome-ignore format: one line for the error
