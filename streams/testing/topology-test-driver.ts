import { type Awaitable, eachInOrder } from '../../common/awaitable.ts'
import { ManualClock } from '../../common/clock.ts'
import { type Duration, durationMs } from '../../common/duration.ts'
import { InternalError, InvalidArgumentError } from '../../common/errors.ts'
import { type Logger, silentLogger } from '../../common/log.ts'
import type { Headers } from '../../common/record.ts'
import type { Serde } from '../../common/serde.ts'
import type { Acknowledge, OffsetCommit } from '../../kafka/port.ts'
import { MemoryDatabase } from '../../stores/database/memory-database.ts'
import type {
  KeyValueStore,
  SessionStore,
  StateStore,
  VersionedKeyValueStore,
  WindowStore,
} from '../../stores/state-store.ts'
import type { DropReason } from '../processors/processor.ts'
import { Application } from '../runtime/client/application.ts'
import { type ErrorOptions, errorHandlers } from '../runtime/client/error-settings.ts'
import { type CommitPort, commit } from '../runtime/commit.ts'
import type { RecordingLevel } from '../runtime/metrics/metric-catalogue.ts'
import { recordSizeBytes } from '../runtime/metrics/record-size.ts'
import type { StreamsMetric } from '../runtime/metrics/streams-metrics.ts'
import type { TaskMetrics } from '../runtime/metrics/task-metrics.ts'
import type { TaskStores } from '../runtime/state/task-stores.ts'
import { GlobalTask } from '../runtime/task/global-task.ts'
import { encodeRecord, type RecordCollector } from '../runtime/task/record-collector.ts'
import { StreamTask } from '../runtime/task/stream-task.ts'
import type { Topology } from '../topology.ts'
import type { Tracing } from '../tracing.ts'
import { type CapturedRecord, CapturedTopic } from './captured-topic.ts'
import { DriverMetrics } from './driver-metrics.ts'
import { DriverState } from './driver-state.ts'
import { TestInputTopic, TestOutputTopic } from './test-topics.ts'

/** Handlers as in the real client; that of production is asked about what serdes cannot write: no broker is there to refuse anything. */
export interface TopologyTestDriverOptions
  extends Pick<
    ErrorOptions,
    | 'onDeserializationError'
    | 'onProcessingError'
    | 'onProductionError'
    | 'handleGlobalProcessingErrors'
    | 'deadLetterTopic'
  > {
  readonly applicationId?: string
  /** Wall clock at the start (default 0); moved by `advanceWallClockTime` only. */
  readonly initialWallClockMs?: number
  /** As in the real client (default 10 MiB); the driver commits after every record, so results are those of every update. */
  readonly cacheMaxBytes?: number
  /** Commit after every record (default), as Kafka Streams' driver does; else only when `commit` is called. */
  readonly commitEveryRecord?: boolean
  /** How long, by the wall clock, unmatched records of left and outer stream joins may wait beyond their window (default 0; real clients 1 s). */
  readonly emitIntervalMs?: number
  /** Keeps what stores are restored from, so that `restart` can be called (default no). */
  readonly restartable?: boolean
  /** Clean entries that a store keeps decoded (default 10,000): few of them show what evictions do. */
  readonly storeCacheEntries?: number
  /** State answers later, as from a disk, where it is not in a store's cache (default no): feed the driver with `pipeInputAsync` then. */
  readonly slowState?: boolean
  readonly log?: Logger
  /** As in the real client (default INFO). */
  readonly metricsRecordingLevel?: RecordingLevel
  /** As in the real client. */
  readonly tracing?: Tracing
}

/** A topic that the topology reads. */
interface Input {
  /** `undefined`: a global store's. */
  task: StreamTask | undefined
  nextOffset: number
}

const COMMITS_AT_ONCE: CommitPort = { acknowledged: (tasks) => tasks, commitOffsets: () => {} }

