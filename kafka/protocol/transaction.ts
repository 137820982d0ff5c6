import type { TopicPartition } from '../../common/record.ts'
import type { GroupMetadata, OffsetCommit } from '../port.ts'
import type { Api, PartitionResult } from './api.ts'
import { byTopic } from './wire.ts'

export interface ProducerIdentity {
  readonly producerId: number
  readonly producerEpoch: number
}

export interface InitProducerIdResponse extends ProducerIdentity {
  readonly errorCode: number
}

/** InitProducerId v1. With a transactional id: bumps its epoch, which fences older producers of that id. */
export function initProducerIdRequest(transactionalId: string | null, timeoutMs: number): Api<InitProducerIdResponse> {
  return {
    name: 'InitProducerId',
    key: 22,
    version: 1,
    encode(w) {
      w.string(transactionalId).int32(timeoutMs)
    },
    decode(r) {
      r.int32()
      return { errorCode: r.int16(), producerId: r.int64(), producerEpoch: r.int16() }
    },
  }
}

/** AddPartitionsToTxn v1. */
export function addPartitionsToTxnRequest(
  transactionalId: string,
  producer: ProducerIdentity,
  partitions: readonly TopicPartition[],
): Api<readonly PartitionResult[]> {
  return {
    name: 'AddPartitionsToTxn',
    key: 24,
    version: 1,
    encode(w) {
      w.string(transactionalId).int64(producer.producerId).int16(producer.producerEpoch)
      w.array(byTopic(partitions), ([topic, list]) => {
        w.string(topic).array(list, (p) => w.int32(p.partition))
      })
    },
    decode(r) {
      r.int32()
      const results: PartitionResult[] = []
      r.array(() => {
        const topic = r.string()
        r.array(() => results.push({ topic, partition: r.int32(), errorCode: r.int16() }))
      })
      return results
    },
  }
}

/** AddOffsetsToTxn v1; answers an error code. */
export function addOffsetsToTxnRequest(
  transactionalId: string,
  producer: ProducerIdentity,
  groupId: string,
): Api<number> {
  return {
    name: 'AddOffsetsToTxn',
    key: 25,
    version: 1,
    encode(w) {
      w.string(transactionalId).int64(producer.producerId).int16(producer.producerEpoch).string(groupId)
    },
    decode(r) {
      r.int32()
      return r.int16()
    },
  }
}

/** EndTxn v1; answers an error code. */
export function endTxnRequest(transactionalId: string, producer: ProducerIdentity, commit: boolean): Api<number> {
  return {
    name: 'EndTxn',
    key: 26,
    version: 1,
    encode(w) {
      w.string(transactionalId).int64(producer.producerId).int16(producer.producerEpoch).boolean(commit)
    },
    decode(r) {
      r.int32()
      return r.int16()
    },
  }
}

/** TxnOffsetCommit v3: carries the member's generation, so that the coordinator refuses a member that is no longer one. */
export function txnOffsetCommitRequest(
  transactionalId: string,
  producer: ProducerIdentity,
  group: GroupMetadata,
  offsets: readonly OffsetCommit[],
): Api<readonly PartitionResult[]> {
  return {
    name: 'TxnOffsetCommit',
    key: 28,
    version: 3,
    flexible: true,
    encode(w) {
      w.compactString(transactionalId).compactString(group.groupId)
      w.int64(producer.producerId).int16(producer.producerEpoch)
      w.int32(group.generationId).compactString(group.memberId).compactString(null)
      w.compactArray(byTopic(offsets), ([topic, list]) => {
        w.compactString(topic)
          .compactArray(list, (o) => {
            w.int32(o.partition)
              .int64(o.offset)
              .int32(-1)
              .compactString(o.metadata ?? '')
              .noTags()
          })
          .noTags()
      })
      w.noTags()
    },
    decode(r) {
      r.int32()
      const results: PartitionResult[] = []
      r.compactArray(() => {
        const topic = r.compactString() ?? ''
        r.compactArray(() => {
          results.push({ topic, partition: r.int32(), errorCode: r.int16() })
          r.skipTags()
        })
        r.skipTags()
      })
      return results
    },
  }
}
