import { DptError } from './errors.ts'

/**
 * What a group telegram carries beside its service. `short`: up to 6 bits inside the APCI octet (`data` is then that one
 * octet); else whole octets after it. A one-octet value and a 1-bit value are told apart by this alone.
 */
export interface GroupPayload {
  readonly short: boolean
  readonly data: Buffer
}

/** What a datapoint type carries: a number (booleans are 0 and 1), a text, or named parts; a part that is not valid is null. */
export type DptValue = number | string | DptParts
export type DptParts = Readonly<Record<string, number | boolean | null>>

/** How a value becomes a payload and back. Encodings are those of KNX System Specifications 03_07_02 "Datapoint Types". */
export interface DatapointType<V extends DptValue = DptValue> {
  /** Main and sub number, such as `5.001`. */
  readonly id: string
  /** What the specification calls it, such as `Scaling`. */
  readonly name: string
  /** What a number is measured in, such as `percent`; `boolean` for 0 and 1, empty where there is nothing to say. */
  readonly unit: string
  /** @throws {DptError} when the type cannot carry the value. */
  encode(value: V): GroupPayload
  /**
   * `undefined` where the device says that it has no valid value.
   * @throws {DptError} when the payload has the wrong form or length, or a reserved pattern.
   */
  decode(payload: GroupPayload): V | undefined
}

/** A datapoint type that carries a number. */
export interface Dpt extends DatapointType<number> {
  /** Half a step of the encoding: two values that are the same on the wire differ by at most twice this. */
  toleranceOf(value: number): number
}

/** The octets of a payload that has to have so many. @throws {DptError} */
export function octetsOf(id: string, count: number, payload: GroupPayload): Buffer {
  if (!payload.short && payload.data.length === count) return payload.data
  throw wrongLength(id, count === 1 ? '1 octet' : `${count} octets`, payload)
}

/** The bits of a short payload, of which only the lowest `count` may be set. @throws {DptError} */
export function bitsOf(id: string, count: number, payload: GroupPayload): number {
  const width = `${count} bit${count === 1 ? '' : 's'}`
  if (!payload.short) throw wrongLength(id, width, payload)
  const value = payload.data[0]!
  if (value < 1 << count) return value
  throw new DptError(`DPT ${id} has ${width}, got the six bits 0x${value.toString(16).padStart(2, '0')}`)
}

/** @throws {DptError} unless it is a whole number in the range. */
export function wholeNumber(id: string, what: string, value: unknown, min: number, max: number): number {
  if (typeof value === 'number' && Number.isInteger(value) && value >= min && value <= max) return value
  throw new DptError(`DPT ${id} carries ${what} from ${min} to ${max}, not ${String(value)}`)
}

export const inOctets = (data: Buffer): GroupPayload => ({ short: false, data })
export const inBits = (value: number): GroupPayload => ({ short: true, data: Buffer.of(value) })

function wrongLength(id: string, wanted: string, payload: GroupPayload): DptError {
  const got = payload.short ? '6 bits' : `${payload.data.length} octets`
  return new DptError(`DPT ${id} needs ${wanted}, got ${got}`)
}
