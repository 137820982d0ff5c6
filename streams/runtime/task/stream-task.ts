import { type Awaitable, chain, eachInOrder } from '../../../common/awaitable.ts'
import type { Logger } from '../../../common/log.ts'
import type { Headers, TopicPartition } from '../../../common/record.ts'
import type { FetchedBatch, LogRecord, OffsetCommit } from '../../../kafka/port.ts'
import type { StateStore } from '../../../stores/state-store.ts'
import type { TaskWork } from '../../processors/async/task-work.ts'
import type {
  Cancellable,
  DropReason,
  PunctuationType,
  Punctuator,
  ScheduleOptions,
} from '../../processors/processor.ts'
import { dueStoreOf, dueWork, type TimedWork } from '../../processors/times/timed-work.ts'
import type { RecordMetadata, StreamRecord } from '../../record.ts'
import type { Stat } from '../metrics/sensors.ts'
import { TaskMetrics } from '../metrics/task-metrics.ts'
import { OperatorStores } from '../state/operator-stores.ts'
import type { TaskStores } from '../state/task-stores.ts'
import { TaskTracing } from '../tracing/task-tracing.ts'
import { forwardingUnread } from './dropped-children.ts'
import { InputPositions } from './input-positions.ts'
import { recordFields } from './log-fields.ts'
import { PartitionGroup } from './partition-group.ts'
import type { RecordCollector } from './record-collector.ts'
import type { QueueOffsets, RecordQueue } from './record-queue.ts'
import { SourceRecord } from './source-record.ts'
import type { OnDropped, StreamTaskOptions } from './stream-task-options.ts'
import { errorsOfTask, type TaskErrors } from './task-errors.ts'
import { buildNodes } from './task-graph.ts'
import { makeQueues } from './task-inputs.ts'
import { type MailOwner, TaskMailbox } from './task-mailbox.ts'
import { type NodeHost, type ProcessorTaskNode, processByEach, type TaskNode } from './task-nodes.ts'
import { type Reached, TaskPosition } from './task-position.ts'
import { TaskTimes } from './task-times.ts'

const DEFAULT_EMIT_INTERVAL_MS = 1_000
/** The clock is read for so many records at a time: a power of two. */
const CLOCK_RECORDS = 64

/** What an input feeds. */
interface Feed {
  readonly children: readonly TaskNode[]
  /** How old its records are. */
  readonly latency: Stat
}

/** The sub-topology at work on one partition: takes records one by one, in time order, and runs them through its nodes. */
export class StreamTask implements NodeHost {
  readonly taskId: string
  readonly applicationId: string
  readonly collector: RecordCollector
  readonly errors: TaskErrors
  readonly metrics: TaskMetrics
  readonly tracing: TaskTracing | undefined
  readonly stores: TaskStores
  readonly log: Logger
  readonly recordCacheMaxBytes: number
  readonly emitIntervalMs: number
  readonly #options: StreamTaskOptions
  readonly #group: PartitionGroup
  readonly #feeds: ReadonlyMap<RecordQueue, Feed>
  readonly #onDropped: OnDropped
  /** Spans are made of records, or their times are taken. */
  readonly #isObserved: boolean
  readonly #operatorStores: OperatorStores
  readonly #processors: readonly ProcessorTaskNode[]
  /** Nodes that take what a source drops. */
  readonly #takersOfSource: ReadonlyMap<string, readonly TaskNode[]>
  readonly #times: TaskTimes
  readonly #flushes: (() => Awaitable<void>)[] = []
  readonly #nowMs: () => number
  #at: RecordMetadata | undefined
  readonly #mailbox: TaskMailbox
  readonly #position: TaskPosition
  readonly #inputs: InputPositions
  #commitRequested = false
  #commitNeeded = false
  #draining = false

