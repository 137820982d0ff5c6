import { Counter, Gauge, Histogram, Registry } from 'prom-client'

type Labels = Readonly<Record<string, string | number>>

/** A family of metrics under one registry; `/metrics` prints it in Prometheus' text form. Names end in their unit. */
export class Metrics {
  readonly registry = new Registry()

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
    return this.registry.metrics()
  }

  #existing<M>(name: string): M | undefined {
    return this.registry.getSingleMetric(name) as M | undefined
  }
}
