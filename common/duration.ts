import { InvalidArgumentError } from './errors.ts'

/** Milliseconds, or a text such as `'250ms'`, `'10s'`, `'5m'`, `'2h'`, `'1d'`. */
export type Duration = number | `${number}${'ms' | 's' | 'm' | 'h' | 'd'}`

const UNIT_MS = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const

/** @throws {InvalidArgumentError} when the text is not a number with one of the units, or the result is not a whole number of milliseconds. */
export function durationMs(duration: Duration, what = 'duration'): number {
  const ms = typeof duration === 'number' ? duration : parse(duration, what)
  if (!Number.isSafeInteger(ms))
    throw new InvalidArgumentError(`${what} must be a whole number of milliseconds, got ${String(duration)}`)
  return ms
}

function parse(text: string, what: string): number {
  const match = /^(-?\d+(?:\.\d+)?)(ms|s|m|h|d)$/.exec(text)
  if (!match)
    throw new InvalidArgumentError(`${what} ${JSON.stringify(text)} is not a duration: write 250ms, 10s, 5m, 2h or 1d`)
  return Number(match[1]) * UNIT_MS[match[2] as keyof typeof UNIT_MS]
}
