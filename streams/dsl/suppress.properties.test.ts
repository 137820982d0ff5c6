import { describe, expect, it } from 'vitest'
import * as fc from '../../test/support/property.ts'
import { BufferConfig, StreamsBuilder, Suppressed, serdes, TimeWindows, TopologyTestDriver } from '../index.ts'

const NUMBERS = { key: serdes.string, value: serdes.integer }
const key = fc.constantFrom('a', 'b', 'c', 'd')
const timestampMs = fc.integer({ min: 0, max: 80 })
/** After which records the tables commit, and where everything is stopped and started again. */
const moments = fc.record({
  commits: fc.array(fc.integer({ min: 0, max: 59 }), { maxLength: 20 }),
  restarts: fc.array(fc.integer({ min: 0, max: 59 }), { maxLength: 4 }),
})

function check<T>(arbitrary: fc.Arbitrary<T>, property: (value: T) => Promise<void>): Promise<void> {
  return fc.assert(fc.asyncProperty(arbitrary, property), { numRuns: 100 })
}

type Input = readonly (readonly [key: string, value: number | null, timestampMs: number])[]

/** Feeds the records, with commits and restarts, and gives what came out. */
async function run(
  build: (builder: StreamsBuilder) => void,
  records: Input,
  { commits, restarts }: { readonly commits: readonly number[]; readonly restarts: readonly number[] },
) {
  const builder = new StreamsBuilder()
  build(builder)
  const driver = await TopologyTestDriver.create(builder.build(), { commitEveryRecord: false, restartable: true })
  for (const [i, [k, value, at]] of records.entries()) {
    driver.createInputTopic('in', NUMBERS).pipeInput(k, value as never, { timestampMs: at })
    if (commits.includes(i) || restarts.includes(i)) driver.commit()
    if (restarts.includes(i)) await driver.restart({ state: i % 2 === 0 ? 'kept' : 'lost' })
  }
  // Once for what is before the group's topic, once for what is after it.
  driver.commit()
  driver.commit()
  const read = (topic: string) =>
    driver
      .createOutputTopic(topic, { key: serdes.string, value: serdes.integer })
      .readRecords()
      .map((r) => [r.key as string, r.value as number | null] as const)
  const result = { sent: read('sent'), grouped: read('grouped') }
  await driver.close()
  return result
}

describe('a suppressed table', () => {
  const rows = fc.array(fc.tuple(key, fc.option(fc.integer({ min: 1, max: 99 }), { freq: 5 }), timestampMs), {
    maxLength: 60,
  })
  const buffer = fc.record({ waitMs: fc.integer({ min: 0, max: 30 }), maxRecords: fc.integer({ min: 0, max: 4 }) })

  it('gives a group what it sends, no more and no less, whenever it is committed and restarted', async () => {
    await check(fc.tuple(rows, buffer, moments), async ([records, { waitMs, maxRecords }, when]) => {
      const build = (b: StreamsBuilder): void => {
        const held = b
          .table('in', NUMBERS)
          .suppress(Suppressed.untilTimeLimit(waitMs, BufferConfig.maxRecords(maxRecords)))
        held.toStream().to('sent')
        held
          .groupBy((value) => ['all', value] as const, NUMBERS)
          .aggregate(
            () => 0,
            (sum, value) => sum + value,
            (sum, value) => sum - value,
            { store: 'sums', value: serdes.integer },
          )
          .toStream()
          .to('grouped', { value: serdes.integer })
      }
      const { sent, grouped } = await run(build, records, when)
      const table = new Map<string, number>()
      for (const [k, value] of sent) {
        if (value === null) table.delete(k)
        else table.set(k, value)
      }
      const sum = [...table.values()].reduce((a, v) => a + v, 0)
      expect(grouped.at(-1)?.[1] ?? 0).toBe(sum)
    })
  })
})

describe('final results', () => {
  const records = fc.array(fc.tuple(key, fc.integer({ min: 1, max: 99 }), timestampMs), { maxLength: 60 })
  const windows = fc.record({ sizeMs: fc.integer({ min: 1, max: 20 }), graceMs: fc.integer({ min: 0, max: 15 }) })

  it('are sent once per window, and are those of all records that were not late', async () => {
    await check(fc.tuple(records, windows, moments), async ([list, { sizeMs, graceMs }, when]) => {
      const end: Input = [...list, ['end', 0, 1_000]]
      const build = (b: StreamsBuilder): void => {
        b.stream('in', NUMBERS)
          .groupByKey()
          .windowedBy(TimeWindows.ofSizeAndGrace(sizeMs, graceMs))
          .reduce((a, v) => a + v, { store: 'sums' })
          .suppress(Suppressed.untilWindowCloses(BufferConfig.unbounded()))
          .toStream((_sum, k) => `${k.key}@${k.startMs}`)
          .to('sent', NUMBERS)
      }
      const { sent } = await run(build, end, when)
      const expected = new Map<string, number>()
      let streamTimeMs = -1
      for (const [k, value, at] of list) {
        streamTimeMs = Math.max(streamTimeMs, at)
        const startMs = Math.floor(at / sizeMs) * sizeMs
        if (startMs + sizeMs <= streamTimeMs - graceMs) continue
        const id = `${k}@${startMs}`
        expected.set(id, (expected.get(id) ?? 0) + value)
      }
      expect(sent.map(([id]) => id).sort()).toEqual([...expected.keys()].sort())
      expect(new Map(sent)).toEqual(expected)
    })
  })
})
