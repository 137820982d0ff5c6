import { describe, expect, it } from 'vitest'
import * as fc from '../../../test/support/property.ts'
import {
  EmitStrategy,
  type KGroupedStream,
  SlidingWindows,
  StreamsBuilder,
  serdes,
  type TimeWindowedKStream,
  TimeWindows,
  TopologyTestDriver,
  type TopologyTestDriverOptions,
} from '../../index.ts'

const NUMBERS = { key: serdes.string, value: serdes.integer }
const LIST = serdes.json<number[]>()

type Input = readonly [key: string, value: number, timestampMs: number]
type Result = readonly [window: string, list: readonly number[], timestampMs: number]
type Windowed = TimeWindowedKStream<string, number>
type Kind = (grouped: KGroupedStream<string, number>) => Windowed

function check<T>(arbitrary: fc.Arbitrary<T>, property: (value: T) => Promise<void>, numRuns = 120): Promise<void> {
  return fc.assert(fc.asyncProperty(arbitrary, property), { numRuns })
}

const records = (maxMs: number, maxLength = 40): fc.Arbitrary<Input[]> =>
  fc.array(
    fc.tuple(fc.constantFrom('a', 'b', 'aa'), fc.integer({ min: 0, max: 99 }), fc.integer({ min: 0, max: maxMs })),
    {
      maxLength,
    },
  )

const sizes = fc.record({
  kind: fc.constantFrom('time' as const, 'sliding' as const),
  sizeMs: fc.integer({ min: 1, max: 20 }),
  advance: fc.integer({ min: 1, max: 20 }),
})

function kindOf(
  { kind, sizeMs, advance }: { kind: 'time' | 'sliding'; sizeMs: number; advance: number },
  graceMs: number,
): Kind {
  return (grouped) =>
    kind === 'sliding'
      ? grouped.windowedBy(SlidingWindows.ofTimeDifferenceAndGrace(sizeMs, graceMs))
      : grouped.windowedBy(TimeWindows.ofSizeAndGrace(sizeMs, graceMs).advanceBy(Math.min(advance, sizeMs)))
}

/** Every value of each window, collected in place. */
async function driverOf(
  kind: Kind,
  strategy: EmitStrategy,
  caching: boolean,
  options: TopologyTestDriverOptions = {},
): Promise<TopologyTestDriver> {
  const builder = new StreamsBuilder()
  kind(builder.stream('in', NUMBERS).groupByKey())
    .emitStrategy(strategy)
    .aggregate(
      (): number[] => [],
      (list, value) => {
        list.push(value)
        return list
      },
      { store: 'lists', value: LIST, caching },
    )
    .toStream((_list, { key, startMs, endMs }) => `${key}@${startMs}-${endMs}`)
    .to('out', { key: serdes.string })
  return TopologyTestDriver.create(builder.build(), options)
}

function pipe(driver: TopologyTestDriver, input: readonly Input[]): void {
  const topic = driver.createInputTopic('in', NUMBERS)
  for (const [key, value, timestampMs] of input) topic.pipeInput(key, value, timestampMs)
}

function results(driver: TopologyTestDriver): Result[] {
  const output = driver.createOutputTopic('out', { key: serdes.string, value: LIST })
  return output.readRecords().map((r) => [r.key as string, r.value ?? [], r.timestampMs])
}

const isEnd = ([window]: Result): boolean => window.startsWith('end@')
const asMap = (list: readonly Result[]) => new Map(list.map(([window, values, timeMs]) => [window, { values, timeMs }]))
const sorted = (values: readonly number[]): number[] => values.toSorted((a, b) => a - b)

