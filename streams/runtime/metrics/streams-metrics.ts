import { InternalError } from '../../../common/errors.ts'
import { isRecorded, type MetricSpec, metricSpec, type RecordingLevel, STATE_ID } from './metric-catalogue.ts'
import { Rate, SAMPLE_MS, type Sampled, Stat } from './sensors.ts'

/** A metric and what it says now. @see org.apache.kafka.common.Metric */
export interface StreamsMetric {
  /** As in Kafka: `stream-thread-metrics`, `stream-task-metrics`, … */
  readonly group: string
  readonly name: string
  /** `thread-id`, `task-id`, `processor-node-id`, `topic`, `rocksdb-state-id`, … */
  readonly tags: Readonly<Record<string, string>>
  readonly description: string
  readonly level: RecordingLevel
  /** NaN: nothing was recorded in the last 30 to 60 s. */
  readonly value: number | string
}

export type MetricTags = Readonly<Record<string, string>>

type Read = (nowMs: number) => number | string | undefined

interface Entry {
  readonly spec: MetricSpec
  readonly tags: MetricTags
  readonly read: Read
}

/** Gives metrics that are recorded somewhere else. */
export type MetricsSource = () => Promise<readonly StreamsMetric[]>

export interface StreamsMetricsOptions {
  readonly level: RecordingLevel
  /** A clock that never goes back, in ms. */
  readonly nowMs?: () => number
}

/**
 * The metrics of one thread, or of one client: who records keeps plain fields, and is asked only when somebody reads. Samples end with
 * {@link StreamsMetrics.tick}, which the loop of the thread calls: there is no timer.
 * @see org.apache.kafka.streams.processor.internals.metrics.StreamsMetricsImpl
 */
export class StreamsMetrics {
  readonly level: RecordingLevel
  readonly #nowMs: () => number
  readonly #scopes = new Set<MetricScope>()
  readonly #sources = new Set<MetricsSource>()
  #sampleEndsMs: number

  constructor({ level, nowMs = () => performance.now() }: StreamsMetricsOptions) {
    this.level = level
    this.#nowMs = nowMs
    this.#sampleEndsMs = nowMs() + SAMPLE_MS
  }

  /** Whether metrics of this level are recorded at all. */
  records(level: RecordingLevel): boolean {
    return isRecorded(level, this.level)
  }

  /** Room for the metrics of one thing, such as a task: they go together. */
  scope(group: string, tags: MetricTags): MetricScope {
    const scope = new MetricScope(group, tags, this.level, this.#nowMs(), () => this.#scopes.delete(scope))
    this.#scopes.add(scope)
    return scope
  }

  addSource(source: MetricsSource): () => void {
    this.#sources.add(source)
    return () => void this.#sources.delete(source)
  }

  /** Ends the samples whose time is over. */
  tick(nowMs: number): void {
    if (nowMs < this.#sampleEndsMs) return
    // After a long silence the sample before is empty as well.
    const times = nowMs - this.#sampleEndsMs >= SAMPLE_MS ? 2 : 1
    for (const scope of this.#scopes) for (let i = 0; i < times; i++) scope.roll(nowMs)
    this.#sampleEndsMs = nowMs + SAMPLE_MS
  }

  /** What is recorded here, now. */
  own(): readonly StreamsMetric[] {
    const nowMs = this.#nowMs()
    this.tick(nowMs)
    return [...this.#scopes].flatMap((scope) => scope.values(nowMs))
  }

  /** What is recorded here and elsewhere. */
  async all(): Promise<readonly StreamsMetric[]> {
    const elsewhere = await Promise.all([...this.#sources].map((source) => source()))
    return [...this.own(), ...elsewhere.flat()]
  }
}

/** The metrics of one thing. What the recording level leaves out is not kept. */
export class MetricScope {
  readonly #group: string
  readonly #tags: MetricTags
  readonly #level: RecordingLevel
  /** When its first samples began. */
  readonly startMs: number
  readonly #onClose: () => void
  readonly #entries: Entry[] = []
  readonly #sampled = new Set<Sampled>()

  constructor(group: string, tags: MetricTags, level: RecordingLevel, startMs: number, onClose: () => void) {
    this.#group = group
    this.#tags = tags
    this.#level = level
    this.startMs = startMs
    this.#onClose = onClose
  }

  /** `read` is called when somebody asks; `undefined`: there is nothing to tell now. */
  value(name: string, read: Read, extraTags?: MetricTags): boolean {
    const spec = metricSpec(this.#group, name)
    if (spec === undefined) throw new InternalError(`there is no metric ${name} in ${this.#group}`)
    const tags = extraTags === undefined ? this.#tags : { ...this.#tags, ...extraTags }
    const missing = spec.tags.filter((tag) => !(tag in tags) && tag !== STATE_ID)
    if (missing.length > 0) throw new InternalError(`${this.#group} ${name} lacks the tags ${missing.join(', ')}`)
    if (!isRecorded(spec.level, this.#level)) return false
    this.#entries.push({ spec, tags, read })
    return true
  }

  /** A metric that the catalogue does not have: one of the user's. */
  custom(name: string, level: RecordingLevel, description: string, read: Read): void {
    if (!isRecorded(level, this.#level)) return
    const spec = { group: this.#group, name, level, description, kind: 'gauge', tags: [], isOwn: true } as const
    this.#entries.push({ spec, tags: this.#tags, read })
  }

  /** `<name>-rate`. */
  rate(name: string, total: () => number, extraTags?: MetricTags): void {
    const rate = new Rate(total, this.startMs)
    if (this.value(`${name}-rate`, (nowMs) => rate.perSecond(nowMs), extraTags)) this.#sampled.add(rate)
  }

  /** `<name>-rate` and `<name>-total`. */
  throughput(name: string, total: () => number, extraTags?: MetricTags): void {
    this.rate(name, total, extraTags)
    this.value(`${name}-total`, total, extraTags)
  }

  /** `<name>-avg` and `<name>-max`, with `min` `<name>-min` too. */
  stat(name: string, stat: Stat, withMin = false): void {
    const isKept = this.value(`${name}-avg`, () => stat.avg)
    this.value(`${name}-max`, () => stat.max)
    if (withMin) this.value(`${name}-min`, () => stat.min)
    if (isKept) this.#sampled.add(stat)
  }

  /** Rolls a stat that other metrics are made of. */
  sample<S extends Sampled>(sampled: S): S {
    this.#sampled.add(sampled)
    return sampled
  }

  /** `<name>-rate`, `<name>-total` and `<name>-latency-avg`, `-max` of the same stat, which is given. */
  calls(name: string, stat = new Stat()): Stat {
    this.throughput(name, () => stat.total)
    this.stat(`${name}-latency`, stat)
    return stat
  }

  roll(nowMs: number): void {
    for (const sampled of this.#sampled) sampled.roll(nowMs)
  }

  values(nowMs: number): readonly StreamsMetric[] {
    const metrics: StreamsMetric[] = []
    for (const { spec, tags, read } of this.#entries) {
      const value = read(nowMs)
      if (value === undefined) continue
      const { group, name, description, level } = spec
      metrics.push({ group, name, tags, description, level, value })
    }
    return metrics
  }

  /** The thing is gone. */
  close(): void {
    this.#onClose()
  }
}
