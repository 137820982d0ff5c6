import { describe, expect, it } from 'vitest'
import * as fc from '../../test/support/property.ts'
import { type KTable, StreamsBuilder, serdes, TopologyTestDriver } from '../index.ts'

const TEXT = { key: serdes.string, value: serdes.string }
const HISTORY = { versioned: { historyRetention: 1000 } }

interface Update {
  readonly side: 'left' | 'right'
  readonly key: string
  readonly value: string | null
  readonly timestampMs: number
}

/** No two updates of a row have one time: which of them counts is up to their order. */
const updates = fc.uniqueArray(
  fc.record<Update>({
    side: fc.constantFrom('left', 'right'),
    key: fc.constantFrom('a', 'b', 'c'),
    value: fc.option(fc.constantFrom('x', 'y', 'z'), { freq: 4 }),
    timestampMs: fc.nat(60),
  }),
  { maxLength: 60, size: 'max', selector: ({ side, key, timestampMs }) => `${side}${key}${timestampMs}` },
)

type Build = (left: KTable<string, string>, right: KTable<string, string>) => KTable<string, string>

const joined = (a: string | undefined, b: string | undefined): string => `${a ?? '-'}|${b ?? '-'}`
const sorted = (letters: string): string => [...letters].sort().join('')
const group = (table: KTable<string, string>): KTable<string, string> =>
  table
    .groupBy((value, key) => [value, key], TEXT)
    .aggregate(
      () => '',
      (keys, key) => sorted(keys + key),
      (keys, key) => keys.replace(key, ''),
      { ...TEXT, store: 'group', ...HISTORY },
    )

/** What comes out, record by record. */
async function run(build: Build, input: readonly Update[], commitEvery = 1): Promise<[string | null, string | null][]> {
  const builder = new StreamsBuilder()
  build(builder.table('left', { ...TEXT, ...HISTORY }), builder.table('right', { ...TEXT, ...HISTORY }))
    .toStream()
    .to('out', TEXT)
  const driver = await TopologyTestDriver.create(builder.build(), { commitEveryRecord: false })
  for (const [i, { side, key, value, timestampMs }] of input.entries()) {
    driver.createInputTopic(side, TEXT).pipeInput(key, value, timestampMs)
    if (i % commitEvery === 0) driver.commit()
  }
  driver.commit()
  const out = driver.createOutputTopic('out', TEXT).readKeyValues()
  await driver.close()
  return out.map(([key, value]) => [key, value])
}

function lastOfEach(records: readonly [string | null, string | null][]): Record<string, string> {
  const rows = Object.fromEntries(records.map(([key, value]) => [key as string, value]))
  return Object.fromEntries(Object.entries(rows).filter((row): row is [string, string] => Boolean(row[1])))
}

/** The rows of one side, by time alone. */
function rowsOf(side: Update['side'], input: readonly Update[]): Map<string, string> {
  const rows = new Map<string, string>()
  for (const update of [...input].sort((a, b) => a.timestampMs - b.timestampMs)) {
    if (update.side !== side) continue
    if (update.value === null) rows.delete(update.key)
    else rows.set(update.key, update.value)
  }
  return rows
}

function joinModel(kind: 'inner' | 'left' | 'outer', input: readonly Update[]): Record<string, string> {
  const [left, right] = [rowsOf('left', input), rowsOf('right', input)]
  const results: Record<string, string> = {}
  for (const key of new Set([...left.keys(), ...right.keys()])) {
    const [a, b] = [left.get(key), right.get(key)]
    if ((a !== undefined || kind === 'outer') && (b !== undefined || kind !== 'inner')) results[key] = joined(a, b)
  }
  return results
}

function groupModel(input: readonly Update[]): Record<string, string> {
  const groups: Record<string, string> = {}
  for (const [key, value] of rowsOf('left', input)) groups[value] = sorted((groups[value] ?? '') + key)
  return groups
}

const topologies: Record<string, { build: Build; model: (input: readonly Update[]) => Record<string, string> }> = {
  'an inner join': { build: (a, b) => a.join(b, joined), model: (input) => joinModel('inner', input) },
  'a left join': { build: (a, b) => a.leftJoin(b, joined), model: (input) => joinModel('left', input) },
  'an outer join': { build: (a, b) => a.outerJoin(b, joined), model: (input) => joinModel('outer', input) },
  'an outer join of derived tables': {
    build: (a, b) => a.filter((v) => v !== 'y').outerJoin(b.mapValues((v) => v + v), joined), // biome-ignore format: one line
    model: (input) =>
      joinModel(
        'outer',
        input.map((u) => ({
          ...u,
          value: u.value === null || (u.side === 'left' && u.value === 'y') ? null : u.side === 'right' ? u.value + u.value : u.value,
        })),
      ), // biome-ignore format: one expression
  },
  'a grouped table': { build: (a) => group(a), model: groupModel },
}

describe.each(Object.entries(topologies))('%s of versioned tables', (_, { build, model }) => {
  it('ends as its rows by time say, in whatever order they come', async () => {
    await fc.assert(
      fc.asyncProperty(updates, fc.infiniteStream(fc.nat()), async (input, random) => {
        const expected = model(input)
        expect(lastOfEach(await run(build, input))).toEqual(expected)
        const shuffled = input
          .map((update) => ({ update, at: random.next().value }))
          .sort((a, b) => a.at - b.at)
          .map(({ update }) => update)
        expect(lastOfEach(await run(build, shuffled))).toEqual(expected)
      }),
      { numRuns: 40 },
    )
  })

  it('sends the same whenever it is committed', async () => {
    await fc.assert(
      fc.asyncProperty(updates, fc.integer({ min: 2, max: 80 }), async (input, every) => {
        expect(await run(build, input, every)).toEqual(await run(build, input))
      }),
      { numRuns: 25 },
    )
  })
})
