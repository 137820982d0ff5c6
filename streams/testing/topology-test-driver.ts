import { type Awaitable, eachInOrder } from '../../common/awaitable.ts'
import { ManualClock } from '../../common/clock.ts'
import { InternalError, InvalidArgumentError } from '../../common/errors.ts'
import { type Logger, silentLogger } from '../../common/log.ts'
import type { Headers } from '../../common/record.ts'
import type { Serde } from '../../common/serde.ts'
import type { Acknowledge } from '../../kafka/port.ts'
import { MemoryDatabase } from '../../stores/memory-database.ts'
import type { KeyValueStore, StateStore, WindowStore } from '../../stores/state-store.ts'
import type { DropReason } from '../processors/processor.ts'
import type { StreamRecord } from '../record.ts'
import { Application } from '../runtime/application.ts'
import { type CommitPort, commit } from '../runtime/commit.ts'
import { GlobalTask } from '../runtime/global-task.ts'
import type { RecordCollector } from '../runtime/record-collector.ts'
import type { DeserializationExceptionHandler } from '../runtime/record-queue.ts'
import { StreamTask } from '../runtime/stream-task.ts'
import { TaskStores } from '../runtime/task-stores.ts'
import type { Topology } from '../topology.ts'
import type { StreamPartitioner } from '../topology-nodes.ts'
import { type CapturedRecord, CapturedTopic } from './captured-topic.ts'
import { DeferredDatabase } from './deferred-database.ts'
import { TestInputTopic, TestOutputTopic } from './test-topics.ts'

export interface TopologyTestDriverOptions {
  readonly applicationId?: string
  /** Wall clock at the start (default 0); moved by `advanceWallClockTime` only. */
  readonly initialWallClockMs?: number
  /** As in the real client (default 10 MiB); the driver commits after every record, so results are those of every update. */
  readonly cacheMaxBytes?: number
  /** Commit after every record (default), as Kafka Streams' driver does; else only when `commit` is called. */
  readonly commitEveryRecord?: boolean
  /** How long, by the wall clock, unmatched records of left and outer stream joins may wait beyond their window (default 0; real clients 1 s). */
  readonly emitIntervalMs?: number
  readonly onDeserializationError?: DeserializationExceptionHandler
  readonly log?: Logger
}

const COMMITS_AT_ONCE: CommitPort = { acknowledged: () => {}, commitOffsets: () => {} }

/**
 * Runs a topology without Kafka: one partition, no threads, stores in memory, time moved by hand. `pipeInput` returns when the
 * record and everything that follows from it is processed.
 * @see org.apache.kafka.streams.TopologyTestDriver
 */
export class TopologyTestDriver {
  readonly #application: Application
  readonly #options: TopologyTestDriverOptions
  readonly #clock: ManualClock
  readonly #tasks: readonly StreamTask[]
  readonly #taskOfTopic = new Map<string, StreamTask>()
  readonly #global: GlobalTask
  readonly #captured = new Map<string, CapturedTopic>()
  readonly #offsets = new Map<string, number>()
  readonly #fed = new Map<string, number>()
  /** Records for topics that the topology itself reads, in the order of their sends. */
  readonly #looped: { topic: string; record: CapturedRecord }[] = []
  readonly #dropped = new Map<DropReason, number>()
  readonly #globalTopics: ReadonlySet<string>
  readonly #commitEveryRecord: boolean

