import { DptError, UnsupportedDptError } from './errors.ts'

/**
 * What a group telegram carries beside its service. `short`: up to 6 bits inside the APCI octet (`data` is then that one
 * octet); else whole octets after it. A one-octet value and a 1-bit value are told apart by this alone.
 */
export interface GroupPayload {
  readonly short: boolean
  readonly data: Buffer
}

/**
 * A datapoint type: how a number becomes a payload and back. Booleans are 0 and 1. Encodings are those of KNX System
 * Specifications 03_07_02 "Datapoint Types".
 */
export interface Dpt {
  /** Main and sub number, such as `5.001`. */
  readonly id: string
  readonly unit: 'boolean' | 'percent' | 'celsius' | 'lux'
  /** Half a step of the encoding: two values that are the same on the wire differ by at most twice this. */
  toleranceOf(value: number): number
  /** @throws {DptError} when the type cannot carry the value. */
  encode(value: number): GroupPayload
  /**
   * `undefined` where the device says that it has no valid value.
   * @throws {DptError} when the payload has the wrong form or length.
   */
  decode(payload: GroupPayload): number | undefined
}

/** Clause 3.1, "Datapoint Types B1": one bit, the other five of the short form are 0. */
function bit(id: string): Dpt {
  return {
    id,
    unit: 'boolean',
    toleranceOf: () => 0,
    encode(value) {
      if (value !== 0 && value !== 1) throw new DptError(`DPT ${id} carries 0 or 1, not ${value}`)
      return { short: true, data: Buffer.of(value) }
    },
    decode(payload) {
      if (!payload.short) throw wrongLength(id, '1 bit', payload)
      const value = payload.data[0]!
      if (value > 1)
        throw new DptError(`DPT ${id} has one bit, got the six bits 0x${value.toString(16).padStart(2, '0')}`)
      return value
    },
  }
}

/**
 * Clause 3.5, "Datapoint Types U8": 0x00 = 0 %, 0xff = 100 %. Every whole percent has an octet of its own and is read back as
 * what was written; the octets between are read as fractions.
 */
function scaling(id: string): Dpt {
  return {
    id,
    unit: 'percent',
    toleranceOf: () => 100 / 255 / 2,
    encode(value) {
      if (!(value >= 0 && value <= 100)) throw new DptError(`DPT ${id} carries 0 to 100 percent, not ${value}`)
      return { short: false, data: Buffer.of(Math.round((value * 255) / 100)) }
    },
    decode(payload) {
      if (payload.short || payload.data.length !== 1) throw wrongLength(id, '1 octet', payload)
      const exact = (payload.data[0]! * 100) / 255
      const whole = Math.round(exact)
      return Math.round((whole * 255) / 100) === payload.data[0] ? whole : exact
    },
  }
}

const INVALID_FLOAT = 0x7fff

/**
 * Clause 3.10, "2-Octet Float Value F16": MEEEEMMM MMMMMMMM, value = 0.01 · mantissa · 2^exponent, the mantissa in two's
 * complement of 12 bits; 0x7fff means "invalid data". `min` and `max` are the range of the sub type.
 */
function float16(id: string, unit: Dpt['unit'], min: number, max: number): Dpt {
  return {
    id,
    unit,
    toleranceOf: (value) => 0.005 * 2 ** exponentOf(Math.round(value * 100)),
    encode(value) {
      if (!(value >= min && value <= max)) throw new DptError(`DPT ${id} carries ${min} to ${max}, not ${value}`)
      const hundredths = Math.round(value * 100)
      let exponent = exponentOf(hundredths)
      let mantissa = Math.round(hundredths / 2 ** exponent)
      // Rounding up may leave the 12 bits of the mantissa.
      if (mantissa > 2047) mantissa = Math.round(hundredths / 2 ** ++exponent)
      const data = Buffer.allocUnsafe(2)
      data.writeUInt16BE((mantissa < 0 ? 0x8000 : 0) | (exponent << 11) | (mantissa & 0x7ff))
      return { short: false, data }
    },
    decode(payload) {
      if (payload.short || payload.data.length !== 2) throw wrongLength(id, '2 octets', payload)
      const word = payload.data.readUInt16BE(0)
      if (word === INVALID_FLOAT) return undefined
      const mantissa = (word & 0x7ff) - (word & 0x8000 ? 2048 : 0)
      const value = (mantissa * 2 ** ((word >> 11) & 15)) / 100
      if (value < min || value > max) throw new DptError(`DPT ${id} carries ${min} to ${max}, got ${value}`)
      return value
    },
  }
}

function exponentOf(hundredths: number): number {
  let exponent = 0
  while (hundredths > 2047 * 2 ** exponent || hundredths < -2048 * 2 ** exponent) exponent++
  return exponent
}

function wrongLength(id: string, wanted: string, payload: GroupPayload): DptError {
  const got = payload.short ? '6 bits' : `${payload.data.length} octets`
  return new DptError(`DPT ${id} needs ${wanted}, got ${got}`)
}

/** 9.x: 670433.28 keeps clear of 670760.96, which is the pattern 0x7fff of "invalid data". */
const MAX_FLOAT = 670433.28

const DPTS: ReadonlyMap<string, Dpt> = new Map(
  [
    /** DPT_Switch: 0 = off, 1 = on. */
    bit('1.001'),
    /** DPT_UpDown: 0 = up, 1 = down. */
    bit('1.008'),
    /** DPT_Scaling. */
    scaling('5.001'),
    /** DPT_Value_Temp. */
    float16('9.001', 'celsius', -273, MAX_FLOAT),
    /** DPT_Value_Lux. */
    float16('9.004', 'lux', 0, MAX_FLOAT),
    /** DPT_Value_Humidity. */
    float16('9.007', 'percent', 0, MAX_FLOAT),
  ].map((dpt) => [dpt.id, dpt]),
)

/**
 * Takes `5.001`, `DPT5.001`, `DPT 5.001` and `DPST-5-1` (as ETS exports it).
 * @throws {UnsupportedDptError} for a type without a codec.
 */
export function dptOf(name: string): Dpt {
  const match = /^(?:DPT\s?|DPST-)?(\d+)[.-](\d{1,3})$/i.exec(name.trim())
  const dpt = match ? DPTS.get(`${match[1]}.${match[2]!.padStart(3, '0')}`) : undefined
  if (!dpt)
    throw new UnsupportedDptError(
      `there is no codec for the datapoint type ${JSON.stringify(name)}; known are ${[...DPTS.keys()].join(', ')}`,
    )
  return dpt
}
