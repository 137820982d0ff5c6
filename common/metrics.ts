import { AggregatorRegistry, Counter, Gauge, Histogram, Registry } from 'prom-client'

type Labels = Readonly<Record<string, string | number>>

/** A metric with all its values as plain data, which can be sent to another thread. */
export interface MetricFamily {
  readonly name: string
  readonly help?: string
  /** `counter`, `gauge` or `histogram`. */
  readonly type?: unknown
  readonly aggregator?: string
  readonly values: readonly MetricFamilyValue[]
}

export interface MetricFamilyValue {
  readonly value: number
  readonly labels: Labels
}

/** A family of metrics under one registry; `/metrics` prints it in Prometheus' text form. Names end in their unit. */
export class Metrics {
  readonly registry = new Registry()
  readonly #sources = new Set<() => Promise<readonly MetricFamily[]>>()

  /** Counts up. Ask for the child once (`labels`) and keep it where records are counted one by one; with `collect` totals kept elsewhere are read only when somebody asks. */
  counter(
    name: string,
    help: string,
    labelNames: readonly string[] = [],
    collect?: (total: (value: number, labels?: Labels) => void) => void,
  ): Counter<string> {
    const existing = this.#existing<Counter<string>>(name)
    if (existing) return existing
    return new Counter({
      name,
      help,
      labelNames: [...labelNames],
      registers: [this.registry],
      ...(collect
        ? {
            collect(this: Counter<string>) {
              this.reset()
              collect((value, labels) => this.inc({ ...labels }, value))
            },
          }
        : {}),
    })
  }

  /** A value that goes up and down; with `collect` it is read only when somebody asks. */
  gauge(
    name: string,
    help: string,
    labelNames: readonly string[] = [],
    collect?: (set: (value: number, labels?: Labels) => void) => void,
  ): Gauge<string> {
    const existing = this.#existing<Gauge<string>>(name)
    if (existing) return existing
    return new Gauge({
      name,
      help,
      labelNames: [...labelNames],
      registers: [this.registry],
      ...(collect
        ? {
            collect(this: Gauge<string>) {
              this.reset()
              collect((value, labels) => this.set({ ...labels }, value))
            },
          }
        : {}),
    })
  }

  /** A distribution, in seconds unless the name says otherwise. */
  histogram(
    name: string,
    help: string,
    labelNames: readonly string[] = [],
    buckets?: readonly number[],
  ): Histogram<string> {
    return (
      this.#existing<Histogram<string>>(name) ??
      new Histogram({
        name,
        help,
        labelNames: [...labelNames],
        registers: [this.registry],
        ...(buckets ? { buckets: [...buckets] } : {}),
      })
    )
  }

  /** Prometheus' text exposition. */
  async text(): Promise<string> {
    if (this.#sources.size === 0) return this.registry.metrics()
    const elsewhere = await Promise.all([...this.#sources].map((source) => source()))
    const lists = [await this.families(), ...elsewhere].map((families) => families.map(asSum))
    return AggregatorRegistry.aggregate(lists).metrics()
  }

  /** What is counted here. */
  async families(): Promise<readonly MetricFamily[]> {
    return (await this.registry.getMetricsAsJSON()) as readonly MetricFamily[]
  }

  /** Prints what is counted elsewhere too; the labels must tell it apart. The answer ends that. */
  addSource(source: () => Promise<readonly MetricFamily[]>): () => void {
    this.#sources.add(source)
    return () => void this.#sources.delete(source)
  }

  #existing<M>(name: string): M | undefined {
    return this.registry.getSingleMetric(name) as M | undefined
  }
}

/** Values with the same labels are added up: there are none where each source has a label of its own. */
function asSum(family: MetricFamily): MetricFamily & { aggregator: string } {
  return { ...family, aggregator: 'sum' }
}
