import { asError, SerdeNotReadyError } from '../common/errors.ts'
import type { Logger } from '../common/log.ts'
import { type Serde, serdes } from '../common/serde.ts'
import type { LiveEvent } from '../http/live/live-events.ts'
import type { LiveHub } from '../http/live/live-hub.ts'
import type { FetchedBatch, LogReader, LogRecord } from '../kafka/port.ts'
import { topics } from '../schemas/topics.ts'
import {
  Command,
  CommandResult,
  Device,
  DeviceState,
  Occupancy,
  RoomAverage,
  RuleEvaluation,
} from '../schemas/types.ts'
import { stores } from '../topology/store-names.ts'
import type { Platform } from './platform.ts'

const POLL_MS = 500
const RETRY_MS = 2_000
const MINUTE_MS = 60_000

/** A topic that the page is fed from: all of it where it holds the last value per key, else what is recent. */
interface Source {
  readonly topic: string
  readonly key: Serde<string>
  readonly sinceMs: number | undefined
  event(key: string, value: Buffer | null): LiveEvent | undefined
}

/**
 * Follows the topics that tell how the building fares and hands their changes to the live hub. It reads topics, not stores, so
 * that every process shows every room, whichever process has its tasks; the changelogs of the stores are such topics too.
 */
export class LiveFeed {
  readonly #platform: Platform
  readonly #hub: Pick<LiveHub, 'publish'>
  readonly #log: Logger
  readonly #sources: ReadonlyMap<string, Source>
  #reader: LogReader | undefined
  #running: Promise<void> | undefined
  #stopping = false

  constructor(platform: Platform, applicationId: string, hub: Pick<LiveHub, 'publish'>, log: Logger) {
    this.#platform = platform
    this.#hub = hub
    this.#log = log
    const list = feedSources(platform, applicationId)
    this.#sources = new Map(list.map((source) => [source.topic, source]))
  }

  /** The topics of the application must exist: call it when its client runs. */
  async start(): Promise<void> {
    const { kafka } = this.#platform
    const admin = kafka.admin()
    const described = await admin.describeTopics([...this.#sources.keys()])
    const positions = []
    for (const { name, partitions } of described.values()) {
      const all = Array.from({ length: partitions }, (_, partition) => ({ topic: name, partition }))
      const sinceMs = this.#sources.get(name)?.sinceMs
      const offsets =
        sinceMs === undefined
          ? await admin.beginningOffsets(all)
          : await admin.offsetsForTime(all.map((p) => ({ ...p, timestampMs: Date.now() - sinceMs })))
      for (const p of all) positions.push({ ...p, offset: offsets.get(`${p.topic}-${p.partition}`) ?? 0 })
    }
    this.#reader = kafka.createReader({ isolationLevel: 'read_committed' })
    await this.#reader.assign(positions)
    this.#running = this.#follow(this.#reader)
  }

  async stop(): Promise<void> {
    this.#stopping = true
    this.#reader?.wakeup()
    await this.#running
    await this.#reader?.close()
  }

  async #follow(reader: LogReader): Promise<void> {
    while (!this.#stopping) {
      try {
        for (const batch of await reader.poll(POLL_MS)) await this.#take(batch)
      } catch (error) {
        if (this.#stopping) return
        this.#log.warn({ err: asError(error) }, 'the live feed waits for the log')
        await new Promise((resolve) => setTimeout(resolve, RETRY_MS))
      }
    }
  }

  async #take({ topic, partition, records }: FetchedBatch): Promise<void> {
    const source = this.#sources.get(topic)
    if (source === undefined) return
    for (const record of records) {
      const event = await this.#decode(source, record)
      if (event !== undefined) this.#hub.publish({ ...event, id: `${topic}:${partition}:${record.offset}` })
    }
  }

  /** A record that cannot be read is left out: the page shows the others. */
  async #decode(source: Source, record: LogRecord): Promise<LiveEvent | undefined> {
    for (;;) {
      try {
        if (record.key === null) return undefined
        return source.event(source.key.deserialize(record.key, source.topic), record.value)
      } catch (error) {
        if (!(error instanceof SerdeNotReadyError)) {
          this.#log.debug({ err: error, topic: source.topic, offset: record.offset }, 'not shown: it cannot be read')
          return undefined
        }
        await error.ready
      }
    }
  }
}

function feedSources(platform: Platform, applicationId: string): readonly Source[] {
  const source = <T>(
    topic: string,
    serde: Serde<T>,
    sinceMs: number | undefined,
    event: (key: string, value: T | null) => LiveEvent | undefined,
  ): Source => ({
    topic,
    key: platform.key,
    sinceMs,
    event: (key, value) => event(key, value === null ? null : serde.deserialize(value, topic)),
  })
  const changelog = (store: string): string => `${applicationId}-${store}-changelog`
  return [
    source(topics.devices.name, platform.value(Device), undefined, (key, data) => ({ type: 'device', key, data })),
    source(changelog(stores.deviceStates), platform.value(DeviceState), undefined, (key, data) => ({
      type: 'device-state',
      key,
      data,
    })),
    {
      ...source(changelog(stores.occupancy), platform.value(Occupancy), undefined, (key, data) =>
        data === null ? undefined : { type: 'occupancy', key, data },
      ),
      key: serdes.string,
    },
    source(topics.roomAverages.name, platform.value(RoomAverage), 10 * MINUTE_MS, (key, data) =>
      data === null ? undefined : { type: 'room-average', key, data },
    ),
    source(topics.commands.name, platform.value(Command), 60 * MINUTE_MS, (key, data) =>
      data === null ? undefined : { type: 'command', key, data },
    ),
    source(topics.commandResults.name, platform.value(CommandResult), 60 * MINUTE_MS, (key, data) =>
      data === null ? undefined : { type: 'command-result', key, data },
    ),
    source(topics.ruleEvaluations.name, platform.value(RuleEvaluation), 360 * MINUTE_MS, (key, data) =>
      data === null ? undefined : { type: 'evaluation', key, data },
    ),
  ]
}
