import { describe, expect, it } from 'vitest'
import { CommitFailedError } from '../errors.ts'
import {
  eventually,
  type Harness,
  partitionName,
  produce,
  read,
  readWhileQuiet,
  record,
  sleep,
  texts,
  values,
} from './harness.ts'
import { GroupMember } from './member.ts'

const partitionNames = (topic: string, count: number) =>
  Array.from({ length: count }, (_, partition) => partitionName(topic, partition))

export function groups(harness: () => Harness): void {
  const member = (options: ConstructorParameters<typeof GroupMember>[1]) => new GroupMember(harness(), options)

  describe('a consumer group', () => {
    it('gives its only member all partitions and all records', async () => {
      const h = harness()
      const topic = await h.topic(3)
      await produce(h.producer(), topic, undefined, texts(30))
      const only = member({ groupId: h.name('group'), topics: [topic] }).start()
      await eventually(() => expect(only.records).toHaveLength(30))
      expect(only.events).toEqual([{ kind: 'assigned', partitions: partitionNames(topic, 3) }])
      expect([...only.values].sort()).toEqual(
        texts(30)
          .map((one) => one.value?.toString())
          .sort(),
      )
      const { groupId, memberId, generationId } = only.consumer.groupMetadata()
      expect(groupId).toMatch(/group/)
      expect(memberId).not.toBe('')
      expect(generationId).toBeGreaterThan(0)
      await only.close()
    })

    it('calls onAssigned inside poll, before any record', async () => {
      const h = harness()
      const topic = await h.topic()
      await produce(h.producer(), topic, 0, texts(3))
      const only = member({ groupId: h.name('group'), topics: [topic] })
      await sleep(100)
      expect(only.events).toEqual([])
      const got = await read(only.consumer, 3)
      expect(only.events).toEqual([{ kind: 'assigned', partitions: [partitionName(topic, 0)] }])
      expect(values(got)).toEqual(['v0', 'v1', 'v2'])
    })

    it('shares the partitions when a member joins, revoking before assigning', async () => {
      const h = harness()
      const topic = await h.topic(4)
      const groupId = h.name('group')
      const owner: string[] = []
      const first = member({
        groupId,
        topics: [topic],
        label: 'a',
        onRevoked: () => void owner.push('first gave up'),
      }).start()
      await eventually(() => expect(first.owned).toHaveLength(4))
      const second = member({
        groupId,
        topics: [topic],
        label: 'b',
        onAssigned: (partitions) => void (partitions.length > 0 && owner.push('second took over')),
      }).start()
      await eventually(() => {
        expect(first.owned).toEqual([partitionName(topic, 0), partitionName(topic, 2)])
        expect(second.owned).toEqual([partitionName(topic, 1), partitionName(topic, 3)])
      })
      expect(owner).toEqual(['first gave up', 'second took over'])
      expect(first.events[0]?.kind).toBe('assigned')
      expect(first.events[1]?.kind).toBe('revoked')
      expect(first.events.at(-1)?.kind).toBe('assigned')
      expect(second.events.at(-1)?.kind).toBe('assigned')
      await produce(h.producer(), topic, undefined, texts(40))
      await eventually(() => expect(first.records.length + second.records.length).toBe(40))
      expect(new Set(first.records.map((one) => one.partition % 2))).toEqual(new Set([0]))
      expect(new Set(second.records.map((one) => one.partition % 2))).toEqual(new Set([1]))
      await Promise.all([first.close(), second.close()])
    })

    it('asks the leader’s assignor with partition counts and user data, and brings the plan to each member', async () => {
      const h = harness()
      const topic = await h.topic(2)
      const other = await h.topic(3)
      const groupId = h.name('group')
      const first = member({ groupId, topics: [topic, other], label: 'alpha' }).start()
      const second = member({ groupId, topics: [topic, other], label: 'beta' }).start()
      await eventually(() => {
        expect(first.owned).toEqual([partitionName(other, 0), partitionName(other, 2), partitionName(topic, 0)].sort())
        expect(second.owned).toEqual([partitionName(other, 1), partitionName(topic, 1)].sort())
      })
      const asked = [...first.assignor.asked, ...second.assignor.asked].find((one) => one.members.length === 2)
      expect(Object.fromEntries(asked?.counts ?? [])).toEqual({ [topic]: 2, [other]: 3 })
      expect(asked?.members.map((one) => one.userData.toString()).sort()).toEqual(['alpha', 'beta'])
      expect(asked?.members.map((one) => one.memberId).sort()).toEqual(
        [first, second].map((one) => one.consumer.groupMetadata().memberId).sort(),
      )
      expect(asked?.members.map((one) => [...one.topics].sort())).toEqual(Array(2).fill([topic, other].sort()))
      for (const one of [first, second]) {
        const last = one.assignor.told.at(-1)
        expect(last?.assignment.userData?.toString()).toBe(`for ${one.assignor.userData}`)
        expect(last?.generationId).toBe(one.consumer.groupMetadata().generationId)
      }
      await Promise.all([first.close(), second.close()])
    })

    it('rebalances when a member asks for it, with its new user data', async () => {
      const h = harness()
      const topic = await h.topic(2)
      const only = member({ groupId: h.name('group'), topics: [topic], label: 'before' }).start()
      await eventually(() => expect(only.owned).toHaveLength(2))
      const generation = only.consumer.groupMetadata().generationId
      only.assignor.userData = 'after'
      only.consumer.requestRejoin()
      await eventually(() => {
        expect(only.assignor.asked.at(-1)?.members[0]?.userData.toString()).toBe('after')
        expect(only.events.map((one) => one.kind)).toEqual(['assigned', 'revoked', 'assigned'])
      })
      expect(only.consumer.groupMetadata().generationId).toBeGreaterThan(generation)
      expect(only.owned).toHaveLength(2)
      await only.close()
    })

    it('hands the partitions of a member that closes to the others, from its committed offsets', async () => {
      const h = harness()
      const topic = await h.topic(2)
      const groupId = h.name('group')
      const producer = h.producer()
      for (const partition of [0, 1]) await produce(producer, topic, partition, texts(10, `p${partition}-`))
      const leaving = member({ groupId, topics: [topic], label: 'a' })
      const staying = member({ groupId, topics: [topic], label: 'b' })
      leaving.start()
      staying.start()
      await eventually(() => expect([leaving.owned, staying.owned].map((one) => one.length)).toEqual([1, 1]))
      await eventually(() => expect(leaving.values).toContain('p0-9'))
      await leaving.stop()
      await leaving.consumer.commit([{ topic, partition: 0, offset: 6 }])
      await leaving.consumer.close()
      const before = staying.records.filter((one) => one.partition === 0).length
      await eventually(() => expect(staying.owned).toHaveLength(2))
      await eventually(() => expect(staying.records.filter((one) => one.partition === 0).length).toBe(before + 4))
      expect(
        staying.records
          .filter((one) => one.partition === 0)
          .slice(before)
          .map((one) => one.offset),
      ).toEqual([6, 7, 8, 9])
      await staying.close()
    })

    it('goes on from the committed offset when it comes back', async () => {
      const h = harness()
      const topic = await h.topic()
      const groupId = h.name('group')
      await produce(h.producer(), topic, 0, texts(10))
      const first = member({ groupId, topics: [topic] })
      await read(first.consumer, 10)
      await first.consumer.commit([{ topic, partition: 0, offset: 7 }])
      await first.consumer.close()
      const second = member({ groupId, topics: [topic] })
      expect(values(await read(second.consumer, 3))).toEqual(['v7', 'v8', 'v9'])
    })

    it('tells what is committed, with metadata, and leaves out what is not', async () => {
      const h = harness()
      const topic = await h.topic(3)
      const groupId = h.name('group')
      const only = member({ groupId, topics: [topic] }).start()
      await eventually(() => expect(only.owned).toHaveLength(3))
      await only.stop()
      await only.consumer.commit([
        { topic, partition: 0, offset: 0, metadata: 'é {"time":17}' },
        { topic, partition: 1, offset: 12 },
      ])
      await only.consumer.commit([{ topic, partition: 1, offset: 34, metadata: 'newer' }])
      const committed = await only.consumer.committed([0, 1, 2].map((partition) => ({ topic, partition })))
      expect([...committed.keys()].sort()).toEqual(partitionNames(topic, 2))
      expect(committed.get(partitionName(topic, 0))).toMatchObject({ offset: 0, metadata: 'é {"time":17}' })
      expect(committed.get(partitionName(topic, 1))).toMatchObject({ offset: 34, metadata: 'newer' })
      const byAdmin = await h.admin.committedOffsets(groupId, [topic])
      expect([...byAdmin.keys()].sort()).toEqual(partitionNames(topic, 2))
      expect(byAdmin.get(partitionName(topic, 1))).toMatchObject({ offset: 34, metadata: 'newer' })
    })

    it.each([
      ['earliest', ['v0', 'v1', 'v2', 'later']],
      ['latest', ['later']],
    ] as const)('starts at the %s offset where nothing is committed', async (autoOffsetReset, expected) => {
      const h = harness()
      const topic = await h.topic()
      const producer = h.producer()
      await produce(producer, topic, 0, texts(3))
      const only = member({ groupId: h.name('group'), topics: [topic], autoOffsetReset }).start()
      await eventually(() => expect(only.consumer.lag({ topic, partition: 0 })).toBe(0))
      await produce(producer, topic, 0, [record('k', 'later')])
      await eventually(() => expect(only.values).toEqual(expected))
      await only.close()
    })

    it('starts at the reset policy’s offset where the committed one is no longer in the log', async () => {
      const h = harness()
      const topic = await h.topic()
      const groupId = h.name('group')
      await produce(h.producer(), topic, 0, texts(10))
      const first = member({ groupId, topics: [topic] })
      await read(first.consumer, 10)
      await first.consumer.commit([{ topic, partition: 0, offset: 2 }])
      await first.consumer.close()
      await h.admin.deleteRecords([{ topic, partition: 0, offset: 5 }])
      const second = member({ groupId, topics: [topic] })
      expect(values(await read(second.consumer, 5))).toEqual(['v5', 'v6', 'v7', 'v8', 'v9'])
    })

    it('starts where onAssigned seeks to, and hands out nothing that onAssigned pauses', async () => {
      const h = harness()
      const topic = await h.topic(2)
      const producer = h.producer()
      for (const partition of [0, 1]) await produce(producer, topic, partition, texts(5, `p${partition}-`))
      const paused = { topic, partition: 1 }
      const only = member({
        groupId: h.name('group'),
        topics: [topic],
        onAssigned: (_, consumer) => {
          consumer.seek({ topic, partition: 0 }, 3)
          consumer.pause([paused])
        },
      })
      expect(values(await read(only.consumer, 2))).toEqual(['p0-3', 'p0-4'])
      expect(await readWhileQuiet(h, only.consumer)).toEqual([])
      only.consumer.resume([paused])
      expect(await read(only.consumer, 5)).toHaveLength(5)
    })

    it('can commit in onRevoked, and the next owner goes on from there', async () => {
      const h = harness()
      const topic = await h.topic(2)
      const groupId = h.name('group')
      const producer = h.producer()
      for (const partition of [0, 1]) await produce(producer, topic, partition, texts(10, `p${partition}-`))
      const first = member({
        groupId,
        topics: [topic],
        label: 'a',
        onRevoked: (partitions, consumer) => consumer.commit(partitions.map((one) => ({ ...one, offset: 8 }))),
      }).start()
      await eventually(() => expect(first.records).toHaveLength(20))
      const second = member({ groupId, topics: [topic], label: 'b' }).start()
      await eventually(() => expect(second.values).toEqual(['p1-8', 'p1-9']))
      await Promise.all([first.close(), second.close()])
    })

    it('refuses commits of a partition that was rebalanced away', async () => {
      const h = harness()
      const topic = await h.topic(2)
      const groupId = h.name('group')
      const first = member({ groupId, topics: [topic], label: 'a' }).start()
      await eventually(() => expect(first.owned).toHaveLength(2))
      const second = member({ groupId, topics: [topic], label: 'b' }).start()
      await eventually(() => expect([first.owned, second.owned].map((one) => one.length)).toEqual([1, 1]))
      await first.stop()
      await expect(first.consumer.commit([{ topic, partition: 1, offset: 3 }])).rejects.toBeInstanceOf(
        CommitFailedError,
      )
      await first.consumer.commit([{ topic, partition: 0, offset: 4 }])
      const committed = await h.admin.committedOffsets(groupId, [topic])
      expect([...committed].map(([name, { offset }]) => [name, offset])).toEqual([[partitionName(topic, 0), 4]])
      await second.close()
    })

    it('goes on without a member that does not come to a rebalance in time, and refuses its commits', async () => {
      const h = harness()
      const topic = await h.topic(2)
      const groupId = h.name('group')
      const stuck = member({ groupId, topics: [topic], label: 'a', rebalanceTimeoutMs: 1_500 }).start()
      await eventually(() => expect(stuck.owned).toHaveLength(2))
      await stuck.stop()
      const other = member({ groupId, topics: [topic], label: 'b', rebalanceTimeoutMs: 1_500 }).start()
      await eventually(() => expect(other.owned).toHaveLength(2))
      await expect(stuck.consumer.commit([{ topic, partition: 0, offset: 3 }])).rejects.toBeInstanceOf(
        CommitFailedError,
      )
      stuck.start()
      await eventually(() => expect([stuck.owned, other.owned].map((one) => one.length)).toEqual([1, 1]))
      expect(stuck.events.map((one) => one.kind)).toContain('lost')
      await Promise.all([stuck.close(), other.close()])
    })

    it('refuses commits of a member that has closed', async () => {
      const h = harness()
      const topic = await h.topic()
      const only = member({ groupId: h.name('group'), topics: [topic] }).start()
      await eventually(() => expect(only.owned).toHaveLength(1))
      await only.close()
      await expect(only.consumer.commit([{ topic, partition: 0, offset: 3 }])).rejects.toBeInstanceOf(CommitFailedError)
    })

    it('waits for the session timeout of a member that closes without leaving', async () => {
      const h = harness()
      const topic = await h.topic(2)
      const groupId = h.name('group')
      const [first, second] = ['a', 'b'].map((label) => member({ groupId, topics: [topic], label }).start())
      if (!first || !second) throw new Error('no members')
      await eventually(() => expect([first.owned, second.owned].map((one) => one.length)).toEqual([1, 1]))
      await first.close({ leave: false })
      await sleep(h.quietMs)
      expect(second.owned).toHaveLength(1)
      await eventually(() => expect(second.owned).toHaveLength(2))
      await second.close()
    })

    it('knows nothing any more of a group that was deleted', async () => {
      const h = harness()
      const topic = await h.topic()
      const groupId = h.name('group')
      const only = member({ groupId, topics: [topic] }).start()
      await eventually(() => expect(only.owned).toHaveLength(1))
      await only.stop()
      await only.consumer.commit([{ topic, partition: 0, offset: 3 }])
      await only.consumer.close()
      await eventually(() => h.admin.deleteGroup(groupId))
      expect((await h.admin.committedOffsets(groupId, [topic])).size).toBe(0)
    })
  })
}
