import { expectTypeOf } from 'vitest'
import {
  EmitStrategy,
  type GlobalKTable,
  JoinWindows,
  type KStream,
  type KTable,
  type Processor,
  type ProcessorProvider,
  SessionWindows,
  StreamsBuilder,
  serdes,
  TimeWindows,
  type Windowed,
} from '../../streams/index.ts'

/** Checked by `tsc`: nothing here runs. */

interface Reading {
  readonly room: string
  readonly celsius: number
}

interface Alarm {
  readonly kind: 'alarm'
  readonly text: string
}

const builder = new StreamsBuilder()
const reading = serdes.json<Reading>()
const readings = builder.stream('readings', { key: serdes.string, value: reading })
const rooms = builder.table('rooms', { key: serdes.string, value: serdes.integer })
const numbered = builder.table('numbered', { key: serdes.integer, value: serdes.string })
const countries = builder.globalTable('countries', { key: serdes.integer, value: serdes.string })
const windows = JoinWindows.ofTimeDifferenceWithNoGrace('1m')

// Sources take their types from the serdes.
expectTypeOf(readings).toEqualTypeOf<KStream<string, Reading>>()
expectTypeOf(rooms).toEqualTypeOf<KTable<string, number>>()
expectTypeOf(countries).toEqualTypeOf<GlobalKTable<number, string>>()

// Lambdas get value first, then key; what they return is the type that follows.
readings.filter((value, key) => {
  expectTypeOf(value).toEqualTypeOf<Reading>()
  expectTypeOf(key).toEqualTypeOf<string>()
  return true
})
expectTypeOf(readings.mapValues((r) => r.celsius)).toEqualTypeOf<KStream<string, number>>()
expectTypeOf(readings.map((r, key) => [key.length, r.room])).toEqualTypeOf<KStream<number, string>>()
expectTypeOf(readings.flatMap((r) => [[r.room, r.celsius] as const])).toEqualTypeOf<KStream<string, number>>()
expectTypeOf(readings.flatMapValues((r) => [r.celsius])).toEqualTypeOf<KStream<string, number>>()
expectTypeOf(readings.selectKey((r) => r.celsius)).toEqualTypeOf<KStream<number, Reading>>()
expectTypeOf(readings.peek(() => {})).toEqualTypeOf<KStream<string, Reading>>()
expectTypeOf(readings.foreach(() => {})).toEqualTypeOf<void>()
expectTypeOf(readings.merge(readings)).toEqualTypeOf<KStream<string, Reading>>()
expectTypeOf(readings.toTable()).toEqualTypeOf<KTable<string, Reading>>()

// A type guard narrows what follows.
const events = builder.stream('events', { key: serdes.string, value: serdes.json<Alarm | Reading | null>() })
const isAlarm = (value: Alarm | Reading | null): value is Alarm => value !== null && 'kind' in value
expectTypeOf(events.filter(isAlarm)).toEqualTypeOf<KStream<string, Alarm>>()
expectTypeOf(events.toTable().filter(isAlarm)).toEqualTypeOf<KTable<string, Alarm>>()
expectTypeOf(events.filter((v) => v !== null)).toEqualTypeOf<KStream<string, Alarm | Reading>>()

// Grouping, windows, aggregations.
expectTypeOf(readings.groupByKey().count()).toEqualTypeOf<KTable<string, number>>()
expectTypeOf(readings.groupBy((r) => r.celsius, { key: serdes.integer }).count()).toEqualTypeOf<
  KTable<number, number>
