import { setTimeout as sleep } from 'node:timers/promises'
import type { TopicPartition } from '../../../common/record.ts'
import type { Admin, GroupConsumer, KafkaProvider, OffsetAndMetadata, Producer } from '../../../kafka/port.ts'
import type { StateStore } from '../../../stores/state-store.ts'
import type { OpenTaskDatabase } from '../../../stores/task-database.ts'
import { IllegalTransitionError, TaskClosedError } from '../../errors.ts'
import { type Application, nameOf } from '../client/application.ts'
import type { SharedProducer } from '../client/shared-producer.ts'
import type { StreamsConfig } from '../client/streams-config.ts'
import { type TaskMetrics, taskMetrics } from '../metrics/task-metrics.ts'
import type { ThreadMetrics } from '../metrics/thread-metrics.ts'
import { openTaskStores } from '../state/open-task-stores.ts'
import { type RestoreProgress, restoreStores } from '../state/restore.ts'
import { countingRestored } from '../state/restore-listener.ts'
import type { TaskDatabases, TaskStores } from '../state/task-stores.ts'
import { ProducerCollector } from '../task/record-collector.ts'
import { StreamTask } from '../task/stream-task.ts'

/** Where an input of a task stands: the offsets after the last record that is committed, that is processed, and that there is. */
export interface InputOffsets {
  readonly topic: string
  readonly partition: number
  readonly committedOffset: number
  readonly processedOffset: number
  /** Absent until the first fetch has told; under exactly-once the last stable offset. */
  readonly endOffset?: number
}

export type TaskState = 'created' | 'restoring' | 'ready' | 'running' | 'closed'

const NEXT: { readonly [S in TaskState]: readonly TaskState[] } = {
  created: ['restoring', 'closed'],
  restoring: ['ready', 'closed'],
  ready: ['running', 'closed'],
  running: ['closed'],
  closed: [],
}

/** What tasks of one thread share. */
export interface TaskEnvironment {
  readonly config: StreamsConfig
  readonly application: Application
  readonly kafka: KafkaProvider
  readonly admin: Admin
  readonly consumer: GroupConsumer
  /** Under at-least-once all tasks send through one producer. */
  readonly sharedProducer: SharedProducer | undefined
  readonly openPersistent: OpenTaskDatabase
  readonly openMemory: OpenTaskDatabase
  readonly globalStore: (name: string) => StateStore | undefined
  readonly metrics: ThreadMetrics
  readonly onUnblocked: (task: StreamTask) => void
}

/** A task from its assignment to its end: opens and restores its stores beside the thread's loop, then runs in it. */
export class ManagedTask {
  readonly taskId: string
  readonly inputs: readonly TopicPartition[]
  readonly #env: TaskEnvironment
  readonly #abort = new AbortController()
  readonly #metrics: TaskMetrics
  #state: TaskState = 'created'
  #databases: TaskDatabases | undefined
  #stores: TaskStores | undefined
  #collector: ProducerCollector | undefined
  #task: StreamTask | undefined
  #starts: readonly { readonly partition: TopicPartition; readonly position: OffsetAndMetadata }[] = []
  readonly #restores = new Map<string, RestoreProgress>()
  /** Offsets of the group when the task was given to this instance, by topic. */
  readonly #committed = new Map<string, number>()
  #opening: Promise<void> | undefined
  /** Its stores have been given what they cannot write: they find out at the put. */
  verifiesPuts = false
  /** Why opening or restoring failed, if it did. */
  failure: Error | undefined

  /** @param databases of a standby that is promoted, open. */
  constructor(taskId: string, inputs: readonly TopicPartition[], env: TaskEnvironment, databases?: TaskDatabases) {
    this.taskId = taskId
    this.inputs = inputs
    this.#env = env
    this.#metrics = taskMetrics(env.metrics, taskId)
    env.metrics.taskCreated()
    this.#databases = databases
  }

