import { currentLanguage, t } from './i18n.js'

/** @type {Map<string, Intl.NumberFormat | Intl.DateTimeFormat>} */
const formats = new Map()

/**
 * @template {Intl.NumberFormat | Intl.DateTimeFormat} F
 * @param {string} key
 * @param {(locale: string) => F} make
 * @returns {F}
 */
function cached(key, make) {
  const locale = currentLanguage() === 'en' ? 'en-GB' : 'fr-CH'
  const format = formats.get(`${locale}/${key}`) ?? make(locale)
  formats.set(`${locale}/${key}`, format)
  return /** @type {F} */ (format)
}

/**
 * @param {number} value
 * @param {number} [digits] after the point
 */
export function number(value, digits = 0) {
  const options = { minimumFractionDigits: digits, maximumFractionDigits: digits }
  return cached(`number${digits}`, (locale) => new Intl.NumberFormat(locale, options)).format(value)
}

/** What is shown of each kind of measure. */
const UNITS = /** @type {Record<string, { unit: string, digits: number }>} */ ({
  temperature: { unit: '°C', digits: 1 },
  humidity: { unit: '%', digits: 0 },
  luminance: { unit: 'lx', digits: 0 },
  pressure: { unit: 'hPa', digits: 0 },
  battery: { unit: '%', digits: 0 },
  light: { unit: '%', digits: 0 },
  blinds: { unit: '%', digits: 0 },
  radiator: { unit: '%', digits: 0 },
})

/**
 * The number and the unit apart, so that they can be set apart.
 * @param {string} kind
 * @param {number} value
 */
export function amount(kind, value) {
  const { unit, digits } = UNITS[kind] ?? { unit: '', digits: 1 }
  return { text: number(value, digits), unit }
}

/**
 * A value as one text: `21.4 °C`, `on`, `motion`.
 * @param {string} kind
 * @param {number} value
 */
export function valueText(kind, value) {
  if (kind === 'switch') return t(value >= 0.5 ? 'device.on' : 'device.off')
  if (kind === 'motion') return t(value >= 0.5 ? 'device.motion' : 'device.noMotion')
  if (kind === 'light' && value === 0) return t('device.off')
  if (kind === 'blinds' && value === 100) return t('device.open')
  if (kind === 'blinds' && value === 0) return t('device.closed')
  const { text, unit } = amount(kind, value)
  return unit === '' ? text : `${text}\u202f${unit}`
}

/**
 * The time of day; with the date when it is another day.
 * @param {number} timeMs
 * @param {boolean} [withSeconds]
 */
export function clockTime(timeMs, withSeconds = false) {
  const isToday = new Date(timeMs).toDateString() === new Date().toDateString()
  /** @type {Intl.DateTimeFormatOptions} */
  const options = {
    hour: '2-digit',
    minute: '2-digit',
    ...(withSeconds ? { second: '2-digit' } : {}),
    ...(isToday ? {} : { day: 'numeric', month: 'short' }),
  }
  return cached(`time${withSeconds}${isToday}`, (locale) => new Intl.DateTimeFormat(locale, options)).format(timeMs)
}

/**
 * How long ago something was: `12 s ago`.
 * @param {number} timeMs
 * @param {number} nowMs
 */
export function age(timeMs, nowMs) {
  const seconds = Math.max(0, Math.floor((nowMs - timeMs) / 1_000))
  if (seconds < 2) return t('age.now')
  if (seconds < 60) return t('age.seconds', { n: seconds })
  if (seconds < 3_600) return t('age.minutes', { n: Math.floor(seconds / 60) })
  if (seconds < 86_400) return t('age.hours', { n: Math.floor(seconds / 3_600) })
  return t('age.days', { n: Math.floor(seconds / 86_400) })
}

/**
 * Minutes of the day as a time of day.
 * @param {number} minute
 */
export function minuteOfDay(minute) {
  return `${String(Math.floor(minute / 60)).padStart(2, '0')}:${String(Math.floor(minute % 60)).padStart(2, '0')}`
}

/**
 * A length of time in its largest whole unit: `5 min`.
 * @param {number} ms
 */
export function duration(ms) {
  if (ms % 86_400_000 === 0) return `${ms / 86_400_000} d`
  if (ms % 3_600_000 === 0) return `${ms / 3_600_000} h`
  if (ms % 60_000 === 0) return `${ms / 60_000} min`
  return `${number(ms / 1_000)} s`
}
