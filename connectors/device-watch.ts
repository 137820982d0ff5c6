import type { ReadingKind } from '../schemas/types.ts'

/** Kinds that a sensor reports by itself every now and then; a lamp or a motion detector may be quiet for days. */
export const PERIODIC_KINDS: ReadonlySet<ReadingKind> = new Set(['temperature', 'humidity', 'luminance', 'pressure'])

export interface DeviceWatchOptions {
  /** A device is unavailable when it was silent for so many times its usual interval (default 3). */
  readonly factor?: number
  /** But never before so long (default 10 minutes). */
  readonly minSilenceMs?: number
  /** How long one whose interval is not known yet may be silent (default 3 hours: most report hourly). */
  readonly unknownSilenceMs?: number
}

/** Whether a device reports as it used to. Times are milliseconds since the epoch. */
export interface DeviceAvailability {
  readonly deviceId: string
  readonly isAvailable: boolean
  /** When that became so: for one that is unavailable, when its next report was overdue. */
  readonly sinceMs: number
  /** `null`: it was never heard. */
  readonly lastSeenMs: number | null
  /** The longest that it lets pass between two reports, as far as is known. */
  readonly expectedIntervalMs: number | null
}

interface Watched {
  /** When it was last heard, or else when it was first expected. */
  sinceMs: number
  lastSeenMs: number | undefined
  /** The last intervals, a ring. */
  readonly gapsMs: number[]
  next: number
  unavailableSinceMs: number | undefined
  availableSinceMs: number
}

/** Intervals that are remembered: a device that reports every minute by day and seldom at night keeps its longest for a while. */
const GAPS = 32
/** So many make an interval known. */
const ENOUGH_GAPS = 3
/** What comes closer together is one report: temperature, then humidity. */
const ONE_REPORT_MS = 1_000

/**
 * Which devices have gone silent. It learns from each device how long it lets pass between two reports, and holds it for
 * unavailable when several times that has passed without one; with the next report it is available again. Watches only devices
 * that are expected. No input or output; time is told to it.
 */
export class DeviceWatch {
  readonly #factor: number
  readonly #minSilenceMs: number
  readonly #unknownSilenceMs: number
  readonly #devices = new Map<string, Watched>()

  constructor(options: DeviceWatchOptions = {}) {
    this.#factor = options.factor ?? 3
    this.#minSilenceMs = options.minSilenceMs ?? 600_000
    this.#unknownSilenceMs = Math.max(this.#minSilenceMs, options.unknownSilenceMs ?? 3 * 3_600_000)
  }

  /** The device ought to report; what is known of one that is watched already stays. */
  expect(deviceId: string, nowMs: number): void {
    if (this.#devices.has(deviceId)) return
    this.#devices.set(deviceId, {
      sinceMs: nowMs,
      lastSeenMs: undefined,
      gapsMs: [],
      next: 0,
      unavailableSinceMs: undefined,
      availableSinceMs: nowMs,
    })
  }

  forget(deviceId: string): void {
    this.#devices.delete(deviceId)
  }

  /** The device was heard. Returns its availability when it was unavailable until now. */
  heard(deviceId: string, atMs: number): DeviceAvailability | undefined {
    const device = this.#devices.get(deviceId)
    if (device === undefined || (device.lastSeenMs !== undefined && atMs <= device.lastSeenMs)) return undefined
    const wasUnavailable = device.unavailableSinceMs !== undefined
    // How long it was away says nothing of how often it reports.
    if (device.lastSeenMs !== undefined && !wasUnavailable) learn(device, atMs - device.lastSeenMs)
    device.lastSeenMs = atMs
    device.sinceMs = atMs
    if (!wasUnavailable || this.#isOverdue(device, atMs)) return undefined
    device.unavailableSinceMs = undefined
    device.availableSinceMs = atMs
    return availabilityOf(deviceId, device)
  }

  /** Those that have become unavailable since the last time. */
  check(nowMs: number): readonly DeviceAvailability[] {
    const gone: DeviceAvailability[] = []
    for (const [deviceId, device] of this.#devices) {
      if (device.unavailableSinceMs !== undefined || !this.#isOverdue(device, nowMs)) continue
      device.unavailableSinceMs = device.sinceMs + this.#allowedMs(device)
      gone.push(availabilityOf(deviceId, device))
    }
    return gone
  }

  /** `undefined` for one that is not watched. */
  availability(deviceId: string): DeviceAvailability | undefined {
    const device = this.#devices.get(deviceId)
    return device && availabilityOf(deviceId, device)
  }

  /** The ids of those that are unavailable. */
  get unavailable(): readonly string[] {
    return [...this.#devices].flatMap(([deviceId, device]) =>
      device.unavailableSinceMs === undefined ? [] : [deviceId],
    )
  }

  #isOverdue(device: Watched, nowMs: number): boolean {
    return nowMs - device.sinceMs > this.#allowedMs(device)
  }

  #allowedMs(device: Watched): number {
    const usualMs = usualIntervalMs(device)
    return usualMs === null ? this.#unknownSilenceMs : Math.max(this.#minSilenceMs, this.#factor * usualMs)
  }
}

function learn(device: Watched, gapMs: number): void {
  if (gapMs < ONE_REPORT_MS) return
  device.gapsMs[device.next] = gapMs
  device.next = (device.next + 1) % GAPS
}

function usualIntervalMs({ gapsMs }: Watched): number | null {
  return gapsMs.length < ENOUGH_GAPS ? null : Math.max(...gapsMs)
}

function availabilityOf(deviceId: string, device: Watched): DeviceAvailability {
  const { unavailableSinceMs, availableSinceMs, lastSeenMs } = device
  return {
    deviceId,
    isAvailable: unavailableSinceMs === undefined,
    sinceMs: unavailableSinceMs ?? availableSinceMs,
    lastSeenMs: lastSeenMs ?? null,
    expectedIntervalMs: usualIntervalMs(device),
  }
}
