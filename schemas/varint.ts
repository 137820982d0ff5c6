import { SerdeError } from '../common/errors.ts'

/** The place in a buffer that avsc reads or writes at. It runs past the end silently; the caller checks afterwards. */
export interface Tap {
  buf: Buffer
  pos: number
}

const LOW_HALF = 2 ** 27
const HIGH_HALF = 2 ** 55

/**
 * Reads an Avro long (zigzag varint) exactly. avsc's own reader turns some values below -2^52 positive.
 * @throws {SerdeError} when a number cannot hold the value exactly, or it is longer than 10 bytes.
 */
export function readLong(tap: Tap): number {
  const value = readLongRounded(tap)
  if (!Number.isSafeInteger(value))
    throw new SerdeError(`a long of about ${value} is beyond 2^53, more than a number holds exactly`)
  return value
}

/** Reads an Avro long exactly: as a number where that holds it, else as a BigInt. */
export function readLongOrBigInt(tap: Tap): number | bigint {
  const from = tap.pos
  const rounded = readLongRounded(tap)
  if (Number.isSafeInteger(rounded)) return rounded
  let bits = 0n
  for (let pos = tap.pos - 1; pos >= from; pos--) bits = (bits << 7n) | BigInt((tap.buf[pos] ?? 0) & 0x7f)
  return bits & 1n ? -(bits >> 1n) - 1n : bits >> 1n
}

/** Reads an Avro long as the nearest number. */
export function readLongRounded(tap: Tap): number {
  const { buf } = tap
  let pos = tap.pos
  let byte = buf[pos++] as number
  let low = byte & 0x7f
  for (let shift = 7; byte & 0x80 && shift < 28; shift += 7) {
    byte = buf[pos++] as number
    low |= (byte & 0x7f) << shift
  }
  let half = low >>> 1
  if (byte & 0x80) {
    let middle = 0
    for (let shift = 0; byte & 0x80 && shift < 28; shift += 7) {
      byte = buf[pos++] as number
      middle |= (byte & 0x7f) << shift
    }
    half += middle * LOW_HALF
    if (byte & 0x80) {
      byte = buf[pos++] as number
      let high = byte & 0x7f
      if (byte & 0x80) {
        byte = buf[pos++] as number
        if (byte & 0xfe) throw new SerdeError('a long is longer than 64 bits')
        high |= byte << 7
      }
      half += high * HIGH_HALF
    }
  }
  tap.pos = pos
  return low & 1 ? -half - 1 : half
}

/** Writes a safe integer as an Avro long. */
export function writeLong(tap: Tap, value: number): void {
  const { buf } = tap
  let pos = tap.pos
  let rest: number
  if (value >= -0x40000000 && value < 0x40000000) {
    rest = ((value << 1) ^ (value >> 31)) >>> 0
  } else {
    const half = value >= 0 ? value : -value - 1
    const low = ((half % LOW_HALF) << 1) | (value < 0 ? 1 : 0)
    buf[pos++] = (low & 0x7f) | 0x80
    buf[pos++] = ((low >>> 7) & 0x7f) | 0x80
    buf[pos++] = ((low >>> 14) & 0x7f) | 0x80
    buf[pos++] = (low >>> 21) | 0x80
    rest = Math.floor(half / LOW_HALF)
  }
  while (rest > 0x7f) {
    buf[pos++] = (rest & 0x7f) | 0x80
    rest >>>= 7
  }
  buf[pos++] = rest
  tap.pos = pos
}
