import { readdirSync } from 'node:fs'
import { join } from 'node:path'

const DEFAULT_MINUTES = 10
/** The rest is for the properties. */
const SHARE_OF_FAULTS = 0.75
const LEAST_MS = 20_000
const MINUTE_MS = 60_000
const FOLDER = join(import.meta.dirname, '..', 'soak')

/** How long `npm run test:soak` should take in all: BROOK_SOAK_MINUTES. @throws {RangeError} when that is no number of minutes. */
export function soakMinutes(env: Readonly<Record<string, string | undefined>> = process.env): number {
  const minutes = env['BROOK_SOAK_MINUTES'] || String(DEFAULT_MINUTES)
  if (!(Number(minutes) > 0)) throw new RangeError(`BROOK_SOAK_MINUTES is ${minutes}: it has to be a number above 0`)
  return Number(minutes)
}

/** What the properties have of it. */
export function soakMsOfProperties(): number {
  return soakMinutes() * MINUTE_MS * (1 - SHARE_OF_FAULTS)
}

/** How long each of `tests` tests of one soak file should go on making trouble: all files have the same share of the time. */
export function soakMs(tests = 1): number {
  const files = readdirSync(FOLDER, { recursive: true, encoding: 'utf8' }).filter((f) => f.endsWith('.soak.test.ts'))
  return Math.max(LEAST_MS, (soakMinutes() * MINUTE_MS * SHARE_OF_FAULTS) / Math.max(1, files.length) / tests)
}

/** A limit for a test that takes `soakMs`, with the time to begin and to settle. */
export function soakLimitMs(tests = 1): number {
  return soakMs(tests) * 2 + 5 * MINUTE_MS
}
