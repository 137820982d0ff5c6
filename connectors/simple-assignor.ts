import type { AssignorMember, MemberAssignment, PartitionAssignor } from '../kafka/port.ts'

/** Partition n of a topic goes to the n-th of the members that subscribe to it, in the order of their ids, and around again. */
export const simpleAssignor: PartitionAssignor = {
  name: 'brook-connectors',
  version: 1,
  subscriptionUserData: () => Buffer.alloc(0),
  assign(partitionCounts, members) {
    const assigned = new Map<string, { partitions: { topic: string; partition: number }[] }>(
      members.map((member) => [member.memberId, { partitions: [] }]),
    )
    for (const [topic, count] of partitionCounts) {
      const takers = subscribers(members, topic)
      for (let partition = 0; partition < count && takers.length > 0; partition++)
        assigned.get(takers[partition % takers.length] as string)?.partitions.push({ topic, partition })
    }
    return assigned as ReadonlyMap<string, MemberAssignment>
  },
}

function subscribers(members: readonly AssignorMember[], topic: string): string[] {
  return members
    .filter((member) => member.topics.includes(topic))
    .map((member) => member.memberId)
    .sort()
}
