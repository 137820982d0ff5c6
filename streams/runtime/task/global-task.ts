import { type Awaitable, chain, eachInOrder } from '../../../common/awaitable.ts'
import type { Clock } from '../../../common/clock.ts'
import { InternalError } from '../../../common/errors.ts'
import type { Logger } from '../../../common/log.ts'
import { partitionName } from '../../../common/record.ts'
import type { FetchedBatch } from '../../../kafka/port.ts'
import type { StateStore } from '../../../stores/state-store.ts'
import type { OpenTaskDatabase } from '../../../stores/task-database.ts'
import type { ErrorHandlers } from '../../error-handlers.ts'
import { TopologyError } from '../../errors.ts'
import type { DropReason } from '../../processors/processor.ts'
import type { StreamRecord } from '../../record.ts'
import type { GlobalStore } from '../../topology-nodes.ts'
import type { Application } from '../client/application.ts'
import type { TaskMetrics } from '../metrics/task-metrics.ts'
import { TaskStores } from '../state/task-stores.ts'
import { RecordQueue } from './record-queue.ts'
import { SourceRecord } from './source-record.ts'
import type { OnDropped } from './stream-task-options.ts'
import { TaskErrors } from './task-errors.ts'
import { type NodeHost, ProcessorTaskNode } from './task-nodes.ts'

export const GLOBAL_TASK_ID = 'global'

export interface GlobalTaskOptions {
  readonly application: Application
  readonly openPersistent: OpenTaskDatabase
  readonly openMemory: OpenTaskDatabase
  readonly cacheEntries: number
  readonly clock: Clock
  readonly log: Logger
  readonly errorHandlers: ErrorHandlers
  /** Told to the handlers; there is no task in whose transaction a dead letter could be written, so none is. */
  readonly deadLetterTopic?: string | undefined
  /** Whether the processing handler is asked too (default no: what their processors throw ends the client). */
  readonly handlesProcessing?: boolean
  readonly onDropped?: OnDropped
  readonly metrics: TaskMetrics
}

/**
 * Fills the global stores, all partitions of their topics, in offset order. Their state carries the offsets of the topics,
 * which are their changelogs. No time relation to the streams, no forwarding.
 * @see org.apache.kafka.streams.processor.internals.GlobalStateUpdateTask
 */
export class GlobalTask {
  readonly stores: TaskStores
  readonly #options: GlobalTaskOptions
  readonly #processors = new Map<string, ProcessorTaskNode>()
  readonly #sources: ReadonlyMap<string, GlobalStore>
  readonly #offsets = new Map<string, number>()
  readonly #errors: TaskErrors
  #at: SourceRecord | undefined