>()
expectTypeOf(readings.groupByKey().reduce((a) => a)).toEqualTypeOf<KTable<string, Reading>>()
const sums = readings.groupByKey().aggregate(
  () => 0,
  (sum, value, key) => {
    expectTypeOf(sum).toEqualTypeOf<number>()
    expectTypeOf(value).toEqualTypeOf<Reading>()
    expectTypeOf(key).toEqualTypeOf<string>()
    return sum + value.celsius
  },
  { value: serdes.double },
)
expectTypeOf(sums).toEqualTypeOf<KTable<string, number>>()
const windowed = readings.groupByKey().windowedBy(TimeWindows.ofSizeWithNoGrace('5m')).count()
expectTypeOf(windowed).toEqualTypeOf<KTable<Windowed<string>, number>>()
expectTypeOf(windowed.toStream()).toEqualTypeOf<KStream<Windowed<string>, number>>()
expectTypeOf(windowed.toStream((_count, key) => key.startMs)).toEqualTypeOf<KStream<number, number>>()
expectTypeOf(windowed.filter((count, key) => count > key.startMs)).toEqualTypeOf<KTable<Windowed<string>, number>>()
const visits = readings
  .groupByKey()
  .windowedBy(SessionWindows.ofInactivityGapAndGrace('5m', '1m'))
  .aggregate(
    () => 0,
    (sum, value, key) => {
      expectTypeOf(sum).toEqualTypeOf<number>()
      expectTypeOf(value).toEqualTypeOf<Reading>()
      expectTypeOf(key).toEqualTypeOf<string>()
      return sum + value.celsius
    },
    (one, other, key) => {
      expectTypeOf(one).toEqualTypeOf<number>()
      expectTypeOf(other).toEqualTypeOf<number>()
      expectTypeOf(key).toEqualTypeOf<string>()
      return one + other
    },
    { value: serdes.double },
  )
expectTypeOf(visits).toEqualTypeOf<KTable<Windowed<string>, number>>()
const bySession = readings.groupByKey().windowedBy(SessionWindows.ofInactivityGapWithNoGrace(1))
expectTypeOf(bySession.emitStrategy(EmitStrategy.onWindowClose()).reduce((a) => a)).toEqualTypeOf<
  KTable<Windowed<string>, Reading>
>()
expectTypeOf(visits.join(windowed, (a, b) => a + b)).toEqualTypeOf<KTable<Windowed<string>, number>>()
const keep = (sum: number): number => sum
// @ts-expect-error: sessions merge, and so must their aggregates
bySession.aggregate(() => 0, keep, { value: serdes.double })
const byRoom = rooms.groupBy((size) => [size, 'x'], { key: serdes.integer, value: serdes.string })
expectTypeOf(byRoom.count()).toEqualTypeOf<KTable<number, number>>()
expectTypeOf(
  byRoom.reduce(
    (a, b) => a + b,
    (a) => a,
  ),
).toEqualTypeOf<KTable<number, string>>()

// Joins.
expectTypeOf(readings.join(rooms, (r, size) => r.celsius * size)).toEqualTypeOf<KStream<string, number>>()
readings.leftJoin(rooms, (_r, size) => expectTypeOf(size).toEqualTypeOf<number | undefined>())
readings.join(readings, (a, b) => [a, b] as const, windows)
readings.leftJoin(
  readings,
  (a, b) => {
    expectTypeOf(a).toEqualTypeOf<Reading>()
    expectTypeOf(b).toEqualTypeOf<Reading | undefined>()
  },
  windows,
)
readings.outerJoin(
  readings,
  (a, b, key) => {
    expectTypeOf(a).toEqualTypeOf<Reading | undefined>()
    expectTypeOf(b).toEqualTypeOf<Reading | undefined>()
    expectTypeOf(key).toEqualTypeOf<string>()
  },
  windows,
)
expectTypeOf(
  readings.join(
    countries,
    (r) => r.celsius,
    (r, name) => `${r.room}${name}`,
  ),
).toEqualTypeOf<KStream<string, string>>()
expectTypeOf(rooms.join(rooms, (a, b) => `${a}${b}`)).toEqualTypeOf<KTable<string, string>>()
rooms.outerJoin(rooms, (a, b) => {
  expectTypeOf(a).toEqualTypeOf<number | undefined>()
  expectTypeOf(b).toEqualTypeOf<number | undefined>()
  return 0
})

