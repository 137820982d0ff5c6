import { encodeRowValue, PLAIN_ROW_BYTES, writePlainRow } from './row-value.ts'
import type { RestoredRecord } from './state-store.ts'

type Put = readonly [rowKey: Buffer, rowValue: Buffer | null]

/** So many records are looked at to see whether keys come again, and so much of them has to. */
const SAMPLE_RECORDS = 512
const REPEATED_SHARE = 0.1
/** Below this many bytes a loop is faster than a call. */
const FEW_BYTES = 40

/**
 * Without the records that a later one of the same key replaces, where there are many of those: telling them costs a tenth of
 * writing them.
 */
export function lastOfEachKey(records: readonly RestoredRecord[]): readonly RestoredRecord[] {
  const sample = records.length > SAMPLE_RECORDS ? records.slice(0, SAMPLE_RECORDS) : records
  if (last(sample).size > sample.length * (1 - REPEATED_SHARE)) return records
  return [...last(records).values()]
}

function last(records: readonly RestoredRecord[]): ReadonlyMap<string, RestoredRecord> {
  const byKey = new Map<string, RestoredRecord>()
  for (const record of records) if (record.key !== null) byKey.set(record.key.toString('latin1'), record)
  return byKey
}

/**
 * The rows of changelog records whose row key is the store's prefix and the record's key. All rows of a batch lie in one piece
 * of memory: a restore spends its time on small objects.
 */
export function restoredPuts(prefix: Buffer, records: readonly RestoredRecord[]): readonly Put[] {
  let sizeBytes = 0
  for (const { key, value } of records)
    if (key !== null) sizeBytes += prefix.length + key.length + (value === null ? 0 : PLAIN_ROW_BYTES + value.length)
  const memory = Buffer.allocUnsafeSlow(sizeBytes)
  const puts: Put[] = []
  let at = 0
  for (const { key, value, timestampMs, headers } of records) {
    if (key === null) continue
    const keyAt = at
    at = copy(memory, key, copy(memory, prefix, at))
    const rowKey = memory.subarray(keyAt, at)
    if (value === null) puts.push([rowKey, null])
    else if (headers.length > 0) puts.push([rowKey, encodeRowValue(timestampMs, headers, value)])
    else {
      const valueAt = at
      at = copy(memory, value, writePlainRow(memory, valueAt, timestampMs))
      puts.push([rowKey, memory.subarray(valueAt, at)])
    }
  }
  return puts
}

function copy(to: Buffer, from: Buffer, at: number): number {
  const { length } = from
  if (length > FEW_BYTES) to.set(from, at)
  else for (let i = 0; i < length; i++) to[at + i] = from[i] as number
  return at + length
}
