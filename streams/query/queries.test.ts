import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { partitionForKey } from '../../common/murmur2.ts'
import { createEmbeddedProvider } from '../../kafka/embedded.ts'
import {
  KafkaStreams,
  KeyQuery,
  MultiVersionedKeyQuery,
  PositionBound,
  PrefixQuery,
  RangeQuery,
  SessionRangeQuery,
  SessionWindows,
  type StateQueryResult,
  StreamsBuilder,
  serdes,
  TimestampedKeyQuery,
  TimeWindows,
  VersionedKeyQuery,
  WindowKeyQuery,
  WindowRangeQuery,
} from '../index.ts'

const TEXT = { key: serdes.string, value: serdes.string }
const PARTITIONS = 3
const MINUTE = 60_000

function topology() {
  const builder = new StreamsBuilder()
  // What the first table's record cache holds back until a commit feeds the second one.
  builder
    .table('things', { ...TEXT, store: 'things' })
    .mapValues((text) => text.toUpperCase(), { store: 'upper', value: serdes.string })
  builder.table('rows', { ...TEXT, store: 'history', versioned: { historyRetention: '1h' } })
  const events = builder.stream('events', TEXT)
  events.groupByKey().windowedBy(TimeWindows.ofSizeAndGrace('1m', '10m')).count({ store: 'windows' })
  events.groupByKey().windowedBy(SessionWindows.ofInactivityGapAndGrace('1m', '10m')).count({ store: 'sessions' })
  events
    .selectKey((value) => value)
    .repartition({
      ...TEXT,
      name: 'by-value',
      partitions: PARTITIONS,
      partitioner: (_topic, key) => [key.length % PARTITIONS],
    })
    .groupByKey()
    .count({ store: 'by-value' })
  builder.globalTable('names', { ...TEXT, store: 'names' })
  return builder.build()
}

