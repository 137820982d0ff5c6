import type { Weather } from './weather.ts'

/** What a room is like and does not change. */
export interface RoomNature {
  /** Of the daylight outside, how much comes in through open blinds. */
  readonly windowFactor: number
  /** Of corridors, screens and street lamps. */
  readonly residualLux: number
  /** What the lamp gives at 100 percent. */
  readonly lampLux: number
  /** What the humidity comes back to in an empty room. */
  readonly baseHumidityPercent: number
  /** How fast it follows the temperature outside. */
  readonly coolingMs: number
}

/** Where the actuators stand, in percent; blinds 100 = open. */
export interface RoomActuators {
  readonly blinds: number
  readonly radiator: number
  readonly light: number
}

export interface RoomClimate {
  readonly temperatureCelsius: number
  readonly humidityPercent: number
}

/** Above this the thermostat in the valve begins to close it, and at the second it is closed. */
const THERMOSTAT_CELSIUS = [21, 25] as const
/** What a radiator that is fully open brings. */
const HEATING_CELSIUS_PER_HOUR = 8
const PERSON_CELSIUS_PER_HOUR = 0.4
const PERSON_HUMIDITY_PERCENT = 5
const AIRING_MS = 45 * 60_000
/** What closed blinds let through. */
const BLINDS_LEAK = 0.03

/** The climate after `dtMs` in which nothing else changes. Exact for any length, as far as the radiator does not swing. */
export function climateAfter(
  climate: RoomClimate,
  nature: RoomNature,
  { radiator }: RoomActuators,
  people: number,
  outside: Weather,
  dtMs: number,
): RoomClimate {
  const [from, closed] = THERMOSTAT_CELSIUS
  const open = clamp((closed - climate.temperatureCelsius) / (closed - from), 0, 1)
  const perHour = HEATING_CELSIUS_PER_HOUR * (radiator / 100) * open + PERSON_CELSIUS_PER_HOUR * people
  const settlesAt = outside.temperatureCelsius + (perHour * nature.coolingMs) / 3_600_000
  const humidityAt = clamp(
    nature.baseHumidityPercent + PERSON_HUMIDITY_PERCENT * people + 0.1 * (outside.humidityPercent - 70),
    5,
    95,
  )
  return {
    temperatureCelsius: towards(climate.temperatureCelsius, settlesAt, dtMs / nature.coolingMs),
    humidityPercent: towards(climate.humidityPercent, humidityAt, dtMs / AIRING_MS),
  }
}

/** Light goes with what there is: it needs no time. */
export function luminanceOf(nature: RoomNature, { blinds, light }: RoomActuators, outside: Weather): number {
  const through = BLINDS_LEAK + (1 - BLINDS_LEAK) * (blinds / 100)
  return outside.daylightLux * nature.windowFactor * through + nature.residualLux + (nature.lampLux * light) / 100
}

function towards(value: number, target: number, timeConstants: number): number {
  return target + (value - target) * Math.exp(-timeConstants)
}

function clamp(value: number, low: number, high: number): number {
  return Math.min(high, Math.max(low, value))
}
