import { type Awaitable, eachInOrder } from '../../common/awaitable.ts'
import type { Logger } from '../../common/log.ts'
import type { StateStore } from '../../stores/state-store.ts'
import { ProcessingError, TopologyError } from '../errors.ts'
import type {
  Cancellable,
  DropReason,
  Processor,
  ProcessorContext,
  PunctuationType,
  Punctuator,
} from '../processors/processor.ts'
import type { RecordMetadata, StreamRecord } from '../record.ts'
import type { ProcessorNode, SinkNode } from '../topology-nodes.ts'
import type { RecordCollector } from './record-collector.ts'

/** What nodes ask of the task they run in. */
export interface NodeHost {
  readonly taskId: string
  readonly applicationId: string
  readonly log: Logger
  readonly recordCacheMaxBytes: number
  readonly emitIntervalMs: number
  readonly collector: RecordCollector
  store(name: string): StateStore | undefined
  /** A store that every node may read without being connected to it. */
  globalStore(name: string): StateStore | undefined
  schedule(nodeName: string, intervalMs: number, type: PunctuationType, punctuator: Punctuator): Cancellable
  requestCommit(): void
  recordMetadata(): RecordMetadata | undefined
  streamTimeMs(): number
  systemTimeMs(): number
  drop(nodeName: string, record: StreamRecord<unknown, unknown> | undefined, reason: DropReason): void
  onCommit(flush: () => Awaitable<void>): void
  /** The topic of a sink, decorated with the application id where Brook owns it. */
  topicName(name: string): string
}

/** Something that a record can be handed to. */
export interface TaskNode {
  readonly name: string
  process(record: StreamRecord<unknown, unknown>): Awaitable<void>
}

/** A processor in its task, and the context that it sees. */
export class ProcessorTaskNode implements TaskNode, ProcessorContext {
  readonly name: string
  readonly #node: ProcessorNode
  readonly #host: NodeHost
  readonly #processor: Processor
  #children: readonly TaskNode[] = []
  #only: TaskNode | undefined

  constructor(node: ProcessorNode, host: NodeHost) {
    this.name = node.name
    this.#node = node
    this.#host = host
    this.#processor = node.supplier()
  }

  setChildren(children: readonly TaskNode[]): void {
    this.#children = children
    this.#only = children.length === 1 ? children[0] : undefined
  }

  init(): void {
    this.#processor.init?.(this)
  }

  close(): void {
    this.#processor.close?.()
  }

  process(record: StreamRecord<unknown, unknown>): Awaitable<void> {
    try {
      const pending = this.#processor.process(record)
      if (pending instanceof Promise) return pending.catch((error) => this.#fail(error))
    } catch (error) {
      this.#fail(error)
    }
  }

  /** Calls a punctuator of this node; what it throws names the node. */
  punctuate(punctuator: Punctuator, timestampMs: number): Awaitable<void> {
    try {
      const pending = punctuator(timestampMs)
      if (pending instanceof Promise) return pending.catch((error) => this.#fail(error))
    } catch (error) {
      this.#fail(error)
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
    return eachInOrder(this.#children, (child) => child.process(record))
  }

  getStateStore<S extends StateStore>(name: string): S {
    const store = this.#node.stores.has(name) ? this.#host.store(name) : this.#host.globalStore(name)
    if (store === undefined)
      throw new TopologyError(
        `store ${name}, asked for by ${this.name}, is not connected to it: it has ${[...this.#node.stores].join(', ') || 'none'}`,
      )
    return store as S
  }

  schedule(intervalMs: number, type: PunctuationType, punctuator: Punctuator): Cancellable {
    return this.#host.schedule(this.name, intervalMs, type, punctuator)
  }

  commit(): void {
    this.#host.requestCommit()
  }

  recordMetadata(): RecordMetadata | undefined {
    return this.#host.recordMetadata()
  }

  currentStreamTimeMs(): number {
    return this.#host.streamTimeMs()
  }

  currentSystemTimeMs(): number {
    return this.#host.systemTimeMs()
  }

  drop(record: StreamRecord<unknown, unknown> | undefined, reason: DropReason): void {
    this.#host.drop(this.name, record, reason)
  }

  onCommit(flush: () => Awaitable<void>): void {
    this.#host.onCommit(flush)
  }

  #child(name: string): TaskNode {
    const child = this.#children.find((c) => c.name === name)
    if (child === undefined)
      throw new TopologyError(
        `${this.name} forwards to ${name}, which is not its child: it has ${this.#children.map((c) => c.name).join(', ') || 'none'}`,
      )
    return child
  }

  #fail(error: unknown): never {
    if (error instanceof ProcessingError) throw error
    const at = this.#host.recordMetadata()
    throw new ProcessingError(
      this.taskId,
      this.#node.name,
      at ? `${at.topic}-${at.partition}@${at.offset}` : 'a punctuation',
      error,
    )
  }
}

/** Where records leave the topology. */
export class SinkTaskNode implements TaskNode {
  readonly name: string
  readonly #node: SinkNode
  readonly #host: NodeHost
  readonly #topic: string | undefined

  constructor(node: SinkNode, host: NodeHost) {
    this.name = node.name
    this.#node = node
    this.#host = host
    this.#topic = typeof node.topic === 'string' ? host.topicName(node.topic) : undefined
  }

  process(record: StreamRecord<unknown, unknown>): Awaitable<void> {
    const { topic, keySerde, valueSerde, partitioner } = this.#node
    const target =
      this.#topic ?? (topic as Exclude<typeof topic, string>)(record.key, record.value, this.#host.recordMetadata())
    return this.#host.collector.sendRecord(target, record, keySerde, valueSerde, partitioner)
  }
}
