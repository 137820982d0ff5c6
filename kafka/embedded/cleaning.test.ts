import { afterEach, describe, expect, it } from 'vitest'
import { ManualClock } from '../../common/clock.ts'
import {
  eventually,
  pollUntil,
  produce,
  read,
  record,
  type SeenRecord,
  seen,
  texts,
  values,
} from '../contract/harness.ts'
import { createEmbeddedProvider, type EmbeddedOptions, type EmbeddedProvider } from '../embedded.ts'
import { OffsetOutOfRangeError } from '../errors.ts'

const START_MS = 1_700_000_000_000
const DAY_MS = 86_400_000
const T0 = { topic: 't', partition: 0 }

const open: EmbeddedProvider[] = []
afterEach(() => Promise.all(open.splice(0).map((provider) => provider.close())))

async function logWith(configs: Record<string, string>, options: Partial<EmbeddedOptions> = {}) {
  const clock = new ManualClock(START_MS)
  const provider = createEmbeddedProvider({ directory: undefined, cleanerIntervalMs: 0, clock, ...options })
  open.push(provider)
  await provider.admin().createTopics([{ name: 't', partitions: 1, configs }])
  const producer = provider.createProducer()
  return {
    clock,
    provider,
    /** Each record is a run of its own. */
    async write(...records: readonly (readonly [key: string, value: string | null, timestampMs?: number])[]) {
      for (const [key, value, stamp] of records) {
        await produce(producer, 't', 0, [record(key, value, stamp ?? clock.nowMs())])
      }
    },
    /** All of them in one run. */
    writeTogether: (...records: readonly (readonly [key: string, value: string | null])[]) =>
      produce(
        producer,
        't',
        0,
        records.map(([key, value]) => record(key, value, clock.nowMs())),
      ),
    async bounds() {
      const [first, end] = [await provider.admin().beginningOffsets([T0]), await provider.admin().endOffsets([T0])]
      return [first.get('t-0'), end.get('t-0')]
    },
    async readAll(): Promise<SeenRecord[]> {
      const reader = provider.createReader()
      await reader.assign([{ ...T0, offset: (await provider.admin().beginningOffsets([T0])).get('t-0') ?? 0 }])
      return pollUntil(reader, () => reader.lag(T0) === 0)
    },
  }
}

const pairs = (records: readonly SeenRecord[]) => records.map((one) => `${one.offset}:${one.key}=${one.value}`)

