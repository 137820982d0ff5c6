import { EMPTY_HEADERS, type Header, type Headers } from '../../common/record.ts'
import { CorruptStateError } from '../errors.ts'
import { readInt64, writeInt64 } from '../shared/bytes.ts'

/**
 * Where and when a record came in, kept with it while it waits in a buffer. A record that no topic stands behind (it was made during a
 * punctuation) has topic '' and partition and offset -1.
 * @see org.apache.kafka.streams.processor.internals.ProcessorRecordContext
 */
export interface BufferedContext {
  readonly timestampMs: number
  readonly offset: number
  readonly topic: string
  readonly partition: number
  readonly headers: Headers
}

/**
 * A row of a time-ordered buffer. `priorValue` is what the key's row was before the first buffered update; buffers of plain records
 * have a new value alone.
 * @see org.apache.kafka.streams.state.internals.BufferValue
 */
export interface BufferValue {
  readonly context: BufferedContext
  readonly priorValue: Buffer | null
  readonly oldValue: Buffer | null
  readonly newValue: Buffer | null
}

const NULL = -1
/** In place of the old value's length: it is the prior value. */
const SAME_AS_PRIOR = -2

/**
 * Kafka Streams' bytes of a buffer value:
 *
 *     timestamp (int64) | offset (int64) | topic (sized) | partition (int32) | header count (int32) | headers (sized key, sized value)
 *     | prior value (sized) | old value (sized, or -2 for "the prior value") | new value (sized) | padding
 *
 * A size is an int32, -1 for null. `paddingBytes` are left zero at the end (changelogs of buffers put the buffer time there).
 */
export function encodeBufferValue(value: BufferValue, paddingBytes = 0): Buffer {
  const { context, priorValue, oldValue, newValue } = value
  const isSame = oldValue !== null && priorValue !== null && oldValue.equals(priorValue)
  const topic = Buffer.from(context.topic, 'utf8')
  const keys = context.headers.map((header) => Buffer.from(header.key, 'utf8'))
  let sizeBytes = 28 + topic.length + 12 + paddingBytes + sizeOf(priorValue) + sizeOf(newValue)
  if (!isSame) sizeBytes += sizeOf(oldValue)
  for (const [i, key] of keys.entries()) sizeBytes += 8 + key.length + sizeOf(context.headers[i]?.value ?? null)
  const bytes = Buffer.alloc(sizeBytes)
  let at = writeInt64(bytes, context.timestampMs, 0)
  at = writeInt64(bytes, context.offset, at)
  at = writeSized(bytes, topic, at)
  at = bytes.writeInt32BE(context.partition, at)
  at = bytes.writeInt32BE(keys.length, at)
  for (const [i, key] of keys.entries()) {
    at = writeSized(bytes, key, at)
    at = writeSized(bytes, context.headers[i]?.value ?? null, at)
  }
  at = writeSized(bytes, priorValue, at)
  at = isSame ? bytes.writeInt32BE(SAME_AS_PRIOR, at) : writeSized(bytes, oldValue, at)
  writeSized(bytes, newValue, at)
  return bytes
}

/** The values are views of `bytes`: copy what is kept longer. What follows the new value is left alone. @throws {CorruptStateError} */
export function decodeBufferValue(bytes: Buffer): BufferValue {
  const reader = new Reader(bytes)
  const timestampMs = reader.int64()
  const offset = reader.int64()
  const topic = reader.sized()
  if (topic === null) throw new CorruptStateError('a buffer value without a topic')
  const partition = reader.int32()
  const headers = reader.headers()
  const priorValue = reader.sized()
  const oldSize = reader.int32()
  const oldValue = oldSize === SAME_AS_PRIOR ? priorValue : reader.take(oldSize)
  const newValue = reader.sized()
  return {
    context: { timestampMs, offset, topic: topic.toString('utf8'), partition, headers },
    priorValue,
    oldValue,
    newValue,
  }
}

function sizeOf(value: Buffer | null): number {
  return value === null ? 0 : value.length
}

function writeSized(into: Buffer, value: Buffer | null, at: number): number {
  const after = into.writeInt32BE(value === null ? NULL : value.length, at)
  if (value === null) return after
  into.set(value, after)
  return after + value.length
}

class Reader {
  readonly #bytes: Buffer
  #at = 0

  constructor(bytes: Buffer) {
    this.#bytes = bytes
  }

  int64(): number {
    return readInt64(this.#next(8), 0)
  }

  int32(): number {
    return this.#next(4).readInt32BE(0)
  }

  sized(): Buffer | null {
    return this.take(this.int32())
  }

  take(size: number): Buffer | null {
    return size === NULL ? null : this.#next(size)
  }

  headers(): Headers {
    const count = this.int32()
    if (count <= 0) return EMPTY_HEADERS
    const headers: Header[] = []
    for (let i = 0; i < count; i++) {
      const key = this.sized()
      if (key === null) throw new CorruptStateError('a buffered header without a key')
      const value = this.sized()
      headers.push({ key: key.toString('utf8'), value: value === null ? null : Buffer.from(value) })
    }
    return headers
  }

  #next(size: number): Buffer {
    const end = this.#at + size
    if (size < 0 || end > this.#bytes.length)
      throw new CorruptStateError(`a buffer value of ${this.#bytes.length} bytes, cut or damaged at ${this.#at}`)
    const part = this.#bytes.subarray(this.#at, end)
    this.#at = end
    return part
  }
}
