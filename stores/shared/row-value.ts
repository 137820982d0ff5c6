import { EMPTY_HEADERS, type Header, type Headers } from '../../common/record.ts'
import { CorruptStateError } from '../errors.ts'
import { readInt64, writeInt64 } from './bytes.ts'

/**
 * A row's value in the database:
 *
 *     format (1 byte) | timestamp (int64) | headers, if the format says so | value bytes
 *
 * Headers are a count (uint32), then per header the key's length (uint32), the key in UTF-8, the value's length (int32, -1
 * for null) and the value.
 */
export interface RowValue {
  readonly timestampMs: number
  readonly headers: Headers
  /** A view of the row: copy it if it is kept. */
  readonly payload: Buffer
}

const PLAIN = 0
const WITH_HEADERS = 1
const FIXED_BYTES = 9

export function encodeRowValue(timestampMs: number, headers: Headers, payload: Buffer): Buffer {
  if (headers.length > 0) return encodeWithHeaders(timestampMs, headers, payload)
  const row = Buffer.allocUnsafe(FIXED_BYTES + payload.length)
  row[0] = PLAIN
  writeInt64(row, timestampMs, 1)
  row.set(payload, FIXED_BYTES)
  return row
}

/** The same of a value that may be `null`, which deletes the row. */
export function rowValueOf(timestampMs: number, headers: Headers, payload: Buffer | null): Buffer | null {
  return payload === null ? null : encodeRowValue(timestampMs, headers, payload)
}

/** Bytes of a row without headers before its value. */
export const PLAIN_ROW_BYTES = FIXED_BYTES

/** Writes what comes before the value in a row without headers; gives where the value goes. */
export function writePlainRow(to: Buffer, at: number, timestampMs: number): number {
  to[at] = PLAIN
  writeInt64(to, timestampMs, at + 1)
  return at + FIXED_BYTES
}

/** @throws {CorruptStateError} when the bytes are not a row value of this version. */
export function decodeRowValue(row: Buffer): RowValue {
  if (row.length < FIXED_BYTES) throw new CorruptStateError(`a row value of ${row.length} bytes`)
  const timestampMs = readInt64(row, 1)
  if (row[0] === PLAIN) return { timestampMs, headers: EMPTY_HEADERS, payload: row.subarray(FIXED_BYTES) }
  if (row[0] !== WITH_HEADERS) throw new CorruptStateError(`a row value of unknown format ${row[0]}`)
  try {
    const { headers, end } = decodeHeaders(row, FIXED_BYTES)
    return { timestampMs, headers, payload: row.subarray(end) }
  } catch (cause) {
    throw new CorruptStateError('a row value with unreadable headers', { cause })
  }
}

function encodeWithHeaders(timestampMs: number, headers: Headers, payload: Buffer): Buffer {
  const keys = headers.map((header) => Buffer.from(header.key, 'utf8'))
  let sizeBytes = FIXED_BYTES + 4 + payload.length
  for (const [i, key] of keys.entries()) sizeBytes += 8 + key.length + (headers[i]?.value?.length ?? 0)
  const row = Buffer.allocUnsafe(sizeBytes)
  row[0] = WITH_HEADERS
  writeInt64(row, timestampMs, 1)
  let at = row.writeUInt32BE(headers.length, FIXED_BYTES)
  for (const [i, key] of keys.entries()) {
    at = row.writeUInt32BE(key.length, at)
    row.set(key, at)
    const value = headers[i]?.value ?? null
    at = row.writeInt32BE(value === null ? -1 : value.length, at + key.length)
    if (value !== null) {
      row.set(value, at)
      at += value.length
    }
  }
  row.set(payload, at)
  return row
}

function decodeHeaders(row: Buffer, from: number): { headers: Headers; end: number } {
  const headers: Header[] = []
  const count = row.readUInt32BE(from)
  let at = from + 4
  const take = (length: number): Buffer => {
    if (at + length > row.length) throw new RangeError('a header is longer than its row')
    const part = row.subarray(at, at + length)
    at += length
    return part
  }
  for (let i = 0; i < count; i++) {
    const keyLength = take(4).readUInt32BE(0)
    const key = take(keyLength).toString('utf8')
    const valueLength = take(4).readInt32BE(0)
    headers.push({ key, value: valueLength < 0 ? null : Buffer.from(take(valueLength)) })
  }
  return { headers, end: at }
}
