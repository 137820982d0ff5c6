import type { Cause, Occupancy, RoomAverage } from '../schemas/types.ts'
import { type Json, toJson } from './json.ts'
import { isoTime } from './times.ts'

/** How the values of a store are shown. Stores without one show the value as it is. Must not keep the value. */
export type View = (value: unknown) => Json
export type Views = Readonly<Record<string, View>>

/** The window is told by its row, the room by its key: what remains is what was measured. */
export function roomAverageView({ temperature, humidity, luminance }: RoomAverage): Json {
  return { temperature: toJson(temperature), humidity: toJson(humidity), luminance: toJson(luminance) }
}

export function occupancyView({ roomId, present, since, lastMotionMs, evidence }: Occupancy): Json {
  return {
    roomId,
    present,
    since: isoTime(since),
    sinceMs: since,
    lastMotion: lastMotionMs === null ? null : isoTime(lastMotionMs),
    lastMotionMs,
    evidence: evidence.map(causeView),
  }
}

export function causeView({ timeMs, ...cause }: Cause): Json {
  return { ...(toJson(cause) as Record<string, Json>), time: isoTime(timeMs), timeMs }
}

/** The building's stores that have a shape of their own. */
export const buildingViews: Views = {
  'room-averages': (value) => roomAverageView(value as RoomAverage),
  occupancy: (value) => occupancyView(value as Occupancy),
}

/** The view of a store; names such as `constructor` have none. */
export function viewOf(views: Views, store: string): View {
  return (Object.hasOwn(views, store) ? views[store] : undefined) ?? toJson
}
