import { describe, expect, it } from 'vitest'
import { murmur3Hash128 } from '../../../../common/murmur3.ts'
import { StreamsBuilder, serdes, TopologyTestDriver } from '../../../index.ts'
import { subscriptionAnswerSerde } from './subscription-serdes.ts'

const TEXT = { key: serdes.string, value: serdes.string }
const ANSWERS = { key: serdes.string, value: subscriptionAnswerSerde(serdes.string) }
const hashOf = (value: string): Buffer => murmur3Hash128(Buffer.from(value))

async function answered(
  kind: 'join' | 'leftJoin',
  row: string | undefined,
  hash: Buffer | null,
  value: string | null,
): Promise<{ out: readonly (string | null)[]; stale: number }> {
  const builder = new StreamsBuilder()
  const [rows, others] = [builder.table('left', TEXT), builder.table('right', TEXT)]
  const joiner = (a: string, b: string | undefined): string => `${a}|${b}`
  const joined =
    kind === 'join'
      ? rows.join(others, (v) => v, joiner, { name: 'j' })
      : rows.leftJoin(others, (v) => v, joiner, { name: 'j' })
  joined.toStream().to('out', TEXT)
  const driver = await TopologyTestDriver.create(builder.build())
  const output = driver.createOutputTopic('out', TEXT)
  if (row !== undefined) driver.createInputTopic('left', TEXT).pipeInput('k', row, { timestampMs: 1 })
  output.readRecords()
  driver
    .createInputTopic('test-j-subscription-response-topic', ANSWERS)
    .pipeInput('k', { hash, value, primaryPartition: 0 }, { timestampMs: 2 })
  const out = output.readRecords().map((r) => r.value)
  const stale = driver.dropped.get('stale-answer') ?? 0
  await driver.close()
  return { out, stale }
}

describe('an answer', () => {
  it.each(['join', 'leftJoin'] as const)('to the current row is joined with it (%s)', async (kind) => {
    expect(await answered(kind, 'row', hashOf('row'), 'other')).toEqual({ out: ['row|other'], stale: 0 })
  })

  it.each(['join', 'leftJoin'] as const)('to an older row is dropped and counted (%s)', async (kind) => {
    expect(await answered(kind, 'row', hashOf('older'), 'other')).toEqual({ out: [], stale: 1 })
    expect(await answered(kind, undefined, hashOf('older'), 'other')).toEqual({ out: [], stale: 1 })
  })

  it('that there is no row is a tombstone for an inner join, and a result for a left one', async () => {
    expect(await answered('join', 'row', hashOf('row'), null)).toEqual({ out: [null], stale: 0 })
    expect(await answered('leftJoin', 'row', hashOf('row'), null)).toEqual({ out: ['row|undefined'], stale: 0 })
  })

  it('that would have taken the result of an older row back is dropped, and the current row asks again', async () => {
    expect(await answered('join', 'row', hashOf('older'), null)).toEqual({ out: [null], stale: 1 })
    expect(await answered('leftJoin', 'row', hashOf('older'), null)).toEqual({ out: [], stale: 1 })
  })

  it('to a deletion that another row has overtaken takes the result back, though nobody answers that row', async () => {
    const builder = new StreamsBuilder()
    const rows = builder
      .stream('left', TEXT)
      .flatMapValues((v: string | null) => (v ?? '').split(',').map((part) => (part === '' ? (null as never) : part)))
      .toTable({ ...TEXT, caching: false })
    rows
      .join(
        builder.table('right', TEXT),
        (v) => (v.startsWith('-') ? null : v.slice(0, 1)),
        (a, b) => `${a}|${b}`,
      )
      .toStream()
      .to('out', TEXT)
    const driver = await TopologyTestDriver.create(builder.build())
    const [left, right] = [driver.createInputTopic('left', TEXT), driver.createInputTopic('right', TEXT)]
    const output = driver.createOutputTopic('out', TEXT)
    const out = (): readonly (string | null)[] => output.readRecords().map((r) => r.value)
    right.pipeInput('a', 'other', { timestampMs: 1 })
    for (const burst of [',b1', '-1,b1', ',-1', ',a2']) {
      left.pipeInput('k', 'a1', { timestampMs: 2 })
      expect(out().at(-1)).toBe('a1|other')
      left.pipeInput('k', burst, { timestampMs: 3 })
      expect(out().at(-1), burst).toBe(burst === ',a2' ? 'a2|other' : null)
      left.pipeInput('k', null, { timestampMs: 4 })
    }
    await driver.close()
  })

  it('to a deletion takes the result back, though the row comes and goes once more in the record cache', async () => {
    const builder = new StreamsBuilder()
    builder
      .stream('left', TEXT)
      .flatMapValues((v: string) => v.split(',').map((part) => (part === '' ? (null as never) : part)))
      .toTable({ ...TEXT, store: 'rows' })
      .leftJoin(
        builder.table('right', TEXT),
        (v) => v,
        (a, b) => `${a}|${b}`,
      )
      .toStream()
      .to('out', TEXT)
    const options = { commitEveryRecord: false, cacheMaxBytes: 1 }
    const driver = await TopologyTestDriver.create(builder.build(), options)
    const left = driver.createInputTopic('left', TEXT)
    left.pipeInput('k', 'a')
    driver.commit()
    left.pipeInput('other', 'b')
    // The deletion is pushed out by the cache's bound, and the rest of the burst overtakes the answer to it.
    left.pipeInput('k', ',a')
    left.pipeInput('k', '')
    driver.commit()
    const out = driver.createOutputTopic('out', TEXT).readRecords()
    expect(out.filter(({ key }) => key === 'k').map(({ value }) => value)).toEqual(['a|undefined', null])
    await driver.close()
  })

  it.each(['join', 'leftJoin'] as const)('to a deletion is a tombstone (%s)', async (kind) => {
    expect(await answered(kind, undefined, null, null)).toEqual({ out: [null], stale: 0 })
  })
})
