import { metricSpec, ROCKSDB_PROPERTIES } from './metric-catalogue.ts'
import type { MetricTags, StreamsMetric } from './streams-metrics.ts'

const GROUP = 'stream-state-metrics'

/** What the database of a task tells of itself now; nothing once it is closed. @see org.apache.kafka.streams.state.internals.metrics.RocksDBMetrics */
export async function rocksdbMetrics(
  property: (name: string) => Promise<number | undefined>,
  tags: MetricTags,
): Promise<readonly StreamsMetric[]> {
  const values = await Promise.all(ROCKSDB_PROPERTIES.map((name) => property(name).catch(() => undefined)))
  return ROCKSDB_PROPERTIES.flatMap((name, i) => {
    const value = values[i]
    const spec = metricSpec(GROUP, name)
    if (value === undefined || spec === undefined) return []
    const { description, level } = spec
    return [{ group: GROUP, name, tags: { ...tags, 'rocksdb-state-id': 'all' }, description, level, value }]
  })
}
