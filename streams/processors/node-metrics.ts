/** Something that an operator counts: one field. */
export interface Counted {
  count: number
}

/** Takes values whose average and largest are told. */
export interface Recorder {
  record(value: number): void
}

/** How much is recorded (`metrics.recording.level`): each level has what is in those before it. */
export type RecordingLevel = 'INFO' | 'DEBUG' | 'TRACE'

/** A metric of your own: in the group `stream-<scope>-metrics`, with the tags `thread-id`, `task-id`, `<scope>-id` (the entity) and yours. */
export interface SensorOptions {
  /** What kind of thing is measured: a part of the group's name, and the name of the entity's tag. */
  readonly scope: string
  /** Which of them. */
  readonly entity: string
  /** What is done with it: the metrics' names begin with it. */
  readonly operation: string
  /** Default INFO. */
  readonly level?: RecordingLevel
  /** Further ones, such as `{ shop: 'one' }`. */
  readonly tags?: Readonly<Record<string, string>>
}

/** What an operator may tell of itself, and processors of yours. Counting costs a field; where times are not recorded, nobody should take them. */
export interface NodeMetrics {
  /** `<name>-total` and `<name>-rate` of the node. */
  counted(name: 'suppression-emit' | 'window-aggregate-final-emit'): Counted
  /** `<name>-latency-avg` and `-max` of the node, in ms; `undefined` below level DEBUG. */
  latency(name: 'window-aggregate-final-emit'): Recorder | undefined
  /** `<operation>-rate` and `<operation>-total`: how often something was recorded. Call it in `init`. @see org.apache.kafka.streams.StreamsMetrics */
  addRateTotalSensor(options: SensorOptions): Recorder
  /** The same, and `<operation>-latency-avg` and `-max` of what was recorded. */
  addLatencyRateTotalSensor(options: SensorOptions): Recorder
}
