import { EMPTY_HEADERS, type Headers } from './record.ts'

/** Records from `from` up to `to` have their keys and values in these bytes. */
export interface PackedRun {
  readonly bytes: Buffer
  readonly from: number
  readonly to: number
}

/** A record as an object, with views of the bytes that it lies in. */
export interface UnpackedRecord {
  readonly key: Buffer | null
  readonly value: Buffer | null
  readonly timestampMs: number
  readonly offset: number
  readonly headers: Headers
}

const FIRST_CAPACITY = 1024
/** Where the key begins, its bytes (-1 for null), where the value begins, its bytes (-1 for null). */
const PLACES = 4

/**
 * Records of one partition that stay in the bytes they came in, in offset order: columns say where keys and values are. A million of
 * them are a handful of objects, where as many records with their views are three million that the collector has to look after.
 */
export class PackedRecords {
  #count = 0
  #places: Int32Array
  #timestampsMs: Float64Array
  #offsets: Float64Array
  #headers: Map<number, Headers> | undefined
  #runs: { readonly bytes: Buffer; readonly from: number }[] = []

  constructor(capacity = FIRST_CAPACITY) {
    this.#places = new Int32Array(capacity * PLACES)
    this.#timestampsMs = new Float64Array(capacity)
    this.#offsets = new Float64Array(capacity)
  }

  get count(): number {
    return this.#count
  }

  /** Keys and values of the records that are added from now on are in these bytes. */
  begin(bytes: Buffer): void {
    this.#runs.push({ bytes, from: this.#count })
  }

  /** Lengths are -1 for null. */
  add(
    keyAt: number,
    keyBytes: number,
    valueAt: number,
    valueBytes: number,
    timestampMs: number,
    offset: number,
    headers: Headers,
  ): void {
    const index = this.#count
    if (index === this.#offsets.length) this.#grow()
    const places = this.#places
    const place = index * PLACES
    places[place] = keyAt
    places[place + 1] = keyBytes
    places[place + 2] = valueAt
    places[place + 3] = valueBytes
    this.#timestampsMs[index] = timestampMs
    this.#offsets[index] = offset
    if (headers.length > 0) {
      this.#headers ??= new Map()
      this.#headers.set(index, headers)
    }
    this.#count = index + 1
  }

  keyAt(index: number): number {
    return this.#places[index * PLACES] as number
  }

  /** -1 for a key that is null. */
  keyBytes(index: number): number {
    return this.#places[index * PLACES + 1] as number
  }

  valueAt(index: number): number {
    return this.#places[index * PLACES + 2] as number
  }

  /** -1 for a value that is null. */
  valueBytes(index: number): number {
    return this.#places[index * PLACES + 3] as number
  }

  timestampMs(index: number): number {
    return this.#timestampsMs[index] as number
  }

  offset(index: number): number {
    return this.#offsets[index] as number
  }

  headers(index: number): Headers {
    return this.#headers?.get(index) ?? EMPTY_HEADERS
  }

  /** What lies in the same bytes, of the records in [from, to). */
  runs(from = 0, to = this.#count): readonly PackedRun[] {
    const found: PackedRun[] = []
    for (const [i, run] of this.#runs.entries()) {
      const begin = Math.max(run.from, from)
      const end = Math.min(this.#runs[i + 1]?.from ?? this.#count, to)
      if (begin < end) found.push({ bytes: run.bytes, from: begin, to: end })
    }
    return found
  }

  /** Those before an offset; nothing is copied. */
  upTo(endOffset: number): PackedRecords {
    const part = new PackedRecords(0)
    part.#places = this.#places
    part.#timestampsMs = this.#timestampsMs
    part.#offsets = this.#offsets
    part.#headers = this.#headers
    part.#runs = this.#runs
    part.#count = this.#count
    while (part.#count > 0 && part.offset(part.#count - 1) >= endOffset) part.#count--
    return part
  }

  /** All of them as objects. */
  unpack(): UnpackedRecord[] {
    const records: UnpackedRecord[] = []
    for (const { bytes, from, to } of this.runs())
      for (let i = from; i < to; i++)
        records.push({
          key: view(bytes, this.keyAt(i), this.keyBytes(i)),
          value: view(bytes, this.valueAt(i), this.valueBytes(i)),
          timestampMs: this.timestampMs(i),
          offset: this.offset(i),
          headers: this.headers(i),
        })
    return records
  }

  #grow(): void {
    const capacity = Math.max(this.#offsets.length * 4, FIRST_CAPACITY)
    const places = new Int32Array(capacity * PLACES)
    places.set(this.#places)
    this.#places = places
    const timestampsMs = new Float64Array(capacity)
    timestampsMs.set(this.#timestampsMs)
    this.#timestampsMs = timestampsMs
    const offsets = new Float64Array(capacity)
    offsets.set(this.#offsets)
    this.#offsets = offsets
  }
}

function view(bytes: Buffer, at: number, length: number): Buffer | null {
  return length < 0 ? null : bytes.subarray(at, at + length)
}

/** A run of records of one partition, made into objects when they are asked for. */
export class PackedBatch {
  readonly topic: string
  readonly partition: number
  readonly packed: PackedRecords
  /** The position after the last record. */
  readonly nextOffset: number
  #records: readonly UnpackedRecord[] | undefined

  constructor(topic: string, partition: number, packed: PackedRecords, nextOffset: number) {
    this.topic = topic
    this.partition = partition
    this.packed = packed
    this.nextOffset = nextOffset
  }

  get records(): readonly UnpackedRecord[] {
    this.#records ??= this.packed.unpack()
    return this.#records
  }
}
