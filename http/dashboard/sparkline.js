import { s, setAttribute } from './dom.js'

const WIDTH = 100
const HEIGHT = 28
const PAD = 2

/** @typedef {{ readonly timeMs: number, readonly value: number }} Point */

/** A line of the last hours; what it shows is told in words by whoever puts it on the page. */
export class Sparkline {
  #line = s('path', { class: 'spark-line' })
  #area = s('path', { class: 'spark-area' })
  #last = s('path', { class: 'spark-last' })
  element = s(
    'svg',
    { class: 'spark', viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: 'none', role: 'img' },
    this.#area,
    this.#line,
    this.#last,
  )

  /**
   * @param {readonly Point[]} points oldest first
   * @param {{ fromMs: number, toMs: number, minSpan: number, gapMs: number }} frame what the width stands for, the least
   * difference that fills the height, and the time without a point at which the line is broken
   * @param {string} label
   */
  update(points, frame, label) {
    setAttribute(this.element, 'aria-label', label)
    const { x, y } = scales(points, frame)
    const runs = split(points, frame.gapMs)
    setAttribute(this.#line, 'd', runs.map((run) => path(run, x, y)).join(''))
    setAttribute(this.#area, 'd', runs.map((run) => area(run, x, y)).join(''))
    const last = points.at(-1)
    const d = last === undefined ? '' : `M${x(last.timeMs)} ${y(last.value)}h.01`
    setAttribute(this.#last, 'd', d)
  }
}

/**
 * @param {readonly Point[]} points
 * @param {{ fromMs: number, toMs: number, minSpan: number }} frame
 */
function scales(points, { fromMs, toMs, minSpan }) {
  const values = points.map((point) => point.value)
  const low = Math.min(...values)
  const high = Math.max(...values)
  const span = Math.max(high - low, minSpan)
  const bottom = (low + high) / 2 - span / 2
  const scaleX = (WIDTH - 2 * PAD) / Math.max(1, toMs - fromMs)
  const scaleY = (HEIGHT - 2 * PAD) / span
  return {
    /** @param {number} timeMs */
    x: (timeMs) => round(PAD + (timeMs - fromMs) * scaleX),
    /** @param {number} value */
    y: (value) => round(HEIGHT - PAD - (value - bottom) * scaleY),
  }
}

/**
 * @param {readonly Point[]} points
 * @param {number} gapMs
 */
function split(points, gapMs) {
  /** @type {Point[][]} */
  const runs = []
  for (const point of points) {
    const run = runs.at(-1)
    const before = run?.at(-1)
    if (run !== undefined && before !== undefined && point.timeMs - before.timeMs <= gapMs) run.push(point)
    else runs.push([point])
  }
  return runs
}

/** @typedef {(n: number) => number} Scale */

/**
 * @param {readonly Point[]} run
 * @param {Scale} x
 * @param {Scale} y
 */
function path(run, x, y) {
  return run.map(({ timeMs, value }, i) => `${i === 0 ? 'M' : 'L'}${x(timeMs)} ${y(value)}`).join('')
}

/**
 * @param {readonly Point[]} run
 * @param {Scale} x
 * @param {Scale} y
 */
function area(run, x, y) {
  const [first, last] = [run[0], run.at(-1)]
  if (first === undefined || last === undefined || run.length < 2) return ''
  return `${path(run, x, y)}L${x(last.timeMs)} ${HEIGHT}L${x(first.timeMs)} ${HEIGHT}Z`
}

/** @param {number} n */
function round(n) {
  return Math.round(n * 100) / 100
}
