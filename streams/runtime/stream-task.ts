import { type Awaitable, chain, eachInOrder } from '../../common/awaitable.ts'
import type { Clock } from '../../common/clock.ts'
import type { Logger } from '../../common/log.ts'
import type { TopicPartition } from '../../common/record.ts'
import type { FetchedBatch, LogRecord, OffsetCommit } from '../../kafka/port.ts'
import type { StateStore } from '../../stores/state-store.ts'
import type { ErrorHandlers } from '../error-handlers.ts'
import type { Cancellable, DropReason, PunctuationType, Punctuator, ScheduleOptions } from '../processors/processor.ts'
import type { TaskWork } from '../processors/task-work.ts'
import { dueStoreOf, dueWork, type TimedWork } from '../processors/timed-work.ts'
import type { RecordMetadata, StreamRecord } from '../record.ts'
import type { Subtopology } from '../subtopologies.ts'
import type { SourceNode } from '../topology-nodes.ts'
import { type Application, partitionOf } from './application.ts'
import { forwardDropped, unreadRecord } from './dropped-children.ts'
import { type LagOf, PartitionGroup } from './partition-group.ts'
import { decodePartitionMetadata, encodePartitionMetadata, mergeProcessorMetadata } from './partition-metadata.ts'
import { firstDue, PunctuationQueue } from './punctuation.ts'
import type { RecordCollector } from './record-collector.ts'
import { RecordQueue } from './record-queue.ts'
import { SourceRecord } from './source-record.ts'
import { errorsOfTask, type TaskErrors } from './task-errors.ts'
import { buildNodes } from './task-graph.ts'
import { type MailOwner, TaskMailbox } from './task-mailbox.ts'
import type { NodeHost, ProcessorTaskNode, TaskNode } from './task-nodes.ts'
import { type Reached, TaskPosition } from './task-position.ts'
import type { TaskStores } from './task-stores.ts'
import { TimedWorks } from './timed-works.ts'
import { verified } from './verified-stores.ts'

const DEFAULT_EMIT_INTERVAL_MS = 1_000

export type OnDropped = (taskId: string, nodeName: string, reason: DropReason) => void

export interface StreamTaskOptions {
  readonly taskId: string
  readonly application: Application
  readonly inputs: readonly TopicPartition[]
  readonly stores: TaskStores
  readonly globalStore: (name: string) => StateStore | undefined
  readonly collector: RecordCollector
  readonly lagOf: LagOf
  readonly clock: Clock
  readonly log: Logger
  readonly maxTaskIdleMs: number
  readonly recordCacheMaxBytes: number
  /** Default 1 s, as Kafka Streams' internal default. */
  readonly emitIntervalMs?: number
  readonly errorHandlers: ErrorHandlers
  readonly deadLetterTopic: string | undefined
  /** Stores tell at the put what they cannot write (default no: at the commit, which costs less). */
  readonly verifiesPuts?: boolean
  readonly onDropped: OnDropped
  readonly onUnblocked: () => void
  /** Something is to be done between records; called from outside of the task's turns. */
  readonly onMail?: () => void
}

