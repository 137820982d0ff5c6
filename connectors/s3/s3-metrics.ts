import type { Metrics } from '../../common/metrics.ts'
import type { S3SinkStatus } from './s3-sink.ts'

type Metric = readonly [name: string, help: string, read: (status: S3SinkStatus) => number]

const COUNTERS: readonly Metric[] = [
  ['brook_s3_objects_total', 'Objects stored; one that is stored again counts again.', (s) => s.objects],
  ['brook_s3_object_bytes_total', 'Bytes of the objects stored.', (s) => s.objectBytes],
  ['brook_s3_tombstones_total', 'Records without a value, of which there is nothing to store.', (s) => s.tombstones],
]

const GAUGES: readonly Metric[] = [['brook_s3_buffered_bytes', 'Bytes that wait to be stored.', (s) => s.bufferedBytes]]

/** Values are read when somebody asks. */
export function exposeOn(metrics: Metrics, status: () => S3SinkStatus): void {
  for (const [name, help, read] of COUNTERS) metrics.counter(name, help, [], (total) => total(read(status())))
  for (const [name, help, read] of GAUGES) metrics.gauge(name, help, [], (set) => set(read(status())))
}
