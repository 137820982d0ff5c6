import type { Api } from './api.ts'

export interface DescribedMember {
  readonly memberId: string
  readonly clientId: string
  readonly clientHost: string
  /** As it joined with: a subscription where the protocol type is `consumer`. */
  readonly metadata: Buffer
  readonly assignment: Buffer
}

export interface DescribedGroup {
  readonly errorCode: number
  readonly groupId: string
  /** Kafka's name of the state; `Dead` for a group that does not exist. */
  readonly state: string
  readonly protocolType: string
  readonly members: readonly DescribedMember[]
}

/** DescribeGroups v1. */
export function describeGroupsRequest(groupIds: readonly string[]): Api<readonly DescribedGroup[]> {
  return {
    name: 'DescribeGroups',
    key: 15,
    version: 1,
    encode(w) {
      w.array(groupIds, (groupId) => w.string(groupId))
    },
    decode(r) {
      r.int32()
      return r.array(() => {
        const errorCode = r.int16()
        const groupId = r.string()
        const state = r.string()
        const protocolType = r.string()
        r.string()
        const members = r.array(() => ({
          memberId: r.string(),
          clientId: r.string(),
          clientHost: r.string(),
          metadata: Buffer.from(r.bytes()),
          assignment: Buffer.from(r.bytes()),
        }))
        return { errorCode, groupId, state, protocolType, members }
      })
    },
  }
}
