import { type Clock, systemClock } from '../../common/clock.ts'
import { asError } from '../../common/errors.ts'
import { type Logger, silentLogger } from '../../common/log.ts'
import type { ReadingKind } from '../../schemas/types.ts'
import { kindSpec } from '../reading-kinds.ts'
import { type MqttEndpoint, type MqttPublisher, openPublisher } from './client.ts'

export interface SimulatedSensor {
  readonly deviceId: string
  readonly roomId: string
  /** Such as temperature, humidity, luminance, motion. */
  readonly kinds: readonly Exclude<ReadingKind, 'unknown'>[]
}

export interface MqttSimulatorOptions {
  readonly endpoint: MqttEndpoint
  readonly sensors: readonly SimulatedSensor[]
  /** What a sensor measures at this moment; for `motion` and `switch` anything but 0 is yes. */
  readonly model: (deviceId: string, kind: ReadingKind) => number
  /** How often each kind is published; kinds that are not named every `defaultIntervalMs`. */
  readonly intervalMs?: Partial<Record<ReadingKind, number>>
  /** Default 5 s. */
  readonly defaultIntervalMs?: number
  readonly clock?: Clock
  readonly logger?: Logger
}

/** What goes wrong with simulated MQTT devices, by deviceId. All of it may be changed while they run. */
export interface MqttDeviceFaults {
  /** Say nothing. */
  readonly silent: Set<string>
  /** Send every message twice, as after a lost acknowledgement. */
  readonly doubled: Set<string>
  /** How far the clock that stamps their messages is ahead (behind: less than 0). */
  readonly clockAheadMs: Map<string, number>
}

/**
 * MQTT sensors at the wire: a real client that publishes `building/<roomId>/<deviceId>/<kind>` with
 * `{"value", "timestamp", "sequence"}` at QoS 1. While the broker is away nothing is published.
 */
export class MqttSimulator {
  readonly faults: MqttDeviceFaults = { silent: new Set(), doubled: new Set(), clockAheadMs: new Map() }
  readonly #options: MqttSimulatorOptions
  readonly #clock: Clock
  readonly #logger: Logger
  readonly #sequences = new Map<string, number>()
  #publisher: MqttPublisher | undefined
  #timers: NodeJS.Timeout[] = []
  #published = 0

  constructor(options: MqttSimulatorOptions) {
    this.#options = options
    this.#clock = options.clock ?? systemClock
    this.#logger = options.logger ?? silentLogger
  }

  /** Messages that the broker has taken. */
  get published(): number {
    return this.#published
  }

  get connected(): boolean {
    return this.#publisher?.connected ?? false
  }

  /** Connects and publishes everything once, then at its interval. @throws {MqttUnavailableError} {MqttRefusedError} */
  async start(): Promise<void> {
    this.#publisher = await openPublisher(this.#options.endpoint)
    const { sensors, intervalMs, defaultIntervalMs = 5_000 } = this.#options
    for (const sensor of sensors) {
      for (const kind of sensor.kinds) {
        const measure = (): void => {
          this.publish(sensor, kind).catch((error: unknown) => {
            this.#logger.debug({ err: asError(error), deviceId: sensor.deviceId }, 'a simulated message was not taken')
          })
        }
        measure()
        this.#timers.push(setInterval(measure, intervalMs?.[kind] ?? defaultIntervalMs))
      }
    }
  }

  /** Publishes one measurement now; resolves when the broker has it, or at once while there is no broker. */
  async publish(sensor: SimulatedSensor, kind: ReadingKind): Promise<void> {
    const publisher = this.#publisher
    const { deviceId, roomId } = sensor
    if (!publisher?.connected || this.faults.silent.has(deviceId)) return
    const topic = `building/${roomId}/${deviceId}/${kind}`
    const sequence = (this.#sequences.get(topic) ?? 0) + 1
    this.#sequences.set(topic, sequence)
    const measured = this.#options.model(deviceId, kind)
    const value = kindSpec(kind)?.boolean ? measured !== 0 : measured
    const timestamp = this.#clock.nowMs() + (this.faults.clockAheadMs.get(deviceId) ?? 0)
    const payload = JSON.stringify({ value, timestamp, sequence })
    await this.publishRaw(topic, payload)
    if (this.faults.doubled.has(deviceId)) await this.publishRaw(topic, payload)
  }

  /** Publishes whatever it is, wherever; resolves when the broker has it, or at once while there is no broker. */
  async publishRaw(topic: string, payload: string | Buffer): Promise<void> {
    const publisher = this.#publisher
    if (!publisher?.connected) return
    await publisher.publish(topic, payload)
    this.#published++
  }

  async stop(): Promise<void> {
    for (const timer of this.#timers.splice(0)) clearInterval(timer)
    const publisher = this.#publisher
    this.#publisher = undefined
    await publisher?.close()
  }
}
