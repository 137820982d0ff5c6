import { extname } from 'node:path'
import { Worker } from 'node:worker_threads'
import { asError } from '../../common/errors.ts'
import { StoreNotAvailableError, StreamThreadDiedError } from '../errors.ts'
import { inTime } from '../runtime/client/in-time.ts'
import type { StoreTap } from '../runtime/state/store-taps.ts'
import { unpackChange } from './followed-changes.ts'
import { callListener, type UserListeners } from './listeners.ts'
import type {
  FromThread,
  ScanBatch,
  StoreAddress,
  ThreadBoot,
  ThreadMetricValues,
  ThreadStatus,
  ToThread,
} from './messages.ts'
import { unpackError } from './port-errors.ts'
import type { PortLogLine } from './port-logger.ts'
import type { StoreLink } from './remote-store.ts'
import type { WireRows } from './store-reads.ts'
import type { TaskLocks } from './task-locks.ts'

const WORKER = new URL(`./worker${extname(import.meta.url)}`, import.meta.url)
const NOTHING: ThreadStatus = {
  state: 'CREATED',
  generation: 0,
  tasks: [],
  standbyTasks: [],
  changelogs: [],
  tasksByEndpoint: [],
  standbysByEndpoint: [],
  heldBack: [],
  globalOffsets: [],
}
/** A thread that is asked for numbers only: it may be busy, and nobody waits longer. */
const METRICS_TIMEOUT_MS = 2_000

export interface WorkerThreadOptions {
  readonly boot: ThreadBoot
  readonly locks: TaskLocks
  readonly listeners: UserListeners
  readonly onStatus: (thread: WorkerThread) => void
  /** The thread has closed a task. */
  readonly onKept: (thread: WorkerThread, taskId: string, offsetSum: number) => void
  /** The thread has ended without being told to; everything that it had is free. */
  readonly onDied: (thread: WorkerThread, error: Error) => void
  readonly onLog: (line: PortLogLine) => void
}

interface Ask {
  readonly resolve: (answer: unknown) => void
  readonly reject: (error: Error) => void
  /** What the asker is told when the thread is gone. */
  readonly gone: () => Error
}

/** A stream thread as the main thread sees it: a worker with an event loop, Kafka clients and tasks of its own. */
export class WorkerThread {
  readonly name: string
  readonly #options: WorkerThreadOptions
  readonly #worker: Worker
  readonly #locks = new Map<number, () => void>()
  readonly #asks = new Map<number, Ask>()
  readonly #taps = new Map<number, StoreTap>()
  readonly #exited: Promise<void>
  readonly #started = Promise.withResolvers<undefined>()
  #hasStarted = false
  #status = NOTHING
  #nextAsk = 1
  #failure: Error | undefined
  #isClosing = false
  #isGone = false

