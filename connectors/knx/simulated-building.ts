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
    (device.knx?.groups ?? []).map(({ kind, write, status, dpt }): SimulatedDatapointOptions => {
      const blinds = kind === 'blinds' && dpt === '5.001'
      return {
        // Lines hold 255 devices; 0 is the coupler and the top of line 1 belongs to the gateway's tunnels.
        individualAddress: `1.${2 + Math.floor(index / 250)}.${1 + (index % 250)}`,
        write,
        status,
        dpt,
        initial: blinds ? 100 : (INITIAL[dpt] ?? 0),
        ...(blinds ? { travelMs: blindsTravelMs } : {}),
      }
    }),
  )
}
