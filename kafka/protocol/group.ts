import type { TopicPartition } from '../../common/record.ts'
import type { OffsetCommit } from '../port.ts'
import type { Api, PartitionResult } from './api.ts'
import { byTopic, type WireReader } from './wire.ts'

export interface JoinOptions {
  readonly groupId: string
  readonly sessionTimeoutMs: number
  readonly rebalanceTimeoutMs: number
  /** Empty for a member that has no id yet. */
  readonly memberId: string
  readonly protocol: string
  readonly subscription: Buffer
}

export interface JoinResponse {
  readonly errorCode: number
  readonly generationId: number
  readonly leaderId: string
  readonly memberId: string
  /** Filled for the leader only. */
  readonly members: readonly { readonly memberId: string; readonly subscription: Buffer }[]
}

/** JoinGroup v5 of the classic protocol. Answers when every member has joined, at most after the rebalance timeout. */
export function joinGroupRequest(options: JoinOptions): Api<JoinResponse> {
  return {
    name: 'JoinGroup',
    key: 11,
    version: 5,
    blocksMs: options.rebalanceTimeoutMs,
    encode(w) {
      w.string(options.groupId).int32(options.sessionTimeoutMs).int32(options.rebalanceTimeoutMs)
      w.string(options.memberId).string(null).string('consumer')
      w.array([options.protocol], (name) => w.string(name).bytes(options.subscription))
    },
    decode(r) {
      r.int32()
      const errorCode = r.int16()
      const generationId = r.int32()
      r.nullableString()
      return {
        errorCode,
        generationId,
        leaderId: r.string(),
        memberId: r.string(),
        members: r.array(() => {
          const memberId = r.string()
          r.nullableString()
          return { memberId, subscription: r.bytes() }
        }),
      }
    },
  }
}

/** Who speaks, in which generation of the group. */
export interface Member {
  readonly groupId: string
  readonly generationId: number
  readonly memberId: string
}

export interface SyncResponse {
  readonly errorCode: number
  readonly assignment: Buffer
}

/** SyncGroup v3. Answers when the leader has sent the assignments. */
export function syncGroupRequest(
  member: Member,
  assignments: readonly (readonly [memberId: string, assignment: Buffer])[],
  blocksMs: number,
): Api<SyncResponse> {
  return {
    name: 'SyncGroup',
    key: 14,
    version: 3,
    blocksMs,
    encode(w) {
      w.string(member.groupId).int32(member.generationId).string(member.memberId).string(null)
      w.array(assignments, ([memberId, assignment]) => w.string(memberId).bytes(assignment))
    },
    decode(r) {
      r.int32()
      return { errorCode: r.int16(), assignment: r.bytes() }
    },
  }
}

/** Heartbeat v3; answers an error code. */
export function heartbeatRequest(member: Member): Api<number> {
  return {
    name: 'Heartbeat',
    key: 12,
    version: 3,
    encode(w) {
      w.string(member.groupId).int32(member.generationId).string(member.memberId).string(null)
    },
    decode(r) {
      r.int32()
      return r.int16()
    },
  }
}

/** LeaveGroup v1; answers an error code. */
export function leaveGroupRequest(groupId: string, memberId: string): Api<number> {
  return {
    name: 'LeaveGroup',
    key: 13,
    version: 1,
    encode(w) {
      w.string(groupId).string(memberId)
    },
    decode(r) {
      r.int32()
      return r.int16()
    },
  }
}

function partitionResults(r: WireReader): PartitionResult[] {
  const results: PartitionResult[] = []
  r.array(() => {
    const topic = r.string()
    r.array(() => results.push({ topic, partition: r.int32(), errorCode: r.int16() }))
  })
  return results
}

/** OffsetCommit v5. */
export function offsetCommitRequest(member: Member, offsets: readonly OffsetCommit[]): Api<readonly PartitionResult[]> {
  return {
    name: 'OffsetCommit',
    key: 8,
    version: 5,
    encode(w) {
      w.string(member.groupId).int32(member.generationId).string(member.memberId)
      w.array(byTopic(offsets), ([topic, list]) => {
        w.string(topic).array(list, (o) =>
          w
            .int32(o.partition)
            .int64(o.offset)
            .string(o.metadata ?? ''),
        )
      })
    },
    decode(r) {
      r.int32()
      return partitionResults(r)
    },
  }
}

export interface FetchedOffset extends PartitionResult {
  /** -1 when nothing is committed. */
  readonly offset: number
  readonly metadata: string | null
}

export interface OffsetFetchResponse {
  readonly errorCode: number
  readonly offsets: readonly FetchedOffset[]
}

/**
 * OffsetFetch v7. With `requireStable`, partitions whose offsets a pending transaction is about to change answer
 * `UNSTABLE_OFFSET_COMMIT`. `null` asks for all partitions of the group.
 */
export function offsetFetchRequest(
  groupId: string,
  partitions: readonly TopicPartition[] | null,
  requireStable: boolean,
): Api<OffsetFetchResponse> {
  return {
    name: 'OffsetFetch',
    key: 9,
    version: 7,
    flexible: true,
    encode(w) {
      w.compactString(groupId)
      w.compactArray(partitions && byTopic(partitions), ([topic, list]) => {
        w.compactString(topic)
          .compactArray(list, (p) => w.int32(p.partition))
          .noTags()
      })
      w.boolean(requireStable).noTags()
    },
    decode(r) {
      r.int32()
      const offsets: FetchedOffset[] = []
      r.compactArray(() => {
        const topic = r.compactString() ?? ''
        r.compactArray(() => {
          const partition = r.int32()
          const offset = r.int64()
          r.int32()
          const metadata = r.compactString()
          offsets.push({ topic, partition, offset, metadata, errorCode: r.int16() })
          r.skipTags()
        })
        r.skipTags()
      })
      return { errorCode: r.int16(), offsets }
    },
  }
}

/** DeleteGroups v1; answers an error code per group. */
export function deleteGroupsRequest(groupIds: readonly string[]): Api<readonly number[]> {
  return {
    name: 'DeleteGroups',
    key: 42,
    version: 1,
    encode(w) {
      w.array(groupIds, (groupId) => w.string(groupId))
    },
    decode(r) {
      r.int32()
      return r.array(() => {
        r.string()
        return r.int16()
      })
    },
  }
}
