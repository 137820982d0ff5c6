import { asError } from '../../common/errors.ts'
import { partitionName, type TopicPartition } from '../../common/record.ts'
import type { InteractiveQueries } from '../query/queries.ts'
import { partitionOf } from '../runtime/client/application.ts'
import { GLOBAL_TASK_ID } from '../runtime/task/global-task.ts'
import type { ManagedTask } from '../runtime/thread/managed-task.ts'
import type { ThreadInside } from '../runtime/thread/thread-place.ts'
import { packChange } from './followed-changes.ts'
import type { ScanBatch, StoreAddress, ThreadStatus, ToThread } from './messages.ts'
import { packError } from './port-errors.ts'
import type { WireRows } from './store-reads.ts'
import { StoreServer } from './store-server.ts'
import type { SendToMain } from './thread-host.ts'

/** Rows of a scan that are sent at a time. */
const BATCH_ROWS = 500

type Errand = Extract<ToThread, { kind: 'read' | 'scan' | 'next' | 'end-scan' | 'hasten' | 'follow' | 'unfollow' }>

/** Reads the stores of this thread for the main thread. */
export class StoreService {
  readonly #queries: InteractiveQueries
  readonly #inside: ThreadInside
  readonly #send: SendToMain
  readonly #scans = new Map<number, AsyncGenerator<WireRows>>()
  readonly #followed = new Map<number, () => void>()

  constructor(queries: InteractiveQueries, inside: ThreadInside, send: SendToMain) {
    this.#queries = queries
    this.#inside = inside
    this.#send = send
  }

  receive(errand: Errand): void {
    switch (errand.kind) {
      case 'read':
        this.#answer(
          errand.id,
          async () => this.#server(errand.at).read(errand.read),
          ({ bytes }) => bytes,
        )
        return
      case 'scan':
        this.#answer(
          errand.id,
          async () => {
            this.#scans.set(errand.id, this.#server(errand.at).scan(errand.scan, BATCH_ROWS))
            return this.#next(errand.id)
          },
          ({ rows }) => rows?.bytes,
        )
        return
      case 'next':
        this.#answer(
          errand.id,
          () => this.#next(errand.id),
          ({ rows }) => rows?.bytes,
        )
        return
      case 'end-scan':
        this.#endScan(errand.id)
        return
      case 'hasten':
        this.#hasten(errand.taskId)
        return
      case 'follow':
        this.#follow(errand.id, errand.at)
        return
      case 'unfollow':
        this.#followed.get(errand.id)?.()
        this.#followed.delete(errand.id)
        return
    }
  }

  heldBack(): ThreadStatus['heldBack'] {
    return this.#running().flatMap(({ taskId, task }) => {
      const held = task.stores.names.filter((store) => task.isHeldBack(store))
      return held.length === 0 ? [] : [[taskId, held] as const]
    })
  }

  globalOffsets(): ThreadStatus['globalOffsets'] {
    const stores = this.#inside.globalStores()
    if (stores === undefined) return []
    return this.#globalPartitions().map((p) => [
      partitionName(p.topic, p.partition),
      stores.storedOffset(p.topic, p.partition),
    ])
  }

  #globalPartitions(): readonly TopicPartition[] {
    const globals = this.#queries.stores().filter((s) => s.global)
    const topics = globals.flatMap(({ name }) => this.#queries.positionTopics(name))
    return topics.flatMap((topic) => this.#inside.partitionsOf(topic))
  }

  #running(): readonly ManagedTask[] {
    return (this.#inside.thread()?.tasks ?? []).filter(({ state }) => state === 'running')
  }

  #follow(id: number, { taskId, store }: StoreAddress): void {
    const closed = (): void => this.#send({ kind: 'followed-to-the-end', id })
    const stores =
      taskId === GLOBAL_TASK_ID
        ? this.#inside.globalStores()
        : this.#running().find((t) => t.taskId === taskId)?.task.stores
    if (stores === undefined) {
      closed()
      return
    }
    const stop = stores.tap(store, {
      began: (offset) => this.#send({ kind: 'following', id, offset }),
      committed: (records, offset) => this.#send({ kind: 'changed', id, changes: records.map(packChange), offset }),
      closed,
    })
    this.#followed.set(id, stop)
  }

  #hasten(taskId: string): void {
    const task = this.#running().find((t) => t.taskId === taskId)?.task
    if (task?.commitNeeded) task.requestCommit()
  }

  #server({ taskId, store }: StoreAddress): StoreServer {
    const queries = this.#queries
    // Whether a copy is good enough has been decided by who asks.
    const query = taskId === GLOBAL_TASK_ID ? {} : { partition: partitionOf(taskId), maxLag: Number.MAX_SAFE_INTEGER }
    const builder = queries.builder(store)
    const read = {
      'key-value': () => queries.keyValueStore(store, query),
      window: () => queries.windowStore(store, query),
      session: () => queries.sessionStore(store, query),
      versioned: () => queries.versionedStore(store, query),
    }
    return new StoreServer(builder, queries.serdeTopic(store), read)
  }

  async #next(id: number): Promise<ScanBatch> {
    const scan = this.#scans.get(id)
    if (scan === undefined) return { rows: undefined, isLast: true }
    try {
      const { value, done } = await scan.next()
      if (done) this.#scans.delete(id)
      return { rows: done ? undefined : value, isLast: done === true }
    } catch (error) {
      this.#scans.delete(id)
      throw error
    }
  }

  #endScan(id: number): void {
    const scan = this.#scans.get(id)
    this.#scans.delete(id)
    scan?.return(undefined).catch(() => {})
  }

  #answer<A>(id: number, ask: () => Promise<A>, bytesOf: (answer: A) => Uint8Array | undefined): void {
    ask().then(
      (answer) => {
        const bytes = bytesOf(answer)
        this.#send({ kind: 'answer', id, answer }, bytes === undefined ? [] : [bytes.buffer as ArrayBuffer])
      },
      (error) => this.#send({ kind: 'refusal', id, error: packError(asError(error)) }),
    )
  }
}
