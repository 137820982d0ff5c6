const ISO =
  /^(\d{4})-(\d{2})-(\d{2})(?:T([01]\d|2[0-3]):([0-5]\d)(?::([0-5]\d)(?:\.(\d{1,9}))?)?(Z|[+ -]\d{2}:?\d{2})?)?$/
const MAX_MS = 8_640_000_000_000_000

/**
 * Reads a moment as milliseconds since the epoch, or as ISO 8601 (a date, or date and time; UTC unless an offset is given).
 * A space stands for the `+` of an offset, which is what forms and URLs make of it. `undefined` when it is neither.
 */
export function parseTime(text: string): number | undefined {
  if (/^-?\d{1,16}$/.test(text)) {
    const ms = Number(text)
    return Math.abs(ms) <= MAX_MS ? ms : undefined
  }
  const match = ISO.exec(text)
  if (match === null) return undefined
  const [, year, month, day, hour = '00', minute = '00', second = '00', fraction = '0', offset = 'Z'] = match
  const ms = Date.UTC(Number(year), Number(month) - 1, Number(day), Number(hour), Number(minute), Number(second))
  if (new Date(ms).getUTCDate() !== Number(day) || Number(month) > 12 || Number(month) < 1) return undefined
  return ms + Math.floor(Number(`0.${fraction}`) * 1_000) - offsetMs(offset)
}

function offsetMs(offset: string): number {
  if (offset === 'Z') return 0
  const [hours, minutes] = [offset.slice(1, 3), offset.slice(-2)]
  return (offset.startsWith('-') ? -1 : 1) * (Number(hours) * 60 + Number(minutes)) * 60_000
}

/** ISO 8601 in UTC; as a number in text where the calendar ends. */
export function isoTime(ms: number): string {
  return Math.abs(ms) <= MAX_MS ? new Date(ms).toISOString() : String(ms)
}
