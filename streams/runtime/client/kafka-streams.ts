import { randomUUID } from 'node:crypto'
import { asError } from '../../../common/errors.ts'
import { silentLogger } from '../../../common/log.ts'
import type { TopicPartition } from '../../../common/record.ts'
import type { Admin, ConsumerOptions } from '../../../kafka/port.ts'
import { MemoryDatabase } from '../../../stores/database/memory-database.ts'
import { openRocksdbDatabase } from '../../../stores/database/rocksdb-database.ts'
import { IllegalTransitionError, StreamThreadsError } from '../../errors.ts'
import { InteractiveQueries } from '../../query/queries.ts'
import { StreamThreads } from '../../threads/stream-threads.ts'
import { handlersOf } from '../../threads/topology-module.ts'
import { planWorkers, whyOneThread } from '../../threads/worker-options.ts'
import type { Topology } from '../../topology.ts'
import type { TopologyDescription } from '../../topology-description.ts'
import { checkDeployment } from '../deployment/check-deployment.ts'
import type { AssignmentNews } from '../group/assignor.ts'
import { groupMember } from '../group/group-member.ts'
import { prepareTopics, type TopicPlan } from '../group/internal-topics.ts'
import { factsAbout } from '../group/own-facts.ts'
import { withShutdown } from '../group/shutdown-assignor.ts'
import { ClientMetrics } from '../metrics/client-metrics.ts'
import type { StreamsMetric } from '../metrics/streams-metrics.ts'
import { GLOBAL_TASK_ID, GlobalTask } from '../task/global-task.ts'
import { GlobalThread } from '../thread/global-thread.ts'
import { StreamThread } from '../thread/stream-thread.ts'
import type { ThreadPlace } from '../thread/thread-place.ts'
import { Application } from './application.ts'
import { checkDeadLetterTopic } from './check-dead-letter-topic.ts'
import {
  type CloseOptions,
  type StandbyTaskInfo,
  standbyTaskInfos,
  type TaskInfo,
  type ThreadMetadata,
  taskInfos,
  threadMetadata,
} from './client-info.ts'
import { type ClientState, canGo, checkTransition, isFinal } from './client-state.ts'
import { inTime, timeoutMs } from './in-time.ts'
import { SharedProducer } from './shared-producer.ts'
import { requestShutdown } from './shutdown-request.ts'
import { cleanRegularly } from './state-cleaner.ts'
import { StateDirectory } from './state-directory.ts'
import { parseStreamsOptions, type StreamsConfig, type StreamsOptions } from './streams-config.ts'
import { UncaughtErrors } from './uncaught-errors.ts'

const NO_NEWS: AssignmentNews = {
  tasksByEndpoint: new Map(),
  standbysByEndpoint: new Map(),
  standby: [],
  warmup: [],
  probes: false,
}

export type StateListener = (to: ClientState, from: ClientState) => void

/**
 * Runs a topology: joins the group of its application id, takes its share of the tasks, restores their state and processes.
 * @see org.apache.kafka.streams.KafkaStreams
 */
export class KafkaStreams {
  readonly #application: Application
  readonly #config: StreamsConfig
  readonly #metrics: ClientMetrics
  readonly #listeners = new Set<StateListener>()
  readonly #processId: string
  readonly #place: ThreadPlace | undefined
  /** Where the stream threads are workers; otherwise the one there is runs here. */
  readonly #workers: StreamThreads | undefined
  /** Reads of the stores of this instance, and who has the rest. */
  readonly queries: InteractiveQueries
  #state: ClientState = 'CREATED'
  #thread: StreamThread | undefined
  #global: GlobalThread | undefined
  #globalTask: GlobalTask | undefined
  #producer: SharedProducer | undefined
  readonly #uncaught: UncaughtErrors
  #member: ConsumerOptions | undefined
  #plan: TopicPlan | undefined
  readonly #directory: StateDirectory
  #stopCleaning: () => void = () => {}
  #news: AssignmentNews = NO_NEWS
  #isPaused = false
  #failure: Error | undefined
  #stopMetrics: () => void = () => {}
  #closing: Promise<void> | undefined