describe('queries', () => {
  const kafka = createEmbeddedProvider({ directory: undefined, cleanerIntervalMs: 0 })
  let directory: string
  let streams: KafkaStreams

  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'brook-queries-'))
    await kafka
      .admin()
      .createTopics(['things', 'rows', 'events', 'names'].map((name) => ({ name, partitions: PARTITIONS })))
    await send('things', 'a1', 'one')
    await send('things', 'a2', 'two')
    await send('things', 'b1', 'three')
    await send('rows', 'r', 'v1', 1_000)
    await send('rows', 'r', 'v2', 2_000)
    await send('events', 'e', 'value', 30_000)
    await send('events', 'e', 'value', 70_000)
    await send('events', 'e', 'value', 10 * MINUTE)
    await send('names', 'n', 'Ann')
    streams = new KafkaStreams(topology(), {
      applicationId: 'queries',
      kafka,
      stateDir: directory,
      applicationServer: 'host-1:8080',
      commitInterval: '1h',
    })
    await streams.start()
    await streams.waitFor('RUNNING')
    await vi.waitFor(async () => expect(await thing('a2')).toBe('two'), 5_000)
    await vi.waitFor(
      async () => expect((await streams.queries.windowStore('windows').fetch('e', 0, 20 * MINUTE)).length).toBe(3),
      5_000,
    )
    await vi.waitFor(async () => expect(await streams.queries.versionedStore('history').get('r')).toBe('v2'), 5_000)
  }, 20_000)

  afterAll(async () => {
    await streams?.close()
    await kafka.close()
    await rm(directory, { recursive: true, force: true })
  })

  async function send(topic: string, key: string, value: string, timestampMs = 1_000) {
    const producer = kafka.createProducer()
    const partition = partitionForKey(Buffer.from(key), PARTITIONS)
    const record = { key: Buffer.from(key), value: Buffer.from(value), timestampMs }
    let offset = -1
    producer.send(topic, partition, record, (_error, acknowledged) => {
      offset = acknowledged
    })
    await producer.flush()
    await producer.close()
    return { partition, offset }
  }

  const thing = (key: string) => streams.queries.keyValueStore<string, string>('things').get(key)
  const only = <R>(result: StateQueryResult<R>) => result.onlyPartitionResult

  async function rows<R>(result: StateQueryResult<AsyncIterable<R>>): Promise<R[]> {
    const all: R[] = []
    for (const part of result.partitionResults.values()) {
      if (!part.isSuccess) throw new Error(part.failureMessage)
      for await (const row of part.result) all.push(row)
    }
    return all
  }

  it('answer a key, with its time', async () => {
    expect(only(await streams.queries.query({ store: 'things', query: KeyQuery.withKey('a1') }))).toBe('one')
    const timed = await streams.queries.query({ store: 'things', query: TimestampedKeyQuery.withKey('b1') })
    expect(only(timed)).toEqual({ value: 'three', timestampMs: 1_000 })
    expect(only(await streams.queries.query({ store: 'things', query: KeyQuery.withKey('zz') }))).toBeUndefined()
  })

  it('answer ranges and prefixes, in either order', async () => {
    const keys = async (query: Parameters<typeof streams.queries.query>[0]['query']) =>
      (
        await rows(
          (await streams.queries.query({ store: 'things', query })) as StateQueryResult<AsyncIterable<{ key: string }>>,
        )
      )
        .map((row) => row.key)
        .sort()
    expect(await keys(RangeQuery.withNoBounds())).toEqual(['a1', 'a2', 'b1'])
    expect(await keys(RangeQuery.withRange('a2', undefined))).toEqual(['a2', 'b1'])
    expect(await keys(PrefixQuery.withPrefix(Buffer.from('a')))).toEqual(['a1', 'a2'])
  })

  it('answer windows of a key and of a time', async () => {
    const query = WindowKeyQuery.withKeyAndWindowStartRange<string, number>('e', { fromMs: 0, toMs: MINUTE })
    expect(only(await streams.queries.query({ store: 'windows', query }))).toMatchObject([
      { windowStartMs: 0, value: 1 },
      { windowStartMs: MINUTE, value: 1 },
    ])
    const range = WindowRangeQuery.withWindowStartRange<string, number>({ fromMs: MINUTE })
    const found = await rows(await streams.queries.query({ store: 'windows', query: range }))
    expect(found.map((row) => [row.key, row.windowStartMs])).toEqual([
      ['e', MINUTE],
      ['e', 10 * MINUTE],
    ])
  })

  it('answer sessions of a key and of a time', async () => {
    const of = await streams.queries.query({ store: 'sessions', query: WindowRangeQuery.withKey<string, number>('e') })
    expect(only(of)?.map((s) => [s.startMs, s.endMs, s.value])).toEqual([
      [30_000, 70_000, 2],
      [10 * MINUTE, 10 * MINUTE, 1],
    ])
    const query = SessionRangeQuery.overlapping<string, number>({ fromMs: 9 * MINUTE })
    const found = await rows(await streams.queries.query({ store: 'sessions', query }))
    expect(found.map((row) => [row.key, row.startMs])).toEqual([['e', 10 * MINUTE]])
  })

  it('answer versions as of a time, and their history', async () => {
    const asOf = VersionedKeyQuery.withKey<string, string>('r', { asOfMs: 1_500 })
    expect(only(await streams.queries.query({ store: 'history', query: asOf }))).toMatchObject({
      value: 'v1',
      timestampMs: 1_000,
      validToMs: 2_000,
    })
    const history = MultiVersionedKeyQuery.withKey<string, string>('r', {}, { order: 'DESCENDING' })
    expect(only(await streams.queries.query({ store: 'history', query: history }))?.map((v) => v.value)).toEqual([
      'v2',
      'v1',
    ])
    expect(only(await streams.queries.query({ store: 'history', query: KeyQuery.withKey('r') }))).toBe('v2')
  })

  it('answer from a global store', async () => {
    const result = await streams.queries.query({ store: 'names', query: KeyQuery.withKey('n') })
    expect(only(result)).toBe('Ann')
    expect(result.position.topics).toEqual(['names'])
  })

  it('read what was just written, once the answer has to have it', async () => {
    for (let n = 0; n < 20; n++) {
      const { partition, offset } = await send('things', 'mine', `value ${n}`)
      const positionBound = PositionBound.at({ things: { [partition]: offset } })
      expect(await streams.queries.waitFor('things', [partition], positionBound, { timeoutMs: 5_000 })).toBe(true)
      const result = await streams.queries.query({ store: 'things', query: KeyQuery.withKey('mine'), positionBound })
      expect(only(result)).toBe(`value ${n}`)
      expect(result.position.offset('things', partition)).toBeGreaterThanOrEqual(offset)
    }
  })

  it('read what was just written below a record cache too: the commit is made for it', async () => {
    for (let n = 0; n < 3; n++) {
      const { partition, offset } = await send('things', 'held', `value ${n}`)
      const bound = PositionBound.at({ things: { [partition]: offset } })
      expect(await streams.queries.waitFor('upper', [partition], bound, { timeoutMs: 5_000 })).toBe(true)
      const query = KeyQuery.withKey<string, string>('held')
      expect(only(await streams.queries.query({ store: 'upper', query, positionBound: bound }))).toBe(`VALUE ${n}`)
    }
  })

  it('tell which part is not so far', async () => {
    const [partition] = [partitionForKey(Buffer.from('a1'), PARTITIONS)]
    const positionBound = PositionBound.at({ things: { [partition]: 1_000_000 } })
    const result = await streams.queries.query({ store: 'things', query: KeyQuery.withKey('a1'), positionBound })
    const failures = [...result.partitionResults].filter(([, part]) => !part.isSuccess)
    expect(failures.map(([p, part]) => [p, !part.isSuccess && part.failureReason])).toEqual([
      [partition, 'NOT_UP_TO_BOUND'],
    ])
    expect(await streams.queries.waitFor('things', [partition], positionBound, { timeoutMs: 30 })).toBe(false)
  })

  it.each([
    ['UNKNOWN_QUERY_TYPE', 'windows', KeyQuery.withKey('e'), [0]],
    ['UNKNOWN_QUERY_TYPE', 'things', VersionedKeyQuery.withKey('e'), [0]],
    ['DOES_NOT_EXIST', 'things', KeyQuery.withKey('e'), [PARTITIONS]],
  ] as const)('fail with %s', async (reason, store, query, partitions) => {
    const { partitionResults } = await streams.queries.query<unknown>({ store, query, partitions })
    expect([...partitionResults.values()].map((part) => !part.isSuccess && part.failureReason)).toEqual([reason])
  })

  it('refuse a bound that could never be met', async () => {
    const positionBound = PositionBound.at({ elsewhere: { 0: 1 } })
    await expect(
      streams.queries.query({ store: 'things', query: KeyQuery.withKey('a1'), positionBound }),
    ).rejects.toThrow(/offsets of things, not of elsewhere/)
  })

  it('tell who has a key, by the partitioner that records are written with', () => {
    for (const key of ['x', 'xx', 'xxx', 'xxxx'])
      expect(streams.queries.queryMetadataForKey('by-value', key)).toEqual({
        activeHost: { host: 'host-1', port: 8080 },
        standbyHosts: [],
        partition: key.length % PARTITIONS,
      })
    expect(streams.queries.metadataForKey('things', 'a1').partition).toBe(
      partitionForKey(Buffer.from('a1'), PARTITIONS),
    )
    const given = streams.queries.metadataForKey('things', 'a1', { partitioner: () => [2] })
    expect(given).toMatchObject({ partition: 2, local: true, standbys: [] })
    expect(() => streams.queries.metadataForKey('things', 'a1', { partitioner: () => [0, 1] })).toThrow(/one partition/)
  })

  it('tell what all instances have, and how far local state is', async () => {
    const [mine, ...others] = streams.queries.metadataForAllStreamsClients()
    expect(others).toEqual([])
    expect(mine?.hostInfo).toEqual({ host: 'host-1', port: 8080 })
    expect(mine?.stateStoreNames).toEqual(expect.arrayContaining(['things', 'windows', 'names']))
    expect(mine?.topicPartitions).toContainEqual({ topic: 'things', partition: 0 })
    expect(streams.queries.streamsMetadataForStore('things')).toHaveLength(1)
    const lags = await streams.queries.allLocalStorePartitionLags()
    expect([...(lags.get('things')?.values() ?? [])].map((lag) => lag.offsetLag)).toEqual([0, 0, 0])
  })

  it('let a scan go when its task ends, and say so', async () => {
    const other = new KafkaStreams(topology(), { applicationId: 'other', kafka, stateDir: join(directory, 'other') })
    await other.start()
    await other.waitFor('RUNNING')
    await vi.waitFor(async () => expect(await other.queries.keyValueStore('things').get('b1')).toBe('three'), 5_000)
    const scans = ['a1', 'a2', 'b1'].map((key) => {
      const { partition } = other.queries.metadataForKey('things', key)
      return other.queries.keyValueStore('things', { partition }).range(undefined, undefined)[Symbol.asyncIterator]()
    })
    for (const scan of scans) expect((await scan.next()).done).toBe(false)
    await other.close()
    for (const scan of scans) await expect(scan.next()).rejects.toMatchObject({ reason: 'migrated' })
  })
})
