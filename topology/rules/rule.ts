import type { Cause, CommandKind, Condition, RoomRules } from '../../schemas/types.ts'
import type { Presence } from '../rooms/occupancy.ts'

/** A measured value against a threshold with hysteresis. */
export interface Judged {
  readonly value: number
  readonly holds: boolean
  /** The threshold that counted: the one to pass, or once passed the one to come back over. */
  readonly threshold: number
}

export interface LuminanceInput {
  /** Without the room's own lamps, in lux. */
  readonly ambientLux: number
  /** As measured. */
  readonly measuredLux: number
  readonly dark: Judged
  readonly tooDark: Judged
  readonly causes: readonly Cause[]
}

export interface HumidityInput {
  readonly humid: Judged
  readonly causes: readonly Cause[]
}

/** All that a rule may look at. `undefined`: never measured. */
export interface RuleInputs {
  readonly rules: RoomRules
  readonly presence: Presence
  readonly presenceCauses: readonly Cause[]
  /** The local time of the room. */
  readonly minuteOfDay: number
  readonly humidity: HumidityInput | undefined
  readonly luminance: LuminanceInput | undefined
}

/** `wants` a target, `not_met` conditions, `no_data` to judge by, or `disabled` for the room. */
export type Verdict = 'wants' | 'not_met' | 'no_data' | 'disabled'

export interface Finding {
  readonly verdict: Verdict
  /** Where the device should be; null unless the verdict is `wants`. */
  readonly target: number | null
  readonly conditions: readonly Condition[]
  readonly reason: string
  readonly causes: readonly Cause[]
}

/** A rule for one kind of device. `judge` is pure. */
export interface Rule {
  readonly name: string
  readonly kind: Exclude<CommandKind, 'unknown' | 'switch'>
  readonly judge: (inputs: RuleInputs) => Finding
}

export function disabled(what: string): Finding {
  return {
    verdict: 'disabled',
    target: null,
    conditions: [],
    reason: `${what} is switched off for this room`,
    causes: [],
  }
}

/** A condition, true, false or not known (`undefined`), with the words for it. */
export interface Clause {
  readonly name: string
  readonly holds: boolean | undefined
  readonly text: string
  readonly actual?: number
  readonly threshold?: number
  readonly causes: readonly Cause[]
}

export function conditionOf(clause: Clause): Condition {
  const { name, holds, actual, threshold } = clause
  return { name, holds: holds === true, actual: actual ?? null, threshold: threshold ?? null }
}

/** The rule wants its target when every clause holds; one that does not is the reason why not, before one that is not known. */
export function whenAll(clauses: readonly Clause[], target: number): Finding {
  const conditions = clauses.map(conditionOf)
  const causes = clauses.flatMap((c) => c.causes)
  const failing = clauses.filter((c) => c.holds === false)
  const unknown = clauses.filter((c) => c.holds === undefined)
  const because = (which: readonly Clause[]): string => which.map((c) => c.text).join(', and ')
  if (failing.length > 0)
    return {
      verdict: 'not_met',
      target: null,
      conditions,
      reason: because(failing),
      causes: failing.flatMap((c) => c.causes),
    }
  if (unknown.length > 0) return { verdict: 'no_data', target: null, conditions, reason: because(unknown), causes }
  return { verdict: 'wants', target, conditions, reason: because(clauses), causes }
}
