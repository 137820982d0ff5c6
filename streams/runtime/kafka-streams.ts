import { randomUUID } from 'node:crypto'
import { readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { asError } from '../../common/errors.ts'
import type { Admin, Producer } from '../../kafka/port.ts'
import { MemoryDatabase } from '../../stores/memory-database.ts'
import { openRocksdbDatabase } from '../../stores/rocksdb-database.ts'
import { InteractiveQueries } from '../query/queries.ts'
import type { Topology } from '../topology.ts'
import type { TopologyDescription } from '../topology-description.ts'
import { Application } from './application.ts'
import { streamsAssignor, type TasksByEndpoint } from './assignor.ts'
import { type ClientState, canGo, checkTransition, isFinal } from './client-state.ts'
import { GlobalTask } from './global-task.ts'
import { GlobalThread } from './global-thread.ts'
import { prepareTopics, type TopicPlan } from './internal-topics.ts'
import { StreamThread } from './stream-thread.ts'
import { parseStreamsOptions, type StreamsConfig, type StreamsOptions } from './streams-config.ts'
import { ThreadMetrics } from './thread-metrics.ts'

export type StateListener = (to: ClientState, from: ClientState) => void

/** A task as it is shown to people. */
export interface TaskInfo {
  readonly taskId: string
  readonly state: string
  readonly inputs: readonly string[]
  readonly stores: readonly string[]
  readonly buffered: number
}

/**
 * Runs a topology: joins the group of its application id, takes its share of the tasks, restores their state and processes.
 * @see org.apache.kafka.streams.KafkaStreams
 */
export class KafkaStreams {
  readonly #application: Application
  readonly #config: StreamsConfig
  readonly #metrics: ThreadMetrics
  readonly #listeners = new Set<StateListener>()
  readonly #processId = randomUUID()
  /** Reads of the stores of this instance, and who has the rest. */
  readonly queries: InteractiveQueries
  #state: ClientState = 'CREATED'
  #thread: StreamThread | undefined
  #global: GlobalThread | undefined
  #globalTask: GlobalTask | undefined
  #producer: Producer | undefined
  #tasksByEndpoint: TasksByEndpoint = new Map()
  #plan: TopicPlan | undefined
  /** Tasks that ran here before: their state is on this disk. */
  #tasksOnDisk: readonly string[] = []
  #closing: Promise<void> | undefined

  /** @throws {ConfigError} listing every problem; {TopologyError} naming the nodes. Nothing is asked of Kafka yet. */
  constructor(topology: Topology, options: StreamsOptions) {
    this.#config = parseStreamsOptions(options)
    this.#application = new Application(this.#config.applicationId, topology)
    this.#metrics = new ThreadMetrics(this.#config.metrics)
    this.queries = new InteractiveQueries({
      application: this.#application,
      endpoint: this.#config.applicationServer,
      state: () => this.#state,
      tasks: () => this.#thread?.tasks ?? [],
      globalStore: (name) => this.#globalTask?.store(name),
      tasksByEndpoint: () => this.#tasksByEndpoint,
      partitionCounts: () => this.#plan?.partitionCounts ?? new Map(),
    })
  }

  get state(): ClientState {
    return this.#state
  }

  get applicationId(): string {
    return this.#application.id
  }

  /** Identifies this client among those of its application, anew each time it is made. */
  get processId(): string {
    return this.#processId
  }

  describe(): TopologyDescription {
    return this.#application.topology.describe()
  }

  tasks(): readonly TaskInfo[] {
    return (this.#thread?.tasks ?? []).map(({ taskId, state, inputs, stores, task }) => ({
      taskId,
      state,
      inputs: inputs.map((p) => `${p.topic}-${p.partition}`),
      stores: stores?.names ?? [],
      buffered: task?.buffered ?? 0,
    }))
  }

  /** Calls `listener` at every change of state; the answer stops that. */
  onStateChange(listener: StateListener): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  /** Resolves when the client has reached the state; rejects when it has ended in another one. */
  async waitFor(state: ClientState): Promise<void> {
    if (this.#state === state) return
    const gone = (ended: ClientState): Error =>
      this.#thread?.failure ?? new Error(`the client is ${ended} and will not become ${state}`)
    if (isFinal(this.#state)) throw gone(this.#state)
    await new Promise<void>((resolve, reject) => {
      const stop = this.onStateChange((to) => {
        if (to !== state && !isFinal(to)) return
        stop()
        if (to === state) resolve()
        else reject(gone(to))
      })
    })
  }

  /**
   * Checks topics, creates Brook's own, fills global stores, joins the group. Resolves when the thread runs (tasks may still
   * restore: wait for `RUNNING`). @throws {SourceTopicError}, {TopologyError} for partition counts that do not fit, {KafkaUnavailableError}.
   */
  async start(): Promise<void> {
    this.#go('REBALANCING')
    try {
      await this.#start()
    } catch (error) {
      await this.#fail(asError(error))
      throw error
    }
  }

  async #start(): Promise<void> {
    const { kafka, replicationFactor, exactlyOnce } = this.#config
    const admin = kafka.admin()
    this.#plan = await prepareTopics(this.#application, admin, replicationFactor)
    if (this.#application.topology.globalStores.size > 0) await this.#startGlobal(admin)
    this.#tasksOnDisk = (await readdir(this.#config.stateDir).catch(() => [])).filter((name) => /^\d+_\d+$/.test(name))
    this.#producer = exactlyOnce ? undefined : kafka.createProducer()
    if (this.#state !== 'REBALANCING') return
    this.#thread = this.#makeThread(admin, this.#plan)
    this.#thread.start()
  }

  /** Commits, closes tasks and stores, leaves the group. May be called at any time, more than once. */
  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #close(): Promise<void> {
    if (isFinal(this.#state)) return
    if (this.#state === 'PENDING_ERROR') {
      await this.waitFor('ERROR').catch(() => {})
      return
    }
    this.#go('PENDING_SHUTDOWN')
    await this.#stopAll()
    this.#go('NOT_RUNNING')
  }

  async #stopAll(): Promise<void> {
    await this.#thread?.stop()
    await this.#global?.stop()
    await this.#producer?.close().catch((error) => this.#config.log.warn({ err: error }, 'closing the producer failed'))
  }

  async #startGlobal(admin: Admin): Promise<void> {
    const { kafka, log, clock, onDeserializationError, storeCacheEntries } = this.#config
    this.#globalTask = await GlobalTask.open({
      application: this.#application,
      openPersistent: openRocksdbDatabase(this.#config.stateDir),
      openMemory: async () => new MemoryDatabase(),
      cacheEntries: storeCacheEntries,
      clock,
      log,
      onDeserializationError,
      onDropped: (taskId, node, reason) => this.#metrics.dropped(taskId, node, reason),
    })
    this.#global = new GlobalThread({
      task: this.#globalTask,
      kafka,
      admin,
      log,
      onFailure: (error) => void this.#fail(error),
    })
    await this.#global.start()
  }

  #makeThread(admin: Admin, plan: TopicPlan): StreamThread {
    const {
      kafka,
      applicationId,
      applicationServer,
      exactlyOnce,
      autoOffsetReset,
      sessionTimeoutMs,
      heartbeatIntervalMs,
      stateDir,
    } = this.#config
    const tasks = this.#application.tasks(plan.partitionCounts)
    const assignor = streamsAssignor({
      endpoint: applicationServer,
      previousTasks: () => [...new Set([...(this.#thread?.tasks.map((t) => t.taskId) ?? []), ...this.#tasksOnDisk])],
      tasks: () => tasks,
      onAssignment: (tasksByEndpoint) => {
        this.#tasksByEndpoint = tasksByEndpoint
      },
    })
    return new StreamThread({
      name: `${applicationId}-StreamThread-1`,
      config: this.#config,
      application: this.#application,
      kafka,
      admin,
      sharedProducer: this.#producer,
      createConsumer: () =>
        kafka.createConsumer({
          groupId: applicationId,
          clientId: `${applicationId}-${this.#processId}`,
          assignor,
          autoOffsetReset,
          sessionTimeoutMs,
          heartbeatIntervalMs,
          isolationLevel: exactlyOnce ? 'read_committed' : 'read_uncommitted',
        }),
      tasks,
      metrics: this.#metrics,
      openPersistent: openRocksdbDatabase(stateDir),
      openMemory: async () => new MemoryDatabase(),
      globalStore: (name) => this.#globalTask?.store(name),
      wipeState: (taskId) => rm(join(stateDir, taskId), { recursive: true, force: true }),
      onDropped: (taskId, node, reason) => this.#metrics.dropped(taskId, node, reason),
      onExpired: (taskId, store) => this.#metrics.expired(taskId, store),
      onRestoreProgress: ({ taskId, store, restoredOffset, endOffset }) =>
        this.#metrics.restoring(taskId, store, endOffset - restoredOffset),
      onStateChange: () => this.#follow(),
    })
  }

  /** The client's state follows from its thread's. */
  #follow(): void {
    const thread = this.#thread
    if (thread?.failure !== undefined) void this.#fail(thread.failure)
    else if (thread?.isRunning && this.#state === 'REBALANCING') this.#go('RUNNING')
    else if (!thread?.isRunning && this.#state === 'RUNNING') this.#go('REBALANCING')
  }

  async #fail(error: Error): Promise<void> {
    if (!canGo(this.#state, 'PENDING_ERROR')) return
    this.#go('PENDING_ERROR')
    await this.#stopAll().catch((failure) => this.#config.log.warn({ err: failure }, 'stopping after an error failed'))
    this.#go('ERROR')
    this.#config.onUncaughtError(error)
  }

  #go(to: ClientState): void {
    const from = this.#state
    checkTransition(from, to)
    this.#state = to
    this.#config.log.info({ from, to }, 'client state')
    for (const listener of [...this.#listeners]) listener(to, from)
  }
}
