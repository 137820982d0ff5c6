import type { MetricFamily, MetricFamilyValue } from '../../../common/metrics.ts'
import { type MetricSpec, metricSpec, STATE_ID } from './metric-catalogue.ts'
import type { MetricTags, StreamsMetric } from './streams-metrics.ts'

const STATE_ID_SUFFIX = '-state-id'

/** The name that Prometheus' JMX exporter gives a metric of Kafka's clients: `kafka_streams_stream_thread_metrics_process_total`. */
export function prometheusName({ group, name }: Pick<MetricSpec, 'group' | 'name'>): string {
  const domain = group.startsWith('consumer-') ? 'kafka_consumer' : 'kafka_streams'
  return `${domain}_${underscored(group)}_${underscored(name)}`
}

/** The labels that a metric has there. The kind of a store, which is a part of its tag, is a label of its own. */
export function prometheusLabels({ tags }: Pick<MetricSpec, 'tags'>): readonly string[] {
  return tags.flatMap((tag) => (tag === STATE_ID ? ['state_id', 'store_type'] : [underscored(tag)]))
}

/** Metrics as Prometheus takes them: numbers only, and of averages and extremes those that something was recorded for. */
export function prometheusFamilies(metrics: readonly StreamsMetric[]): readonly MetricFamily[] {
  const families = new Map<string, MetricFamily & { readonly values: MetricFamilyValue[] }>()
  for (const { group, name, tags, description, value } of metrics) {
    if (typeof value !== 'number' || Number.isNaN(value)) continue
    const full = prometheusName({ group, name })
    let family = families.get(full)
    if (family === undefined) {
      const kind = metricSpec(group, name)?.kind ?? (name.endsWith('-total') ? 'counter' : 'gauge')
      const type = kind === 'counter' ? 'counter' : 'gauge'
      family = { name: full, help: description, type, aggregator: 'sum', values: [] }
      families.set(full, family)
    }
    family.values.push({ value, labels: labelsOf(tags) })
  }
  return [...families.values()]
}

function labelsOf(tags: MetricTags): Readonly<Record<string, string>> {
  const labels: Record<string, string> = {}
  for (const [tag, value] of Object.entries(tags)) {
    if (!tag.endsWith(STATE_ID_SUFFIX)) labels[underscored(tag)] = value
    else {
      labels.state_id = value
      labels.store_type = tag.slice(0, -STATE_ID_SUFFIX.length)
    }
  }
  return labels
}

function underscored(text: string): string {
  return text.replaceAll(/[^a-zA-Z0-9_]/g, '_')
}
