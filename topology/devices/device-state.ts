import { withDefaults } from '../../schemas/avro-type.ts'
import { type Command, type CommandResult, DeviceState, type DeviceValue, type Reading } from '../../schemas/types.ts'

/** The device with this reading. A later value is not replaced by one out of order. */
export function withReading(before: DeviceState | undefined, reading: Reading): DeviceState {
  const { deviceId, roomId, kind, value, unit, quality, eventTimeMs, receivedAtMs } = reading
  const state = before ?? newDeviceState(deviceId, roomId)
  const index = state.values.findIndex((v) => v.kind === kind)
  const known = state.values[index]
  if (known !== undefined && known.timeMs > eventTimeMs) return { ...state, roomId }
  const next: DeviceValue = { kind, value, unit, quality, timeMs: eventTimeMs, receivedAtMs }
  return { ...state, roomId, values: index < 0 ? [...state.values, next] : state.values.with(index, next) }
}

export function withCommand(before: DeviceState | undefined, command: Command): DeviceState {
  const state = before ?? newDeviceState(command.deviceId, command.roomId)
  if (state.lastCommand !== null && state.lastCommand.issuedAtMs > command.issuedAtMs) return state
  const known = state.lastResult?.commandId === command.commandId
  return { ...state, lastCommand: command, lastResult: known ? state.lastResult : null }
}

export function withResult(before: DeviceState | undefined, result: CommandResult): DeviceState {
  const state = before ?? newDeviceState(result.deviceId, result.roomId)
  if (state.lastCommand !== null && state.lastCommand.commandId !== result.commandId) return state
  return { ...state, lastResult: result }
}

function newDeviceState(deviceId: string, roomId: string): DeviceState {
  return withDefaults(DeviceState, { deviceId, roomId })
}
