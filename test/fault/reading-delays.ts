import { openPlatform, type Platform } from '../../bin/platform.ts'
import { loadBuildingSettings } from '../../bin/settings.ts'
import { silentLogger } from '../../common/log.ts'
import { partitionName } from '../../common/record.ts'
import { whenReady } from '../../connectors/pause.ts'
import type { LogReader } from '../../kafka/port.ts'
import { topics } from '../../schemas/topics.ts'

/** How long readings take from the time that is in them until a reader has them from Kafka; of those that are written from now on. */
export class ReadingDelays {
  readonly #platform: Platform
  readonly #reader: LogReader
  readonly #stopping = new AbortController()
  readonly #delaysMs = new Map<string, number[]>()
  readonly #running: Promise<void>

  private constructor(platform: Platform, reader: LogReader) {
    this.#platform = platform
    this.#reader = reader
    this.#running = this.#run()
  }

  static async open(env: Readonly<Record<string, string>>): Promise<ReadingDelays> {
    const { settings } = loadBuildingSettings([], env)
    const platform = await openPlatform(settings, silentLogger, AbortSignal.timeout(30_000))
    const topic = topics.readings.name
    const partitions = Array.from({ length: settings.partitions }, (_, partition) => ({ topic, partition }))
    const ends = await platform.kafka.admin().endOffsets(partitions)
    const reader = platform.kafka.createReader()
    await reader.assign(partitions.map((p) => ({ ...p, offset: ends.get(partitionName(topic, p.partition)) ?? 0 })))
    return new ReadingDelays(platform, reader)
  }

  /** Of these devices, in milliseconds, the least first. */
  of(deviceIds: readonly string[]): number[] {
    return deviceIds.flatMap((id) => this.#delaysMs.get(id) ?? []).sort((a, b) => a - b)
  }

  async close(): Promise<void> {
    this.#stopping.abort()
    this.#reader.wakeup()
    await this.#running
    await this.#reader.close()
    await this.#platform.close()
  }

  async #run(): Promise<void> {
    const { signal } = this.#stopping
    const { key: serde } = this.#platform
    while (!signal.aborted) {
      for (const { topic, records } of await this.#reader.poll(100)) {
        const nowMs = Date.now()
        for (const { key, timestampMs } of records) {
          if (key === null) continue
          const deviceId = await whenReady(() => serde.deserialize(key, topic), signal)
          const known = this.#delaysMs.get(deviceId)
          if (known === undefined) this.#delaysMs.set(deviceId, [nowMs - timestampMs])
          else known.push(nowMs - timestampMs)
        }
      }
    }
  }
}
