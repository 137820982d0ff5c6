import { setTimeout as sleep } from 'node:timers/promises'
import { DiskFullError } from '../../../common/disk-full.ts'
import { asError, BrookError } from '../../../common/errors.ts'
import { partitionName, type TopicPartition } from '../../../common/record.ts'
import { OffsetOutOfRangeError } from '../../../kafka/errors.ts'
import type { Admin, KafkaProvider, LogReader } from '../../../kafka/port.ts'
import { isCorruption } from '../../../stores/errors.ts'
import type { OpenTaskDatabase } from '../../../stores/task-database.ts'
import { nameOf } from '../client/application.ts'
import { type TaskMetrics, taskMetrics } from '../metrics/task-metrics.ts'
import type { ThreadMetrics } from '../metrics/thread-metrics.ts'
import { openTaskStores, type StoresEnvironment } from '../state/open-task-stores.ts'
import { RESTORE_FETCH_BYTES } from '../state/restore.ts'
import type { TaskDatabases } from '../state/task-stores.ts'
import { StandbyUpdates, type SuspendReason } from './standby-listener.ts'
import { StandbyTask } from './standby-task.ts'

const POLL_MS = 200
const RETRY_MS = 1_000
/** How often it is asked how far the group has committed source topics that are changelogs. */
const LIMIT_MS = 1_000

export interface StandbyEnvironment extends StoresEnvironment {
  readonly kafka: KafkaProvider
  readonly admin: Admin
  readonly metrics: ThreadMetrics
  readonly wipeState: (taskId: string) => Promise<void>
  /** Called when all of these copies, that are to become active here, have caught up. */
  readonly onWarm: () => void
}

/**
 * The standby tasks of one thread: one reader without a group follows all their changelogs, beside the thread's loop. What
 * fails is tried again; a copy that cannot be read is begun anew.
 */
export class StandbyTasks {
  readonly #env: StandbyEnvironment
  readonly #updates: StandbyUpdates
  readonly #tasks = new Map<string, StandbyTask>()
  readonly #metrics = new Map<string, TaskMetrics>()
  /** Source topics that are changelogs: how far the group has committed them. */
  readonly #limits = new Map<string, number>()
  #wanted: readonly string[] = []
  #warming = new Set<string>()
  #reader: LogReader | undefined
  #running: Promise<void> | undefined
  #abort = new AbortController()
  #isPaused = false

  constructor(env: StandbyEnvironment) {
    this.#env = env
    this.#updates = new StandbyUpdates(env.config.standbyUpdateListener, env.config.log)
  }

  get tasks(): readonly StandbyTask[] {
    return [...this.#tasks.values()]
  }

  /** From now on the copies of these tasks are kept; `warming` are to become active here. The others are closed. */
  async keep(taskIds: readonly string[], warming: readonly string[]): Promise<void> {
    await this.#halt()
    this.#wanted = taskIds
    this.#warming = new Set(warming)
    await Promise.all(
      this.tasks.filter(({ taskId }) => !taskIds.includes(taskId)).map(({ taskId }) => this.#close(taskId)),
    )
    this.#start()
  }

  /** Gives the databases of a copy away, open: its task becomes active. Nothing is followed until `keep` is called. */
  async release(taskId: string): Promise<TaskDatabases | undefined> {
    await this.#halt()
    return this.#forget(taskId, 'PROMOTED')?.stores.release()
  }

  async pause(paused: boolean): Promise<void> {
    await this.#halt()
    this.#isPaused = paused
    this.#start()
  }

  async close(): Promise<void> {
    await this.#halt()
    this.#wanted = []
    await Promise.all([...this.#tasks.keys()].map((taskId) => this.#close(taskId)))
  }

  get #stopping(): boolean {
    return this.#abort.signal.aborted
  }

  async #close(taskId: string): Promise<void> {
    await this.#forget(taskId, 'MIGRATED')?.stores.close()
  }

  #forget(taskId: string, reason: SuspendReason): StandbyTask | undefined {
    const task = this.#tasks.get(taskId)
    if (task !== undefined) this.#updates.suspended(task, reason)
    this.#tasks.delete(taskId)
    this.#metrics.get(taskId)?.close()
    this.#metrics.delete(taskId)
    return task
  }

  async #halt(): Promise<void> {
    this.#abort.abort()
    this.#reader?.wakeup()
    await this.#running
    this.#running = undefined
  }

  #start(): void {
    if (this.#wanted.length === 0 || this.#isPaused) return
    this.#abort = new AbortController()
    this.#running = this.#run()
  }

