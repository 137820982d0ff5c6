import { CorruptStateError } from '../errors.ts'
import { readInt64, writeInt64 } from '../shared/bytes.ts'

/**
 * What a window store keeps beside its rows: format (1 byte, 1) | observed stream time (int64) | last sequence number (int32) |
 * numbers of the segments that have rows (int64 each).
 */
export interface WindowState {
  /** Latest window start that was put; -1 before the first. */
  readonly observedStreamTimeMs: number
  readonly lastSequence: number
  readonly segments: readonly number[]
}

export const EMPTY_WINDOW_STATE: WindowState = { observedStreamTimeMs: -1, lastSequence: 0, segments: [] }

const FORMAT = 1
const FIXED_BYTES = 13

export function encodeWindowState(state: WindowState): Buffer {
  const bytes = Buffer.allocUnsafe(FIXED_BYTES + state.segments.length * 8)
  bytes[0] = FORMAT
  let at = bytes.writeInt32BE(state.lastSequence, writeInt64(bytes, state.observedStreamTimeMs, 1))
  for (const segment of state.segments) at = writeInt64(bytes, segment, at)
  return bytes
}

/** @throws {CorruptStateError} when the bytes are not the state of a window store of this version. */
export function decodeWindowState(bytes: Buffer): WindowState {
  if (bytes[0] !== FORMAT || bytes.length < FIXED_BYTES || (bytes.length - FIXED_BYTES) % 8 !== 0)
    throw new CorruptStateError(`unreadable state of a window store: ${bytes.toString('hex')}`)
  const segments: number[] = []
  for (let at = FIXED_BYTES; at < bytes.length; at += 8) segments.push(readInt64(bytes, at))
  return { observedStreamTimeMs: readInt64(bytes, 1), lastSequence: bytes.readInt32BE(9), segments }
}
