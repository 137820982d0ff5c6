import type { PackedRecords } from '../common/packed-records.ts'
import { EMPTY_HEADERS, type Header, type Headers } from '../common/record.ts'
import { type Compression, compress, compressionId, decompress } from './compression.ts'
import { crc32c } from './crc32c.ts'
import { KafkaProtocolError } from './errors.ts'
import type { LogRecord, ProducerRecord } from './port.ts'

/*
 * Record batches of magic 2, the only format that brokers write since 0.11:
 *   0 base offset i64 | 8 length i32 (of what follows) | 12 leader epoch i32 | 16 magic i8 | 17 crc32c u32 (of what follows)
 *   21 attributes i16 | 23 last offset delta i32 | 27 base timestamp i64 | 35 max timestamp i64
 *   43 producer id i64 | 51 producer epoch i16 | 53 base sequence i32 | 57 record count i32 | 61 records
 */
const LENGTH_AT = 8
const LOG_OVERHEAD_BYTES = 12
const MAGIC_AT = 16
const CRC_AT = 17
const ATTRIBUTES_AT = 21
const LAST_OFFSET_DELTA_AT = 23
const BASE_TIMESTAMP_AT = 27
const MAX_TIMESTAMP_AT = 35
const PRODUCER_ID_AT = 43
const PRODUCER_EPOCH_AT = 51
const BASE_SEQUENCE_AT = 53
const COUNT_AT = 57
/** Bytes of a batch before its first record. */
export const BATCH_HEADER_BYTES = 61

const COMPRESSION_MASK = 0x07
const LOG_APPEND_TIME = 0x08
const TRANSACTIONAL = 0x10
const CONTROL = 0x20

/** The most bytes that a record's own fields take besides key, value and headers. */
const RECORD_OVERHEAD_BYTES = 5 + 1 + 10 + 5 + 5 + 5 + 5
const HEADER_OVERHEAD_BYTES = 10
const ABORT_MARKER_TYPE = 0
const NO_BYTES = Buffer.alloc(0)

/** Below this size a loop copies faster than a call into the typed array's own copy. */
const LOOP_COPY_BYTES = 24

export interface BatchOptions {
  readonly compression?: Compression
  /** Offset of the first record (default 0: the broker assigns offsets). The others follow without gaps. */
  readonly baseOffset?: number
  /** -1 (default) for a producer that is not idempotent. */
  readonly producerId?: number
  readonly producerEpoch?: number
  readonly baseSequence?: number
  readonly transactional?: boolean
}

export interface AbortedTransaction {
  readonly producerId: number
  readonly firstOffset: number
}

export interface DecodeOptions {
  /** Records before this offset are left out (a batch may begin before the offset that was asked for). */
  readonly fromOffset: number
  /** Given under read_committed: the aborted transactions that the fetch answer lists. Their records are left out. */
  readonly aborted?: readonly AbortedTransaction[]
}

export interface DecodedRecords {
  readonly records: readonly LogRecord[]
  /** The position after the last whole batch; `fromOffset` when there was none. */
  readonly nextOffset: number
}

/** An upper bound of the bytes that the record takes in a batch. */
export function recordSizeBound(record: ProducerRecord): number {
  let size = RECORD_OVERHEAD_BYTES
  if (record.key !== null) size += record.key.length
  if (record.value !== null) size += record.value.length
  const headers = record.headers
  if (headers !== undefined) {
    for (const header of headers) {
      size += HEADER_OVERHEAD_BYTES + header.key.length * 3 + (header.value === null ? 0 : header.value.length)
    }
  }
  return size
}

