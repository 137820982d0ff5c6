import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { eventually, Harness, produce, read, record, sleep, values } from '../contract/harness.ts'
import { createEmbeddedProvider } from '../embedded.ts'
import { ProducerFencedError, RecordTooLargeError } from '../errors.ts'

let h: Harness

beforeEach(() => {
  const provider = createEmbeddedProvider({ directory: undefined })
  h = new Harness({ provider, unique: 'p', close: () => provider.close() })
})
afterEach(async () => {
  await h.closeClients()
  await h.close()
})

describe('an embedded producer', () => {
  it('takes records before the log is open', async () => {
    const first = createEmbeddedProvider({ directory: undefined })
    const producer = first.createProducer()
    const failed = new Promise((resolve) => producer.send('t', 0, record('k', 'v'), resolve))
    expect(String(await failed)).toContain('topic t does not exist')
    await first.close()
  })

  it('refuses a record larger than the topic allows, and only that one', async () => {
    const topic = await h.topic(1, { 'max.message.bytes': '1000' })
    const producer = h.producer()
    const told: unknown[] = []
    producer.send(topic, 0, record('k', 'x'.repeat(2_000)), (error) => told.push(error))
    producer.send(topic, 0, record('k', 'small'), (_, offset) => told.push(offset))
    await expect(producer.flush()).rejects.toBeInstanceOf(RecordTooLargeError)
    expect(told).toEqual([expect.any(RecordTooLargeError), 0])
    await producer.flush()
  })

  it('refuses a partition that the topic does not have', async () => {
    const topic = await h.topic(2)
    const producer = h.producer()
    producer.send(topic, 2, record('k', 'v'))
    await expect(producer.flush()).rejects.toThrow(`${topic} has no partition 2`)
  })

  it.each([Number.NaN, 0.5, 2 ** 52])('refuses the timestamp %d', async (timestampMs) => {
    const topic = await h.topic()
    const producer = h.producer()
    producer.send(topic, 0, record('k', 'v', timestampMs))
    await expect(producer.flush()).rejects.toMatchObject({ kafkaCode: 'INVALID_TIMESTAMP' })
  })

  it('goes on when an acknowledge callback throws', async () => {
    const topic = await h.topic()
    const producer = h.producer()
    producer.send(topic, 0, record('k', 'a'), () => {
      throw new Error('callback')
    })
    expect(await produce(producer, topic, 0, [record('k', 'b')])).toEqual([1])
  })

  it('stamps records itself where the topic says so', async () => {
    const topic = await h.topic(1, { 'message.timestamp.type': 'LogAppendTime' })
    const before = Date.now()
    await produce(h.producer(), topic, 0, [record('k', 'v', 5)])
    const [only] = await read(await h.readerOf(topic), 1)
    expect(only?.timestampMs).toBeGreaterThanOrEqual(before)
  })

  it.each([
    ['send before beginTransaction', 'send'],
    ['commit without a transaction', 'commit'],
    ['begin before initTransactions', 'begin'],
  ])('refuses to %s', async (_, what) => {
    const topic = await h.topic()
    const producer = what === 'begin' ? h.producer({ transactionalId: 'x' }) : await h.transactional('x')
    if (what === 'send') expect(() => producer.send(topic, 0, record('k', 'v'))).toThrow('beginTransaction')
    if (what === 'commit') await expect(producer.commitTransaction()).rejects.toThrow('open')
    if (what === 'begin') expect(() => producer.beginTransaction()).toThrow('ready')
  })

  it('does not commit a transaction of which a record failed', async () => {
    const topic = await h.topic()
    const producer = await h.transactional('x')
    producer.beginTransaction()
    producer.send(topic, 0, record('k', 'good'))
    producer.send('missing', 0, record('k', 'bad'))
    await expect(producer.commitTransaction()).rejects.toThrow('missing')
    await producer.abortTransaction()
    producer.beginTransaction()
    producer.send(topic, 0, record('k', 'again'))
    await producer.commitTransaction()
    expect(values(await read(await h.readerOf(topic), 1))).toEqual(['again'])
  })

  it('aborts a transaction that takes too long, and is fenced', async () => {
    const topic = await h.topic()
    const producer = h.producer({ transactionalId: 'x', transactionTimeoutMs: 50 })
    await producer.initTransactions()
    producer.beginTransaction()
    await produce(producer, topic, 0, [record('k', 'slow')])
    await produce(h.producer(), topic, 0, [record('k', 'other')])
    const reader = await h.readerOf(topic)
    await eventually(async () => expect(values(await read(reader, 1))).toEqual(['other']))
    await expect(producer.commitTransaction()).rejects.toBeInstanceOf(ProducerFencedError)
  })

  it('tells records that were not sent yet when their transaction is aborted', async () => {
    const topic = await h.topic()
    const producer = await h.transactional('x')
    producer.beginTransaction()
    const told = new Promise((resolve) => producer.send(topic, 0, record('k', 'v'), resolve))
    await producer.abortTransaction()
    expect(await told).toMatchObject({ kafkaCode: 'TRANSACTION_ABORTED' })
    await sleep(10)
    expect((await h.admin.endOffsets([{ topic, partition: 0 }])).get(`${topic}-0`)).toBe(0)
  })
})
