import { answer } from './simulated-command-classes.ts'

/** Types of the Multilevel Sensor command class that the building knows (SDS13781). */
export const SENSOR_TYPE = { temperature: 0x01, luminance: 0x03, humidity: 0x05 } as const

export type SensorName = keyof typeof SENSOR_TYPE

export interface SimulatedSensor {
  value: number
  /** Of the type's scale list: temperature 0 = °C, 1 = °F; luminance 0 = percent, 1 = lux. */
  readonly scale: number
  /** Decimal places on the wire. */
  readonly precision: number
}

/** What a device is when it leaves the factory. */
export interface NodeModel {
  readonly genericClass: number
  readonly specificClass: number
  readonly manufacturerId: number
  readonly productType: number
  readonly productId: number
  /** Command class → version, in the order of the node information frame. */
  readonly commandClasses: ReadonlyMap<number, number>
  readonly sensors: Readonly<Partial<Record<SensorName, SimulatedSensor>>>
  /** Runs on a battery: hears only for a while after it has woken up. */
  readonly sleeps?: boolean
}

const COMMON: readonly (readonly [number, number])[] = [
  [0x86, 1],
  [0x72, 1],
]

/** A mains powered room sensor: temperature, luminance, humidity, motion by notification, battery. */
export const MULTISENSOR: NodeModel = {
  genericClass: 0x21,
  specificClass: 0x01,
  manufacturerId: 0x0086,
  productType: 0x0002,
  productId: 0x0064,
  commandClasses: new Map([...COMMON, [0x31, 5], [0x71, 4], [0x80, 1]]),
  sensors: {
    temperature: { value: 21.5, scale: 0, precision: 1 },
    luminance: { value: 320, scale: 1, precision: 0 },
    humidity: { value: 44, scale: 0, precision: 0 },
  },
}

/** The same by an older firmware: motion by Binary Sensor only, temperature in °F. */
export const MULTISENSOR_BINARY_FAHRENHEIT: NodeModel = {
  ...MULTISENSOR,
  commandClasses: new Map([...COMMON, [0x31, 5], [0x30, 2], [0x80, 1]]),
  sensors: { ...MULTISENSOR.sensors, temperature: { value: 70.7, scale: 1, precision: 1 } },
}

export const DIMMER: NodeModel = {
  genericClass: 0x11,
  specificClass: 0x01,
  manufacturerId: 0x0086,
  productType: 0x0003,
  productId: 0x0063,
  commandClasses: new Map([...COMMON, [0x26, 4]]),
  sensors: {},
}

const WAKE_UP: readonly [number, number] = [0x84, 1]

/** A room sensor that runs on its battery. */
export const BATTERY_SENSOR: NodeModel = {
  ...MULTISENSOR,
  commandClasses: new Map([...MULTISENSOR.commandClasses, WAKE_UP]),
  sleeps: true,
}

/** A dimmer on a battery, as there are for blinds and lamps without mains. */
export const BATTERY_DIMMER: NodeModel = {
  ...DIMMER,
  commandClasses: new Map([...DIMMER.commandClasses, [0x80, 1], WAKE_UP]),
  sleeps: true,
}

/** What a node does to the world around it. */
export interface NodeHost {
  /** Sends an application command to the controller. */
  transmit(nodeId: number, payload: Buffer): void
  /** A dimmer was given a new level (0..99), by radio or by hand. */
  onLevel(nodeId: number, level: number): void
  /** A command that this node has no answer for. */
  onUnhandled(nodeId: number, payload: Buffer): void
}

/** One simulated device: its state, and its answers to application commands. */
export class SimulatedNode {
  readonly id: number
  readonly model: NodeModel
  readonly sensors: Map<number, SimulatedSensor>
  motion = false
  batteryPercent = 100
  /** Where the lamp is now, 0..99. */
  level = 0
  /** Where it is going. */
  targetLevel = 0
  /** How long a dimmer takes to reach a new level. */
  rampMs = 0
  /** The level that 0xff ("on, as it was last") restores. */
  lastLevel = 99
  /** Out of reach: hears nothing, acknowledges nothing. */
  dead = false
  /** Whether a node that sleeps is awake just now. */
  awake: boolean
  wakeUpIntervalS = 3600
  readonly configuration = new Map<number, Buffer>()
  readonly associations = new Set<number>()
  /** Application commands received, in order. */
  readonly received: Buffer[] = []
  readonly #host: NodeHost
  #ramp: NodeJS.Timeout | undefined

  constructor(id: number, model: NodeModel, host: NodeHost) {
    this.id = id
    this.model = model
    this.#host = host
    this.awake = model.sleeps !== true
    this.sensors = new Map(
      Object.entries(model.sensors).map(([name, sensor]) => [SENSOR_TYPE[name as SensorName], { ...sensor }]),
    )
  }

  get hears(): boolean {
    return this.awake && !this.dead
  }

  supports(commandClass: number): boolean {
    return this.model.commandClasses.has(commandClass)
  }

  /** An application command from the controller; answers go out by the host. */
  receive(payload: Buffer): void {
    this.received.push(payload)
    const replies = answer(this, payload)
    if (replies === undefined) this.#host.onUnhandled(this.id, payload)
    else for (const reply of replies) this.transmit(reply)
  }

  transmit(payload: readonly number[]): void {
    if (!this.dead) this.#host.transmit(this.id, Buffer.from(payload))
  }

  changeLevel(level: number): void {
    this.targetLevel = level
    clearTimeout(this.#ramp)
    if (this.rampMs === 0) this.#arrive()
    else this.#ramp = setTimeout(() => this.#arrive(), this.rampMs)
  }

  stop(): void {
    clearTimeout(this.#ramp)
  }

  #arrive(): void {
    this.level = this.targetLevel
    if (this.level > 0) this.lastLevel = this.level
    this.#host.onLevel(this.id, this.level)
  }
}
