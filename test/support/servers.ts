import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ensureJavaAndMaven, ensureParts, type PartName } from '../../scripts/servers/apt.ts'
import { MissingPartError } from '../../scripts/servers/errors.ts'
import { KafkaCluster } from '../../scripts/servers/kafka-broker.ts'
import { SchemaRegistryServer } from '../../scripts/servers/registry.ts'

/** What the tests start by themselves. */
const PROGRAMS: readonly PartName[] = [
  'mosquitto',
  'mosquitto-clients',
  'knxd',
  'knxd-tools',
  'kcat',
  'socat',
  'mariadb',
  'mariadb-client',
  'influxdb',
]

/**
 * Runs once before the integration tests: gets the programs that they need, starts one Kafka broker and one schema registry
 * on free ports, and tells their addresses to the tests in `BROOK_TEST_BROKERS` and `BROOK_TEST_REGISTRY`. Servers named
 * there already are used as they are.
 */
export default async function setup(): Promise<() => Promise<void>> {
  const startedMs = performance.now()
  const directory = await mkdtemp(join(tmpdir(), 'brook-servers-'))
  const stops: (() => Promise<void>)[] = []
  const stopAll = async () => {
    await Promise.all(stops.map((stop) => stop()))
    await rm(directory, { recursive: true, force: true, maxRetries: 5 })
  }
  const results = await Promise.allSettled([
    ensureParts(PROGRAMS, say),
    startKafka(join(directory, 'kafka'), stops),
    startRegistry(join(directory, 'registry'), stops),
  ])
  const failures = results.flatMap((result) => (result.status === 'rejected' ? [result.reason] : []))
  if (failures.length > 0) {
    await stopAll()
    throw asOneError(failures)
  }
  say(`servers are ready after ${((performance.now() - startedMs) / 1000).toFixed(1)} s`)
  return stopAll
}

async function startKafka(directory: string, stops: (() => Promise<void>)[]): Promise<void> {
  if (process.env['BROOK_TEST_BROKERS']) return say(`using Kafka at ${process.env['BROOK_TEST_BROKERS']}`)
  await ensureJavaAndMaven(say)
  const kafka = await KafkaCluster.start({ directory, progress: say })
  stops.push(() => kafka.stop())
  process.env['BROOK_TEST_BROKERS'] = kafka.brokers
}

async function startRegistry(directory: string, stops: (() => Promise<void>)[]): Promise<void> {
  if (process.env['BROOK_TEST_REGISTRY']) return say(`using the registry at ${process.env['BROOK_TEST_REGISTRY']}`)
  await ensureJavaAndMaven(say)
  const registry = await SchemaRegistryServer.start({ directory, progress: say })
  stops.push(() => registry.stop())
  process.env['BROOK_TEST_REGISTRY'] = registry.url
}

/** Missing parts are one clear line each, without a stack trace; anything else keeps its own. */
function asOneError(failures: readonly unknown[]): Error {
  const errors = failures.map((failure) => (failure instanceof Error ? failure : new Error(String(failure))))
  const first = errors[0] as Error
  if (errors.length === 1 && !(first instanceof MissingPartError)) return first
  const lines = [...new Set(errors.map((error) => error.message))]
  const combined = new Error(`the integration tests cannot run: ${lines.join('; ')}`)
  combined.stack = combined.message
  return combined
}

function say(line: string): void {
  console.log(`[servers] ${line}`)
}
