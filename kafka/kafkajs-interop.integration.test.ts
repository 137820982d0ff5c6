import { spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { text } from 'node:stream/consumers'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Compression } from './compression.ts'
import { RecordTooLargeError } from './errors.ts'
import { createKafkaProvider } from './kafkajs.ts'
import type { KafkaProvider, LogRecord, ProducerRecord } from './port.ts'

const brokers = process.env['BROOK_TEST_BROKERS']
if (!brokers) throw new Error('BROOK_TEST_BROKERS is missing: run with the integration project, which starts a broker')

const CODECS: readonly Compression[] = ['none', 'gzip', 'snappy', 'lz4', 'zstd']
const NOW_MS = 1_700_000_000_000
const unique = `interop-${randomBytes(4).toString('hex')}`
let provider: KafkaProvider

beforeAll(() => {
  provider = createKafkaProvider({ brokers: brokers.split(',') })
})
afterAll(() => provider.close())

async function newTopic(label: string, configs: Readonly<Record<string, string>> = {}): Promise<string> {
  const name = `${unique}-${label}`
  await provider.admin().createTopics([{ name, partitions: 1, configs: { 'retention.ms': '-1', ...configs } }])
  return name
}

async function readAll(topic: string, count: number): Promise<LogRecord[]> {
  const reader = provider.createReader()
  await reader.assign([{ topic, partition: 0, offset: 0 }])
  const records: LogRecord[] = []
  while (records.length < count) for (const batch of await reader.poll(5_000)) records.push(...batch.records)
  await reader.close()
  return records
}

async function kcat(args: readonly string[], input?: string): Promise<string> {
  const child = spawn('kcat', ['-b', brokers!, ...args], { stdio: ['pipe', 'pipe', 'inherit'] })
  child.stdin.end(input)
  const [output, [exitCode]] = await Promise.all([text(child.stdout), once(child, 'close')])
  if (exitCode !== 0) throw new Error(`kcat ${args.join(' ')} ended with ${String(exitCode)}`)
  return output
}

function many(count: number): ProducerRecord[] {
  return Array.from({ length: count }, (_, i) => ({
    key: Buffer.from(`key-${i}`),
    value: Buffer.from(`value-${i}-${'x'.repeat(i % 50)}`),
    timestampMs: NOW_MS + i,
    headers: [{ key: 'n', value: Buffer.from(String(i)) }],
  }))
}

describe('together with librdkafka', () => {
  it.each(CODECS)('kcat reads what we write with %s', async (compression) => {
    const topic = await newTopic(`ours-${compression}`)
    const producer = provider.createProducer({ compression })
    const records = many(2_000)
    for (const record of records) producer.send(topic, 0, record)
    await producer.flush()
    await producer.close()
    const seen = await kcat(['-C', '-t', topic, '-e', '-q', '-o', 'beginning', '-f', '%o|%k|%s|%T|%h\n'])
    const expected = records.map((r, i) => `${i}|${r.key}|${r.value}|${r.timestampMs}|n=${i}`)
    expect(seen.trimEnd().split('\n')).toEqual(expected)
  })

  it.each(CODECS)('we read what kcat writes with %s', async (compression) => {
    const topic = await newTopic(`theirs-${compression}`)
    const lines = many(2_000).map((r) => `${r.key}:${r.value}`)
    await kcat(['-P', '-t', topic, '-K', ':', '-H', 'who=kcat', '-z', compression], `${lines.join('\n')}\n`)
    const records = await readAll(topic, lines.length)
    expect(records.map((r) => `${r.key}:${r.value}`)).toEqual(lines)
    expect(records[0]?.headers).toEqual([{ key: 'who', value: Buffer.from('kcat') }])
    expect(records.map((r) => r.offset)).toEqual(lines.map((_, i) => i))
  })
})

describe('records that a topic does not take', () => {
  it('sends a batch in halves until the broker takes it, in order', async () => {
    const topic = await newTopic('halves', { 'max.message.bytes': '2000' })
    const producer = provider.createProducer()
    const offsets: number[] = []
    const records = many(500)
    for (const record of records) producer.send(topic, 0, record, (_, offset) => offsets.push(offset))
    await producer.flush()
    await producer.close()
    expect(offsets).toEqual(records.map((_, i) => i))
    expect((await readAll(topic, records.length)).map((r) => `${r.key}`)).toEqual(records.map((r) => `${r.key}`))
  })

  it.each([
    ['by the topic', { 'max.message.bytes': '2000' }, {}],
    ['by the producer', {}, { maxBatchBytes: 2000 }],
  ])('refuses the one record that is too large %s, and takes the others', async (label, configs, options) => {
    const topic = await newTopic(`large-${label.replaceAll(' ', '-')}`, configs)
    const producer = provider.createProducer(options)
    const told: string[] = []
    for (const [name, size] of [
      ['a', 10],
      ['b', 5_000],
      ['c', 10],
    ] as const) {
      const record = { key: Buffer.from(name), value: Buffer.alloc(size), timestampMs: NOW_MS }
      producer.send(topic, 0, record, (error, offset) =>
        told.push(error ? `${name} ${error.name}` : `${name} ${offset}`),
      )
    }
    await expect(producer.flush()).rejects.toBeInstanceOf(RecordTooLargeError)
    expect(told.sort()).toEqual(['a 0', 'b RecordTooLargeError', 'c 1'])
    await producer.close()
  })

  it('refuses the records that the broker names, and takes the others of the batch in order', async () => {
    const topic = await newTopic('named', { 'cleanup.policy': 'compact' })
    const producer = provider.createProducer()
    const told: string[] = []
    for (const [i, key] of ['a', null, 'b', null, 'c'].entries()) {
      const record = { key: key === null ? null : Buffer.from(key), value: Buffer.from('v'), timestampMs: NOW_MS }
      producer.send(topic, 0, record, (error, offset) => told.push(error ? `${i} refused` : `${i} at ${offset}`))
    }
    await expect(producer.flush()).rejects.toMatchObject({ kafkaCode: 'INVALID_RECORD' })
    expect(told.sort()).toEqual(['0 at 0', '1 refused', '2 at 1', '3 refused', '4 at 2'])
    expect((await readAll(topic, 3)).map((r) => `${r.key}`)).toEqual(['a', 'b', 'c'])
    await producer.close()
  })

  it('lets a transaction commit without a record that was too large, when its sender goes on', async () => {
    const topic = await newTopic('skipped')
    const producer = provider.createProducer({ transactionalId: `${unique}-skip`, maxBatchBytes: 2_000 })
    await producer.initTransactions()
    producer.beginTransaction()
    producer.send(topic, 0, { key: null, value: Buffer.alloc(5_000), timestampMs: NOW_MS })
    producer.send(topic, 0, { key: null, value: Buffer.from('kept'), timestampMs: NOW_MS })
    await expect(producer.flush()).rejects.toBeInstanceOf(RecordTooLargeError)
    await producer.commitTransaction()
    expect((await readAll(topic, 1)).map((r) => `${r.value}`)).toEqual(['kept'])
    await producer.close()
  })
})
