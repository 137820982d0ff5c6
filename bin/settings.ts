import { type LoadedSettings, loadSettings, type SettingsOf } from '../common/config.ts'
import {
  boolean,
  choice,
  duration,
  integer,
  list,
  type Parsed,
  port,
  setting,
  show,
  text,
  url,
} from '../common/config-kinds.ts'
import { ConfigError } from '../common/errors.ts'
import type { LogLevel } from '../common/log.ts'
import { readMapping } from '../connectors/mqtt/mapping-file.ts'
import { INFLUXDB_SETTINGS } from './influxdb-settings.ts'
import { S3_SETTINGS, s3Problems } from './s3-settings.ts'
import { certificateProblem, kafkaNameProblem, timeZoneProblem } from './setting-checks.ts'
import { ZWAVE_DRIVERS } from './zwave-drivers.ts'

export interface HostAndPort {
  readonly host: string
  readonly port: number
}

/** `house` is the simulated house of 12 rooms, a number that many rooms of its kind, `none` leaves the field to real devices. */
export type Simulation = 'house' | 'none' | number

const LOG_LEVELS: readonly LogLevel[] = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent']
const TOPOLOGY_CHECKS = ['refuse', 'warn', 'off'] as const
const SASL_MECHANISMS = ['plain', 'scram-sha-256', 'scram-sha-512'] as const
const KNX_PORT = 3671
const MAX_SIMULATED_ROOMS = 3_000

