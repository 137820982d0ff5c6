import { InvalidArgumentError } from '../../common/errors.ts'
import { CorruptStateError } from '../errors.ts'
import { readInt64, writeInt64 } from '../shared/bytes.ts'
import type { StateOffsets } from '../task-database.ts'

/**
 * Rows of the reserved prefix 0: a kind byte, then a name in UTF-8.
 *
 *     0x00 version           → uint16
 *     0x01 changelog offset  → int64,  per partition
 *     0x02 store prefix      → uint16, per store
 *     0x03 store state       → bytes of the store, per store
 */
const RESERVED = Buffer.from([0, 0])
const VERSION_ROW = 0
const OFFSET_ROW = 1
const PREFIX_ROW = 2
const STATE_ROW = 3
const VERSION = 1
/** 0xffff is never given out, so that there is a key after every store. */
const LAST_PREFIX = 0xfffe

type Row = readonly [rowKey: Buffer, rowValue: Buffer]

/** A write's part of the reserved prefix; `settle` after it has succeeded. */
export interface CatalogWrite {
  readonly rows: readonly Row[]
  settle(): void
}

/** What a task's database knows besides rows: offsets, prefixes and states of its stores. Shared by the engines. */
export class TaskCatalog {
  readonly #offsets = new Map<string, number>()
  readonly #prefixes = new Map<string, Buffer>()
  readonly #states = new Map<string, Buffer>()
  readonly #unwrittenPrefixes = new Set<string>()
  readonly #unwrittenStates = new Map<string, Buffer>()
  #isNew = true
  #lastPrefix = 0

  static readonly range = { gte: RESERVED, lt: Buffer.from([0, 1]) }

  /** @throws {CorruptStateError} when the row is not one of this version. */
  load(rowKey: Buffer, rowValue: Buffer): void {
    const name = rowKey.toString('utf8', 3)
    switch (rowKey[2]) {
      case VERSION_ROW:
        if (rowValue.length !== 2 || rowValue.readUInt16BE(0) !== VERSION)
          throw new CorruptStateError(`the state was written by another version: ${rowValue.toString('hex')}`)
        this.#isNew = false
        return
      case OFFSET_ROW:
        this.#offsets.set(name, readInt64(sized(rowValue, 8, name), 0))
        return
      case PREFIX_ROW:
        this.#prefixes.set(name, sized(rowValue, 2, name))
        this.#lastPrefix = Math.max(this.#lastPrefix, rowValue.readUInt16BE(0))
        return
      case STATE_ROW:
        this.#states.set(name, rowValue)
        return
    }
    throw new CorruptStateError(`unknown row ${rowKey.toString('hex')} in the reserved prefix`)
  }

  storePrefix(storeName: string): Buffer {
    const known = this.#prefixes.get(storeName)
    if (known !== undefined) return known
    if (this.#lastPrefix === LAST_PREFIX)
      throw new InvalidArgumentError(`a task has room for ${LAST_PREFIX} stores, ${storeName} is one too many`)
    const prefix = Buffer.alloc(2)
    prefix.writeUInt16BE(++this.#lastPrefix, 0)
    this.#prefixes.set(storeName, prefix)
    this.#unwrittenPrefixes.add(storeName)
    return prefix
  }

  /** Stores that have rows here, or had, with their prefixes. */
  stores(): ReadonlyMap<string, Buffer> {
    return this.#prefixes
  }

  storeState(storeName: string): Buffer | undefined {
    return this.#states.get(storeName)
  }

  keepStoreState(storeName: string, state: Buffer): void {
    this.#unwrittenStates.set(storeName, state)
  }

  offsets(): StateOffsets {
    return new Map(this.#offsets)
  }

  /** What has to go with the next write. Nothing is lost when that write fails. */
  begin(offsets: StateOffsets): CatalogWrite {
    const rows: Row[] = []
    const prefixes = [...this.#unwrittenPrefixes]
    const states = [...this.#unwrittenStates]
    if (this.#isNew) rows.push([rowKey(VERSION_ROW, ''), uint16(VERSION)])
    for (const name of prefixes) rows.push([rowKey(PREFIX_ROW, name), this.storePrefix(name)])
    for (const [name, state] of states) rows.push([rowKey(STATE_ROW, name), state])
    for (const [partition, offset] of offsets) rows.push([rowKey(OFFSET_ROW, partition), int64(offset)])
    return {
      rows,
      settle: () => {
        this.#isNew = false
        for (const name of prefixes) this.#unwrittenPrefixes.delete(name)
        for (const [name, state] of states) {
          this.#states.set(name, state)
          if (this.#unwrittenStates.get(name) === state) this.#unwrittenStates.delete(name)
        }
        for (const [partition, offset] of offsets) this.#offsets.set(partition, offset)
      },
    }
  }
}

function rowKey(kind: number, name: string): Buffer {
  return Buffer.concat([RESERVED, Buffer.from([kind]), Buffer.from(name, 'utf8')])
}

function uint16(value: number): Buffer {
  const bytes = Buffer.alloc(2)
  bytes.writeUInt16BE(value, 0)
  return bytes
}

function int64(value: number): Buffer {
  const bytes = Buffer.alloc(8)
  writeInt64(bytes, value, 0)
  return bytes
}

function sized(value: Buffer, sizeBytes: number, name: string): Buffer {
  if (value.length !== sizeBytes) throw new CorruptStateError(`the reserved row of ${name} has ${value.length} bytes`)
  return value
}
