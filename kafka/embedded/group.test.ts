import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { eventually, Harness, partitionName, produce, record, sleep } from '../contract/harness.ts'
import { DealingAssignor, GroupMember } from '../contract/member.ts'
import { createEmbeddedProvider } from '../embedded.ts'
import { CommitFailedError, GroupActiveError, KafkaProtocolError } from '../errors.ts'

let h: Harness

beforeEach(() => {
  const provider = createEmbeddedProvider({ directory: undefined })
  h = new Harness({ provider, unique: 'g', sessionTimeoutMs: 300, close: () => provider.close() })
})
afterEach(async () => {
  await h.closeClients()
  await h.close()
})

const idle = { onAssigned: async () => {}, onRevoked: async () => {}, onLost: async () => {} }

describe('a group in the process', () => {
  it('takes members that start together into one generation', async () => {
    const topic = await h.topic(4)
    const members = ['a', 'b', 'c', 'd'].map((label) => new GroupMember(h, { groupId: 'g', topics: [topic], label }))
    for (const one of members) one.start()
    await eventually(() => expect(members.map((one) => one.owned.length)).toEqual([1, 1, 1, 1]))
    expect(members.map((one) => one.events.length)).toEqual([1, 1, 1, 1])
    await Promise.all(members.map((one) => one.close()))
  })

  it('shares a topic out that is created after its members came, and takes it back when it is deleted', async () => {
    const only = new GroupMember(h, { groupId: 'g', topics: ['late'] }).start()
    await eventually(() => expect(only.events).toEqual([{ kind: 'assigned', partitions: [] }]))
    await h.admin.createTopics([{ name: 'late', partitions: 2 }])
    await eventually(() => expect(only.owned).toEqual(['late-0', 'late-1']))
    await produce(h.producer(), 'late', 1, [record('k', 'v')])
    await eventually(() => expect(only.values).toEqual(['v']))
    await h.admin.deleteTopics(['late'])
    await eventually(() => expect(only.owned).toEqual([]))
    await only.close()
  })

  it('tells every member when the leader’s assignor throws', async () => {
    const topic = await h.topic()
    const assignor = new DealingAssignor('a')
    assignor.assign = () => {
      throw new Error('no plan today')
    }
    const consumer = h.consumer({ groupId: 'g', assignor })
    consumer.subscribe([topic], idle)
    await expect(consumer.poll(5_000)).rejects.toThrow('no plan today')
  })

  it('refuses a member with another assignor', async () => {
    const topic = await h.topic()
    const first = new GroupMember(h, { groupId: 'g', topics: [topic] }).start()
    await eventually(() => expect(first.owned).toHaveLength(1))
    const assignor = Object.assign(new DealingAssignor('b'), { name: 'other' })
    const second = h.consumer({ groupId: 'g', assignor })
    second.subscribe([topic], idle)
    await expect(second.poll(100)).rejects.toBeInstanceOf(KafkaProtocolError)
    await first.close()
  })

  it('refuses offsets in a transaction from a member of an older generation', async () => {
    const topic = await h.topic(2)
    const first = new GroupMember(h, { groupId: 'g', topics: [topic], label: 'a' }).start()
    await eventually(() => expect(first.owned).toHaveLength(2))
    const stale = first.consumer.groupMetadata()
    const producer = await h.transactional('x')
    producer.beginTransaction()
    await producer.sendOffsets([{ topic, partition: 1, offset: 1 }], stale)
    await producer.abortTransaction()
    const second = new GroupMember(h, { groupId: 'g', topics: [topic], label: 'b' }).start()
    await eventually(() => expect(second.owned).toHaveLength(1))
    producer.beginTransaction()
    await expect(producer.sendOffsets([{ topic, partition: 1, offset: 1 }], stale)).rejects.toBeInstanceOf(
      CommitFailedError,
    )
    await producer.abortTransaction()
    await Promise.all([first.close(), second.close()])
  })

  it('waits with an assignment until transactions have settled its offsets', async () => {
    const topic = await h.topic()
    await produce(h.producer(), topic, 0, [record('k', 'done'), record('k', 'next')])
    const producer = await h.transactional('x')
    producer.beginTransaction()
    await producer.sendOffsets([{ topic, partition: 0, offset: 1 }], { groupId: 'g', memberId: '', generationId: -1 })
    const only = new GroupMember(h, { groupId: 'g', topics: [topic] }).start()
    await sleep(100)
    expect(only.events).toEqual([])
    await producer.commitTransaction()
    await eventually(() => expect(only.values).toEqual(['next']))
    expect(only.owned).toEqual([partitionName(topic, 0)])
    await only.close()
  })

  it('lets a deleted group with members stand', async () => {
    const topic = await h.topic()
    const only = new GroupMember(h, { groupId: 'g', topics: [topic] }).start()
    await eventually(() => expect(only.owned).toHaveLength(1))
    await expect(h.admin.deleteGroup('g')).rejects.toBeInstanceOf(GroupActiveError)
    await only.close()
    await h.admin.deleteGroup('g')
  })
})
