import type { Headers } from '../common/record.ts'
import type { Serde } from '../common/serde.ts'
import type { StoreBuilder } from '../stores/store-builder.ts'
import type { ProcessorFactory } from './processors/processor.ts'
import type { RecordMetadata } from './record.ts'

/** Gives a record its time (ms since the epoch); negative = the record is dropped and counted. `partitionTimeMs` is the highest so far on its partition, -1 before the first. */
export type TimestampExtractor<K = unknown, V = unknown> = (
  record: {
    readonly key: K
    readonly value: V
    readonly timestampMs: number
    readonly headers: Headers
  } & RecordMetadata,
  partitionTimeMs: number,
) => number

export type OffsetReset = 'earliest' | 'latest'

/** The topic of a record, decided per record; the topics must exist. */
export type TopicNameExtractor<K = unknown, V = unknown> = (
  key: K,
  value: V,
  metadata: RecordMetadata | undefined,
) => string

/** Partitions for a record: undefined = Kafka's default (murmur2 of the key), [] = drop and count, several = one copy each. */
export type StreamPartitioner<K = unknown, V = unknown> = (
  topic: string,
  key: K,
  value: V,
  partitionCount: number,
) => readonly number[] | undefined

export interface SourceNode {
  readonly kind: 'source'
  readonly name: string
  readonly topics: readonly string[]
  readonly keySerde: Serde<unknown>
  readonly valueSerde: Serde<unknown>
  readonly timestampExtractor: TimestampExtractor | undefined
  readonly offsetReset: OffsetReset | undefined
}

export interface ProcessorNode {
  readonly kind: 'processor'
  readonly name: string
  readonly supplier: ProcessorFactory
  readonly parents: readonly string[]
  /** It is given what its parents drop, as {@link DroppedRecord} values, and not what they forward. */
  readonly takesDropped?: boolean
  /** Stores connected to it; grows while the topology is built. */
  readonly stores: Set<string>
}

export interface SinkNode {
  readonly kind: 'sink'
  readonly name: string
  readonly topic: string | TopicNameExtractor
  readonly keySerde: Serde<unknown>
  readonly valueSerde: Serde<unknown>
  readonly partitioner: StreamPartitioner | undefined
  readonly parents: readonly string[]
}

export type TopologyNode = SourceNode | ProcessorNode | SinkNode

/** A store that every instance holds in full, fed from a topic by its own reader, without time relation to the streams. */
export interface GlobalStore {
  readonly store: StoreBuilder
  readonly source: SourceNode
  readonly processor: ProcessorNode
}

/** A topic that Brook creates: `<applicationId>-<name>`; partition count given, or that of what is written into it. */
export interface RepartitionTopic {
  readonly name: string
  readonly partitions: number | undefined
}

export function parentsOf(node: TopologyNode): readonly string[] {
  return node.kind === 'source' ? [] : node.parents
}
