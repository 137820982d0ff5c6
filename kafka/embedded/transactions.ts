import { CommitFailedError, ProducerFencedError } from '../errors.ts'
import type { GroupMetadata, OffsetCommit } from '../port.ts'
import type { Catalogue } from './catalogue.ts'
import type { Groups } from './group.ts'
import { producerKey, readName, rowsOf, spillKey } from './keys.ts'
import type { LogStore } from './log-store.ts'
import type { OffsetStore } from './offset-store.ts'
import type { PartitionLog, PendingRun } from './partition-log.ts'
import type { LogWriter } from './writer.ts'

interface OpenTransaction {
  readonly runs: Map<PartitionLog, PendingRun[]>
  readonly offsets: { readonly groupId: string; readonly offsets: readonly OffsetCommit[] }[]
  readonly timer: NodeJS.Timeout
  heldBytes: number
  spills: number
}

interface TransactionalId {
  readonly id: string
  /** Of the newest producer; older ones are fenced. */
  epoch: number
  open: OpenTransaction | undefined
  /** The end of the last transaction, on its way into the database. */
  ending: Promise<void>
}

interface Parts {
  readonly writer: LogWriter
  readonly catalogue: Catalogue
  readonly offsets: OffsetStore
  readonly groups: Groups
  /** Above so many bytes the records of an open transaction go to the database, unseen. */
  readonly transactionBytes: number
}

/** Knows the newest producer of each transactional id. The epochs are durable, so that they never start over. */
export class TransactionCoordinator {
  readonly #parts: Parts
  readonly #ids = new Map<string, TransactionalId>()

  constructor(parts: Parts) {
    this.#parts = parts
  }

  async load(store: LogStore): Promise<void> {
    for await (const [key, value] of store.scan(rowsOf('producer'))) {
      this.#entry(readName(key)).epoch = value.readUInt32BE(0)
    }
  }

