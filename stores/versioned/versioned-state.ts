import { CorruptStateError } from '../errors.ts'
import { readInt64, writeInt64 } from '../shared/bytes.ts'

/**
 * What a versioned store keeps beside its rows: format (1 byte, 1) | observed stream time (int64) | segment interval (int64) | numbers of
 * the segments that have rows (int64 each).
 */
export interface VersionedState {
  /** Latest time that was put; -1 before the first. */
  readonly observedStreamTimeMs: number
  readonly segmentIntervalMs: number
  readonly segments: readonly number[]
}

const FORMAT = 1
const FIXED_BYTES = 17

export function encodeVersionedState(state: VersionedState): Buffer {
  const bytes = Buffer.allocUnsafe(FIXED_BYTES + state.segments.length * 8)
  bytes[0] = FORMAT
  let at = writeInt64(bytes, state.segmentIntervalMs, writeInt64(bytes, state.observedStreamTimeMs, 1))
  for (const segment of state.segments) at = writeInt64(bytes, segment, at)
  return bytes
}

/** @throws {CorruptStateError} when the bytes are not the state of a versioned store of this version. */
export function decodeVersionedState(bytes: Buffer): VersionedState {
  if (bytes[0] !== FORMAT || bytes.length < FIXED_BYTES || (bytes.length - FIXED_BYTES) % 8 !== 0)
    throw new CorruptStateError(`unreadable state of a versioned store: ${bytes.toString('hex')}`)
  const segments: number[] = []
  for (let at = FIXED_BYTES; at < bytes.length; at += 8) segments.push(readInt64(bytes, at))
  return { observedStreamTimeMs: readInt64(bytes, 1), segmentIntervalMs: readInt64(bytes, 9), segments }
}
