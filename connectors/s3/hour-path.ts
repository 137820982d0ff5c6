import { TimeZone } from '../../common/time-zone.ts'

const MINUTE_MS = 60_000
/** 10000-01-01T00:00:00Z: years have four digits, and paths are ordered as times are. */
const END_MS = 253_402_300_800_000
const KEPT_MINUTES = 4_096

/**
 * `YYYY/MM/dd/HH` of an instant on the clock of a zone; `undefined` for a time that is none (before 1970, or of a year with more
 * than four digits). Later hours are greater as text, but for the hour that a clock set back shows twice.
 */
export class HourPath {
  readonly #zone: TimeZone | undefined
  readonly #paths = new Map<number, string>()

  /** @throws {InvalidArgumentError} when there is no such zone. */
  constructor(timeZone = 'UTC') {
    this.#zone = timeZone === 'UTC' ? undefined : new TimeZone(timeZone)
  }

  of(instantMs: number): string | undefined {
    if (!(instantMs >= 0 && instantMs < END_MS)) return undefined
    // An hour of a zone may begin at any minute of UTC's.
    const minute = Math.floor(instantMs / MINUTE_MS)
    const known = this.#paths.get(minute)
    if (known !== undefined) return known
    const path = this.#pathOf(minute * MINUTE_MS)
    if (this.#paths.size >= KEPT_MINUTES) this.#paths.clear()
    this.#paths.set(minute, path)
    return path
  }

  #pathOf(instantMs: number): string {
    const shown = new Date(instantMs + (this.#zone?.offsetMs(instantMs) ?? 0)).toISOString()
    return shown.slice(0, 13).replaceAll(/[-T]/g, '/')
  }
}
