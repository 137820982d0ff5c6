import type { Device } from '../../schemas/types.ts'
import type { SimulatedDatapointOptions } from './simulated-datapoint.ts'

export interface SimulatedBuildingOptions {
  /** How long blinds take from one end to the other (default 20 s). */
  readonly blindsTravelMs?: number
}

/** What each kind shows before anybody has set it. */
const INITIAL: Readonly<Record<string, number>> = {
  '9.001': 21,
  '9.004': 300,
  '9.007': 45,
  '5.001': 0,
  '1.001': 0,
  '1.008': 0,
}

/**
 * The datapoints that stand for these devices behind a {@link GatewaySimulator}: one for each KNX group of each device. Groups
 * with a write address behave as actuators, the others as sensors that are set by `setValue`. Blinds begin open.
 */
export function simulatedDatapoints(
  devices: readonly Device[],
  options: SimulatedBuildingOptions = {},
): readonly SimulatedDatapointOptions[] {
  const { blindsTravelMs = 20_000 } = options
  return devices.flatMap((device, index) =>
    (device.knx?.groups ?? []).map(({ kind, write, status, dpt, inverted }): SimulatedDatapointOptions => {
      const blinds = kind === 'blinds' && dpt === '5.001'
      return {
        individualAddress: individualAddressOf(index),
        write,
        status,
        dpt,
        initial: blinds && !inverted ? 100 : (INITIAL[dpt] ?? 0),
        ...(blinds ? { travelMs: blindsTravelMs } : {}),
      }
    }),
  )
}

const DEVICES_PER_LINE = 250
const LINES_PER_AREA = 15

/** Lines hold 255 devices and a coupler, areas 15 lines; line 1.1 belongs to the gateway and its tunnels. */
function individualAddressOf(index: number): string {
  const line = 1 + Math.floor(index / DEVICES_PER_LINE)
  const area = 1 + Math.floor(line / LINES_PER_AREA)
  return `${area}.${1 + (line % LINES_PER_AREA)}.${1 + (index % DEVICES_PER_LINE)}`
}
