import { afterEach, describe, expect, it } from 'vitest'
import { InvalidArgumentError, SerdeError } from '../../../common/errors.ts'
import { partitionForKey } from '../../../common/murmur2.ts'
import {
  EmitStrategy,
  SessionWindows,
  StreamsBuilder,
  serdes,
  sessionWindowedSerde,
  TopologyError,
  TopologyTestDriver,
  type TopologyTestDriverOptions,
  Windowed,
} from '../../index.ts'
import { defaultPartitioner } from './windowed-serde.ts'

const TEXT = { key: serdes.string, value: serdes.string }
const open: TopologyTestDriver[] = []
afterEach(async () => {
  for (const driver of open.splice(0)) await driver.close()
})

const grouped = (b: StreamsBuilder, gapMs: number, graceMs: number) =>
  b.stream('in', TEXT).groupByKey().windowedBy(SessionWindows.ofInactivityGapAndGrace(gapMs, graceMs))

async function drive(build: (b: StreamsBuilder) => void, options: TopologyTestDriverOptions = {}) {
  const builder = new StreamsBuilder()
  build(builder)
  const driver = await TopologyTestDriver.create(builder.build(), { cacheMaxBytes: 0, ...options })
  open.push(driver)
  const output = driver.createOutputTopic('out', { key: sessionWindowedSerde(serdes.string), value: serdes.long })
  return {
    driver,
    put: (key: string, timestampMs: number) => driver.createInputTopic('in', TEXT).pipeInput(key, 'v', timestampMs),
    read: () =>
      output.readRecords().map(({ key, value, timestampMs }) => {
        const { key: inner, startMs, endMs } = key as Windowed<string>
        return `${inner}@${startMs}-${endMs}=${value} at ${timestampMs}`
      }),
  }
}

const counting = (gapMs: number, graceMs: number) => (b: StreamsBuilder) =>
  grouped(b, gapMs, graceMs).count({ store: 'counts' }).toStream().to('out')

describe('session windows', () => {
  it('have a gap and a grace that may be zero, but not negative', () => {
    expect(SessionWindows.ofInactivityGapWithNoGrace(0)).toMatchObject({ gapMs: 0, graceMs: 0 })
    expect(SessionWindows.ofInactivityGapAndGrace('5m', '1s')).toMatchObject({ gapMs: 300_000, graceMs: 1_000 })
    expect(() => SessionWindows.ofInactivityGapWithNoGrace(-1)).toThrow(InvalidArgumentError)
    expect(() => SessionWindows.ofInactivityGapAndGrace(3, -1)).toThrow(InvalidArgumentError)
  })

  it('need a store that keeps sessions for gap and grace', () => {
    const count = (retention: number) => grouped(new StreamsBuilder(), 10, 5).count({ store: 's', retention })
    expect(() => count(14)).toThrow(TopologyError)
    expect(() => count(15)).not.toThrow()
  })
})

describe('session windowed keys', () => {
  const serde = sessionWindowedSerde(serdes.string)
  const key = new Windowed('key', 50, 100)

  it('are key, end and start, as SessionWindowedSerializer writes them', () => {
    const data = serde.serialize(key, 't')
    expect(data.toString('hex')).toBe('6b657900000000000000640000000000000032')
    expect(serde.deserialize(data, 't')).toEqual(key)
    expect(() => serde.deserialize(Buffer.alloc(15), 't')).toThrow(SerdeError)
  })

  it('go to the partition of the key in them', () => {
    const partition = partitionForKey(Buffer.from('key'), 7)
    expect(defaultPartitioner(serde)?.('t', key, null, 7)).toEqual([partition])
  })
})

