import { setImmediate as nextTurn } from 'node:timers/promises'
import { asError, BrookError } from '../../../common/errors.ts'
import type { Logger } from '../../../common/log.ts'
import type { TopicPartition } from '../../../common/record.ts'
import type { GroupConsumer, RebalanceListener } from '../../../kafka/port.ts'
import { isCorruption } from '../../../stores/errors.ts'
import { StateNotWritableError, TaskCorruptedError } from '../../errors.ts'
import { nameOf } from '../client/application.ts'
import type { AssignmentNews } from '../group/assignor.ts'
import { measuredListener } from '../metrics/measured-listener.ts'
import type { ThreadStateName } from '../metrics/thread-metrics.ts'
import type { StandbyTask } from '../standby/standby-task.ts'
import { StandbyTasks } from '../standby/standby-tasks.ts'
import type { TaskDatabases } from '../state/task-stores.ts'
import type { StreamTask } from '../task/stream-task.ts'
import { InputFlow } from './input-flow.ts'
import { ManagedTask, type TaskEnvironment } from './managed-task.ts'
import { RepartitionPurge } from './repartition-purge.ts'
import { settle } from './settle.ts'
import { TaskCommits } from './task-commits.ts'
import { TaskRetries } from './task-retries.ts'
import { backpressure, endLongBlockages } from './task-waits.ts'

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
  readonly wipeState: (taskId: string) => Promise<void>
  /** What the last assignment says of copies; see {@link AssignmentNews}. */
  readonly copies: () => Pick<AssignmentNews, 'standby' | 'warmup' | 'probes'>
  /** The state of a task that has ended here stays on the disk, as far as this. */
  readonly onStateKept: (taskId: string, offsetSum: number) => void
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
  readonly #flow: InputFlow
  /** Tasks with a head whose schema has arrived. */
  readonly #blocked = new Set<StreamTask>()
  readonly #commits: TaskCommits
  readonly #retries: TaskRetries
  readonly #purge: RepartitionPurge
  readonly #standbys: StandbyTasks
  #probe: NodeJS.Timeout | undefined
  #isPaused = false
  /** Why this thread has to end, as somebody else says. */
  #sentence: Error | undefined
  #lastCommitMs = 0
  #assigned = false
  #wasAssigned = false
  #hasEnded = false
  #stopping = false
  #running: Promise<void> | undefined
  failure: Error | undefined

  constructor(given: StreamThreadOptions) {
    this.name = given.name
    this.#log = given.config.log.child({ threadId: given.name })
    const options = { ...given, config: { ...given.config, log: this.#log } }
    this.#options = options
    this.#consumer = options.createConsumer()
    const { config, metrics } = options
    this.#flow = new InputFlow(this.#consumer, config.bufferedRecordsPerPartition)
    this.#commits = new TaskCommits({ config, metrics, consumer: this.#consumer, isStopping: () => this.#stopping })
    this.#retries = new TaskRetries(config.taskTimeoutMs)
    this.#purge = new RepartitionPurge({ ...options, intervalMs: config.repartitionPurgeIntervalMs, log: this.#log })
    this.#standbys = new StandbyTasks({ ...options, onWarm: () => this.#consumer.requestRejoin() })
    metrics.observe({
      state: () => this.state,
      restoringTasks: () => this.tasks.filter(({ state }) => state === 'restoring').length,
      readyTasks: () => this.tasks.filter(({ state }) => state === 'ready').length,
      standbys: () => this.standbys.length,
      isPaused: () => this.#isPaused,
      lags: () => this.tasks.flatMap((task) => task.lags),
    })
    this.#env = { ...options, consumer: this.#consumer, onUnblocked: (task) => this.#unblock(task) }
  }

  /** Tasks in the order of their ids. */
  get tasks(): readonly ManagedTask[] {
    return [...this.#tasks.values()]
  }

  /** Copies of tasks that run elsewhere. */
  get standbys(): readonly StandbyTask[] {
    return this.#standbys.tasks
  }

  /** Paused, it stays in the group and commits, but takes no record, calls no punctuation and leaves its standbys as they are. */
  async pause(paused: boolean): Promise<void> {
    this.#isPaused = paused
    this.#consumer.wakeup()
    await this.#standbys.pause(paused)
  }

  /** @see org.apache.kafka.streams.processor.internals.StreamThread.State */
  get state(): ThreadStateName {
    if (this.#hasEnded) return 'DEAD'
    if (this.#stopping) return 'PENDING_SHUTDOWN'
    if (this.isRunning) return 'RUNNING'
    if (this.#assigned) return 'PARTITIONS_ASSIGNED'
    if (this.#wasAssigned) return 'PARTITIONS_REVOKED'
    return this.#running === undefined ? 'CREATED' : 'STARTING'
  }

  /** Assigned, and every task restored. */
  get isRunning(): boolean {
    return this.#assigned && this.failure === undefined && this.tasks.every((t) => t.state === 'running')
  }

  start(): void {
    this.#consumer.subscribe(
      [...new Set([...this.#options.tasks.values()].flat().map((p) => p.topic))],
      measuredListener(this.#listener(), this.#options.metrics),
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

  /** Ends the thread as if it had failed with this. */
  fail(error: Error): void {
    this.#sentence = error
    this.#consumer.wakeup()
  }

  #nowMs(): number {
    return this.#options.config.clock.nowMs()
  }

  async #run(): Promise<void> {
    try {
      while (!this.#stopping) await this.#iterateSafely()
      await this.#commitLast().catch((error) =>
        this.#log.warn({ err: error }, 'last commit failed: it will be done over after the next start'),
      )
    } catch (error) {
      this.failure = asError(error)
      this.#log.error({ err: error }, 'stream thread died')
    }
    clearTimeout(this.#probe)
    await this.#standbys.close()
    await this.#closeTasks(this.tasks)
    await this.#consumer.close().catch((error) => this.#log.warn({ err: error }, 'leaving the group failed'))
    this.#hasEnded = true
    this.#options.metrics.close()
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
    const { metrics } = this.#options
    metrics.begin()
    const timeoutMs = this.#hasWork() ? 0 : this.#pollTimeoutMs()
    // A poll that does not wait need not turn the event loop: without a turn nothing would ever arrive.
    if (timeoutMs === 0) await nextTurn()
    const batches = await this.#consumer.poll(timeoutMs)
    metrics.polled(batches)
    for (const batch of batches) {
      const managed = this.#owner.get(nameOf(batch))
      if (managed !== undefined) await this.#isolated(managed, () => managed.task?.add(batch))
    }
    if (this.#sentence !== undefined) throw this.#sentence
    await this.#startReadyTasks()
    if (this.#waiting) endLongBlockages(this.#tasks.values(), this.#options.config.taskTimeoutMs)
    await this.#process()
    this.#flow.regulate(this.#tasks.values())
    await this.#commitIfDue()
    this.#purgeIfDue()
    metrics.end()
  }

  #hasWork(): boolean {
    if (this.#isPaused) return false
    let buffered = false
    for (const { state, task } of this.#tasks.values()) {
      if (state !== 'running') continue
      if (task.hasMail) return true
      if (task.buffered > 0) buffered = true
    }
    return buffered && !this.#waiting
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
    this.#waiting = true
    if (this.#isPaused) return
    const { metrics } = this.#options
    const startedMs = performance.now()
    const deadline = startedMs + SLICE_MS
    let total = 0
    let nowMs = startedMs
    let punctuatedMs = 0
    for (let round = 1; round > 0 && nowMs < deadline; ) {
      round = 0
      for (const managed of this.#tasks.values()) {
        if (managed.state !== 'running') continue
        const { task } = managed
        try {
          const processed = task.process(SLICE_RECORDS)
          round += processed instanceof Promise ? await processed : processed
          const beforeMs = nowMs
          nowMs = performance.now()
          task.metrics.processTime.record(nowMs - beforeMs)
          const punctuated = task.punctuate(false)
          if (punctuated === false) continue
          if (punctuated instanceof Promise) await punctuated
          const tookMs = performance.now() - nowMs
          nowMs += tookMs
          punctuatedMs += tookMs
        } catch (error) {
          await this.#recover(asError(error), managed)
        }
      }
      total += round
    }
    metrics.processed(total, nowMs - startedMs - punctuatedMs)
    for (const managed of this.#tasks.values()) {
      if (managed.state !== 'running') continue
      const pending = this.#isolated(managed, () => managed.task.punctuate(true))
      if (pending !== undefined) await pending
    }
    this.#waiting = total === 0
    if (total > 0) await backpressure(this.#tasks.values(), metrics)
  }

  /** What goes wrong in this is the affair of this task. */
  #isolated(managed: ManagedTask, step: () => unknown): Promise<void> | undefined {
    try {
      const pending = step()
      if (pending instanceof Promise)
        return pending.then(
          () => {},
          (error) => this.#recover(asError(error), managed),
        )
    } catch (error) {
      return this.#recover(asError(error), managed)
    }
  }

  #anyCommitNeeded(): boolean {
    return this.tasks.some((t) => t.state === 'running' && t.task.commitNeeded)
  }

  async #commitIfDue(): Promise<void> {
    const { commitIntervalMs, maxDirtyEntries } = this.#options.config
    const due = this.#nowMs() - this.#lastCommitMs >= commitIntervalMs
    const early = this.tasks.some(
      ({ state, task }) =>
        state === 'running' && !task.draining && (task.commitRequested || task.stores.dirtyEntries > maxDirtyEntries),
    )
    if (due || early) await this.#commitAll()
    else await this.#commitSettled(this.tasks.filter(({ state, task }) => state === 'running' && task.draining))
  }

  /** Tasks with asynchronous work under way take no more records, and are committed when it is finished. */
  async #commitAll(isLast = false): Promise<void> {
    this.#lastCommitMs = this.#nowMs()
    for (const managed of this.#dirtyTasks()) {
      managed.task.drain()
      const pending = this.#isolated(managed, () => managed.task.runMail())
      if (pending !== undefined) await pending
    }
    await this.#commitSettled(this.#dirtyTasks(), isLast)
  }

  #dirtyTasks(): readonly ManagedTask[] {
    return this.tasks.filter((t) => t.state === 'running' && t.task.commitNeeded)
  }

  /** The commit before tasks are given up waits for their work, though not for ever: what is late is done over by whoever has the task next. */
  async #commitLast(): Promise<void> {
    const deadline = performance.now() + this.#options.config.drainTimeoutMs
    for (;;) {
      await this.#commitAll(true)
      const left = this.#dirtyTasks()
      if (left.length === 0) return
      const late: ManagedTask[] = []
      for (const managed of left)
        if (performance.now() >= deadline || !(await settle(managed.task, deadline))) late.push(managed)
      if (late.length === 0) continue
      this.#log.warn({ tasks: late.map((t) => t.taskId) }, 'tasks are closed with unfinished work')
      await this.#closeTasks(late)
    }
  }

  async #commitSettled(tasks: readonly ManagedTask[], isLast = false): Promise<void> {
    const dirty = tasks.filter((t) => t.task.settled)
    if (dirty.length === 0) return
    const startedMs = performance.now()
    const failed = await this.#commits.commit(dirty)
    this.#options.metrics.committed(dirty.length, performance.now() - startedMs)
    for (const { taskId, task } of dirty) if (!task.commitNeeded) this.#retries.over(taskId)
    if (isLast) {
      for (const { managed, error } of failed)
        this.#log.warn({ err: error, taskId: managed.taskId }, 'last commit of a task failed: what it did is done over')
      await this.#closeTasks(failed.map(({ managed }) => managed))
    } else for (const { managed, error } of failed) await this.#recover(error, managed)
  }

  #purgeIfDue(): void {
    const nowMs = this.#nowMs()
    if (this.#purge.isDue(nowMs) && !this.#anyCommitNeeded()) this.#purge.purge(this.tasks, nowMs)
  }

  #unblock(task: StreamTask): void {
    this.#blocked.add(task)
    this.#consumer.wakeup()
  }

  async #startReadyTasks(): Promise<void> {
    const unblocked = this.tasks.filter(({ task }) => this.#blocked.has(task))
    this.#blocked.clear()
    for (const managed of unblocked) await this.#isolated(managed, () => managed.task.retryBlocked())
    for (const managed of this.tasks) {
      if (managed.failure !== undefined) await this.#recover(managed.failure, managed)
      if (managed.state !== 'ready') continue
      this.#retries.runs(managed.taskId)
      for (const { partition, position } of managed.run()) this.#consumer.seek(partition, position.offset)
      this.#flow.resume(managed.inputs)
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
          await this.#commitLast()
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
        this.#wasAssigned = true
        this.#options.onStateChange()
      },
    }
  }

  async #assign(partitions: readonly TopicPartition[]): Promise<void> {
    const mine = new Set(partitions.map(nameOf))
    const wanted = new Map([...this.#options.tasks].filter(([, inputs]) => inputs.every((p) => mine.has(nameOf(p)))))
    await this.#closeTasks(this.tasks.filter((t) => !wanted.has(t.taskId)))
    this.#retries.keepOnly(new Set(wanted.keys()))
    this.#flow.pause(partitions)
    for (const [taskId, inputs] of wanted) {
      const kept = this.#tasks.get(taskId)
      if (kept === undefined) this.#openTask(taskId, inputs, 0, await this.#standbys.release(taskId))
      else if (kept.state === 'running') this.#resumeKept(kept)
    }
    const { standby, warmup, probes } = this.#options.copies()
    await this.#standbys.keep(standby, warmup)
    clearTimeout(this.#probe)
    if (probes)
      this.#probe = setTimeout(() => this.#consumer.requestRejoin(), this.#options.config.probingRebalanceIntervalMs)
    this.#log.info({ tasks: [...wanted.keys()], standby, warmup }, 'tasks assigned')
  }

  #resumeKept({ task, inputs }: ManagedTask): void {
    for (const position of task.positions()) this.#consumer.seek(position, position.offset)
    this.#flow.resume(inputs)
  }

  #openTask(taskId: string, inputs: readonly TopicPartition[], delayMs = 0, databases?: TaskDatabases): void {
    const managed = new ManagedTask(taskId, inputs, this.#env, databases)
    managed.verifiesPuts = this.#retries.verifies(taskId)
    this.#tasks.set(taskId, managed)
    for (const partition of inputs) this.#owner.set(nameOf(partition), managed)
    managed.open(() => this.#consumer.wakeup(), delayMs)
  }

  async #closeTasks(tasks: readonly ManagedTask[]): Promise<void> {
    for (const task of tasks) {
      this.#tasks.delete(task.taskId)
      for (const partition of task.inputs) this.#owner.delete(nameOf(partition))
    }
    await Promise.all(tasks.map((t) => t.close()))
    for (const { taskId, stores } of tasks)
      if (stores?.hasPersistent) this.#options.onStateKept(taskId, stores.persistentOffsetSum)
  }

  /** Does what the class of the error says is due, for the task that had it, or for all; throws it on when that is to stop. */
  async #recover(error: Error, failed?: ManagedTask): Promise<void> {
    if (!(error instanceof BrookError)) throw error
    const affected = failed === undefined ? this.tasks : this.tasks.filter((t) => t === failed)
    switch (error.recovery) {
      case 'retry':
        this.#log.warn({ err: error, taskId: failed?.taskId }, 'trying again')
        // Without a task to blame it was the group or its brokers: what the tasks have is as good as before.
        if (failed === undefined) await new Promise((resolve) => setTimeout(resolve, RETRY_MS))
        else await this.#reopen(affected, (taskId) => this.#retries.delayAfter(taskId, error))
        return
      case 'restore-task': {
        if (error instanceof StateNotWritableError) this.#retries.verify(error)
        const own = failed !== undefined && isCorruption(error) ? [failed.taskId] : []
        const corrupted = error instanceof TaskCorruptedError ? error.taskIds : own
        this.#log.warn({ err: error, taskId: failed?.taskId }, 'restoring tasks')
        const worse = corrupted.length > 0 ? this.tasks.filter((t) => corrupted.includes(t.taskId)) : affected
        await this.#reopen(worse, (taskId) => this.#retries.backOff(taskId), corrupted)
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

  /** Begins these tasks anew from what is committed, with producers that work; the others go on meanwhile. */
  async #reopen(
    tasks: readonly ManagedTask[],
    delayOf: (taskId: string) => number,
    corrupted: readonly string[] = [],
  ): Promise<void> {
    if (tasks.length === 0) return
    const delays = new Map(tasks.map(({ taskId }) => [taskId, delayOf(taskId)]))
    for (const { collector } of tasks)
      if (collector?.isBroken) this.#options.sharedProducer?.replace(collector.producer)
    await this.#closeTasks(tasks)
    for (const taskId of corrupted) await this.#options.wipeState(taskId)
    for (const { taskId, inputs } of tasks) {
      this.#flow.pause(inputs)
      this.#openTask(taskId, inputs, delays.get(taskId))
    }
    this.#options.onStateChange()
  }
}