  constructor(options: StreamTaskOptions) {
    this.#options = options
    this.taskId = options.taskId
    this.applicationId = options.application.id
    this.collector = options.collector
    this.stores = options.stores
    this.recordCacheMaxBytes = options.recordCacheMaxBytes
    this.emitIntervalMs = options.emitIntervalMs ?? DEFAULT_EMIT_INTERVAL_MS
    this.log = options.log.child({ taskId: options.taskId })
    const metrics = options.metrics ?? TaskMetrics.none(options.taskId)
    this.metrics = metrics
    this.tracing = options.tracing && new TaskTracing(options.tracing, this)
    this.#isObserved = this.tracing !== undefined || metrics.processLatency !== undefined
    this.#onDropped = (taskId, node, reason) => {
      metrics.dropped(node, reason)
      options.onDropped?.(taskId, node, reason)
    }
    this.errors = errorsOfTask({ ...options, onDropped: this.#onDropped }, this.log)
    this.#nowMs = () => options.clock.nowMs()
    this.#mailbox = new TaskMailbox(this.#nowMs, options.onMail ?? (() => {}))
    this.#times = new TaskTimes(
      (nodeName, punctuator, timestampMs) => this.#punctuateNode(nodeName, punctuator, timestampMs),
      () => {
        this.#commitNeeded = true
      },
    )
    this.#operatorStores = new OperatorStores(options, this.tracing)
    const subtopology = options.application.subtopologyOf(options.taskId)
    this.#position = new TaskPosition(subtopology)
    const { sources, processors, takersOfSource } = buildNodes(subtopology, this)
    this.#processors = processors
    this.#takersOfSource = takersOfSource
    const queues = makeQueues(subtopology, options, {
      onUnreadable: (node, { topic, partition }, raw, error) => this.errors.unread(node, topic, partition, raw, error),
      onDrop: (node, origin, raw, reason, error) => this.#dropUnread(node, reason, raw, origin, error),
    })
    this.#group = new PartitionGroup([...queues.keys()], options.lagOf, options.maxTaskIdleMs)
    this.#inputs = new InputPositions(this.#group)
    this.#feeds = new Map(
      [...queues].map(([queue, { name }]) => [
        queue,
        { children: sources.get(name) ?? [], latency: metrics.source(name, queue.topic, queue.consumed) },
      ]),
    )
    metrics.observe({
      ...options,
      buffered: () => this.buffered,
      uncommittedEntries: () => this.stores.dirtyEntries,
      enforcedProcessing: () => this.#group.enforced,
    })
  }

  /** Calls `init` of every processor, parents first: stores are restored by now. */
  start(): void {
    this.#inputs.committed()
    for (const processor of this.#processors) processor.init()
    for (const name of this.stores.names) {
      const store = dueStoreOf(this.stores.get(name))
      if (store !== undefined && !this.#times.isTaken(name))
        this.#times.add(
          name,
          dueWork(store, () => {}),
          name,
        )
    }
  }

  get inputs(): readonly TopicPartition[] {
    return this.#options.inputs
  }

  /** Something was processed since the last commit. */
  get commitNeeded(): boolean {
    return this.#commitNeeded
  }

  /** A processor asked for a commit. */
  get commitRequested(): boolean {
    return this.#commitRequested
  }

  get buffered(): number {
    return this.#group.buffered
  }

  /** Nothing that was begun is unfinished: the task can be committed. */
  get settled(): boolean {
    return this.#mailbox.isSettled
  }

  /** Results came in and wait for the next turn. */
  get hasMail(): boolean {
    return this.#mailbox.hasMail
  }

  /** Promises of operators that have not settled yet. */
  get outside(): number {
    return this.#mailbox.outside
  }

  /** Takes no record until it has been committed. */
  get draining(): boolean {
    return this.#draining
  }

  drain(): void {
    this.#draining = true
  }

  /** Runs what waits for a turn between records; true when there was something. */
  runMail(): Awaitable<boolean> {
    return this.#mailbox.run((origin, job) => {
      this.#commitNeeded = true
      this.metrics.nowMs = this.#nowMs()
      return this.withRecordMetadata(origin, job)
    })
  }

  /** Resolves when there is mail, or after `withinMs` of real time. */
  mailArrival(withinMs: number): Promise<void> {
    return this.#mailbox.arrival(withinMs)
  }

  bufferedOf(topic: string, partition: number): number {
    return this.#group.queue(topic, partition)?.size ?? 0
  }

  add(batch: FetchedBatch): void {
    this.#group.queue(batch.topic, batch.partition)?.add(batch)
  }

  /** The longest wait of an input for a schema, if one waits. */
  get blockage(): RecordQueue['blockage'] {
    return this.#group.blockage
  }

  /** Goes on with heads that waited for a schema. */
  retryBlocked(): void {
    for (const queue of this.#group.queues) queue.retryHead()
  }

  /** Where to go on reading each input, after the offsets that are committed (or a reset policy's). */
  startAt(topic: string, partition: number, offset: number, metadata?: string): void {
    this.#inputs.startAt(topic, partition, offset, metadata)
  }

  /** Forgets what is buffered; the position stays. */
  clearBuffers(): void {
    this.#inputs.clearBuffers()
  }

  /** The offset of the next record of each input. */
  positions(): readonly OffsetCommit[] {
    return this.#inputs.toCommit()
  }

  inputOffsets(): readonly QueueOffsets[] {
    return this.#inputs.offsets()
  }

  /** Processes up to `limit` records, after what waits for a turn; gives how many. A promise only while some processor waits. */
  process(limit: number): Awaitable<number> {
    const mail = this.runMail()
    return mail instanceof Promise ? mail.then(() => this.#process(limit, 0)) : this.#process(limit, 0)
  }

  #process(limit: number, done: number): Awaitable<number> {
    let count = done
    while (count < limit) {
      if (this.#mailbox.hasMail) {
        const mail = this.runMail()
        const sofar = count
        if (mail instanceof Promise) return mail.then(() => this.#process(limit, sofar))
      }
      if (this.#draining || this.#mailbox.isFull) break
      if ((count & (CLOCK_RECORDS - 1)) === 0) this.metrics.nowMs = this.#nowMs()
      const queue = this.#group.next(this.#nowMs)
      if (queue === undefined) break
      const pending = this.#processHead(queue)
      count++
      if (pending instanceof Promise) {
        const sofar = count
        return pending.then(() => {
          this.metrics.nowMs = this.#nowMs()
          return this.#process(limit, sofar)
        })
      }
    }
    return count
  }

  #processHead(queue: RecordQueue): Awaitable<void> {
    const record = queue.head as StreamRecord<unknown, unknown>
    const offset = queue.headOffset
    this.#commitNeeded = true
    const reachedMs = Math.max(record.timestampMs, this.#inputs.resumedMs)
    if (reachedMs > this.#group.streamTimeMs) this.#group.streamTimeMs = reachedMs
    const { streamTimeMs } = this.#group
    this.metrics.lateness?.record(streamTimeMs - record.timestampMs)
    if (this.#times.nextStreamTimeWorkMs > streamTimeMs) return this.#processRecord(queue, record, offset)
    return chain(this.#times.workOnStreamTime(streamTimeMs), () => this.#processRecord(queue, record, offset))
  }

  #processRecord(queue: RecordQueue, record: StreamRecord<unknown, unknown>, offset: number): Awaitable<void> {
    const at = new SourceRecord(queue.topic, queue.partition, offset, queue.headBytes)
    this.#at = at
    const feed = this.#feeds.get(queue) as Feed
    feed.latency.record(this.metrics.nowMs - record.timestampMs)
    return this.#isObserved ? this.#observeRecord(queue, record, at, feed) : this.#runRecord(queue, record, feed)
  }

  /** A function of its own, since closures would cost each record that nobody observes. */
  #observeRecord(
    queue: RecordQueue,
    record: StreamRecord<unknown, unknown>,
    at: SourceRecord,
    feed: Feed,
  ): Awaitable<void> {
    const { tracing, metrics } = this
    const run = (own: StreamRecord<unknown, unknown>): Awaitable<void> =>
      metrics.processing(own.timestampMs, () => this.#runRecord(queue, own, feed))
    return tracing === undefined ? run(record) : tracing.process(record, at, run)
  }

  #runRecord(queue: RecordQueue, record: StreamRecord<unknown, unknown>, { children }: Feed): Awaitable<void> {
    const pending = children.length === 1 ? (children[0] as TaskNode).process(record) : processByEach(children, record)
    if (pending instanceof Promise) return this.#finishAfter(pending, queue)
    this.#finish(queue)
  }

  #finishAfter(pending: Promise<void>, queue: RecordQueue): Promise<void> {
    return pending.then(() => this.#finish(queue))
  }

  #finish(queue: RecordQueue): void {
    if (this.#at instanceof SourceRecord) this.#at.done()
    this.#at = undefined
    queue.take()
  }

  /** Runs what is due on stream time and, when asked, on the wall clock; true when something was. */
  punctuate(wallClock: boolean): Awaitable<boolean> {
    if (!wallClock) return this.#times.onStreamTime(this.#group.streamTimeMs)
    const timed = chain(this.#times.onStreamTime(this.#group.streamTimeMs), (first) =>
      chain(this.#times.onWallClock(this.#nowMs()), (second) => first || second),
    )
    return chain(timed, (any) => chain(this.runMail(), (more) => any || more))
  }

  /** When something is due next that waits for the wall clock. */
  get nextWallClockPunctuationMs(): number {
    return Math.min(this.#times.nextWallClockMs, this.#mailbox.nextDueMs)
  }

  #punctuateNode(nodeName: string, punctuator: Punctuator, timestampMs: number): Awaitable<void> {
    const node = this.#processors.find((p) => p.name === nodeName)
    this.#commitNeeded = true
    this.metrics.nowMs = this.#nowMs()
    return this.metrics.punctuating(() => node?.punctuate(punctuator, timestampMs))
  }

  /** Commit, step 1: operators that hold results back until the commit forward them now, upstream ones first. */
  flush(): Awaitable<void> {
    this.metrics.nowMs = this.#nowMs()
    return eachInOrder(this.#flushes, (flush) => flush())
  }

  /** The commit went through. */
  afterCommit(): void {
    this.#commitNeeded = false
    this.#commitRequested = false
    this.#draining = false
    this.#inputs.committed()
  }

  /** The store may lack some of what is processed until it is committed. */
  isHeldBack(store: string): boolean {
    return !this.settled || this.#position.isHeldBack(store)
  }

  /** How far what is read of a store has got: per input, the offset after the last record that is in it. */
  reachedBy(store: string, committedOnly: boolean): Reached {
    return this.#inputs.reached(committedOnly || this.isHeldBack(store))
  }

  /** Closes processors, which give up what they have begun; stores are closed by the owner. */
  close(): void {
    this.#mailbox.close()
    for (const processor of this.#processors) processor.close()
  }

  // What nodes ask of the task.

  store(name: string): StateStore | undefined {
    return this.#operatorStores.get(name)
  }

  globalStore(name: string): StateStore | undefined {
    return this.#options.globalStore(name)
  }

  topicName(name: string): string {
    return this.#options.application.topicName(name)
  }

  schedule(
    nodeName: string,
    intervalMs: number,
    type: PunctuationType,
    punctuator: Punctuator,
    options: ScheduleOptions | undefined,
  ): Cancellable {
    const nowMs = type === 'stream-time' ? this.#group.streamTimeMs : this.#nowMs()
    return this.#times.schedule(nodeName, { intervalMs, type, punctuator, startMs: options?.startMs, nowMs })
  }

  onTime(nodeName: string, work: TimedWork, store: string | undefined): void {
    this.#times.add(nodeName, work, store)
  }

  requestCommit(): void {
    this.#commitRequested = true
  }

  recordMetadata(): RecordMetadata | undefined {
    return this.#at
  }

  withRecordMetadata(
    metadata: RecordMetadata | undefined,
    run: () => Awaitable<void>,
    headers?: Headers,
  ): Awaitable<void> {
    const { tracing } = this
    const before = this.#at
    const restore = (): void => {
      this.#at = before
    }
    this.#at = metadata
    let pending: Awaitable<void>
    try {
      pending = tracing === undefined || metadata === before ? run() : tracing.resume(metadata, headers, run)
    } catch (error) {
      restore()
      throw error
    }
    if (pending instanceof Promise) return pending.finally(restore)
    restore()
  }

  processorMetadata(key: string): number | undefined {
    return this.#inputs.metadata.get(key)
  }

  keepProcessorMetadata(key: string, value: number | (() => number)): void {
    this.#inputs.metadata.keep(key, value)
  }

  streamTimeMs(): number {
    return this.#group.streamTimeMs
  }

  systemTimeMs(): number {
    return this.#nowMs()
  }

  onCommit(flush: () => Awaitable<void>, nodeName: string): void {
    this.#flushes.push(flush)
    this.#position.holdsBack(nodeName)
  }

  workOf(node: MailOwner): TaskWork {
    return this.#mailbox.workOf(node)
  }

  drop(nodeName: string, record: StreamRecord<unknown, unknown> | undefined, reason: DropReason): void {
    this.#onDropped(this.taskId, nodeName, reason)
    const fields = { node: nodeName, reason, timestampMs: record?.timestampMs }
    this.log.debug({ ...fields, ...recordFields(this.#at, record?.headers) }, 'record dropped')
  }

  #dropUnread(
    node: string,
    reason: DropReason,
    raw: LogRecord,
    origin: RecordMetadata,
    error: Error | undefined,
  ): void {
    this.#commitNeeded = true
    this.#onDropped(this.taskId, node, reason)
    this.log.warn({ node, reason, ...recordFields(origin, raw.headers) }, 'record dropped before it was processed')
    const takers = this.#takersOfSource.get(node)
    if (takers === undefined) return
    const job = forwardingUnread(takers, this, node, raw, reason, error)
    this.#mailbox.post({ owner: { run: (run) => run() }, origin, job })
  }
}
