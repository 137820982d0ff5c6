import type { AvroType } from './avro-type.ts'
import {
  Command,
  CommandResult,
  DeadLetter,
  Device,
  Occupancy,
  Reading,
  RoomAverage,
  RoomRules,
  RuleEvaluation,
} from './types.ts'

/** What the records of a topic are keyed by. Ids are Avro strings; `original` is the key of the input, byte for byte, or null. */
export type TopicKey = 'deviceId' | 'roomId' | 'original'

export interface BuildingTopic<T> {
  readonly name: string
  readonly key: TopicKey
  readonly value: AvroType<T>
  /** `compact` keeps the last value per key for good; `delete` keeps everything for `retentionMs`. */
  readonly cleanup: 'compact' | 'delete'
  readonly retentionMs?: number
}

const DAY_MS = 86_400_000

function kept<T>(name: string, key: TopicKey, value: AvroType<T>, days: number): BuildingTopic<T> {
  return { name, key, value, cleanup: 'delete', retentionMs: days * DAY_MS }
}

function compacted<T>(name: string, key: TopicKey, value: AvroType<T>): BuildingTopic<T> {
  return { name, key, value, cleanup: 'compact' }
}

/** The topics of the building. */
export const topics = {
  /** What devices measured or are set to. */
  readings: kept('building.readings', 'deviceId', Reading, 7),
  /** Orders to devices; void after their expiry, kept for looking back. */
  commands: kept('building.commands', 'deviceId', Command, 7),
  /** What became of commands. */
  commandResults: kept('building.command-results', 'deviceId', CommandResult, 7),
  /** The devices that there are; a tombstone takes one away. */
  devices: compacted('building.devices', 'deviceId', Device),
  /** The rules of each room; a tombstone goes back to the defaults. */
  rules: compacted('building.rules', 'roomId', RoomRules),
  /** Windowed averages per room. */
  roomAverages: kept('building.room-averages', 'roomId', RoomAverage, 30),
  /** Who is present where: one record per change. */
  occupancy: kept('building.occupancy', 'roomId', Occupancy, 30),
  /** Every evaluation of a rule, and why it did or did not fire. */
  ruleEvaluations: kept('building.rule-evaluations', 'roomId', RuleEvaluation, 7),
  /** Input that could not be used. */
  deadLetters: kept('building.dead-letters', 'original', DeadLetter, 30),
} as const

/** Partitions of each topic unless configured: all have the same number, so that those with the same key can be joined. */
export const DEFAULT_PARTITIONS = 4

export interface TopicPlan {
  readonly name: string
  readonly partitions: number
  /** Kafka's topic settings. */
  readonly configs: Readonly<Record<string, string>>
}

/** How each topic is to be created. */
export function topicPlans(partitions: number = DEFAULT_PARTITIONS): TopicPlan[] {
  return Object.values(topics).map(({ name, cleanup, retentionMs }: BuildingTopic<unknown>) => ({
    name,
    partitions,
    configs: {
      'cleanup.policy': cleanup,
      ...(retentionMs === undefined ? {} : { 'retention.ms': String(retentionMs) }),
    },
  }))
}
