import { withDefaults } from '../../schemas/avro-type.ts'
import { type Command, type CommandResult, DeviceState, type DeviceValue, type Reading } from '../../schemas/types.ts'

/** How many readings of a kind are remembered to know a repeated one by: a bus repeats what it was not answered for. */
const REMEMBERED = 16

/** The device with this reading; `undefined` when it is one that came before. A later value is not replaced by one out of order. */
export function withReading(before: DeviceState | undefined, reading: Reading): DeviceState | undefined {
  const { deviceId, roomId, kind, value, unit, quality, eventTimeMs, receivedAtMs } = reading
  const state = before ?? newDeviceState(deviceId, roomId)
  const index = state.values.findIndex((v) => v.kind === kind)
  const known = state.values[index]
  const identity = identityOf(reading)
  if (known?.recent.includes(identity) && !reading.retained) return undefined
  const recent = [...(known?.recent ?? []), identity].slice(-REMEMBERED)
  const next: DeviceValue =
    known !== undefined && known.timeMs > eventTimeMs
      ? { ...known, recent }
      : { kind, value, unit, quality, timeMs: eventTimeMs, receivedAtMs, recent }
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

function identityOf({ eventTimeMs, sequence, value }: Reading): string {
  return `${eventTimeMs}/${sequence ?? ''}/${value}`
}
