import type { ReadingKind } from '../../schemas/types.ts'
import type { Dpt } from './dpt.ts'

/** How a kind of reading is carried by a datapoint type. */
export interface Carrier {
  /** Payload value to reading. */
  toReading(value: number): number
  /** Commanded value to payload value; `undefined` when the type has no such state. */
  toPayload(value: number): number | undefined
  /** Whether a command only chooses between two ends: a status of finer steps need not show what was asked. */
  readonly isCoarse?: true
}

const linear = (factor: number, offset = 0): Carrier => ({
  toReading: (value) => value * factor + offset,
  toPayload: (value) => (value - offset) / factor,
})
const AS_IT_IS: Carrier = { toReading: (value) => value, toPayload: (value) => value }
/** On or off for what is measured in percent: anything above 0 is on. */
const ON_OFF: Carrier = { toReading: (bit) => bit * 100, toPayload: (percent) => (percent > 0 ? 1 : 0), isCoarse: true }
/** DPT_UpDown for blinds: up (0) is open (100), down (1) is closed (0); it stops nowhere between. */
const UP_DOWN: Carrier = {
  toReading: (bit) => 100 - 100 * bit,
  toPayload: (percent) => (percent === 100 ? 0 : percent === 0 ? 1 : undefined),
}
const FAHRENHEIT = linear(5 / 9, -160 / 9)
const KELVIN = linear(1, -273.15)
const PASCAL = linear(0.01)

/** The first type of each kind is the usual one. */
const CARRIERS: Readonly<Partial<Record<ReadingKind, Readonly<Record<string, Carrier>>>>> = {
  blinds: { '5.001': AS_IT_IS, '1.008': UP_DOWN },
  radiator: { '5.001': AS_IT_IS, '1.001': ON_OFF },
  light: { '5.001': AS_IT_IS, '1.001': ON_OFF },
  switch: { '1.001': AS_IT_IS, '1.002': AS_IT_IS, '1.003': AS_IT_IS, '1.011': AS_IT_IS },
  motion: { '1.018': AS_IT_IS, '1.001': AS_IT_IS, '1.002': AS_IT_IS, '1.005': AS_IT_IS, '1.011': AS_IT_IS },
  temperature: { '9.001': AS_IT_IS, '14.068': AS_IT_IS, '9.027': FAHRENHEIT, '14.069': KELVIN },
  luminance: { '9.004': AS_IT_IS, '7.013': AS_IT_IS },
  humidity: { '9.007': AS_IT_IS, '5.001': AS_IT_IS },
  pressure: { '9.006': PASCAL, '14.058': PASCAL },
  battery: { '5.001': AS_IT_IS, '5.004': AS_IT_IS },
}

/** `undefined` when this kind is not carried by this type. */
export function carrierOf(kind: ReadingKind, dpt: Dpt): Carrier | undefined {
  return CARRIERS[kind]?.[dpt.id]
}

/** The datapoint types that carry the kind, the usual one first; none for a kind that is not on KNX. */
export function dptsOf(kind: ReadingKind): readonly string[] {
  return Object.keys(CARRIERS[kind] ?? {})
}

/** The kinds that a datapoint type carries. */
export function kindsOf(dptId: string): readonly ReadingKind[] {
  return (Object.keys(CARRIERS) as ReadingKind[]).filter((kind) => dptsOf(kind).includes(dptId))
}

/** The same the other way round: for percent that count from the other end, and bits of the other sense. */
export function inverted(carrier: Carrier, dpt: Dpt): Carrier {
  const whole = dpt.unit === 'boolean' ? 1 : 100
  return {
    ...carrier,
    toReading: (value) => carrier.toReading(whole - value),
    toPayload: (value) => {
      const payload = carrier.toPayload(value)
      return payload === undefined ? undefined : whole - payload
    },
  }
}