// Keys of different types cannot be joined.
// A foreign-key join may lead to another type of key, which is what the function gives.
const named = rooms.join(
  numbered,
  (count, room) => {
    expectTypeOf(count).toEqualTypeOf<number>()
    expectTypeOf(room).toEqualTypeOf<string>()
    return count > 0 ? count : null
  },
  (count, name, room) => {
    expectTypeOf(room).toEqualTypeOf<string>()
    return `${count} ${name.length}`
  },
  { partitioner: (_topic, room) => [room.length], otherPartitioner: (_topic, number) => [number % 2] },
)
expectTypeOf(named).toEqualTypeOf<KTable<string, string>>()
rooms.leftJoin(
  numbered,
  (count) => count,
  (_count, name) => expectTypeOf(name).toEqualTypeOf<string | undefined>(),
)
rooms.join(
  numbered,
  // @ts-expect-error: the keys of the other table are numbers
  (_count, room) => room,
  (_count: number, name: string) => name,
)
// @ts-expect-error: string and number
rooms.join(numbered, (a, b) => `${a}${b}`)
// @ts-expect-error: string and number
rooms.leftJoin(numbered, (a, b) => `${a}${b}`)
// @ts-expect-error: string and number
rooms.outerJoin(numbered, (a, b) => `${a}${b}`)
// @ts-expect-error: string and number
readings.join(numbered, (a, b) => `${a}${b}`)
// @ts-expect-error: string and number
readings.leftJoin(numbered, (a, b) => `${a}${b}`)
const byNumber = readings.selectKey((r) => r.celsius)
// @ts-expect-error: string and number
readings.join(byNumber, (a, b) => [a, b], windows)
// @ts-expect-error: string and number
readings.outerJoin(byNumber, (a, b) => [a, b], windows)
// @ts-expect-error: string and number
readings.merge(byNumber)
const roomOf = (r: Reading): string => r.room
// @ts-expect-error: the selector gives a string, the global table's keys are numbers
readings.join(countries, roomOf, roomOf)
// @ts-expect-error: a window's key is not the key in it
windowed.join(rooms, (a, b) => a + b)

// A serde must be of what it writes.
readings.to('out')
readings.to('out', { value: reading })
// @ts-expect-error: values are readings
readings.to('out', { value: serdes.string })
// @ts-expect-error: keys are strings
readings.to('out', { key: serdes.integer })
const zero = (): number => 0
// @ts-expect-error: the aggregate is a number
readings.groupByKey().aggregate(zero, zero, { value: serdes.string })
// @ts-expect-error: the mapped value is a number
rooms.mapValues((size) => size + 1, { store: 's', value: serdes.string })
// @ts-expect-error: the new key is a number
readings.groupBy((r) => r.celsius, { key: serdes.string })
// @ts-expect-error: keys are strings
readings.groupByKey({ key: serdes.integer })

// A result may be written with the serdes that are given for it.
readings
  .groupBy((r) => r.room, { key: serdes.string })
  .windowedBy(TimeWindows.ofSizeAndGrace('5m', '1m'))
  .aggregate<{ sum: number }>(
    () => ({ sum: 0 }),
    (a, r) => ({ sum: a.sum + r.celsius }),
    { store: 'averages', value: serdes.json() },
  )
  .toStream((_average, key) => key.key)
  .to('averages', { key: serdes.string })

// Processors: what they take is what the stream has; suppliers may be functions or bring stores.
interface Summary {
  readonly count: number
}
declare const summarise: () => Processor<string, Reading, number, Summary>
declare const keepKey: ProcessorProvider<string, Reading, string, Summary>
expectTypeOf(readings.process(summarise)).toEqualTypeOf<KStream<number, Summary>>()
expectTypeOf(readings.process({ get: summarise, stores: () => [] })).toEqualTypeOf<KStream<number, Summary>>()
expectTypeOf(readings.processValues(keepKey)).toEqualTypeOf<KStream<string, Summary>>()
// @ts-expect-error: it gives other keys
readings.processValues(summarise)
// @ts-expect-error: it takes readings
builder.stream('alarms', { key: serdes.string, value: serdes.json<Alarm>() }).process(summarise)

// Branches keep the types of the stream.
readings.split().branch((r) => r.celsius > 30, {
  withFunction: (branch) => {
    expectTypeOf(branch).toEqualTypeOf<KStream<string, Reading>>()
    return branch.filter((r) => r.celsius > 35)
  },
})
// @ts-expect-error: a branch is handed to one of them
readings.split().defaultBranch({ withFunction: (branch) => branch, withConsumer: () => {} })
// @ts-expect-error: another type of values
readings.split().defaultBranch({ withFunction: (branch) => branch.mapValues((r) => r.celsius) })

builder.build({ topologyOptimization: ['merge.repartition.topics'] })
// @ts-expect-error: there is no such optimisation
builder.build({ topologyOptimization: ['merge.topics'] })
