import { ZWAVE_UNITS, type ZwaveValueKind } from './driver.ts'
import { percentOfLevel } from './level.ts'

const MULTILEVEL_SWITCH = 0x26
const BINARY_SENSOR = 0x30
const MULTILEVEL_SENSOR = 0x31
export const NOTIFICATION = 0x71
const BATTERY = 0x80

/** The notification type (SDS13713) that motion belongs to. */
export const HOME_SECURITY = 7
/** Its states: idle, motion at a known location, motion. Any other (254 = none pending) says nothing about motion. */
const MOTION_BY_STATE: ReadonlyMap<unknown, 0 | 1> = new Map([
  [0, 0],
  [7, 1],
  [8, 1],
])

/** Where zwave-js keeps whether there is motion. */
export const MOTION_STATE = {
  commandClass: NOTIFICATION,
  property: 'Home Security',
  propertyKey: 'Motion sensor status',
} as const

/** Where zwave-js keeps how often a node that sleeps wakes up, in seconds. */
export const WAKE_UP_INTERVAL = { commandClass: 0x84, property: 'wakeUpInterval' } as const

/** A value as zwave-js names it. */
export interface RawValue {
  readonly commandClass: number
  readonly property: string | number
  readonly propertyKey?: string | number | undefined
  readonly newValue?: unknown
}

export interface ZwaveValue {
  readonly kind: ZwaveValueKind
  readonly value: number
  readonly unit: string
}

/** What the command classes that carry our values are; asked anew after a start from the cache. */
export const VALUE_COMMAND_CLASSES = [
  MULTILEVEL_SENSOR,
  BINARY_SENSOR,
  NOTIFICATION,
  MULTILEVEL_SWITCH,
  BATTERY,
] as const

/** Whether motion came by Notification: such a node's Binary Sensor reports tell the same a second time. */
export function isNotification(raw: RawValue): boolean {
  return raw.commandClass === NOTIFICATION
}

export function isBinarySensor(raw: RawValue): boolean {
  return raw.commandClass === BINARY_SENSOR
}

/**
 * The building's value in what a node has told; `undefined` when there is none (other properties, values not known yet).
 * `unit` is the scale the node used, as zwave-js prints it. A Binary Sensor of version 1 does not say what it senses
 * ("Any") and is left out: it may as well be a door.
 */
export function interpretValue(raw: RawValue, unit: () => string | undefined): ZwaveValue | undefined {
  const { newValue } = raw
  switch (raw.commandClass) {
    case MULTILEVEL_SENSOR:
      return typeof newValue === 'number' ? sensorValue(raw.property, newValue, unit()) : undefined
    case BINARY_SENSOR:
      return raw.property === 'Motion' && typeof newValue === 'boolean' ? motion(newValue ? 1 : 0) : undefined
    case NOTIFICATION:
      return raw.property === MOTION_STATE.property && raw.propertyKey === MOTION_STATE.propertyKey
        ? motion(MOTION_BY_STATE.get(newValue))
        : undefined
    case BATTERY:
      return raw.property === 'level' && typeof newValue === 'number' ? as('battery', newValue) : undefined
    case MULTILEVEL_SWITCH: {
      if (raw.property !== 'currentValue' || typeof newValue !== 'number') return undefined
      const percent = percentOfLevel(newValue)
      return percent === undefined ? undefined : as('light', percent)
    }
    default:
      return undefined
  }
}

function motion(value: 0 | 1 | undefined): ZwaveValue | undefined {
  return value === undefined ? undefined : as('motion', value)
}

function sensorValue(property: string | number, value: number, unit: string | undefined): ZwaveValue | undefined {
  switch (property) {
    case 'Air temperature':
      return as('temperature', unit === '°F' ? celsius(value) : value)
    case 'Humidity':
      return unit === '%' ? as('humidity', value) : undefined
    case 'Illuminance':
      // The other scale is a percentage of a range that only the maker knows.
      return unit === 'Lux' ? as('luminance', value) : undefined
    default:
      return undefined
  }
}

/** To hundredths, so that 70.7 °F is 21.5 °C and not 21.500000000000004. */
export function celsius(fahrenheit: number): number {
  return Math.round(((fahrenheit - 32) / 1.8) * 100) / 100
}

function as(kind: ZwaveValueKind, value: number): ZwaveValue {
  return { kind, value, unit: ZWAVE_UNITS[kind] }
}
