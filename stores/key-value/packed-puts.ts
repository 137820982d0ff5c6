import type { PackedRecords } from '../../common/packed-records.ts'
import { encodeRowValue, PLAIN_ROW_BYTES, writePlainRow } from '../shared/row-value.ts'
import type { RowPut } from '../task-database.ts'

/** So many records are looked at to see whether keys come again, and so much of them has to. */
const SAMPLE_RECORDS = 512
const REPEATED_SHARE = 0.1
/** Below this many bytes a loop is faster than a call. */
const FEW_BYTES = 40
/** Rows that are made at a time: few enough to be gone before the collector has to carry them on. */
const CHUNK_ROWS = 512

/**
 * The rows of changelog records whose row key is the store's prefix and the record's key, some hundred at a time. The rows of a chunk
 * lie in one piece of memory. Where keys come again and again, the records that a later one replaces are left out: telling them costs
 * a tenth of writing them.
 */
export function* packedPuts(prefix: Buffer, records: PackedRecords): Generator<readonly RowPut[]> {
  const isLast = lastOfEachKey(records)
  for (const { bytes, from, to } of records.runs())
    for (let at = from; at < to; at += CHUNK_ROWS)
      yield putsOf(prefix, records, bytes, at, Math.min(at + CHUNK_ROWS, to), isLast)
}

/** 1 for each record that no later one replaces; `undefined` where hardly any is. */
export function lastOfEachKey(records: PackedRecords): Uint8Array | undefined {
  const { count } = records
  const sampled = Math.min(count, SAMPLE_RECORDS)
  if (lastByKey(records, sampled).size > sampled * (1 - REPEATED_SHARE)) return undefined
  const isLast = new Uint8Array(count)
  for (const index of lastByKey(records, count).values()) isLast[index] = 1
  return isLast
}

function lastByKey(records: PackedRecords, to: number): ReadonlyMap<string, number> {
  const byKey = new Map<string, number>()
  for (const run of records.runs(0, to))
    for (let i = run.from; i < run.to; i++) {
      const length = records.keyBytes(i)
      const at = records.keyAt(i)
      if (length >= 0) byKey.set(run.bytes.toString('latin1', at, at + length), i)
    }
  return byKey
}

function putsOf(
  prefix: Buffer,
  records: PackedRecords,
  bytes: Buffer,
  from: number,
  to: number,
  isLast: Uint8Array | undefined,
): readonly RowPut[] {
  const memory = Buffer.allocUnsafeSlow(sizeOf(prefix, records, from, to))
  const puts: RowPut[] = []
  let at = 0
  for (let i = from; i < to; i++) {
    const keyBytes = records.keyBytes(i)
    if (keyBytes < 0 || isLast?.[i] === 0) continue
    const keyAt = at
    at = copy(memory, at, prefix, 0, prefix.length)
    at = copy(memory, at, bytes, records.keyAt(i), keyBytes)
    const rowKey = memory.subarray(keyAt, at)
    const valueBytes = records.valueBytes(i)
    const headers = records.headers(i)
    if (valueBytes < 0) puts.push([rowKey, null])
    else if (headers.length > 0) {
      const value = bytes.subarray(records.valueAt(i), records.valueAt(i) + valueBytes)
      puts.push([rowKey, encodeRowValue(records.timestampMs(i), headers, value)])
    } else {
      const valueAt = at
      at = writePlainRow(memory, at, records.timestampMs(i))
      at = copy(memory, at, bytes, records.valueAt(i), valueBytes)
      puts.push([rowKey, memory.subarray(valueAt, at)])
    }
  }
  return puts
}

function sizeOf(prefix: Buffer, records: PackedRecords, from: number, to: number): number {
  let sizeBytes = 0
  for (let i = from; i < to; i++)
    sizeBytes += prefix.length + Math.max(0, records.keyBytes(i)) + PLAIN_ROW_BYTES + Math.max(0, records.valueBytes(i))
  return sizeBytes
}

function copy(to: Buffer, toAt: number, from: Buffer, fromAt: number, length: number): number {
  if (length > FEW_BYTES) from.copy(to, toAt, fromAt, fromAt + length)
  else for (let i = 0; i < length; i++) to[toAt + i] = from[fromAt + i] as number
  return toAt + length
}
