import { InternalError } from '../../common/errors.ts'
import { EMPTY_HEADERS, type Header, type Headers } from '../../common/record.ts'
import type { LogRecord, ProducerRecord } from '../port.ts'

/**
 * A run of records of one partition as one row. Header, then each record: offset and timestamp as distances from the run's,
 * key, value and headers with their lengths. Lengths are one more than the bytes; 0 is null.
 */
const VERSION = 1
const AT = {
  count: 1,
  base: 5,
  last: 13,
  maxTimestamp: 21,
  prefixMaxTimestamp: 29,
  appended: 37,
  firstTimestamp: 45,
} as const
const HEADER_BYTES = 53

/** A run ends at this size, so that readers with small limits need not skip far into it. */
export const MAX_RUN_BYTES = 256 * 1024

export interface RunHeader {
  readonly count: number
  readonly baseOffset: number
  readonly lastOffset: number
  readonly maxTimestampMs: number
  /** The largest timestamp of the partition up to and with this run; never falls, so that times can be searched. */
  readonly prefixMaxTimestampMs: number
  /** When the run was written, by the log's clock. */
  readonly appendedMs: number
}

let scratch = Buffer.allocUnsafeSlow(2 * MAX_RUN_BYTES)

function reserve(sizeBytes: number, used: number): void {
  if (sizeBytes <= scratch.length) return
  const larger = Buffer.allocUnsafeSlow(Math.max(sizeBytes, scratch.length * 2))
  scratch.copy(larger, 0, 0, used)
  scratch = larger
}

function putVarint(value: number, at: number): number {
  let rest = value
  let i = at
  while (rest > 0x7f) {
    scratch[i++] = (rest % 128) | 0x80
    rest = Math.floor(rest / 128)
  }
  scratch[i++] = rest
  return i
}

function putBytes(bytes: Buffer | null, at: number): number {
  if (bytes === null) {
    scratch[at] = 0
    return at + 1
  }
  const start = putVarint(bytes.length + 1, at)
  scratch.set(bytes, start)
  return start + bytes.length
}

function headersBytes(headers: Headers): number {
  let size = 0
  for (const { key, value } of headers) size += 20 + key.length * 3 + (value?.length ?? 0)
  return size
}

/** What a record adds to a run at most. */
export function recordBytes({ key, value, headers }: ProducerRecord): number {
  return 50 + (key?.length ?? 0) + (value?.length ?? 0) + (headers && headers.length > 0 ? headersBytes(headers) : 0)
}

interface RunInput {
  readonly records: readonly ProducerRecord[]
  /** Where in `records` the run begins. */
  readonly from: number
  readonly baseOffset: number
  /** Each record's offset; counted up from the base when left out. */
  readonly offsets?: readonly number[]
  /** The end of the run's range where compaction took its last records. */
  readonly lastOffset?: number
  readonly prefixMaxTimestampMs: number
  readonly appendedMs: number
}

