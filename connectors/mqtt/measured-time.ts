import type { TimeZone } from '../../common/time-zone.ts'
import type { CompiledTime } from './mapping.ts'
import { typeName, Unusable } from './unusable.ts'

const ISO_8601 = /^(\d{4})-(\d\d)-(\d\d)(?:[T ](\d\d):(\d\d)(?::(\d\d)(?:[.,](\d{1,9}))?)?(Z|[+-]\d\d(?::?\d\d)?)?)?$/i

/** The milliseconds of a time as a device tells it. @throws {Unusable} when it is none. */
export function measuredTime(told: unknown, { seconds, zone }: Pick<CompiledTime, 'seconds' | 'zone'>): number {
  if (typeof told === 'number') return finite(told * (seconds ? 1000 : 1))
  if (typeof told !== 'string')
    throw new Unusable('WRONG_TYPE', `timestamp is ${typeName(told)}, not milliseconds or ISO 8601`)
  const match = ISO_8601.exec(told.trim())
  if (!match) throw new Unusable('BAD_TIMESTAMP', 'timestamp is not a time in ISO 8601')
  const isLocal = match[4] !== undefined && match[8] === undefined
  return isLocal && zone ? inZone(match, zone) : finite(Date.parse(told.trim().replace(' ', 'T').replace(',', '.')))
}

/** Where the clock comes to this time twice, the first of them. */
function inZone(
  [, year, month, day, hour, minute, second = '0', fraction = '0']: RegExpExecArray,
  zone: TimeZone,
): number {
  const localMs = Date.parse(`${year}-${month}-${day}T${hour}:${minute}:${second.padStart(2, '0')}Z`)
  return finite(zone.firstInstantOf(finite(localMs))) + Math.trunc(Number(`0.${fraction}`) * 1000)
}

function finite(ms: number): number {
  if (!Number.isFinite(ms)) throw new Unusable('BAD_TIMESTAMP', 'timestamp is not a time')
  return Math.round(ms)
}
