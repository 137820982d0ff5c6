import type { Logger } from '../common/log.ts'
import type { Metrics } from '../common/metrics.ts'
import type { Field } from './field.ts'
import { influxdbProblems } from './influxdb-settings.ts'
import type { Platform } from './platform.ts'
import type { BuildingSettings } from './settings.ts'

/** A connector that takes topics elsewhere, in a process of its own. */
export interface Sink {
  readonly name: string
  /** What it alone asks of the settings. */
  problems(settings: BuildingSettings): string[]
  /** Starts it under a supervisor. */
  start(settings: BuildingSettings, platform: Platform, metrics: Metrics, log: Logger): Promise<Field>
}

/** Their libraries are loaded only by the process that needs them. */
export const SINKS: readonly Sink[] = [
  {
    name: 's3',
    problems: ({ s3Bucket }) =>
      s3Bucket === undefined ? ['BROOK_S3_BUCKET is required: the bucket that topics are written to'] : [],
    start: async (...given) => (await import('./s3-sink.ts')).startS3Sink(...given),
  },
  {
    name: 'influxdb',
    problems: influxdbProblems,
    start: async (...given) => (await import('./influxdb-sink.ts')).startInfluxSink(...given),
  },
]