  /** Fences older producers of the id and aborts what they left open. */
  async init(id: string, timeoutMs: number): Promise<ProducerTransactions> {
    const entry = this.#entry(id)
    const producer = new ProducerTransactions(this.#parts, entry, ++entry.epoch, timeoutMs)
    const value = Buffer.alloc(4)
    value.writeUInt32BE(entry.epoch)
    abortOpen(this.#parts, entry)
    await Promise.all([entry.ending, this.#parts.writer.write([[producerKey(id), value]])])
    return producer
  }

  /** Aborts everything that is open, for closing. */
  async close(): Promise<void> {
    for (const entry of this.#ids.values()) abortOpen(this.#parts, entry)
    await Promise.allSettled([...this.#ids.values()].map((entry) => entry.ending))
  }

  #entry(id: string): TransactionalId {
    let entry = this.#ids.get(id)
    if (!entry) {
      entry = { id, epoch: 0, open: undefined, ending: Promise.resolve() }
      this.#ids.set(id, entry)
    }
    return entry
  }
}

/** One producer's transactions, one after the other. Records and offsets of an open one are in memory only. */
export class ProducerTransactions {
  readonly #parts: Parts
  readonly #entry: TransactionalId
  readonly #epoch: number
  readonly #timeoutMs: number

  constructor(parts: Parts, entry: TransactionalId, epoch: number, timeoutMs: number) {
    this.#parts = parts
    this.#entry = entry
    this.#epoch = epoch
    this.#timeoutMs = timeoutMs
  }

  get fenced(): ProducerFencedError | undefined {
    if (this.#entry.epoch === this.#epoch) return undefined
    return new ProducerFencedError(
      `the producer with transactional id ${this.#entry.id} is fenced: there is a newer one, or its transaction took longer than ${this.#timeoutMs} ms`,
    )
  }

  begin(): void {
    this.#assertNewest()
    const timer = setTimeout(() => {
      if (this.fenced) return
      this.#entry.epoch++
      abortOpen(this.#parts, this.#entry)
    }, this.#timeoutMs)
    timer.unref()
    this.#entry.open = { runs: new Map(), offsets: [], timer, heldBytes: 0, spills: 0 }
  }

  add(log: PartitionLog, runs: readonly PendingRun[]): void {
    const { open } = this.#entry
    if (!open) return
    const mine = open.runs.get(log)
    if (mine) mine.push(...runs)
    else open.runs.set(log, [...runs])
    for (const run of runs) open.heldBytes += run.sizeBytes
    if (open.heldBytes > this.#parts.transactionBytes) this.#spill(open)
  }

  addOffsets(offsets: readonly OffsetCommit[], group: GroupMetadata): void {
    this.#assertNewest()
    const { groupId, memberId, generationId } = group
    if (memberId !== '' && !this.#parts.groups.find(groupId)?.current(memberId, generationId)) {
      throw new CommitFailedError(
        `member ${memberId} of group ${groupId} is not of the current generation any more: its offsets are not committed`,
      )
    }
    for (const { topic, partition } of offsets) this.#parts.catalogue.log(topic, partition)
    this.#entry.open?.offsets.push({ groupId, offsets })
    this.#parts.offsets.hold(groupId, offsets)
  }

  /** Makes the transaction's records and offsets durable and visible in one write. */
  commit(): Promise<void> {
    this.#assertNewest()
    const open = close(this.#entry)
    if (!open) return this.#entry.ending
    const { writer, offsets, catalogue } = this.#parts
    const puts: [Buffer, Buffer | null][] = []
    let sizeBytes = 0
    for (const [log, runs] of open.runs) {
      if (log.deleted) continue
      for (const [key, value] of log.commitRows(runs)) {
        puts.push([key, value])
        sizeBytes += value.length
      }
    }
    const known = open.offsets.map(({ groupId, offsets: all }) => ({
      groupId,
      offsets: all.filter((one) => catalogue.find(one.topic)),
    }))
    for (const one of known) puts.push(...offsets.rows(one.groupId, one.offsets))
    puts.push(...spillRows(this.#entry.id, open))
    return this.#end((resolve, reject) => {
      writer.enqueue({
        puts,
        sizeBytes,
        done: (error) => {
          if (!error) {
            for (const [log, runs] of open.runs) log.settle(runs, 'durable')
            for (const one of known) offsets.apply(one.groupId, one.offsets)
          }
          releaseOffsets(this.#parts, open)
          if (error) reject(error)
          else resolve()
        },
      })
    })
  }

  abort(): Promise<void> {
    this.#assertNewest()
    abortOpen(this.#parts, this.#entry)
    return this.#entry.ending
  }

  /** Stores what is held. Nobody reads beyond the stable offset, and a row that names the runs has them deleted after a crash. */
  #spill(open: OpenTransaction): void {
    const puts: [Buffer, Buffer][] = []
    const spilled: PendingRun[] = []
    for (const [log, runs] of open.runs) {
      for (const run of runs) {
        if (run.stored || !run.bytes) continue
        puts.push([log.keyAt(run.lastOffset), run.bytes])
        run.stored = true
        spilled.push(run)
      }
    }
    const names = Buffer.from(JSON.stringify(puts.map(([key]) => key.toString('base64'))))
    const sizeBytes = open.heldBytes
    open.heldBytes = 0
    this.#parts.writer.enqueue({
      puts: [[spillKey(this.#entry.id, open.spills++), names], ...puts],
      sizeBytes,
      done: (error) => {
        if (!error) for (const run of spilled) run.bytes = undefined
      },
    })
  }

  #end(work: (resolve: () => void, reject: (error: Error) => void) => void): Promise<void> {
    const ended = new Promise<void>(work)
    this.#entry.ending = ended.catch(() => {})
    return ended
  }

  #assertNewest(): void {
    const { fenced } = this
    if (fenced) throw fenced
  }
}

function close(entry: TransactionalId): OpenTransaction | undefined {
  const { open } = entry
  entry.open = undefined
  clearTimeout(open?.timer)
  return open
}

/** The records leave gaps. The ends of the partitions are written, lest an offset that a reader has passed be given again. */
function abortOpen(parts: Parts, entry: TransactionalId): void {
  const open = close(entry)
  if (!open) return
  const puts: (readonly [Buffer, Buffer | null])[] = spillRows(entry.id, open)
  for (const [log, runs] of open.runs) {
    if (log.deleted) continue
    for (const run of runs) if (run.stored) puts.push([log.keyAt(run.lastOffset), null])
    puts.push(log.headRow())
  }
  entry.ending = new Promise((resolve) => {
    parts.writer.enqueue({
      puts,
      done: () => {
        for (const [log, runs] of open.runs) log.settle(runs, 'dropped')
        releaseOffsets(parts, open)
        resolve()
      },
    })
  })
}

/** The transaction has ended: its spilled runs are like any others, or deleted with these rows. */
function spillRows(id: string, open: OpenTransaction): [Buffer, null][] {
  return Array.from({ length: open.spills }, (_, index) => [spillKey(id, index), null])
}

/** Deletes what transactions had stored that were open when the process ended. */
export async function deleteSpilled(store: LogStore, writer: LogWriter): Promise<void> {
  for await (const [key, value] of store.scan(rowsOf('spill'))) {
    const names = JSON.parse(value.toString('utf8')) as string[]
    await writer.write([[key, null], ...names.map((name): [Buffer, null] => [Buffer.from(name, 'base64'), null])])
  }
}

function releaseOffsets(parts: Parts, open: OpenTransaction): void {
  for (const { groupId, offsets } of open.offsets) parts.offsets.release(groupId, offsets)
}