/** Every setting of the building's programs. */
export const BUILDING_SETTINGS = {
  httpPort: port({ env: 'BROOK_HTTP_PORT', default: 8080, doc: 'Port of the HTTP interface and the web page.' }),
  httpHost: text({
    env: 'BROOK_HTTP_HOST',
    default: '127.0.0.1',
    kind: 'host',
    doc: 'Address that the HTTP interface listens on; one that others can reach needs a token.',
  }),
  httpToken: text({
    env: 'BROOK_HTTP_TOKEN',
    secret: true,
    doc: 'What clients must send as a bearer token; required when the HTTP interface can be reached from outside.',
    check: (token) => (token.length < 16 ? 'must have at least 16 characters' : undefined),
  }),
  advertisedUrl: url(['http', 'https'], {
    env: 'BROOK_ADVERTISED_URL',
    doc: 'Where other instances reach the HTTP interface of this one; needed when several share the rooms.',
  }),
  mqttPort: port({ env: 'BROOK_MQTT_PORT', default: 1883, doc: 'Port of the embedded MQTT broker.' }),
  mqttHost: text({
    env: 'BROOK_MQTT_HOST',
    default: '127.0.0.1',
    kind: 'host',
    doc: 'Address that the embedded MQTT broker listens on; one that others can reach needs a username and a password.',
  }),
  mqttUrl: url(['mqtt', 'mqtts', 'ws', 'wss'], {
    env: 'BROOK_MQTT_URL',
    doc: 'An MQTT broker to use in place of the embedded one.',
  }),
  mqttUsername: text({ env: 'BROOK_MQTT_USERNAME', doc: 'Username at the MQTT broker.' }),
  mqttPassword: text({ env: 'BROOK_MQTT_PASSWORD', secret: true, doc: 'Password at the MQTT broker.' }),
  mqttCa: text({
    env: 'BROOK_MQTT_CA',
    fromFile: true,
    kind: 'PEM text',
    doc: "Certificates to trust for the MQTT broker in place of the system's.",
    check: certificateProblem,
  }),
  mqttCert: text({
    env: 'BROOK_MQTT_CERT',
    fromFile: true,
    kind: 'PEM text',
    doc: 'Certificate to show to the MQTT broker, where it asks for one.',
    check: certificateProblem,
  }),
  mqttKey: text({
    env: 'BROOK_MQTT_KEY',
    secret: true,
    kind: 'PEM text',
    doc: 'Private key of that certificate.',
    check: (pem) => (pem.includes('PRIVATE KEY-----') ? undefined : 'must hold a private key in PEM form'),
  }),
  mqttWebsocketPort: port({
    env: 'BROOK_MQTT_WEBSOCKET_PORT',
    doc: 'Port of the embedded MQTT broker for websockets, which browsers need; none unless set.',
  }),
  mqttMapping: text({
    env: 'BROOK_MQTT_MAPPING',
    kind: 'file',
    doc: 'Rules of what MQTT messages become, in YAML or JSON; without it the two built-in forms.',
    check: mappingProblem,
  }),
  mqttShards: integer({
    env: 'BROOK_MQTT_SHARDS',
    default: 1,
    min: 1,
    max: 64,
    doc: 'Connections to the MQTT broker that share the topics of the mapping.',
  }),
  mqttShard: integer({
    env: 'BROOK_MQTT_SHARD',
    min: 1,
    max: 64,
    doc: 'Which of these connections this process has, from 1; without it, all.',
  }),
  mqttShardBy: choice(['filters', 'shared-subscriptions'] as const, {
    env: 'BROOK_MQTT_SHARD_BY',
    default: 'filters',
    doc: 'What the connections share: the topic filters, or by shared subscriptions the messages of each.',
  }),
  dataDir: text({
    env: 'BROOK_DATA_DIR',
    default: 'data',
    kind: 'directory',
    doc: 'Where the embedded log, schemas and local state are kept.',
  }),
  kafkaBrokers: list({
    env: 'BROOK_KAFKA_BROKERS',
    kind: 'host:port,…',
    doc: 'Kafka to run on; without it the embedded log is used, by one process only.',
    check: (brokers) => brokers.map(brokerProblem).find((problem) => problem !== undefined),
  }),
  schemaRegistry: url(['http', 'https'], {
    env: 'BROOK_SCHEMA_REGISTRY',
    doc: 'A Confluent-compatible schema registry; without it the embedded one is used.',
  }),
  kafkaSsl: boolean({ env: 'BROOK_KAFKA_SSL', default: false, doc: 'Speak TLS with the brokers.' }),
  kafkaSslCa: text({
    env: 'BROOK_KAFKA_SSL_CA',
    fromFile: true,
    kind: 'PEM text',
    doc: "Certificates to trust for the brokers in place of the system's.",
    check: certificateProblem,
  }),
  kafkaSaslMechanism: choice(SASL_MECHANISMS, {
    env: 'BROOK_KAFKA_SASL_MECHANISM',
    doc: 'How to log in at the brokers.',
  }),
  kafkaSaslUsername: text({ env: 'BROOK_KAFKA_SASL_USERNAME', doc: 'Username at the brokers.' }),
  kafkaSaslPassword: text({ env: 'BROOK_KAFKA_SASL_PASSWORD', secret: true, doc: 'Password at the brokers.' }),
  partitions: integer({
    env: 'BROOK_PARTITIONS',
    default: 4,
    min: 1,
    max: 1_000,
    doc: 'Partitions of the topics that are created; a bound on how many processes and threads can share the work.',
  }),
  applicationId: text({
    env: 'BROOK_APPLICATION_ID',
    default: 'building',
    doc: 'Name of the stream application: its consumer group and the prefix of its internal topics.',
    check: kafkaNameProblem,
  }),
  topologyCheck: choice(TOPOLOGY_CHECKS, {
    env: 'BROOK_TOPOLOGY_CHECK',
    default: 'refuse',
    doc: 'What to do at start when the stream application cannot go on from the state of the version that ran before.',
  }),
  simulate: setting<Simulation, Simulation>({
    env: 'BROOK_SIMULATE',
    default: 'house',
    kind: 'house, none or a number of rooms',
    doc: 'Which devices are simulated: a house of 12 rooms, a building of so many rooms, or none.',
    parse: parseSimulation,
  }),
  house: text({
    env: 'BROOK_HOUSE',
    kind: 'file',
    doc: 'Describes the rooms and devices of the building (JSON or YAML); they are made known at start.',
  }),
  knxGateway: setting<HostAndPort>({
    env: 'BROOK_KNX_GATEWAY',
    kind: 'host:port',
    doc: `KNXnet/IP gateway with tunnelling; the port is ${KNX_PORT} unless given.`,
    parse: parseGateway,
  }),
  knxGroups: text({
    env: 'BROOK_KNX_GROUPS',
    kind: 'file',
    doc: 'Group addresses exported from ETS (CSV or XML), whose devices and rooms are made known at start; how is told by a file of the same name that ends in .yaml.',
  }),
  zwavePort: text({
    env: 'BROOK_ZWAVE_PORT',
    kind: 'serial port or tcp://host:port',
    doc: 'The Z-Wave stick.',
    check: (path) =>
      /^(\/\S+|COM\d+|tcp:\/\/[^\s:/]+:\d+)$/.test(path)
        ? undefined
        : `must be a serial port (/dev/…) or tcp://host:port, got ${show(path)}`,
  }),
  zwaveDriver: choice(ZWAVE_DRIVERS, {
    env: 'BROOK_ZWAVE_DRIVER',
    default: 'zwave-js',
    doc: 'What drives the Z-Wave stick; openzwave is the native library, built by `npm run openzwave`.',
  }),
  deviceSilentAfter: duration({
    env: 'BROOK_DEVICE_SILENT_AFTER',
    default: 600_000,
    minMs: 1_000,
    doc: 'A sensor is unavailable when it has been silent for three times its usual interval, but never before this time.',
  }),
  timeZone: text({
    env: 'BROOK_TIME_ZONE',
    default: 'Europe/Zurich',
    kind: 'IANA time zone',
    doc: 'What the hours of the rules mean, unless a room says otherwise.',
    check: timeZoneProblem,
  }),
  ...S3_SETTINGS,
  ...INFLUXDB_SETTINGS,
  logLevel: choice(LOG_LEVELS, {
    env: 'BROOK_LOG_LEVEL',
    default: 'info',
    doc: 'The least important lines that are logged.',
  }),
} as const

