import type { ReadingKind } from '../../schemas/types.ts'
import type { Dpt } from './dpt.ts'

/** How a kind of reading is carried by a datapoint type. */
export interface Carrier {
  /** Payload value to reading. */
  toReading(value: number): number
  /** Commanded value to payload value; `undefined` when the type has no such state. */
  toPayload(value: number): number | undefined
}

const AS_IT_IS: Carrier = { toReading: (value) => value, toPayload: (value) => value }
/** On or off for what is measured in percent: anything above 0 is on. */
const ON_OFF: Carrier = { toReading: (bit) => bit * 100, toPayload: (percent) => (percent > 0 ? 1 : 0) }
/** DPT_UpDown for blinds: up (0) is open (100), down (1) is closed (0); it stops nowhere between. */
const UP_DOWN: Carrier = {
  toReading: (bit) => 100 - 100 * bit,
  toPayload: (percent) => (percent === 100 ? 0 : percent === 0 ? 1 : undefined),
}

/**
 * Blinds by DPT 5.001 are taken as the building means them, 100 percent = open. An actuator that counts how far they are
 * closed has to be set the other way round in its parameters.
 */
const CARRIERS: Readonly<Partial<Record<ReadingKind, Readonly<Record<string, Carrier>>>>> = {
  blinds: { '5.001': AS_IT_IS, '1.008': UP_DOWN },
  radiator: { '5.001': AS_IT_IS, '1.001': ON_OFF },
  light: { '5.001': AS_IT_IS, '1.001': ON_OFF },
  switch: { '1.001': AS_IT_IS },
  motion: { '1.001': AS_IT_IS },
  temperature: { '9.001': AS_IT_IS },
  luminance: { '9.004': AS_IT_IS },
  humidity: { '9.007': AS_IT_IS, '5.001': AS_IT_IS },
}

/** `undefined` when this kind is not carried by this type. */
export function carrierOf(kind: ReadingKind, dpt: Dpt): Carrier | undefined {
  return CARRIERS[kind]?.[dpt.id]
}
