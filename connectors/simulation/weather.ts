/** Where the house stands. */
export interface Place {
  readonly latitudeDegrees: number
  readonly longitudeDegrees: number
}

/** What it is like outside. */
export interface Weather {
  readonly temperatureCelsius: number
  readonly humidityPercent: number
  /** On a level surface under the sky. */
  readonly daylightLux: number
}

/** Fribourg. */
export const DEFAULT_PLACE: Place = { latitudeDegrees: 46.8, longitudeDegrees: 7.15 }

const DAY_MS = 86_400_000
const YEAR_DAYS = 365.25
const CLEAR_NOON_LUX = 90_000
/** Clouds come and go with these periods. */
const CLOUD_PERIODS_MS = [7_000_000, 19_000_000, 53_000_000] as const

/** The weather of a mild climate at a time: the seasons, the course of the day, and clouds. The same time has the same weather. */
export function weatherAt(timeMs: number, place: Place = DEFAULT_PLACE): Weather {
  const dayOfYear = (timeMs / DAY_MS) % YEAR_DAYS
  const solarHour = (timeMs / 3_600_000 + place.longitudeDegrees / 15) % 24
  const sun = Math.max(0, sunHeight(dayOfYear, solarHour, place))
  const clouds = cloudCover(timeMs)
  const season = -Math.cos(((dayOfYear - 20) / YEAR_DAYS) * 2 * Math.PI)
  const dayCourse = Math.cos(((solarHour - 15) / 24) * 2 * Math.PI)
  const temperatureCelsius = 9.5 + 9.5 * season + (5 - 3 * clouds) * dayCourse
  return {
    temperatureCelsius,
    humidityPercent: Math.min(98, Math.max(35, 74 - 12 * dayCourse + 12 * clouds)),
    daylightLux: CLEAR_NOON_LUX * sun * (1 - 0.75 * clouds),
  }
}

/** The sine of the height of the sun above the horizon. */
function sunHeight(dayOfYear: number, solarHour: number, { latitudeDegrees }: Place): number {
  const declination = radians(-23.44) * Math.cos(((dayOfYear + 10) / YEAR_DAYS) * 2 * Math.PI)
  const latitude = radians(latitudeDegrees)
  const hourAngle = ((solarHour - 12) / 24) * 2 * Math.PI
  return Math.sin(latitude) * Math.sin(declination) + Math.cos(latitude) * Math.cos(declination) * Math.cos(hourAngle)
}

/** 0 clear to 1 overcast. */
function cloudCover(timeMs: number): number {
  const waves = CLOUD_PERIODS_MS.map((period, i) => Math.sin((timeMs / period) * 2 * Math.PI + i))
  return 0.5 + waves.reduce((sum, wave) => sum + wave, 0) / 6
}

function radians(degrees: number): number {
  return (degrees * Math.PI) / 180
}