describe('emission on window close', () => {
  it('gives of each window, once, what its last update was, wherever it is restarted and evicted', async () => {
    const input = fc.record({
      sizes,
      graceMs: fc.integer({ min: 0, max: 15 }),
      intervalMs: fc.constantFrom(0, 0, 7),
      // Far jumps: windows close long after their retention.
      input: records(60).chain((near) =>
        fc.tuple(
          fc.constant(near),
          fc.array(fc.integer({ min: 0, max: 500 }), { minLength: near.length, maxLength: near.length }),
        ),
      ),
      breaks: fc.array(fc.constantFrom('kept' as const, 'lost' as const, 'commit' as const, undefined), {
        maxLength: 40,
      }),
    })
    await check(input, async ({ sizes: chosen, graceMs, intervalMs, input: [near, jumps], breaks }) => {
      const kind = kindOf(chosen, graceMs)
      const all = near.map(([key, value, timeMs], i): Input => [key, value, timeMs + ((jumps[i] ?? 0) > 470 ? 400 : 0)])
      const updating = await driverOf(kind, EmitStrategy.onWindowUpdate(), false)
      pipe(updating, all)
      const closing = await driverOf(kind, EmitStrategy.onWindowClose(), true, {
        restartable: true,
        storeCacheEntries: 2,
        commitEveryRecord: false,
        emitIntervalMs: intervalMs,
      })
      for (const [i, record] of all.entries()) {
        pipe(closing, [record])
        closing.advanceWallClockTime(2)
        const stop = breaks[i]
        if (stop === 'commit') closing.commit()
        else if (stop !== undefined) await closing.restart({ state: stop })
      }
      closing.advanceWallClockTime(100)
      pipe(closing, [['end', 0, 10_000]])
      const emitted = results(closing).filter((r) => !isEnd(r))
      expect(new Set(emitted.map(([window]) => window)).size).toBe(emitted.length)
      expect(asMap(emitted)).toEqual(asMap(results(updating)))
      expect(closing.dropped.get('late') ?? 0).toBe(updating.dropped.get('late') ?? 0)
      await Promise.all([updating.close(), closing.close()])
    })
  })

  it('goes by start, then key bytes, whenever several windows close together', async () => {
    await check(fc.record({ sizes, input: records(100) }), async ({ sizes: chosen, input }) => {
      const driver = await driverOf(kindOf(chosen, 30), EmitStrategy.onWindowClose(), true)
      for (const record of [...input, ['end', 0, 10_000] as const]) {
        pipe(driver, [record])
        const order = results(driver).map(([window]) => {
          const [key = '', span = ''] = window.split('@')
          return { startMs: Number(span.split('-')[0]), key }
        })
        expect(order).toEqual(
          order.toSorted((a, b) => a.startMs - b.startMs || Buffer.from(a.key).compare(Buffer.from(b.key))),
        )
      }
      await driver.close()
    })
  })

  it('does not depend on the order of records within the grace', async () => {
    const input = fc.record({
      sizes,
      shuffled: records(30).chain((list) =>
        fc.tuple(fc.constant(list), fc.shuffledSubarray(list, { minLength: list.length })),
      ),
    })
    await check(input, async ({ sizes: chosen, shuffled }) => {
      const finals = await Promise.all(
        shuffled.map(async (list) => {
          const driver = await driverOf(kindOf(chosen, 31), EmitStrategy.onWindowClose(), true)
          pipe(driver, [...list, ['end', 0, 10_000]])
          const final = results(driver).map(([window, values, timeMs]) => [window, sorted(values), timeMs])
          await driver.close()
          return final
        }),
      )
      expect(finals[1]).toEqual(finals[0])
    })
  })

  it('needs no further record when silence moves time, and is the same after a restart', async () => {
    const input = fc.record({
      sizes,
      graceMs: fc.integer({ min: 0, max: 15 }),
      input: records(60),
      state: fc.constantFrom('kept' as const, 'lost' as const),
    })
    await check(input, async ({ sizes: chosen, graceMs, input: list, state }) => {
      const kind = kindOf(chosen, graceMs)
      const updating = await driverOf(kind, EmitStrategy.onWindowUpdate(), false)
      pipe(updating, list)
      const closing = await driverOf(kind, EmitStrategy.onWindowClose({ idleTimeout: 1_000 }), true, {
        restartable: true,
      })
      pipe(closing, list)
      closing.advanceWallClockTime(1_000)
      await closing.restart({ state })
      closing.advanceWallClockTime(1_000 + 1_000)
      const emitted = results(closing)
      expect(asMap(emitted)).toEqual(asMap(results(updating)))
      await closing.restart({ state })
      pipe(closing, list)
      closing.advanceWallClockTime(100_000)
      expect(results(closing)).toEqual([])
      await Promise.all([updating.close(), closing.close()])
    })
  })
})

describe('sliding windows', () => {
  it('are those that end at a record or start right after one, with all records in them', async () => {
    const input = fc.record({
      differenceMs: fc.integer({ min: 0, max: 25 }),
      list: records(80, 30),
      caching: fc.boolean(),
      closing: fc.boolean(),
    })
    await check(
      input,
      async ({ differenceMs, list, caching, closing }) => {
        const kind: Kind = (grouped) => grouped.windowedBy(SlidingWindows.ofTimeDifferenceAndGrace(differenceMs, 100))
        const strategy = closing ? EmitStrategy.onWindowClose() : EmitStrategy.onWindowUpdate()
        const driver = await driverOf(kind, strategy, caching)
        pipe(driver, closing ? [...list, ['end', 0, 10_000]] : list)
        const found = asMap(
          results(driver)
            .filter((r) => !isEnd(r))
            .map(([window, values, timeMs]) => [window, sorted(values), timeMs]),
        )
        expect(found).toEqual(slidingModel(list, differenceMs))
        await driver.close()
      },
      250,
    )
  })
})

function slidingModel(list: readonly Input[], differenceMs: number) {
  const model = new Map<string, { values: number[]; timeMs: number }>()
  for (const [key, , timeMs] of list) {
    const starts = [Math.max(0, timeMs - differenceMs)]
    if (differenceMs > 0) starts.push(timeMs + 1)
    for (const startMs of starts) {
      const inside = list.filter(([k, , t]) => k === key && t >= startMs && t <= startMs + differenceMs)
      if (inside.length === 0) continue
      model.set(`${key}@${startMs}-${startMs + differenceMs}`, {
        values: sorted(inside.map(([, value]) => value)),
        timeMs: Math.max(...inside.map(([, , t]) => t)),
      })
    }
  }
  return model
}
