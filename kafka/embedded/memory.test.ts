import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, describe, expect, it } from 'vitest'
import { produce, read, record, seen, values } from '../contract/harness.ts'
import { createEmbeddedProvider, type EmbeddedOptions, type EmbeddedProvider } from '../embedded.ts'
import { TailCache, type TailHolder } from './tail-cache.ts'

const directories: string[] = []
const open: EmbeddedProvider[] = []

afterEach(async () => {
  await Promise.all(open.splice(0).map((provider) => provider.close()))
  await Promise.all(directories.splice(0).map((one) => rm(one, { recursive: true, force: true })))
})

async function provide(options: Partial<EmbeddedOptions>) {
  const directory = await mkdtemp(join(tmpdir(), 'brook-memory-'))
  directories.push(directory)
  const provider = createEmbeddedProvider({ directory, cleanerIntervalMs: 0, ...options })
  open.push(provider)
  await provider.admin().createTopics([{ name: 't', partitions: 2 }])
  return provider
}

async function readerAt(provider: EmbeddedProvider, offset: number, maxPartitionBytes?: number) {
  const reader = provider.createReader(maxPartitionBytes === undefined ? {} : { maxPartitionBytes })
  await reader.assign([{ topic: 't', partition: 0, offset }])
  return reader
}

describe('reading what is no longer in memory', () => {
  it.each([
    ['nothing in memory', 0, 1024 * 1024],
    ['little in memory', 20_000, 1024 * 1024],
    ['little in memory, in small parts', 20_000, 700],
    ['all in memory, in small parts', 1024 * 1024, 700],
  ])('gives every record once, in order, with %s', async (_, cacheBytes, maxPartitionBytes) => {
    const provider = await provide({ cacheBytes })
    const producer = provider.createProducer()
    const count = 3_000
    for (let i = 0; i < count; i++) {
      producer.send('t', 0, record(`k${i}`, `${i}`))
      if (i % 37 === 0) await producer.flush()
    }
    await producer.flush()
    const got = await read(await readerAt(provider, 0, maxPartitionBytes), count)
    expect(got.map((one) => one.offset)).toEqual(Array.from({ length: count }, (_, i) => i))
    expect(values(got)).toEqual(got.map((one) => String(one.offset)))
    expect((await read(await readerAt(provider, 1_234, maxPartitionBytes), count - 1_234))[0]?.offset).toBe(1_234)
  })

  it('crosses from the database into the memory while records arrive', async () => {
    const provider = await provide({ cacheBytes: 5_000 })
    const producer = provider.createProducer()
    const reader = await readerAt(provider, 0)
    const offsets: number[] = []
    for (let i = 0; i < 200; i++) {
      for (let j = 0; j < 10; j++) producer.send('t', 0, record('k', 'x'.repeat(50)))
      if (i % 3 === 0) await producer.flush()
      if (i % 7 === 0) offsets.push(...seen(await reader.poll(0)).map((one) => one.offset))
    }
    await producer.flush()
    while (offsets.length < 2_000) offsets.push(...seen(await reader.poll(100)).map((one) => one.offset))
    expect(offsets).toEqual(Array.from({ length: 2_000 }, (_, i) => i))
  })

  it('keeps batches near the size that was asked for', async () => {
    const provider = await provide({})
    const producer = provider.createProducer()
    for (let i = 0; i < 100; i++) producer.send('t', 0, record(null, 'x'.repeat(950)))
    await producer.flush()
    const reader = await readerAt(provider, 0, 10_000)
    for (let i = 0; i < 5; i++) {
      const [batch] = await reader.poll(100)
      expect(batch?.records.length).toBeGreaterThanOrEqual(9)
      expect(batch?.records.length).toBeLessThanOrEqual(11)
    }
  })
})

describe.each([0, 100_000])('a transaction larger than the memory for it, with a cache of %d bytes', (cacheBytes) => {
  const start = async () => {
    const provider = await provide({ transactionBytes: 1_000, cacheBytes })
    const producer = provider.createProducer({ transactionalId: 'x' })
    await producer.initTransactions()
    producer.beginTransaction()
    for (let i = 0; i < 100; i++) {
      await produce(producer, 't', 0, [record('k', `${i} ${'x'.repeat(100)}`)])
    }
    return { provider, producer }
  }

  it('is not seen before its commit, and whole after', async () => {
    const { provider, producer } = await start()
    const reader = await readerAt(provider, 0)
    await produce(provider.createProducer(), 't', 0, [record('k', 'after')])
    expect(await reader.poll(50)).toEqual([])
    await producer.commitTransaction()
    const got = await read(reader, 101)
    expect(got.map((one) => one.value?.split(' ')[0])).toEqual([
      ...Array.from({ length: 100 }, (_, i) => `${i}`),
      'after',
    ])
  })

  it('leaves nothing when it is aborted', async () => {
    const { provider, producer } = await start()
    await producer.abortTransaction()
    await produce(provider.createProducer(), 't', 0, [record('k', 'after')])
    expect(values(await read(await readerAt(provider, 0), 1))).toEqual(['after'])
  })
})

describe('records behind an open transaction', () => {
  it('are all there when it ends, however many', async () => {
    const provider = await provide({})
    const transactional = provider.createProducer({ transactionalId: 'x' })
    await transactional.initTransactions()
    transactional.beginTransaction()
    await produce(transactional, 't', 0, [record('k', 'first')])
    const plain = provider.createProducer()
    const value = 'x'.repeat(100_000)
    for (let i = 0; i < 100; i++) await produce(plain, 't', 0, [record('k', value)])
    const reader = await readerAt(provider, 0)
    expect(await reader.poll(20)).toEqual([])
    await transactional.commitTransaction()
    expect((await read(reader, 101)).map((one) => one.offset)).toEqual(Array.from({ length: 101 }, (_, i) => i))
  })
})

describe('the cache of all partitions’ tails', () => {
  class Holder implements TailHolder {
    runs: { sequence: number; sizeBytes: number }[] = []
    dropBefore(sequence: number): number {
      const gone = this.runs.filter((one) => one.sequence < sequence)
      this.runs = this.runs.filter((one) => one.sequence >= sequence)
      return gone.reduce((sum, one) => sum + one.sizeBytes, 0)
    }
  }

  it('stays within its budget and lets the oldest runs go first, whosever they are', () => {
    const cache = new TailCache(1_000)
    const holders = [new Holder(), new Holder()]
    for (let i = 0; i < 500; i++) {
      const holder = holders[i % 10 === 0 ? 0 : 1]!
      cache.add(holder, 10, (sequence) => holder.runs.push({ sequence, sizeBytes: 10 }))
      expect(cache.usedBytes).toBeLessThanOrEqual(1_000)
    }
    const kept = holders.flatMap((one) => one.runs.map(({ sequence }) => sequence)).sort((a, b) => a - b)
    expect(kept.length).toBeGreaterThan(80)
    expect(kept).toEqual(Array.from({ length: kept.length }, (_, i) => 500 - kept.length + i))
    cache.forget(holders[1]!)
    expect(cache.usedBytes).toBe(holders[0]!.runs.length * 10)
  })
})
