/** What the binding of RocksDB takes for one row: it reads these four properties by name, own ones fastest. */
export interface RowOperation {
  type: number
  readonly columnFamily: unknown
  key: Uint8Array
  value: Uint8Array
}

/** How a database wants its operations. */
export interface OperationKinds {
  readonly put: number
  readonly delete: number
  readonly deleteRange: number
  readonly columnFamily: unknown
}

/** Rows of one batch: with more the collector is no better off, with fewer the calls begin to count. */
export const BATCH_ROWS = 1024
/** Room for the key and the value of a row. Longer ones get memory of their own, which costs no more than it would without all this. */
const KEY_ROOM_BYTES = 64
const ROW_ROOM_BYTES = 256

const NOTHING = new Uint8Array(0)

/**
 * Rows of one write, in memory and objects that the next write uses again: a million restored rows make no garbage, where an operation and two views
 * for each are three million objects. Only for one write at a time: clear it when that write has ended.
 */
export class RowBatch {
  /** Where the caller writes the row that was put last: its key at `keyAt`, its value at `valueAt`. */
  memory: Buffer
  keyAt = 0
  valueAt = 0
  readonly #kinds: OperationKinds
  readonly #shared = Buffer.allocUnsafeSlow(BATCH_ROWS * ROW_ROOM_BYTES)
  readonly #operations: RowOperation[] = []
  /** Views of the shared memory of the last lengths: most keys and values are as long as the ones before them. */
  readonly #keyViews: Uint8Array[] = []
  readonly #valueViews: Uint8Array[] = []
  #count = 0

  constructor(kinds: OperationKinds) {
    this.#kinds = kinds
    this.memory = this.#shared
  }

  get count(): number {
    return this.#count
  }

  get isFull(): boolean {
    return this.#count === BATCH_ROWS
  }

  /** A row with a key and a value of so many bytes, which the caller writes before it asks for the next. */
  put(keyBytes: number, valueBytes: number): void {
    const operation = this.#next()
    operation.type = this.#kinds.put
    if (keyBytes > KEY_ROOM_BYTES || valueBytes > ROW_ROOM_BYTES - KEY_ROOM_BYTES) {
      this.#ownMemory(keyBytes, valueBytes)
      operation.key = this.memory.subarray(0, keyBytes)
      operation.value = this.memory.subarray(keyBytes)
      return
    }
    operation.key = this.#sharedKey(keyBytes)
    operation.value = viewOf(this.#valueViews, this.#count - 1, this.#shared, this.valueAt, valueBytes)
  }

  /** As `put` for a row that is deleted. */
  delete(keyBytes: number): void {
    const operation = this.#next()
    operation.type = this.#kinds.delete
    operation.value = NOTHING
    if (keyBytes <= KEY_ROOM_BYTES) operation.key = this.#sharedKey(keyBytes)
    else {
      this.#ownMemory(keyBytes, 0)
      operation.key = this.memory
    }
  }

  /** For one write, which has to end before the batch is changed. */
  operations(): RowOperation[] {
    return this.#count === this.#operations.length ? this.#operations : this.#operations.slice(0, this.#count)
  }

  clear(): void {
    this.#count = 0
  }

  #next(): RowOperation {
    const index = this.#count++
    if (index === this.#operations.length) {
      if (index === BATCH_ROWS) throw new RangeError(`more than ${BATCH_ROWS} rows in a batch`)
      this.#operations.push({ type: 0, columnFamily: this.#kinds.columnFamily, key: NOTHING, value: NOTHING })
    }
    return this.#operations[index] as RowOperation
  }

  #sharedKey(keyBytes: number): Uint8Array {
    const index = this.#count - 1
    this.memory = this.#shared
    this.keyAt = index * ROW_ROOM_BYTES
    this.valueAt = this.keyAt + KEY_ROOM_BYTES
    return viewOf(this.#keyViews, index, this.#shared, this.keyAt, keyBytes)
  }

  #ownMemory(keyBytes: number, valueBytes: number): void {
    this.memory = Buffer.allocUnsafeSlow(keyBytes + valueBytes)
    this.keyAt = 0
    this.valueAt = keyBytes
  }
}

function viewOf(views: Uint8Array[], index: number, memory: Buffer, at: number, length: number): Uint8Array {
  const last = views[index]
  if (last !== undefined && last.length === length) return last
  const view = new Uint8Array(memory.buffer, at, length)
  views[index] = view
  return view
}
