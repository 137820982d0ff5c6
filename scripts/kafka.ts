import { mkdir } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { BrookError, ConfigError } from '../common/errors.ts'
import { ensureJavaAndMaven } from './servers/apt.ts'
import { ConnectServer } from './servers/connect.ts'
import { KafkaCluster } from './servers/kafka-broker.ts'
import { isFree } from './servers/ports.ts'
import { SchemaRegistryServer } from './servers/registry.ts'

const HELP = `Starts a real Apache Kafka and a schema registry on 127.0.0.1, without Docker.
They need Java 17 or later and Maven, and are fetched from Maven Central the first time.

Usage: npm run kafka -- [options]
  --port <port>           of the first broker; the next ones are 10 above each other (default 9092)
  --nodes <1|3>           brokers; three replicate everything (default 1)
  --registry-port <port>  of the schema registry (default 8081)
  --connect               also a worker of Kafka Connect, with Debezium for MariaDB
  --connect-port <port>   of its REST interface (default 8083)
  --data <directory>      where topics and schemas are kept (default data/kafka)
  --help                  shows this
`

interface Arguments {
  readonly port: number
  readonly nodes: 1 | 3
  readonly registryPort: number
  readonly connectPort: number | undefined
  readonly directory: string
}

function readArguments(args: readonly string[]): Arguments | 'help' {
  const { values } = parseArgs({
    args: [...args],
    options: {
      port: { type: 'string', default: '9092' },
      nodes: { type: 'string', default: '1' },
      'registry-port': { type: 'string', default: '8081' },
      connect: { type: 'boolean', default: false },
      'connect-port': { type: 'string', default: '8083' },
      data: { type: 'string', default: join('data', 'kafka') },
      help: { type: 'boolean', short: 'h', default: false },
    },
  })
  if (values.help) return 'help'
  const problems: string[] = []
  const port = (name: 'port' | 'registry-port' | 'connect-port') => {
    const number = Number(values[name])
    if (!Number.isInteger(number) || number < 1 || number > 65_000)
      problems.push(`--${name} must be a port between 1 and 65000, got ${values[name]}`)
    return number
  }
  const nodes = Number(values.nodes)
  if (nodes !== 1 && nodes !== 3) problems.push(`--nodes must be 1 or 3, got ${values.nodes}`)
  const read = {
    port: port('port'),
    registryPort: port('registry-port'),
    connectPort: values.connect ? port('connect-port') : undefined,
    directory: resolve(values.data),
  }
  if (problems.length > 0) throw new ConfigError(problems)
  return { ...read, nodes: nodes === 3 ? 3 : 1 }
}

async function checkPorts({ port, nodes, registryPort, connectPort }: Arguments): Promise<void> {
  const brokers = Array.from({ length: nodes }, (_, i) => [port + 10 * i, port + 10 * i + 1]).flat()
  const taken: string[] = []
  for (const number of [...brokers, registryPort, ...(connectPort === undefined ? [] : [connectPort])]) {
    if (!(await isFree(number)))
      taken.push(`port ${number} of 127.0.0.1 is in use: choose another with --port, --registry-port or --connect-port`)
  }
  if (taken.length > 0) throw new ConfigError(taken)
}

async function main(): Promise<void> {
  const args = readArguments(process.argv.slice(2))
  if (args === 'help') {
    process.stdout.write(HELP)
    return
  }
  await checkPorts(args)
  await ensureJavaAndMaven(console.log)
  // One folder for each size: the members of a quorum are written into its data.
  const directory = join(args.directory, `${args.nodes}-node${args.nodes === 1 ? '' : 's'}`)
  await mkdir(directory, { recursive: true })
  const stops: (() => Promise<void>)[] = []
  console.log(`starting Kafka (${args.nodes} ${args.nodes === 1 ? 'node' : 'nodes'}) and the schema registry`)
  const started = await Promise.allSettled([
    KafkaCluster.start({
      directory,
      nodes: args.nodes,
      port: args.port,
      maxHeapMb: 1024,
      optimise: true,
      progress: console.log,
    }),
    SchemaRegistryServer.start({
      directory: join(directory, 'registry'),
      port: args.registryPort,
      storage: 'file',
      progress: console.log,
    }),
  ])
  for (const server of started) if (server.status === 'fulfilled') stops.push(() => server.value.stop())
  const [kafka, registry] = started
  if (kafka.status === 'rejected' || registry.status === 'rejected') {
    await Promise.all(stops.map((stop) => stop()))
    throw kafka.status === 'rejected' ? kafka.reason : (registry as PromiseRejectedResult).reason
  }
  const connect = await startConnect(args, directory, kafka.value, registry.value).catch(async (error: unknown) => {
    await Promise.all(stops.map((stop) => stop()))
    throw error
  })
  console.log(`
Kafka and the schema registry are ready; their data are in ${directory}. In another terminal:

export BROOK_KAFKA_BROKERS=${kafka.value.brokers} BROOK_SCHEMA_REGISTRY=${registry.value.url}
npm start
${connect ? `\nKafka Connect is at ${connect.url}, its connectors' secrets in ${join(directory, 'connect', 'secrets')}\n` : ''}
press Ctrl-C to stop`)
  await firstSignal()
  console.log('\nstopping')
  if (connect) await connect.stop()
  await Promise.all(stops.map((stop) => stop()))
}

/** Connectors find MARIADB_HOST and MARIADB_PORT in the environment that this was started with. */
async function startConnect(
  { connectPort: port, nodes }: Arguments,
  directory: string,
  kafka: KafkaCluster,
  registry: SchemaRegistryServer,
): Promise<ConnectServer | undefined> {
  if (port === undefined) return undefined
  console.log('starting Kafka Connect')
  return ConnectServer.start({
    directory: join(directory, 'connect'),
    brokers: kafka.brokers,
    port,
    env: {
      CONNECT_REPLICATION_FACTOR: String(nodes),
      APICURIO_REGISTRY: `${new URL(registry.url).origin}/apis/registry/v2`,
    },
    progress: console.log,
  })
}

/** Before it is called a signal ends the process at once, and the servers with it; after the first one a second does. */
function firstSignal(): Promise<void> {
  return new Promise((resolve) => {
    let seen = false
    const handle = () => {
      if (seen) process.exit(130)
      seen = true
      resolve()
    }
    process.on('SIGINT', handle)
    process.on('SIGTERM', handle)
  })
}

try {
  await main()
  process.exit(0)
} catch (error) {
  const known = error instanceof BrookError || (error instanceof TypeError && 'code' in error)
  console.error(known ? error.message : error)
  process.exit(1)
}