/** With the tail in memory, and with all reads from the database. */
describe.each([
  ['in memory', 1_000_000],
  ['not in memory', 0],
])('cleaning a log whose tail is %s', (_, cacheBytes) => {
  it('deletes what is older than retention.ms from the beginning', async () => {
    const log = await logWith({ 'retention.ms': String(DAY_MS) }, { cacheBytes })
    await log.write(['a', '1'], ['b', '2'])
    log.clock.advance(DAY_MS / 2)
    await log.write(['c', '3'])
    await log.provider.clean()
    expect(await log.bounds()).toEqual([0, 3])
    log.clock.advance(DAY_MS / 2 + 1)
    await log.provider.clean()
    expect(await log.bounds()).toEqual([2, 3])
    expect(pairs(await log.readAll())).toEqual(['2:c=3'])
    log.clock.advance(DAY_MS)
    await log.provider.clean()
    expect(await log.bounds()).toEqual([3, 3])
    await log.write(['d', '4'])
    expect(pairs(await log.readAll())).toEqual(['3:d=4'])
  })

  it('keeps an old record behind a newer one that stays', async () => {
    const log = await logWith({ 'retention.ms': String(DAY_MS) }, { cacheBytes })
    await log.write(['new', '1', START_MS], ['old', '2', START_MS - 10 * DAY_MS])
    await log.provider.clean()
    expect(await log.bounds()).toEqual([0, 2])
  })

  it('deletes what is beyond retention.bytes, and not one run more', async () => {
    const log = await logWith({ 'retention.bytes': '5000', 'retention.ms': '-1' }, { cacheBytes })
    for (let i = 0; i < 20; i++) await log.write([`k${i}`, 'x'.repeat(940)])
    await log.provider.clean()
    const [first, end] = await log.bounds()
    expect(end).toBe(20)
    expect(first).toBe(15)
    expect(await log.readAll()).toHaveLength(5)
    await log.provider.clean()
    expect(await log.bounds()).toEqual([15, 20])
  })

  it('deletes nothing without limits', async () => {
    const log = await logWith({ 'retention.ms': '-1' }, { cacheBytes })
    await log.write(['a', '1', 0])
    log.clock.advance(1_000 * DAY_MS)
    await log.provider.clean()
    expect(await log.readAll()).toHaveLength(1)
  })

  it('keeps the latest record of each key, at its offset', async () => {
    const log = await logWith({ 'cleanup.policy': 'compact' }, { cacheBytes })
    await log.write(['a', '1'], ['b', '1'], ['a', '2'])
    await log.writeTogether(['c', '1'], ['a', '3'], ['c', '2'])
    await log.provider.clean()
    expect(pairs(await log.readAll())).toEqual(['1:b=1', '4:a=3', '5:c=2'])
    expect(await log.bounds()).toEqual([0, 6])
    await log.write(['b', '2'])
    await log.provider.clean()
    await log.provider.clean()
    expect(pairs(await log.readAll())).toEqual(['4:a=3', '5:c=2', '6:b=2'])
  })

  it('keeps tombstones for delete.retention.ms, then drops them', async () => {
    const log = await logWith({ 'cleanup.policy': 'compact', 'delete.retention.ms': '1000' }, { cacheBytes })
    await log.write(['a', '1'], ['b', '1'], ['a', null])
    await log.provider.clean()
    expect(pairs(await log.readAll())).toEqual(['1:b=1', '2:a=null'])
    log.clock.advance(999)
    await log.provider.clean()
    expect(pairs(await log.readAll())).toEqual(['1:b=1', '2:a=null'])
    log.clock.advance(1)
    await log.provider.clean()
    expect(pairs(await log.readAll())).toEqual(['1:b=1'])
    expect(await log.bounds()).toEqual([0, 3])
  })

  it('compacts and deletes where both are asked for', async () => {
    const log = await logWith({ 'cleanup.policy': 'compact,delete', 'retention.ms': String(DAY_MS) }, { cacheBytes })
    await log.write(['a', '1'], ['b', '1'])
    log.clock.advance(DAY_MS + 1)
    await log.write(['a', '2'], ['a', '3'])
    await log.provider.clean()
    expect(pairs(await log.readAll())).toEqual(['3:a=3'])
    expect(await log.bounds()).toEqual([2, 4])
  })

  it('leaves records of an open transaction alone', async () => {
    const log = await logWith({ 'cleanup.policy': 'compact' }, { cacheBytes })
    await log.write(['a', '1'])
    const producer = log.provider.createProducer({ transactionalId: 'x' })
    await producer.initTransactions()
    producer.beginTransaction()
    await produce(producer, 't', 0, [record('a', 'open')])
    await log.write(['a', '2'])
    await log.provider.clean()
    await producer.abortTransaction()
    expect(pairs(await log.readAll())).toEqual(['0:a=1', '2:a=2'])
    await log.provider.clean()
    expect(pairs(await log.readAll())).toEqual(['2:a=2'])
  })

  it('keeps headers and timestamps of what it rewrites', async () => {
    const log = await logWith({ 'cleanup.policy': 'compact' }, { cacheBytes })
    const headers = [{ key: 'h', value: Buffer.from('x') }]
    await produce(log.provider.createProducer(), 't', 0, [
      record('a', '1', 5_000),
      { ...record('b', '1', 10), headers },
      record('a', '2', 7),
    ])
    await log.provider.clean()
    const reader = log.provider.createReader()
    await reader.assign([{ ...T0, offset: 0 }])
    const [batch] = await reader.poll(1_000)
    expect(batch?.records).toMatchObject([
      { offset: 1, timestampMs: 10, headers },
      { offset: 2, timestampMs: 7, headers: [] },
    ])
    expect(batch?.nextOffset).toBe(3)
  })

  it('does not disturb a reader on its way', async () => {
    const log = await logWith({ 'cleanup.policy': 'compact' }, { cacheBytes })
    for (let i = 0; i < 50; i++) await log.write([`k${i % 10}`, `${i}`])
    const reader = log.provider.createReader({ maxPartitionBytes: 200 })
    await reader.assign([{ ...T0, offset: 0 }])
    const records = seen(await reader.poll(1_000))
    await log.provider.clean()
    records.push(...(await pollUntil(reader, () => reader.lag(T0) === 0)))
    const offsets = records.map((one) => one.offset)
    expect(offsets).toEqual([...offsets].sort((a, b) => a - b))
    const latest = new Map(records.map((one) => [one.key, one.value]))
    expect([...latest.values()].sort()).toEqual(Array.from({ length: 10 }, (_, i) => `${40 + i}`))
  })

  it('finds times also after the records that had them are gone', async () => {
    const log = await logWith({ 'cleanup.policy': 'compact' }, { cacheBytes })
    await log.write(['a', '1', 9_000], ['b', '1', 1_000], ['c', '1', 2_000], ['a', '2', 3_000])
    await log.provider.clean()
    const find = async (timestampMs: number) =>
      (await log.provider.admin().offsetsForTime([{ ...T0, timestampMs }])).get('t-0')
    expect(await find(500)).toBe(1)
    expect(await find(1_500)).toBe(2)
    expect(await find(2_500)).toBe(3)
    expect(await find(8_000)).toBe(4)
  })
})

describe('the background cleaner', () => {
  it('cleans by itself', async () => {
    const log = await logWith({ 'retention.ms': '1000' }, { cleanerIntervalMs: 20 })
    await log.write(['a', '1'])
    log.clock.advance(1_001)
    await eventually(async () => expect(await log.bounds()).toEqual([1, 1]))
  })

  it('compacts once enough of a log is new', async () => {
    const log = await logWith({ 'cleanup.policy': 'compact' }, { cleanerIntervalMs: 20 })
    await log.write(['a', '1'], ['a', '2'])
    await eventually(async () => expect(pairs(await log.readAll())).toEqual(['1:a=2']))
  })

  it('tells a reader that is overtaken by retention, and it can go on from the beginning', async () => {
    const log = await logWith({ 'retention.ms': '1000' })
    await log.write(['a', '1'], ['b', '2'])
    const reader = log.provider.createReader()
    await reader.assign([{ ...T0, offset: 1 }])
    log.clock.advance(2_000)
    await log.write(['c', '3'])
    await log.provider.clean()
    await expect(reader.poll(100)).rejects.toBeInstanceOf(OffsetOutOfRangeError)
    reader.seek(T0, 2)
    expect(values(await read(reader, 1))).toEqual(['3'])
  })

  it('cleans partitions that are larger than one page of rows', async () => {
    const log = await logWith({ 'cleanup.policy': 'compact' })
    for (let i = 0; i < 500; i++) await log.write([`k${i % 7}`, `${i}`])
    await log.writeTogether(...texts(3).map((one) => [one.key?.toString() ?? '', 'last'] as const))
    await log.provider.clean()
    expect(pairs(await log.readAll())).toEqual([
      ...[493, 494, 495, 496].map((i) => `${i}:k${i % 7}=${i}`),
      '500:k0=last',
      '501:k1=last',
      '502:k2=last',
    ])
  })
})
