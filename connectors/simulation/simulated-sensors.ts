import type { ReadingKind } from '../../schemas/types.ts'
import type { HouseModel } from './house-model.ts'

/** What the devices of a house tell of it: the truth, unless something is wrong with them. All of it may be changed while they run. */
export class SimulatedSensors {
  /** Devices that say nothing by themselves. */
  readonly silent = new Set<string>()
  /** What is left in the batteries that are not full, in percent. */
  readonly batteryPercent = new Map<string, number>()
  readonly #stuck = new Map<string, Map<ReadingKind, number>>()
  readonly #model: Pick<HouseModel, 'measure'>

  constructor(model: Pick<HouseModel, 'measure'>) {
    this.#model = model
  }

  /** What the device says that it measures, or is set to. @throws {InvalidArgumentError} for a device that the house does not have. */
  measure(deviceId: string, kind: ReadingKind): number {
    if (kind === 'battery') return this.batteryPercent.get(deviceId) ?? this.#model.measure(deviceId, kind)
    const stuck = this.#stuck.get(deviceId)
    const value = stuck?.get(kind) ?? this.#model.measure(deviceId, kind)
    stuck?.set(kind, value)
    return value
  }

  /** From here on the device says again and again what it says next of each kind, until it is let go. */
  stick(deviceId: string): void {
    this.#stuck.set(deviceId, new Map())
  }

  letGo(deviceId: string): void {
    this.#stuck.delete(deviceId)
  }
}
