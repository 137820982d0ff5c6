import type { Cause, OwnLight } from '../../schemas/types.ts'
import { sameLevel } from '../settings.ts'

/** What is to be seen in a room at one moment. */
export interface LightSeen {
  readonly atMs: number
  /** The brightest lamp, 0 to 100. */
  readonly lampLevel: number
  /** A lamp is on its way: it was told a level and has not reported it yet. */
  readonly lampMoving: boolean
  /** Blinds are on their way, or have just moved: they change the luminance too. */
  readonly blindsMoving: boolean
  /** The mean of the room's sensors; `undefined` when there is none. */
  readonly luminance:
    | { readonly lux: number; readonly oldestReceivedMs: number; readonly causes: readonly Cause[] }
    | undefined
}

export const NO_OWN_LIGHT: OwnLight = {
  level: 0,
  settled: true,
  changedAtMs: 0,
  disturbed: false,
  beforeLevel: 0,
  lux: null,
  ambientLux: null,
  fullLux: null,
  causes: [],
}

/**
 * Keeps a lamp from being judged by its own light. From the moment a lamp or blinds move until luminance has been measured with
 * them at rest, the ambient luminance of before stands. If only lamps moved, the step that was measured is what they add, and
 * is taken off every later measurement while they are on. If blinds moved as well nothing is learned from the step.
 */
export function followLight(own: OwnLight, seen: LightSeen, settleMs: number): OwnLight {
  const moving = seen.lampMoving || seen.blindsMoving
  const changed = !sameLevel(seen.lampLevel, own.level)
  if (own.settled) {
    if (!moving && !changed) return seen.luminance === undefined ? own : measured(own, seen.luminance)
    return guessed(
      {
        ...own,
        settled: false,
        changedAtMs: seen.atMs,
        beforeLevel: own.level,
        level: seen.lampLevel,
        disturbed: seen.blindsMoving,
      },
      seen,
    )
  }
  if (moving || changed) {
    const disturbed = own.disturbed || seen.blindsMoving
    return guessed({ ...own, changedAtMs: seen.atMs, level: seen.lampLevel, disturbed }, seen)
  }
  if (seen.luminance === undefined || seen.luminance.oldestReceivedMs < own.changedAtMs + settleMs)
    return guessed(own, seen)
  return measured({ ...own, settled: true, fullLux: learned(own, seen.luminance.lux) }, seen.luminance)
}

/** What the lamps add at their present level, as far as it is known. */
export function lampLux(own: OwnLight): number {
  return ((own.fullLux ?? 0) * own.level) / 100
}

function measured(own: OwnLight, { lux, causes }: NonNullable<LightSeen['luminance']>): OwnLight {
  if (lux === own.lux && sameCauses(causes, own.causes)) return own
  return { ...own, lux, ambientLux: Math.max(0, lux - lampLux(own)), causes }
}

/** While nothing is known, a measurement in between is better than none. Nothing is learned from it. */
function guessed(own: OwnLight, { luminance }: LightSeen): OwnLight {
  return own.ambientLux === null && luminance !== undefined
    ? { ...own, ambientLux: luminance.lux, causes: luminance.causes }
    : own
}

function learned(own: OwnLight, lux: number): number | null {
  const step = own.level - own.beforeLevel
  if (own.disturbed || own.lux === null || sameLevel(own.level, own.beforeLevel)) return own.fullLux
  return Math.max(0, ((lux - own.lux) / step) * 100)
}

function sameCauses(a: readonly Cause[], b: readonly Cause[]): boolean {
  return (
    a.length === b.length && a.every((cause, i) => cause.offset === b[i]?.offset && cause.partition === b[i]?.partition)
  )
}
