import type { RoomRules } from '../../schemas/types.ts'
import { localTime, minuteText } from './local-time.ts'

/**
 * The part of the day that the rules of a room tell apart, with its date: it changes exactly when a rule may judge otherwise by
 * the time alone. It is told from the clock each time and never computed ahead, so days with a change of the clocks need no care.
 */
export function dayPhase(timeMs: number, rules: RoomRules): string {
  const { date, minuteOfDay } = localTime(timeMs, rules.timeZone)
  let begun = 0
  for (const boundary of [
    rules.blindsOpenUntilMinuteOfDay,
    rules.eveningFromMinuteOfDay,
    rules.morningUntilMinuteOfDay,
  ]) {
    if (boundary <= minuteOfDay && boundary > begun) begun = boundary
  }
  return `${date}T${minuteText(begun)}`
}