/** The bytes of one batch with these records, in this order; at least one. */
export function encodeRecordBatch(records: readonly ProducerRecord[], options: BatchOptions = {}): Buffer {
  const first = records[0]
  if (first === undefined) throw new RangeError('a record batch needs at least one record')
  let capacity = BATCH_HEADER_BYTES
  for (let i = 0; i < records.length; i++) capacity += recordSizeBound(records[i]!)
  let batch = Buffer.allocUnsafe(capacity)

  const baseTimestampMs = first.timestampMs
  let maxTimestampMs = baseTimestampMs
  cursor = BATCH_HEADER_BYTES
  for (let i = 0; i < records.length; i++) {
    const record = records[i]!
    if (record.timestampMs > maxTimestampMs) maxTimestampMs = record.timestampMs
    writeRecord(batch, record, record.timestampMs - baseTimestampMs, i)
  }
  let end = cursor

  const compression = options.compression ?? 'none'
  if (compression !== 'none') {
    const packed = compress(compression, batch.subarray(BATCH_HEADER_BYTES, end))
    end = BATCH_HEADER_BYTES + packed.length
    if (end > batch.length) batch = Buffer.allocUnsafe(end)
    packed.copy(batch, BATCH_HEADER_BYTES)
  }

  writeInt64(batch, options.baseOffset ?? 0, 0)
  batch.writeInt32BE(end - LOG_OVERHEAD_BYTES, LENGTH_AT)
  batch.writeInt32BE(-1, LOG_OVERHEAD_BYTES)
  batch[MAGIC_AT] = 2
  batch.writeInt16BE(compressionId(compression) | (options.transactional ? TRANSACTIONAL : 0), ATTRIBUTES_AT)
  batch.writeInt32BE(records.length - 1, LAST_OFFSET_DELTA_AT)
  writeInt64(batch, baseTimestampMs, BASE_TIMESTAMP_AT)
  writeInt64(batch, maxTimestampMs, MAX_TIMESTAMP_AT)
  writeInt64(batch, options.producerId ?? -1, PRODUCER_ID_AT)
  batch.writeInt16BE(options.producerEpoch ?? -1, PRODUCER_EPOCH_AT)
  batch.writeInt32BE(options.baseSequence ?? -1, BASE_SEQUENCE_AT)
  batch.writeInt32BE(records.length, COUNT_AT)
  batch.writeUInt32BE(crc32c(batch, ATTRIBUTES_AT, end), CRC_AT)
  return batch.subarray(0, end)
}

/** What is told of each record that is read: where its key and its value are in the bytes that were named last. */
type RecordSink = Pick<PackedRecords, 'begin' | 'add'>

/** The records as objects, with views of the bytes. */
class RecordList implements RecordSink {
  readonly records: LogRecord[] = []
  #bytes: Buffer = NO_BYTES

  begin(bytes: Buffer): void {
    this.#bytes = bytes
  }

  add(
    keyAt: number,
    keyBytes: number,
    valueAt: number,
    valueBytes: number,
    timestampMs: number,
    offset: number,
    headers: Headers,
  ): void {
    const key = keyBytes < 0 ? null : this.#bytes.subarray(keyAt, keyAt + keyBytes)
    const value = valueBytes < 0 ? null : this.#bytes.subarray(valueAt, valueAt + valueBytes)
    this.records.push({ key, value, timestampMs, offset, headers })
  }
}

/** As `readRecordBatches`, into objects. Keys and values are views of `data` (or of what was unpacked). */
export function decodeRecordBatches(data: Buffer, options: DecodeOptions): DecodedRecords {
  const list = new RecordList()
  const nextOffset = readRecordBatches(data, options, list)
  return { records: list.records, nextOffset }
}

/**
 * Reads the batches that stand one after the other in `data`, as a fetch answer carries them; a last batch that was cut off is
 * ignored. Control batches are left out. Gives the position after the last whole batch; `fromOffset` when there was none.
 * @throws {KafkaProtocolError} `CORRUPT_MESSAGE` when a checksum does not fit or a record does not keep to its bounds.
 */
export function readRecordBatches(data: Buffer, options: DecodeOptions, into: RecordSink): number {
  const filter = options.aborted && options.aborted.length > 0 ? new AbortedFilter(options.aborted) : undefined
  let nextOffset = options.fromOffset
  let at = 0
  while (at + BATCH_HEADER_BYTES <= data.length) {
    const end = at + LOG_OVERHEAD_BYTES + data.readInt32BE(at + LENGTH_AT)
    if (end > data.length) break
    const baseOffset = readInt64(data, at)
    checkBatch(data, at, end, baseOffset)
    const lastOffset = baseOffset + data.readInt32BE(at + LAST_OFFSET_DELTA_AT)
    if (lastOffset >= options.fromOffset) {
      const attributes = data.readInt16BE(at + ATTRIBUTES_AT)
      const wanted = filter === undefined || filter.accepts(data, at, attributes, lastOffset)
      if (wanted && (attributes & CONTROL) === 0) {
        readRecords(data, at, end, baseOffset, attributes, options.fromOffset, into)
      }
      nextOffset = lastOffset + 1
    }
    at = end
  }
  return nextOffset
}

function checkBatch(data: Buffer, at: number, end: number, baseOffset: number): void {
  const magic = data[at + MAGIC_AT]
  if (magic !== 2) {
    const message = `the batch at offset ${baseOffset} has format ${magic}; only format 2 (Kafka 0.11 and later) can be read`
    throw new KafkaProtocolError('UNSUPPORTED_FOR_MESSAGE_FORMAT', message)
  }
  if (end < at + BATCH_HEADER_BYTES || data.readUInt32BE(at + CRC_AT) !== crc32c(data, at + ATTRIBUTES_AT, end)) {
    throw new KafkaProtocolError('CORRUPT_MESSAGE', `the batch at offset ${baseOffset} does not fit its checksum`)
  }
}

