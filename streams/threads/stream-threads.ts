import { join } from 'node:path'
import type { Logger } from '../../common/log.ts'
import type { MetricFamily } from '../../common/metrics.ts'
import type { QueriedStores, QueriedTask, StandbyTask } from '../query/query-host.ts'
import type { Application } from '../runtime/client/application.ts'
import type { StandbyTaskInfo, TaskInfo, ThreadMetadata } from '../runtime/client/client-info.ts'
import type { StateDirectory } from '../runtime/client/state-directory.ts'
import type { TasksByEndpoint } from '../runtime/group/assignor.ts'
import type { TopicPlan } from '../runtime/group/internal-topics.ts'
import type { StreamsMetric } from '../runtime/metrics/streams-metrics.ts'
import { heardOf, type UserListeners } from './listeners.ts'
import { type PortLogLine, writeLine, writtenMethods } from './port-logger.ts'
import { remoteGlobalStores, remoteStandby, remoteTask } from './remote-task.ts'
import { TaskLocks } from './task-locks.ts'
import { isClientRunning, nextThreadIndex, threadName } from './thread-states.ts'
import { cacheShare, type WorkerPlan } from './worker-options.ts'
import { WorkerThread } from './worker-thread.ts'

export interface StreamThreadsOptions {
  readonly plan: WorkerPlan
  readonly application: Application
  readonly processId: string
  readonly count: number
  readonly directory: StateDirectory
  readonly cacheMaxBytes: number
  readonly log: Logger
  readonly listeners: UserListeners
  /** The states of threads or their tasks have changed. */
  readonly onStatus: () => void
  /** A thread has ended because of an error; it is not among the threads any more. */
  readonly onDied: (error: Error) => void
}

interface Numbered {
  readonly index: number
  readonly thread: WorkerThread
}

/** The stream threads of a client that are workers: makes them, replaces them, and tells what they say as one. */
export class StreamThreads {
  readonly #options: StreamThreadsOptions
  readonly #locks = new TaskLocks()
  readonly #log: Logger
  readonly #threads: Numbered[] = []
  readonly #closings = new Set<Promise<boolean>>()
  #topics: TopicPlan | undefined
  #isPaused = false
  #isStopped = false
  /** Numbers of threads that died, to be given to those that replace them. */
  readonly #died: number[] = []
  #tasksByEndpoint: TasksByEndpoint = new Map()
  #standbysByEndpoint: TasksByEndpoint = new Map()
  readonly #unsettledSince = new WeakMap<WorkerThread, number>()

  constructor(options: StreamThreadsOptions) {
    this.#options = options
    this.#log = options.log
  }

  /** In the order of their numbers. */
  get threads(): readonly WorkerThread[] {
    return this.#threads.map(({ thread }) => thread)
  }

  get names(): readonly string[] {
    return this.threads.map(({ name }) => name)
  }

