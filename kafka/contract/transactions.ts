import { describe, expect, it } from 'vitest'
import { ProducerFencedError } from '../errors.ts'
import type { Producer } from '../port.ts'
import {
  eventually,
  type Harness,
  partitionName,
  pollUntil,
  produce,
  read,
  readWhileQuiet,
  record,
  sleep,
  texts,
  values,
} from './harness.ts'
import { GroupMember } from './member.ts'

const COMMITTED = { isolationLevel: 'read_committed' } as const

/** What a standalone producer gives for the group: no member, so no fencing by generation. */
const outsider = (groupId: string) => ({ groupId, memberId: '', generationId: -1 })

async function inTransaction(producer: Producer, work: () => Promise<unknown>): Promise<void> {
  producer.beginTransaction()
  await work()
  await producer.commitTransaction()
}

export function transactions(harness: () => Harness): void {
  describe('a transaction', () => {
    it('shows read_committed readers nothing before the commit and everything after, over all partitions', async () => {
      const h = harness()
      const topic = await h.topic(3)
      const producer = await h.transactional(h.name('tx'))
      const reader = await h.readerOf(topic, 3, COMMITTED)
      producer.beginTransaction()
      for (const partition of [0, 1, 2]) await produce(producer, topic, partition, texts(20, `p${partition}-`))
      expect(await readWhileQuiet(h, reader)).toEqual([])
      await producer.commitTransaction()
      expect(await read(reader, 60)).toHaveLength(60)
    })

    it('acknowledges before the commit, with the offsets the records are read at', async () => {
      const h = harness()
      const topic = await h.topic()
      const producer = await h.transactional(h.name('tx'))
      producer.beginTransaction()
      const offsets = await produce(producer, topic, 0, texts(5))
      await producer.commitTransaction()
      const got = await read(await h.readerOf(topic, 1, COMMITTED), 5)
      expect(got.map((one) => one.offset)).toEqual(offsets)
    })

    it('commits what was sent without a flush', async () => {
      const h = harness()
      const topic = await h.topic()
      const producer = await h.transactional(h.name('tx'))
      producer.beginTransaction()
      for (const one of texts(5)) producer.send(topic, 0, one)
      await producer.commitTransaction()
      expect(values(await read(await h.readerOf(topic, 1, COMMITTED), 5))).toEqual(['v0', 'v1', 'v2', 'v3', 'v4'])
    })

    it('never shows what was aborted, and readers get past it', async () => {
      const h = harness()
      const topic = await h.topic()
      const producer = await h.transactional(h.name('tx'))
      await inTransaction(producer, () => produce(producer, topic, 0, texts(2, 'first')))
      producer.beginTransaction()
      await produce(producer, topic, 0, texts(3, 'aborted'))
      await producer.abortTransaction()
      await inTransaction(producer, () => produce(producer, topic, 0, texts(2, 'second')))
      producer.beginTransaction()
      await produce(producer, topic, 0, texts(3, 'aborted too'))
      await producer.abortTransaction()
      const reader = await h.readerOf(topic, 1, COMMITTED)
      const got = await pollUntil(reader, () => reader.lag({ topic, partition: 0 }) === 0)
      expect(values(got)).toEqual(['first0', 'first1', 'second0', 'second1'])
    })

    it('goes from one to the next with the same producer, in order', async () => {
      const h = harness()
      const topic = await h.topic()
      const producer = await h.transactional(h.name('tx'))
      for (let i = 0; i < 10; i++)
        await inTransaction(producer, () => produce(producer, topic, 0, [record('k', `${i}`)]))
      const got = await read(await h.readerOf(topic, 1, COMMITTED), 10)
      expect(values(got)).toEqual(Array.from({ length: 10 }, (_, i) => `${i}`))
    })

    it('can be empty', async () => {
      const producer = await harness().transactional(harness().name('tx'))
      producer.beginTransaction()
      await producer.commitTransaction()
      producer.beginTransaction()
      await producer.abortTransaction()
    })

    it('is aborted when its producer closes', async () => {
      const h = harness()
      const topic = await h.topic()
      const transactionalId = h.name('tx')
      const producer = await h.transactional(transactionalId)
      producer.beginTransaction()
      await produce(producer, topic, 0, texts(3, 'lost'))
      await producer.close()
      const next = await h.transactional(transactionalId)
      await inTransaction(next, () => produce(next, topic, 0, texts(1, 'kept')))
      expect(values(await read(await h.readerOf(topic, 1, COMMITTED), 1))).toEqual(['kept0'])
    })

    it('holds later records of others back until it ends', async () => {
      const h = harness()
      const topic = await h.topic()
      const partition = { topic, partition: 0 }
      const plain = h.producer()
      await produce(plain, topic, 0, [record('k', 'before')])
      const producer = await h.transactional(h.name('tx'))
      producer.beginTransaction()
      await produce(producer, topic, 0, [record('k', 'inside')])
      await produce(plain, topic, 0, [record('k', 'after')])
      const [stable, end] = [
        await h.admin.endOffsets([partition], 'read_committed'),
        await h.admin.endOffsets([partition]),
      ]
      expect(stable.get(partitionName(topic, 0))).toBe(1)
      expect(end.get(partitionName(topic, 0))).toBe(3)
      const reader = await h.readerOf(topic, 1, COMMITTED)
      expect(values(await read(reader, 1))).toEqual(['before'])
      await pollUntil(reader, () => reader.lag(partition) === 0)
      await producer.commitTransaction()
      expect(values(await read(reader, 2))).toEqual(['inside', 'after'])
      await pollUntil(reader, () => reader.lag(partition) === 0)
      await eventually(async () =>
        expect(await h.admin.endOffsets([partition], 'read_committed')).toEqual(await h.admin.endOffsets([partition])),
      )
    })

    it('is no business of producers without one', async () => {
      const h = harness()
      const topic = await h.topic()
      const reader = await h.readerOf(topic, 1, COMMITTED)
      await produce(h.producer(), topic, 0, texts(3))
      expect(await read(reader, 3)).toHaveLength(3)
    })

    it('takes committed offsets with it, or leaves them as they were', async () => {
      const h = harness()
      const topic = await h.topic()
      const groupId = h.name('group')
      const producer = await h.transactional(h.name('tx'))
      const committed = async () => (await h.admin.committedOffsets(groupId, [topic])).get(partitionName(topic, 0))
      producer.beginTransaction()
      await produce(producer, topic, 0, texts(1))
      await producer.sendOffsets([{ topic, partition: 0, offset: 5, metadata: 'm' }], outsider(groupId))
      expect(await committed()).toBeUndefined()
      await producer.commitTransaction()
      await eventually(async () => expect(await committed()).toMatchObject({ offset: 5, metadata: 'm' }))
      producer.beginTransaction()
      await produce(producer, topic, 0, texts(1))
      await producer.sendOffsets([{ topic, partition: 0, offset: 9 }], outsider(groupId))
      await producer.abortTransaction()
      await sleep(50)
      expect(await committed()).toMatchObject({ offset: 5 })
    })

    it('is waited for by a member that asks what is committed', async () => {
      const h = harness()
      const topic = await h.topic()
      const groupId = h.name('group')
      const only = new GroupMember(h, { groupId, topics: [topic] }).start()
      await eventually(() => expect(only.owned).toHaveLength(1))
      await only.stop()
      const producer = await h.transactional(h.name('tx'))
      producer.beginTransaction()
      await producer.sendOffsets([{ topic, partition: 0, offset: 5 }], only.consumer.groupMetadata())
      const asked = only.consumer.committed([{ topic, partition: 0 }])
      await sleep(100)
      await producer.commitTransaction()
      expect((await asked).get(partitionName(topic, 0))).toMatchObject({ offset: 5 })
    })

    it('is seen through by the next member of the group: no record twice, none lost', async () => {
      const h = harness()
      const [input, output] = [await h.topic(), await h.topic()]
      const groupId = h.name('group')
      await produce(h.producer(), input, 0, texts(10))
      for (const until of [4, 10]) {
        const only = new GroupMember(h, { groupId, topics: [input] })
        const producer = await h.transactional(`${groupId}-0_0`)
        let position = 0
        await pollUntil(
          {
            poll: async (timeoutMs) => {
              for (const batch of await only.consumer.poll(timeoutMs)) {
                producer.beginTransaction()
                for (const one of batch.records.filter(({ offset }) => offset < until)) {
                  producer.send(output, 0, { key: one.key, value: one.value, timestampMs: one.timestampMs })
                  position = one.offset + 1
                }
                await producer.sendOffsets(
                  [{ topic: input, partition: 0, offset: position }],
                  only.consumer.groupMetadata(),
                )
                await producer.commitTransaction()
              }
              return []
            },
          },
          () => position === until,
        )
        await only.consumer.close()
        await producer.close()
      }
      const got = await read(await h.readerOf(output, 1, COMMITTED), 10)
      expect(values(got)).toEqual(texts(10).map((one) => one.value?.toString()))
    })
  })

  describe('a newer producer with the same transactional id', () => {
    it('aborts what the older one left open, and fences it for good', async () => {
      const h = harness()
      const topic = await h.topic()
      const transactionalId = h.name('tx')
      const older = await h.transactional(transactionalId)
      older.beginTransaction()
      await produce(older, topic, 0, texts(3, 'older'))
      const newer = await h.transactional(transactionalId)
      await expect(older.commitTransaction()).rejects.toBeInstanceOf(ProducerFencedError)
      await expect(
        (async () => {
          older.beginTransaction()
          await produce(older, topic, 0, texts(1, 'again'))
          await older.commitTransaction()
        })(),
      ).rejects.toBeInstanceOf(ProducerFencedError)
      await inTransaction(newer, () => produce(newer, topic, 0, texts(2, 'newer')))
      const reader = await h.readerOf(topic, 1, COMMITTED)
      expect(values(await pollUntil(reader, () => reader.lag({ topic, partition: 0 }) === 0))).toEqual([
        'newer0',
        'newer1',
      ])
    })

    it.each<[string, (older: Producer, topic: string, groupId: string) => Promise<unknown>]>([
      [
        'sending and flushing',
        async (older, topic) => {
          older.send(topic, 0, record('k', 'zombie'))
          await older.flush()
        },
      ],
      [
        'sending offsets',
        (older, topic, groupId) => older.sendOffsets([{ topic, partition: 0, offset: 1 }], outsider(groupId)),
      ],
    ])('is noticed by the older one when %s', async (_, act) => {
      const h = harness()
      const topic = await h.topic()
      const transactionalId = h.name('tx')
      const older = await h.transactional(transactionalId)
      await inTransaction(older, () => produce(older, topic, 0, texts(1)))
      older.beginTransaction()
      await h.transactional(transactionalId)
      await expect(act(older, topic, h.name('group'))).rejects.toBeInstanceOf(ProducerFencedError)
    })

    it('does not disturb other transactional ids', async () => {
      const h = harness()
      const topic = await h.topic()
      const [one, two] = [await h.transactional(h.name('tx')), await h.transactional(h.name('tx'))]
      one.beginTransaction()
      two.beginTransaction()
      await produce(one, topic, 0, texts(1, 'one'))
      await produce(two, topic, 0, texts(1, 'two'))
      await Promise.all([one.commitTransaction(), two.abortTransaction()])
      const reader = await h.readerOf(topic, 1, COMMITTED)
      expect(values(await pollUntil(reader, () => reader.lag({ topic, partition: 0 }) === 0))).toEqual(['one0'])
    })
  })
}
