import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { silentLogger } from '../../common/log.ts'
import type { KafkaProvider } from '../../kafka/port.ts'
import { EmbeddedRegistry } from '../../schemas/embedded-registry.ts'
import { RegistryClient } from '../../schemas/registry-client.ts'
import { openKafka } from '../platform.ts'
import type { BuildingSettings } from '../settings.ts'
import { stateDirectories } from '../state-directory.ts'
import type { ParsedCommandLine } from './arguments.ts'
import type { CommandContext } from './command.ts'
import { CliError } from './errors.ts'
import type { Output } from './output.ts'
import { loadTopology } from './topology-module.ts'

/** The context of one run, and how to close what it has opened. */
export function createContext(
  { options, operands, settings }: ParsedCommandLine,
  output: Output,
): { readonly context: CommandContext; close(): Promise<void> } {
  const closers: (() => Promise<unknown> | unknown)[] = []
  let kafka: Promise<KafkaProvider> | undefined
  let registry: Promise<RegistryClient> | undefined
  const stateDir = options['state-dir']
  const context: CommandContext = {
    settings,
    options,
    operands,
    output,
    kafka: () => (kafka ??= connectKafka(settings, (close) => closers.push(close))),
    registry: () => (registry ??= connectRegistry(settings, (close) => closers.push(close))),
    topology: () => loadTopology(typeof options['topology'] === 'string' ? options['topology'] : undefined),
    stateDirectories: async () => {
      const parents =
        typeof stateDir === 'string' ? [stateDir] : await stateDirectories(settings.dataDir, settings.kafkaBrokers)
      return parents.map((parent) => join(parent, settings.applicationId)).filter((directory) => existsSync(directory))
    },
  }
  return {
    context,
    close: async () => {
      for (const close of closers.reverse()) await close()
    },
  }
}

type Closes = (close: () => Promise<unknown> | unknown) => void

async function connectKafka(settings: BuildingSettings, closes: Closes): Promise<KafkaProvider> {
  const directory = join(settings.dataDir, 'log')
  if (settings.kafkaBrokers === undefined && !existsSync(directory))
    throw new CliError(
      `there is no embedded log in ${directory}: name its data directory (--data-dir), or a Kafka (--kafka-brokers)`,
    )
  const provider = openKafka(settings, silentLogger)
  closes(() => provider.close())
  await provider.connect()
  return provider
}

async function connectRegistry({ schemaRegistry, dataDir }: BuildingSettings, closes: Closes): Promise<RegistryClient> {
  const directory = join(dataDir, 'schemas')
  if (schemaRegistry === undefined && !existsSync(directory))
    throw new CliError(
      `there are no schemas in ${directory}: name its data directory (--data-dir), or a registry (--schema-registry)`,
    )
  const embedded = schemaRegistry === undefined ? await EmbeddedRegistry.start({ directory }) : undefined
  if (embedded !== undefined) closes(() => embedded.close())
  const client = new RegistryClient({ url: embedded?.url ?? (schemaRegistry as string) })
  closes(() => client.close())
  await client.subjects()
  return client
}
