import { type Headers, lastHeader } from '../../common/record.ts'
import { CorruptStateError } from '../errors.ts'
import { readInt64, writeInt64 } from '../shared/bytes.ts'
import type { RestoredRecord } from '../state-store.ts'
import { type BufferValue, decodeBufferValue, encodeBufferValue } from './buffer-value.ts'

/** A row of a suppression's buffer as its changelog has it. */
export interface BufferedRow {
  /** What its place in the buffer is by. */
  readonly timeMs: number
  readonly value: BufferValue
}

const VERSION_HEADER = 'v'
const TIME_BYTES = 8
/** Before the first version of a change's context: the record's own place is all that is known. */
const NO_PLACE = { offset: -1, topic: '', partition: -1 }

/** What every record of the changelog carries that is no tombstone. */
export const CHANGELOG_HEADERS: Headers = [{ key: VERSION_HEADER, value: Buffer.from([3]) }]

/** Version 3: a buffer value, then the buffer time (int64). @see InMemoryTimeOrderedKeyValueChangeBuffer.logValue */
export function encodeBufferedRow({ timeMs, value }: BufferedRow): Buffer {
  const bytes = encodeBufferValue(value, TIME_BYTES)
  writeInt64(bytes, timeMs, bytes.length - TIME_BYTES)
  return bytes
}

/**
 * Reads a row of any version that Kafka Streams has written. `priorValue`: that of the row which is in the buffer for this key now,
 * `undefined` when there is none; the first versions do not keep it.
 * @see TimeOrderedKeyValueBufferChangelogDeserializationHelper
 * @throws {CorruptStateError} for an unknown version or bytes that cannot be read.
 */
export function decodeBufferedRow(
  record: RestoredRecord & { readonly value: Buffer },
  priorValue: Buffer | null | undefined,
): BufferedRow {
  const { value: bytes, headers } = record
  const version = lastHeader(headers, VERSION_HEADER)
  if (version === undefined) return decodeVersion0(record, priorValue)
  switch (version?.length === 1 ? version[0] : undefined) {
    case 1:
      return decodeVersion1(bytes, priorValue)
    case 2:
      return decodeVersion2(bytes)
    case 3:
      return decodeVersion3(bytes)
  }
  throw new CorruptStateError(`a buffered change of unknown version ${version?.toString('hex') ?? 'null'}`)
}

function decodeVersion3(bytes: Buffer): BufferedRow {
  return { value: decodeBufferValue(bytes), timeMs: lastInt64(bytes) }
}

/** Buffer time, old value, new value. */
function decodeVersion0(
  { value: bytes, timestampMs, headers }: RestoredRecord & { readonly value: Buffer },
  priorValue: Buffer | null | undefined,
): BufferedRow {
  const [oldValue, newValue] = readSized(bytes, TIME_BYTES, 2)
  return {
    timeMs: firstInt64(bytes),
    value: { context: { ...NO_PLACE, timestampMs, headers }, priorValue: priorValue ?? oldValue, oldValue, newValue },
  }
}

/** Buffer time, context, then old and new value as one sized value. */
function decodeVersion1(bytes: Buffer, priorValue: Buffer | null | undefined): BufferedRow {
  const timeMs = firstInt64(bytes)
  const { context, change } = decodeContextual(bytes.subarray(TIME_BYTES))
  const [oldValue, newValue] = readSized(change, 0, 2)
  return { timeMs, value: { context, priorValue: priorValue ?? oldValue, oldValue, newValue } }
}

/** Context, old and new value as one sized value, prior value, buffer time. Some releases wrote version 3 under this number. */
function decodeVersion2(bytes: Buffer): BufferedRow {
  try {
    const { context, change, after } = decodeContextual(bytes)
    const [oldValue, newValue] = readSized(change, 0, 2)
    const [priorValue, end] = sizedAt(bytes, after)
    if (end + TIME_BYTES !== bytes.length) throw new CorruptStateError('a buffered change of another version')
    return { timeMs: lastInt64(bytes), value: { context, priorValue, oldValue, newValue } }
  } catch (error) {
    if (!(error instanceof CorruptStateError)) throw error
    return decodeVersion3(bytes)
  }
}

/** A context and one sized value: read as the beginning of a buffer value whose other values are null. */
function decodeContextual(bytes: Buffer) {
  const head = contextEnd(bytes)
  const [change, after] = sizedAt(bytes, head)
  if (change === null) throw new CorruptStateError('a buffered change that is null')
  const nulls = Buffer.alloc(12, 0xff)
  const { context } = decodeBufferValue(Buffer.concat([bytes.subarray(0, head), nulls]))
  return { context, change, after }
}

/** Where the context at the beginning ends: times, topic, partition and headers. */
function contextEnd(bytes: Buffer): number {
  let at = sizedAt(bytes, 16)[1] + 4
  const count = int32At(bytes, at)
  at += 4
  for (let i = 0; i < 2 * count; i++) at = sizedAt(bytes, at)[1]
  return at
}

function readSized(bytes: Buffer, from: number, count: number): [Buffer | null, Buffer | null] {
  const values: (Buffer | null)[] = []
  let at = from
  for (let i = 0; i < count; i++) {
    const [value, end] = sizedAt(bytes, at)
    values.push(value)
    at = end
  }
  return [values[0] ?? null, values[1] ?? null]
}

function sizedAt(bytes: Buffer, at: number): readonly [value: Buffer | null, end: number] {
  const size = int32At(bytes, at)
  if (size === -1) return [null, at + 4]
  const end = at + 4 + size
  if (size < 0 || end > bytes.length) throw new CorruptStateError(`a buffered change that is cut at ${at}`)
  return [bytes.subarray(at + 4, end), end]
}

function int32At(bytes: Buffer, at: number): number {
  if (at < 0 || at + 4 > bytes.length) throw new CorruptStateError(`a buffered change that is cut at ${at}`)
  return bytes.readInt32BE(at)
}

function firstInt64(bytes: Buffer): number {
  if (bytes.length < TIME_BYTES) throw new CorruptStateError(`a buffered change of ${bytes.length} bytes`)
  return readInt64(bytes, 0)
}

function lastInt64(bytes: Buffer): number {
  if (bytes.length < TIME_BYTES) throw new CorruptStateError(`a buffered change of ${bytes.length} bytes`)
  return readInt64(bytes, bytes.length - TIME_BYTES)
}