/** Encodes records until the run is full; `count` says how many of them are in it: all, when their offsets are given. */
export function encodeRun(input: RunInput): { bytes: Buffer; header: RunHeader } {
  const { records, from, baseOffset, offsets } = input
  const firstTimestampMs = records[from]?.timestampMs ?? 0
  let maxTimestampMs = firstTimestampMs
  let at = HEADER_BYTES
  let i = from
  for (; i < records.length && (at < MAX_RUN_BYTES || offsets); i++) {
    const { key, value, timestampMs, headers } = records[i]!
    reserve(at + recordBytes(records[i]!), at)
    if (timestampMs > maxTimestampMs) maxTimestampMs = timestampMs
    at = putVarint(offsets ? offsets[i]! - baseOffset : i - from, at)
    const distance = timestampMs - firstTimestampMs
    at = putVarint(distance < 0 ? -2 * distance - 1 : 2 * distance, at)
    at = putBytes(key, at)
    at = putBytes(value, at)
    at = putVarint(headers?.length ?? 0, at)
    if (headers)
      for (const header of headers) at = putBytes(header.value, putBytes(Buffer.from(header.key, 'utf8'), at))
  }
  const count = i - from
  const header: RunHeader = {
    count,
    baseOffset,
    lastOffset: input.lastOffset ?? baseOffset + count - 1,
    maxTimestampMs,
    prefixMaxTimestampMs: Math.max(maxTimestampMs, input.prefixMaxTimestampMs),
    appendedMs: input.appendedMs,
  }
  scratch[0] = VERSION
  scratch.writeUInt32LE(count, AT.count)
  scratch.writeDoubleLE(header.baseOffset, AT.base)
  scratch.writeDoubleLE(header.lastOffset, AT.last)
  scratch.writeDoubleLE(header.maxTimestampMs, AT.maxTimestamp)
  scratch.writeDoubleLE(header.prefixMaxTimestampMs, AT.prefixMaxTimestamp)
  scratch.writeDoubleLE(header.appendedMs, AT.appended)
  scratch.writeDoubleLE(firstTimestampMs, AT.firstTimestamp)
  const bytes = Buffer.allocUnsafeSlow(at)
  scratch.copy(bytes, 0, 0, at)
  return { bytes, header }
}

export function readRunHeader(run: Buffer): RunHeader {
  if (run[0] !== VERSION) throw new InternalError(`a run of records has the unknown version ${run[0]}`)
  return {
    count: run.readUInt32LE(AT.count),
    baseOffset: run.readDoubleLE(AT.base),
    lastOffset: run.readDoubleLE(AT.last),
    maxTimestampMs: run.readDoubleLE(AT.maxTimestamp),
    prefixMaxTimestampMs: run.readDoubleLE(AT.prefixMaxTimestamp),
    appendedMs: run.readDoubleLE(AT.appended),
  }
}

/** Walks over a run; where it stands is kept here so that reading a number allocates nothing. */
let cursor = 0

function varint(run: Buffer): number {
  let byte = run[cursor++]!
  if (byte < 0x80) return byte
  let value = byte & 0x7f
  let factor = 128
  do {
    byte = run[cursor++]!
    value += (byte & 0x7f) * factor
    factor *= 128
  } while (byte >= 0x80)
  return value
}

function slice(run: Buffer): Buffer | null {
  const length = varint(run) - 1
  if (length < 0) return null
  cursor += length
  return run.subarray(cursor - length, cursor)
}

function decodeHeaders(run: Buffer, count: number): Headers {
  const headers: Header[] = []
  for (let i = 0; i < count; i++) {
    const key = slice(run)?.toString('utf8') ?? ''
    headers.push({ key, value: slice(run) })
  }
  return headers
}

/**
 * Appends the run's records from an offset on to `into`, until about `budgetBytes` are read (one record at least, if `into`
 * is empty). Keys and values are views of `run`. Returns the position after what was taken.
 */
export function decodeRun(run: Buffer, fromOffset: number, budgetBytes: number, into: LogRecord[]): number {
  const count = run.readUInt32LE(AT.count)
  const baseOffset = run.readDoubleLE(AT.base)
  const firstTimestampMs = run.readDoubleLE(AT.firstTimestamp)
  cursor = HEADER_BYTES
  let start = cursor
  for (let i = 0; i < count; i++) {
    const offset = baseOffset + varint(run)
    const zigzag = varint(run)
    const timestampMs = firstTimestampMs + (zigzag % 2 === 0 ? zigzag / 2 : -(zigzag + 1) / 2)
    const key = slice(run)
    const value = slice(run)
    const headerCount = varint(run)
    const headers = headerCount === 0 ? EMPTY_HEADERS : decodeHeaders(run, headerCount)
    if (offset < fromOffset) {
      start = cursor
      continue
    }
    if (into.length > 0 && cursor - start > budgetBytes) return offset
    into.push({ key, value, timestampMs, offset, headers })
  }
  return run.readDoubleLE(AT.last) + 1
}
