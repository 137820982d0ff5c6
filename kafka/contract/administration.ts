import { describe, expect, it } from 'vitest'
import { UnknownTopicError } from '../errors.ts'
import { eventually, type Harness, partitionName, produce, read, record, texts } from './harness.ts'

export function administration(harness: () => Harness): void {
  describe('administration', () => {
    it('creates topics that can be used at once, and leaves existing ones as they are', async () => {
      const h = harness()
      const name = h.name('topic')
      await h.admin.createTopics([{ name, partitions: 3 }])
      await h.admin.createTopics([{ name, partitions: 5, configs: { 'retention.ms': '1000' } }])
      expect((await h.admin.describeTopics([name])).get(name)).toMatchObject({ name, partitions: 3 })
      expect((await h.admin.topicConfigs(name))['retention.ms']).not.toBe('1000')
      expect(await produce(h.producer(), name, 2, [record('k', 'v')])).toEqual([0])
    })

    it('creates what is missing of several', async () => {
      const h = harness()
      const [old, fresh] = [await h.topic(), h.name('topic')]
      await h.admin.createTopics([
        { name: old, partitions: 1 },
        { name: fresh, partitions: 2 },
      ])
      const described = await h.admin.describeTopics([old, fresh])
      expect([...described.keys()].sort()).toEqual([old, fresh].sort())
    })

    it('leaves topics that do not exist out of the description', async () => {
      const h = harness()
      const name = await h.topic(2)
      const described = await h.admin.describeTopics([name, h.name('missing')])
      expect([...described.entries()].map(([key, { partitions }]) => [key, partitions])).toEqual([[name, 2]])
    })

    it('lists topics', async () => {
      const h = harness()
      const topic = await h.topic()
      expect(await h.admin.listTopics()).toContain(topic)
    })

    it('tells the configs a topic was created with, and the defaults of the others', async () => {
      const h = harness()
      const topic = await h.topic(1, { 'cleanup.policy': 'compact,delete', 'retention.ms': '86400000' })
      const configs = await h.admin.topicConfigs(topic)
      expect(configs['cleanup.policy']?.split(',').sort()).toEqual(['compact', 'delete'])
      expect(configs['retention.ms']).toBe('86400000')
      expect(Number(configs['max.message.bytes'])).toBeGreaterThan(0)
    })

    it('deletes topics, and a topic of the same name begins empty', async () => {
      const h = harness()
      const topic = await h.topic()
      await produce(h.producer(), topic, 0, texts(5, 'old'))
      await h.admin.deleteTopics([topic])
      await eventually(async () => expect(await h.admin.listTopics()).not.toContain(topic))
      await eventually(() =>
        expect(h.admin.endOffsets([{ topic, partition: 0 }])).rejects.toBeInstanceOf(UnknownTopicError),
      )
      await eventually(async () => {
        await h.admin.createTopics([{ name: topic, partitions: 1 }])
        expect((await h.admin.describeTopics([topic])).has(topic)).toBe(true)
      })
      expect(await produce(h.producer(), topic, 0, [record('k', 'new')])).toEqual([0])
      const [only] = await read(await h.readerOf(topic), 1)
      expect(only).toMatchObject({ offset: 0, value: 'new' })
    })

    it('tells where partitions begin and end, before and after records were deleted', async () => {
      const h = harness()
      const topic = await h.topic(2)
      const [first, second] = [partitionName(topic, 0), partitionName(topic, 1)]
      const both = [0, 1].map((partition) => ({ topic, partition }))
      await produce(h.producer(), topic, 0, texts(10))
      expect(Object.fromEntries(await h.admin.beginningOffsets(both))).toEqual({ [first]: 0, [second]: 0 })
      expect(Object.fromEntries(await h.admin.endOffsets(both))).toEqual({ [first]: 10, [second]: 0 })
      await h.admin.deleteRecords([{ topic, partition: 0, offset: 4 }])
      expect(Object.fromEntries(await h.admin.beginningOffsets(both))).toEqual({ [first]: 4, [second]: 0 })
      expect(Object.fromEntries(await h.admin.endOffsets(both))).toEqual({ [first]: 10, [second]: 0 })
      const reader = h.reader()
      await reader.assign([{ topic, partition: 0, offset: 4 }])
      expect((await read(reader, 6))[0]).toMatchObject({ offset: 4, value: 'v4' })
    })

    it('goes on counting after all records were deleted', async () => {
      const h = harness()
      const topic = await h.topic()
      const producer = h.producer()
      await produce(producer, topic, 0, texts(3))
      await h.admin.deleteRecords([{ topic, partition: 0, offset: 3 }])
      expect(await produce(producer, topic, 0, texts(1))).toEqual([3])
      expect((await h.admin.beginningOffsets([{ topic, partition: 0 }])).get(partitionName(topic, 0))).toBe(3)
    })

    it.each([
      ['before all', 500, 0],
      ['at a record', 2_000, 1],
      ['between records', 2_500, 2],
      ['after all: the end', 9_000, 4],
    ])('finds the offset for a time %s', async (_, timestampMs, expected) => {
      const h = harness()
      const topic = await h.topic()
      const base = 1_700_000_000_000
      const stamps = [1_000, 2_000, 4_000, 3_000]
      const producer = h.producer()
      for (const stamp of stamps) await produce(producer, topic, 0, [record('k', 'v', base + stamp)])
      const found = await h.admin.offsetsForTime([{ topic, partition: 0, timestampMs: base + timestampMs }])
      expect(found.get(partitionName(topic, 0))).toBe(expected)
    })

    it('finds the offset for a time inside a batch', async () => {
      const h = harness()
      const topic = await h.topic()
      const base = 1_700_000_000_000
      const records = Array.from({ length: 100 }, (_, i) => record('k', `v${i}`, base + i * 10))
      await produce(h.producer(), topic, 0, records)
      const found = await h.admin.offsetsForTime([{ topic, partition: 0, timestampMs: base + 495 }])
      expect(found.get(partitionName(topic, 0))).toBe(50)
    })
  })
}
