import type { Headers } from '../../common/record.ts'

export interface CapturedRecord {
  readonly key: Buffer | null
  readonly value: Buffer | null
  readonly timestampMs: number
  readonly headers: Headers
}

const CHUNK_BYTES = 1024 * 1024
const NULL = -1

/**
 * What was written to a topic and not read yet. The bytes are packed into chunks: a million records of a test are not four
 * million objects for the garbage collector to walk over.
 */
export class CapturedTopic {
  #chunk = Buffer.allocUnsafe(CHUNK_BYTES)
  #end = 0
  readonly #chunks: Buffer[] = []
  readonly #starts: number[] = []
  readonly #keySizes: number[] = []
  readonly #valueSizes: number[] = []
  readonly #timestamps: number[] = []
  readonly #headers: Headers[] = []
  #next = 0

  get size(): number {
    return this.#starts.length - this.#next
  }

  append({ key, value, timestampMs, headers }: CapturedRecord): void {
    const sizeBytes = (key?.length ?? 0) + (value?.length ?? 0)
    if (this.#end + sizeBytes > this.#chunk.length) {
      this.#chunk = Buffer.allocUnsafe(Math.max(CHUNK_BYTES, sizeBytes))
      this.#end = 0
    }
    this.#chunks.push(this.#chunk)
    this.#starts.push(this.#end)
    this.#keySizes.push(this.#put(key))
    this.#valueSizes.push(this.#put(value))
    this.#timestamps.push(timestampMs)
    this.#headers.push(headers)
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
    this.#chunk.set(bytes, this.#end)
    this.#end += bytes.length
    return bytes.length
  }

  #recordAt(i: number): CapturedRecord {
    const chunk = this.#chunks[i] as Buffer
    const start = this.#starts[i] as number
    const keySize = this.#keySizes[i] as number
    const valueSize = this.#valueSizes[i] as number
    const valueStart = start + Math.max(0, keySize)
    return {
      key: keySize === NULL ? null : chunk.subarray(start, valueStart),
      value: valueSize === NULL ? null : chunk.subarray(valueStart, valueStart + valueSize),
      timestampMs: this.#timestamps[i] as number,
      headers: this.#headers[i] as Headers,
    }
  }

  #forget(): void {
    for (const list of [this.#chunks, this.#starts, this.#keySizes, this.#valueSizes, this.#timestamps, this.#headers])
      list.length = 0
    this.#next = 0
  }
}
