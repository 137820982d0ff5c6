import { withDefaults } from '../../schemas/avro-type.ts'
import { type Cause, Occupancy } from '../../schemas/types.ts'

/** Records that a presence was concluded from; more say nothing more. */
const MOST_EVIDENCE = 6

/** What is held for true of a room: unknown until motion was seen, or was looked for as long as it takes to be sure. */
export type Presence = 'present' | 'vacant' | 'unknown'

/**
 * Takes a fresh motion reading in. Motion makes the room present from its event time, unless it is so old that the room is vacant
 * again by now; out-of-order motion never shortens a presence. No motion is only evidence: time makes a room vacant.
 */
export function motionSeen(
  before: Occupancy | undefined,
  roomId: string,
  motion: Cause,
  vacantAfterMs: number,
  nowMs: number,
): Occupancy {
  const evidence = withEvidence(before?.evidence ?? [], motion)
  if (before === undefined && motion.value !== 1)
    return withDefaults(Occupancy, { roomId, present: false, since: motion.timeMs, evidence })
  const known = before ?? { roomId, present: false, since: motion.timeMs, lastMotionMs: null, evidence }
  if (motion.value !== 1) return { ...known, evidence }
  const lastMotionMs = Math.max(motion.timeMs, known.lastMotionMs ?? motion.timeMs)
  if (known.present) return { ...known, lastMotionMs, evidence }
  if (lastMotionMs + vacantAfterMs <= nowMs)
    return { ...known, lastMotionMs, since: Math.max(known.since, lastMotionMs + vacantAfterMs), evidence }
  return { roomId, present: true, since: motion.timeMs, lastMotionMs, evidence }
}

/** What time alone has made of it: vacant since the moment at which motion had been missing for long enough. */
export function afterTime(before: Occupancy, vacantAfterMs: number, nowMs: number): Occupancy {
  const { present, lastMotionMs } = before
  if (!present || lastMotionMs === null || lastMotionMs + vacantAfterMs > nowMs) return before
  return { ...before, present: false, since: lastMotionMs + vacantAfterMs }
}

export function presenceOf(occupancy: Occupancy | undefined, vacantAfterMs: number, nowMs: number): Presence {
  if (occupancy === undefined) return 'unknown'
  if (occupancy.present) return 'present'
  return occupancy.lastMotionMs === null && occupancy.since + vacantAfterMs > nowMs ? 'unknown' : 'vacant'
}

/** When time alone will change the presence; `undefined` when it will not. */
export function presenceDueMs(
  occupancy: Occupancy | undefined,
  vacantAfterMs: number,
  nowMs: number,
): number | undefined {
  if (occupancy === undefined) return undefined
  if (occupancy.present) return (occupancy.lastMotionMs ?? occupancy.since) + vacantAfterMs
  return presenceOf(occupancy, vacantAfterMs, nowMs) === 'unknown' ? occupancy.since + vacantAfterMs : undefined
}

/** The latest reading of each sensor and value, latest first. */
function withEvidence(evidence: readonly Cause[], motion: Cause): readonly Cause[] {
  const same = evidence.find((e) => e.deviceId === motion.deviceId && e.value === motion.value)
  if (same !== undefined && same.timeMs > motion.timeMs) return evidence
  return [motion, ...evidence.filter((e) => e !== same)].sort((a, b) => b.timeMs - a.timeMs).slice(0, MOST_EVIDENCE)
}