  private constructor(
    application: Application,
    options: TopologyTestDriverOptions,
    clock: ManualClock,
    stores: ReadonlyMap<string, TaskStores>,
    global: GlobalTask,
  ) {
    this.#application = application
    this.#options = options
    this.#clock = clock
    this.#global = global
    this.#globalTopics = new Set(global.topics)
    this.#commitEveryRecord = options.commitEveryRecord !== false
    this.#tasks = application.subtopologies.map((s) =>
      this.#makeTask(`${s.id}_0`, [...application.inputs(s).keys()], stores.get(`${s.id}_0`) as TaskStores),
    )
    for (const task of this.#tasks) for (const { topic } of task.inputs) this.#taskOfTopic.set(topic, task)
    for (const task of this.#tasks) task.start()
  }

  /** Opening stores and preparing serdes may wait, so the driver is made with `await`; everything after is synchronous. */
  static async create(topology: Topology, options: TopologyTestDriverOptions = {}): Promise<TopologyTestDriver> {
    const application = new Application(options.applicationId ?? 'test', topology)
    const clock = new ManualClock(options.initialWallClockMs ?? 0)
    const stores = new Map<string, TaskStores>()
    for (const subtopology of application.subtopologies) {
      const taskId = `${subtopology.id}_0`
      const builders = subtopology.stores.filter((s) => topology.stores.has(s)).map((s) => application.storeBuilder(s))
      stores.set(taskId, await openStores(application, taskId, builders))
    }
    const log = options.log ?? silentLogger
    const onDeserializationError = options.onDeserializationError ?? (() => 'fail' as const)
    let driver: TopologyTestDriver | undefined
    const onDropped = (_task: string, _node: string, reason: DropReason): void => driver?.countDrop(reason)
    const memory = async () => new MemoryDatabase()
    const global = await GlobalTask.open({
      application,
      openPersistent: memory,
      openMemory: memory,
      cacheEntries: 10_000,
      clock,
      log,
      onDeserializationError,
      onDropped,
    })
    driver = new TopologyTestDriver(application, options, clock, stores, global)
    await driver.#prepareSerdes()
    return driver
  }

  createInputTopic<K, V>(
    topic: string,
    serdes: { readonly key: Serde<K>; readonly value: Serde<V> },
    time: { readonly startMs?: number; readonly autoAdvanceMs?: number } = {},
  ): TestInputTopic<K, V> {
    if (!this.#taskOfTopic.has(topic) && !this.#globalTopics.has(topic)) {
      throw new InvalidArgumentError(
        `the topology does not read ${topic}; it reads ${[...this.#taskOfTopic.keys(), ...this.#globalTopics].join(', ')}`,
      )
    }
    return new TestInputTopic(topic, serdes, (...record) => this.#pipe(...record), {
      startMs: this.#clock.nowMs(),
      ...time,
    })
  }

