import { join } from 'node:path'
import type { Logger } from '../common/log.ts'
import type { Serde } from '../common/serde.ts'
import { createEmbeddedProvider } from '../kafka/embedded.ts'
import { createKafkaProvider } from '../kafka/kafkajs.ts'
import type { KafkaProvider } from '../kafka/port.ts'
import { avro, avroString } from '../schemas/avro-serde.ts'
import type { AvroType } from '../schemas/avro-type.ts'
import { EmbeddedRegistry } from '../schemas/embedded-registry.ts'
import { RegistryClient } from '../schemas/registry-client.ts'
import { topicPlans } from '../schemas/topics.ts'
import { untilAvailable } from './available.ts'
import type { Dependency } from './readiness.ts'
import type { BuildingSettings } from './settings.ts'

/** What every program of the building stands on: a Kafka, a schema registry, and the serdes that use it. */
export interface Platform {
  readonly kafka: KafkaProvider
  readonly registry: RegistryClient
  readonly key: Serde<string>
  value<T>(type: AvroType<T>): Serde<T>
  close(): Promise<void>
}

/**
 * Opens the embedded log and registry, or connects to Kafka and the registry of the settings; waits for servers that are not there
 * yet, and says through `onWait` which and why. Creates the building's topics.
 */
export async function openPlatform(
  settings: BuildingSettings,
  log: Logger,
  signal: AbortSignal,
  onWait: (name: Dependency, reason: string) => void = () => {},
): Promise<Platform> {
  const kafka = openKafka(settings, log)
  const admin = kafka.admin()
  const forKafka = (reason: string): void => onWait('kafka', reason)
  await untilAvailable('Kafka', () => kafka.connect(), log, signal, forKafka)
  const embedded =
    settings.schemaRegistry === undefined
      ? await EmbeddedRegistry.start({ directory: join(settings.dataDir, 'schemas'), log })
      : undefined
  const registry = new RegistryClient({ url: embedded?.url ?? (settings.schemaRegistry as string) })
  const forRegistry = (reason: string): void => onWait('schema-registry', reason)
  await untilAvailable('Schema registry', () => registry.subjects(), log, signal, forRegistry)
  await untilAvailable('Kafka', () => admin.createTopics(topicPlans(settings.partitions)), log, signal, forKafka)
  log.info({ kafka: kafka.description, registry: registry.url }, 'log and schema registry are there')
  return {
    kafka,
    registry,
    key: avroString({ registry }),
    value: (type) => avro(type, { registry }),
    async close() {
      registry.close()
      await embedded?.close()
      await kafka.close()
    },
  }
}

/** The embedded log, or the Kafka of the settings; nothing is asked of either yet. */
export function openKafka(settings: BuildingSettings, log: Logger): KafkaProvider {
  const { kafkaBrokers: brokers } = settings
  if (brokers === undefined) return createEmbeddedProvider({ directory: join(settings.dataDir, 'log'), logger: log })
  const { kafkaSsl, kafkaSslCa, kafkaSaslMechanism, kafkaSaslUsername, kafkaSaslPassword } = settings
  return createKafkaProvider({
    brokers: [...brokers],
    clientId: settings.applicationId,
    logger: log,
    ...(kafkaSsl ? { ssl: kafkaSslCa === undefined ? true : { ca: [kafkaSslCa] } } : {}),
    ...(kafkaSaslMechanism && kafkaSaslUsername && kafkaSaslPassword
      ? { sasl: { mechanism: kafkaSaslMechanism, username: kafkaSaslUsername, password: kafkaSaslPassword } }
      : {}),
  })
}
