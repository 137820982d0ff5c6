import type { ReadingKind } from '../schemas/types.ts'

/** What a kind of reading is measured in, and between which values it can be true. Both bounds are inclusive. */
export interface KindSpec {
  readonly unit: string
  readonly min: number
  readonly max: number
  /** Only `min` and `max` themselves are values: 0 = no, 1 = yes. */
  readonly boolean?: true
}

const PERCENT: KindSpec = { unit: 'percent', min: 0, max: 100 }
const YES_OR_NO: KindSpec = { unit: 'boolean', min: 0, max: 1, boolean: true }

const KINDS: Readonly<Record<Exclude<ReadingKind, 'unknown'>, KindSpec>> = {
  temperature: { unit: 'celsius', min: -60, max: 100 },
  humidity: PERCENT,
  luminance: { unit: 'lux', min: 0, max: 200_000 },
  motion: YES_OR_NO,
  pressure: { unit: 'hectopascal', min: 300, max: 1100 },
  battery: PERCENT,
  blinds: PERCENT,
  radiator: PERCENT,
  light: PERCENT,
  switch: YES_OR_NO,
}

/** The kind's specification; `undefined` when there is no such kind (`unknown` is none). */
export function kindSpec(kind: string): KindSpec | undefined {
  return Object.hasOwn(KINDS, kind) ? KINDS[kind as keyof typeof KINDS] : undefined
}

export function isReadingKind(kind: string): kind is Exclude<ReadingKind, 'unknown'> {
  return Object.hasOwn(KINDS, kind)
}

/** The unit that readings of this kind carry. */
export function unitOf(kind: ReadingKind): string {
  return kindSpec(kind)?.unit ?? 'unknown'
}

/** Why input cannot be used: a stable code for programs, a sentence for people. */
export interface Problem {
  readonly code: string
  readonly reason: string
}

/** Why a value cannot be a reading of this kind; `undefined` when it can. */
export function valueProblem(kind: string, value: number): Problem | undefined {
  const spec = kindSpec(kind)
  if (!spec) return { code: 'UNKNOWN_KIND', reason: `there is no kind of reading ${JSON.stringify(kind)}` }
  if (!Number.isFinite(value))
    return { code: 'VALUE_NOT_FINITE', reason: `the value of ${kind} is ${value}, not a finite number` }
  if (value < spec.min || value > spec.max || (spec.boolean && value !== 0 && value !== 1))
    return {
      code: 'VALUE_OUT_OF_RANGE',
      reason: spec.boolean
        ? `the value of ${kind} is ${value}: it must be 0 or 1`
        : `the value of ${kind} is ${value} ${spec.unit}: it must be from ${spec.min} to ${spec.max}`,
    }
  return undefined
}
