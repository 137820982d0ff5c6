import type { AppOptions } from '../jobs/app.ts'

export interface BenchCase {
  readonly name: string
  readonly keys: 1_000 | 100_000
  readonly engine: 'brook' | 'kafka-streams'
  readonly options: Omit<AppOptions, 'brokers' | 'topic' | 'records'>
}

type Options = BenchCase['options']

const average = (guarantee: Options['guarantee'], cacheMaxBytes?: number): Options => ({
  job: 'average',
  guarantee,
  ...(cacheMaxBytes === undefined ? {} : { cacheMaxBytes }),
})

const JOBS: readonly (readonly [name: string, keys: BenchCase['keys'], options: Options])[] = [
  ['average, 1,000 keys', 1_000, average('at_least_once')],
  ['average, 1,000 keys, exactly once', 1_000, average('exactly_once')],
  ['average, 1,000 keys, no record cache', 1_000, average('at_least_once', 0)],
  ['average, 100,000 keys', 100_000, average('at_least_once')],
  ['average, 100,000 keys, exactly once', 100_000, average('exactly_once')],
  ['average, 100,000 keys, no record cache', 100_000, average('at_least_once', 0)],
  ['average, 1,000 keys, 2 threads', 1_000, { ...average('at_least_once'), threads: 2 }],
  ['average, 100,000 keys, 2 threads', 100_000, { ...average('at_least_once'), threads: 2 }],
  ['pass through (decode, encode, write)', 1_000, { job: 'passthrough', guarantee: 'at_least_once' }],
  ['map and filter, no output', 1_000, { job: 'map-filter', guarantee: 'at_least_once' }],
]

/** The engine alone, through the test driver: no Kafka, no disk. */
export interface DriverCase {
  readonly name: string
  readonly keys: 1_000
  readonly engine: 'driver'
  /** After every record, as the driver does it by itself, or after every 10,000. */
  readonly commit: 'each' | 'some'
}

export const DRIVER_CASES: readonly DriverCase[] = [
  {
    name: 'test driver: average, 1,000 keys, commit after every record',
    keys: 1_000,
    engine: 'driver',
    commit: 'each',
  },
  {
    name: 'test driver: average, 1,000 keys, commit after every 10,000',
    keys: 1_000,
    engine: 'driver',
    commit: 'some',
  },
]

/** The way of MQTT messages of QoS 1 into Kafka, acknowledged only when they are there. */
export interface MqttCase {
  readonly name: string
  readonly engine: 'mqtt'
  /** `embedded` runs in the connector's process. */
  readonly broker: 'mosquitto' | 'embedded'
  /** Messages per run, as a part of the records of the other cases. */
  readonly share: number
}

export const MQTT_CASES: readonly MqttCase[] = [
  { name: 'MQTT connector, Mosquitto, QoS 1', engine: 'mqtt', broker: 'mosquitto', share: 1 / 10 },
  { name: 'MQTT connector with the embedded broker, QoS 1', engine: 'mqtt', broker: 'embedded', share: 1 / 40 },
]

/** A client that starts without its state: the restore of a store of `count` from its changelog, each key in it once. */
export interface RestoreCase {
  readonly name: string
  readonly keys: 1_000_000
  readonly engine: 'restore' | 'restore-kafka-streams'
}

/** With `jvm` on Kafka Streams too. */
export function restoreCases(jvm: boolean): readonly RestoreCase[] {
  const name = 'restore of a store of 1,000,000 keys'
  return [
    { name, keys: 1_000_000, engine: 'restore' },
    ...(jvm ? [{ name: `${name}: Kafka Streams`, keys: 1_000_000, engine: 'restore-kafka-streams' } as const] : []),
  ]
}

/** Every case on Kafka, in the order of the table; with `jvm` each one on Kafka Streams too. */
export function cases(jvm: boolean): readonly BenchCase[] {
  return JOBS.flatMap(([name, keys, options]): BenchCase[] => [
    { name, keys, engine: 'brook', options },
    ...(jvm ? [{ name: `${name}: Kafka Streams`, keys, engine: 'kafka-streams' as const, options }] : []),
  ])
}
