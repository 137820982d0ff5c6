import type { Cause, ReadingKind, RoomState, SensorState } from '../../schemas/types.ts'

/** A sensor that has said nothing for so long while others did is left out: it may be dead. */
const SILENT_AFTER_MS = 3_600_000

/** What the sensors of a room say together. */
export interface RoomMeasurement {
  /** The mean over the sensors. */
  readonly value: number
  readonly causes: readonly Cause[]
  /** When the reading of the sensor that was heard of longest ago was received. */
  readonly oldestReceivedMs: number
}

/** The list with this reading as the last one of its sensor and kind; the same list when it has a later one. */
export function withReading(sensors: readonly SensorState[], next: SensorState): readonly SensorState[] {
  const { deviceId, kind, timeMs } = next.reading
  const index = sensors.findIndex(({ reading }) => reading.deviceId === deviceId && reading.kind === kind)
  if (index < 0) return [...sensors, next]
  if ((sensors[index] as SensorState).reading.timeMs > timeMs) return sensors
  return sensors.with(index, next)
}

/** The room's value of a kind, as of the last readings; `undefined` when it was never measured. */
export function measurementOf({ sensors }: Pick<RoomState, 'sensors'>, kind: ReadingKind): RoomMeasurement | undefined {
  const all = sensors.filter(({ reading }) => reading.kind === kind)
  if (all.length === 0) return undefined
  const newest = Math.max(...all.map((s) => s.receivedAtMs))
  const heard = all.filter((s) => s.receivedAtMs > newest - SILENT_AFTER_MS)
  return {
    value: heard.reduce((sum, { reading }) => sum + (reading.value ?? 0), 0) / heard.length,
    causes: heard.map(({ reading }) => reading),
    oldestReceivedMs: Math.min(...heard.map((s) => s.receivedAtMs)),
  }
}
