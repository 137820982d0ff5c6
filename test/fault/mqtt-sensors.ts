import { setTimeout as sleep } from 'node:timers/promises'
import { type MqttPublisher, openPublisher } from '../../connectors/mqtt/client.ts'

interface Taken {
  readonly sequence: number
  readonly atMs: number
}

/** Devices with a connection each, that number their readings and remember what the broker has acknowledged. */
export class MqttSensors {
  readonly #devices: { readonly id: string; readonly publisher: MqttPublisher; readonly taken: Taken[]; next: number }[]
  #failed = 0

  private constructor(ids: readonly string[], publishers: readonly MqttPublisher[]) {
    this.#devices = ids.map((id, i) => ({ id, publisher: publishers[i] as MqttPublisher, taken: [], next: 0 }))
  }

  static async open(url: string, ids: readonly string[]): Promise<MqttSensors> {
    return new MqttSensors(ids, await Promise.all(ids.map((id) => openPublisher({ url, clientId: `sensor-${id}` }))))
  }

  get ids(): readonly string[] {
    return this.#devices.map(({ id }) => id)
  }

  /** One reading of each device, on its way when this returns. */
  publishOfEach(): void {
    for (const device of this.#devices) {
      const sequence = device.next++
      const payload = JSON.stringify({ value: sequence % 40, timestamp: Date.now(), sequence })
      device.publisher.publish(`building/room-${device.id}/${device.id}/temperature`, payload).then(
        () => device.taken.push({ sequence, atMs: performance.now() }),
        () => this.#failed++,
      )
    }
  }

  /** One reading of each device every `intervalMs` until the signal aborts. */
  async publishEvery(intervalMs: number, signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      this.publishOfEach()
      await sleep(intervalMs, undefined, { signal }).catch(() => {})
    }
  }

  /** What the broker said it has, in the order in which it said so; of `outsideMs`, what it said in that time is left out. */
  acknowledged(id: string, outsideMs: readonly (readonly [fromMs: number, toMs: number])[] = []): number[] {
    const taken = this.#devices.find((device) => device.id === id)?.taken ?? []
    const isInside = ({ atMs }: Taken) => outsideMs.some(([fromMs, toMs]) => atMs >= fromMs && atMs <= toMs)
    return taken.filter((one) => !isInside(one)).map(({ sequence }) => sequence)
  }

  /** Readings that the broker has not acknowledged yet. */
  get unacknowledged(): number {
    return this.#devices.reduce((sum, { next, taken }) => sum + next - taken.length, -this.#failed)
  }

  async close(): Promise<void> {
    await Promise.all(this.#devices.map(({ publisher }) => publisher.close()))
  }
}
