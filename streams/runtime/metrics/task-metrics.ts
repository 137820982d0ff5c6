import { type Awaitable, chain } from '../../../common/awaitable.ts'
import type { StoreBuilder } from '../../../stores/store-builder.ts'
import type { Counted, NodeMetrics, Recorder, SensorOptions } from '../../processors/node-metrics.ts'
import type { DropReason } from '../../processors/processor.ts'
import { customSensor } from './custom-sensor.ts'
import { rocksdbMetrics } from './rocksdb-metrics.ts'
import { Stat } from './sensors.ts'
import { StoreMetrics } from './store-metrics.ts'
import { type MetricScope, type MetricTags, StreamsMetrics } from './streams-metrics.ts'
import type { ThreadMetrics } from './thread-metrics.ts'

/** Records and their bytes. */
export interface Traffic {
  records: number
  bytes: number
}

export interface TaskMetricsOptions {
  readonly registry: StreamsMetrics
  readonly threadName: string
  readonly taskId: string
  /** How much of the thread's processing takes this part of it. */
  readonly shareOfProcessing?: (part: Stat) => number
  readonly onPunctuated?: (ms: number) => void
}

/** What the metrics of a task are asked of the task that runs. */
export interface ObservedTask {
  readonly buffered: () => number
  readonly uncommittedEntries: () => number
  readonly enforcedProcessing: () => number
  readonly inputs: readonly { readonly topic: string; readonly partition: number }[]
  readonly lagOf: (topic: string, partition: number) => number | undefined
}

/**
 * The metrics of a task with its nodes, topics and stores. At level INFO a record costs a few fields: the time that it is measured by is
 * taken once for many ({@link TaskMetrics.nowMs}).
 * @see org.apache.kafka.streams.processor.internals.metrics.TaskMetrics, ProcessorNodeMetrics, TopicMetrics
 */
export class TaskMetrics {
  /** The wall clock, as of a moment ago. */
  nowMs = 0
  /** Time of the record that is processed; kept from level DEBUG on. */
  recordMs = 0
  /** Time that the thread has spent on processing this task, in ms. */
  readonly processTime: Stat
  /** Kept from level DEBUG on: the first two in ns, lateness in ms. */
  readonly processLatency: Stat | undefined
  readonly punctuateLatency: Stat | undefined
  readonly lateness: Stat | undefined
  readonly isTrace: boolean
  readonly #options: TaskMetricsOptions
  readonly #task: MetricScope
  readonly #scopes: MetricScope[] = []
  readonly #stops: (() => void)[] = []
  readonly #sources = new Map<string, Stat>()
  readonly #produced = new Map<string, Traffic>()
  readonly #dropped = new Map<string, Counted>()
  readonly #expired = new Map<string, Counted>()
  readonly #stores = new Map<string, StoreMetrics>()
  readonly #toRestore = new Map<string, number>()
  #restored = 0
  #updated = 0

  constructor(options: TaskMetricsOptions) {
    const { registry } = options
    this.#options = options
    this.isTrace = registry.records('TRACE')
    this.#task = this.#scope('stream-task-metrics')
    this.processTime = this.#task.sample(new Stat())
    this.#task.value('restore-remaining-records-total', () => this.#remaining())
    this.#task.throughput('restore', () => this.#restored)
    this.#task.throughput('update', () => this.#updated)
    if (!registry.records('DEBUG')) return
    this.processLatency = new Stat()
    this.lateness = new Stat()
    this.#task.stat('process-latency', this.processLatency)
    this.#task.stat('record-lateness', this.lateness)
    this.punctuateLatency = this.#task.calls('punctuate')
  }

  /** Metrics that nobody reads. */
  static none(taskId: string): TaskMetrics {
    return new TaskMetrics({ registry: new StreamsMetrics({ level: 'INFO' }), threadName: '', taskId })
  }

  get taskId(): string {
    return this.#options.taskId
  }