describe('a session aggregation', () => {
  it('joins a record to a session that ended gap and grace ago, and has not closed', async () => {
    const { put, read, driver } = await drive(counting(5, 2))
    put('a', 10)
    put('b', 17)
    read()
    put('a', 10)
    put('a', 11)
    expect(read()).toEqual(['a@10-10=2 at 10', 'a@10-10=null at 10', 'a@10-11=3 at 11'])
    expect(driver.dropped.size).toBe(0)
  })

  it('leaves a session that has closed as it is, also when an open one begins next to it', async () => {
    for (const cacheMaxBytes of [0, 1e6]) {
      const { put, read } = await drive(counting(5, 2), { cacheMaxBytes })
      put('a', 10)
      put('b', 20)
      read()
      put('a', 13)
      expect(read()).toEqual(['a@13-13=1 at 13'])
    }
  })

  it('tells who asked for old values what a one-point session was before', async () => {
    const { put, driver } = await drive((b) =>
      grouped(b, 5, 2)
        .count({ store: 'counts' })
        .groupBy((count, session) => [session.key, count], { key: serdes.string, value: serdes.long })
        .reduce(
          (sum, count) => sum + count,
          (sum, count) => sum - count,
          { store: 'totals' },
        ),
    )
    for (const timestampMs of [10, 10, 10, 12]) put('a', timestampMs)
    expect(driver.getKeyValueStore('totals').get('a')).toBe(4)
  })

  it('hands nobody an aggregate that a merger changes later', async () => {
    const builder = new StreamsBuilder()
    const seen: string[][] = []
    const late: number[] = []
    grouped(builder, 5, 20)
      .aggregate<string[]>(
        () => [],
        (list, value) => {
          list.push(value)
          return list
        },
        (one, other) => {
          other.unshift(...one)
          return other
        },
        {
          store: 'lists',
          retention: 1_000,
          value: serdes.json<string[]>(),
          dropped: (drops) => drops.foreach(() => late.push(1)),
        },
      )
      .toStream()
      .process(() => ({
        process: (record) => {
          if (record.value !== null) seen.push(record.value)
        },
      }))
    const driver = await TopologyTestDriver.create(builder.build(), { cacheMaxBytes: 0, commitEveryRecord: false })
    open.push(driver)
    const input = driver.createInputTopic('in', TEXT)
    for (const [value, timestampMs] of [
      ['a', 10],
      ['b', 20],
      ['c', 15],
      ['d', 60],
      ['late', 11],
    ] as const)
      input.pipeInput('k', value, timestampMs)
    expect(seen).toEqual([['a'], ['b'], ['a', 'b', 'c'], ['d']])
    expect(late).toEqual([1])
    const found = driver.getSessionStore<string, string[]>('lists').fetch('k')
    expect(found).toMatchObject([
      { startMs: 10, endMs: 20, value: ['a', 'b', 'c'] },
      { startMs: 60, endMs: 60, value: ['d'] },
    ])
  })

  it('keeps a store that can be asked for sessions, by key, overlap and range of keys', async () => {
    const { put, driver } = await drive(counting(5, 50))
    for (const [key, timestampMs] of [
      ['a', 10],
      ['a', 14],
      ['a', 30],
      ['b', 12],
    ] as const)
      put(key, timestampMs)
    const store = driver.getSessionStore<string, number>('counts')
    expect(await store.fetch('a')).toMatchObject([
      { startMs: 10, endMs: 14, value: 2 },
      { startMs: 30, endMs: 30, value: 1 },
    ])
    expect(await store.findSessions('a', 12, 12)).toMatchObject([{ startMs: 10, endMs: 14 }])
    expect(await store.fetchSession('b', 12, 12)).toBe(1)
    const keys: string[] = []
    for await (const { key } of store.fetchRange(undefined, undefined, 0, 20)) keys.push(key)
    expect(keys).toEqual(['a', 'b'])
  })
})

describe('on window close', () => {
  const closing =
    (gapMs: number, graceMs: number, strategy = EmitStrategy.onWindowClose()) =>
    (b: StreamsBuilder) =>
      grouped(b, gapMs, graceMs).emitStrategy(strategy).count({ store: 'counts' }).toStream().to('out')

  it('no session is lost to a record that is further ahead than the retention', async () => {
    const { put, read } = await drive(closing(5, 0))
    put('a', 10)
    put('b', 12)
    put('c', 1_000_000)
    expect(read()).toEqual(['a@10-10=1 at 10', 'b@12-12=1 at 12'])
    put('c', 2_000_000)
    expect(read()).toEqual(['c@1000000-1000000=1 at 1000000'])
  })

  it('sessions close when silence lasts, if that is asked for', async () => {
    const { put, read, driver } = await drive(closing(5_000, 1_000, EmitStrategy.onWindowClose({ idleTimeout: '10s' })))
    put('a', 1_000)
    driver.advanceWallClockTime(10_000)
    driver.advanceWallClockTime(6_000)
    expect(read()).toEqual([])
    driver.advanceWallClockTime(1_000)
    expect(read()).toEqual(['a@1000-1000=1 at 1000'])
    put('a', 1_000)
    expect(driver.dropped.get('late')).toBe(1)
  })

  it('a restart sends nothing twice and takes in nothing late', async () => {
    for (const state of ['kept', 'lost'] as const) {
      const { put, read, driver } = await drive(closing(5, 0), { restartable: true })
      put('a', 10)
      put('b', 20)
      expect(read()).toEqual(['a@10-10=1 at 10'])
      await driver.restart({ state })
      put('a', 10)
      put('b', 15)
      put('c', 30)
      expect(read()).toEqual(['b@15-20=2 at 20'])
      expect(driver.dropped.get('late')).toBe(1)
    }
  })
})
