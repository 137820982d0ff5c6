import { EMPTY_HEADERS, type Headers } from '../../common/record.ts'

export interface CapturedRecord {
  readonly key: Buffer | null
  readonly value: Buffer | null
  readonly timestampMs: number
  readonly headers: Headers
}

const CHUNK_BYTES = 1024 * 1024
const BLOCK_RECORDS = 4_096
const NULL = -1
/** Up to so many bytes a loop copies faster than a call. */
const FEW_BYTES = 40
/** Per record: chunk, start in it, key bytes, value bytes (-1 for null), timestamp. */
const COLUMNS = 5

/**
 * What was written to a topic and not read yet. Bytes are packed into chunks and numbers into one array: a million records of a test
 * are not millions of objects for the garbage collector to walk over.
 */
export class CapturedTopic {
  /** The topology itself reads what is written there. */
  readonly isRead: boolean
  #chunk = Buffer.allocUnsafe(CHUNK_BYTES)
  #end = 0
  #chunks: Buffer[] = [this.#chunk]
  #block = new Float64Array(BLOCK_RECORDS * COLUMNS)
  #blocks: Float64Array[] = [this.#block]
  readonly #headers = new Map<number, Headers>()
  #count = 0
  #next = 0
  #appended = 0

  constructor(isRead: boolean) {
    this.isRead = isRead
  }

  get size(): number {
    return this.#count - this.#next
  }

  /** How many records there ever were. */
  get appended(): number {
    return this.#appended
  }

  /** Gives the record's offset in the topic. */
  append(key: Buffer | null, value: Buffer | null, timestampMs: number, headers: Headers): number {
    const sizeBytes = (key === null ? 0 : key.length) + (value === null ? 0 : value.length)
    if (this.#end + sizeBytes > this.#chunk.length) this.#addChunk(sizeBytes)
    const place = this.#count % BLOCK_RECORDS
    if (place === 0 && this.#count > 0) this.#addBlock()
    const block = this.#block
    let at = place * COLUMNS
    block[at++] = this.#chunks.length - 1
    block[at++] = this.#end
    block[at++] = this.#put(key)
    block[at++] = this.#put(value)
    block[at] = timestampMs
    if (headers.length > 0) this.#headers.set(this.#count, headers)
    this.#count++
    return this.#appended++
  }

  /** The next record, read once. */
  take(): CapturedRecord | undefined {
    if (this.size === 0) return undefined
    const record = this.#recordAt(this.#next++)
    if (this.size === 0) this.#forget()
    return record
  }

  /** Everything that is not read yet; it stays unread. */
  unread(): readonly CapturedRecord[] {
    return Array.from({ length: this.size }, (_, i) => this.#recordAt(this.#next + i))
  }

  #put(bytes: Buffer | null): number {
    if (bytes === null) return NULL
    const { length } = bytes
    const chunk = this.#chunk
    const end = this.#end
    if (length > FEW_BYTES) chunk.set(bytes, end)
    else for (let i = 0; i < length; i++) chunk[end + i] = bytes[i] as number
    this.#end = end + length
    return length
  }

  #addChunk(sizeBytes: number): void {
    this.#chunk = Buffer.allocUnsafe(Math.max(CHUNK_BYTES, sizeBytes))
    this.#chunks.push(this.#chunk)
    this.#end = 0
  }

  #addBlock(): void {
    this.#block = new Float64Array(BLOCK_RECORDS * COLUMNS)
    this.#blocks.push(this.#block)
  }

  #recordAt(i: number): CapturedRecord {
    const block = this.#blocks[Math.floor(i / BLOCK_RECORDS)] as Float64Array
    const at = (i % BLOCK_RECORDS) * COLUMNS
    const [chunk, start, keySize, valueSize, timestampMs] = block.subarray(at, at + COLUMNS)
    const bytes = this.#chunks[chunk as number] as Buffer
    const valueStart = (start as number) + Math.max(0, keySize as number)
    return {
      key: keySize === NULL ? null : bytes.subarray(start, valueStart),
      value: valueSize === NULL ? null : bytes.subarray(valueStart, valueStart + (valueSize as number)),
      timestampMs: timestampMs as number,
      headers: this.#headers.get(i) ?? EMPTY_HEADERS,
    }
  }

  #forget(): void {
    this.#chunks = [this.#chunk]
    this.#blocks = [this.#block]
    this.#headers.clear()
    this.#count = 0
    this.#next = 0
  }
}
