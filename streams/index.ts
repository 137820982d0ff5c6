/** The engine's only public door. */

export { DiskFullError } from '../common/disk-full.ts'
export { BrookError, ConfigError, InternalError, InvalidArgumentError, SerdeError } from '../common/errors.ts'
export { type Serde, serdes } from '../common/serde.ts'
export type { TimeToLive } from '../stores/key-value/due-rules.ts'
export type * from '../stores/state-store.ts'
export type {
  KeyValueStoreBuilder,
  SessionStoreBuilder,
  StoreBuilder,
  VersionedKeyValueStoreBuilder,
  WindowStoreBuilder,
} from '../stores/store-builder.ts'
export { Stores } from '../stores/stores.ts'
export type { DropDetails, DroppedRecord } from './dropped-record.ts'
export type { AsyncOptions, AsyncRetryOptions } from './dsl/async-operators.ts'
export { BranchedKStream } from './dsl/branch.ts'
export { CogroupedKStream } from './dsl/cogrouped-kstream.ts'
export type { Deduplicated } from './dsl/deduplicate.ts'
export type { DroppedOptions } from './dsl/dropped.ts'
export { GlobalKTable } from './dsl/global-ktable.ts'
export { KGroupedStream } from './dsl/kgrouped-stream.ts'
export { KGroupedTable } from './dsl/kgrouped-table.ts'
export { KStream } from './dsl/kstream.ts'
export { KTable } from './dsl/ktable.ts'
export type * from './dsl/options.ts'
export type { BuildOptions } from './dsl/plan/build-options.ts'
export type { TopologyOptimization } from './dsl/plan/optimise/topology-optimization.ts'
export { StreamsBuilder } from './dsl/streams-builder.ts'
export type { SuppressOptions } from './dsl/suppress.ts'
export {
  BufferConfig,
  type EagerBufferConfig,
  type StrictBufferConfig,
  Suppressed,
  type UntilWindowClosesOptions,
} from './dsl/suppressed.ts'
export type { TransformValuesOptions } from './dsl/transform-values.ts'
export type { ScheduledHours, Weekday } from './dsl/windows/calendar.ts'
export { type CalendarOptions, CalendarWindows } from './dsl/windows/calendar-windows.ts'
export { type CountMaterialized, CountWindowedKStream } from './dsl/windows/count-windowed-kstream.ts'
export { CountWindows } from './dsl/windows/count-windows.ts'
export { EmitStrategy, type WindowCloseOptions } from './dsl/windows/emit-strategy.ts'
export { SessionWindowedCogroupedKStream } from './dsl/windows/session-windowed-cogrouped-kstream.ts'
export { SessionWindowedKStream } from './dsl/windows/session-windowed-kstream.ts'
export { sessionWindowedSerde } from './dsl/windows/session-windowed-serde.ts'
export { SessionWindows } from './dsl/windows/session-windows.ts'
export { SlidingWindows } from './dsl/windows/sliding-windows.ts'
export { TimeWindowedCogroupedKStream } from './dsl/windows/time-windowed-cogrouped-kstream.ts'
export { TimeWindowedKStream } from './dsl/windows/time-windowed-kstream.ts'
export { UnlimitedWindows } from './dsl/windows/unlimited-windows.ts'
export { intervalWindowedSerde, timeWindowedSerde } from './dsl/windows/windowed-serde.ts'
export { JoinWindows, TimeWindows } from './dsl/windows/windows.ts'
export {
  type DeadLetter,
  type DeserializationExceptionHandler,
  type DeserializationFailure,
  deadLetterAndContinue,
  type ErrorContext,
  type HandlerResponse,
  logAndContinue,
  logAndFail,
  type ProcessingExceptionHandler,
  type ProcessingFailure,
  type ProductionExceptionHandler,
  type ProductionFailure,
} from './error-handlers.ts'
export * from './errors.ts'
export { type CountWindow, countWindowSerde } from './processors/aggregates/count-window-serdes.ts'
export type { AsyncCall } from './processors/async/async-call.ts'
export type { OrderKind } from './processors/async/async-order.ts'
export type { TaskWork } from './processors/async/task-work.ts'
export type { Counted, NodeMetrics, Recorder, RecordingLevel, SensorOptions } from './processors/node-metrics.ts'
export type {
  Cancellable,
  DropReason,
  Processor,
  ProcessorContext,
  PunctuationType,
  Punctuator,
  ScheduleOptions,
} from './processors/processor.ts'
export type { ProcessorProvider, ProcessorSupplier, ProcessorWrapper } from './processors/processor-supplier.ts'
export type { TimedWork } from './processors/times/timed-work.ts'
export type { Timer, Timers } from './processors/times/timers.ts'
export type {
  TransformedUpdate,
  ValueTransformer,
  ValueTransformerContext,
  ValueTransformerFactory,
} from './processors/value-transformer.ts'
export type {
  HostInfo,
  InstanceMetadata,
  KeyMetadata,
  KeyMetadataOptions,
  KeyQueryMetadata,
  LagInfo,
  StreamsMetadata,
} from './query/cluster-metadata.ts'
export type { LiveStore, StoreListener } from './query/live-store.ts'
export { type Offsets, Position, PositionBound } from './query/position.ts'
export type { InteractiveQueries, StoreInfo, StoreQuery } from './query/queries.ts'
export * from './query/state-queries.ts'
export { type FailureReason, type QueryResult, type StateQueryRequest, StateQueryResult } from './query/state-query.ts'
export type { StoreChange, StoreRow } from './query/store-rows.ts'
export type { WaitOptions } from './query/wait-for-bound.ts'
export { Change, type RecordMetadata, StreamRecord, Windowed } from './record.ts'
export type {
  CloseOptions,
  StandbyTaskInfo,
  StoreRestore,
  TaskInfo,
  ThreadMetadata,
} from './runtime/client/client-info.ts'
export type { ClientState } from './runtime/client/client-state.ts'
export type { ErrorOptions, UncaughtExceptionResponse } from './runtime/client/error-settings.ts'
export { KafkaStreams, type StateListener } from './runtime/client/kafka-streams.ts'
export type { StateOptions } from './runtime/client/state-settings.ts'
export type { ProcessingGuarantee, StreamsOptions } from './runtime/client/streams-config.ts'
export type { TopologyCheck } from './runtime/deployment/check-deployment.ts'
export type { StreamsMetric } from './runtime/metrics/streams-metrics.ts'
export type { StandbyUpdateEvent, StandbyUpdateListener, SuspendReason } from './runtime/standby/standby-listener.ts'
export type { RestoreEvent, StateRestoreListener } from './runtime/state/restore-listener.ts'
export {
  type ProgressStream,
  type RestoreProgressBarOptions,
  restoreProgressBar,
} from './runtime/state/restore-progress-bar.ts'
export type { InputOffsets } from './runtime/thread/managed-task.ts'
export type { TestInputTopic, TestOutputTopic, TestRecord } from './testing/test-topics.ts'
export { TopologyTestDriver, type TopologyTestDriverOptions } from './testing/topology-test-driver.ts'
export {
  type LoadTopologyOptions,
  loadTopology,
  type StreamsHandlers,
  type TopologyFactory,
  type TopologyWithHandlers,
} from './threads/topology-module.ts'
export { type SinkOptions, type SourceOptions, Topology, type TopologyOptions } from './topology.ts'
export { type NodeDescription, type SubtopologyDescription, TopologyDescription } from './topology-description.ts'
export type { OffsetReset, StreamPartitioner, TimestampExtractor, TopicNameExtractor } from './topology-nodes.ts'
export type * from './tracing.ts'
