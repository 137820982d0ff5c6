import type { Api } from './api.ts'

export interface BrokerAddress {
  readonly nodeId: number
  readonly host: string
  readonly port: number
}

export interface TopicMetadata {
  readonly name: string
  readonly errorCode: number
  readonly internal: boolean
  readonly partitions: readonly PartitionMetadata[]
}

export interface PartitionMetadata {
  readonly partition: number
  readonly errorCode: number
  /** -1 while there is none. */
  readonly leader: number
  readonly leaderEpoch: number
}

export interface MetadataResponse {
  readonly brokers: readonly BrokerAddress[]
  readonly controllerId: number
  readonly topics: readonly TopicMetadata[]
}

/** Metadata v7. `null` asks for all topics. Never creates a topic. */
export function metadataRequest(topics: readonly string[] | null): Api<MetadataResponse> {
  return {
    name: 'Metadata',
    key: 3,
    version: 7,
    encode(w) {
      w.array(topics, (topic) => w.string(topic)).boolean(false)
    },
    decode(r) {
      r.int32()
      const brokers = r.array(() => {
        const address = { nodeId: r.int32(), host: r.string(), port: r.int32() }
        r.nullableString()
        return address
      })
      r.nullableString()
      const controllerId = r.int32()
      const topicList = r.array(() => ({
        errorCode: r.int16(),
        name: r.string(),
        internal: r.boolean(),
        partitions: r.array(() => {
          const partition = { errorCode: r.int16(), partition: r.int32(), leader: r.int32(), leaderEpoch: r.int32() }
          for (let list = 0; list < 3; list++) r.array(() => r.int32())
          return partition
        }),
      }))
      return { brokers, controllerId, topics: topicList }
    },
  }
}

export type CoordinatorKind = 'group' | 'transaction'

export interface CoordinatorResponse extends BrokerAddress {
  readonly errorCode: number
  readonly errorMessage: string | null
}

/** FindCoordinator v2. */
export function findCoordinatorRequest(kind: CoordinatorKind, key: string): Api<CoordinatorResponse> {
  return {
    name: 'FindCoordinator',
    key: 10,
    version: 2,
    encode(w) {
      w.string(key).int8(kind === 'group' ? 0 : 1)
    },
    decode(r) {
      r.int32()
      return {
        errorCode: r.int16(),
        errorMessage: r.nullableString(),
        nodeId: r.int32(),
        host: r.string(),
        port: r.int32(),
      }
    },
  }
}
