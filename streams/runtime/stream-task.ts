import { type Awaitable, eachInOrder } from '../../common/awaitable.ts'
import type { Clock } from '../../common/clock.ts'
import type { Logger } from '../../common/log.ts'
import type { TopicPartition } from '../../common/record.ts'
import type { FetchedBatch, LogRecord, OffsetCommit } from '../../kafka/port.ts'
import type { StateStore } from '../../stores/state-store.ts'
import type { Cancellable, DropReason, PunctuationType, Punctuator } from '../processors/processor.ts'
import type { StreamRecord } from '../record.ts'
import type { Subtopology } from '../subtopologies.ts'
import { parentsOf, type SourceNode } from '../topology-nodes.ts'
import { type Application, partitionOf } from './application.ts'
import { type LagOf, PartitionGroup } from './partition-group.ts'
import { decodePartitionTime, encodePartitionTime } from './partition-metadata.ts'
import { PunctuationQueue } from './punctuation.ts'
import type { RecordCollector } from './record-collector.ts'
import { type DeserializationExceptionHandler, RecordQueue } from './record-queue.ts'
import { type NodeHost, ProcessorTaskNode, SinkTaskNode, type TaskNode } from './task-nodes.ts'
import type { TaskStores } from './task-stores.ts'

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
  readonly onDeserializationError: DeserializationExceptionHandler
  readonly onDropped: OnDropped
  readonly onUnblocked: () => void
}

/** The sub-topology at work on one partition: takes records one by one, in time order, and runs them through its nodes. */
export class StreamTask implements NodeHost {
  readonly taskId: string
  readonly applicationId: string
  readonly collector: RecordCollector
  readonly stores: TaskStores
  readonly log: Logger
  readonly recordCacheMaxBytes: number
  readonly emitIntervalMs: number
  readonly #options: StreamTaskOptions
  readonly #group: PartitionGroup
  readonly #sources: ReadonlyMap<RecordQueue, readonly TaskNode[]>
  readonly #processors: readonly ProcessorTaskNode[]
  readonly #streamTimePunctuations = new PunctuationQueue()
  readonly #wallClockPunctuations = new PunctuationQueue()
  readonly #flushes: (() => Awaitable<void>)[] = []
  readonly #nowMs: () => number
  #at: { topic: string; partition: number; offset: number } | undefined
  #commitRequested = false
  #commitNeeded = false

  constructor(options: StreamTaskOptions) {
    this.#options = options
    this.taskId = options.taskId
    this.applicationId = options.application.id
    this.collector = options.collector
    this.stores = options.stores
    this.recordCacheMaxBytes = options.recordCacheMaxBytes
    this.emitIntervalMs = options.emitIntervalMs ?? DEFAULT_EMIT_INTERVAL_MS
    this.log = options.log.child({ taskId: options.taskId })
    this.#nowMs = () => options.clock.nowMs()
    const subtopology = options.application.subtopologyOf(options.taskId)
    const { sources, processors } = buildNodes(subtopology, this)
    this.#processors = processors
    const queues = this.#makeQueues(subtopology)
    this.#group = new PartitionGroup([...queues.keys()], options.lagOf, options.maxTaskIdleMs)
    this.#sources = new Map([...queues].map(([queue, source]) => [queue, sources.get(source.name) ?? []]))
  }

