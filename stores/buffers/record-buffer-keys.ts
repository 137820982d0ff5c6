import { CorruptStateError } from '../errors.ts'
import { readInt64, writeInt64 } from '../shared/bytes.ts'

/**
 * Keys of a record buffer's changelog, Kafka Streams': 0x00 | time (int64) | key | sequence number (int32). Their bytes order records by
 * time, then key, then arrival. Row keys are the same after the store's prefix.
 * @see org.apache.kafka.streams.state.internals.PrefixedWindowKeySchemas.TimeFirstWindowKeySchema
 */
const TIME_FIRST = 0
const TIME_AT = 1
const KEY_AT = 9
const SEQUENCE_BYTES = 4

export function bufferKey(timeMs: number, key: Buffer, sequence: number): Buffer {
  const bytes = Buffer.allocUnsafe(KEY_AT + key.length + SEQUENCE_BYTES)
  bytes[0] = TIME_FIRST
  writeInt64(bytes, timeMs, TIME_AT)
  bytes.set(key, KEY_AT)
  bytes.writeInt32BE(sequence, KEY_AT + key.length)
  return bytes
}

/** @throws {CorruptStateError} */
export function parseBufferKey(bytes: Buffer): {
  readonly timeMs: number
  readonly key: Buffer
  readonly sequence: number
} {
  const end = bytes.length - SEQUENCE_BYTES
  if (bytes[0] !== TIME_FIRST || end < KEY_AT)
    throw new CorruptStateError(`a buffer's key that cannot be read: ${bytes.toString('hex')}`)
  return { timeMs: readInt64(bytes, TIME_AT), key: bytes.subarray(KEY_AT, end), sequence: bytes.readInt32BE(end) }
}