/** The sub-topology at work on one partition: takes records one by one, in time order, and runs them through its nodes. */
export class StreamTask implements NodeHost {
  readonly taskId: string
  readonly applicationId: string
  readonly collector: RecordCollector
  readonly errors: TaskErrors
  readonly stores: TaskStores
  readonly log: Logger
  readonly recordCacheMaxBytes: number
  readonly emitIntervalMs: number
  readonly #options: StreamTaskOptions
  readonly #group: PartitionGroup
  readonly #sources: ReadonlyMap<RecordQueue, readonly TaskNode[]>
  readonly #processors: readonly ProcessorTaskNode[]
  /** Nodes that take what a source drops. */
  readonly #takersOfSource: ReadonlyMap<string, readonly TaskNode[]>
  readonly #streamTimePunctuations = new PunctuationQueue()
  readonly #wallClockPunctuations = new PunctuationQueue()
  readonly #timedWorks = new TimedWorks()
  readonly #flushes: (() => Awaitable<void>)[] = []
  readonly #nowMs: () => number
  readonly #processorMetadata = new Map<string, number>()
  readonly #metadataSources = new Map<string, () => number>()
  #at: RecordMetadata | undefined
  readonly #mailbox: TaskMailbox
  readonly #position: TaskPosition
  /** Stream time as of the last commit before this run: it counts from the first record on, and so never goes back. */
  #resumedMs = -1
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
    this.errors = errorsOfTask(options, this.log)
    this.#nowMs = () => options.clock.nowMs()
    this.#mailbox = new TaskMailbox(this.#nowMs, options.onMail ?? (() => {}))
    const subtopology = options.application.subtopologyOf(options.taskId)
    this.#position = new TaskPosition(subtopology)
    const { sources, processors, takersOfSource } = buildNodes(subtopology, this)
    this.#processors = processors
    this.#takersOfSource = takersOfSource
    const queues = this.#makeQueues(subtopology)
    this.#group = new PartitionGroup([...queues.keys()], options.lagOf, options.maxTaskIdleMs)
    this.#sources = new Map([...queues].map(([queue, source]) => [queue, sources.get(source.name) ?? []]))
  }

  /** Calls `init` of every processor, parents first: stores are restored by now. */
  start(): void {
    this.#markCommitted()
    for (const processor of this.#processors) processor.init()
    for (const name of this.stores.names) {
      const store = dueStoreOf(this.stores.get(name))
      if (store !== undefined && !this.#timedWorks.isTaken(name))
        this.#timedWorks.add(
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
    const queue = this.#group.queue(topic, partition)
    if (queue === undefined) return
    queue.clear()
    queue.startAt(offset)
    const { partitionTimeMs, processors } = decodePartitionMetadata(metadata)
    queue.partitionTimeMs = partitionTimeMs
    this.#resumedMs = Math.max(this.#resumedMs, partitionTimeMs)
    mergeProcessorMetadata(this.#processorMetadata, processors)
  }

  /** Forgets what is buffered; the position stays. */
  clearBuffers(): void {
    for (const queue of this.#group.queues) {
      const position = queue.positionOffset
      queue.clear()
      queue.startAt(position)
    }
  }

  /** The offset of the next record of each input. */
  positions(): readonly OffsetCommit[] {
    for (const [key, read] of this.#metadataSources) {
      const value = read()
      if (value >= 0) this.#processorMetadata.set(key, value)
    }
    return this.#group.queues.map((queue) => ({
      topic: queue.topic,
      partition: queue.partition,
      offset: queue.positionOffset,
      metadata: encodePartitionMetadata(queue.partitionTimeMs, this.#processorMetadata),
    }))
  }

  #markCommitted(): void {
    for (const queue of this.#group.queues) queue.committedOffset = queue.positionOffset
  }

  /** Per input, the offset after the last record that is processed. */
  processedOffsets(): Reached {
    return new Map(this.#group.queues.map((queue) => [queue.topic, queue.positionOffset]))
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
      const queue = this.#group.next(this.#nowMs)
      if (queue === undefined) break
      const pending = this.#processHead(queue)
      count++
      if (pending instanceof Promise) {
        const sofar = count
        return pending.then(() => this.#process(limit, sofar))
      }
    }
    return count
  }

  #processHead(queue: RecordQueue): Awaitable<void> {
    const record = queue.head as StreamRecord<unknown, unknown>
    const offset = queue.headOffset
    this.#commitNeeded = true
    const reachedMs = Math.max(record.timestampMs, this.#resumedMs)
    if (reachedMs > this.#group.streamTimeMs) this.#group.streamTimeMs = reachedMs
    const { streamTimeMs } = this.#group
    if (this.#timedWorks.nextDueMs('stream-time') > streamTimeMs) return this.#processRecord(queue, record, offset)
    return chain(this.#timedWorks.run('stream-time', streamTimeMs), () => this.#processRecord(queue, record, offset))
  }

  #processRecord(queue: RecordQueue, record: StreamRecord<unknown, unknown>, offset: number): Awaitable<void> {
    this.#at = new SourceRecord(queue.topic, queue.partition, offset, queue.headBytes)
    const children = this.#sources.get(queue) as readonly TaskNode[]
    const pending =
      children.length === 1
        ? (children[0] as TaskNode).process(record)
        : eachInOrder(children, (child) => child.process(record))
    if (pending instanceof Promise) return pending.then(() => this.#finish(queue))
    this.#finish(queue)
  }

  #finish(queue: RecordQueue): void {
    if (this.#at instanceof SourceRecord) this.#at.done()
    this.#at = undefined
    queue.take()
  }

  /** Runs what is due on stream time and, when asked, on the wall clock. */
  punctuate(wallClock: boolean): Awaitable<boolean> {
    if (!wallClock && this.#nextStreamTimeMs > this.#group.streamTimeMs) return false
    const run = (nodeName: string, punctuator: Punctuator, timestampMs: number): Awaitable<void> => {
      this.#commitNeeded = true
      return this.#punctuateNode(nodeName, punctuator, timestampMs)
    }
    const streamTime = this.#group.streamTimeMs
    const first = chain(this.#runTimedWorks('stream-time', streamTime), (timed) => {
      if (streamTime < 0) return timed
      return chain(this.#streamTimePunctuations.punctuate(streamTime, run), (called) => called || timed)
    })
    if (!wallClock) return first
    const second = (called: boolean): Awaitable<boolean> => {
      const timed = this.#runTimedWorks('wall-clock-time', this.#nowMs())
      const rest = chain(timed, () => this.#wallClockPunctuations.punctuate(this.#nowMs(), run))
      return rest instanceof Promise ? rest.then((more) => more || called) : rest || called
    }
    const called = first instanceof Promise ? first.then(second) : second(first)
    return chain(called, (any) => chain(this.runMail(), (more) => any || more))
  }

  /** When something is due next that waits for stream time. */
  get #nextStreamTimeMs(): number {
    return Math.min(this.#streamTimePunctuations.nextDueMs, this.#timedWorks.nextDueMs('stream-time'))
  }

  /** When something is due next that waits for the wall clock. */
  get nextWallClockPunctuationMs(): number {
    const timedMs = this.#timedWorks.nextDueMs('wall-clock-time')
    return Math.min(this.#wallClockPunctuations.nextDueMs, this.#mailbox.nextDueMs, timedMs)
  }

  #runTimedWorks(type: PunctuationType, nowMs: number): Awaitable<boolean> {
    if (this.#timedWorks.nextDueMs(type) > nowMs) return false
    this.#commitNeeded = true
    return this.#timedWorks.run(type, nowMs)
  }

  #punctuateNode(nodeName: string, punctuator: Punctuator, timestampMs: number): Awaitable<void> {
    const node = this.#processors.find((p) => p.name === nodeName)
    return node?.punctuate(punctuator, timestampMs)
  }

  /** Commit, step 1: operators that hold results back until the commit forward them now, upstream ones first. */
  flush(): Awaitable<void> {
    return eachInOrder(this.#flushes, (flush) => flush())
  }

  /** The commit went through. */
  afterCommit(): void {
    this.#commitNeeded = false
    this.#commitRequested = false
    this.#draining = false
    this.#markCommitted()
  }

  /** How far what is read of a store has got: per input, the offset after the last record that is in it. */
  reachedBy(store: string, committedOnly: boolean): Reached {
    this.#position.committed(new Map(this.#group.queues.map((queue) => [queue.topic, queue.committedOffset])))
    return this.#position.reachedBy(store, committedOnly, this.processedOffsets(), this.settled)
  }

  /** Closes processors, which give up what they have begun; stores are closed by the owner. */
  close(): void {
    this.#mailbox.close()
    for (const processor of this.#processors) processor.close()
  }

  // What nodes ask of the task.

  store(name: string): StateStore | undefined {
    const store = this.stores.get(name)
    if (store === undefined || !this.#options.verifiesPuts) return store
    const { application } = this.#options
    return verified(store, { ...application.storeBuilder(name), changelogTopic: application.changelogTopic(name) })
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
    const onStreamTime = type === 'stream-time'
    const nowMs = onStreamTime ? this.#group.streamTimeMs : this.#nowMs()
    const first = firstDue(nodeName, intervalMs, options?.startMs, nowMs) ?? (onStreamTime ? 0 : nowMs + intervalMs)
    const queue = onStreamTime ? this.#streamTimePunctuations : this.#wallClockPunctuations
    return queue.schedule(nodeName, intervalMs, first, punctuator)
  }

  onTime(nodeName: string, work: TimedWork, store: string | undefined): void {
    this.#timedWorks.add(nodeName, work, store)
  }

  requestCommit(): void {
    this.#commitRequested = true
  }

  recordMetadata(): RecordMetadata | undefined {
    return this.#at
  }

  withRecordMetadata(metadata: RecordMetadata | undefined, run: () => Awaitable<void>): Awaitable<void> {
    const before = this.#at
    const restore = (): void => {
      this.#at = before
    }
    this.#at = metadata
    let pending: Awaitable<void>
    try {
      pending = run()
    } catch (error) {
      restore()
      throw error
    }
    if (pending instanceof Promise) return pending.finally(restore)
    restore()
  }

  processorMetadata(key: string): number | undefined {
    return this.#processorMetadata.get(key)
  }

  keepProcessorMetadata(key: string, value: number | (() => number)): void {
    if (typeof value === 'number') this.#processorMetadata.set(key, value)
    else this.#metadataSources.set(key, value)
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
    this.#options.onDropped(this.taskId, nodeName, reason)
    this.log.debug({ node: nodeName, reason, ...this.#at, timestampMs: record?.timestampMs }, 'record dropped')
  }

  #makeQueues(subtopology: Subtopology): Map<RecordQueue, SourceNode> {
    const sourceOf = this.#options.application.inputs(subtopology)
    const queues = new Map<RecordQueue, SourceNode>()
    for (const { topic, partition } of this.#options.inputs) {
      const source = sourceOf.get(topic) as SourceNode
      const queue = new RecordQueue(source, topic, partition, {
        onUnreadable: (raw, error) => this.errors.unread(source.name, topic, partition, raw, error),
        onUnblocked: this.#options.onUnblocked,
        onDrop: (reason, raw, _topic, _partition, error) =>
          this.#dropUnread(source.name, reason, raw, { topic, partition, offset: raw.offset }, error),
      })
      queues.set(queue, source)
    }
    return queues
  }

  #dropUnread(
    node: string,
    reason: DropReason,
    raw: LogRecord,
    origin: RecordMetadata,
    error: Error | undefined,
  ): void {
    this.#commitNeeded = true
    this.#options.onDropped(this.taskId, node, reason)
    this.log.warn({ node, reason, ...origin }, 'record dropped before it was processed')
    const takers = this.#takersOfSource.get(node)
    if (takers === undefined) return
    const record = unreadRecord(raw, this.#group.streamTimeMs)
    const details = error === undefined ? undefined : { error }
    const job = (): Awaitable<void> => forwardDropped(takers, this, node, record, reason, details)
    this.#mailbox.post({ owner: { run: (run) => run() }, origin, job })
  }
}

export function taskPartition(task: StreamTask): number {
  return partitionOf(task.taskId)
}
