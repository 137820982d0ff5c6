/** The fixed-offset time zone in which it is about this hour now: rules depend on the time of day, tests must not. */
export function zoneWhereItIs(hour: number, nowMs = Date.now()): string {
  const utcHour = new Date(nowMs).getUTCHours()
  const ahead = ((hour - utcHour + 12 + 24) % 24) - 12
  // POSIX signs: Etc/GMT-3 is three hours ahead of Greenwich.
  return ahead === 0 ? 'Etc/GMT' : `Etc/GMT${ahead > 0 ? '-' : '+'}${Math.abs(ahead)}`
}
