import type { Logger } from '../common/log.ts'
import type { Metrics } from '../common/metrics.ts'
import { InfluxClient } from '../connectors/influxdb/influx-client.ts'
import { InfluxSink } from '../connectors/influxdb/influx-sink.ts'
import { StatusTracker } from '../connectors/status.ts'
import { topics } from '../schemas/topics.ts'
import { type Field, makePublisher } from './field.ts'
import type { Platform } from './platform.ts'
import type { BuildingSettings } from './settings.ts'
import { superviseSink } from './supervised-sink.ts'

/** Starts the InfluxDB sink under a supervisor. */
export function startInfluxSink(settings: BuildingSettings, platform: Platform, metrics: Metrics, log: Logger): Field {
  const status = new StatusTracker('influxdb', { metrics })
  const publisher = makePublisher(platform, status, log)
  const { influxdbUrl, influxdbBucket, influxdbOrg, influxdbToken, influxdbApi } = settings
  const sink = new InfluxSink({
    kafka: platform.kafka,
    topic: topics.readings.name,
    value: platform.value(topics.readings.value),
    groupId: settings.influxdbGroup,
    client: new InfluxClient({
      url: influxdbUrl ?? '',
      bucket: influxdbBucket ?? '',
      api: influxdbApi,
      ...(influxdbOrg === undefined ? {} : { org: influxdbOrg }),
      ...(influxdbToken === undefined ? {} : { token: influxdbToken }),
    }),
    measurement: settings.influxdbMeasurement,
    batchPoints: settings.influxdbBatchPoints,
    flushIntervalMs: settings.influxdbFlushMs,
    maxQueuedPoints: settings.influxdbQueuePoints,
    publisher,
    status,
    logger: log,
  })
  return superviseSink(sink, publisher, log)
}
