import { expect, it } from 'vitest'
import * as fc from '../../../test/support/property.ts'
import { type JoinedAsOf, type KStream, StreamsBuilder, serdes, TopologyTestDriver } from '../../index.ts'

const TEXT = { key: serdes.string, value: serdes.string }
const join = (value: string, row: string | undefined): string => `${value}|${row ?? 'none'}`

interface Step {
  readonly side: 'stream' | 'other'
  readonly key: string
  readonly value: string | null
  readonly timestampMs: number
}

async function run(
  build: (b: StreamsBuilder) => KStream<string, string>,
  steps: readonly Step[],
): Promise<readonly string[]> {
  const builder = new StreamsBuilder()
  build(builder).to('out', TEXT)
  const driver = await TopologyTestDriver.create(builder.build())
  for (const { side, key, value, timestampMs } of steps)
    driver.createInputTopic(side, TEXT).pipeInput(key, value, timestampMs)
  const out = driver.createOutputTopic('out', TEXT).readRecords()
  await driver.close()
  return out.map((record) => `${record.value}@${record.timestampMs}`)
}

const step = (side: Step['side'], value: string | null, timestampMs: number, key = 'a'): Step => ({
  side,
  key,
  value,
  timestampMs,
})

const steps: readonly Step[] = [
  step('stream', 's1', 1),
  step('other', 'o10', 10),
  step('stream', 's10', 10),
  step('stream', 's9', 9),
  step('other', 'o20', 20),
  step('stream', 's19', 19),
  step('stream', 's30', 30),
  step('stream', 's31', 31),
  step('other', null, 25),
  step('stream', 's26', 26),
]

const asTable =
  (left: boolean, options: JoinedAsOf<string, string>) =>
  (b: StreamsBuilder): KStream<string, string> => {
    const table = b.table('other', { ...TEXT, versioned: { historyRetention: 1000 } })
    const stream = b.stream('stream', TEXT)
    return left ? stream.leftJoinAsOf(table, join, options) : stream.joinAsOf(table, join, options)
  }
const asStream =
  (left: boolean, options: JoinedAsOf<string, string>) =>
  (b: StreamsBuilder): KStream<string, string> => {
    const both = { ...options, versioned: { historyRetention: 1000 } }
    const [stream, other] = [b.stream('stream', TEXT), b.stream('other', TEXT)]
    return left ? stream.leftJoinAsOf(other, join, both) : stream.joinAsOf(other, join, both)
  }

it.each([
  ['a versioned table', asTable],
  ['a stream', asStream],
])('joins each record with the newest of %s that is not younger', async (_, build) => {
  expect(await run(build(false, {}), steps)).toEqual(['s10|o10@10', 's19|o10@19', 's30|o20@30', 's31|o20@31'])
  expect(await run(build(true, {}), steps)).toEqual([
    's1|none@1',
    's10|o10@10',
    's9|none@9',
    's19|o10@19',
    's30|o20@30',
    's31|o20@31',
    's26|none@26',
  ])
})

it('takes nothing that is older than the tolerance', async () => {
  expect(await run(asTable(true, { tolerance: 10 }), steps)).toContain('s30|o20@30')
  expect(await run(asTable(true, { tolerance: 10 }), steps)).toContain('s31|none@31')
  expect(await run(asStream(false, { tolerance: 8 }), steps)).toEqual(['s10|o10@10'])
  expect(await run(asStream(false, { tolerance: 0 }), steps)).toEqual(['s10|o10@10'])
})

it('waits for what comes late, with grace', async () => {
  expect(await run(asStream(true, { tolerance: 10, grace: 4 }), [...steps, step('stream', 'end', 100)])).toEqual([
    's1|none@1',
    's9|none@9',
    's10|o10@10',
    's19|o10@19',
    's26|none@26',
    's30|none@30',
    's31|none@31',
  ])
})

it('names the nodes and stores of a joined stream', () => {
  const builder = new StreamsBuilder()
  const options = { name: 'latest', store: 'rows', versioned: { historyRetention: '1h' }, grace: '1m' } as const
  builder
    .stream('stream', TEXT)
    .map((v, k) => [k, v])
    .joinAsOf(builder.stream('other', TEXT), join, { ...TEXT, ...options })
    .to('out', TEXT)
  const text = builder.build().describe().toString()
  expect(text).toMatch(/Processor: latest-table \(stores: \[rows\]\)/)
  expect(text).toMatch(/Processor: latest \(stores: \[latest-Buffer, rows\]\)/)
  expect(text).toMatch(/latest-repartition/)
})

it('does what a search of all earlier records does, whatever comes in which order', async () => {
  const record = fc.record({
    side: fc.constantFrom<Step['side']>('stream', 'other'),
    key: fc.constantFrom('a', 'b'),
    value: fc.option(fc.constantFrom('x', 'y', 'z'), { freq: 6 }),
    timestampMs: fc.nat(80),
  })
  await fc.assert(
    fc.asyncProperty(
      fc.array(record, { maxLength: 60, size: 'max' }),
      fc.option(fc.nat(30), { nil: undefined }),
      async (random, tolerance) => {
        const numbered = random.map((each, i) => ({ ...each, value: each.value === null ? null : `${each.value}${i}` }))
        const expected = numbered.flatMap(({ side, key, value, timestampMs }, i) => {
          if (side === 'other' || value === null) return []
          const row = numbered
            .slice(0, i)
            .filter((r) => r.side === 'other' && r.key === key && r.timestampMs <= timestampMs)
            .reduce<Step | undefined>((best, r) => (best && best.timestampMs > r.timestampMs ? best : r), undefined)
          const isNear = row !== undefined && timestampMs - row.timestampMs <= (tolerance ?? Number.POSITIVE_INFINITY)
          return [`${value}|${(isNear && row.value) || 'none'}@${timestampMs}`]
        })
        const options = tolerance === undefined ? {} : { tolerance }
        expect(await run(asStream(true, options), numbered)).toEqual(expected)
      },
    ),
    { numRuns: 60 },
  )
})
