import { openPlatform, type Platform } from '../../bin/platform.ts'
import { publishHouse } from '../../bin/publish-house.ts'
import { loadBuildingSettings } from '../../bin/settings.ts'
import { SerdeNotReadyError } from '../../common/errors.ts'
import { silentLogger } from '../../common/log.ts'
import type { Serde } from '../../common/serde.ts'
import { type BuildingTopic, topics } from '../../schemas/topics.ts'
import { type HouseConfig, housePublications } from '../../topology/rooms-config.ts'

/** A record of one of the building's topics as people read it. */
export interface TopicRecord<T> {
  readonly key: string
  readonly value: T
  readonly partition: number
  readonly offset: number
  readonly timestampMs: number
}

/**
 * The log of a building with these settings, opened from outside the building: the embedded one can be opened only while the
 * building does not run.
 */
export async function withLog<R>(
  env: Readonly<Record<string, string>>,
  use: (log: BuildingLog) => Promise<R>,
): Promise<R> {
  const { settings } = loadBuildingSettings([], env)
  const platform = await openPlatform(settings, silentLogger, AbortSignal.timeout(30_000))
  try {
    return await use(new BuildingLog(platform))
  } finally {
    await platform.close()
  }
}

export class BuildingLog {
  readonly platform: Platform

  constructor(platform: Platform) {
    this.platform = platform
  }

  /** Every record of a topic that committed transactions and plain producers have written; per partition in order. */
  async read<T>(topic: BuildingTopic<T>): Promise<readonly TopicRecord<T>[]> {
    const { kafka, key } = this.platform
    const value = this.platform.value(topic.value)
    const admin = kafka.admin()
    const count = (await admin.describeTopics([topic.name])).get(topic.name)?.partitions ?? 0
    const partitions = Array.from({ length: count }, (_, partition) => ({ topic: topic.name, partition }))
    const begins = await admin.beginningOffsets(partitions)
    const reader = kafka.createReader({ isolationLevel: 'read_committed' })
    const records: TopicRecord<T>[] = []
    try {
      await reader.assign(partitions.map((p) => ({ ...p, offset: begins.get(`${p.topic}-${p.partition}`) ?? 0 })))
      while (partitions.some((p) => reader.lag(p) !== 0)) {
        for (const batch of await reader.poll(200)) {
          for (const record of batch.records) {
            if (record.value === null) continue
            records.push({
              // Dead letters have the key of the input, whatever that was.
              key:
                topic.key === 'original' || record.key === null
                  ? String(record.key)
                  : await decode(key, record.key, topic.name),
              value: await decode(value, record.value, topic.name),
              partition: batch.partition,
              offset: record.offset,
              timestampMs: record.timestampMs,
            })
          }
        }
      }
      return records
    } finally {
      await reader.close()
    }
  }

  /** Commands that the rules have given, as against those of people. */
  async ruleCommands() {
    return (await this.read(topics.commands)).filter(({ value }) => value.issuer.startsWith('rule:'))
  }

  /** Makes a house known, as an installer does. */
  async publish(house: HouseConfig): Promise<void> {
    const { kafka, key, value } = this.platform
    const { devices, rules } = housePublications(house)
    await publishHouse(kafka, key, [
      ...devices.map((device) => ({
        topic: topics.devices.name,
        key: device.deviceId,
        value: device,
        serde: value(topics.devices.value) as Serde<object>,
      })),
      ...rules.map((room) => ({
        topic: topics.rules.name,
        key: room.roomId,
        value: room,
        serde: value(topics.rules.value) as Serde<object>,
      })),
    ])
  }
}

async function decode<T>(serde: Serde<T>, bytes: Buffer, topic: string): Promise<T> {
  for (;;) {
    try {
      return serde.deserialize(bytes, topic)
    } catch (error) {
      if (!(error instanceof SerdeNotReadyError)) throw error
      await error.ready
    }
  }
}
