import type { Transferable } from 'node:worker_threads'
import { asError } from '../../common/errors.ts'
import { Metrics } from '../../common/metrics.ts'
import type { KafkaProvider } from '../../kafka/port.ts'
import { KafkaStreams } from '../runtime/client/kafka-streams.ts'
import type { StreamsOptions } from '../runtime/client/streams-config.ts'
import type { AssignmentNews } from '../runtime/group/assignor.ts'
import type { ThreadInside } from '../runtime/thread/thread-place.ts'
import { listenersInThread } from './listeners.ts'
import type { FromThread, ThreadBoot, ThreadMetricValues, ThreadStatus, ToThread } from './messages.ts'
import { packError } from './port-errors.ts'
import { portLogger } from './port-logger.ts'
import { SharedDirectory } from './shared-directory.ts'
import { StoreService } from './store-service.ts'
import { runTopologyModule } from './topology-module.ts'

export type SendToMain = (message: FromThread, transfer?: readonly Transferable[]) => void

/** How often the main thread is told what changes all the time. */
const STATUS_MS = 100

/** The inside of a stream thread: a client with one thread, and the errands that the main thread gives it. */
export class ThreadHost {
  readonly #boot: ThreadBoot
  readonly #send: SendToMain
  readonly #metrics = new Metrics()
  readonly #waitingForLocks = new Map<number, () => void>()
  readonly #closing = Promise.withResolvers<void>()
  readonly #failing = Promise.withResolvers<void>()
  readonly #directory: SharedDirectory
  #streams: KafkaStreams | undefined
  #service: StoreService | undefined
  #isPaused: boolean
  #inside: ThreadInside | undefined
  #news: AssignmentNews | undefined
  #generation = 0
  #nextLock = 1
  #statusSent = ''
  #error: Error | undefined

