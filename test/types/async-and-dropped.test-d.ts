import { expectTypeOf } from 'vitest'
import {
  type AsyncCall,
  type DroppedRecord,
  JoinWindows,
  type KStream,
  StreamsBuilder,
  serdes,
  TimeWindows,
} from '../../streams/index.ts'

/** Checked by `tsc`: nothing here runs. */

interface Reading {
  readonly celsius: number
}

const builder = new StreamsBuilder()
const readings = builder.stream('readings', { key: serdes.string, value: serdes.json<Reading>() })
const names = builder.table('names', { key: serdes.string, value: serdes.integer })

// Asynchronous operators take their types as the others do; the result may be a promise or not.
readings.mapValuesAsync((value, key, call) => {
  expectTypeOf(value).toEqualTypeOf<Reading>()
  expectTypeOf(key).toEqualTypeOf<string>()
  expectTypeOf(call).toEqualTypeOf<AsyncCall>()
  return value
})
expectTypeOf(readings.mapValuesAsync(async (r) => r.celsius)).toEqualTypeOf<KStream<string, number>>()
expectTypeOf(readings.mapValuesAsync((r) => r.celsius)).toEqualTypeOf<KStream<string, number>>()
expectTypeOf(readings.mapAsync(async (r, key) => [r.celsius, key] as const)).toEqualTypeOf<KStream<number, string>>()
expectTypeOf(readings.filterAsync(async (r) => r.celsius > 20)).toEqualTypeOf<KStream<string, Reading>>()
expectTypeOf(readings.foreachAsync(async () => {})).toEqualTypeOf<void>()

// What stands in for a failed result is of its type.
readings.mapValuesAsync(async (r) => r.celsius, { onError: () => -1 })
// @ts-expect-error a text is not the number that the function gives
readings.mapValuesAsync(async (r) => r.celsius, { onError: () => 'unknown' })
// @ts-expect-error there is no such order
readings.mapValuesAsync(async (r) => r.celsius, { order: 'global' })
// @ts-expect-error a predicate says yes or no
readings.filterAsync(async (r) => r.celsius)

// Dropped records are of what the operator takes, not of what it gives.
const grouped = readings.groupByKey()
grouped.count({
  dropped: (stream) => expectTypeOf(stream).toEqualTypeOf<KStream<string | null, DroppedRecord<Reading>>>(),
})
grouped.windowedBy(TimeWindows.ofSizeWithNoGrace('1m')).aggregate(
  () => 0,
  (sum, r) => sum + r.celsius,
  {
    value: serdes.double,
    dropped: (stream) => expectTypeOf(stream).toEqualTypeOf<KStream<string | null, DroppedRecord<Reading>>>(),
  },
)
readings.join(names, (r, name) => [r, name], {
  dropped: (stream) => expectTypeOf(stream).toEqualTypeOf<KStream<string | null, DroppedRecord<Reading>>>(),
})
readings.join(
  readings.mapValues((r) => r.celsius),
  (r, celsius) => [r, celsius],
  JoinWindows.ofTimeDifferenceWithNoGrace('1m'),
  {
    dropped: (stream) => expectTypeOf(stream).toEqualTypeOf<KStream<string | null, DroppedRecord<Reading | number>>>(),
  },
)
builder.stream('bytes', {
  key: serdes.string,
  value: serdes.integer,
  droppedUnread: (stream) => expectTypeOf(stream).toEqualTypeOf<KStream<Buffer | null, DroppedRecord<Buffer>>>(),
})
// @ts-expect-error a global table has no task to go on in
builder.globalTable('global', { key: serdes.string, value: serdes.string, droppedUnread: () => {} })