  get isRunning(): boolean {
    const states = this.threads.map((t) => (this.#isSettled(t) ? t.status.state : 'REBALANCING'))
    return isClientRunning(states)
  }

  /** Since a thread has gone, whose tasks are nobody's until the group has given them away, it has had an assignment. */
  #isSettled(thread: WorkerThread): boolean {
    return thread.status.generation > (this.#unsettledSince.get(thread) ?? -1)
  }

  #unsettle(): void {
    for (const thread of this.threads) this.#unsettledSince.set(thread, thread.status.generation)
    this.#options.onStatus()
  }

  get tasksByEndpoint(): TasksByEndpoint {
    return this.#tasksByEndpoint
  }

  get standbysByEndpoint(): TasksByEndpoint {
    return this.#standbysByEndpoint
  }

  /** Tasks and copies of tasks that a thread has open, or is about to open. */
  get openTasks(): ReadonlySet<string> {
    return this.#locks.held
  }

  tasks(): readonly TaskInfo[] {
    return this.threads.flatMap(({ status }) => status.tasks)
  }

  standbyTasks(): readonly StandbyTaskInfo[] {
    return this.threads.flatMap(({ status }) => status.standbyTasks)
  }

  metadata(): readonly ThreadMetadata[] {
    return this.threads.map(({ name, status: { state, tasks, standbyTasks } }) => ({
      threadName: name,
      threadState: state,
      activeTasks: tasks.map((t) => t.taskId),
      standbyTasks: standbyTasks.map((t) => t.taskId),
    }))
  }

  queriedTasks(): readonly QueriedTask[] {
    const { application } = this.#options
    return this.threads.flatMap((thread) => thread.status.tasks.map((task) => remoteTask(application, thread, task)))
  }

  queriedStandbys(): readonly StandbyTask[] {
    const { application } = this.#options
    return this.threads.flatMap((thread) =>
      thread.status.standbyTasks.map((standby) => remoteStandby(application, thread, standby)),
    )
  }

  /** Of a thread that has filled its copy. */
  globalStores(): QueriedStores | undefined {
    const filled = this.threads.find(({ hasStarted }) => hasStarted)
    return filled && remoteGlobalStores(this.#options.application, filled)
  }

  /** Starts all threads; rejects when one of them cannot. */
  async start(topics: TopicPlan): Promise<void> {
    this.#topics = topics
    for (let i = 0; i < this.#options.count; i++) this.#open()
    await Promise.all(this.threads.map((thread) => thread.started))
  }

  /** Adds a thread; resolves with its name when it has joined. */
  async add(): Promise<string> {
    const thread = this.#open()
    await thread.started
    return thread.name
  }

  /** In the place of a thread that died. Whether it comes to life is told by what it says. */
  replace(): void {
    this.#open(this.#died.shift())
  }

  /** Ends the thread that was added last, when its tasks are committed and given back; `undefined` when there is none. */
  async remove(timeoutMs: number): Promise<string | undefined> {
    const last = this.#threads.pop()
    if (last === undefined) return undefined
    const { name } = last.thread
    this.#unsettle()
    if (!(await this.#close(last.thread, timeoutMs)))
      this.#log.warn({ threadId: name, timeoutMs }, 'the thread did not end in time and was ended as it was')
    return name
  }

  /** Ends all threads. Answers whether they took no longer than this. */
  async stop(timeoutMs: number): Promise<boolean> {
    this.#isStopped = true
    for (const { thread } of this.#threads.splice(0)) void this.#close(thread, timeoutMs)
    const inTime = await Promise.all(this.#closings)
    return inTime.every((one) => one)
  }

  setPaused(isPaused: boolean): void {
    this.#isPaused = isPaused
    for (const thread of this.threads) thread.setPaused(isPaused)
  }

  /** What all threads count, each value under its thread's name. */
  async metrics(): Promise<readonly MetricFamily[]> {
    const told = this.threads.map(async (thread) => withThread((await thread.metrics()).families, thread.name))
    return (await Promise.all(told)).flat()
  }

  /** The same under the names of Kafka Streams. */
  async streamsMetrics(): Promise<readonly StreamsMetric[]> {
    const told = await Promise.all(this.threads.map((thread) => thread.metrics()))
    return told.flatMap(({ metrics }) => metrics)
  }

  #open(index = nextThreadIndex(this.#threads.map((t) => t.index))): WorkerThread {
    const { plan, application, processId, directory, cacheMaxBytes, count, listeners } = this.#options
    const name = threadName(application.id, index)
    const thread = new WorkerThread({
      boot: {
        threadName: name,
        processId,
        module: plan.module,
        provider: plan.provider,
        options: { ...plan.options, cacheMaxBytes: cacheShare(cacheMaxBytes, count) },
        plan: this.#topics as TopicPlan,
        stateDir: directory.path,
        offsetSums: directory.offsetSums,
        globalStateDir: join(directory.path, 'threads', String(index)),
        writtenLogMethods: writtenMethods(this.#log),
        tells: heardOf(listeners),
        isPaused: this.#isPaused,
      },
      locks: this.#locks,
      listeners,
      onStatus: (one) => this.#changed(one),
      onKept: (one, taskId, offsetSum) => this.#kept(one, taskId, offsetSum),
      onDied: (one, error) => this.#lost(one, error),
      onLog: (line: PortLogLine) => writeLine(this.#log, line),
    })
    this.#threads.push({ index, thread })
    this.#threads.sort((a, b) => a.index - b.index)
    return thread
  }

  #close(thread: WorkerThread, timeoutMs: number): Promise<boolean> {
    const closing = thread.close(timeoutMs).finally(() => this.#closings.delete(closing))
    this.#closings.add(closing)
    return closing
  }

  #changed(thread: WorkerThread): void {
    const { tasksByEndpoint, standbysByEndpoint } = thread.status
    if (tasksByEndpoint.length > 0) this.#tasksByEndpoint = new Map(tasksByEndpoint)
    this.#standbysByEndpoint = new Map(standbysByEndpoint)
    this.#options.onStatus()
  }

  #kept(thread: WorkerThread, taskId: string, offsetSum: number): void {
    this.#options.directory.keepOffsetSum(taskId, offsetSum)
    for (const other of this.threads) if (other !== thread) other.keptElsewhere(taskId, offsetSum)
  }

  #lost(thread: WorkerThread, error: Error): void {
    const at = this.#threads.findIndex((t) => t.thread === thread)
    const [gone] = at < 0 ? [] : this.#threads.splice(at, 1)
    if (gone !== undefined) this.#died.push(gone.index)
    if (this.#isStopped) return
    this.#unsettle()
    this.#options.onDied(error)
  }
}

function withThread(families: readonly MetricFamily[], name: string): readonly MetricFamily[] {
  return families.map((family) => ({
    ...family,
    values: family.values.map((value) => ({ ...value, labels: { thread_id: name, ...value.labels } })),
  }))
}
