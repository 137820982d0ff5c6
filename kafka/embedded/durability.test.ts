import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { produce, read, record, seen, texts, values } from '../contract/harness.ts'
import {
  createEmbeddedProvider,
  EmbeddedLogFailedError,
  EmbeddedLogInUseError,
  type EmbeddedOptions,
} from '../embedded.ts'
import type { KafkaProvider } from '../port.ts'

const FIXTURE = join(import.meta.dirname, 'crash.fixture.ts')
const T0 = { topic: 't', partition: 0 }

let directory: string
const open: KafkaProvider[] = []
const children: ChildProcess[] = []

function provide(options: Partial<EmbeddedOptions> = {}) {
  const provider = createEmbeddedProvider({ directory, cleanerIntervalMs: 0, ...options })
  open.push(provider)
  return provider
}

async function readerAt(provider: KafkaProvider, partition: number) {
  const reader = provider.createReader({ isolationLevel: 'read_committed' })
  await reader.assign([{ topic: 't', partition, offset: 0 }])
  return reader
}

/** Starts the fixture; resolves with its lines once `enough` says so, after it was killed. */
async function runUntilKilled(mode: string, enough: (lines: number) => boolean): Promise<string[]> {
  const child = spawn(process.execPath, [FIXTURE, mode, directory], { stdio: ['ignore', 'pipe', 'pipe'] })
  children.push(child)
  let output = ''
  let errors = ''
  let lines = 0
  child.stderr.on('data', (chunk: Buffer) => {
    errors += chunk.toString()
  })
  child.stdout.on('data', (chunk: Buffer) => {
    output += chunk.toString()
    lines += chunk.toString().split('\n').length - 1
    if (enough(lines)) child.kill('SIGKILL')
  })
  await once(child, 'close')
  if (child.signalCode !== 'SIGKILL') throw new Error(`the child ended by itself: ${errors}`)
  return output.slice(0, output.lastIndexOf('\n')).split('\n')
}

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'brook-durability-'))
})

afterEach(async () => {
  await Promise.all(open.splice(0).map((provider) => provider.close()))
  for (const child of children.splice(0)) child.kill('SIGKILL')
  await rm(directory, { recursive: true, force: true })
})

describe('an embedded log that is closed and opened again', () => {
  it('has its topics, configs, records, offsets and ends as before', async () => {
    const before = provide()
    await before.admin().createTopics([{ name: 't', partitions: 2, configs: { 'retention.ms': '-1' } }])
    const producer = before.createProducer()
    await produce(producer, 't', 0, [{ ...record('k', 'v'), headers: [{ key: 'h', value: null }] }, record('k', null)])
    await produce(producer, 't', 1, texts(10))
    await before.admin().deleteRecords([{ topic: 't', partition: 1, offset: 4 }])
    const transactional = before.createProducer({ transactionalId: 'x' })
    await transactional.initTransactions()
    transactional.beginTransaction()
    await transactional.sendOffsets([{ ...T0, offset: 2, metadata: 'm' }], {
      groupId: 'g',
      memberId: '',
      generationId: -1,
    })
    await transactional.commitTransaction()
    await before.close()

    const after = provide()
    expect(await after.admin().listTopics()).toEqual(['t'])
    expect((await after.admin().topicConfigs('t'))['retention.ms']).toBe('-1')
    expect(values(await read(await readerAt(after, 0), 2))).toEqual(['v', null])
    const both = [T0, { topic: 't', partition: 1 }]
    expect(Object.fromEntries(await after.admin().beginningOffsets(both))).toEqual({ 't-0': 0, 't-1': 4 })
    expect(Object.fromEntries(await after.admin().endOffsets(both))).toEqual({ 't-0': 2, 't-1': 10 })
    expect((await after.admin().committedOffsets('g', ['t'])).get('t-0')).toEqual({ offset: 2, metadata: 'm' })
    expect(await produce(after.createProducer(), 't', 1, texts(1))).toEqual([10])
  })

  it('never gives an offset again that an aborted transaction had', async () => {
    const before = provide()
    await before.admin().createTopics([{ name: 't', partitions: 1 }])
    const producer = before.createProducer({ transactionalId: 'x' })
    await producer.initTransactions()
    producer.beginTransaction()
    expect(await produce(producer, 't', 0, texts(5))).toEqual([0, 1, 2, 3, 4])
    await producer.abortTransaction()
    await before.close()
    expect(await produce(provide().createProducer(), 't', 0, texts(1))).toEqual([5])
  })

  it('does not bring back a topic that was deleted, also under the same name', async () => {
    const before = provide()
    await before.admin().createTopics([{ name: 't', partitions: 1 }])
    await produce(before.createProducer(), 't', 0, texts(5, 'old'))
    await before.admin().deleteTopics(['t'])
    await before.close()
    const after = provide()
    expect(await after.admin().listTopics()).toEqual([])
    await after.admin().createTopics([{ name: 't', partitions: 1 }])
    expect(await produce(after.createProducer(), 't', 0, texts(1, 'new'))).toEqual([0])
  })
})

