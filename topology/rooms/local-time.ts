/** A moment on the clock of a time zone. */
export interface LocalTime {
  /** ISO, such as 2026-10-25. */
  readonly date: string
  /** Minutes since midnight as the clock shows them, 0 to 1439. */
  readonly minuteOfDay: number
}

const formats = new Map<string, Intl.DateTimeFormat>()
/** The last minute asked for, per zone: readings come many to a minute. */
const lastMinutes = new Map<string, { readonly minute: number; readonly local: LocalTime }>()

/** What the clock shows at this time; days with a change of the clocks are as people live them. A zone that is not known is taken for UTC. */
export function localTime(timeMs: number, timeZone: string): LocalTime {
  const minute = Math.floor(timeMs / 60_000)
  const last = lastMinutes.get(timeZone)
  if (last?.minute === minute) return last.local
  const parts = new Map(
    format(timeZone)
      .formatToParts(timeMs)
      .map(({ type, value }) => [type, value]),
  )
  const local = {
    date: `${parts.get('year')}-${parts.get('month')}-${parts.get('day')}`,
    minuteOfDay: Number(parts.get('hour')) * 60 + Number(parts.get('minute')),
  }
  lastMinutes.set(timeZone, { minute, local })
  return local
}

/** Such as 14:05, on the clock of the zone. */
export function clockText(timeMs: number, timeZone: string): string {
  return minuteText(localTime(timeMs, timeZone).minuteOfDay)
}

/** Such as 19:00 for 1140. */
export function minuteText(minuteOfDay: number): string {
  return `${String(Math.floor(minuteOfDay / 60)).padStart(2, '0')}:${String(minuteOfDay % 60).padStart(2, '0')}`
}

/** Whether the minute is in [from, until), which may go over midnight. Equal bounds hold nothing. */
export function isWithin(minuteOfDay: number, from: number, until: number): boolean {
  return from <= until ? minuteOfDay >= from && minuteOfDay < until : minuteOfDay >= from || minuteOfDay < until
}

function format(timeZone: string): Intl.DateTimeFormat {
  let known = formats.get(timeZone)
  if (known === undefined) {
    known = makeFormat(timeZone) ?? format('UTC')
    formats.set(timeZone, known)
  }
  return known
}

function makeFormat(timeZone: string): Intl.DateTimeFormat | undefined {
  try {
    return new Intl.DateTimeFormat('en-GB', {
      timeZone,
      hourCycle: 'h23',
      year: 'numeric',
      month: '2-digit',
      day: '2-digit',
      hour: '2-digit',
      minute: '2-digit',
    })
  } catch {
    return undefined
  }
}