export type BuildingSettings = SettingsOf<typeof BUILDING_SETTINGS>

/** Variables of the same family that the tests and tools read. */
const TOOL_VARIABLES = ['BROOK_CACHE_DIR', 'BROOK_OPENZWAVE', 'BROOK_TEST_BROKERS', 'BROOK_TEST_REGISTRY']

/** @throws {ConfigError} with every problem at once. */
export function loadBuildingSettings(
  args: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
  readFile?: (path: string) => string,
  furtherProblems: (settings: BuildingSettings) => readonly string[] = () => [],
): LoadedSettings<typeof BUILDING_SETTINGS> {
  return loadSettings(BUILDING_SETTINGS, {
    args,
    env,
    check: (settings) => [...combinationProblems(settings), ...furtherProblems(settings)],
    envPrefix: 'BROOK_',
    foreignEnv: TOOL_VARIABLES,
    ...(readFile ? { readFile } : {}),
  })
}

/** What is wrong with settings that are fine each by itself. */
export function combinationProblems(settings: BuildingSettings): string[] {
  const rules: readonly (readonly [isBroken: boolean, problem: string])[] = [
    [
      !isLoopback(settings.httpHost) && settings.httpToken === undefined,
      `BROOK_HTTP_TOKEN is required when BROOK_HTTP_HOST (${settings.httpHost}) can be reached from outside`,
    ],
    [
      !isLoopback(settings.mqttHost) &&
        settings.mqttUrl === undefined &&
        (settings.mqttUsername === undefined || settings.mqttPassword === undefined),
      `BROOK_MQTT_USERNAME and BROOK_MQTT_PASSWORD are required when BROOK_MQTT_HOST (${settings.mqttHost}) can be reached from outside`,
    ],
    [
      settings.knxGroups !== undefined && settings.knxGateway === undefined,
      'BROOK_KNX_GROUPS is set without BROOK_KNX_GATEWAY, behind which its group addresses are',
    ],
    [
      settings.mqttPassword !== undefined && settings.mqttUsername === undefined,
      'BROOK_MQTT_PASSWORD is set without BROOK_MQTT_USERNAME',
    ],
    [
      (settings.mqttCa ?? settings.mqttCert ?? settings.mqttKey) !== undefined && !isSecureMqtt(settings.mqttUrl),
      'BROOK_MQTT_CA, BROOK_MQTT_CERT and BROOK_MQTT_KEY are for a BROOK_MQTT_URL that begins with mqtts:// or wss://',
    ],
    [
      (settings.mqttCert === undefined) !== (settings.mqttKey === undefined),
      'BROOK_MQTT_CERT and BROOK_MQTT_KEY go together: one of them is missing',
    ],
    [
      settings.mqttShard !== undefined && settings.mqttShard > settings.mqttShards,
      `BROOK_MQTT_SHARD is ${settings.mqttShard}, but there are ${settings.mqttShards} (BROOK_MQTT_SHARDS)`,
    ],
    [
      settings.mqttShardBy === 'shared-subscriptions' && settings.mqttUrl === undefined,
      'BROOK_MQTT_SHARD_BY=shared-subscriptions needs a broker of your own (BROOK_MQTT_URL): the embedded one has none',
    ],
    [
      settings.kafkaBrokers !== undefined && settings.schemaRegistry === undefined,
      'BROOK_SCHEMA_REGISTRY is required with BROOK_KAFKA_BROKERS: processes that share topics must share the schemas too',
    ],
    [
      settings.kafkaSaslMechanism !== undefined &&
        (settings.kafkaSaslUsername === undefined || settings.kafkaSaslPassword === undefined),
      'BROOK_KAFKA_SASL_MECHANISM needs BROOK_KAFKA_SASL_USERNAME and BROOK_KAFKA_SASL_PASSWORD',
    ],
    [
      settings.kafkaSaslMechanism === undefined &&
        (settings.kafkaSaslUsername !== undefined || settings.kafkaSaslPassword !== undefined),
      'BROOK_KAFKA_SASL_USERNAME or BROOK_KAFKA_SASL_PASSWORD is set without BROOK_KAFKA_SASL_MECHANISM',
    ],
    [
      settings.kafkaSslCa !== undefined && !settings.kafkaSsl,
      'BROOK_KAFKA_SSL_CA is set, but BROOK_KAFKA_SSL is not true',
    ],
  ]
  return [...rules.filter(([isBroken]) => isBroken).map(([, problem]) => problem), ...s3Problems(settings)]
}