describe('an embedded log whose process is killed', { timeout: 30_000 }, () => {
  it('has every record that was acknowledged, at its offset, without gaps', async () => {
    const lines = await runUntilKilled('records', (count) => count > 5_000)
    const acknowledged = lines.slice(1).map((line) => line.split(' ').map(Number))
    expect(acknowledged.length).toBeGreaterThanOrEqual(5_000)
    const provider = provide()
    const ends = await provider.admin().endOffsets([0, 1, 2].map((partition) => ({ topic: 't', partition })))
    const found = new Map<string, string>()
    for (const partition of [0, 1, 2]) {
      const count = ends.get(`t-${partition}`) ?? 0
      const records = await read(await readerAt(provider, partition), count)
      expect(records.map((one) => one.offset)).toEqual(Array.from({ length: count }, (_, i) => i))
      for (const one of records) found.set(`${partition} ${one.offset}`, one.value?.split(' ')[0] ?? '')
    }
    const lost = acknowledged.filter(([p, offset, sequence]) => found.get(`${p} ${offset}`) !== String(sequence))
    expect(lost).toEqual([])
  })

  it('has every transaction that was committed, whole and with its offset, and nothing of the one that was open', async () => {
    const lines = await runUntilKilled('transactions', (count) => count > 300)
    const announced = Number(lines.at(-1))
    const provider = provide()
    const committed = (await provider.admin().committedOffsets('g', ['t'])).get('t-0')?.offset ?? 0
    expect(committed).toBeGreaterThanOrEqual(announced)
    expect(committed).toBeLessThanOrEqual(announced + 1)
    const expected = Array.from({ length: committed }, (_, i) =>
      Array<number>((i + 1) % 5 === 0 ? 100 : 1).fill(i + 1),
    ).flat()
    for (const partition of [0, 1, 2]) {
      const reader = await readerAt(provider, partition)
      const records = seen(await reader.poll(1_000))
      while (reader.lag({ topic: 't', partition }) !== 0) records.push(...seen(await reader.poll(1_000)))
      expect(records.map((one) => Number(one.value?.split(' ')[0]))).toEqual(expected)
      await produce(provider.createProducer(), 't', partition, texts(200, 'new'))
      expect(values(await read(reader, 200))).toEqual(texts(200, 'new').map((one) => one.value?.toString()))
    }
  })
})

describe('an embedded log whose process is killed during a transaction larger than the memory for it', () => {
  it('has nothing of it, now and later', { timeout: 30_000 }, async () => {
    await runUntilKilled('open-transaction', (count) => count === 2)
    const first = provide()
    expect(await produce(first.createProducer(), 't', 0, texts(5, 'one'))).toEqual([0, 1, 2, 3, 4])
    expect(await produce(first.createProducer(), 't', 0, texts(300, 'two'))).toHaveLength(300)
    await first.close()
    const got = await read(await readerAt(provide(), 0), 305)
    expect(values(got)).toEqual([...texts(5, 'one'), ...texts(300, 'two')].map((one) => one.value?.toString()))
  })
})

describe('an embedded log that is open', { timeout: 30_000 }, () => {
  it('refuses another process, and says what to do', async () => {
    const child = spawn(process.execPath, [FIXTURE, 'hold', directory], { stdio: ['ignore', 'pipe', 'inherit'] })
    children.push(child)
    await once(child.stdout, 'data')
    const failure = await provide()
      .connect()
      .catch((error: unknown) => error)
    expect(failure).toBeInstanceOf(EmbeddedLogInUseError)
    expect(String(failure)).toContain(directory)
    expect(String(failure)).toContain('one process only')
    expect(String(failure)).toContain('BROOK_KAFKA_BROKERS')
    child.kill('SIGKILL')
    await once(child, 'close')
    await provide().connect()
  })

  it('refuses a second opening in the same process, and the records sent there', async () => {
    await provide().connect()
    const second = provide()
    const producer = second.createProducer()
    const failed = new Promise((resolve) => producer.send('t', 0, record('k', 'v'), resolve))
    await expect(producer.flush()).rejects.toBeInstanceOf(EmbeddedLogInUseError)
    expect(await failed).toBeInstanceOf(EmbeddedLogInUseError)
  })

  it('says when the directory cannot be used', async () => {
    await writeFile(join(directory, 'file'), '')
    const failure = await provide({ directory: join(directory, 'file') })
      .connect()
      .catch((error: unknown) => error)
    expect(failure).toBeInstanceOf(EmbeddedLogFailedError)
    expect(String(failure)).toContain(join(directory, 'file'))
  })
})
