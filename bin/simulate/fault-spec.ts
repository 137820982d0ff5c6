import { type Duration, durationMs } from '../../common/duration.ts'
import { FaultError } from './errors.ts'
import type { FaultRequest } from './fault-board.ts'
import { kindOf } from './fault-board.ts'

/** A fault that begins some time after the start. */
export interface PlannedFault extends FaultRequest {
  readonly afterMs: number
}

const FORM = 'name[:device][@after][+for], such as knx-silent@30s+20s or sensor-stuck:sensor-101'

/** Longest time of a fault or before it: timers hold 31 bits. */
const LONGEST_MS = 0x7fffffff

/**
 * Reads a plan: faults with commas between, each `name[:device][@after][+for]`.
 * @throws {FaultError} for a fault that there is not, or a time that is none.
 */
export function parseFaultPlan(text: string): readonly PlannedFault[] {
  return text.split(',').map((one) => parseOne(one.trim()))
}

/** @throws {FaultError} unless it is a time such as 250ms, 30s or 5m, and not too long. */
export function parseTime(text: string): number {
  let ms: number
  try {
    ms = durationMs(text as Duration, 'the time')
  } catch (cause) {
    throw new FaultError((cause as Error).message, { cause })
  }
  if (ms >= 0 && ms <= LONGEST_MS) return ms
  throw new FaultError(`the time must be from 0 to ${LONGEST_MS} ms, got ${text}`)
}

function parseOne(text: string): PlannedFault {
  const match = /^([a-z-]+)(?::([^@+]+))?(?:@([^+]+))?(?:\+(.+))?$/.exec(text)
  const [, name, deviceId, after, lasts] = match ?? []
  if (name === undefined) throw new FaultError(`a fault is ${FORM}; got ${JSON.stringify(text)}`)
  kindOf(name)
  return {
    name,
    ...(deviceId === undefined ? {} : { deviceId }),
    ...(lasts === undefined ? {} : { durationMs: parseTime(lasts) }),
    afterMs: after === undefined ? 0 : parseTime(after),
  }
}