  /**
   * @param place is for the inside of stream threads alone.
   * @throws {ConfigError} listing every problem; {TopologyError} naming the nodes. Nothing is asked of Kafka yet.
   */
  constructor(topology: Topology, options: StreamsOptions, place?: ThreadPlace) {
    const problems: string[] = []
    const plan = place === undefined ? planWorkers(topology, options, problems) : undefined
    this.#config = parseStreamsOptions({ ...handlersOf(topology), ...options }, problems)
    this.#place = place
    this.#processId = place?.processId ?? randomUUID()
    this.#application = new Application(this.#config.applicationId, topology)
    this.#metrics = new ClientMetrics({
      metrics: this.#config.metrics,
      level: this.#config.metricsRecordingLevel,
      applicationId: this.#application.id,
      processId: this.#processId,
      isInner: place !== undefined,
      topology: () => String(this.describe()),
      state: () => this.#state,
      aliveThreads: () => this.#aliveThreads,
    })
    this.#directory = place?.directory ?? new StateDirectory(this.#config.stateDir)
    place?.attach({
      thread: () => this.#thread,
      globalStores: () => this.#globalTask?.stores,
      partitionsOf: (topic) =>
        Array.from({ length: this.#plan?.partitionCounts.get(topic) ?? 0 }, (_, partition) => ({ topic, partition })),
      news: () => this.#news,
    })
    this.#workers =
      plan &&
      new StreamThreads({
        plan,
        application: this.#application,
        processId: this.#processId,
        count: this.#config.numStreamThreads,
        directory: this.#directory,
        cacheMaxBytes: this.#config.cacheMaxBytes,
        log: options.log ?? silentLogger,
        listeners: this.#config,
        onStatus: () => this.#follow(),
        onDied: (error) => void this.#uncaught.handle(error),
      })
    this.#uncaught = new UncaughtErrors({
      respond: this.#config.uncaughtExceptionHandler,
      onFailure: () => this.#metrics.threadFailed(),
      log: this.#config.log,
      isOpen: () => this.#isOpen,
      replaceThread: () => (this.#workers ? this.#workers.replace() : this.#replaceThread()),
      requestShutdown: () => this.#requestShutdown(),
      shutDownClient: (error) => this.#fail(error),
    })
    this.queries = new InteractiveQueries({
      application: this.#application,
      endpoint: this.#config.applicationServer,
      state: () => this.#state,
      tasks: () => this.#workers?.queriedTasks() ?? this.#thread?.tasks ?? [],
      // Filled before the thread is made: until then it would answer with a part of its rows.
      globalStores: () => (this.#workers ? this.#workers.globalStores() : this.#thread && this.#globalTask?.stores),
      standbys: () => this.#workers?.queriedStandbys() ?? this.#thread?.standbys ?? [],
      tasksByEndpoint: () => (this.#workers ?? this.#news).tasksByEndpoint,
      standbysByEndpoint: () => (this.#workers ?? this.#news).standbysByEndpoint,
      partitionCounts: () => this.#plan?.partitionCounts ?? new Map(),
      endOffsets: (partitions) => this.#config.kafka.admin().endOffsets(partitions),
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

  /**
   * All metrics, under the groups and names of Kafka Streams, of all stream threads. `/metrics` prints the numbers among them.
   * @see org.apache.kafka.streams.KafkaStreams#metrics
   */
  metrics(): Promise<readonly StreamsMetric[]> {
    return this.#metrics.all()
  }

  get #aliveThreads(): number {
    if (this.#workers !== undefined) return this.#workers.threads.filter((thread) => thread.isAlive).length
    return this.#thread === undefined || this.#thread.state === 'DEAD' ? 0 : 1
  }

  tasks(): readonly TaskInfo[] {
    return this.#workers?.tasks() ?? taskInfos(this.#thread)
  }

  /** Copies that are kept here of tasks that other instances run. */
  standbyTasks(): readonly StandbyTaskInfo[] {
    return this.#workers?.standbyTasks() ?? standbyTaskInfos(this.#thread)
  }

  /** @see org.apache.kafka.streams.KafkaStreams#metadataForLocalThreads */
  metadataForLocalThreads(): readonly ThreadMetadata[] {
    if (this.#workers !== undefined) return this.#workers.metadata()
    return this.#thread && !isFinal(this.#state) ? [threadMetadata(this.#thread, this.#state)] : []
  }

  /**
   * Adds a stream thread, which takes its share of the tasks; resolves with its name when it has joined. `undefined` when the client is neither
   * running nor rebalancing. The record cache of the others stays as it is.
   * @throws {StreamThreadsError} where threads are not workers; what it failed with when the thread cannot start.
   * @see org.apache.kafka.streams.KafkaStreams#addStreamThread
   */
  async addStreamThread(): Promise<string | undefined> {
    const workers = this.#requireWorkers()
    return this.#isOpen ? workers.add() : undefined
  }

  /**
   * Ends the stream thread that was added last: it commits, gives its tasks to the others and leaves. Resolves with its name when that is
   * done; `undefined` when there is none. Without a thread the client goes on `REBALANCING`.
   * @throws {StreamThreadsError} where threads are not workers. @see org.apache.kafka.streams.KafkaStreams#removeStreamThread
   */
  async removeStreamThread({ timeout }: CloseOptions = {}): Promise<string | undefined> {
    const workers = this.#requireWorkers()
    return this.#isOpen ? workers.remove(timeoutMs(timeout)) : undefined
  }

  #requireWorkers(): StreamThreads {
    if (this.#workers !== undefined) return this.#workers
    throw new StreamThreadsError(whyOneThread(this.#config.kafka))
  }

  get #isOpen(): boolean {
    return this.#state === 'RUNNING' || this.#state === 'REBALANCING'
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
      this.#failure ?? this.#thread?.failure ?? new Error(`the client is ${ended} and will not become ${state}`)
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
      // What ended the client first: threads that were starting meanwhile say only that they did not get to it.
      throw this.#failure ?? error
    }
  }

  async #start(): Promise<void> {
    const { kafka, replicationFactor, exactlyOnce } = this.#config
    const admin = kafka.admin()
    this.#plan = this.#place?.plan ?? (await this.#prepareTopics(admin, replicationFactor))
    if (this.#application.hasPersistentState) await this.#openDirectory()
    this.#stopMetrics = this.#metrics.publish(this.#workers)
    if (this.#workers !== undefined) {
      if (this.#state === 'REBALANCING') await this.#workers.start(this.#plan)
      return
    }
    if (this.#application.topology.globalStores.size > 0) await this.#startGlobal(admin)
    this.#producer = exactlyOnce ? undefined : new SharedProducer(() => kafka.createProducer())
    if (this.#state !== 'REBALANCING') return
    this.#thread = this.#makeThread(admin, this.#plan)
    if (this.#isPaused) await this.#thread.pause(true)
    this.#thread.start()
  }

  async #prepareTopics(admin: Admin, replicationFactor: number | undefined): Promise<TopicPlan> {
    const keepDescription = await checkDeployment({ ...this.#config, application: this.#application })
    const plan = await prepareTopics(this.#application, admin, replicationFactor)
    await keepDescription()
    await checkDeadLetterTopic(admin, this.#config.deadLetterTopic)
    return plan
  }

  /**
   * Takes no more records and calls no punctuations, though it stays in the group and its stores can be read. Also before `start`.
   * @see org.apache.kafka.streams.KafkaStreams#pause
   */
  pause(): void {
    this.#setPaused(true)
  }

  /** Goes on after {@link pause}. */
  resume(): void {
    this.#setPaused(false)
  }

  get isPaused(): boolean {
    return this.#isPaused
  }

  #setPaused(paused: boolean): void {
    this.#isPaused = paused
    this.#workers?.setPaused(paused)
    this.#thread?.pause(paused).catch((error) => this.#config.log.warn({ err: error }, 'pausing standbys failed'))
  }

  /**
   * Deletes the state of this application on this machine: it is restored from the changelogs at the next start.
   * @throws {IllegalTransitionError} while the client runs; {StateDirectoryLockedError} while another process does.
   */
  async cleanUp(): Promise<void> {
    if (this.#state !== 'CREATED' && !isFinal(this.#state))
      throw new IllegalTransitionError('the state directory', this.#state, 'CLEANED_UP')
    await this.#directory.lock()
    await this.#directory.unlock()
    await this.#directory.cleanUp()
  }

  /** Commits, closes tasks and stores, leaves the group. May be called at any time, more than once. Answers whether it was done in time. */
  async close({ timeout }: CloseOptions = {}): Promise<boolean> {
    const withinMs = timeoutMs(timeout)
    this.#closing ??= this.#close(withinMs)
    return inTime(this.#closing, withinMs)
  }

  async #close(withinMs: number): Promise<void> {
    if (isFinal(this.#state)) return
    if (this.#state === 'PENDING_ERROR') {
      await this.waitFor('ERROR').catch(() => {})
      return
    }
    this.#go('PENDING_SHUTDOWN')
    await this.#stopAll(withinMs)
    this.#go('NOT_RUNNING')
  }

  async #stopAll(withinMs = Number.POSITIVE_INFINITY): Promise<void> {
    await this.#workers?.stop(withinMs)
    this.#stopMetrics()
    await this.#thread?.stop()
    await this.#global?.stop()
    await this.#producer?.close().catch((error) => this.#config.log.warn({ err: error }, 'closing the producer failed'))
    this.#stopCleaning()
    await this.#directory.unlock()
  }

  async #openDirectory(): Promise<void> {
    const { stateDir, stateCleanupDelayMs, log } = this.#config
    await this.#directory.lock()
    await this.#directory.readOffsets(openRocksdbDatabase(stateDir))
    this.#stopCleaning = cleanRegularly({
      directory: this.#directory,
      delayMs: stateCleanupDelayMs,
      log,
      isRunning: () => this.#state === 'RUNNING',
      inUse: () =>
        new Set([
          ...this.tasks().map((t) => t.taskId),
          ...(this.#workers?.openTasks ?? []),
          ...(this.#thread?.standbys ?? []).map((t) => t.taskId),
          ...this.#news.standby,
        ]),
    })
  }

  async #startGlobal(admin: Admin): Promise<void> {
    const { kafka, log, clock, errorHandlers, handleGlobalProcessingErrors, storeCacheEntries } = this.#config
    this.#globalTask = await GlobalTask.open({
      application: this.#application,
      openPersistent: openRocksdbDatabase(this.#place?.globalStateDir ?? this.#config.stateDir),
      openMemory: async () => new MemoryDatabase(),
      cacheEntries: storeCacheEntries,
      clock,
      log,
      errorHandlers,
      handlesProcessing: handleGlobalProcessingErrors,
      deadLetterTopic: this.#config.deadLetterTopic,
      metrics: this.#metrics.global(GLOBAL_TASK_ID, `${this.#application.id}-GlobalStreamThread`),
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

  #makeMember(admin: Admin, tasks: ReadonlyMap<string, readonly TopicPartition[]>): ConsumerOptions {
    return groupMember({
      config: this.#config,
      application: this.#application,
      admin,
      tasks,
      processId: this.#processId,
      threadName: this.#place?.threadName,
      facts: () => factsAbout(this.#thread, this.#directory),
      onAssignment: (news) => {
        this.#news = news
      },
      onAsked: (error) => this.#thread?.fail(error),
    })
  }

  #makeThread(admin: Admin, plan: TopicPlan): StreamThread {
    const { kafka, applicationId, stateDir } = this.#config
    const tasks = this.#application.tasks(plan.partitionCounts)
    const member = this.#makeMember(admin, tasks)
    this.#member = member
    const threadName = this.#place?.threadName ?? `${applicationId}-StreamThread-1`
    return new StreamThread({
      name: threadName,
      config: this.#config,
      application: this.#application,
      kafka,
      admin,
      sharedProducer: this.#producer,
      createConsumer: () => kafka.createConsumer(member),
      tasks,
      metrics: this.#metrics.thread(threadName, this.#config.clock.nowMs()),
      openPersistent: openRocksdbDatabase(stateDir, this.#place?.gate),
      openMemory: async () => new MemoryDatabase(),
      globalStore: (name) => this.#globalTask?.store(name),
      wipeState: (taskId) => this.#directory.wipe(taskId),
      copies: () => this.#news,
      onStateKept: (taskId, offsetSum) => this.#directory.keepOffsetSum(taskId, offsetSum),
      onStateChange: () => {
        this.#follow()
        this.#place?.onStatus()
      },
    })
  }

  /** The client's state follows from its thread's. */
  #follow(): void {
    const failure = this.#thread?.failure
    const isRunning = (this.#workers ?? this.#thread)?.isRunning ?? false
    if (failure !== undefined) void this.#uncaught.handle(failure)
    else if (isRunning && this.#state === 'REBALANCING') this.#go('RUNNING')
    else if (!isRunning && this.#state === 'RUNNING') this.#go('REBALANCING')
  }

  #replaceThread(): void {
    const plan = this.#plan as TopicPlan
    this.#producer?.renew()
    this.#thread = this.#makeThread(this.#config.kafka.admin(), plan)
    this.#thread.start()
  }

  async #requestShutdown(): Promise<void> {
    const { kafka, log, sessionTimeoutMs } = this.#config
    const tasks = this.#application.tasks(this.#plan?.partitionCounts ?? new Map())
    const member = this.#member ?? this.#makeMember(kafka.admin(), tasks)
    const assignor = withShutdown(member.assignor, { asks: true, onAsked: () => {} })
    const topics = [...new Set(this.#application.sourceTopics())]
    const consumer = kafka.createConsumer({ ...member, assignor })
    await requestShutdown({ consumer, topics, withinMs: sessionTimeoutMs + 15_000, isOpen: () => this.#isOpen, log })
  }

  async #fail(error: Error): Promise<void> {
    if (!canGo(this.#state, 'PENDING_ERROR')) return
    this.#failure = error
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
