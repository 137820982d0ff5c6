import { describe, expect, it } from 'vitest'
import { OffsetOutOfRangeError, UnknownTopicError } from '../errors.ts'
import type { FetchedBatch } from '../port.ts'
import {
  DEADLINE_MS,
  type Harness,
  partitionName,
  pollUntil,
  produce,
  read,
  readRaw,
  readWhileQuiet,
  record,
  sleep,
  texts,
  values,
} from './harness.ts'

/** `Utils.murmur2` of these keys, from Kafka's own UtilsTest. */
const JAVA_MURMUR2: readonly (readonly [key: string, hash: number])[] = [
  ['21', -973932308],
  ['foobar', -790332482],
  ['a-little-bit-long-string', -985981536],
  ['a-little-bit-longer-string', -1486304829],
  ['lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8', -58897971],
  ['abc', 479470107],
]

export function producingAndReading(harness: () => Harness): void {
  describe('producing and reading', () => {
    it.each<[string, Buffer | null, Buffer | null]>([
      ['key and value', Buffer.from('k'), Buffer.from('v')],
      ['null key', null, Buffer.from('v')],
      ['null value', Buffer.from('k'), null],
      ['empty key and empty value', Buffer.alloc(0), Buffer.alloc(0)],
      ['binary', Buffer.from([0, 255, 128, 10]), Buffer.from([255, 0, 13, 1, 200])],
      ['a large value', Buffer.from('k'), Buffer.alloc(300_000, 7)],
    ])('gives back a record with %s as it was', async (_, key, value) => {
      const h = harness()
      const topic = await h.topic()
      const [offset] = await produce(h.producer(), topic, 0, [{ key, value, timestampMs: 1_700_000_000_123 }])
      const [got] = await readRaw(await h.readerOf(topic), 1)
      expect(got).toEqual({ key, value, timestampMs: 1_700_000_000_123, offset, headers: [] })
    })

    it('keeps headers in order, with repeated keys, null, empty and binary values', async () => {
      const h = harness()
      const topic = await h.topic()
      const headers = [
        { key: 'a', value: Buffer.from('1') },
        { key: 'b', value: null },
        { key: 'a', value: Buffer.from([0, 255]) },
        { key: 'é', value: Buffer.alloc(0) },
      ]
      await produce(h.producer(), topic, 0, [{ ...record('k', 'v'), headers }, record('k', 'without')])
      const got = await readRaw(await h.readerOf(topic), 2)
      expect(got[0]?.headers).toEqual(headers)
      expect(got[1]?.headers).toEqual([])
    })

    it('gives a reader that asks for packed batches the same records', async () => {
      const h = harness()
      const topic = await h.topic()
      const headers = [{ key: 'a', value: Buffer.from('1') }]
      await produce(h.producer(), topic, 0, [{ ...record('k', 'v'), headers }, record('gone', 'v'), ...texts(50)])
      await produce(h.producer(), topic, 0, [{ key: Buffer.from('gone'), value: null, timestampMs: 7 }])
      const expected = await readRaw(await h.readerOf(topic), 53)
      const reader = await h.readerOf(topic, 1, { packed: true })
      const batches: FetchedBatch[] = []
      await pollUntil(
        {
          poll: async (timeoutMs) => {
            const found = await reader.poll(timeoutMs)
            batches.push(...found)
            return found
          },
        },
        () => batches.at(-1)?.nextOffset === 53,
      )
      expect(batches.flatMap(({ records }) => records)).toEqual(expected)
      for (const { packed, records } of batches) {
        if (h.provider.kind === 'kafka') expect(packed?.unpack()).toEqual(records)
        else expect(packed).toBeUndefined()
      }
    })

    it('keeps timestamps as given, also when they go backwards', async () => {
      const h = harness()
      const topic = await h.topic()
      const stamps = [1_700_000_000_500, 1_700_000_000_000, 0, 1_700_000_000_250]
      await produce(
        h.producer(),
        topic,
        0,
        stamps.map((stamp) => record('k', 'v', stamp)),
      )
      const got = await readRaw(await h.readerOf(topic), stamps.length)
      expect(got.map((one) => one.timestampMs)).toEqual(stamps)
    })

    it('acknowledges every record once, with the offset it is read at', async () => {
      const h = harness()
      const topic = await h.topic()
      const acknowledged: number[] = []
      const producer = h.producer()
      for (const one of texts(50)) {
        producer.send(topic, 0, one, (error, offset) => acknowledged.push(error ? -1 : offset))
      }
      await producer.flush()
      expect(acknowledged).toEqual(Array.from({ length: 50 }, (_, i) => i))
      const got = await read(await h.readerOf(topic), 50)
      expect(got.map((one) => [one.offset, one.value])).toEqual(acknowledged.map((offset, i) => [offset, `v${i}`]))
    })

    it('acknowledges without a flush', async () => {
      const h = harness()
      const topic = await h.topic()
      const offset = await new Promise<number>((resolve, reject) => {
        h.producer().send(topic, 0, record('k', 'v'), (error, at) => (error ? reject(error) : resolve(at)))
      })
      expect(offset).toBe(0)
    })

    it('keeps the order of each partition over many batches', async () => {
      const h = harness()
      const partitions = 3
      const perPartition = 4_000
      const topic = await h.topic(partitions)
      const producer = h.producer()
      const value = 'x'.repeat(200)
      for (let i = 0; i < perPartition; i++) {
        for (let partition = 0; partition < partitions; partition++) {
          producer.send(topic, partition, record(`k${i}`, `${i} ${value}`))
        }
        if (i % 500 === 0) await producer.flush()
        await producer.backpressure()
      }
      await producer.flush()
      const got = await read(await h.readerOf(topic, partitions), partitions * perPartition)
      for (let partition = 0; partition < partitions; partition++) {
        const mine = got.filter((one) => one.partition === partition)
        expect(mine.map((one) => one.offset)).toEqual(Array.from({ length: perPartition }, (_, i) => i))
        expect(mine.map((one) => Number(one.value?.split(' ')[0]))).toEqual(mine.map((one) => one.offset))
      }
    })

    it('chooses the partition of a key as the Java client does', async () => {
      const h = harness()
      const partitions = 7
      const topic = await h.topic(partitions)
      const keys = JAVA_MURMUR2.map(([key]) => key)
      await produce(
        h.producer(),
        topic,
        undefined,
        keys.map((key) => record(key, key)),
      )
      const got = await read(await h.readerOf(topic, partitions), keys.length)
      const partitionOf = new Map(got.map((one) => [one.key, one.partition]))
      for (const [key, hash] of JAVA_MURMUR2)
        expect([key, partitionOf.get(key)]).toEqual([key, (hash & 0x7fffffff) % partitions])
    })

    it('puts records without a key somewhere, all of them', async () => {
      const h = harness()
      const topic = await h.topic(3)
      await produce(h.producer(), topic, undefined, [record(null, 'a'), record(null, 'b'), record(null, 'c')])
      const got = await read(await h.readerOf(topic, 3), 3)
      expect(values(got).sort()).toEqual(['a', 'b', 'c'])
    })

    it('says when too much is unacknowledged, and when to go on', async () => {
      const h = harness()
      const topic = await h.topic()
      const producer = h.producer({ bufferBytes: 10_000 })
      expect(producer.backpressure()).toBeUndefined()
      for (let i = 0; i < 20; i++) producer.send(topic, 0, record('k', 'x'.repeat(1_000)))
      const full = producer.backpressure()
      expect(full).toBeInstanceOf(Promise)
      await full
      await producer.flush()
      expect(producer.backpressure()).toBeUndefined()
    })

    it('knows the partition count', async () => {
      const h = harness()
      const topic = await h.topic(5)
      const producer = h.producer()
      expect(await producer.partitionCount(topic)).toBe(5)
    })

    it('refuses a record without a key on a compacted topic, and only that one', async () => {
      const h = harness()
      const topic = await h.topic(1, { 'cleanup.policy': 'compact' })
      const producer = h.producer()
      const failures: (string | undefined)[] = []
      producer.send(topic, 0, record(null, 'bad'), (error) => failures.push(error && 'failed'))
      await expect(producer.flush()).rejects.toMatchObject({ kafkaCode: 'INVALID_RECORD' })
      expect(failures).toEqual(['failed'])
      await produce(producer, topic, 0, [record('k', 'good')])
      expect(values(await read(await h.readerOf(topic), 1))).toEqual(['good'])
    })
  })

  describe('a topic that does not exist', () => {
    it('fails the acknowledgement and the flush, and the producer goes on', async () => {
      const h = harness()
      const missing = h.name('missing')
      const producer = h.producer({ deliveryTimeoutMs: 10_000 })
      const failure = new Promise<Error | undefined>((resolve) =>
        producer.send(missing, undefined, record('k', 'v'), (error) => resolve(error)),
      )
      await expect(producer.flush()).rejects.toBeInstanceOf(UnknownTopicError)
      expect(await failure).toBeInstanceOf(UnknownTopicError)
      const topic = await h.topic()
      expect(await produce(producer, topic, 0, [record('k', 'v')])).toEqual([0])
    })

    it.each<[string, (h: Harness, topic: string) => Promise<unknown>]>([
      ['partitionCount', async (h, topic) => h.producer().partitionCount(topic)],
      ['topicConfigs', (h, topic) => h.admin.topicConfigs(topic)],
      ['endOffsets', (h, topic) => h.admin.endOffsets([{ topic, partition: 0 }])],
      ['beginningOffsets', (h, topic) => h.admin.beginningOffsets([{ topic, partition: 0 }])],
      [
        'reading',
        async (h, topic) => {
          const reader = h.reader()
          await reader.assign([{ topic, partition: 0, offset: 0 }])
          for (let i = 0; i < 20; i++) await reader.poll(100)
        },
      ],
    ])('is named by the error of %s', async (_, call) => {
      const h = harness()
      const missing = h.name('missing')
      const failure = await call(h, missing).then(
        () => undefined,
        (error: unknown) => error,
      )
      expect(failure).toBeInstanceOf(UnknownTopicError)
      expect(String(failure)).toContain(missing)
    })
  })

  describe('a reader', () => {
    it('returns empty-handed after the timeout', async () => {
      const h = harness()
      const reader = await h.readerOf(await h.topic())
      await reader.poll(50)
      const start = Date.now()
      expect(await reader.poll(250)).toEqual([])
      expect(Date.now() - start).toBeGreaterThanOrEqual(240)
      expect(Date.now() - start).toBeLessThan(5_000)
    })

    it('does not wait out the timeout when records arrive', async () => {
      const h = harness()
      const topic = await h.topic()
      const reader = await h.readerOf(topic)
      await pollUntil(reader, () => reader.lag({ topic, partition: 0 }) === 0)
      const producer = h.producer()
      await producer.partitionCount(topic)
      const start = Date.now()
      const polled = reader.poll(20_000)
      await sleep(30)
      await produce(producer, topic, 0, [record('k', 'late')])
      expect((await polled).flatMap((batch) => batch.records).length).toBe(1)
      expect(Date.now() - start).toBeLessThan(10_000)
    })

    it('is woken up', async () => {
      const h = harness()
      const reader = await h.readerOf(await h.topic())
      await reader.poll(50)
      const start = Date.now()
      const polled = reader.poll(20_000)
      await sleep(50)
      reader.wakeup()
      expect(await polled).toEqual([])
      expect(Date.now() - start).toBeLessThan(10_000)
    })

    it('starts at the given offset, in the middle of a batch too', async () => {
      const h = harness()
      const topic = await h.topic()
      await produce(h.producer(), topic, 0, texts(100))
      const reader = h.reader()
      await reader.assign([{ topic, partition: 0, offset: 37 }])
      const got = await read(reader, 63)
      expect(got[0]).toMatchObject({ offset: 37, value: 'v37' })
    })

    it('tells the position after each batch', async () => {
      const h = harness()
      const topic = await h.topic()
      await produce(h.producer(), topic, 0, texts(10))
      const reader = await h.readerOf(topic)
      let next = 0
      await pollUntil(
        {
          poll: async (ms) => {
            const batches = await reader.poll(ms)
            for (const batch of batches) {
              expect(batch.records[0]?.offset ?? next).toBe(next)
              next = batch.nextOffset
            }
            return batches
          },
        },
        () => next >= 10,
      )
      expect(next).toBe(10)
    })

    it('hands out nothing of a paused partition until it is resumed, and loses nothing', async () => {
      const h = harness()
      const topic = await h.topic(2)
      const producer = h.producer()
      const reader = await h.readerOf(topic, 2)
      const paused = { topic, partition: 1 }
      reader.pause([paused])
      await produce(producer, topic, 0, texts(5, 'a'))
      await produce(producer, topic, 1, texts(5, 'b'))
      const first = await read(reader, 5)
      expect(first.every((one) => one.partition === 0)).toBe(true)
      expect(await readWhileQuiet(h, reader)).toEqual([])
      reader.resume([paused])
      expect(values(await read(reader, 5))).toEqual(['b0', 'b1', 'b2', 'b3', 'b4'])
    })

    it('pauses between batches of a partition that is being read', async () => {
      const h = harness()
      const topic = await h.topic()
      const producer = h.producer()
      await produce(producer, topic, 0, texts(3, 'a'))
      const reader = await h.readerOf(topic)
      await read(reader, 3)
      reader.pause([{ topic, partition: 0 }])
      await produce(producer, topic, 0, texts(3, 'b'))
      expect(await readWhileQuiet(h, reader)).toEqual([])
      reader.resume([{ topic, partition: 0 }])
      expect(values(await read(reader, 3))).toEqual(['b0', 'b1', 'b2'])
    })

    it('goes where it is sent by seek, back and forth', async () => {
      const h = harness()
      const topic = await h.topic()
      await produce(h.producer(), topic, 0, texts(10))
      const reader = await h.readerOf(topic)
      await read(reader, 10)
      reader.seek({ topic, partition: 0 }, 4)
      expect((await read(reader, 6))[0]).toMatchObject({ offset: 4 })
      reader.seek({ topic, partition: 0 }, 9)
      expect(values(await read(reader, 1))).toEqual(['v9'])
    })

    it('forgets what it read when it is assigned anew', async () => {
      const h = harness()
      const [one, two] = [await h.topic(), await h.topic()]
      const producer = h.producer()
      await produce(producer, one, 0, texts(3, 'one'))
      await produce(producer, two, 0, texts(3, 'two'))
      const reader = await h.readerOf(one)
      await read(reader, 3)
      await reader.assign([{ topic: two, partition: 0, offset: 1 }])
      expect(values(await read(reader, 2))).toEqual(['two1', 'two2'])
      await produce(producer, one, 0, texts(1, 'unseen'))
      expect(await readWhileQuiet(h, reader)).toEqual([])
    })

    it('knows its lag: unknown, then what is left, then nothing', async () => {
      const h = harness()
      const topic = await h.topic()
      const partition = { topic, partition: 0 }
      const producer = h.producer()
      const rounds = 20
      for (let i = 0; i < rounds; i++) await produce(producer, topic, 0, [record('k', 'x'.repeat(20_000))])
      const reader = await h.readerOf(topic, 1, { maxPartitionBytes: 25_000 })
      expect(reader.lag(partition)).toBeUndefined()
      const lags: (number | undefined)[] = []
      let position = 0
      const deadline = Date.now() + DEADLINE_MS
      while (position < rounds && Date.now() < deadline) {
        for (const batch of await reader.poll(200)) position = batch.nextOffset
        const lag = reader.lag(partition)
        if (position > 0) expect(lag).toBe(rounds - position)
        lags.push(lag)
      }
      expect(lags.some((lag) => lag !== undefined && lag > 0)).toBe(true)
      expect(reader.lag(partition)).toBe(0)
    })

    it('knows that an empty partition has no lag', async () => {
      const h = harness()
      const topic = await h.topic(2)
      await produce(h.producer(), topic, 0, texts(1))
      const reader = await h.readerOf(topic, 2)
      expect(reader.lag({ topic, partition: 1 })).toBeUndefined()
      await pollUntil(reader, () => reader.lag({ topic, partition: 1 }) === 0)
      await pollUntil(reader, () => reader.lag({ topic, partition: 0 }) === 0)
    })

    it.each([
      ['before the beginning', 1],
      ['beyond the end', 99],
    ])('fails with OffsetOutOfRangeError %s of the log', async (_, offset) => {
      const h = harness()
      const topic = await h.topic()
      await produce(h.producer(), topic, 0, texts(10))
      await h.admin.deleteRecords([{ topic, partition: 0, offset: 5 }])
      const reader = h.reader()
      await reader.assign([{ topic, partition: 0, offset }])
      const error = await firstFailure(reader)
      expect(error).toBeInstanceOf(OffsetOutOfRangeError)
      expect(String(error)).toContain(partitionName(topic, 0))
      reader.seek({ topic, partition: 0 }, 7)
      expect(values(await read(reader, 3))).toEqual(['v7', 'v8', 'v9'])
    })
  })
}

async function firstFailure(reader: { poll(ms: number): Promise<unknown> }): Promise<unknown> {
  const deadline = Date.now() + DEADLINE_MS
  while (Date.now() < deadline) {
    try {
      await reader.poll(100)
    } catch (error) {
      return error
    }
  }
  return undefined
}
