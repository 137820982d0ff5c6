import { asError } from '../common/errors.ts'
import { type Logger, silentLogger } from '../common/log.ts'
import { partitionName } from '../common/record.ts'
import type { Serde } from '../common/serde.ts'
import type { KafkaProvider, LogReader, LogRecord } from '../kafka/port.ts'
import type { Command, Reading } from '../schemas/types.ts'
import { backoffMs } from './backoff.ts'
import { pause, whenReady } from './pause.ts'

export interface ReadingReportsOptions {
  readonly kafka: Pick<KafkaProvider, 'admin' | 'createReader'>
  /** `building.readings`, keyed by deviceId. */
  readonly topic: string
  readonly key: Serde<string>
  readonly value: Serde<Reading>
  readonly logger?: Logger
}

interface Watch {
  readonly sinceMs: number
  readonly kind: Command['kind']
  readonly listener: (value: number) => void
}

const POLL_MS = 100
const NOW = Number.NEGATIVE_INFINITY
/** Records have the times of devices. */
const CLOCKS_DIFFER_MS = 60_000

/**
 * What devices report, as it arrives in the log: whichever connection or process has heard it. Reads only while somebody watches, and decodes
 * only readings of devices that are watched. Retained readings are no reports: they tell how it was.
 */
export class ReadingReports {
  readonly #options: ReadingReportsOptions
  readonly #logger: Logger
  /** By deviceId. */
  readonly #watches = new Map<string, Set<Watch>>()
  #reading: { readonly stopping: AbortController; readonly ready: Promise<void> } | undefined

  constructor(options: ReadingReportsOptions) {
    this.#options = options
    this.#logger = options.logger ?? silentLogger
  }

  /**
   * Calls `listener` with each value of that kind which the device reports from now on (or has reported since `sinceMs`), until the answer is called.
   * Resolves when nothing can be missed any more. @throws what Kafka throws when it cannot be read
   */
  async watch(
    deviceId: string,
    kind: Command['kind'],
    listener: (value: number) => void,
    sinceMs = NOW,
  ): Promise<() => void> {
    // What others watch for is not read again.
    if (sinceMs !== NOW && this.#reading)
      return new ReadingReports(this.#options).watch(deviceId, kind, listener, sinceMs)
    const watch: Watch = { sinceMs, kind, listener }
    const watches = this.#watches.get(deviceId) ?? new Set()
    this.#watches.set(deviceId, watches.add(watch))
    const stop = (): void => {
      if (!watches.delete(watch) || watches.size > 0) return
      if (this.#watches.get(deviceId) === watches) this.#watches.delete(deviceId)
      if (this.#watches.size === 0) this.close()
    }
    this.#reading ??= this.#start(sinceMs)
    try {
      await this.#reading.ready
      return stop
    } catch (error) {
      stop()
      throw error
    }
  }

  close(): void {
    this.#reading?.stopping.abort()
    this.#reading = undefined
  }

  #start(sinceMs: number): { readonly stopping: AbortController; readonly ready: Promise<void> } {
    const stopping = new AbortController()
    const opened = this.#open(sinceMs)
    opened.then(
      (reader) => void this.#read(reader, stopping.signal),
      () => {
        if (this.#reading?.stopping === stopping) this.#reading = undefined
      },
    )
    return { stopping, ready: opened.then(() => {}) }
  }

  async #open(sinceMs: number): Promise<LogReader> {
    const { kafka, topic } = this.#options
    const admin = kafka.admin()
    const count = (await admin.describeTopics([topic])).get(topic)?.partitions ?? 0
    const partitions = Array.from({ length: count }, (_, partition) => ({ topic, partition }))
    const ends = await admin.endOffsets(partitions)
    const times = partitions.map((p) => ({ ...p, timestampMs: sinceMs - CLOCKS_DIFFER_MS }))
    const begins = sinceMs === NOW ? ends : await admin.offsetsForTime(times)
    const reader = kafka.createReader({ isolationLevel: 'read_committed' })
    const offsetOf = (name: string): number => begins.get(name) ?? ends.get(name) ?? 0
    await reader.assign(partitions.map((p) => ({ ...p, offset: offsetOf(partitionName(topic, p.partition)) })))
    return reader
  }

  async #read(reader: LogReader, signal: AbortSignal): Promise<void> {
    for (let failures = 0; !signal.aborted; ) {
      try {
        for (const { records } of await reader.poll(POLL_MS))
          for (const record of records) await this.#tell(record, signal)
        failures = 0
      } catch (error) {
        if (signal.aborted) break
        this.#logger.debug({ err: asError(error) }, 'reports of devices cannot be read for now')
        await pause(backoffMs(failures++), signal)
      }
    }
    await reader.close()
  }

  async #tell({ key: keyBytes, value: bytes }: LogRecord, signal: AbortSignal): Promise<void> {
    if (keyBytes === null || bytes === null) return
    const { topic, key, value } = this.#options
    // What cannot be read is no report; whoever reads the topic for good says so.
    const decoded = <T>(read: () => T): Promise<T | undefined> => whenReady(read, signal).catch(() => undefined)
    const deviceId = await decoded(() => key.deserialize(keyBytes, topic))
    const watches = deviceId === undefined ? undefined : this.#watches.get(deviceId)
    if (watches === undefined) return
    const reading = await decoded(() => value.deserialize(bytes, topic))
    if (reading === undefined || reading.retained) return
    for (const { sinceMs, kind, listener } of watches)
      if (kind === reading.kind && reading.receivedAtMs >= sinceMs) listener(reading.value)
  }
}
