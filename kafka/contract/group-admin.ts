import { describe, expect, it } from 'vitest'
import { GroupActiveError, UnknownTopicError } from '../errors.ts'
import { eventually, type Harness, partitionName, produce, read, texts } from './harness.ts'
import { GroupMember } from './member.ts'

/** What is asked and told of groups from outside of them. */
export function groupAdministration(harness: () => Harness): void {
  describe('the administration of groups', () => {
    it('describes a group that does not exist as dead', async () => {
      const h = harness()
      const groupId = h.name('group')
      expect(await h.admin.describeGroup(groupId)).toEqual({ groupId, state: 'Dead', members: [] })
    })

    it('describes members with what they said and what they have', async () => {
      const h = harness()
      const topic = await h.topic(3)
      const groupId = h.name('group')
      const first = new GroupMember(h, { groupId, topics: [topic], label: 'alpha', clientId: 'client-alpha' }).start()
      const second = new GroupMember(h, { groupId, topics: [topic], label: 'beta', clientId: 'client-beta' }).start()
      const described = await eventually(async () => {
        const group = await h.admin.describeGroup(groupId)
        expect(group.state).toBe('Stable')
        expect(group.members).toHaveLength(2)
        return group
      })
      const told = described.members.map(({ memberId, clientId, host, userData, assignment }) => ({
        isKnown: [first, second].some((one) => one.consumer.groupMetadata().memberId === memberId),
        clientId: /client-(alpha|beta)/.exec(clientId)?.[0],
        hasHost: host.length > 0 && !host.startsWith('/'),
        said: userData.toString(),
        has: assignment.partitions.map((p) => partitionName(p.topic, p.partition)).sort(),
        wasTold: assignment.userData?.toString(),
      }))
      expect(told.sort((a, b) => (a.said < b.said ? -1 : 1))).toEqual([
        {
          isKnown: true,
          clientId: 'client-alpha',
          hasHost: true,
          said: 'alpha',
          has: [partitionName(topic, 0), partitionName(topic, 2)],
          wasTold: 'for alpha',
        },
        {
          isKnown: true,
          clientId: 'client-beta',
          hasHost: true,
          said: 'beta',
          has: [partitionName(topic, 1)],
          wasTold: 'for beta',
        },
      ])
      await Promise.all([first.close(), second.close()])
      await eventually(async () => expect((await h.admin.describeGroup(groupId)).members).toEqual([]))
    })

    it('alters the offsets of a group without members, new ones included, and members begin there', async () => {
      const h = harness()
      const topic = await h.topic(2)
      await produce(h.producer(), topic, 0, texts(10))
      const groupId = h.name('group')
      await h.admin.alterOffsets(groupId, [
        { topic, partition: 0, offset: 9 },
        { topic, partition: 1, offset: 0, metadata: 'zero' },
      ])
      await h.admin.alterOffsets(groupId, [{ topic, partition: 0, offset: 7, metadata: 'seven' }])
      expect(await h.admin.committedOffsets(groupId, [topic])).toEqual(
        new Map([
          [partitionName(topic, 0), { offset: 7, metadata: 'seven' }],
          [partitionName(topic, 1), { offset: 0, metadata: 'zero' }],
        ]),
      )
      expect((await h.admin.describeGroup(groupId)).state).toBe('Empty')
      const member = new GroupMember(h, { groupId, topics: [topic] })
      expect((await read(member.consumer, 3)).map(({ offset }) => offset)).toEqual([7, 8, 9])
      await member.close()
    })

    it('does not alter the offsets of a group with members, nor delete it', async () => {
      const h = harness()
      const topic = await h.topic(1)
      const groupId = h.name('group')
      const member = new GroupMember(h, { groupId, topics: [topic] }).start()
      await eventually(() => expect(member.owned).toHaveLength(1))
      const altered = h.admin.alterOffsets(groupId, [{ topic, partition: 0, offset: 1 }])
      await expect(altered).rejects.toBeInstanceOf(GroupActiveError)
      await expect(h.admin.deleteGroup(groupId)).rejects.toBeInstanceOf(GroupActiveError)
      expect(await h.admin.committedOffsets(groupId, [topic])).toEqual(new Map())
      await member.close()
    })

    it('refuses offsets of a topic that does not exist', async () => {
      const h = harness()
      const offsets = [{ topic: h.name('missing'), partition: 0, offset: 1 }]
      await expect(h.admin.alterOffsets(h.name('group'), offsets)).rejects.toBeInstanceOf(UnknownTopicError)
    })

    it('forgets a deleted group', async () => {
      const h = harness()
      const topic = await h.topic(1)
      const groupId = h.name('group')
      await h.admin.alterOffsets(groupId, [{ topic, partition: 0, offset: 1 }])
      await h.admin.deleteGroup(groupId)
      expect(await h.admin.committedOffsets(groupId, [topic])).toEqual(new Map())
      expect((await h.admin.describeGroup(groupId)).state).toBe('Dead')
      await h.admin.deleteGroup(groupId)
    })
  })
}
