import { ZWAVE_UNITS, type ZwaveValueKind } from './driver.ts'
import { percentOfLevel } from './level.ts'
import type { OpenzwaveValueReport } from './openzwave-messages.ts'
import { celsius, type ZwaveValue } from './zwave-values.ts'

export const LEVEL_CLASS = 0x26
export const LEVEL_INDEX = 0
export const TARGET_INDEX = 9
export const BINARY_SENSOR_CLASS = 0x30
export const SENSOR_CLASS = 0x31
export const NOTIFICATION_CLASS = 0x71
export const HOME_SECURITY_INDEX = 7
const BATTERY_CLASS = 0x80
export const WAKE_UP_CLASS = 0x84
export const ILLUMINANCE_INDEX = 3
/** The battery level that stands for "low". */
const BATTERY_LOW = 0xff

/** Kinds and the units that OpenZWave prints, by the type of a Multilevel Sensor. */
const SENSORS: ReadonlyMap<number, readonly [ZwaveValueKind, Readonly<Record<string, (value: number) => number>>]> =
  new Map([
    [1, ['temperature', { C: asItIs, F: celsius }]],
    // The other scale is a percentage of a range that only the maker knows.
    [ILLUMINANCE_INDEX, ['luminance', { Lux: asItIs, lux: asItIs }]],
    [5, ['humidity', { '%': asItIs }]],
  ])

/**
 * The building's value in what OpenZWave tells; `undefined` when there is none. It does not say what a Binary Sensor senses:
 * `sensesMotion` decides that.
 */
export function interpretOpenzwave(report: OpenzwaveValueReport, sensesMotion: boolean): ZwaveValue | undefined {
  const { commandClass, index, value, units } = report
  switch (commandClass) {
    case SENSOR_CLASS: {
      const [kind, scales] = SENSORS.get(index) ?? []
      const convert = scales?.[units]
      const measured = typeof value === 'string' && value.trim() !== '' ? Number(value) : value
      if (kind === undefined || convert === undefined || !Number.isFinite(measured)) return undefined
      return as(kind, convert(measured as number))
    }
    case BINARY_SENSOR_CLASS:
      return index === 0 && sensesMotion && typeof value === 'boolean' ? as('motion', value ? 1 : 0) : undefined
    case NOTIFICATION_CLASS:
      return index === HOME_SECURITY_INDEX ? motionOf(value) : undefined
    case BATTERY_CLASS:
      if (index !== 0 || typeof value !== 'number') return undefined
      return as('battery', value === BATTERY_LOW ? 0 : value)
    case LEVEL_CLASS: {
      const percent = index === LEVEL_INDEX && typeof value === 'number' ? percentOfLevel(value) : undefined
      return percent === undefined ? undefined : as('light', percent)
    }
    default:
      return undefined
  }
}

function motionOf(state: unknown): ZwaveValue | undefined {
  if (state === 'Clear') return as('motion', 0)
  return typeof state === 'string' && state.startsWith('Motion Detected') ? as('motion', 1) : undefined
}

function asItIs(value: number): number {
  return value
}

function as(kind: ZwaveValueKind, value: number): ZwaveValue {
  return { kind, value, unit: ZWAVE_UNITS[kind] }
}