  get state(): TaskState {
    return this.#state
  }

  get collector(): ProducerCollector {
    return this.#collector as ProducerCollector
  }

  /** The running task. */
  get task(): StreamTask {
    return this.#task as StreamTask
  }

  get stores(): TaskStores | undefined {
    return this.#stores
  }

  /** How far the restore of each store is that has one, while the task is restored. */
  get restores(): readonly RestoreProgress[] {
    return this.#state === 'restoring' ? [...this.#restores.values()] : []
  }

  /** Where the inputs stand, once the task runs, with the records that are still to be processed, where they are known. */
  inputOffsets(): readonly InputOffsets[] {
    if (this.#state !== 'running') return []
    return this.task.inputOffsets().map(({ topic, partition, committedOffset, positionOffset, readOffset }) => {
      const unread = this.#env.consumer.lag({ topic, partition })
      const end = unread === undefined ? {} : { endOffset: readOffset + unread }
      return { topic, partition, committedOffset, processedOffset: positionOffset, ...end }
    })
  }

  /** Records that are still to be fetched, of each input that tells. */
  get lags(): readonly number[] {
    if (this.#state !== 'running') return []
    return this.inputs.map((input) => this.#env.consumer.lag(input)).filter((lag) => lag !== undefined)
  }

  /** Starts opening and restoring, `delayMs` from now; `state` becomes `ready`, or `failure` is set, and `done` is called. */
  open(done: () => void, delayMs = 0): void {
    this.#go('restoring')
    this.#opening = this.#openAfter(delayMs).then(
      () => {
        if (this.#state === 'restoring') this.#go('ready')
        done()
      },
      (error: Error) => {
        this.failure = error
        done()
      },
    )
  }

  async #openAfter(delayMs: number): Promise<void> {
    if (delayMs > 0) await sleep(delayMs, undefined, { signal: this.#abort.signal }).catch(() => {})
    if (!this.#abort.signal.aborted) await this.#open()
  }

  async #open(): Promise<void> {
    const { config, kafka } = this.#env
    const transactional = config.exactlyOnce
    // The producer comes first: it fences a zombie and settles its open transaction, so that the offsets read next are final.
    const producer = this.#env.sharedProducer?.current ?? this.#createProducer()
    this.#collector = new ProducerCollector(producer, transactional)
    if (transactional) await producer.initTransactions()
    this.#starts = await this.#startPositions()
    const databases = this.#databases
    this.#databases = undefined
    const { signal } = this.#abort
    const openPersistent: OpenTaskDatabase = (taskId) => this.#env.openPersistent(taskId, signal)
    this.#stores = await openTaskStores(this.taskId, { ...this.#env, openPersistent }, this.#metrics, databases)
    await this.#prepareSerdes()
    await restoreStores({
      taskId: this.taskId,
      stores: this.#stores,
      kafka,
      isolationLevel: transactional ? 'read_committed' : 'read_uncommitted',
      signal: this.#abort.signal,
      log: config.log,
      listener: countingRestored(config.stateRestoreListener, (records) => this.#countRestored(records)),
      committedOffset: (topic) => this.#committed.get(topic),
      onProgress: (progress) => {
        this.#restores.set(progress.store, progress)
        this.#metrics.restoring(progress.store, progress.endOffset - progress.restoredOffset)
      },
    })
    this.#stores.restored()
  }

  /** Builds the running task and gives where its inputs go on. */
  run(): readonly { readonly partition: TopicPartition; readonly position: OffsetAndMetadata }[] {
    this.#go('running')
    const { config, application, consumer } = this.#env
    const task = new StreamTask({
      taskId: this.taskId,
      application,
      inputs: this.inputs,
      stores: this.#stores as TaskStores,
      globalStore: this.#env.globalStore,
      collector: this.collector,
      lagOf: (topic, partition) => consumer.lag({ topic, partition }),
      clock: config.clock,
      log: config.log,
      maxTaskIdleMs: config.maxTaskIdleMs,
      recordCacheMaxBytes: config.cacheMaxBytes,
      emitIntervalMs: config.emitIntervalMs,
      errorHandlers: config.errorHandlers,
      deadLetterTopic: config.deadLetterTopic,
      verifiesPuts: this.verifiesPuts,
      metrics: this.#metrics,
      tracing: config.tracing,
      onUnblocked: () => this.#env.onUnblocked(task),
      onMail: () => consumer.wakeup(),
    })
    this.#task = task
    for (const { partition, position } of this.#starts)
      task.startAt(partition.topic, partition.partition, position.offset, position.metadata)
    task.start()
    return this.#starts
  }

  /** Closes; what is not committed is forgotten, an open transaction aborted. */
  async close(): Promise<void> {
    if (this.#state === 'closed') return
    this.#go('closed')
    this.#metrics.close()
    this.#env.metrics.taskClosed()
    this.#abort.abort()
    await this.#opening
    this.#collector?.abandon(new TaskClosedError(`task ${this.taskId} is closed`))
    this.#task?.close()
    await this.#stores?.close()
    await Promise.all([this.#databases?.persistent?.close(), this.#databases?.memory?.close()])
    if (this.#env.sharedProducer !== undefined || this.#collector === undefined) return
    const { producer, inTransaction } = this.#collector
    if (inTransaction) await producer.abortTransaction().catch(() => {})
    await producer.close().catch(() => {})
  }

  #countRestored(records: number): void {
    this.#metrics.restored(records)
    this.#env.metrics.restored(records)
  }

  #createProducer(): Producer {
    const { application, config, kafka } = this.#env
    const transactionalId = `${application.id}-${this.taskId}`
    return kafka.createProducer({ transactionalId, transactionTimeoutMs: config.transactionTimeoutMs })
  }

  async #startPositions(): Promise<
    readonly { readonly partition: TopicPartition; readonly position: OffsetAndMetadata }[]
  > {
    const committed = await this.#env.consumer.committed(this.inputs)
    for (const partition of this.inputs) {
      const position = committed.get(nameOf(partition))
      if (position !== undefined) this.#committed.set(partition.topic, position.offset)
    }
    const fresh = this.inputs.filter((p) => !committed.has(nameOf(p)))
    const latest = fresh.filter((p) => this.#resetPolicy(p.topic) === 'latest')
    const ends = latest.length > 0 ? await this.#env.admin.endOffsets(latest) : new Map<string, number>()
    const begins =
      fresh.length > latest.length ? await this.#env.admin.beginningOffsets(fresh) : new Map<string, number>()
    return this.inputs.map((partition) => {
      const name = nameOf(partition)
      const position = committed.get(name) ?? { offset: ends.get(name) ?? begins.get(name) ?? 0 }
      return { partition, position }
    })
  }

  #resetPolicy(topic: string): 'earliest' | 'latest' {
    const { application, config } = this.#env
    const source = application.inputs(application.subtopologyOf(this.taskId)).get(topic)
    return source?.offsetReset ?? config.autoOffsetReset
  }

  async #prepareSerdes(): Promise<void> {
    const { application } = this.#env
    const subtopology = application.subtopologyOf(this.taskId)
    for (const node of subtopology.nodes) {
      if (node.kind === 'sink' && typeof node.topic === 'string') {
        await this.collector.prepare(application.topicName(node.topic), node.keySerde, node.valueSerde)
      }
    }
    for (const name of subtopology.stores) {
      const { keySerde, valueSerde } = application.storeBuilder(name)
      await this.collector.prepare(application.changelogTopic(name), keySerde, valueSerde)
    }
  }

  #go(to: TaskState): void {
    if (!NEXT[this.#state].includes(to)) throw new IllegalTransitionError(`task ${this.taskId}`, this.#state, to)
    this.#state = to
  }
}