/**
 * Runs a topology without Kafka: one partition, no threads, stores in memory, time moved by hand. `pipeInput` returns when the
 * record and everything that follows from it is processed.
 * @see org.apache.kafka.streams.TopologyTestDriver
 */
export class TopologyTestDriver {
  readonly #application: Application
  readonly #options: TopologyTestDriverOptions
  readonly #clock: ManualClock
  readonly #state: DriverState
  readonly #metrics: DriverMetrics
  #tasks: readonly StreamTask[] = []
  readonly #inputs = new Map<string, Input>()
  readonly #global: GlobalTask
  readonly #captured = new Map<string, CapturedTopic>()
  /** Records for topics that the topology itself reads, in the order of their sends. */
  readonly #looped: { topic: string; record: CapturedRecord }[] = []
  readonly #dropped = new Map<DropReason, number>()
  readonly #globalTopics: ReadonlySet<string>
  readonly #commitEveryRecord: boolean
  /** Settling happens one after the other. */
  #settled: Promise<void> = Promise.resolve()

  private constructor(
    application: Application,
    options: TopologyTestDriverOptions,
    clock: ManualClock,
    state: DriverState,
    global: GlobalTask,
    metrics: DriverMetrics,
  ) {
    this.#metrics = metrics
    this.#state = state
    this.#application = application
    this.#options = options
    this.#clock = clock
    this.#global = global
    this.#globalTopics = new Set(global.topics)
    this.#commitEveryRecord = options.commitEveryRecord !== false
  }

  /** Opening stores and preparing serdes may wait, so the driver is made with `await`; everything after is synchronous. */
  static async create(topology: Topology, options: TopologyTestDriverOptions = {}): Promise<TopologyTestDriver> {
    const application = new Application(options.applicationId ?? 'test', topology)
    const clock = new ManualClock(options.initialWallClockMs ?? 0)
    const state = new DriverState(application, options)
    const log = options.log ?? silentLogger
    let driver: TopologyTestDriver | undefined
    const onDropped = (_task: string, _node: string, reason: DropReason): void => driver?.countDrop(reason)
    const memory = async () => new MemoryDatabase()
    const metrics = new DriverMetrics(options.metricsRecordingLevel, clock)
    const global = await GlobalTask.open({
      metrics: metrics.global(),
      application,
      openPersistent: memory,
      openMemory: memory,
      cacheEntries: 10_000,
      clock,
      log,
      errorHandlers: errorHandlers(options),
      handlesProcessing: options.handleGlobalProcessingErrors ?? false,
      deadLetterTopic: options.deadLetterTopic,
      onDropped,
    })
    driver = new TopologyTestDriver(application, options, clock, state, global, metrics)
    await driver.#prepareSerdes()
    await driver.#start(new Map(), true)
    return driver
  }