/** Says which batches belong to aborted transactions, by the walk of Kafka's `CompletedFetch`. */
class AbortedFilter {
  readonly #pending: AbortedTransaction[]
  readonly #aborted = new Set<number>()

  constructor(aborted: readonly AbortedTransaction[]) {
    this.#pending = [...aborted].sort((a, b) => b.firstOffset - a.firstOffset)
  }

  accepts(data: Buffer, at: number, attributes: number, lastOffset: number): boolean {
    for (let next = this.#pending.at(-1); next && next.firstOffset <= lastOffset; next = this.#pending.at(-1)) {
      this.#aborted.add(next.producerId)
      this.#pending.pop()
    }
    if ((attributes & TRANSACTIONAL) === 0) return true
    const producerId = readInt64(data, at + PRODUCER_ID_AT)
    if ((attributes & CONTROL) !== 0) {
      if (markerType(data, at) === ABORT_MARKER_TYPE) this.#aborted.delete(producerId)
      return true
    }
    return !this.#aborted.has(producerId)
  }
}

/** A marker's key is a version and a type, both int16. */
function markerType(data: Buffer, at: number): number | undefined {
  cursor = at + BATCH_HEADER_BYTES
  readVarint(data)
  cursor++
  readVarlong(data)
  readVarint(data)
  const keyLength = readVarint(data)
  return keyLength >= 4 ? data.readInt16BE(cursor + 2) : undefined
}

function readRecords(
  data: Buffer,
  at: number,
  batchEnd: number,
  baseOffset: number,
  attributes: number,
  fromOffset: number,
  into: RecordSink,
): void {
  const count = data.readInt32BE(at + COUNT_AT)
  const baseTimestampMs = readInt64(data, at + BASE_TIMESTAMP_AT)
  const appendTimeMs = (attributes & LOG_APPEND_TIME) !== 0 ? readInt64(data, at + MAX_TIMESTAMP_AT) : undefined
  let bytes = data
  let limit = batchEnd
  cursor = at + BATCH_HEADER_BYTES
  const compressionType = attributes & COMPRESSION_MASK
  if (compressionType !== 0) {
    bytes = decompress(compressionType, data.subarray(cursor, batchEnd))
    limit = bytes.length
    cursor = 0
  }
  into.begin(bytes)
  for (let i = 0; i < count; i++) {
    const length = readVarint(bytes)
    const end = cursor + length
    if (length < 0 || end > limit) throw corruptRecord(baseOffset, i)
    cursor++
    const timestampDelta = readVarlong(bytes)
    const offset = baseOffset + readVarint(bytes)
    if (offset < fromOffset) {
      cursor = end
      continue
    }
    const keyBytes = readVarint(bytes)
    const keyAt = cursor
    if (keyBytes > 0) cursor += keyBytes
    const valueBytes = readVarint(bytes)
    const valueAt = cursor
    if (valueBytes > 0) cursor += valueBytes
    if (cursor >= end) throw corruptRecord(baseOffset, i)
    const headerCount = readVarint(bytes)
    const headers = headerCount === 0 ? EMPTY_HEADERS : readHeaders(bytes, headerCount, end)
    if (cursor !== end) throw corruptRecord(baseOffset, i)
    const timestampMs = appendTimeMs ?? baseTimestampMs + timestampDelta
    into.add(keyAt, keyBytes, valueAt, valueBytes, timestampMs, offset, headers)
  }
}

function readHeaders(data: Buffer, count: number, end: number): Headers {
  const headers: Header[] = []
  for (let i = 0; i < count && cursor < end; i++) {
    const keyLength = readVarint(data)
    const key = data.toString('utf8', cursor, cursor + keyLength)
    cursor += keyLength
    const valueLength = readVarint(data)
    if (valueLength < 0) headers.push({ key, value: null })
    else {
      headers.push({ key, value: data.subarray(cursor, cursor + valueLength) })
      cursor += valueLength
    }
  }
  return headers
}

function corruptRecord(baseOffset: number, index: number): KafkaProtocolError {
  return new KafkaProtocolError(
    'CORRUPT_MESSAGE',
    `record ${index} of the batch at offset ${baseOffset} breaks its bounds`,
  )
}

/** Where the functions below read or write next. Encoding and decoding never yield, so one cursor serves all. */
let cursor = 0

