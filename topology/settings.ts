import { type Duration, durationMs } from '../common/duration.ts'
import { InvalidArgumentError } from '../common/errors.ts'
import type { SchemaRegistry } from '../schemas/avro-serde.ts'

/** How the building's application is set up. Everything but the registry has a default. */
export interface BuildingOptions {
  readonly registry: SchemaRegistry
  /** Size of the windows of the room averages (default 5 min). */
  readonly averageWindow?: Duration
  /** How long after its end a window takes out-of-order readings (default 1 min). */
  readonly averageGrace?: Duration
  /** How long averages can be read (default 4 h, which leaves people three hours of history at any time). */
  readonly averageRetention?: Duration
  /** A reading is known when it comes again until the times of others have passed its own by twice this (default 30 min). */
  readonly repeatedWithin?: Duration
  /** How often deadlines (vacancy, overrides, times of day) are looked at, by the wall clock (default 1 s). */
  readonly tick?: Duration
  /** How long a command is good for (default 2 min). */
  readonly commandLife?: Duration
  /** Reports this soon after a command are of the device's way to it, not of a hand (default 10 s). */
  readonly commandSettle?: Duration
  /** Luminance is trusted again this long after lamps or blinds came to rest (default 2 s). */
  readonly luxSettle?: Duration
  /** Readings that were received longer ago than this (a backlog) change the state, and rules are judged when it is through (default 2 min). */
  readonly backlogAfter?: Duration
  /** More commands of the rules for one device within a minute than this, and it is left alone for `overrideMs` (default 6). */
  readonly maxSwitchesPerMinute?: number
}

/** The times of {@link BuildingOptions} in milliseconds. */
export interface RoomSettings {
  readonly tickMs: number
  readonly commandLifeMs: number
  readonly commandSettleMs: number
  readonly luxSettleMs: number
  readonly backlogAfterMs: number
  readonly maxSwitchesPerMinute: number
}

/** @throws {InvalidArgumentError} for a duration that is none or not positive. */
export function roomSettings(options: Omit<BuildingOptions, 'registry'> = {}): RoomSettings {
  const settings = {
    tickMs: durationMs(options.tick ?? '1s', 'tick'),
    commandLifeMs: durationMs(options.commandLife ?? '2m', 'commandLife'),
    commandSettleMs: durationMs(options.commandSettle ?? '10s', 'commandSettle'),
    luxSettleMs: durationMs(options.luxSettle ?? '2s', 'luxSettle'),
    backlogAfterMs: durationMs(options.backlogAfter ?? '2m', 'backlogAfter'),
    maxSwitchesPerMinute: options.maxSwitchesPerMinute ?? 6,
  }
  for (const [name, value] of Object.entries(settings))
    if (!(value > 0)) throw new InvalidArgumentError(`${name} must be positive, got ${value}`)
  return settings
}

export const DEFAULT_ROOM_SETTINGS: RoomSettings = roomSettings()

/** Two levels within this many percent are the same: buses round (KNX to 1/255, Z-Wave to 1/99). */
export const LEVEL_TOLERANCE_PERCENT = 2

export function sameLevel(a: number, b: number): boolean {
  return Math.abs(a - b) <= LEVEL_TOLERANCE_PERCENT
}
