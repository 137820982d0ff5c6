import type { Recorder, SensorOptions } from '../../processors/node-metrics.ts'
import { Rate, Stat } from './sensors.ts'
import type { MetricScope } from './streams-metrics.ts'

/** Metrics of the user's, in a scope of their own. @see org.apache.kafka.streams.processor.internals.metrics.StreamsMetricsImpl#addRateTotalSensor */
export function customSensor(
  scope: MetricScope,
  { operation, level = 'INFO' }: SensorOptions,
  withLatency: boolean,
): Recorder {
  const stat = scope.sample(new Stat())
  const rate = scope.sample(new Rate(() => stat.total, scope.startMs))
  scope.custom(`${operation}-rate`, level, `Calls to ${operation}, per second`, (nowMs) => rate.perSecond(nowMs))
  scope.custom(`${operation}-total`, level, `Calls to ${operation}`, () => stat.total)
  if (!withLatency) return stat
  scope.custom(`${operation}-latency-avg`, level, `Average latency of ${operation}`, () => stat.avg)
  scope.custom(`${operation}-latency-max`, level, `Largest latency of ${operation}`, () => stat.max)
  return stat
}
