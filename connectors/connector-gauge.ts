import type { Metrics } from '../common/metrics.ts'

type Readers = Map<string, () => number>

const exposed = new WeakMap<Metrics, Map<string, Readers>>()

/** A gauge with the label `connector` that several connectors of a process have; `read` is asked when somebody looks. */
export function connectorGauge(
  metrics: Metrics,
  name: string,
  help: string,
  connector: string,
  read: () => number,
): void {
  const gauges = exposed.get(metrics) ?? new Map<string, Readers>()
  exposed.set(metrics, gauges)
  const known = gauges.get(name)
  const readers = known ?? new Map<string, () => number>()
  gauges.set(name, readers)
  readers.set(connector, read)
  if (known) return
  metrics.gauge(name, help, ['connector'], (set) => {
    for (const [one, value] of readers) set(value(), { connector: one })
  })
}
