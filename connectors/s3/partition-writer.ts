import { asError } from '../../common/errors.ts'
import type { TopicPartition } from '../../common/record.ts'
import type { LogRecord, OffsetCommit } from '../../kafka/port.ts'
import { type BackoffOptions, backoffMs } from '../backoff.ts'
import { pause } from '../pause.ts'
import type { SinkPartition } from '../sink-reader.ts'
import type { Troubles } from '../troubles.ts'
import { Chunk, type ChunkLimits } from './chunk.ts'
import type { ChunkStorage } from './chunk-storage.ts'
import { withCut } from './commit-note.ts'
import type { HourPath } from './hour-path.ts'
import type { RecordFormat } from './record-format.ts'

export type WriterState = 'filling' | 'announcing' | 'storing' | 'stored' | 'closed'
type WriterEvent = 'cut asked for' | 'chunk ended' | 'chunk stored' | 'committed' | 'close'

/** What follows on what; an event that is not named for a state changes nothing there. */
export const TRANSITIONS: Readonly<Record<WriterState, Partial<Record<WriterEvent, WriterState>>>> = {
  filling: { 'cut asked for': 'announcing', 'chunk ended': 'storing', close: 'closed' },
  announcing: { committed: 'storing', close: 'closed' },
  storing: { 'chunk stored': 'stored', close: 'closed' },
  stored: { committed: 'filling', close: 'closed' },
  closed: {},
}

export interface PartitionWriterOptions {
  readonly from: TopicPartition
  /** The committed offset, from which records come. */
  readonly position: number
  /** Where the first chunk has to end, when that was written down. */
  readonly cutAt: number | undefined
  readonly limits: ChunkLimits
  readonly hours: HourPath
  readonly format: RecordFormat
  readonly storage: ChunkStorage
  readonly troubles: Troubles
  readonly nowMs: () => number
  /** Told when there is something to commit. */
  readonly onDue: () => void
  readonly onReceived: () => void
  readonly onTombstone: () => void
  /** Told once when it cannot go on; it has closed itself. */
  readonly onFailure: (error: Error) => void
  readonly backoff?: BackoffOptions
}

/**
 * The way of one partition into objects: fills a chunk, stores it, has its end committed, fills the next. Records that come meanwhile wait.
 * A chunk that ends for another reason than its records (`cut`) is stored only after that end has been committed as a note.
 */
export class PartitionWriter implements SinkPartition {
  readonly from: TopicPartition
  readonly #options: PartitionWriterOptions
  readonly #closing = new AbortController()
  #state: WriterState = 'filling'
  #chunk: Chunk
  #start: number
  #begunMs: number | undefined
  #inbox: readonly LogRecord[] = []
  #inboxBytes = 0
  #working = false

  constructor(options: PartitionWriterOptions) {
    this.from = options.from
    this.#options = options
    this.#start = options.position
    this.#chunk = new Chunk(options.position, options.limits, options.cutAt)
  }

  get state(): WriterState {
    return this.#state
  }

  /** Has enough for now: read no more of its partition. */
  get isBusy(): boolean {
    return this.#inbox.length > 0 || this.#state !== 'filling'
  }

  get heldBytes(): number {
    return this.#chunk.heldBytes + this.#inboxBytes
  }

  /** Records in memory. */
  get held(): number {
    return this.#chunk.count + this.#inbox.length
  }

  /** How long the first record of the chunk has been here. */
  ageMs(): number {
    return this.#begunMs === undefined ? 0 : this.#options.nowMs() - this.#begunMs
  }

  offer(records: readonly LogRecord[]): void {
    this.#inbox = this.#inbox.length === 0 ? records : [...this.#inbox, ...records]
    for (const { key, value } of records) {
      this.#inboxBytes += (key?.length ?? 0) + (value?.length ?? 0)
      this.#options.onReceived()
    }
    this.#goOn()
  }

