import { type Awaitable, eachInOrder } from '../../../common/awaitable.ts'
import { asError } from '../../../common/errors.ts'
import type { Logger } from '../../../common/log.ts'
import type { Headers } from '../../../common/record.ts'
import type { DueEntry, StateStore } from '../../../stores/state-store.ts'
import type { DropDetails } from '../../dropped-record.ts'
import { TopologyError } from '../../errors.ts'
import type { TaskWork } from '../../processors/async/task-work.ts'
import type { NodeMetrics } from '../../processors/node-metrics.ts'
import type {
  Cancellable,
  DropReason,
  Processor,
  ProcessorContext,
  PunctuationType,
  Punctuator,
  ScheduleOptions,
} from '../../processors/processor.ts'
import { onDue, type TimedWork } from '../../processors/times/timed-work.ts'
import { type Timer, Timers } from '../../processors/times/timers.ts'
import type { RecordMetadata, StreamRecord } from '../../record.ts'
import type { ProcessorNode, SinkNode } from '../../topology-nodes.ts'
import type { Stat } from '../metrics/sensors.ts'
import type { TaskMetrics } from '../metrics/task-metrics.ts'
import type { TaskTracing } from '../tracing/task-tracing.ts'
import { forwardDropped } from './dropped-children.ts'
import { type RecordCollector, type SendTarget, SerializationFailedError } from './record-collector.ts'
import type { TaskErrors } from './task-errors.ts'
import type { MailOwner } from './task-mailbox.ts'

/** What nodes ask of the task they run in. */
export interface NodeHost {
  readonly taskId: string
  readonly applicationId: string
  readonly log: Logger
  readonly recordCacheMaxBytes: number
  readonly emitIntervalMs: number
  readonly collector: RecordCollector
  readonly errors: TaskErrors
  readonly metrics: TaskMetrics
  /** `undefined`: no spans are made. */
  readonly tracing: TaskTracing | undefined
  store(name: string): StateStore | undefined
  /** A store that every node may read without being connected to it. */
  globalStore(name: string): StateStore | undefined
  schedule(
    nodeName: string,
    intervalMs: number,
    type: PunctuationType,
    punctuator: Punctuator,
    options: ScheduleOptions | undefined,
  ): Cancellable
  onTime(nodeName: string, work: TimedWork, store: string | undefined): void
  requestCommit(): void
  recordMetadata(): RecordMetadata | undefined
  /** Runs something with another record's metadata. `headers`: of what is sent. */
  withRecordMetadata(
    metadata: RecordMetadata | undefined,
    run: () => Awaitable<void>,
    headers?: Headers,
  ): Awaitable<void>
  processorMetadata(key: string): number | undefined
  keepProcessorMetadata(key: string, value: number | (() => number)): void
  streamTimeMs(): number
  systemTimeMs(): number
  drop(nodeName: string, record: StreamRecord<unknown, unknown> | undefined, reason: DropReason): void
  onCommit(flush: () => Awaitable<void>, nodeName: string): void
  workOf(node: MailOwner): TaskWork
  /** The topic of a sink, decorated with the application id where Brook owns it. */
  topicName(name: string): string
}

/** Something that a record can be handed to. */
export interface TaskNode {
  readonly name: string
  /** It takes what its parents drop. */
  readonly takesDropped: boolean
  process(record: StreamRecord<unknown, unknown>): Awaitable<void>
}

/** Hands a record to these, one after the other. */
export function processByEach(nodes: readonly TaskNode[], record: StreamRecord<unknown, unknown>): Awaitable<void> {
  return eachInOrder(nodes, (node) => node.process(record))
}

/** A processor in its task, and the context that it sees. */
export class ProcessorTaskNode implements TaskNode, ProcessorContext {
  readonly name: string
  readonly takesDropped: boolean
  readonly #node: ProcessorNode
  readonly #host: NodeHost
  readonly #processor: Processor
  readonly #closers: (() => void)[] = []
  #children: readonly TaskNode[] = []
  #only: TaskNode | undefined
  #takers: readonly TaskNode[] = []
  /** How old records are where they end. */
  #latency: Stat | undefined
  #metrics: NodeMetrics | undefined
  #work: TaskWork | undefined

  constructor(node: ProcessorNode, host: NodeHost) {
    this.name = node.name
    this.takesDropped = node.takesDropped ?? false
    this.#node = node
    this.#host = host
    this.#processor = node.supplier()
  }