function writeRecord(batch: Buffer, record: ProducerRecord, timestampDelta: number, offsetDelta: number): void {
  const { key, value } = record
  const headers = record.headers ?? EMPTY_HEADERS
  const keyLength = key === null ? -1 : key.length
  const valueLength = value === null ? -1 : value.length
  let length =
    1 +
    varlongSize(timestampDelta) +
    varintSize(offsetDelta) +
    varintSize(keyLength) +
    varintSize(valueLength) +
    varintSize(headers.length)
  if (key !== null) length += keyLength
  if (value !== null) length += valueLength
  if (headers.length > 0) length += headersSize(headers)

  writeVarint(batch, length)
  batch[cursor++] = 0
  writeVarlong(batch, timestampDelta)
  writeVarint(batch, offsetDelta)
  writeVarint(batch, keyLength)
  if (key !== null) writeBytes(batch, key)
  writeVarint(batch, valueLength)
  if (value !== null) writeBytes(batch, value)
  writeVarint(batch, headers.length)
  for (let i = 0; i < headers.length; i++) {
    const header = headers[i]!
    writeVarint(batch, Buffer.byteLength(header.key))
    cursor += batch.write(header.key, cursor, 'utf8')
    writeVarint(batch, header.value === null ? -1 : header.value.length)
    if (header.value !== null) writeBytes(batch, header.value)
  }
}

function headersSize(headers: Headers): number {
  let size = 0
  for (const header of headers) {
    const keyLength = Buffer.byteLength(header.key)
    size += varintSize(keyLength) + keyLength
    size += header.value === null ? 1 : varintSize(header.value.length) + header.value.length
  }
  return size
}

function writeBytes(batch: Buffer, bytes: Buffer): void {
  const length = bytes.length
  if (length > LOOP_COPY_BYTES) batch.set(bytes, cursor)
  else for (let i = 0; i < length; i++) batch[cursor + i] = bytes[i]!
  cursor += length
}

function varintSize(value: number): number {
  const zigzag = ((value << 1) ^ (value >> 31)) >>> 0
  return zigzag < 0x80 ? 1 : zigzag < 0x4000 ? 2 : zigzag < 0x200000 ? 3 : zigzag < 0x10000000 ? 4 : 5
}

function writeVarint(batch: Buffer, value: number): void {
  let zigzag = ((value << 1) ^ (value >> 31)) >>> 0
  while (zigzag >= 0x80) {
    batch[cursor++] = zigzag | 0x80
    zigzag >>>= 7
  }
  batch[cursor++] = zigzag
}

function varlongSize(value: number): number {
  if (value < 0x40000000 && value >= -0x40000000) return varintSize(value)
  let size = 1
  for (let rest = value < 0 ? -2 * value - 1 : 2 * value; rest >= 0x80; rest = Math.floor(rest / 0x80)) size++
  return size
}

function writeVarlong(batch: Buffer, value: number): void {
  if (value < 0x40000000 && value >= -0x40000000) {
    writeVarint(batch, value)
    return
  }
  let rest = value < 0 ? -2 * value - 1 : 2 * value
  for (; rest >= 0x80; rest = Math.floor(rest / 0x80)) batch[cursor++] = (rest % 0x80) | 0x80
  batch[cursor++] = rest
}

function readVarint(data: Buffer): number {
  let byte = data[cursor++]!
  if (byte < 0x80) return (byte >>> 1) ^ -(byte & 1)
  let value = byte & 0x7f
  for (let shift = 7; shift < 35 && byte >= 0x80; shift += 7) {
    byte = data[cursor++]!
    value |= (byte & 0x7f) << shift
  }
  return (value >>> 1) ^ -(value & 1)
}

function readVarlong(data: Buffer): number {
  let byte = data[cursor++]!
  if (byte < 0x80) return (byte >>> 1) ^ -(byte & 1)
  let value = byte & 0x7f
  for (let scale = 0x80, i = 0; byte >= 0x80 && i < 9; i++, scale *= 0x80) {
    byte = data[cursor++]!
    value += (byte & 0x7f) * scale
  }
  return value % 2 === 0 ? value / 2 : -(value + 1) / 2
}

function readInt64(data: Buffer, at: number): number {
  return data.readInt32BE(at) * 0x100000000 + data.readUInt32BE(at + 4)
}

function writeInt64(data: Buffer, value: number, at: number): void {
  data.writeInt32BE(Math.floor(value / 0x100000000), at)
  data.writeUInt32BE(value - Math.floor(value / 0x100000000) * 0x100000000, at + 4)
}