  /** Ends the chunk after what is in it by now. */
  cut(): void {
    if (this.#chunk.count === 0 || !this.#move('cut asked for')) return
    this.#options.onDue()
  }

  /** What to commit now. */
  due(): OffsetCommit | undefined {
    const { nextOffset, cutAt } = this.#chunk
    if (this.#state === 'announcing') return { ...this.from, ...withCut(this.#start, nextOffset) }
    if (this.#state === 'stored') return { ...this.from, ...withCut(nextOffset, cutAt) }
    return undefined
  }

  /** What `due` said has been committed. */
  committed(): void {
    const { nextOffset, cutAt } = this.#chunk
    const before = this.#state
    if (!this.#move('committed')) return
    if (before === 'stored') {
      this.#start = nextOffset
      this.#chunk = new Chunk(nextOffset, this.#options.limits, cutAt)
      this.#begunMs = undefined
    }
    this.#goOn()
  }

  /** Drops what is not stored; it comes again from the committed offset. */
  close(): void {
    this.#move('close')
    this.#closing.abort()
    this.#inbox = []
    this.#inboxBytes = 0
  }

  #move(event: WriterEvent): boolean {
    const next = TRANSITIONS[this.#state][event]
    if (next === undefined) return false
    this.#state = next
    return true
  }

  #goOn(): void {
    const hasWork = this.#state === 'storing' || (this.#state === 'filling' && this.#inbox.length > 0)
    if (this.#working || !hasWork) return
    this.#working = true
    this.#work().then(
      () => {
        this.#working = false
        this.#goOn()
      },
      (error: unknown) => {
        if (this.#closing.signal.aborted) return
        this.close()
        this.#options.onFailure(asError(error))
      },
    )
  }

  async #work(): Promise<void> {
    if (this.#state === 'filling') await this.#fill()
    if (this.#state !== 'storing') return
    await this.#options.storage.store(this.from, this.#chunk, this.#closing.signal)
    if (this.#move('chunk stored')) this.#options.onDue()
  }

  async #fill(): Promise<void> {
    let taken = 0
    for (let failures = 0; taken < this.#inbox.length && this.#state === 'filling'; ) {
      const record = this.#inbox[taken] as LogRecord
      const outcome = this.#take(record)
      if (outcome instanceof Promise) {
        failures = (await this.#waited(outcome, failures)) ? 0 : failures + 1
        continue
      }
      if (outcome === 'taken') taken++
      if (outcome === 'belongs to the next' || this.#chunk.isFull) this.#move('chunk ended')
    }
    const done = this.#inbox.slice(0, taken)
    for (const { key, value } of done) this.#inboxBytes -= (key?.length ?? 0) + (value?.length ?? 0)
    this.#inbox = this.#inbox.slice(taken)
  }

  #take(record: LogRecord): 'taken' | 'belongs to the next' | Promise<void> {
    const { hours, format } = this.#options
    const hour = hours.of(record.timestampMs)
    if (this.#chunk.endsBefore(record.offset, hour)) return 'belongs to the next'
    const encoded = record.value === null ? undefined : format.encode(record.value)
    if (encoded instanceof Promise) return encoded
    this.#begunMs ??= this.#options.nowMs()
    if (encoded === undefined) {
      this.#options.onTombstone()
      this.#chunk.addTombstone(record, hour)
    } else if ('reason' in encoded) this.#chunk.refuse(record, hour, encoded)
    else if (hour === undefined) this.#chunk.refuse(record, hour, noTime(record))
    else this.#chunk.add(record, hour, encoded)
    return 'taken'
  }

  /** Whether a schema that has to be fetched first is there now. */
  async #waited(schema: Promise<void>, failures: number): Promise<boolean> {
    const { troubles, backoff } = this.#options
    const part = 'schema registry'
    try {
      await schema
      troubles.over(part)
      return true
    } catch (error) {
      troubles.has(part, asError(error))
      await pause(backoffMs(failures, backoff), this.#closing.signal)
      this.#closing.signal.throwIfAborted()
      return false
    }
  }
}

function noTime({ timestampMs }: LogRecord) {
  return { code: 'BAD_TIMESTAMP', reason: `its timestamp ${timestampMs} is no time between 1970 and 9999` }
}
