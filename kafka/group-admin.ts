import { askCoordinator } from './ask.ts'
import type { Cluster } from './cluster.ts'
import { decodeAssignment, decodeSubscription } from './consumer-protocol.ts'
import { GroupActiveError } from './errors.ts'
import type { GroupDescription, GroupMemberDescription, GroupState, OffsetCommit } from './port.ts'
import { errorName, isMembershipLost, kafkaError } from './protocol/codes.ts'
import { type DescribedMember, describeGroupsRequest } from './protocol/describe-groups.ts'
import { deleteGroupsRequest, offsetCommitRequest } from './protocol/group.ts'

const API_TIMEOUT_MS = 60_000
const TYPE = 'consumer'

export async function describeGroup(cluster: Cluster, groupId: string): Promise<GroupDescription> {
  const [group] = await askCoordinator(
    cluster,
    'group',
    groupId,
    describeGroupsRequest([groupId]),
    (groups) => groups.map(({ errorCode }) => errorCode),
    { timeoutMs: API_TIMEOUT_MS },
  )
  const code = errorName(group?.errorCode ?? 0)
  if (group === undefined || code === 'GROUP_ID_NOT_FOUND') return { groupId, state: 'Dead', members: [] }
  if (code !== undefined) throw kafkaError(code, `describing group ${groupId}`)
  const isReadable = group.protocolType === TYPE
  return { groupId, state: group.state as GroupState, members: group.members.map((m) => memberOf(m, isReadable)) }
}

function memberOf(member: DescribedMember, isReadable: boolean): GroupMemberDescription {
  const { memberId, clientId, clientHost: host, metadata, assignment } = member
  return {
    memberId,
    clientId,
    host: host.replace(/^\//, ''),
    userData: isReadable && metadata.length > 0 ? decodeSubscription(metadata).userData : Buffer.alloc(0),
    assignment: isReadable ? decodeAssignment(assignment) : { partitions: [] },
  }
}

/** Commits as nobody in no generation, which a broker takes for a group without members only. */
export async function alterOffsets(cluster: Cluster, groupId: string, offsets: readonly OffsetCommit[]): Promise<void> {
  if (offsets.length === 0) return
  const results = await askCoordinator(
    cluster,
    'group',
    groupId,
    offsetCommitRequest({ groupId, generationId: -1, memberId: '' }, offsets),
    (answers) => answers.map(({ errorCode }) => errorCode),
    { timeoutMs: API_TIMEOUT_MS },
  )
  for (const { topic, partition, errorCode } of results) {
    const code = errorName(errorCode)
    if (code === undefined) continue
    if (isMembershipLost(code)) throw active(groupId)
    throw kafkaError(code, `the offset of ${topic}-${partition} for group ${groupId}`)
  }
}

export async function deleteGroup(cluster: Cluster, groupId: string): Promise<void> {
  const codes = await askCoordinator(cluster, 'group', groupId, deleteGroupsRequest([groupId]), (answer) => answer, {
    timeoutMs: API_TIMEOUT_MS,
  })
  const code = errorName(codes[0] ?? 0)
  if (code === undefined || code === 'GROUP_ID_NOT_FOUND') return
  throw code === 'NON_EMPTY_GROUP' ? active(groupId) : kafkaError(code, `deleting group ${groupId}`)
}

function active(groupId: string): GroupActiveError {
  return new GroupActiveError(`group ${groupId} has members: stop them first`)
}
