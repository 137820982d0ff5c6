import { type Clock, systemClock } from '../common/clock.ts'
import { asError } from '../common/errors.ts'
import { type Logger, silentLogger } from '../common/log.ts'
import { partitionName, type TopicPartition } from '../common/record.ts'
import type { Serde } from '../common/serde.ts'
import { OffsetOutOfRangeError, UnknownTopicError } from '../kafka/errors.ts'
import type { KafkaProvider, LogReader, LogRecord } from '../kafka/port.ts'
import type { Bus, Device } from '../schemas/types.ts'
import { backoffMs } from './backoff.ts'
import { pause, whenReady } from './pause.ts'

export interface DeviceTableOptions {
  readonly kafka: Pick<KafkaProvider, 'admin' | 'createReader'>
  /** `building.devices`: compacted, keyed by deviceId. */
  readonly topic: string
  readonly key: Serde<string>
  readonly value: Serde<Device>
  readonly clock?: Clock
  readonly logger?: Logger
}

/** Told of each device that came, changed (`device`) or went (`undefined`), with what was known before. */
export type DeviceListener = (deviceId: string, device: Device | undefined, before: Device | undefined) => void

const POLL_MS = 500

/**
 * All devices of the building, from the compacted devices topic: whole once `start` resolves, live after that. Records that
 * cannot be read are logged and leave the device as it was. One table serves all connectors of a process.
 */
export class DeviceTable {
  readonly #options: DeviceTableOptions
  readonly #clock: Clock
  readonly #logger: Logger
  readonly #devices = new Map<string, Device>()
  readonly #listeners = new Set<DeviceListener>()
  #reader: LogReader | undefined
  /** The position is not in the log any more: read it all again. */
  #lost = false
  #running: Promise<void> | undefined
  #stopping = new AbortController()

  constructor(options: DeviceTableOptions) {
    this.#options = options
    this.#clock = options.clock ?? systemClock
    this.#logger = options.logger ?? silentLogger
  }

  /** Reads to the present end of the topic, then keeps up. @throws {UnknownTopicError} {KafkaUnavailableError} */
  async start(): Promise<void> {
    if (this.#running) return
    this.#stopping = new AbortController()
    const startedMs = this.#clock.nowMs()
    try {
      const ends = await this.#open()
      while (ends.size > 0 && !this.#stopping.signal.aborted) await this.#pollOnce(ends)
    } catch (error) {
      await this.#reader?.close()
      this.#reader = undefined
      throw error
    }
    this.#logger.debug({ devices: this.#devices.size, tookMs: this.#clock.nowMs() - startedMs }, 'device table read')
    this.#running = this.#follow()
  }

  async stop(): Promise<void> {
    this.#stopping.abort()
    this.#reader?.wakeup()
    await this.#running
    this.#running = undefined
    await this.#reader?.close()
    this.#reader = undefined
  }

  get(deviceId: string): Device | undefined {
    return this.#devices.get(deviceId)
  }

  get size(): number {
    return this.#devices.size
  }

  /** The devices of one bus, in no order. */
  onBus(bus: Bus): Device[] {
    return [...this.#devices.values()].filter((device) => device.bus === bus)
  }

  /** Returns how to stop listening. Devices that are known already are not told: ask `onBus` for them. */
  listen(listener: DeviceListener): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  /** Partitions that have something to read, with their ends. */
  async #open(): Promise<Map<string, number>> {
    const { kafka, topic } = this.#options
    const admin = kafka.admin()
    const description = (await admin.describeTopics([topic])).get(topic)
    if (!description) throw new UnknownTopicError(`the topic ${topic} does not exist`)
    const partitions: TopicPartition[] = Array.from({ length: description.partitions }, (_, partition) => ({
      topic,
      partition,
    }))
    const [begins, ends] = await Promise.all([admin.beginningOffsets(partitions), admin.endOffsets(partitions)])
    const positions = partitions.map((p) => ({ ...p, offset: begins.get(partitionName(topic, p.partition)) ?? 0 }))
    this.#reader = kafka.createReader()
    await this.#reader.assign(positions)
    const unread = positions.filter((p) => p.offset < (ends.get(partitionName(topic, p.partition)) ?? 0))
    return new Map(
      unread.map((p) => [partitionName(topic, p.partition), ends.get(partitionName(topic, p.partition)) ?? 0]),
    )
  }

  async #reopen(): Promise<void> {
    await this.#reader?.close()
    await this.#open()
    this.#lost = false
  }

  /** Takes out of `ends` the partitions that have been read up to theirs. */
  async #pollOnce(ends?: Map<string, number>): Promise<void> {
    const batches = (await this.#reader?.poll(POLL_MS)) ?? []
    for (const batch of batches) {
      for (const record of batch.records) await this.#apply(record)
      const name = partitionName(batch.topic, batch.partition)
      if (ends && batch.nextOffset >= (ends.get(name) ?? 0)) ends.delete(name)
    }
    for (const name of ends?.keys() ?? []) if (this.#isAtEnd(name)) ends?.delete(name)
  }

  /** The last records before the end may be ones that are never handed out. */
  #isAtEnd(name: string): boolean {
    const partition = Number(name.slice(name.lastIndexOf('-') + 1))
    return this.#reader?.lag({ topic: this.#options.topic, partition }) === 0
  }

  async #follow(): Promise<void> {
    let failures = 0
    while (!this.#stopping.signal.aborted) {
      try {
        if (this.#lost) await this.#reopen()
        await this.#pollOnce()
        failures = 0
      } catch (error) {
        if (failures === 0) this.#logger.warn({ err: asError(error) }, 'the devices topic cannot be read; trying again')
        if (error instanceof OffsetOutOfRangeError) this.#lost = true
        await pause(backoffMs(failures++), this.#stopping.signal)
      }
    }
  }

  async #apply(record: LogRecord): Promise<void> {
    const { topic, key, value } = this.#options
    const { signal } = this.#stopping
    const { key: keyBytes, value: valueBytes } = record
    if (keyBytes === null) return
    let deviceId: string
    let device: Device | undefined
    try {
      deviceId = await whenReady(() => key.deserialize(keyBytes, topic), signal)
      device = valueBytes === null ? undefined : await whenReady(() => value.deserialize(valueBytes, topic), signal)
    } catch (error) {
      this.#logger.warn({ err: asError(error), offset: record.offset }, 'a device record cannot be read')
      return
    }
    const before = this.#devices.get(deviceId)
    if (device) this.#devices.set(deviceId, device)
    else if (!this.#devices.delete(deviceId)) return
    for (const listener of this.#listeners) listener(deviceId, device, before)
  }
}