  /** Calls `init` of every processor, parents first: stores are restored by now. */
  start(): void {
    for (const processor of this.#processors) processor.init()
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

  bufferedOf(topic: string, partition: number): number {
    return this.#group.queue(topic, partition)?.size ?? 0
  }

  add(batch: FetchedBatch): void {
    this.#group.queue(batch.topic, batch.partition)?.add(batch)
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
    queue.partitionTimeMs = decodePartitionTime(metadata)
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
    return this.#group.queues.map((queue) => ({
      topic: queue.topic,
      partition: queue.partition,
      offset: queue.positionOffset,
      metadata: encodePartitionTime(queue.partitionTimeMs),
    }))
  }

  /** Processes up to `limit` records; gives how many. A promise only while some processor waits. */
  process(limit: number): Awaitable<number> {
    return this.#process(limit, 0)
  }

  #process(limit: number, done: number): Awaitable<number> {
    let count = done
    while (count < limit) {
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
    if (record.timestampMs > this.#group.streamTimeMs) this.#group.streamTimeMs = record.timestampMs
    this.#at = { topic: queue.topic, partition: queue.partition, offset }
    const children = this.#sources.get(queue) as readonly TaskNode[]
    const pending =
      children.length === 1
        ? (children[0] as TaskNode).process(record)
        : eachInOrder(children, (child) => child.process(record))
    if (pending instanceof Promise) return pending.then(() => this.#finish(queue))
    this.#finish(queue)
  }

  #finish(queue: RecordQueue): void {
    this.#at = undefined
    queue.take()
  }

  /** Runs what is due on stream time and, when asked, on the wall clock. */
  punctuate(wallClock: boolean): Awaitable<boolean> {
    const run = (nodeName: string, punctuator: Punctuator, timestampMs: number): Awaitable<void> => {
      this.#commitNeeded = true
      return this.#punctuateNode(nodeName, punctuator, timestampMs)
    }
    const streamTime = this.#group.streamTimeMs
    const first = streamTime >= 0 ? this.#streamTimePunctuations.punctuate(streamTime, run) : false
    if (!wallClock) return first
    const second = (called: boolean): Awaitable<boolean> => {
      const rest = this.#wallClockPunctuations.punctuate(this.#nowMs(), run)
      return rest instanceof Promise ? rest.then((more) => more || called) : rest || called
    }
    return first instanceof Promise ? first.then(second) : second(first)
  }

  get nextWallClockPunctuationMs(): number {
    return this.#wallClockPunctuations.nextDueMs
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
  }

  /** Closes processors; stores are closed by the owner. */
  close(): void {
    for (const processor of this.#processors) processor.close()
  }

  // What nodes ask of the task.

  store(name: string): StateStore | undefined {
    return this.stores.get(name)
  }

  globalStore(name: string): StateStore | undefined {
    return this.#options.globalStore(name)
  }

  topicName(name: string): string {
    return this.#options.application.topicName(name)
  }

  schedule(nodeName: string, intervalMs: number, type: PunctuationType, punctuator: Punctuator): Cancellable {
    return type === 'stream-time'
      ? this.#streamTimePunctuations.schedule(nodeName, intervalMs, 0, punctuator)
      : this.#wallClockPunctuations.schedule(nodeName, intervalMs, this.#nowMs() + intervalMs, punctuator)
  }

  requestCommit(): void {
    this.#commitRequested = true
  }

  recordMetadata(): { topic: string; partition: number; offset: number } | undefined {
    return this.#at
  }

  streamTimeMs(): number {
    return this.#group.streamTimeMs
  }

  systemTimeMs(): number {
    return this.#nowMs()
  }

  onCommit(flush: () => Awaitable<void>): void {
    this.#flushes.push(flush)
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
        onDeserializationError: this.#options.onDeserializationError,
        onUnblocked: this.#options.onUnblocked,
        onDrop: (reason, raw) => this.#dropUnread(source.name, reason, raw, topic, partition),
      })
      queues.set(queue, source)
    }
    return queues
  }

  #dropUnread(nodeName: string, reason: DropReason, raw: LogRecord, topic: string, partition: number): void {
    this.#commitNeeded = true
    this.#options.onDropped(this.taskId, nodeName, reason)
    this.log.warn(
      { node: nodeName, reason, topic, partition, offset: raw.offset },
      'record dropped before it was processed',
    )
  }
}

export function taskPartition(task: StreamTask): number {
  return partitionOf(task.taskId)
}

function buildNodes(
  subtopology: Subtopology,
  host: NodeHost,
): { sources: ReadonlyMap<string, readonly TaskNode[]>; processors: readonly ProcessorTaskNode[] } {
  const children = new Map<string, TaskNode[]>(subtopology.nodes.map((n) => [n.name, []]))
  const processors: ProcessorTaskNode[] = []
  for (const node of subtopology.nodes) {
    if (node.kind === 'source') continue
    const taskNode = node.kind === 'sink' ? new SinkTaskNode(node, host) : new ProcessorTaskNode(node, host)
    if (taskNode instanceof ProcessorTaskNode) processors.push(taskNode)
    for (const parent of parentsOf(node)) children.get(parent)?.push(taskNode)
  }
  for (const processor of processors) processor.setChildren(children.get(processor.name) ?? [])
  const sources = new Map(
    subtopology.nodes.filter((n) => n.kind === 'source').map((n) => [n.name, children.get(n.name) ?? []]),
  )
  return { sources, processors }
}
