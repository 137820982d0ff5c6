import { expectTypeOf } from 'vitest'
import {
  EmitStrategy,
  type KTable,
  SlidingWindows,
  StreamsBuilder,
  serdes,
  TimeWindows,
  UnlimitedWindows,
  type Windowed,
} from '../../streams/index.ts'

interface Reading {
  readonly celsius: number
}

const grouped = new StreamsBuilder()
  .stream('readings', { key: serdes.string, value: serdes.json<Reading>() })
  .groupByKey()

// Sliding and unlimited windows give the keys that time windows give, however results are emitted.
const sliding = grouped.windowedBy(SlidingWindows.ofTimeDifferenceAndGrace('5m', '1m'))
expectTypeOf(sliding.count()).toEqualTypeOf<KTable<Windowed<string>, number>>()
expectTypeOf(sliding.reduce((a) => a)).toEqualTypeOf<KTable<Windowed<string>, Reading>>()
expectTypeOf(grouped.windowedBy(UnlimitedWindows.of().startOn(new Date())).count()).toEqualTypeOf<
  KTable<Windowed<string>, number>
>()
const closing = sliding.emitStrategy(EmitStrategy.onWindowClose({ idleTimeout: '30s' }))
expectTypeOf(closing).toEqualTypeOf(sliding)
expectTypeOf(
  closing.aggregate(
    () => '',
    (text, reading, key) => `${text}${key}${reading.celsius}`,
    { value: serdes.string },
  ),
).toEqualTypeOf<KTable<Windowed<string>, string>>()

// @ts-expect-error: the reducer gives a reading
sliding.reduce((a) => a.celsius)
// @ts-expect-error: no such unit
EmitStrategy.onWindowClose({ idleTimeout: '30 seconds' })
// @ts-expect-error: a strategy, not a name
grouped.windowedBy(TimeWindows.ofSizeWithNoGrace('5m')).emitStrategy('on-window-close')
// @ts-expect-error: windows are made by their own functions
grouped.windowedBy({ timeDifferenceMs: 5 })
