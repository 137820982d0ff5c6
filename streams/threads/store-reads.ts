import type { HistoryOptions, ScanOptions } from '../../stores/state-store.ts'

/** Key bytes, by the serde of the store. */
export type WireKey = Uint8Array

/** What the main thread asks of a store in a worker and gets in one answer. Keys and values travel as bytes. */
export type StoreRead =
  | { readonly kind: 'entry'; readonly key: WireKey }
  | { readonly kind: 'approximate-entries' }
  | { readonly kind: 'window'; readonly key: WireKey; readonly startMs: number }
  | {
      readonly kind: 'windows'
      readonly key: WireKey
      readonly fromMs: number
      readonly toMs: number
      readonly options: ScanOptions
    }
  | { readonly kind: 'session'; readonly key: WireKey; readonly startMs: number; readonly endMs: number }
  | { readonly kind: 'sessions'; readonly key: WireKey; readonly options: ScanOptions }
  | {
      readonly kind: 'overlapping-sessions'
      readonly key: WireKey
      readonly earliestEndMs: number
      readonly latestStartMs: number
      readonly options: ScanOptions
    }
  | { readonly kind: 'version'; readonly key: WireKey; readonly asOfMs: number | undefined }
  | {
      readonly kind: 'history'
      readonly key: WireKey
      readonly fromMs: number
      readonly toMs: number
      readonly options: HistoryOptions
    }

/** What is answered in batches, as many as are asked for. */
export type StoreScan =
  | {
      readonly kind: 'range'
      readonly from: WireKey | undefined
      readonly to: WireKey | undefined
      readonly options: ScanOptions
    }
  | { readonly kind: 'prefix'; readonly prefix: Uint8Array; readonly options: ScanOptions }
  | {
      readonly kind: 'window-range'
      readonly from: WireKey | undefined
      readonly to: WireKey | undefined
      readonly fromMs: number
      readonly toMs: number
      readonly options: ScanOptions
    }
  | {
      readonly kind: 'session-range'
      readonly from: WireKey | undefined
      readonly to: WireKey | undefined
      readonly earliestEndMs: number
      readonly latestStartMs: number
      readonly options: ScanOptions
    }

/** Rows as one block of bytes: the numbers of each row apart, then key and value after each other, row by row. */
export interface WireRows {
  readonly fields: readonly Readonly<Record<string, unknown>>[]
  /** Lengths of key and value of each row; -1 where it has none. */
  readonly lengths: readonly number[]
  readonly bytes: Uint8Array
}

/** A row of any store: its key where it tells one, its value, and numbers. */
export interface StoreRow {
  readonly key?: unknown
  readonly value?: unknown
}

export interface RowSerdes {
  readonly key: (key: unknown) => Uint8Array
  readonly value: (value: unknown) => Uint8Array
}

export interface RowReaders {
  readonly key: (bytes: Buffer) => unknown
  readonly value: (bytes: Buffer) => unknown
}

export function packRows(rows: readonly StoreRow[], serdes: RowSerdes): WireRows {
  const fields: Record<string, unknown>[] = []
  const lengths: number[] = []
  const parts: Uint8Array[] = []
  let size = 0
  const add = (bytes: Uint8Array | undefined): void => {
    lengths.push(bytes?.length ?? -1)
    if (bytes === undefined) return
    parts.push(bytes)
    size += bytes.length
  }
  for (const { key, value, ...rest } of rows) {
    fields.push(rest)
    add(key === undefined ? undefined : serdes.key(key))
    add(value === undefined ? undefined : serdes.value(value))
  }
  const bytes = new Uint8Array(size)
  let at = 0
  for (const part of parts) {
    bytes.set(part, at)
    at += part.length
  }
  return { fields, lengths, bytes }
}

export function unpackRows({ fields, lengths, bytes }: WireRows, readers: RowReaders): readonly StoreRow[] {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  let at = 0
  let next = 0
  const take = (read: (bytes: Buffer) => unknown, name: string): object => {
    const length = lengths[next++] as number
    if (length < 0) return {}
    const part = buffer.subarray(at, at + length)
    at += length
    return { [name]: read(part) }
  }
  return fields.map((rest) => ({ ...take(readers.key, 'key'), ...take(readers.value, 'value'), ...rest }))
}
