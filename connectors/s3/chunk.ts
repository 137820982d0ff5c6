import type { LogRecord } from '../../kafka/port.ts'
import type { Problem } from '../reading-kinds.ts'
import type { EncodedValue } from './record-format.ts'

export interface ChunkLimits {
  /** Most records of a chunk, whatever becomes of them. */
  readonly maxRecords: number
  /** A chunk ends with the record that brings keys and values to so many bytes. */
  readonly maxBytes: number
}

/** The records of a chunk that go into one object: of one hour, and of one writer schema where that matters. */
export interface ObjectRecords {
  readonly hour: string
  readonly schemaId: number | undefined
  readonly firstOffset: number
  readonly lastOffset: number
  readonly values: readonly EncodedValue[]
}

/** A record that cannot be in an object, with what it was. */
export interface RefusedRecord {
  readonly problem: Problem
  readonly offset: number
  readonly key: Buffer | null
  readonly value: Buffer | null
  readonly timestampMs: number
}

/** What a record takes beside its bytes, by rough measure. */
const RECORD_BYTES = 128

interface OpenObject extends ObjectRecords {
  lastOffset: number
  readonly values: EncodedValue[]
}

/**
 * A run of records of one partition, from the committed offset on, that is stored as a whole before the next offset is committed. Where it
 * ends follows from the records alone (their number, sizes and times) or from a cut that was written down, so that reading it
 * again gives the same objects. A record of an earlier hour goes into the object of its hour and ends nothing.
 */
export class Chunk {
  readonly #limits: ChunkLimits
  readonly #objects = new Map<string, OpenObject>()
  readonly #refused: RefusedRecord[] = []
  #cutAt: number | undefined
  #latestHour = ''
  #nextOffset: number
  #count = 0
  #rawBytes = 0
  #heldBytes = 0

  /** `cutAt`: the offset before which it has to end. */
  constructor(startOffset: number, limits: ChunkLimits, cutAt?: number) {
    this.#nextOffset = startOffset
    this.#limits = limits
    this.#cutAt = cutAt
  }

  /** What to commit when it is stored. */
  get nextOffset(): number {
    return this.#nextOffset
  }

  get count(): number {
    return this.#count
  }

  /** Memory that its contents take. */
  get heldBytes(): number {
    return this.#heldBytes
  }

  get objects(): readonly ObjectRecords[] {
    return [...this.#objects.values()]
  }

  get refused(): readonly RefusedRecord[] {
    return this.#refused
  }

  /** The cut, where one is set and it has not come to it. */
  get cutAt(): number | undefined {
    return this.#cutAt !== undefined && this.#cutAt > this.#nextOffset ? this.#cutAt : undefined
  }

  /** Whether this record belongs into the next chunk: its hour is later than all before, or the cut is before it. */
  endsBefore(offset: number, hour: string | undefined): boolean {
    if (this.#count === 0) return false
    if (this.#cutAt !== undefined && offset >= this.#cutAt) return true
    return hour !== undefined && this.#latestHour !== '' && hour > this.#latestHour
  }

  get isFull(): boolean {
    const { maxRecords, maxBytes } = this.#limits
    if (this.#count === 0) return false
    return this.#count >= maxRecords || this.#rawBytes >= maxBytes || this.#nextOffset === this.#cutAt
  }

  add(record: LogRecord, hour: string, value: EncodedValue): void {
    this.#pass(record, hour)
    this.#heldBytes += value.bytes.length + RECORD_BYTES
    const key = `${hour}+${value.schemaId ?? ''}`
    const open = this.#objects.get(key)
    if (open) {
      open.values.push(value)
      open.lastOffset = record.offset
    } else {
      const { offset } = record
      this.#objects.set(key, {
        hour,
        schemaId: value.schemaId,
        firstOffset: offset,
        lastOffset: offset,
        values: [value],
      })
    }
  }

  /** A record without a value: there is nothing of it to store. */
  addTombstone(record: LogRecord, hour: string | undefined): void {
    this.#pass(record, hour)
  }

  /** A record that becomes a dead letter. */
  refuse(record: LogRecord, hour: string | undefined, problem: Problem): void {
    this.#pass(record, hour)
    const { offset, timestampMs } = record
    const key = record.key && Buffer.from(record.key)
    const value = record.value && Buffer.from(record.value)
    this.#heldBytes += sizeOf(record) + RECORD_BYTES
    this.#refused.push({ problem, offset, timestampMs, key, value })
  }

  /** Counts it. All that decides where the chunk ends is in the record itself: whether it can be read is not for ever. */
  #pass(record: LogRecord, hour: string | undefined): void {
    // The records before the cut are not in the log any more.
    if (this.#count === 0 && this.#cutAt !== undefined && record.offset >= this.#cutAt) this.#cutAt = undefined
    this.#count++
    this.#rawBytes += sizeOf(record)
    this.#nextOffset = record.offset + 1
    if (hour !== undefined && hour > this.#latestHour) this.#latestHour = hour
  }
}

function sizeOf({ key, value }: LogRecord): number {
  return (key?.length ?? 0) + (value?.length ?? 0)
}