  constructor(options: WorkerThreadOptions) {
    this.name = options.boot.threadName
    this.#options = options
    this.#worker = new Worker(WORKER, { workerData: options.boot, name: this.name })
    this.#worker.on('message', (message: FromThread) => this.#receive(message))
    this.#worker.on('error', (error) => {
      this.#failure ??= new StreamThreadDiedError(this.name, asError(error).message, { cause: error })
    })
    this.#exited = new Promise((resolve) => this.#worker.once('exit', (code) => resolve(this.#ended(code))))
    this.#started.promise.catch(() => {})
  }

  get status(): ThreadStatus {
    return this.#status
  }

  /** It has joined, and its global stores are filled. */
  get hasStarted(): boolean {
    return this.#hasStarted
  }

  /** Not ended, and not about to. */
  get isAlive(): boolean {
    return !this.#isClosing && !this.#isGone
  }

  /** Resolves when the thread has joined; rejects when it ended before. */
  get started(): Promise<undefined> {
    return this.#started.promise
  }

  /** Commits, closes the tasks, leaves the group, ends the thread; ends it as it is when the time is over. Answers whether it took no longer. */
  async close(timeoutMs: number): Promise<boolean> {
    this.#isClosing = true
    this.#send({ kind: 'close' })
    const hasEnded = await inTime(this.#exited, timeoutMs)
    if (!hasEnded) await this.#worker.terminate()
    await this.#exited
    return hasEnded
  }

  setPaused(isPaused: boolean): void {
    this.#send({ kind: isPaused ? 'pause' : 'resume' })
  }

  /** Another thread has closed a task, with its state so far. */
  keptElsewhere(taskId: string, offsetSum: number): void {
    this.#send({ kind: 'kept-elsewhere', taskId, offsetSum })
  }

  /** Has a task commit soon. */
  hasten(taskId: string): void {
    this.#send({ kind: 'hasten', taskId })
  }

  /** What this thread counts; empty when it has ended, or takes too long. */
  async metrics(): Promise<ThreadMetricValues> {
    const timeout = new Promise<undefined>((resolve) =>
      setTimeout(() => resolve(undefined), METRICS_TIMEOUT_MS).unref(),
    )
    const asked = this.#ask(
      (id) => ({ kind: 'metrics', id }),
      () => new StreamThreadDiedError(this.name, 'it has ended'),
    )
    const answer = await Promise.race([asked.catch(() => undefined), timeout])
    return (answer as ThreadMetricValues | undefined) ?? { families: [], metrics: [] }
  }

  /** The way to a store here. A thread that ends, or gives the task up, answers with {@link StoreNotAvailableError}: try again. */
  storeLink(at: StoreAddress): StoreLink {
    const gone = (): Error => new StoreNotAvailableError(at.store, 'migrated')
    return {
      read: async (read) => (await this.#ask((id) => ({ kind: 'read', id, at, read }), gone)) as WireRows,
      scan: (scan) => this.#scan((id) => ({ kind: 'scan', id, at, scan }), gone),
    }
  }

  /** Tells `tap` what commits change in a store, from the next one on that this thread makes; reads that are asked for later see those before. */
  follow(at: StoreAddress, tap: StoreTap): () => void {
    if (!this.isAlive) {
      tap.closed()
      return () => {}
    }
    const id = this.#nextAsk++
    this.#taps.set(id, tap)
    this.#send({ kind: 'follow', id, at })
    return () => {
      if (this.#taps.delete(id)) this.#send({ kind: 'unfollow', id })
    }
  }

  async *#scan(open: (id: number) => ToThread, gone: () => Error): AsyncGenerator<WireRows> {
    const id = this.#nextAsk++
    let isOver = false
    let batch = (await this.#ask(open, gone, id)) as ScanBatch
    try {
      for (;;) {
        isOver = batch.isLast
        if (batch.rows !== undefined) yield batch.rows
        if (isOver) return
        batch = (await this.#ask(() => ({ kind: 'next', id }), gone, id)) as ScanBatch
      }
    } catch (error) {
      isOver = true
      throw error
    } finally {
      if (!isOver) this.#send({ kind: 'end-scan', id })
    }
  }

  #ask(message: (id: number) => ToThread, gone: () => Error, id = this.#nextAsk++): Promise<unknown> {
    if (!this.isAlive) return Promise.reject(gone())
    return new Promise((resolve, reject) => {
      this.#asks.set(id, { resolve, reject, gone })
      this.#send(message(id))
    })
  }

  #send(message: ToThread): void {
    if (!this.#isGone) this.#worker.postMessage(message)
  }

  #receive(message: FromThread): void {
    switch (message.kind) {
      case 'status':
        this.#status = message.status
        this.#options.onStatus(this)
        return
      case 'started':
        this.#hasStarted = true
        this.#started.resolve(undefined)
        return
      case 'failed':
        this.#failure ??= unpackError(message.error)
        return
      case 'closed':
        return
      case 'log':
        this.#options.onLog(message.line)
        return
      case 'kept':
        this.#options.onKept(this, message.taskId, message.offsetSum)
        return
      case 'listener':
        callListener(this.#options.listeners, message.call)
        return
      case 'lock': {
        const { lock, taskId } = message
        this.#locks.set(
          lock,
          this.#options.locks.acquire(taskId, this.name, () => this.#send({ kind: 'granted', lock })),
        )
        return
      }
      case 'unlock':
        this.#locks.get(message.lock)?.()
        this.#locks.delete(message.lock)
        return
      case 'answer':
        this.#take(message.id)?.resolve(message.answer)
        return
      case 'changed':
        this.#taps.get(message.id)?.committed(message.changes.map(unpackChange), message.offset)
        return
      case 'following':
        this.#taps.get(message.id)?.began?.(message.offset)
        return
      case 'followed-to-the-end':
        this.#endTap(message.id)
        return
      case 'refusal':
        this.#take(message.id)?.reject(unpackError(message.error))
        return
    }
  }

  #endTap(id: number): void {
    const tap = this.#taps.get(id)
    this.#taps.delete(id)
    tap?.closed()
  }

  #take(id: number): Ask | undefined {
    const ask = this.#asks.get(id)
    this.#asks.delete(id)
    return ask
  }

  #ended(exitCode: number): void {
    this.#isGone = true
    this.#status = { ...NOTHING, state: 'NOT_RUNNING' }
    this.#locks.clear()
    this.#options.locks.releaseAll(this.name)
    for (const { reject, gone } of this.#asks.values()) reject(gone())
    this.#asks.clear()
    for (const id of [...this.#taps.keys()]) this.#endTap(id)
    const why = this.#isClosing ? 'it was ended before it had joined' : `its worker ended with code ${exitCode}`
    const error = this.#failure ?? new StreamThreadDiedError(this.name, why)
    this.#started.reject(error)
    if (!this.#isClosing) this.#options.onDied(this, error)
  }
}
