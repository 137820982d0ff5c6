import { setImmediate as nextTurn } from 'node:timers/promises'
import { asError, BrookError } from '../../common/errors.ts'
import type { Logger } from '../../common/log.ts'
import type { TopicPartition } from '../../common/record.ts'
import type { GroupConsumer, OffsetCommit, RebalanceListener } from '../../kafka/port.ts'
import { TaskCorruptedError } from '../errors.ts'
import { nameOf } from './application.ts'
import { type CommitPort, commit } from './commit.ts'
import { ManagedTask, type TaskEnvironment } from './managed-task.ts'
import type { StreamTask } from './stream-task.ts'
import type { ThreadMetrics } from './thread-metrics.ts'

/** Longest time without a turn of the event loop: HTTP, heartbeats and fetches wait for it. */
const SLICE_MS = 8
const SLICE_RECORDS = 1_000
const POLL_MS = 100
const RETRY_MS = 1_000

export interface StreamThreadOptions extends Omit<TaskEnvironment, 'consumer' | 'onUnblocked'> {
  readonly name: string
  readonly createConsumer: () => GroupConsumer
  /** All tasks that could be, with their partitions. */
  readonly tasks: ReadonlyMap<string, readonly TopicPartition[]>
  readonly metrics: ThreadMetrics
  readonly wipeState: (taskId: string) => Promise<void>
  readonly onStateChange: () => void
}

/**
 * The loop that does the work: poll, add to the tasks, process, punctuate, commit when it is due. Rebalances happen inside
 * `poll`; restoring goes on beside the loop, with the task's partitions paused.
 * @see org.apache.kafka.streams.processor.internals.StreamThread
 */
export class StreamThread {
  readonly name: string
  readonly #options: StreamThreadOptions
  readonly #consumer: GroupConsumer
  readonly #env: TaskEnvironment
  readonly #log: Logger
  readonly #tasks = new Map<string, ManagedTask>()
  readonly #owner = new Map<string, ManagedTask>()
  readonly #paused = new Set<string>()
  /** Tasks with a head whose schema has arrived. */
  readonly #blocked = new Set<StreamTask>()
  #lastCommitMs = 0
  #lastPurgeMs = 0
  #assigned = false
  #stopping = false
  #running: Promise<void> | undefined
  failure: Error | undefined

  constructor(options: StreamThreadOptions) {
    this.name = options.name
    this.#options = options
    this.#log = options.config.log.child({ thread: options.name })
    this.#consumer = options.createConsumer()
    this.#env = { ...options, consumer: this.#consumer, onUnblocked: (task) => this.#unblock(task) }
  }

  /** Tasks in the order of their ids. */
  get tasks(): readonly ManagedTask[] {
    return [...this.#tasks.values()]
  }

  /** Assigned, and every task restored. */
  get isRunning(): boolean {
    return this.#assigned && this.failure === undefined && this.tasks.every((t) => t.state === 'running')
  }

  start(): void {
    this.#consumer.subscribe(
      [...new Set([...this.#options.tasks.values()].flat().map((p) => p.topic))],
      this.#listener(),
    )
    this.#lastCommitMs = this.#nowMs()
    this.#running = this.#run()
  }

  /** Commits, closes the tasks, leaves the group. */
  async stop(): Promise<void> {
    this.#stopping = true
    this.#consumer.wakeup()
    await this.#running
  }

  #nowMs(): number {
    return this.#options.config.clock.nowMs()
  }

  async #run(): Promise<void> {
    try {
      while (!this.#stopping) await this.#iterateSafely()
      await this.#commitAll().catch((error) =>
        this.#log.warn({ err: error }, 'last commit failed: it will be done over after the next start'),
      )
    } catch (error) {
      this.failure = asError(error)
      this.#log.error({ err: error }, 'stream thread died')
    }
    await this.#closeTasks(this.tasks)
    await this.#consumer.close().catch((error) => this.#log.warn({ err: error }, 'leaving the group failed'))
    this.#options.onStateChange()
  }

  async #iterateSafely(): Promise<void> {
    try {
      await this.#iterate()
    } catch (error) {
      await this.#recover(asError(error))
    }
  }

