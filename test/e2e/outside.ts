import { GatewaySimulator } from '../../connectors/knx/gateway-simulator.ts'
import { simulatedDatapoints } from '../../connectors/knx/simulated-building.ts'
import { SerialSimulator } from '../../connectors/zwave/serial-simulator.ts'
import { DIMMER, MULTISENSOR } from '../../connectors/zwave/simulated-node.ts'
import { type HouseConfig, housePublications } from '../../topology/rooms-config.ts'

/** Something that was set at a device, as seen at the device. */
export interface Effect {
  readonly deviceId: string
  readonly level: number
}

/**
 * The devices of a house at the ends of their wires, in the process of the test: they stay as they are while a building is
 * killed and started again, as real ones do, and what reaches them is counted there.
 */
export class Outside {
  readonly effects: Effect[] = []
  readonly gateway: GatewaySimulator
  readonly stick: SerialSimulator
  readonly #nodes: ReadonlyMap<string, number>
  #gatewayAddress = ''

  constructor(house: HouseConfig) {
    const { devices } = housePublications(house)
    const owners = new Map<string, string>()
    for (const { deviceId, knx } of devices)
      for (const { write } of knx?.groups ?? []) if (write !== null) owners.set(write, deviceId)
    this.gateway = new GatewaySimulator({ datapoints: simulatedDatapoints(devices, { blindsTravelMs: 500 }) })
    this.gateway.onWrite((address, level) =>
      this.effects.push({ deviceId: owners.get(address) ?? address, level: Math.round(level) }),
    )
    const zwave = devices.flatMap(({ deviceId, type, zwave: at }) =>
      at ? [{ deviceId, type, nodeId: at.nodeId }] : [],
    )
    this.#nodes = new Map(zwave.map(({ deviceId, nodeId }) => [deviceId, nodeId]))
    const names = new Map(zwave.map(({ deviceId, nodeId }) => [nodeId, deviceId]))
    this.stick = new SerialSimulator({
      nodes: new Map(zwave.map(({ nodeId, type }) => [nodeId, type === 'dimmer' ? DIMMER : MULTISENSOR])),
      onLevel: (nodeId, level) => this.effects.push({ deviceId: names.get(nodeId) ?? `node ${nodeId}`, level }),
    })
  }

  async start(): Promise<void> {
    const { address, port } = await this.gateway.start()
    this.#gatewayAddress = `${address}:${port}`
    if (this.#nodes.size > 0) await this.stick.start()
  }

  async stop(): Promise<void> {
    await Promise.all([this.gateway.stop({ abrupt: true }), this.stick.stop()])
  }

  /** Settings of a building whose devices are these. */
  get env(): Record<string, string> {
    return {
      BROOK_SIMULATE: 'none',
      BROOK_KNX_GATEWAY: this.#gatewayAddress,
      ...(this.#nodes.size > 0 ? { BROOK_ZWAVE_PORT: this.stick.path } : {}),
    }
  }

  /** What the devices were set to, in order. */
  effectsOf(deviceId: string): number[] {
    return this.effects.flatMap((effect) => (effect.deviceId === deviceId ? [effect.level] : []))
  }
}
