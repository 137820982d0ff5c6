import { parseGroupAddress, parseIndividualAddress } from './addresses.ts'
import type { GroupService, GroupTelegram } from './cemi.ts'
import { type Dpt, dptOf } from './dpt.ts'
import { DptError } from './errors.ts'
import type { LineMember, SimulatedLine } from './simulated-line.ts'

/** One thing on the line that can be set, reported, or both. A sensor has no `write`. */
export interface SimulatedDatapointOptions {
  /** The device that it belongs to (default 1.1.1). */
  readonly individualAddress?: string
  /** Group address that sets it. */
  readonly write?: string | null
  /** Group address that it reports on and answers reads of. */
  readonly status?: string | null
  readonly dpt: string
  readonly initial?: number
  /** How long it needs from 0 to 100 (blinds). Half the way takes half of it; without it the value is there at once. */
  readonly travelMs?: number
}

/**
 * The behaviour of an actuator or a sensor: takes writes, moves, reports on its status address when it has arrived at a
 * new value, and answers GroupValue_Read at any time with where it is. A payload of the wrong form is ignored, as devices do.
 */
export class SimulatedDatapoint implements LineMember {
  readonly write: number | undefined
  readonly status: number | undefined
  /** While true it neither acts nor answers: no power. */
  mute = false
  onWrite: (value: number) => void = () => {}
  readonly #address: number
  readonly #dpt: Dpt
  readonly #travelMs: number
  readonly #line: SimulatedLine
  #from: number
  #target: number
  #startedMs = 0
  #arrival: NodeJS.Timeout | undefined

  constructor(line: SimulatedLine, options: SimulatedDatapointOptions) {
    this.#line = line
    this.#address = parseIndividualAddress(options.individualAddress ?? '1.1.1')
    this.write = options.write ? parseGroupAddress(options.write) : undefined
    this.status = options.status ? parseGroupAddress(options.status) : undefined
    this.#dpt = dptOf(options.dpt)
    this.#travelMs = options.travelMs ?? 0
    this.#from = this.#target = options.initial ?? 0
  }

  /** Where it is now, on the way included. */
  get value(): number {
    if (!this.#arrival) return this.#target
    const wayMs = this.#wayMs()
    const done = Math.min(1, (performance.now() - this.#startedMs) / wayMs)
    return this.#from + (this.#target - this.#from) * done
  }

  /** Goes to `value` as somebody at the device would make it go, and reports. */
  set(value: number): void {
    this.#dpt.encode(value)
    this.#moveTo(value)
  }

  /** Arrives without a report; no timer is left. */
  stop(): void {
    clearTimeout(this.#arrival)
    this.#arrival = undefined
  }

  receive(telegram: GroupTelegram): void {
    if (this.mute) return
    const { service, destination } = telegram
    if (service === 'GroupValue_Read' && destination === (this.status ?? this.write))
      this.#send('GroupValue_Response', destination)
    if (service !== 'GroupValue_Write' || destination !== this.write) return
    const value = this.#decode(telegram)
    if (value === undefined) return
    this.onWrite(value)
    this.#moveTo(value)
  }

  #decode(telegram: GroupTelegram): number | undefined {
    try {
      return this.#dpt.decode(telegram.payload)
    } catch (error) {
      if (error instanceof DptError) return undefined
      throw error
    }
  }

  #moveTo(target: number): void {
    const from = this.value
    this.stop()
    this.#from = from
    this.#target = target
    if (from === target) return
    this.#startedMs = performance.now()
    const wayMs = this.#wayMs()
    const arrive = (): void => {
      this.#arrival = undefined
      this.#report()
    }
    if (wayMs === 0) arrive()
    else this.#arrival = setTimeout(arrive, wayMs)
  }

  #wayMs(): number {
    return (this.#travelMs * Math.abs(this.#target - this.#from)) / 100
  }

  #report(): void {
    if (this.status !== undefined && !this.mute) this.#send('GroupValue_Write', this.status)
  }

  #send(service: GroupService, destination: number): void {
    const payload = this.#dpt.encode(this.value)
    this.#line.send({ service, source: this.#address, destination, payload }, this)
  }
}