  async #iterate(): Promise<void> {
    const timeoutMs = this.#hasWork() ? 0 : this.#pollTimeoutMs()
    // A poll that does not wait need not turn the event loop: without a turn nothing would ever arrive.
    if (timeoutMs === 0) await nextTurn()
    for (const batch of await this.#consumer.poll(timeoutMs)) {
      this.#owner.get(nameOf(batch))?.task?.add(batch)
    }
    this.#startReadyTasks()
    await this.#process()
    this.#pauseAndResume()
    await this.#commitIfDue()
    this.#purgeIfDue()
  }

  #hasWork(): boolean {
    for (const { state, task } of this.#tasks.values())
      if (state === 'running' && task.buffered > 0) return !this.#waiting
    return false
  }

  /** The last round could process nothing although records are buffered: they wait for other partitions. */
  #waiting = false

  #pollTimeoutMs(): number {
    let timeout = Math.min(POLL_MS, this.#lastCommitMs + this.#options.config.commitIntervalMs - this.#nowMs())
    for (const { state, task } of this.#tasks.values())
      if (state === 'running') timeout = Math.min(timeout, task.nextWallClockPunctuationMs - this.#nowMs())
    return this.#waiting ? Math.min(Math.max(timeout, 0), 10) : Math.max(timeout, this.#anyCommitNeeded() ? 0 : 1)
  }

  async #process(): Promise<void> {
    const deadline = performance.now() + SLICE_MS
    let total = 0
    for (let round = 1; round > 0 && performance.now() < deadline; ) {
      round = 0
      for (const { state, task } of this.#tasks.values()) {
        if (state !== 'running') continue
        const processed = task.process(SLICE_RECORDS)
        round += processed instanceof Promise ? await processed : processed
        const punctuated = task.punctuate(false)
        if (punctuated instanceof Promise) await punctuated
      }
      total += round
    }
    for (const { state, task } of this.#tasks.values()) {
      if (state !== 'running') continue
      const punctuated = task.punctuate(true)
      if (punctuated instanceof Promise) await punctuated
    }
    this.#waiting = total === 0
    this.#options.metrics.processed.inc(total)
    if (total > 0) await this.#backpressure()
  }

  async #backpressure(): Promise<void> {
    for (const { state, collector } of this.#tasks.values()) {
      const wait = state === 'running' ? collector.producer.backpressure() : undefined
      if (wait !== undefined) await wait
    }
  }

  #pauseAndResume(): void {
    const limit = this.#options.config.bufferedRecordsPerPartition
    const pause: TopicPartition[] = []
    const resume: TopicPartition[] = []
    for (const { state, task, inputs } of this.#tasks.values()) {
      if (state !== 'running') continue
      for (const partition of inputs) {
        const name = nameOf(partition)
        const full = task.bufferedOf(partition.topic, partition.partition) > limit
        if (full === this.#paused.has(name)) continue
        if (full) this.#paused.add(name)
        else this.#paused.delete(name)
        ;(full ? pause : resume).push(partition)
      }
    }
    if (pause.length > 0) this.#consumer.pause(pause)
    if (resume.length > 0) this.#consumer.resume(resume)
  }

  #anyCommitNeeded(): boolean {
    return this.tasks.some((t) => t.state === 'running' && t.task.commitNeeded)
  }

  async #commitIfDue(): Promise<void> {
    const { commitIntervalMs, maxDirtyEntries } = this.#options.config
    const due = this.#nowMs() - this.#lastCommitMs >= commitIntervalMs
    const early = this.tasks.some(
      (t) => t.state === 'running' && (t.task.commitRequested || t.task.stores.dirtyEntries > maxDirtyEntries),
    )
    if (due || early) await this.#commitAll()
  }

  async #commitAll(): Promise<void> {
    this.#lastCommitMs = this.#nowMs()
    const dirty = this.tasks.filter((t) => t.state === 'running' && t.task.commitNeeded)
    if (dirty.length === 0) return
    const end = this.#options.metrics.commitLatency.startTimer()
    await commit(
      dirty.map((t) => t.task),
      this.#commitPort(dirty),
    )
    end()
  }

  #commitPort(dirty: readonly ManagedTask[]): CommitPort {
    const { exactlyOnce, afterCommitStep } = this.#options.config
    const flush = async (): Promise<void> => {
      await Promise.all([...new Set(dirty.map((t) => t.collector.producer))].map((producer) => producer.flush()))
    }
    const endTransaction = async ({ task, collector }: ManagedTask): Promise<void> => {
      collector.begin()
      await collector.producer.sendOffsets(task.positions(), this.#consumer.groupMetadata())
      await collector.producer.commitTransaction()
      collector.ended()
    }
    return {
      acknowledged: flush,
      commitOffsets: exactlyOnce
        ? () => Promise.all(dirty.map(endTransaction)).then(() => {})
        : () => this.#consumer.commit(dirty.flatMap((t) => t.task.positions())),
      ...(afterCommitStep ? { afterStep: afterCommitStep } : {}),
    }
  }

  /** Records of repartition topics that are consumed and committed are of no use to anyone. */
  #purgeIfDue(): void {
    const { config, application, admin } = this.#options
    if (
      application.topology.repartitionTopics.size === 0 ||
      this.#nowMs() - this.#lastPurgeMs < config.repartitionPurgeIntervalMs
    )
      return
    if (this.#anyCommitNeeded()) return
    this.#lastPurgeMs = this.#nowMs()
    const repartition = new Set([...application.topology.repartitionTopics.keys()].map((t) => application.topicName(t)))
    const consumed: OffsetCommit[] = this.tasks
      .filter((t) => t.state === 'running')
      .flatMap((t) => t.task.positions().filter((p) => repartition.has(p.topic) && p.offset > 0))
    if (consumed.length > 0)
      admin
        .deleteRecords(consumed)
        .catch((error) => this.#log.debug({ err: error }, 'purging repartition topics failed; tried again later'))
  }

  #unblock(task: StreamTask): void {
    this.#blocked.add(task)
    this.#consumer.wakeup()
  }

  #startReadyTasks(): void {
    for (const task of this.#blocked) task.retryBlocked()
    this.#blocked.clear()
    for (const managed of this.#tasks.values()) {
      if (managed.failure !== undefined) throw managed.failure
      if (managed.state !== 'ready') continue
      for (const { partition, position } of managed.run()) this.#consumer.seek(partition, position.offset)
      this.#consumer.resume(managed.inputs)
      for (const partition of managed.inputs) this.#paused.delete(nameOf(partition))
      this.#log.info({ taskId: managed.taskId }, 'task running')
      this.#options.onStateChange()
    }
  }

  #listener(): RebalanceListener {
    return {
      onRevoked: async () => {
        this.#assigned = false
        this.#options.onStateChange()
        try {
          await this.#commitAll()
        } catch (error) {
          this.#log.warn(
            { err: error },
            'commit before the rebalance failed: the tasks are restored from what is committed',
          )
          await this.#closeTasks(this.tasks)
        }
        for (const { state, task } of this.#tasks.values()) if (state === 'running') task.clearBuffers()
      },
      onLost: async () => {
        this.#assigned = false
        this.#log.warn({}, 'the group has gone on without this member: its tasks are dropped')
        await this.#closeTasks(this.tasks)
        this.#options.onStateChange()
      },
      onAssigned: async (partitions) => {
        await this.#assign(partitions)
        this.#assigned = true
        this.#options.onStateChange()
      },
    }
  }

  async #assign(partitions: readonly TopicPartition[]): Promise<void> {
    const mine = new Set(partitions.map(nameOf))
    const wanted = new Map([...this.#options.tasks].filter(([, inputs]) => inputs.every((p) => mine.has(nameOf(p)))))
    await this.#closeTasks(this.tasks.filter((t) => !wanted.has(t.taskId)))
    this.#consumer.pause(partitions)
    for (const partition of partitions) this.#paused.add(nameOf(partition))
    for (const [taskId, inputs] of wanted) {
      const kept = this.#tasks.get(taskId)
      if (kept === undefined) this.#openTask(taskId, inputs)
      else if (kept.state === 'running') this.#resumeKept(kept)
    }
    this.#log.info({ tasks: [...wanted.keys()] }, 'tasks assigned')
  }

  #resumeKept({ task, inputs }: ManagedTask): void {
    for (const position of task.positions()) this.#consumer.seek(position, position.offset)
    this.#consumer.resume(inputs)
    for (const partition of inputs) this.#paused.delete(nameOf(partition))
  }

  #openTask(taskId: string, inputs: readonly TopicPartition[]): void {
    const managed = new ManagedTask(taskId, inputs, this.#env)
    this.#tasks.set(taskId, managed)
    for (const partition of inputs) this.#owner.set(nameOf(partition), managed)
    managed.open(() => this.#consumer.wakeup())
  }

  async #closeTasks(tasks: readonly ManagedTask[]): Promise<void> {
    for (const task of tasks) {
      this.#tasks.delete(task.taskId)
      for (const partition of task.inputs) this.#owner.delete(nameOf(partition))
    }
    await Promise.all(tasks.map((t) => t.close()))
  }

  /** Does what the class of the error says is due; throws it on when that is to stop. */
  async #recover(error: Error): Promise<void> {
    if (!(error instanceof BrookError)) throw error
    switch (error.recovery) {
      case 'retry':
        this.#log.warn({ err: error }, 'trying again')
        await new Promise((resolve) => setTimeout(resolve, RETRY_MS))
        await this.#reopen(this.tasks)
        return
      case 'restore-task': {
        const corrupted = error instanceof TaskCorruptedError ? error.taskIds : []
        this.#log.warn({ err: error }, 'restoring tasks')
        const affected = corrupted.length > 0 ? this.tasks.filter((t) => corrupted.includes(t.taskId)) : this.tasks
        await this.#reopen(affected, async () => {
          for (const taskId of corrupted) await this.#options.wipeState(taskId)
        })
        return
      }
      case 'drop-tasks':
        this.#log.warn({ err: error }, 'dropping tasks that belong to another instance now')
        this.#assigned = false
        await this.#closeTasks(this.tasks)
        this.#consumer.requestRejoin()
        this.#options.onStateChange()
        return
      default:
        throw error
    }
  }

  async #reopen(tasks: readonly ManagedTask[], between: () => Promise<void> = async () => {}): Promise<void> {
    await this.#closeTasks(tasks)
    await between()
    for (const { taskId, inputs } of tasks) {
      this.#consumer.pause(inputs)
      for (const partition of inputs) this.#paused.add(nameOf(partition))
      this.#openTask(taskId, inputs)
    }
    this.#options.onStateChange()
  }
}
