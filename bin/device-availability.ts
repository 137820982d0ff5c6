import { type Clock, systemClock } from '../common/clock.ts'
import type { Logger } from '../common/log.ts'
import type { Metrics } from '../common/metrics.ts'
import { type DeviceAvailability, DeviceWatch, PERIODIC_KINDS } from '../connectors/device-watch.ts'
import type { LiveEvent } from '../http/live/live-events.ts'
import type { LiveHub } from '../http/live/live-hub.ts'
import type { Bus, Device } from '../schemas/types.ts'

const CHECK_MS = 1_000

export interface AvailabilityOptions {
  readonly hub: Pick<LiveHub, 'publish'>
  /** A device is never held for unavailable before it was silent for so long. */
  readonly minSilenceMs: number
  readonly log: Logger
  readonly metrics?: Metrics
  readonly clock?: Clock
}

/**
 * Stands between the feed and the hub, and says of each sensor whether it still reports: on the page, in `/v1/rooms` and as
 * `brook_devices_unavailable`. What a device was heard last is in its state, so that a restart forgets no silence.
 */
export class AvailabilityFeed {
  readonly #options: AvailabilityOptions
  readonly #clock: Clock
  readonly #watch: DeviceWatch
  readonly #busOf = new Map<string, Bus>()
  #timer: NodeJS.Timeout | undefined

  constructor(options: AvailabilityOptions) {
    this.#options = options
    this.#clock = options.clock ?? systemClock
    this.#watch = new DeviceWatch({ minSilenceMs: options.minSilenceMs })
    options.metrics?.gauge(
      'brook_devices_unavailable',
      'Sensors that have not reported for several times their usual interval.',
      ['bus'],
      (set) => {
        const counts = new Map([...new Set(this.#busOf.values())].map((bus) => [bus, 0]))
        for (const deviceId of this.#watch.unavailable) {
          const bus = this.#busOf.get(deviceId) ?? 'unknown'
          counts.set(bus, (counts.get(bus) ?? 0) + 1)
        }
        for (const [bus, count] of counts) set(count, { bus })
      },
    )
  }

  start(): void {
    this.#timer ??= setInterval(() => this.check(), CHECK_MS)
  }

  stop(): void {
    clearInterval(this.#timer)
    this.#timer = undefined
  }

  /** Passes the event on, and learns from it. */
  publish(event: LiveEvent): void {
    this.#options.hub.publish(event)
    if (event.type === 'device') this.#know(event.key, event.data)
    else if (event.type === 'device-state' && event.data !== null) {
      const { values } = event.data
      // What became of a command makes a state too, of a device that was never heard.
      if (values.length === 0) return
      const heardMs = Math.max(...values.map(({ receivedAtMs }) => receivedAtMs))
      const back = this.#watch.heard(event.key, Math.min(heardMs, this.#clock.nowMs()))
      if (back !== undefined) this.#tell(back)
    }
  }

  /** Tells of those that have become unavailable. */
  check(): void {
    for (const gone of this.#watch.check(this.#clock.nowMs())) this.#tell(gone)
  }

  #know(deviceId: string, device: Device | null): void {
    if (device?.kinds.some((kind) => PERIODIC_KINDS.has(kind))) {
      this.#busOf.set(deviceId, device.bus)
      this.#watch.expect(deviceId, this.#clock.nowMs())
    } else if (this.#busOf.delete(deviceId)) {
      this.#watch.forget(deviceId)
      this.#options.hub.publish({ type: 'availability', key: deviceId, data: null })
    }
  }

  #tell(data: DeviceAvailability): void {
    const { deviceId, isAvailable, lastSeenMs } = data
    this.#options.hub.publish({ type: 'availability', key: deviceId, data })
    if (isAvailable) this.#options.log.info({ deviceId }, 'a device reports again')
    else this.#options.log.warn({ deviceId, lastSeenMs }, 'a device is unavailable: it has not reported for too long')
  }
}