export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127(\.\d{1,3}){3}$/.test(host)
}

function isSecureMqtt(mqttUrl: string | undefined): boolean {
  return mqttUrl !== undefined && /^(mqtts|wss):/.test(mqttUrl)
}

function mappingProblem(path: string): string | undefined {
  try {
    readMapping(path)
    return undefined
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    return `is no mapping that can be used:\n${error.problems.map((problem) => `    ${problem}`).join('\n')}`
  }
}

function brokerProblem(broker: string): string | undefined {
  const match = /^(\[[0-9a-fA-F:]+\]|[^\s:/]+):(\d{1,5})$/.exec(broker)
  const isPort = match !== null && Number(match[2]) >= 1 && Number(match[2]) <= 65_535
  return isPort ? undefined : `must be host:port with commas between, got ${show(broker)}`
}

function parseSimulation(raw: unknown): Parsed<Simulation> {
  if (raw === 'house' || raw === 'none') return { value: raw }
  const rooms = typeof raw === 'number' ? raw : /^\d+$/.test(String(raw)) ? Number(raw) : Number.NaN
  if (Number.isInteger(rooms) && rooms >= 1 && rooms <= MAX_SIMULATED_ROOMS) return { value: rooms }
  return { problem: `must be house, none or a number of rooms up to ${MAX_SIMULATED_ROOMS}, got ${show(raw)}` }
}

export function parseGateway(raw: unknown): Parsed<HostAndPort> {
  const match = /^([^\s:/]+)(?::(\d{1,5}))?$/.exec(String(raw))
  const gatewayPort = Number(match?.[2] ?? KNX_PORT)
  if (match?.[1] && gatewayPort >= 1 && gatewayPort <= 65_535) return { value: { host: match[1], port: gatewayPort } }
  return { problem: `must be host or host:port, got ${show(raw)}` }
}
