import { withDefaults } from '../../schemas/avro-type.ts'
import { Command, type CommandKind, Device, Reading, type ReadingKind, RoomRules } from '../../schemas/types.ts'

/** Thursday 15 October 2026, 12:00 in Zurich (UTC+2). */
export const NOON_MS = Date.UTC(2026, 9, 15, 10)

export function reading(changes: Partial<Reading> = {}): Reading {
  const eventTimeMs = changes.eventTimeMs ?? NOON_MS
  return withDefaults(Reading, {
    deviceId: 's1',
    roomId: 'r1',
    bus: 'zwave',
    kind: 'temperature',
    value: 21.5,
    unit: 'celsius',
    quality: 'good',
    eventTimeMs,
    receivedAtMs: eventTimeMs,
    ...changes,
  })
}

const TYPES = { light: 'dimmer', blinds: 'blinds', radiator: 'radiator', switch: 'switch' } as const
export const DEVICE_ID = { light: 'lamp', blinds: 'blinds', radiator: 'valve', switch: 'plug' } as const

/** A device of room r1 that can be set. */
export function actuator(kind: Exclude<CommandKind, 'unknown'>, changes: Partial<Device> = {}): Device {
  return withDefaults(Device, {
    deviceId: DEVICE_ID[kind],
    roomId: 'r1',
    floor: '1',
    name: `${kind} of r1`,
    type: TYPES[kind],
    bus: kind === 'light' ? 'zwave' : 'knx',
    kinds: [kind as ReadingKind],
    ...changes,
  })
}

export function roomRules(changes: Partial<RoomRules> = {}): RoomRules {
  return withDefaults(RoomRules, { roomId: 'r1', ...changes })
}

export function userCommand(changes: Partial<Command> = {}): Command {
  const issuedAtMs = changes.issuedAtMs ?? NOON_MS
  return withDefaults(Command, {
    commandId: `user-${issuedAtMs}`,
    deviceId: 'lamp',
    roomId: 'r1',
    kind: 'light',
    value: 40,
    issuer: 'user:ann',
    issuedAtMs,
    expiresAtMs: issuedAtMs + 120_000,
    ...changes,
  })
}