  setChildren(children: readonly TaskNode[]): void {
    this.#children = children.filter((child) => !child.takesDropped)
    this.#only = this.#children.length === 1 ? this.#children[0] : undefined
    this.#takers = children.filter((child) => child.takesDropped)
    if (children.length === 0) this.#latency = this.#host.metrics.terminal(this.name)
  }

  init(): void {
    this.#processor.init?.(this)
  }

  close(): void {
    this.#processor.close?.()
    for (const close of this.#closers) close()
  }

  process(record: StreamRecord<unknown, unknown>): Awaitable<void> {
    this.#latency?.record(this.#host.metrics.nowMs - record.timestampMs)
    try {
      const pending = this.#processor.process(record)
      if (pending instanceof Promise) return this.#caught(pending, record)
    } catch (error) {
      return this.#failed(error, record)
    }
  }

  /** Closures are made in functions of their own: they cost every call of the one that they are in. */
  #caught(pending: Promise<void>, record: StreamRecord<unknown, unknown>): Promise<void> {
    return pending.catch((error) => this.#failed(error, record))
  }

  /** Calls a punctuator of this node. */
  punctuate(punctuator: Punctuator, timestampMs: number): Awaitable<void> {
    const { tracing } = this.#host
    const job = (): Awaitable<void> => punctuator(timestampMs)
    return this.run(tracing === undefined ? job : () => tracing.punctuate(this.name, job))
  }

  /** Calls something of this node; what it throws is asked about as what `process` throws. */
  run(job: () => Awaitable<void>): Awaitable<void> {
    try {
      const pending = job()
      if (pending instanceof Promise) return pending.catch((error) => this.#failed(error, undefined))
    } catch (error) {
      return this.#failed(error, undefined)
    }
  }

  get taskId(): string {
    return this.#host.taskId
  }

  get applicationId(): string {
    return this.#host.applicationId
  }

  get nodeName(): string {
    return this.name
  }

  get log(): Logger {
    return this.#host.log
  }

  get metrics(): NodeMetrics {
    this.#metrics ??= this.#host.metrics.node(this.name)
    return this.#metrics
  }

  get recordCacheMaxBytes(): number {
    return this.#host.recordCacheMaxBytes
  }

  get emitIntervalMs(): number {
    return this.#host.emitIntervalMs
  }

  forward(record: StreamRecord<unknown, unknown>, childName?: string): Awaitable<void> {
    if (childName !== undefined) return this.#child(childName).process(record)
    const only = this.#only
    if (only !== undefined) return only.process(record)
    return processByEach(this.#children, record)
  }

  forwardAs(record: StreamRecord<unknown, unknown>, origin: RecordMetadata | undefined): Awaitable<void> {
    return this.#host.withRecordMetadata(origin, () => this.forward(record), record.headers)
  }

  getStateStore<S extends StateStore>(name: string): S {
    const store = this.#node.stores.has(name) ? this.#host.store(name) : this.#host.globalStore(name)
    if (store === undefined)
      throw new TopologyError(
        `store ${name}, asked for by ${this.name}, is not connected to it: it has ${[...this.#node.stores].join(', ') || 'none'}`,
      )
    return store as S
  }

  schedule(intervalMs: number, type: PunctuationType, punctuator: Punctuator, options?: ScheduleOptions): Cancellable {
    return this.#host.schedule(this.name, intervalMs, type, punctuator, options)
  }

  timers<K>(store: string, onTimer: (timer: Timer<K>) => Awaitable<void>): Timers<K> {
    return new Timers(this, store, onTimer)
  }

  onExpired<K, V>(store: string, handle: (row: DueEntry<K, V>) => Awaitable<void>): void {
    onDue(this, store, handle)
  }

  onTime(work: TimedWork, store?: string): void {
    this.#host.onTime(
      this.name,
      {
        type: work.type,
        get nextDueMs() {
          return work.nextDueMs
        },
        run: (nowMs) => this.punctuate((ms) => work.run(ms), nowMs),
      },
      store,
    )
  }

  commit(): void {
    this.#host.requestCommit()
  }

  recordMetadata(): RecordMetadata | undefined {
    return this.#host.recordMetadata()
  }

  processorMetadata(key: string): number | undefined {
    return this.#host.processorMetadata(key)
  }

  keepProcessorMetadata(key: string, value: number | (() => number)): void {
    this.#host.keepProcessorMetadata(key, value)
  }

  currentStreamTimeMs(): number {
    return this.#host.streamTimeMs()
  }

  currentSystemTimeMs(): number {
    return this.#host.systemTimeMs()
  }

  drop(record: StreamRecord<unknown, unknown> | undefined, reason: DropReason, details?: DropDetails): Awaitable<void> {
    this.#host.drop(this.name, record, reason)
    if (this.#takers.length > 0 && record !== undefined)
      return forwardDropped(this.#takers, this.#host, this.name, record, reason, details)
  }

  onCommit(flush: () => Awaitable<void>): void {
    this.#host.onCommit(flush, this.name)
  }

  onClose(close: () => void): void {
    this.#closers.push(close)
  }

  get work(): TaskWork {
    this.#work ??= this.#host.workOf(this)
    return this.#work
  }

  #child(name: string): TaskNode {
    const child = this.#children.find((c) => c.name === name)
    if (child === undefined)
      throw new TopologyError(
        `${this.name} forwards to ${name}, which is not its child: it has ${this.#children.map((c) => c.name).join(', ') || 'none'}`,
      )
    return child
  }

  /** The handler lets things go on without the record, or this throws. */
  #failed(thrown: unknown, record: StreamRecord<unknown, unknown> | undefined): Awaitable<void> {
    const host = this.#host
    host.tracing?.failed(thrown)
    host.errors.processing(this.name, record, host.recordMetadata(), host.systemTimeMs(), thrown)
    return this.drop(record, 'processing-error', { error: asError(thrown) })
  }
}

/** Where records leave the topology. */
export class SinkTaskNode implements TaskNode {
  readonly name: string
  readonly takesDropped = false
  readonly #node: SinkNode
  readonly #host: NodeHost
  /** Of a sink that always writes to the same topic. */
  readonly #target: SendTarget | undefined
  #takers: readonly TaskNode[] = []
  readonly #latency: Stat

  constructor(node: SinkNode, host: NodeHost) {
    const { name, topic, keySerde, valueSerde, partitioner } = node
    this.name = name
    this.#node = node
    this.#host = host
    this.#latency = host.metrics.terminal(name)
    if (typeof topic !== 'string') return
    const target = host.topicName(topic)
    const produced = host.metrics.produced(name, target)
    this.#target = { node: name, topic: target, keySerde, valueSerde, partitioner, produced }
  }

  setChildren(children: readonly TaskNode[]): void {
    this.#takers = children
  }

  process(record: StreamRecord<unknown, unknown>): Awaitable<void> {
    const host = this.#host
    this.#latency.record(host.metrics.nowMs - record.timestampMs)
    try {
      const at = host.recordMetadata()
      const written = host.tracing === undefined ? record : host.tracing.written(record)
      const sent = host.collector.sendRecord(this.#target ?? this.#targetOf(record, at), written, at)
      if (sent === true) return
      if (sent === false) return this.#drop(record, undefined)
      return this.#settled(sent, record)
    } catch (error) {
      return this.#failed(error, record)
    }
  }

  #settled(sent: Promise<boolean>, record: StreamRecord<unknown, unknown>): Promise<void> {
    return sent.then(
      (wasSent) => (wasSent ? undefined : this.#drop(record, undefined)),
      (error) => this.#failed(error, record),
    )
  }

  #targetOf(record: StreamRecord<unknown, unknown>, at: RecordMetadata | undefined): SendTarget {
    const { topic, keySerde, valueSerde, partitioner } = this.#node
    const chosen = typeof topic === 'string' ? this.#host.topicName(topic) : topic(record.key, record.value, at)
    const produced = this.#host.metrics.produced(this.name, chosen)
    return { node: this.name, topic: chosen, keySerde, valueSerde, partitioner, produced }
  }

  /** The handlers let things go on without the record, or this throws. */
  #failed(thrown: unknown, record: StreamRecord<unknown, unknown>): Awaitable<void> {
    const host = this.#host
    host.tracing?.failed(thrown)
    const at = host.recordMetadata()
    if (thrown instanceof SerializationFailedError) {
      const { origin, topic, error } = thrown
      host.errors.serialization(this.name, record, at, { topic, origin }, error)
      return this.#drop(record, error)
    }
    host.errors.processing(this.name, record, at, host.systemTimeMs(), thrown)
    return this.#drop(record, asError(thrown), 'processing-error')
  }

  #drop(
    record: StreamRecord<unknown, unknown>,
    error: Error | undefined,
    reason: DropReason = 'production-error',
  ): Awaitable<void> {
    this.#host.drop(this.name, record, reason)
    return forwardDropped(this.#takers, this.#host, this.name, record, reason, error && { error })
  }
}
