import { asError } from '../../common/errors.ts'
import type { Logger } from '../../common/log.ts'
import type { Device } from '../../schemas/types.ts'
import { FaultError } from './errors.ts'
import { type EndFault, FAULT_KINDS, type FaultField, type FaultKind } from './fault-kinds.ts'

export interface FaultRequest {
  readonly name: string
  /** Which device it befalls; the first that it can befall unless given. */
  readonly deviceId?: string
  /** How long it lasts; until it is ended unless given. */
  readonly durationMs?: number
}

/** A fault that goes on. Times are milliseconds since the epoch. */
export interface ActiveFault {
  readonly name: string
  readonly deviceId: string | null
  readonly sinceMs: number
  /** `null`: until it is ended. */
  readonly untilMs: number | null
}

interface Running extends ActiveFault {
  readonly end: EndFault
  readonly timer: NodeJS.Timeout | undefined
}

export interface FaultBoardOptions {
  readonly field: FaultField
  readonly log: Logger
  /** Told of every fault that begins or ends. */
  readonly onChange?: (what: 'begins' | 'ends', fault: ActiveFault) => void
}

/** The faults that go on in a simulation. A fault goes on at most once per device (or wire); several go on side by side. */
export class FaultBoard {
  readonly #options: FaultBoardOptions
  readonly #running = new Map<string, Running>()
  /** One begins or ends at a time: what one takes away another must not bring back half way. */
  #turn: Promise<unknown> = Promise.resolve()

  constructor(options: FaultBoardOptions) {
    this.#options = options
  }

  get kinds(): readonly FaultKind[] {
    return FAULT_KINDS
  }

  get active(): readonly ActiveFault[] {
    return [...this.#running.values()].map(({ name, deviceId, sinceMs, untilMs }) => ({
      name,
      deviceId,
      sinceMs,
      untilMs,
    }))
  }

  /** @throws {FaultError} when there is no such fault or device, it cannot be here, or it goes on already. */
  begin(request: FaultRequest): Promise<ActiveFault> {
    return this.#inTurn(() => this.#begin(request))
  }

  /** Ends the fault (of one device, or of all). Resolves with what ended. @throws {FaultError} when it does not go on. */
  end(name: string, deviceId?: string): Promise<readonly ActiveFault[]> {
    return this.#inTurn(async () => {
      const found = [...this.#running].filter(
        ([, fault]) => fault.name === name && (deviceId === undefined || fault.deviceId === deviceId),
      )
      if (found.length === 0)
        throw new FaultError(`${kindOf(name).name}${deviceId ? ` of ${deviceId}` : ''} does not go on`)
      for (const [key, fault] of found) await this.#end(key, fault)
      return found.map(([, { deviceId: id, sinceMs, untilMs }]) => ({ name, deviceId: id, sinceMs, untilMs }))
    })
  }

  /** Ends all of them; what was taken away is back. */
  async close(): Promise<void> {
    await this.#inTurn(async () => {
      for (const [key, fault] of [...this.#running]) await this.#end(key, fault)
    })
  }

  /** Whether it could begin. @throws {FaultError} when there is no such fault or device, or it cannot be here. */
  check(request: FaultRequest): void {
    this.#victim(request)
  }

  async #begin(request: FaultRequest): Promise<ActiveFault> {
    const { name, durationMs } = request
    const { field } = this.#options
    const { kind, device } = this.#victim(request)
    const key = `${name} ${device?.deviceId ?? ''}`
    if (this.#running.has(key)) throw new FaultError(`${name}${device ? ` of ${device.deviceId}` : ''} goes on already`)
    const end = await kind.begin(field, device)
    const sinceMs = Date.now()
    const untilMs = durationMs === undefined ? null : sinceMs + durationMs
    const timer = durationMs === undefined ? undefined : setTimeout(() => this.#timeUp(key), durationMs)
    const running: Running = { name, deviceId: device?.deviceId ?? null, sinceMs, untilMs, end, timer }
    this.#running.set(key, running)
    this.#options.onChange?.('begins', running)
    return { name, deviceId: running.deviceId, sinceMs, untilMs }
  }

  #victim({ name, deviceId }: FaultRequest): { readonly kind: FaultKind; readonly device: Device | undefined } {
    const kind = kindOf(name)
    const unfit = kind.unfit(this.#options.field)
    if (unfit !== undefined) throw new FaultError(`${name} cannot be: ${unfit}`)
    if (kind.befalls !== undefined) return { kind, device: this.#deviceOf(kind, kind.befalls, deviceId) }
    if (deviceId === undefined) return { kind, device: undefined }
    throw new FaultError(`${name} befalls the whole wire, not the device ${deviceId}`)
  }

  #deviceOf(kind: FaultKind, befalls: (device: Device) => boolean, deviceId: string | undefined): Device {
    const { devices } = this.#options.field
    if (deviceId === undefined) {
      const first = devices.find(befalls)
      if (first === undefined) throw new FaultError(`${kind.name} cannot be: no device here is of the right sort`)
      return first
    }
    const device = devices.find((one) => one.deviceId === deviceId)
    if (device === undefined) throw new FaultError(`the simulated house has no device ${deviceId}`)
    if (!befalls(device)) throw new FaultError(`${kind.name} cannot befall ${deviceId}, which is on ${device.bus}`)
    return device
  }

  #timeUp(key: string): void {
    void this.#inTurn(async () => {
      const fault = this.#running.get(key)
      if (fault) await this.#end(key, fault)
    }).catch((error: unknown) => this.#options.log.error({ err: asError(error) }, 'a fault could not be ended'))
  }

  async #end(key: string, fault: Running): Promise<void> {
    clearTimeout(fault.timer)
    this.#running.delete(key)
    await fault.end()
    this.#options.onChange?.('ends', fault)
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.#turn.then(work)
    this.#turn = turn.catch(() => {})
    return turn
  }
}

/** @throws {FaultError} when there is no such fault. */
export function kindOf(name: string): FaultKind {
  const kind = FAULT_KINDS.find((one) => one.name === name)
  if (kind === undefined)
    throw new FaultError(`there is no fault ${JSON.stringify(name)}: brook simulate faults lists what there is`)
  return kind
}
