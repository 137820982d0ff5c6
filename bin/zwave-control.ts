import { asError, BrookError } from '../common/errors.ts'
import type { DeviceTable } from '../connectors/device-table.ts'
import type { ZwaveNodeStatus } from '../connectors/zwave/node-registry.ts'
import type { ZwaveConnector } from '../connectors/zwave/zwave-connector.ts'
import { HttpProblem } from '../http/problem.ts'
import type { ZwaveControl, ZwaveNaming } from '../http/routes/context.ts'
import { topics } from '../schemas/topics.ts'
import type { Device, DeviceType } from '../schemas/types.ts'
import type { Platform } from './platform.ts'
import { publishHouse } from './publish-house.ts'

type Network = Pick<ZwaveConnector, 'status' | 'include' | 'exclude' | 'stopInclusion'>

/** What HTTP may do with the Z-Wave network of this process. */
export function zwaveControl(
  connector: Network,
  devices: Pick<DeviceTable, 'get' | 'onBus'>,
  platform: Platform,
): ZwaveControl {
  return {
    status: () => connector.status(),
    include: (timeoutMs) => asked(() => connector.include(timeoutMs)),
    exclude: (timeoutMs) => asked(() => connector.exclude(timeoutMs)),
    stop: () => asked(() => connector.stopInclusion()),
    name: async (nodeId, naming) => {
      const node = connector.status().nodes.find((one) => one.nodeId === nodeId)
      if (node === undefined) throw new HttpProblem('NODE_UNKNOWN', `the Z-Wave network has no node ${nodeId}`)
      const device = deviceOfNode(node, naming, devices)
      const serde = platform.value(topics.devices.value)
      const { name: topic } = topics.devices
      await publishHouse(platform.kafka, platform.key, [
        { topic, key: device.deviceId, value: device, serde: serde as never },
      ])
      const { deviceId, name, roomId } = device
      return { deviceId, nodeId, name, roomId }
    },
  }
}

/** The device that is to have the node: the one that is named, the one that has it, or a new one. */
export function deviceOfNode(
  { nodeId, deviceId: owner, kinds: told }: Pick<ZwaveNodeStatus, 'nodeId' | 'deviceId' | 'kinds'>,
  { name, roomId, floor, deviceId: wanted }: ZwaveNaming,
  devices: Pick<DeviceTable, 'get' | 'onBus'>,
): Device {
  const deviceId = wanted ?? owner ?? `zwave-${nodeId}`
  const before = devices.get(deviceId)
  if (before !== undefined && before.bus !== 'zwave')
    throw new HttpProblem('BAD_REQUEST', `${deviceId} is a device on ${before.bus}`)
  const kinds = [...new Set([...(before?.kinds ?? []), ...told])]
  return {
    deviceId,
    name,
    roomId,
    floor: floor ?? before?.floor ?? floorOf(roomId, devices) ?? '',
    type: before?.type ?? typeOf(kinds),
    bus: 'zwave',
    kinds,
    knx: null,
    zwave: { nodeId },
    mqtt: null,
  }
}

function typeOf(kinds: Device['kinds']): DeviceType {
  if (kinds.includes('light')) return 'dimmer'
  return kinds.length > 1 ? 'multisensor' : 'sensor'
}

/** That of another device in the room. */
function floorOf(roomId: string, devices: Pick<DeviceTable, 'onBus'>): string | undefined {
  for (const bus of ['zwave', 'knx', 'mqtt'] as const) {
    const found = devices.onBus(bus).find((device) => device.roomId === roomId)
    if (found) return found.floor
  }
}

async function asked<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (thrown) {
    const error = asError(thrown)
    const code = error instanceof BrookError ? error.code : undefined
    if (code === 'ZWAVE_BUSY') throw new HttpProblem('BUSY', error.message, { cause: error })
    if (code === 'ZWAVE_UNAVAILABLE')
      throw new HttpProblem('BUS_UNAVAILABLE', error.message, { retryAfterS: 5, cause: error })
    throw error
  }
}
