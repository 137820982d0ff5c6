import type { TopicPartition } from '../../common/record.ts'
import type { TopicSpec } from '../port.ts'
import type { Api, PartitionResult } from './api.ts'
import { byTopic } from './wire.ts'

export interface TopicResult {
  readonly name: string
  readonly errorCode: number
  readonly errorMessage: string | null
}

/** CreateTopics v4: a replication factor of -1 is the broker's default. */
export function createTopicsRequest(topics: readonly TopicSpec[], timeoutMs: number): Api<readonly TopicResult[]> {
  return {
    name: 'CreateTopics',
    key: 19,
    version: 4,
    blocksMs: timeoutMs,
    encode(w) {
      w.array(topics, (topic) => {
        w.string(topic.name)
          .int32(topic.partitions)
          .int16(topic.replicationFactor ?? -1)
          .int32(0)
        w.array(Object.entries(topic.configs ?? {}), ([name, value]) => w.string(name).string(value))
      })
      w.int32(timeoutMs).boolean(false)
    },
    decode(r) {
      r.int32()
      return r.array(() => ({ name: r.string(), errorCode: r.int16(), errorMessage: r.nullableString() }))
    },
  }
}

/** DeleteTopics v3. */
export function deleteTopicsRequest(names: readonly string[], timeoutMs: number): Api<readonly TopicResult[]> {
  return {
    name: 'DeleteTopics',
    key: 20,
    version: 3,
    blocksMs: timeoutMs,
    encode(w) {
      w.array(names, (name) => w.string(name)).int32(timeoutMs)
    },
    decode(r) {
      r.int32()
      return r.array(() => ({ name: r.string(), errorCode: r.int16(), errorMessage: null }))
    },
  }
}

/** DeleteRecords v1. */
export function deleteRecordsRequest(
  before: readonly (TopicPartition & { readonly offset: number })[],
  timeoutMs: number,
): Api<readonly PartitionResult[]> {
  return {
    name: 'DeleteRecords',
    key: 21,
    version: 1,
    blocksMs: timeoutMs,
    encode(w) {
      w.array(byTopic(before), ([topic, list]) => {
        w.string(topic).array(list, (p) => w.int32(p.partition).int64(p.offset))
      })
      w.int32(timeoutMs)
    },
    decode(r) {
      r.int32()
      const results: PartitionResult[] = []
      r.array(() => {
        const topic = r.string()
        r.array(() => {
          const partition = r.int32()
          r.int64()
          results.push({ topic, partition, errorCode: r.int16() })
        })
      })
      return results
    },
  }
}

export interface ConfigsResponse {
  readonly errorCode: number
  readonly errorMessage: string | null
  readonly configs: ReadonlyMap<string, string>
}

const TOPIC_RESOURCE = 2

/** DescribeConfigs v2 of one topic; configs without a value are left out. */
export function describeTopicConfigsRequest(topic: string): Api<ConfigsResponse> {
  return {
    name: 'DescribeConfigs',
    key: 32,
    version: 2,
    encode(w) {
      w.array([topic], (name) =>
        w
          .int8(TOPIC_RESOURCE)
          .string(name)
          .array<string>(null, () => {}),
      ).boolean(false)
    },
    decode(r) {
      r.int32()
      const answers = r.array(() => {
        const errorCode = r.int16()
        const errorMessage = r.nullableString()
        r.int8()
        r.string()
        const configs = new Map<string, string>()
        r.array(() => {
          const name = r.string()
          const value = r.nullableString()
          if (value !== null) configs.set(name, value)
          r.boolean()
          r.int8()
          r.boolean()
          r.array(() => {
            r.string()
            r.nullableString()
            r.int8()
          })
        })
        return { errorCode, errorMessage, configs }
      })
      return answers[0] ?? { errorCode: -1, errorMessage: 'an empty answer', configs: new Map() }
    },
  }
}
