import type { Logger } from '../common/log.ts'
import type { Metrics } from '../common/metrics.ts'
import { S3ObjectStore } from '../connectors/s3/object-store.ts'
import { S3Sink } from '../connectors/s3/s3-sink.ts'
import { StatusTracker } from '../connectors/status.ts'
import { type Field, makePublisher } from './field.ts'
import type { Platform } from './platform.ts'
import type { BuildingSettings } from './settings.ts'
import { superviseSink } from './supervised-sink.ts'

/** Starts the S3 sink under a supervisor. */
export function startS3Sink(settings: BuildingSettings, platform: Platform, metrics: Metrics, log: Logger): Field {
  const status = new StatusTracker('s3', { metrics })
  const publisher = makePublisher(platform, status, log)
  const sink = new S3Sink({
    kafka: platform.kafka,
    registry: platform.registry,
    topics: settings.s3Topics,
    groupId: settings.s3Group,
    createStore: () => new S3ObjectStore(endpointOf(settings)),
    prefix: settings.s3Prefix,
    format: settings.s3Format,
    compression: settings.s3Compression,
    timeZone: settings.s3TimeZone,
    limits: { maxRecords: settings.s3MaxRecords, maxBytes: settings.s3MaxBytes },
    flushIntervalMs: settings.s3FlushSeconds * 1_000,
    maxBufferBytes: settings.s3BufferBytes,
    publisher,
    status,
    metrics,
    logger: log,
  })
  return superviseSink(sink, publisher, log)
}

function endpointOf(settings: BuildingSettings) {
  const { s3Bucket, s3Endpoint, s3Region, s3PathStyle, s3Ca, s3AccessKeyId, s3SecretAccessKey } = settings
  return {
    bucket: s3Bucket ?? '',
    region: s3Region,
    ...(s3Endpoint === undefined ? {} : { endpoint: s3Endpoint }),
    ...(s3PathStyle === undefined ? {} : { pathStyle: s3PathStyle }),
    ...(s3Ca === undefined ? {} : { ca: s3Ca }),
    ...(s3AccessKeyId === undefined || s3SecretAccessKey === undefined
      ? {}
      : { credentials: { accessKeyId: s3AccessKeyId, secretAccessKey: s3SecretAccessKey } }),
  }
}
