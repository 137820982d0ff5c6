import type { Reading, RoomAverage, RoomEvent, Statistic } from '../../schemas/types.ts'

/** An average while it grows; the aggregator changes it in place. */
type Growing<T> = { -readonly [K in keyof T]: T[K] extends Statistic | null ? Growing<Statistic> | null : T[K] }

export type AveragedKind = 'temperature' | 'humidity' | 'luminance'

/** Only fresh readings of good quality count: a state that the bus replays would count twice. */
export function isAveraged(reading: Reading): reading is Reading & { readonly kind: AveragedKind } {
  const { kind, quality, retained } = reading
  return quality === 'good' && !retained && (kind === 'temperature' || kind === 'humidity' || kind === 'luminance')
}

export function emptyAverage(): RoomAverage {
  return { roomId: '', windowStartMs: 0, windowEndMs: 0, temperature: null, humidity: null, luminance: null }
}

/** Adds the reading of an event to the average of its window, in place. The mean is a running one: no sum grows without bound. */
export function addReading(average: RoomAverage, event: RoomEvent, roomId: string, windowMs: number): RoomAverage {
  const { reading, timeMs } = event
  if (reading === null || !isAveraged(reading)) return average
  const growing = average as Growing<RoomAverage>
  if (growing.windowEndMs === 0) {
    growing.roomId = roomId
    growing.windowStartMs = Math.floor(timeMs / windowMs) * windowMs
    growing.windowEndMs = growing.windowStartMs + windowMs
  }
  const { kind, value } = reading
  const statistic = growing[kind]
  if (statistic === null) {
    growing[kind] = { count: 1, mean: value, min: value, max: value }
    return average
  }
  statistic.count++
  statistic.mean += (value - statistic.mean) / statistic.count
  if (value < statistic.min) statistic.min = value
  if (value > statistic.max) statistic.max = value
  return average
}
