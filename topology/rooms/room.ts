import { withDefaults } from '../../schemas/avro-type.ts'
import {
  type ActuatorState,
  type Command,
  type CommandKind,
  type CommandResult,
  type Device,
  type Occupancy,
  type Reading,
  type RoomEvent,
  RoomRules,
  RoomState,
} from '../../schemas/types.ts'
import type { RoomSettings } from '../settings.ts'
import { commanded, isActuatorKind, isManual, newActuator, reported, resulted } from './actuators.ts'
import { motionSeen } from './occupancy.ts'
import { NO_OWN_LIGHT } from './own-light.ts'
import { causeOf } from './room-event.ts'
import { withReading } from './sensors.ts'

/** A room as its stores have it. Never changed in place. */
export interface Room {
  readonly state: RoomState
  readonly occupancy: Occupancy | undefined
  readonly rules: RoomRules
}

export function newRoomState(roomId: string): RoomState {
  return withDefaults(RoomState, { roomId, ownLight: NO_OWN_LIGHT })
}

export function defaultRules(roomId: string): RoomRules {
  return withDefaults(RoomRules, { roomId })
}

/** The room after the event, before anything is concluded from it; the same object when it changes nothing. */
export function applyEvent(room: Room, event: RoomEvent, settings: RoomSettings, nowMs: number): Room {
  switch (event.type) {
    case 'reading':
      return event.reading === null ? room : applyReading(room, event, event.reading, settings, nowMs)
    case 'command':
      return event.command === null ? room : applyCommand(room, event.command)
    case 'result':
      return event.result === null ? room : applyResult(room, event.result)
    case 'device_added':
      return event.device === null ? room : withState(room, addDevice(room.state, event.device))
    case 'device_removed':
      return event.deviceId === null ? room : withState(room, removeDevice(room.state, event.deviceId))
    case 'rules':
      return { ...room, rules: event.rules ?? defaultRules(room.state.roomId) }
    default:
      return room
  }
}

function applyReading(room: Room, event: RoomEvent, reading: Reading, settings: RoomSettings, nowMs: number): Room {
  const { state, rules } = room
  const { kind, deviceId } = reading
  if (isActuatorKind(kind)) {
    const time = Math.min(reading.eventTimeMs, nowMs)
    return withActuator(room, deviceId, kind, (actuator) =>
      reported(actuator, { ...reading, eventTimeMs: time }, rules.overrideMs, settings),
    )
  }
  const cause = causeOf(event, reading)
  const sensors = withReading(state.sensors, { reading: cause, receivedAtMs: reading.receivedAtMs })
  const measured = sensors === state.sensors ? room : withState(room, { ...state, sensors })
  if (kind !== 'motion' || reading.retained) return measured
  const occupancy = motionSeen(room.occupancy, state.roomId, cause, rules.vacantAfterMs, nowMs)
  return { ...measured, occupancy }
}

function applyCommand(room: Room, command: Command): Room {
  if (!isManual(command) || !isActuatorKind(command.kind)) return room
  return withActuator(room, command.deviceId, command.kind, (a) => commanded(a, command, room.rules.overrideMs))
}

function applyResult(room: Room, result: CommandResult): Room {
  const { actuators } = room.state
  const index = actuators.findIndex((a) => a.deviceId === result.deviceId && a.commandId === result.commandId)
  if (index < 0) return room
  const next = resulted(actuators[index] as ActuatorState, result)
  return next === actuators[index] ? room : withState(room, { ...room.state, actuators: actuators.with(index, next) })
}

function addDevice(state: RoomState, device: Device): RoomState {
  const devices = [...state.devices.filter((d) => d.deviceId !== device.deviceId), device]
  return { ...state, devices: devices.sort((a, b) => (a.deviceId < b.deviceId ? -1 : 1)) }
}

/** The device is not in the room any more: nothing that it said counts any longer. */
function removeDevice(state: RoomState, deviceId: string): RoomState {
  const others = <T extends { readonly deviceId: string | null }>(list: readonly T[]): readonly T[] =>
    list.filter((one) => one.deviceId !== deviceId)
  return {
    ...state,
    devices: others(state.devices),
    actuators: others(state.actuators),
    memories: others(state.memories),
    sensors: state.sensors.filter(({ reading }) => reading.deviceId !== deviceId),
  }
}

function withActuator(
  room: Room,
  deviceId: string,
  kind: CommandKind,
  change: (actuator: ActuatorState) => ActuatorState,
): Room {
  const { actuators } = room.state
  const index = actuators.findIndex((a) => a.deviceId === deviceId && a.kind === kind)
  const before = actuators[index] ?? newActuator(deviceId, kind)
  const after = change(before)
  if (after === before) return room
  const next = index < 0 ? [...actuators, after] : actuators.with(index, after)
  return withState(room, { ...room.state, actuators: next })
}

function withState(room: Room, state: RoomState): Room {
  return { ...room, state }
}
