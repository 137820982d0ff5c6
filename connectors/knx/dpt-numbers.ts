import { bitsOf, type Dpt, inBits, inOctets, octetsOf } from './datapoint-type.ts'
import { DptError } from './errors.ts'

/** Id without the main number, name, unit. */
export type SubType = readonly [sub: string, name: string, unit?: string]

/** Clause 3.1, B1: one bit, the other five of the short form are 0. */
export function bit(id: string, name: string): Dpt {
  return {
    id,
    name,
    unit: 'boolean',
    toleranceOf: () => 0,
    encode(value) {
      if (value !== 0 && value !== 1) throw new DptError(`DPT ${id} carries 0 or 1, not ${value}`)
      return inBits(value)
    },
    decode: (payload) => bitsOf(id, 1, payload),
  }
}

/**
 * Clause 3.5, U8 scaled: 0x00 = 0, 0xff = `max`. Every whole number that has an octet of its own is read back as what was written;
 * the octets between are read as fractions.
 */
export function scaled(id: string, name: string, unit: string, max: number): Dpt {
  const octet = (value: number): number => Math.round((value * 255) / max)
  return {
    id,
    name,
    unit,
    toleranceOf: () => max / 255 / 2,
    encode(value) {
      if (!(value >= 0 && value <= max)) throw new DptError(`DPT ${id} carries 0 to ${max} ${unit}, not ${value}`)
      return inOctets(Buffer.of(octet(value)))
    },
    decode(payload) {
      const raw = octetsOf(id, 1, payload)[0]!
      const exact = (raw * max) / 255
      const whole = Math.round(exact)
      return octet(whole) === raw && max <= 255 ? whole : exact
    },
  }
}

export interface WholeNumberOptions {
  readonly octets: 1 | 2 | 4
  readonly signed?: boolean
  /** What one step stands for (default 1). */
  readonly step?: number
  /** The largest of the raw values (default: what the octets hold). */
  readonly maxRaw?: number
  /** The raw value that means "invalid data". */
  readonly invalid?: number
}

/** Clauses 3.5 to 3.9 and 3.12, 3.13: U8, V8, U16, V16, U32, V32 and the enumerations N8; big end first. */
export function wholeNumbers(id: string, name: string, unit: string, options: WholeNumberOptions): Dpt {
  const { octets, signed = false, step = 1, invalid } = options
  const bits = 8 * octets - (signed ? 1 : 0)
  const max = options.maxRaw ?? 2 ** bits - 1
  const min = signed ? -(2 ** bits) : 0
  const text = `${min * step} to ${max * step}${unit === '' ? '' : ` ${unit}`}`
  return {
    id,
    name,
    unit,
    toleranceOf: () => step / 2,
    encode(value) {
      const raw = Math.round(value / step)
      if (!(raw >= min && raw <= max) || raw === invalid) throw new DptError(`DPT ${id} carries ${text}, not ${value}`)
      const data = Buffer.alloc(octets)
      if (signed) data.writeIntBE(raw, 0, octets)
      else data.writeUIntBE(raw, 0, octets)
      return inOctets(data)
    },
    decode(payload) {
      const data = octetsOf(id, octets, payload)
      const raw = signed ? data.readIntBE(0, octets) : data.readUIntBE(0, octets)
      if (raw === invalid) return undefined
      if (raw > max) throw new DptError(`DPT ${id} carries ${text}, got the reserved ${raw}`)
      return raw * step
    },
  }
}

const INVALID_FLOAT = 0x7fff

/** 9.x: 670433.28 keeps clear of 670760.96, which is the pattern 0x7fff of "invalid data". */
const MAX_FLOAT = 670433.28
const MIN_FLOAT = -671088.64

/**
 * Clause 3.10, F16: MEEEEMMM MMMMMMMM, value = 0.01 · mantissa · 2^exponent, the mantissa in two's complement of 12 bits; 0x7fff
 * means "invalid data".
 */
export function float16(id: string, name: string, unit: string, min = MIN_FLOAT): Dpt {
  return {
    id,
    name,
    unit,
    toleranceOf: (value) => 0.005 * 2 ** exponentOf(Math.round(value * 100)),
    encode(value) {
      if (!(value >= min && value <= MAX_FLOAT))
        throw new DptError(`DPT ${id} carries ${min} to ${MAX_FLOAT}, not ${value}`)
      const hundredths = Math.round(value * 100)
      let exponent = exponentOf(hundredths)
      let mantissa = Math.round(hundredths / 2 ** exponent)
      // Rounding up may leave the 12 bits of the mantissa.
      if (mantissa > 2047) mantissa = Math.round(hundredths / 2 ** ++exponent)
      const data = Buffer.allocUnsafe(2)
      data.writeUInt16BE((mantissa < 0 ? 0x8000 : 0) | (exponent << 11) | (mantissa & 0x7ff))
      return inOctets(data)
    },
    decode(payload) {
      const word = octetsOf(id, 2, payload).readUInt16BE(0)
      if (word === INVALID_FLOAT) return undefined
      const mantissa = (word & 0x7ff) - (word & 0x8000 ? 2048 : 0)
      const value = (mantissa * 2 ** ((word >> 11) & 15)) / 100
      if (value < min) throw new DptError(`DPT ${id} carries ${min} to ${MAX_FLOAT}, got ${value}`)
      return value
    },
  }
}

function exponentOf(hundredths: number): number {
  let exponent = 0
  while (hundredths > 2047 * 2 ** exponent || hundredths < -2048 * 2 ** exponent) exponent++
  return exponent
}

/** Clause 3.14, F32: IEEE 754 in four octets; what is not finite is no valid value. */
export function float32(id: string, name: string, unit: string): Dpt {
  return {
    id,
    name,
    unit,
    toleranceOf: (value) => Math.max(Math.abs(value) * 2 ** -24, 2 ** -150),
    encode(value) {
      const data = Buffer.allocUnsafe(4)
      data.writeFloatBE(value)
      if (Number.isFinite(data.readFloatBE(0))) return inOctets(data)
      throw new DptError(`DPT ${id} carries a float of 32 bits, not ${value}`)
    },
    decode(payload) {
      const value = octetsOf(id, 4, payload).readFloatBE(0)
      return Number.isFinite(value) ? value : undefined
    },
  }
}

/** Clause 3.26, V64: counters of energy. Numbers past 2^53 cannot be told apart and are refused. */
export function signed64(id: string, name: string, unit: string): Dpt {
  return {
    id,
    name,
    unit,
    toleranceOf: () => 0.5,
    encode(value) {
      const raw = Math.round(value)
      if (!Number.isSafeInteger(raw)) throw new DptError(`DPT ${id} carries whole numbers up to 2^53, not ${value}`)
      const data = Buffer.allocUnsafe(8)
      data.writeBigInt64BE(BigInt(raw))
      return inOctets(data)
    },
    decode(payload) {
      const value = Number(octetsOf(id, 8, payload).readBigInt64BE(0))
      if (Number.isSafeInteger(value)) return value
      throw new DptError(`DPT ${id}: ${value} is past what can be counted exactly`)
    },
  }
}
