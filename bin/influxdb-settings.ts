import { choice, integer, show, text, url } from '../common/config-kinds.ts'
import { isWritable } from '../connectors/influxdb/line-protocol.ts'
import { kafkaNameProblem } from './setting-checks.ts'

/** Settings of the sink that writes readings into InfluxDB. */
export const INFLUXDB_SETTINGS = {
  influxdbUrl: url(['http', 'https'], {
    env: 'BROOK_INFLUXDB_URL',
    doc: 'Where the InfluxDB of the InfluxDB sink is.',
  }),
  influxdbBucket: text({
    env: 'BROOK_INFLUXDB_BUCKET',
    doc: 'The bucket that it writes to; with InfluxDB 1 and 3 the database, or database/retention-policy.',
  }),
  influxdbOrg: text({
    env: 'BROOK_INFLUXDB_ORG',
    doc: 'The organisation that has the bucket: InfluxDB 2 asks for it.',
  }),
  influxdbToken: text({
    env: 'BROOK_INFLUXDB_TOKEN',
    secret: true,
    doc: 'API token that may write to the bucket; with InfluxDB 1 username:password.',
  }),
  influxdbApi: choice(['v1', 'v2'] as const, {
    env: 'BROOK_INFLUXDB_API',
    default: 'v2',
    doc: 'How points are written: v2 is understood by InfluxDB 1.8, 2 and 3, v1 by older ones.',
  }),
  influxdbMeasurement: text({
    env: 'BROOK_INFLUXDB_MEASUREMENT',
    default: 'readings',
    doc: 'The measurement of all points.',
    check: (name) =>
      isWritable(name) && !name.startsWith('#') && !name.startsWith('_')
        ? undefined
        : `must not begin with # or _, have control characters or end with a backslash, got ${show(name)}`,
  }),
  influxdbBatchPoints: integer({
    env: 'BROOK_INFLUXDB_BATCH_POINTS',
    default: 5_000,
    min: 1,
    max: 50_000,
    doc: 'Points in one request to InfluxDB.',
  }),
  influxdbFlushMs: integer({
    env: 'BROOK_INFLUXDB_FLUSH_MS',
    default: 1_000,
    min: 0,
    max: 60_000,
    doc: 'Points wait so many milliseconds at most until a request is full.',
  }),
  influxdbQueuePoints: integer({
    env: 'BROOK_INFLUXDB_QUEUE_POINTS',
    default: 20_000,
    min: 1,
    max: 1_000_000,
    doc: 'Points that may wait in memory before reading pauses.',
  }),
  influxdbGroup: text({
    env: 'BROOK_INFLUXDB_GROUP',
    default: 'brook-sink-influxdb',
    doc: 'Consumer group of the InfluxDB sink: processes of one group share the partitions, another group writes everything anew.',
    check: kafkaNameProblem,
  }),
} as const

/** What the program of the sink alone asks of them. */
export function influxdbProblems(given: {
  influxdbUrl: string | undefined
  influxdbBucket: string | undefined
}): string[] {
  const required = [
    [given.influxdbUrl, 'BROOK_INFLUXDB_URL is required: where InfluxDB is'],
    [given.influxdbBucket, 'BROOK_INFLUXDB_BUCKET is required: the bucket that readings are written to'],
  ] as const
  return required.filter(([value]) => value === undefined).map(([, problem]) => problem)
}