  createOutputTopic<K, V>(
    topic: string,
    serdes: { readonly key: Serde<K>; readonly value: Serde<V> },
  ): TestOutputTopic<K, V> {
    return new TestOutputTopic(topic, serdes, this.#capturedOf(topic))
  }

  /** Moves the wall clock and runs the punctuations that are due. */
  advanceWallClockTime(byMs: number): void {
    this.#clock.advance(byMs)
    for (const task of this.#tasks) {
      now(task.punctuate(true))
      this.#afterProcessing(task)
    }
    this.#runLooped()
  }

  /** Commits what has been processed; needed only with `commitEveryRecord: false`. */
  commit(): void {
    for (const task of this.#tasks) this.#commit(task)
    this.#runLooped()
  }

  /** Topics that something was written to, changelogs and repartition topics included. */
  producedTopicNames(): readonly string[] {
    return [...this.#captured].filter(([topic]) => (this.#offsets.get(topic) ?? 0) > 0).map(([topic]) => topic)
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

  /** Records dropped so far, by reason. */
  get dropped(): ReadonlyMap<DropReason, number> {
    return this.#dropped
  }

  countDrop(reason: DropReason): void {
    this.#dropped.set(reason, (this.#dropped.get(reason) ?? 0) + 1)
  }

  async close(): Promise<void> {
    for (const task of this.#tasks) {
      task.close()
      await task.stores.close()
    }
    await this.#global.close()
  }

  #pipe(topic: string, key: Buffer | null, value: Buffer | null, timestampMs: number, headers: Headers): void {
    this.#feed(topic, { key, value, timestampMs, headers })
    this.#runLooped()
  }

  #feed(topic: string, { key, value, timestampMs, headers }: CapturedRecord): void {
    const offset = this.#fed.get(topic) ?? 0
    this.#fed.set(topic, offset + 1)
    const records = [{ key, value, timestampMs, headers, offset }]
    const batch = { topic, partition: 0, records, nextOffset: offset + 1 }
    if (this.#globalTopics.has(topic)) {
      now(this.#global.update(batch))
      now(this.#global.write())
      return
    }
    const task = this.#taskOfTopic.get(topic) as StreamTask
    task.add(batch)
    while (now(task.process(1)) > 0) {
      now(task.punctuate(false))
      this.#afterProcessing(task)
    }
    this.#afterProcessing(task)
  }

  #afterProcessing(task: StreamTask): void {
    if (task.commitRequested || (this.#commitEveryRecord && task.commitNeeded)) this.#commit(task)
  }

  #commit(task: StreamTask): void {
    now(commit([task], COMMITS_AT_ONCE))
  }

  #runLooped(): void {
    if (this.#looped.length === 0) return
    for (let next = this.#looped.shift(); next !== undefined; next = this.#looped.shift())
      this.#feed(next.topic, next.record)
  }

  #makeTask(taskId: string, topics: readonly string[], stores: TaskStores): StreamTask {
    return new StreamTask({
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
      onDeserializationError: this.#options.onDeserializationError ?? (() => 'fail'),
      onDropped: (_task, _node, reason) => this.countDrop(reason),
      onUnblocked: () => {},
    })
  }

  #collector(): RecordCollector {
    return {
      sendRecord: (
        topic,
        record: StreamRecord<unknown, unknown>,
        keySerde,
        valueSerde,
        partitioner: StreamPartitioner | undefined,
      ) => {
        const { key, value, timestampMs, headers } = record
        const copies = partitioner === undefined ? 1 : (partitioner(topic, key, value, 1)?.length ?? 1)
        if (copies === 0) return this.countDrop('production-error')
        const encoded = {
          key: key === null || key === undefined ? null : keySerde.serialize(key, topic, headers),
          value: value === null || value === undefined ? null : valueSerde.serialize(value, topic, headers),
          timestampMs,
          headers,
        }
        for (let i = 0; i < copies; i++) this.#capture(topic, encoded)
      },
      sendChangelog: (topic, _partition, key, value, timestampMs, headers, acknowledge: Acknowledge) => {
        acknowledge(undefined, this.#capture(topic, { key, value, timestampMs, headers }))
      },
    }
  }

  #capture(topic: string, record: CapturedRecord): number {
    this.#capturedOf(topic).append(record)
    if (this.#taskOfTopic.has(topic) || this.#globalTopics.has(topic)) this.#looped.push({ topic, record })
    return this.#nextOffset(topic)
  }

  #capturedOf(topic: string): CapturedTopic {
    let captured = this.#captured.get(topic)
    if (captured === undefined) {
      captured = new CapturedTopic()
      this.#captured.set(topic, captured)
    }
    return captured
  }

  #nextOffset(topic: string): number {
    const offset = this.#offsets.get(topic) ?? 0
    this.#offsets.set(topic, offset + 1)
    return offset
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

async function openStores(
  application: Application,
  taskId: string,
  builders: readonly Parameters<typeof TaskStores.open>[0]['builders'][number][],
): Promise<TaskStores> {
  const memory = async () => new DeferredDatabase()
  return TaskStores.open({
    taskId,
    partition: 0,
    builders,
    changelogTopic: (store) => application.changelogTopic(store),
    openPersistent: memory,
    openMemory: memory,
    cacheEntries: 10_000,
    onExpired: () => {},
  })
}

/** The driver has no turn of the event loop to wait in. */
function now<T>(value: Awaitable<T>): T {
  if (value instanceof Promise) {
    value.catch(() => {})
    throw new InternalError('an operator became asynchronous; the test driver runs synchronous topologies only')
  }
  return value
}