  constructor(boot: ThreadBoot, send: SendToMain) {
    this.#boot = boot
    this.#send = send
    this.#isPaused = boot.isPaused
    this.#directory = new SharedDirectory(boot.stateDir, boot.offsetSums, (taskId, offsetSum) =>
      send({ kind: 'kept', taskId, offsetSum }),
    )
  }

  /** Resolves when the thread has ended, because it was told to or because of an error, which has been told. */
  async run(): Promise<void> {
    let kafka: KafkaProvider | undefined
    const timer = setInterval(() => this.#tellStatus(), STATUS_MS)
    try {
      kafka = await this.#connect()
      this.#streams = await this.#client(kafka)
      this.#service = new StoreService(this.#streams.queries, this.#inside as ThreadInside, this.#send)
      await Promise.race([this.#streams.start().then(() => this.#send({ kind: 'started' })), this.#closing.promise])
      await Promise.race([this.#closing.promise, this.#failing.promise])
      await this.#streams.close()
    } catch (error) {
      this.#error ??= asError(error)
    }
    clearInterval(timer)
    await kafka?.close().catch(() => {})
    if (this.#error !== undefined) this.#send({ kind: 'failed', error: packError(this.#error) })
    else this.#send({ kind: 'closed' })
  }

  receive(message: ToThread): void {
    switch (message.kind) {
      case 'close':
        this.#closing.resolve()
        return
      case 'pause':
      case 'resume':
        this.#isPaused = message.kind === 'pause'
        this.#applyPause()
        return
      case 'granted':
        this.#waitingForLocks.get(message.lock)?.()
        return
      case 'kept-elsewhere':
        this.#directory.keptElsewhere(message.taskId, message.offsetSum)
        return
      case 'metrics':
        this.#tellMetrics(message.id)
        return
      default:
        if (this.#service === undefined) this.#refuse(message)
        else this.#service.receive(message)
    }
  }

  async #connect(): Promise<KafkaProvider> {
    const { module, exportName, options } = this.#boot.provider
    const exports = (await import(module)) as Record<string, (options: object) => KafkaProvider>
    const create = exports[exportName] as (options: object) => KafkaProvider
    return create({ ...options, logger: this.#logger() })
  }

  #logger() {
    return portLogger(this.#boot.writtenLogMethods, (line) => this.#send({ kind: 'log', line }))
  }

  async #client(kafka: KafkaProvider): Promise<KafkaStreams> {
    const { topology, handlers } = await runTopologyModule(this.#boot.module)
    const { threadName, processId, plan, globalStateDir } = this.#boot
    const options = {
      ...handlers,
      ...this.#boot.options,
      kafka,
      log: this.#logger(),
      metrics: this.#metrics,
      ...listenersInThread(this.#boot.tells, (call) => this.#send({ kind: 'listener', call })),
      onUncaughtError: (error: Error) => {
        this.#error ??= error
        this.#failing.resolve()
      },
    } as StreamsOptions
    const streams = new KafkaStreams(topology, options, {
      threadName,
      processId,
      plan,
      directory: this.#directory,
      globalStateDir,
      attach: (inside) => {
        this.#inside = inside
      },
      gate: (taskId, signal) => this.#lock(taskId, signal),
      onStatus: () => this.#tellStatus(),
    })
    streams.onStateChange((to) => {
      this.#tellStatus()
      if (to === 'NOT_RUNNING') this.#failing.resolve()
    })
    this.#streams = streams
    this.#applyPause()
    return streams
  }

  #applyPause(): void {
    if (this.#streams === undefined) return
    if (this.#isPaused) this.#streams.pause()
    else this.#streams.resume()
  }

  /** Resolves when the task may be opened here; the answer says that it is closed. */
  #lock(taskId: string, signal: AbortSignal | undefined): Promise<() => void> {
    const lock = this.#nextLock++
    const release = (): void => {
      if (this.#waitingForLocks.delete(lock)) this.#send({ kind: 'unlock', lock })
    }
    return new Promise((resolve, reject) => {
      const giveUp = (): void => {
        release()
        reject(asError(signal?.reason))
      }
      signal?.addEventListener('abort', giveUp, { once: true })
      this.#waitingForLocks.set(lock, () => {
        signal?.removeEventListener('abort', giveUp)
        resolve(release)
      })
      this.#send({ kind: 'lock', lock, taskId })
      if (signal?.aborted) giveUp()
    })
  }

  #tellStatus(): void {
    const streams = this.#streams
    const inside = this.#inside
    if (streams === undefined || inside === undefined) return
    const news = inside.news()
    if (news !== this.#news) this.#generation++
    this.#news = news
    const { tasksByEndpoint, standbysByEndpoint } = news
    const thread = inside.thread()
    const status: ThreadStatus = {
      state: streams.state,
      generation: this.#generation,
      tasks: streams.tasks(),
      standbyTasks: streams.standbyTasks(),
      changelogs: [...(thread?.tasks ?? []), ...(thread?.standbys ?? [])].flatMap(({ taskId, stores }) =>
        (stores?.changelogs() ?? []).map((changelog) => ({ taskId, ...changelog })),
      ),
      tasksByEndpoint: [...tasksByEndpoint],
      standbysByEndpoint: [...standbysByEndpoint],
      heldBack: this.#service?.heldBack() ?? [],
      globalOffsets: this.#service?.globalOffsets() ?? [],
    }
    const text = JSON.stringify(status)
    if (text === this.#statusSent) return
    this.#statusSent = text
    this.#send({ kind: 'status', status })
  }

  #tellMetrics(id: number): void {
    const told = Promise.all([this.#metrics.families(), this.#streams?.metrics() ?? []])
    told.then(
      ([families, metrics]) =>
        this.#send({ kind: 'answer', id, answer: { families, metrics } satisfies ThreadMetricValues }),
      (error) => this.#send({ kind: 'refusal', id, error: packError(error) }),
    )
  }

  #refuse(message: ToThread): void {
    if ('id' in message && message.kind !== 'end-scan')
      this.#send({ kind: 'refusal', id: message.id, error: packError(new Error('the thread is starting')) })
  }
}
