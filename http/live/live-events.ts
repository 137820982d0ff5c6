import type {
  Command,
  CommandResult,
  Device,
  DeviceState,
  Occupancy,
  Reading,
  RoomAverage,
  RuleEvaluation,
} from '../../schemas/types.ts'

/** What a connector tells about itself. Times are milliseconds since the epoch. */
export interface ConnectorReport {
  readonly name: string
  readonly state: string
  readonly sinceMs: number
  readonly lastError?: string
  readonly lastMessageMs?: number
  readonly queueLength: number
  readonly received: number
  readonly published: number
  readonly deadLetters: number
  readonly dropped: number
  readonly reconnects: number
}

/** What people call a room, and where it is. */
export interface RoomLabel {
  readonly roomId: string
  readonly name: string
  readonly floor: string
}

/** Whether a device reports as it used to. Times are milliseconds since the epoch. */
export interface AvailabilityReport {
  readonly deviceId: string
  readonly isAvailable: boolean
  /** For one that is unavailable: when its next report was overdue. */
  readonly sinceMs: number
  /** `null`: it was never heard. */
  readonly lastSeenMs: number | null
  /** How long it lets pass between two reports; `null` as long as that is not known. */
  readonly expectedIntervalMs: number | null
}

/** The data of each type of event; `null` takes away what the key stands for. */
export interface LiveData {
  readonly room: RoomLabel | null
  readonly device: Device | null
  readonly 'room-average': RoomAverage
  readonly occupancy: Occupancy
  readonly 'device-state': DeviceState | null
  readonly reading: Reading
  readonly command: Command
  readonly 'command-result': CommandResult
  readonly evaluation: RuleEvaluation
  /** Only of devices that are, or were, unavailable. */
  readonly availability: AvailabilityReport | null
  readonly connector: ConnectorReport | null
}

export type LiveType = keyof LiveData

/**
 * One change. `key` is the key of the record (a connector's is its name). `id` may tell where it comes from, such as
 * `building.readings:0:42`. The data must not change afterwards.
 */
export type LiveEvent = {
  [T in LiveType]: { readonly type: T; readonly key: string; readonly data: LiveData[T]; readonly id?: string }
}[LiveType]

/**
 * How long the hub remembers an event: only the last of its slot; only of the newest window of its slot; or the last few of
 * its room beside the last of its slot.
 */
export type Memory = { readonly keep: 'last' } | { readonly keep: 'newest-window' } | { readonly keep: number }

export const MEMORY: { readonly [T in LiveType]: Memory } = {
  room: { keep: 'last' },
  device: { keep: 'last' },
  'room-average': { keep: 'newest-window' },
  occupancy: { keep: 'last' },
  'device-state': { keep: 'last' },
  reading: { keep: 'last' },
  command: { keep: 20 },
  'command-result': { keep: 40 },
  evaluation: { keep: 20 },
  availability: { keep: 'last' },
  connector: { keep: 'last' },
}

export const LIVE_TYPES = Object.keys(MEMORY) as readonly LiveType[]

/** What a later event replaces: events of one slot may be merged into the last one on their way to a client. */
export function slotOf(event: LiveEvent): string {
  switch (event.type) {
    case 'reading':
      return `reading/${event.data.deviceId}/${event.data.kind}`
    case 'room-average':
      return `room-average/${event.data.roomId}/${event.data.windowStartMs}`
    case 'command':
      return `command/${event.data.commandId}`
    case 'command-result':
      return `command-result/${event.data.commandId}`
    case 'evaluation':
      return `evaluation/${event.data.roomId}/${event.data.rule}/${event.data.deviceId ?? ''}`
    default:
      return `${event.type}/${event.key}`
  }
}

/** The room that the event belongs to; `undefined` where the data does not say. */
export function roomOf({ type, key, data }: LiveEvent): string | undefined {
  if (type === 'room') return key
  return data !== null && 'roomId' in data ? data.roomId : undefined
}

/** The device that the event is about, when it is about one. */
export function deviceOf(event: LiveEvent): string | undefined {
  switch (event.type) {
    case 'device':
    case 'device-state':
    case 'availability':
      return event.key
    case 'reading':
      return event.data.deviceId
    default:
      return undefined
  }
}