  async #run(): Promise<void> {
    while (!this.#stopping) {
      try {
        await this.#open()
        await this.#follow()
      } catch (thrown) {
        await this.#recover(asError(thrown))
      }
    }
  }

  /** Opens what is wanted and not open yet. */
  async #open(): Promise<void> {
    const { admin } = this.#env
    for (const taskId of this.#wanted) {
      if (this.#tasks.has(taskId) || this.#stopping) continue
      const { signal } = this.#abort
      const openPersistent: OpenTaskDatabase = (id) => this.#env.openPersistent(id, signal)
      const env = { ...this.#env, openPersistent }
      const metrics = taskMetrics(env.metrics, taskId)
      const stores = await openTaskStores(taskId, env, metrics).catch((error) => {
        metrics.close()
        return this.#blame(taskId, error)
      })
      const task = new StandbyTask(taskId, stores)
      this.#tasks.set(taskId, task)
      this.#metrics.set(taskId, metrics)
      metrics.observeCopy(task.positions(), (topic) => task.lagOfTopic(topic))
      task.startAt(await admin.beginningOffsets(task.positions()))
      this.#updates.started(task)
      this.#env.config.log.info({ taskId }, 'standby task opened')
    }
  }

  async #follow(): Promise<void> {
    const { kafka, config } = this.#env
    const isolationLevel = config.exactlyOnce ? 'read_committed' : 'read_uncommitted'
    const reader = kafka.createReader({ isolationLevel, maxPartitionBytes: RESTORE_FETCH_BYTES, packed: true })
    this.#reader = reader
    try {
      await this.#askLimits()
      let askedMs = performance.now()
      await reader.assign(this.tasks.flatMap((task) => task.positions()))
      const held = new Map<string, TopicPartition>()
      while (!this.#stopping) {
        for (const batch of await reader.poll(POLL_MS)) {
          const name = nameOf(batch)
          const task = this.tasks.find((t) => t.follows(name))
          if (task === undefined) continue
          const limit = this.#limits.get(name)
          const more = await task
            .take(batch, limit ?? Number.POSITIVE_INFINITY)
            .catch((e) => this.#blame(task.taskId, e))
          this.#metrics.get(task.taskId)?.updated(batch.records.length)
          this.#updates.loaded(task, batch.topic, batch.records.length, reader.lag(batch))
          this.#env.metrics.restored(batch.records.length)
          if (!more || limit === undefined) continue
          reader.pause([batch])
          reader.seek(batch, limit)
          held.set(name, { topic: batch.topic, partition: batch.partition })
        }
        if (this.#limits.size > 0 && performance.now() - askedMs >= LIMIT_MS) {
          await this.#askLimits()
          askedMs = performance.now()
          reader.resume([...held.values()])
          held.clear()
        }
        for (const task of this.#tasks.values()) task.updateLags(reader, (name) => this.#limits.get(name) ?? 0)
        this.#tellWhenWarm()
      }
    } finally {
      this.#reader = undefined
      await reader.close()
    }
  }

  async #askLimits(): Promise<void> {
    const topics = [...new Set(this.tasks.flatMap((task) => task.sources))]
    this.#limits.clear()
    if (topics.length === 0) return
    const committed = await this.#env.admin.committedOffsets(this.#env.application.id, topics)
    for (const { sources, stores } of this.#tasks.values())
      for (const topic of sources) {
        const name = partitionName(topic, stores.partition)
        this.#limits.set(name, committed.get(name)?.offset ?? 0)
      }
  }

  #tellWhenWarm(): void {
    if (this.#warming.size === 0) return
    const most = this.#env.config.acceptableRecoveryLag
    for (const taskId of this.#warming) {
      const lag = this.#tasks.get(taskId)?.lag
      if (lag === undefined || lag > most) return
    }
    this.#warming = new Set()
    this.#env.onWarm()
  }

  #blame(taskId: string, error: unknown): never {
    throw new StandbyFailure(taskId, asError(error))
  }

  async #recover(error: Error): Promise<void> {
    const { log } = this.#env.config
    if (this.#stopping) return
    log.warn({ err: error }, 'standby tasks begin again')
    const taskId = error instanceof StandbyFailure ? error.taskId : undefined
    const cause = error instanceof StandbyFailure ? error.cause : error
    if (taskId !== undefined && (isCorruption(cause) || isDueForRestore(cause))) await this.#begin([taskId])
    // It takes no more writes: it is opened again, as it is.
    else if (taskId !== undefined && cause instanceof DiskFullError) await this.#close(taskId)
    else if (cause instanceof OffsetOutOfRangeError) await this.#begin([...this.#tasks.keys()])
    await sleep(RETRY_MS, undefined, { signal: this.#abort.signal }).catch(() => {})
  }

  /** Wipes these copies; they are built again from the start of their changelogs. */
  async #begin(taskIds: readonly string[]): Promise<void> {
    for (const taskId of taskIds) {
      await this.#close(taskId)
      await this.#env.wipeState(taskId)
    }
  }
}

class StandbyFailure extends Error {
  readonly taskId: string
  override readonly cause: Error

  constructor(taskId: string, cause: Error) {
    super(`standby task ${taskId}: ${cause.message}`)
    this.taskId = taskId
    this.cause = cause
  }
}

function isDueForRestore(error: unknown): boolean {
  return error instanceof BrookError && error.recovery === 'restore-task'
}
