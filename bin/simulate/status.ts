import type { ActiveFault } from './fault-board.ts'
import type { SimulatedBuilding } from './simulated-building.ts'

/** How a simulation fares. Times are milliseconds since the epoch. */
export interface SimulationStatus {
  readonly nowMs: number
  /** What the clock of the house shows. */
  readonly houseTimeMs: number
  readonly rooms: number
  readonly devices: number
  readonly people: number
  readonly roomsWithPeople: number
  readonly outsideCelsius: number
  readonly daylightLux: number
  readonly mqtt: { readonly isConnected: boolean; readonly published: number } | null
  readonly knx: { readonly address: string; readonly tunnels: number } | null
  readonly zwave: { readonly path: string; readonly hasHost: boolean; readonly nodes: number } | null
  readonly faults: readonly ActiveFault[]
}

export function statusOf({ simulation, devices, faults, env }: SimulatedBuilding): SimulationStatus {
  const { model, wires, knx } = simulation
  const { people, rooms: roomsWithPeople } = model.presence
  return {
    nowMs: Date.now(),
    houseTimeMs: model.nowMs,
    rooms: model.roomIds.length,
    devices: devices.length,
    people,
    roomsWithPeople,
    outsideCelsius: Math.round(model.weather.temperatureCelsius * 10) / 10,
    daylightLux: Math.round(model.weather.daylightLux),
    mqtt: wires.mqtt ? { isConnected: wires.mqtt.connected, published: wires.mqtt.published } : null,
    knx: wires.knx && knx ? { address: `${knx.host}:${knx.port}`, tunnels: wires.knx.tunnels } : null,
    zwave: wires.zwave
      ? {
          path: env['BROOK_ZWAVE_PORT'] ?? wires.zwave.path,
          hasHost: wires.zwave.connected,
          nodes: wires.zwave.nodes.size,
        }
      : null,
    faults: faults.active,
  }
}

/** One line of it. */
export function statusLine(status: SimulationStatus): string {
  const { mqtt, knx, zwave, faults } = status
  const houseTime = new Date(status.houseTimeMs).toISOString().slice(0, 16).replace('T', ' ')
  const parts = [
    `${houseTime} UTC in the house, ${status.outsideCelsius} °C outside, ${status.people} people in ${status.roomsWithPeople} rooms`,
    ...(mqtt ? [mqtt.isConnected ? `MQTT ${mqtt.published} published` : 'MQTT without its broker'] : []),
    ...(knx ? [`KNX ${knx.tunnels} ${knx.tunnels === 1 ? 'tunnel' : 'tunnels'}`] : []),
    ...(zwave ? [`Z-Wave ${zwave.hasHost ? 'connected' : 'not connected'}`] : []),
    ...(faults.length > 0 ? [`faults: ${faults.map((fault) => faultText(fault, status.nowMs)).join(', ')}`] : []),
  ]
  return parts.join('; ')
}

/** Such as `sensor-stuck of sensor-101 (20 s more)`. */
export function faultText({ name, deviceId, untilMs }: ActiveFault, nowMs: number): string {
  const left = untilMs === null ? '' : ` (${Math.max(0, Math.ceil((untilMs - nowMs) / 1_000))} s more)`
  return `${name}${deviceId === null ? '' : ` of ${deviceId}`}${left}`
}