  private constructor(options: GlobalTaskOptions, stores: TaskStores) {
    this.#options = options
    const { errorHandlers, handlesProcessing = false, deadLetterTopic, log } = options
    this.#errors = new TaskErrors({
      taskId: GLOBAL_TASK_ID,
      handlers: handlesProcessing ? errorHandlers : { ...errorHandlers, processing: () => 'fail' },
      deadLetterTopic,
      sendDeadLetter: ({ topic: name }) => log.warn({ topic: name }, 'global stores write no dead letters'),
      log: log.child({ taskId: GLOBAL_TASK_ID }),
    })
    this.stores = stores
    const globals = [...options.application.topology.globalStores.values()]
    this.#sources = new Map(globals.map((g) => [g.source.topics[0] as string, g]))
    for (const { processor, source } of globals) {
      const node = new ProcessorTaskNode(processor, this.#host())
      this.#processors.set(source.topics[0] as string, node)
    }
    for (const node of this.#processors.values()) node.init()
  }

  static async open(options: GlobalTaskOptions): Promise<GlobalTask> {
    const globals = [...options.application.topology.globalStores.values()]
    const topicOf = new Map(globals.map((g) => [g.store.name, g.source.topics[0] as string]))
    const stores = await TaskStores.open({
      taskId: GLOBAL_TASK_ID,
      partition: 0,
      builders: globals.map((g) => g.store),
      changelogTopic: (store) => topicOf.get(store) as string,
      serdeTopic: (store) => options.application.changelogTopic(store),
      openPersistent: options.openPersistent,
      openMemory: options.openMemory,
      cacheEntries: options.cacheEntries,
      onExpired: (name) => {
        const global = globals.find(({ store }) => store.name === name)
        if (global !== undefined) options.metrics.expired(global.store)
      },
    })
    try {
      await prepareSerdes(options.application, globals)
    } catch (error) {
      await stores.close()
      throw error
    }
    return new GlobalTask(options, stores)
  }

  get topics(): readonly string[] {
    return [...this.#sources.keys()]
  }

  store(name: string): StateStore | undefined {
    return this.stores.get(name)
  }

  /** Takes a batch in; what it changed is written with the next `write`. Throws when a schema has to be fetched first (retry the batch). */
  update(batch: FetchedBatch): Awaitable<void> {
    const { topic, partition } = batch
    const { source } = this.#sources.get(topic) as GlobalStore
    const node = this.#processors.get(topic) as ProcessorTaskNode
    let blocked: (() => void) | undefined
    const queue = new RecordQueue(source, topic, partition, {
      onUnreadable: (raw, error) => this.#errors.unread(source.name, topic, partition, raw, error),
      onDrop: (reason) => this.#drop(source.name, reason),
      onUnblocked: () => blocked?.(),
    })
    queue.startAt(batch.nextOffset)
    queue.add(batch)
    const step = (): Awaitable<void> => {
      for (;;) {
        const head = queue.head
        if (head === undefined) break
        this.#at = new SourceRecord(topic, partition, queue.headOffset, queue.headBytes)
        const pending = node.process(head)
        if (pending instanceof Promise) return pending.then(() => queue.take()).then(step)
        queue.take()
      }
      if (queue.blocked) {
        return new Promise<void>((resolve) => (blocked = resolve)).then(() => queue.retryHead()).then(step)
      }
      this.#at = undefined
      this.#offsets.set(partitionName(topic, partition), batch.nextOffset)
    }
    return step()
  }

  /** Writes what changed, with the offsets that it stands at. */
  write(): Awaitable<void> {
    if (this.#offsets.size === 0) return
    this.stores.sendChanges(undefined)
    return chain(this.stores.writeDrained(this.#offsets), () => {
      this.stores.committed()
      this.#offsets.clear()
    })
  }

  async close(): Promise<void> {
    await eachInOrder([...this.#processors.values()], (node) => node.close())
    await this.stores.close()
  }

  #drop(node: string, reason: DropReason): void {
    this.#options.metrics.dropped(node, reason)
    this.#options.onDropped?.(GLOBAL_TASK_ID, node, reason)
  }

  #host(): NodeHost {
    const { application, log, clock } = this.#options
    const refuse = (what: string): never => {
      throw new TopologyError(`the processor of a global store cannot ${what}`)
    }
    return {
      taskId: GLOBAL_TASK_ID,
      applicationId: application.id,
      log: log.child({ taskId: GLOBAL_TASK_ID }),
      recordCacheMaxBytes: 0,
      emitIntervalMs: 0,
      get collector(): never {
        throw new InternalError('a global task has no sinks')
      },
      errors: this.#errors,
      metrics: this.#options.metrics,
      tracing: undefined,
      store: (name: string) => this.stores.get(name),
      globalStore: () => undefined,
      schedule: () => refuse('schedule punctuations'),
      onTime: () => refuse('do anything at times of its own'),
      requestCommit: () => {},
      recordMetadata: () => this.#at,
      withRecordMetadata: (_metadata, run) => run(),
      processorMetadata: () => undefined,
      keepProcessorMetadata: () => refuse('keep metadata'),
      streamTimeMs: () => -1,
      systemTimeMs: () => clock.nowMs(),
      drop: (nodeName: string, _record: StreamRecord<unknown, unknown> | undefined, reason) =>
        this.#drop(nodeName, reason),
      onCommit: () => {},
      workOf: () => refuse('work beside the records that it is given'),
      topicName: (name: string) => name,
    }
  }
}

/** Under names of the application's own, as rows of other stores: the schemas of the topics belong to those who write them. */
async function prepareSerdes(application: Application, globals: readonly GlobalStore[]): Promise<void> {
  for (const { store } of globals) {
    const topic = application.changelogTopic(store.name)
    await store.keySerde.prepare?.(topic, 'key')
    await store.valueSerde.prepare?.(topic, 'value')
  }
}
