/** The engine's only public door. */

export { serdes } from '../common/serde.ts'
export type * from '../stores/state-store.ts'
export type { KeyValueStoreBuilder, StoreBuilder, WindowStoreBuilder } from '../stores/store-builder.ts'
export { Stores } from '../stores/stores.ts'
export { BranchedKStream } from './dsl/branch.ts'
export { GlobalKTable } from './dsl/global-ktable.ts'
export { KGroupedStream } from './dsl/kgrouped-stream.ts'
export { KGroupedTable } from './dsl/kgrouped-table.ts'
export { KStream } from './dsl/kstream.ts'
export { KTable } from './dsl/ktable.ts'
export type * from './dsl/options.ts'
export { StreamsBuilder } from './dsl/streams-builder.ts'
export { TimeWindowedKStream } from './dsl/time-windowed-kstream.ts'
export { timeWindowedSerde } from './dsl/windowed-serde.ts'
export { JoinWindows, TimeWindows } from './dsl/windows.ts'
export * from './errors.ts'
export type {
  Cancellable,
  DropReason,
  Processor,
  ProcessorContext,
  ProcessorSupplier,
  PunctuationType,
  Punctuator,
} from './processors/processor.ts'
export type { InstanceMetadata, InteractiveQueries, KeyMetadata, StoreInfo, StoreQuery } from './query/queries.ts'
export { Change, type RecordMetadata, StreamRecord, Windowed } from './record.ts'
export type { ClientState } from './runtime/client-state.ts'
export { KafkaStreams, type StateListener, type TaskInfo } from './runtime/kafka-streams.ts'
export type { DeserializationExceptionHandler, DeserializationFailure } from './runtime/record-queue.ts'
export type { ProcessingGuarantee, StreamsOptions } from './runtime/streams-config.ts'
export type { TestInputTopic, TestOutputTopic, TestRecord } from './testing/test-topics.ts'
export { TopologyTestDriver, type TopologyTestDriverOptions } from './testing/topology-test-driver.ts'
export { type SinkOptions, type SourceOptions, Topology } from './topology.ts'
export { type NodeDescription, type SubtopologyDescription, TopologyDescription } from './topology-description.ts'
export type { OffsetReset, StreamPartitioner, TimestampExtractor, TopicNameExtractor } from './topology-nodes.ts'