  /**
   * Commits, ends all tasks and starts them again, as a process does that is stopped and started: on the local state that is there, or
   * (`state: 'lost'`) on an empty disk, with every store restored from its changelog. Stores in memory are always restored.
   * @throws {InvalidArgumentError} when the driver was not made with `restartable`.
   */
  async restart(options: { readonly state?: 'kept' | 'lost' } = {}): Promise<void> {
    if (!this.#state.restartable)
      throw new InvalidArgumentError('only a driver that was created with restartable: true can be restarted')
    await this.settle()
    for (const task of this.#tasks) if (task.commitNeeded) await commit([task], COMMITS_AT_ONCE)
    await this.settle()
    const positions = new Map(this.#tasks.map((task) => [task.taskId, task.positions()]))
    await this.#closeTasks()
    await this.#start(positions, options.state !== 'lost')
  }

  async #start(positions: ReadonlyMap<string, readonly OffsetCommit[]>, stateKept: boolean): Promise<void> {
    const application = this.#application
    const tasks: StreamTask[] = []
    for (const subtopology of application.subtopologies) {
      const taskId = `${subtopology.id}_0`
      const metrics = this.#metrics.task(taskId)
      const stores = await this.#state.open(taskId, subtopology.stores, stateKept, metrics)
      const task = this.#makeTask(taskId, [...application.inputs(subtopology).keys()], stores, metrics)
      for (const { topic, partition, offset, metadata } of positions.get(taskId) ?? [])
        task.startAt(topic, partition, offset, metadata)
      tasks.push(task)
    }
    this.#tasks = tasks
    for (const topic of this.#globalTopics) this.#input(topic).task = undefined
    for (const task of tasks) for (const { topic } of task.inputs) this.#input(topic).task = task
    for (const task of tasks) task.start()
  }

  async #closeTasks(): Promise<void> {
    this.#metrics.closeTasks()
    for (const task of this.#tasks) {
      task.close()
      await task.stores.close()
    }
  }

  createInputTopic<K, V>(
    topic: string,
    serdes: { readonly key: Serde<K>; readonly value: Serde<V> },
    time: { readonly startMs?: number; readonly autoAdvanceMs?: number } = {},
  ): TestInputTopic<K, V> {
    if (!this.#inputs.has(topic)) {
      throw new InvalidArgumentError(
        `the topology does not read ${topic}; it reads ${[...this.#inputs.keys()].join(', ')}`,
      )
    }
    const target = {
      pipe: (record: CapturedRecord) => this.#pipe(topic, record),
      pipeAsync: (record: CapturedRecord) => {
        this.#enqueue(topic, record)
        return this.settle()
      },
    }
    return new TestInputTopic(topic, serdes, target, { startMs: this.#clock.nowMs(), ...time })
  }

  createOutputTopic<K, V>(
    topic: string,
    serdes: { readonly key: Serde<K>; readonly value: Serde<V> },
  ): TestOutputTopic<K, V> {
    return new TestOutputTopic(topic, serdes, this.#capturedOf(topic))
  }

  /**
   * Waits for asynchronous operators: until no call is under way, and everything that follows from their results is processed. Calls that
   * wait for the wall clock (before they are repeated) stay where they are: move it, and settle again.
   * @throws {InvalidArgumentError} when calls take longer than `within` (default 4 s of real time); {ProcessingError} as `pipeInput`.
   */
  settle(options: { readonly within?: Duration } = {}): Promise<void> {
    const withinMs = durationMs(options.within ?? '4s', 'within')
    const settled = this.#settled.catch(() => {}).then(() => this.#settle(withinMs))
    this.#settled = settled
    return settled
  }

  async #settle(withinMs: number): Promise<void> {
    const deadline = performance.now() + withinMs
    for (;;) {
      for (const task of this.#tasks) await this.#advance(task)
      for (let next = this.#looped.shift(); next !== undefined; next = this.#looped.shift()) {
        const task = this.#enqueue(next.topic, next.record)
        if (task !== undefined) await this.#advance(task)
      }
      const busy = this.#tasks.filter((task) => task.outside > 0 || task.hasMail)
      if (busy.length === 0) return
      const leftMs = deadline - performance.now()
      if (leftMs <= 0)
        throw new InvalidArgumentError(
          `${busy.reduce((sum, task) => sum + task.outside, 0)} calls of task ${busy.map((t) => t.taskId).join(', ')} are under way after ${withinMs} ms`,
        )
      await Promise.race(busy.map((task) => task.mailArrival(leftMs)))
    }
  }

  /** Moves the wall clock and runs the punctuations that are due. */
  advanceWallClockTime(byMs: number): void {
    this.#clock.advance(byMs)
    for (const task of this.#tasks) {
      now(task.punctuate(true))
      this.#afterProcessing(task)
      if (task.buffered > 0) this.#run(task)
    }
    this.#runLooped()
  }

  /** Commits what has been processed; needed only with `commitEveryRecord: false`. @throws {InvalidArgumentError} while calls are under way. */
  commit(): void {
    for (const task of this.#tasks) {
      if (!task.settled)
        throw new InvalidArgumentError(`task ${task.taskId} has calls under way: settle the driver before the commit`)
      this.#commit(task)
    }
    this.#runLooped()
  }

  /** Topics that something was written to, changelogs and repartition topics included. */
  producedTopicNames(): readonly string[] {
    return [...this.#captured].filter(([, captured]) => captured.appended > 0).map(([topic]) => topic)
  }

  /** The raw records of a topic that were not read yet; for byte tests. */
  capturedRecords(topic: string): readonly CapturedRecord[] {
    return this.#capturedOf(topic).unread()
  }

  getKeyValueStore<K, V>(name: string): KeyValueStore<K, V> {
    return this.#store(name) as KeyValueStore<K, V>
  }

  getWindowStore<K, V>(name: string): WindowStore<K, V> {
    return this.#store(name) as WindowStore<K, V>
  }

  getSessionStore<K, V>(name: string): SessionStore<K, V> {
    return this.#store(name) as SessionStore<K, V>
  }

  getVersionedStore<K, V>(name: string): VersionedKeyValueStore<K, V> {
    return this.#store(name) as VersionedKeyValueStore<K, V>
  }

  /** Records dropped so far, by reason. */
  get dropped(): ReadonlyMap<DropReason, number> {
    return this.#dropped
  }

  /** All metrics of the tasks, as those of the real client. */
  metrics(): readonly StreamsMetric[] {
    return this.#metrics.all()
  }

  countDrop(reason: DropReason): void {
    this.#dropped.set(reason, (this.#dropped.get(reason) ?? 0) + 1)
  }

  async close(): Promise<void> {
    await this.#closeTasks()
    await this.#global.close()
  }

  #pipe(topic: string, record: CapturedRecord): void {
    this.#feed(topic, record)
    this.#runLooped()
  }

  #feed(topic: string, record: CapturedRecord): void {
    const task = this.#enqueue(topic, record)
    if (task !== undefined) this.#run(task)
  }

  #run(task: StreamTask): void {
    while (now(task.process(1)) > 0) {
      now(task.punctuate(false))
      this.#afterProcessing(task)
      if (task.buffered === 0 && !task.hasMail) return
    }
    this.#afterProcessing(task)
  }

  /** Gives the task that has the record now; global stores have taken it in already. */
  #enqueue(topic: string, { key, value, timestampMs, headers }: CapturedRecord): StreamTask | undefined {
    const input = this.#input(topic)
    const offset = input.nextOffset++
    if (this.#state.restartable) this.#state.keep(topic, offset, { key, value, timestampMs, headers })
    const records = [{ key, value, timestampMs, headers, offset }]
    const batch = { topic, partition: 0, records, nextOffset: offset + 1 }
    const { task } = input
    if (task === undefined) {
      now(this.#global.update(batch))
      now(this.#global.write())
      return undefined
    }
    task.add(batch)
    return task
  }

  #input(topic: string): Input {
    let input = this.#inputs.get(topic)
    if (input === undefined) {
      input = { task: undefined, nextOffset: 0 }
      this.#inputs.set(topic, input)
    }
    return input
  }

  /** Processes what the task has, waiting where something waits. */
  async #advance(task: StreamTask): Promise<void> {
    while ((await task.process(1)) > 0) {
      await task.punctuate(false)
      if (this.#commitDue(task)) await commit([task], COMMITS_AT_ONCE)
    }
    if (this.#commitDue(task)) await commit([task], COMMITS_AT_ONCE)
  }

  #afterProcessing(task: StreamTask): void {
    if (this.#commitDue(task)) this.#commit(task)
  }

  /** A task with calls under way is committed when they are over. */
  #commitDue(task: StreamTask): boolean {
    return (task.commitRequested || (this.#commitEveryRecord && task.commitNeeded)) && task.settled
  }

  #commit(task: StreamTask): void {
    now(commit([task], COMMITS_AT_ONCE))
  }

  #runLooped(): void {
    if (this.#looped.length === 0) return
    for (let next = this.#looped.shift(); next !== undefined; next = this.#looped.shift())
      this.#feed(next.topic, next.record)
  }

  #makeTask(taskId: string, topics: readonly string[], stores: TaskStores, metrics: TaskMetrics): StreamTask {
    return new StreamTask({
      metrics,
      tracing: this.#options.tracing,
      taskId,
      application: this.#application,
      inputs: topics.map((topic) => ({ topic, partition: 0 })),
      stores,
      globalStore: (name) => this.#global.store(name),
      collector: this.#collector(),
      lagOf: () => 0,
      clock: this.#clock,
      log: this.#options.log ?? silentLogger,
      maxTaskIdleMs: 0,
      recordCacheMaxBytes: this.#options.cacheMaxBytes ?? 10 * 1024 * 1024,
      emitIntervalMs: this.#options.emitIntervalMs ?? 0,
      errorHandlers: errorHandlers(this.#options),
      deadLetterTopic: this.#options.deadLetterTopic,
      onDropped: (_task, _node, reason) => this.countDrop(reason),
      onUnblocked: () => {},
    })
  }

  #collector(): RecordCollector {
    return {
      sendRecord: (target, record) => {
        const { topic, partitioner, produced } = target
        const copies = partitioner === undefined ? 1 : (partitioner(topic, record.key, record.value, 1)?.length ?? 1)
        if (copies === 0) return false
        const { key, value } = encodeRecord(target, record)
        for (let i = 0; i < copies; i++) this.#capture(topic, key, value, record.timestampMs, record.headers)
        produced.records += copies
        produced.bytes += copies * recordSizeBytes(topic, key, value, record.headers)
        return true
      },
      sendDeadLetter: ({ topic, key, value, timestampMs, headers }) =>
        void this.#capture(topic, key, value, timestampMs, headers),
      onRefused: () => {},
      sendChangelog: (topic, _partition, key, value, timestampMs, headers, acknowledge: Acknowledge) => {
        const offset = this.#capture(topic, key, value, timestampMs, headers)
        if (this.#state.restartable) this.#state.keep(topic, offset, { key, value, timestampMs, headers })
        acknowledge(undefined, offset)
      },
    }
  }

  /** Gives the record's offset. */
  #capture(topic: string, key: Buffer | null, value: Buffer | null, timestampMs: number, headers: Headers): number {
    const captured = this.#capturedOf(topic)
    if (captured.isRead) this.#looped.push({ topic, record: { key, value, timestampMs, headers } })
    return captured.append(key, value, timestampMs, headers)
  }

  #capturedOf(topic: string): CapturedTopic {
    let captured = this.#captured.get(topic)
    if (captured === undefined) {
      captured = new CapturedTopic(this.#inputs.has(topic))
      this.#captured.set(topic, captured)
    }
    return captured
  }

  #store(name: string): StateStore {
    for (const task of this.#tasks) {
      const store = task.stores.get(name)
      if (store !== undefined) return store
    }
    const store = this.#global.store(name)
    if (store === undefined) throw new InvalidArgumentError(`the topology has no store ${name}`)
    return store
  }

  async #prepareSerdes(): Promise<void> {
    for (const node of this.#application.topology.nodes.values()) {
      if (node.kind !== 'sink' || typeof node.topic !== 'string') continue
      const topic = this.#application.topicName(node.topic)
      await eachInOrder(
        [node.keySerde.prepare?.(topic, 'key'), node.valueSerde.prepare?.(topic, 'value')],
        (ready) => ready ?? undefined,
      )
    }
    for (const builder of this.#application.topology.stores.values()) {
      const topic = this.#application.changelogTopic(builder.name)
      await builder.keySerde.prepare?.(topic, 'key')
      await builder.valueSerde.prepare?.(topic, 'value')
    }
  }
}

/** The driver has no turn of the event loop to wait in. */
function now<T>(value: Awaitable<T>): T {
  if (value instanceof Promise) {
    value.catch(() => {})
    throw new InternalError('an operator became asynchronous; the test driver runs synchronous topologies only')
  }
  return value
}
