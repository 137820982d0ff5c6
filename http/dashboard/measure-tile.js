import { h, setAttribute, setText } from './dom.js'
import { amount, clockTime, valueText } from './format.js'
import { t } from './i18n.js'
import { Sparkline } from './sparkline.js'

/** @typedef {'temperature' | 'humidity' | 'luminance'} Measure */
/** @typedef {import('./building-state.js').Window} Window */

export const MEASURES = /** @type {const} */ (['temperature', 'humidity', 'luminance'])
const HISTORY_MS = 3 * 3_600_000
/** Differences below these are noise, and are not blown up to the full height or called a trend. */
const LEAST = { temperature: 1, humidity: 4, luminance: 40 }

/** The average of one measure in the newest window, and its course. */
export class MeasureTile {
  #measure
  #value = h('span', { class: 'tile-value' })
  #unit = h('span', { class: 'tile-unit' })
  #count = h('span', { class: 'tile-count' })
  #spark = new Sparkline()
  element

  /** @param {Measure} measure */
  constructor(measure) {
    this.#measure = measure
    this.element = h(
      'div',
      { class: `tile tile-${measure}` },
      h('span', { class: 'tile-name' }, t(`measure.${measure}`)),
      h('span', { class: 'tile-reading' }, this.#value, ' ', this.#unit),
      this.#spark.element,
      this.#count,
    )
  }

  /**
   * @param {readonly Window[]} windows oldest first
   * @param {number} nowMs
   */
  update(windows, nowMs) {
    const measure = this.#measure
    const newest = windows.at(-1)
    const statistic = newest?.averages[measure]
    const points = windows.flatMap(({ startMs, endMs, averages }) => {
      const mean = averages[measure]?.mean
      return mean === undefined ? [] : [{ timeMs: (startMs + Math.min(endMs, nowMs)) / 2, value: mean }]
    })
    this.element.classList.toggle('is-empty', !statistic)
    if (!newest || !statistic) {
      setText(this.#value, '—')
      setText(this.#unit, '')
      setText(this.#count, t('measure.none'))
    } else {
      const { text, unit } = amount(measure, statistic.mean)
      setText(this.#value, text)
      setText(this.#unit, unit)
      const count = statistic.count === 1 ? t('measure.countOne') : t('measure.count', { count: statistic.count })
      setText(this.#count, count)
      setAttribute(this.#count, 'title', details(measure, newest))
    }
    const direction = trend(points, LEAST[measure])
    const frame = { fromMs: nowMs - HISTORY_MS, toMs: nowMs, minSpan: LEAST[measure], gapMs: 1_000_000 }
    this.#spark.update(points, frame, historyText(measure, points, direction))
  }
}

/**
 * @param {Measure} measure
 * @param {Window} window
 */
function details(measure, { startMs, endMs, averages }) {
  const statistic = averages[measure]
  if (!statistic) return undefined
  return t('measure.details', {
    min: valueText(measure, statistic.min),
    max: valueText(measure, statistic.max),
    count: statistic.count,
    from: clockTime(startMs),
    to: clockTime(endMs),
  })
}

/**
 * Against half an hour ago.
 * @param {readonly import('./sparkline.js').Point[]} points
 * @param {number} least
 */
function trend(points, least) {
  const last = points.at(-1)
  const before = last && points.findLast((point) => point.timeMs <= last.timeMs - 1_700_000)
  if (!last || !before || Math.abs(last.value - before.value) < least / 2) return 'steady'
  return last.value > before.value ? 'rising' : 'falling'
}

/**
 * @param {Measure} measure
 * @param {readonly import('./sparkline.js').Point[]} points
 * @param {'rising' | 'falling' | 'steady'} direction
 */
function historyText(measure, points, direction) {
  const last = points.at(-1)
  if (last === undefined) return `${t(`measure.${measure}`)}: ${t('measure.none')}`
  const values = points.map((point) => point.value)
  const text = t('measure.history', {
    measure: t(`measure.${measure}`),
    min: valueText(measure, Math.min(...values)),
    max: valueText(measure, Math.max(...values)),
    last: valueText(measure, last.value),
  })
  return `${text}, ${t(`measure.${direction}`)}`
}