  /** Tells of a task that runs. */
  observe({ buffered, uncommittedEntries, enforcedProcessing, inputs, lagOf }: ObservedTask): void {
    const { shareOfProcessing, registry, threadName } = this.#options
    const task = this.#task
    if (shareOfProcessing !== undefined) task.value('active-process-ratio', () => shareOfProcessing(this.processTime))
    task.value('active-buffer-count', buffered)
    task.value('uncommitted-entries', uncommittedEntries)
    task.throughput('enforced-processing', enforcedProcessing)
    task.throughput('process', () => {
      let total = 0
      for (const source of this.#sources.values()) total += source.total
      return total
    })
    const consumer = registry.scope('consumer-fetch-manager-metrics', { 'client-id': `${threadName}-consumer` })
    this.#scopes.push(consumer)
    for (const { topic, partition } of inputs)
      consumer.value('records-lag', () => lagOf(topic, partition), { topic, partition: String(partition) })
  }

  /** Tells of the database of the task, for as long as there is one. */
  observeDatabase(property: (name: string) => Promise<number | undefined>): void {
    const { registry, threadName, taskId } = this.#options
    const tags = { 'thread-id': threadName, 'task-id': taskId }
    this.#stops.push(registry.addSource(() => rocksdbMetrics(property, tags)))
  }

  /** Tells of a standby copy: `lagOf` answers per changelog topic. */
  observeCopy(
    changelogs: readonly { readonly topic: string; readonly partition: number }[],
    lagOf: (topic: string) => number | undefined,
  ): void {
    const { registry, threadName } = this.#options
    const consumer = registry.scope('consumer-fetch-manager-metrics', {
      'client-id': `${threadName}-restore-consumer`,
    })
    this.#scopes.push(consumer)
    for (const { topic, partition } of changelogs)
      consumer.value('records-lag', () => lagOf(topic), { topic, partition: String(partition) })
    this.#task.value('update-remaining-records-total', () => {
      let sum = 0
      for (const { topic } of changelogs) {
        const lag = lagOf(topic)
        if (lag === undefined) return undefined
        sum += lag
      }
      return sum
    })
  }

  /** What a source has read of a topic. */
  source(node: string, topic: string, consumed: Readonly<Traffic>): Stat {
    const scope = this.#scope('stream-topic-metrics', { 'processor-node-id': node, topic })
    scope.value('records-consumed-total', () => consumed.records)
    scope.value('bytes-consumed-total', () => consumed.bytes)
    const known = this.#sources.get(node)
    if (known !== undefined) return known
    const latency = new Stat()
    this.#sources.set(node, latency)
    const nodeScope = this.#endToEnd(node, latency)
    nodeScope.throughput('process', () => latency.total)
    return latency
  }

  /** For nodes without children: takes, per record, `nowMs` less its time. */
  terminal(node: string): Stat {
    const latency = new Stat()
    this.#endToEnd(node, latency)
    return latency
  }

  /** To be counted up with what is acknowledged. */
  produced(node: string, topic: string): Traffic {
    const id = `${topic}\n${node}`
    const known = this.#produced.get(id)
    if (known !== undefined) return known
    const traffic = { records: 0, bytes: 0 }
    this.#produced.set(id, traffic)
    const scope = this.#scope('stream-topic-metrics', { 'processor-node-id': node, topic })
    scope.value('records-produced-total', () => traffic.records)
    scope.value('bytes-produced-total', () => traffic.bytes)
    return traffic
  }

  /** What the operator of a node tells of itself. */
  node(node: string): NodeMetrics {
    const scopeOf = (): MetricScope => this.#scope('stream-processor-node-metrics', { 'processor-node-id': node })
    return {
      counted: (name) => {
        const counted = { count: 0 }
        scopeOf().throughput(name, () => counted.count)
        return counted
      },
      latency: (name): Recorder | undefined => {
        if (!this.#options.registry.records('DEBUG')) return undefined
        const stat = new Stat()
        scopeOf().stat(`${name}-latency`, stat)
        return stat
      },
      addRateTotalSensor: (options) => this.#custom(options, false),
      addLatencyRateTotalSensor: (options) => this.#custom(options, true),
    }
  }

  /** Processes a record of this time. */
  processing(recordMs: number, run: () => Awaitable<void>): Awaitable<void> {
    const latency = this.processLatency
    if (latency === undefined) return run()
    this.recordMs = recordMs
    const startedMs = performance.now()
    return chain(run(), () => latency.record((performance.now() - startedMs) * 1e6))
  }

  /** Runs a punctuation. */
  punctuating(run: () => Awaitable<void>): Awaitable<void> {
    const startedMs = performance.now()
    return chain(run(), () => {
      const ms = performance.now() - startedMs
      this.punctuateLatency?.record(ms * 1e6)
      this.#options.onPunctuated?.(ms)
    })
  }

  dropped(node: string, reason: DropReason): void {
    const counted = this.#counted(this.#dropped, `${node}\n${reason}`, (one) =>
      this.#scope('stream-task-metrics').throughput('dropped-records', one, { 'processor-node-id': node, reason }),
    )
    counted.count++
  }

  /** A put to a store came after its retention. */
  expired(builder: StoreBuilder): void {
    const counted = this.#counted(this.#expired, builder.name, (one) =>
      this.#storeScope(builder).throughput('expired-window-record-drop', one),
    )
    counted.count++
  }

  /** How many offsets of a changelog are still to be restored. */
  restoring(store: string, remaining: number): void {
    this.#toRestore.set(store, Math.max(0, remaining))
  }

  restored(records: number): void {
    this.#restored += records
  }

  /** A standby copy has taken records in. */
  updated(records: number): void {
    this.#updated += records
  }

  /** Of a store, where its calls are recorded; else `undefined`. */
  store(builder: StoreBuilder): StoreMetrics | undefined {
    if (!this.#options.registry.records('DEBUG')) return undefined
    const known = this.#stores.get(builder.name)
    if (known !== undefined) return known
    const cache = builder.persistent
      ? this.#scope('stream-record-cache-metrics', { 'record-cache-id': builder.name })
      : undefined
    const metrics = new StoreMetrics(builder.type, this.#storeScope(builder), cache, this)
    this.#stores.set(builder.name, metrics)
    return metrics
  }

  /** The task is gone. */
  close(): void {
    for (const scope of this.#scopes) scope.close()
    for (const stop of this.#stops) stop()
  }

  #custom(options: SensorOptions, withLatency: boolean): Recorder {
    const { scope, entity, tags } = options
    const made = this.#scope(`stream-${scope}-metrics`, { [`${scope}-id`]: entity, ...tags })
    return customSensor(made, options, withLatency)
  }

  #counted(known: Map<string, Counted>, id: string, register: (total: () => number) => void): Counted {
    let counted = known.get(id)
    if (counted === undefined) {
      const made = { count: 0 }
      known.set(id, made)
      register(() => made.count)
      counted = made
    }
    return counted
  }

  #storeScope(builder: StoreBuilder): MetricScope {
    return this.#scope('stream-state-metrics', { [`${storeScope(builder)}-state-id`]: builder.name })
  }

  #endToEnd(node: string, latency: Stat): MetricScope {
    const scope = this.#scope('stream-processor-node-metrics', { 'processor-node-id': node })
    scope.stat('record-e2e-latency', latency, true)
    return scope
  }

  #remaining(): number {
    let sum = 0
    for (const remaining of this.#toRestore.values()) sum += remaining
    return sum
  }

  #scope(group: string, tags?: MetricTags): MetricScope {
    const { registry, threadName, taskId } = this.#options
    const scope = registry.scope(group, { 'thread-id': threadName, 'task-id': taskId, ...tags })
    this.#scopes.push(scope)
    return scope
  }
}

/** The kind of a store, as Kafka Streams names it in tags. */
export function storeScope({ type, persistent, maxEntries }: StoreBuilder): string {
  if (type === 'change-buffer') return 'in-memory-suppression'
  if (maxEntries !== undefined) return 'in-memory-lru'
  const kind = type === 'window' || type === 'session' ? `-${type}` : ''
  return `${persistent ? 'rocksdb' : 'in-memory'}${kind}`
}

/** Those of a task of this thread. */
export function taskMetrics(thread: ThreadMetrics, taskId: string): TaskMetrics {
  const { registry, threadName } = thread
  return new TaskMetrics({
    registry,
    threadName,
    taskId,
    shareOfProcessing: (part) => thread.shareOfProcessing(part),
    onPunctuated: (ms) => thread.punctuated(ms),
  })
}
