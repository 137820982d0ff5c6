import { serdes } from '../../../common/serde.ts'
import type { Command, CommandResult, Device, Reading } from '../../../schemas/types.ts'
import { DeviceTable } from '../../device-table.ts'
import { device, fakePublishing, json, READINGS, RESULTS } from '../../testing/fixtures.ts'

export const COMMANDS = 'building.commands'
const GROUP = 'brook-connector-zwave'
export const DEVICES = 'building.devices'

/** The device of a node: a multisensor for even node ids, a dimmer for odd ones. */
export function zwaveDevice(nodeId: number, changes: Partial<Device> = {}): Device {
  const isSensor = nodeId % 2 === 0
  return device({
    deviceId: `z${nodeId}`,
    roomId: `r${Math.floor(nodeId / 2)}`,
    type: isSensor ? 'multisensor' : 'dimmer',
    kinds: isSensor ? ['temperature', 'humidity', 'luminance', 'motion', 'battery'] : ['light'],
    bus: 'zwave',
    zwave: { nodeId },
    ...changes,
  })
}

/** A log with the devices of these nodes in it, and what a connector needs of it. */
export async function building(nodeIds: readonly number[]) {
  const publishing = fakePublishing()
  const { log } = publishing
  log.createTopic(DEVICES)
  log.createTopic(COMMANDS)
  for (const nodeId of nodeIds) log.append(DEVICES, `z${nodeId}`, zwaveDevice(nodeId))
  const devices = new DeviceTable({ kafka: log, topic: DEVICES, key: serdes.string, value: serdes.json<Device>() })
  await devices.start()
  return {
    ...publishing,
    devices,
    commands: {
      kafka: log,
      topic: COMMANDS,
      key: serdes.string,
      value: serdes.json<Command>(),
      groupId: GROUP,
    },
    /** Whether a connector listens for commands: a group that is new starts at the end of the log. */
    joined: (): boolean => log.commits.get(GROUP)?.get(COMMANDS) !== undefined,
    readings: (): Reading[] => log.in(READINGS).map((record) => json<Reading>(record.value)),
    results: (): CommandResult[] => log.in(RESULTS).map((record) => json<CommandResult>(record.value)),
    /** Values of one device and kind, in the order of the log. */
    told: (deviceId: string, kind: string): number[] =>
      log
        .in(READINGS)
        .map((record) => json<Reading>(record.value))
        .filter((r) => r.deviceId === deviceId && r.kind === kind)
        .map((r) => r.value),
  }
}
