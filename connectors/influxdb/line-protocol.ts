import type { Reading } from '../../schemas/types.ts'
import type { Problem } from '../reading-kinds.ts'

/** What InfluxDB can hold: 64 bits of nanoseconds around 1970, to the years 1677 and 2262. */
const FURTHEST_MS = 9_223_372_036_854

/**
 * A reading as a line of InfluxDB's line protocol with the time in milliseconds, or why it cannot be one. Tags: deviceId, kind, roomId, unit
 * (those that are empty are left out); fields: value and quality. Measurement, tags and time are a point's identity: the same reading
 * gives the same line, and writing it again changes nothing.
 */
export function lineOf(measurement: string, reading: Reading): string | Problem {
  const { deviceId, kind, roomId, unit, value, quality, eventTimeMs } = reading
  if (!Number.isFinite(value)) return { code: 'VALUE_NOT_FINITE', reason: `InfluxDB cannot hold the value ${value}` }
  if (Math.abs(eventTimeMs) > FURTHEST_MS)
    return { code: 'BAD_TIMESTAMP', reason: `InfluxDB cannot hold the time ${eventTimeMs}: it ends in 2262` }
  // By their names, as InfluxDB asks for.
  const tags = { deviceId, kind, roomId, unit }
  let series = escapedMeasurement(measurement)
  for (const [name, text] of Object.entries(tags)) {
    if (text === '') continue
    if (!isWritable(text))
      return { code: 'BAD_ID', reason: `${name} has a control character or ends with a backslash: it cannot be a tag` }
    series += `,${name}=${escapedTag(text)}`
  }
  return `${series} quality="${quality}",value=${value} ${eventTimeMs}`
}

/** Whether line protocol can say it: a line break or a backslash at the end could not be told from syntax. */
export function isWritable(text: string): boolean {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
  return !/[\u0000-\u001f\u007f]|\\$/.test(text)
}

function escapedTag(text: string): string {
  return text.replaceAll(/[,= ]/g, '\\$&')
}

function escapedMeasurement(text: string): string {
  return text.replaceAll(/[, ]/g, '\\$&')
}
