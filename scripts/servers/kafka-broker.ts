import { existsSync } from 'node:fs'
import { mkdir, writeFile } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import { ServerStartError } from './errors.ts'
import { type Java, KAFKA_JAVA, requireJava } from './java.ts'
import { askForBrokers } from './kafka-probe.ts'
import {
  KAFKA_TEST_USERS,
  type KafkaNodePorts,
  type KafkaNodeSettings,
  KEYSTORE_PASSWORD,
  kafkaProperties,
} from './kafka-properties.ts'
import { kafkaJars, type Progress } from './maven.ts'
import { freePorts } from './ports.ts'
import { lastLines, run } from './run.ts'
import { ServerProcess } from './server-process.ts'

/** 16 bytes in URL base64. Fixed, so that a data directory can be started again. */
const CLUSTER_ID = 'MkU3OEVBNTcwNTJENDM2Qg'

const JVM = [
  '-XX:+UseSerialGC',
  '-XX:TieredStopAtLevel=1',
  '-Xshare:auto',
  '-Djava.awt.headless=true',
  '-Dorg.slf4j.simpleLogger.defaultLogLevel=warn',
  '-Dorg.slf4j.simpleLogger.showDateTime=true',
]

export interface KafkaClusterOptions {
  /** Each node keeps its data, settings and log in a folder here. A directory that was used before is taken up again. */
  readonly directory: string
  /** 1 (default) or 3; with three, everything is replicated three times and two must acknowledge. */
  readonly nodes?: 1 | 3
  /** Node i listens at `port + 10 * i`, its controller one above. Free ports where this is not given. */
  readonly port?: number
  /** Adds SASL_PLAINTEXT listeners (`KAFKA_TEST_USERS`). */
  readonly sasl?: boolean
  /** Adds SASL_SSL listeners with a certificate made for 127.0.0.1 and localhost. */
  readonly tls?: boolean
  /** More lines of `server.properties`, or other values for those that are there. */
  readonly properties?: Readonly<Record<string, string>>
  readonly maxHeapMb?: number
  /** The compiler's optimising tier costs CPU at the start and pays off under load: for benchmarks. */
  readonly optimise?: boolean
  readonly progress?: Progress
}

/** A real Apache Kafka in KRaft mode on 127.0.0.1, of one or three nodes that are broker and controller at once. */
export class KafkaCluster {
  readonly #options: KafkaClusterOptions
  readonly #java: Java
  readonly #jars: string
  readonly #ports: readonly KafkaNodePorts[]
  readonly #processes: (ServerProcess | undefined)[]

  private constructor(options: KafkaClusterOptions, java: Java, jars: string, ports: readonly KafkaNodePorts[]) {
    this.#options = options
    this.#java = java
    this.#jars = jars
    this.#ports = ports
    this.#processes = ports.map(() => undefined)
  }

  /** Resolves when every node answers and knows all others. @throws {MissingPartError | ServerStartError} */
  static async start(given: KafkaClusterOptions): Promise<KafkaCluster> {
    const options = { ...given, directory: resolve(given.directory) }
    const [java, jars, ports] = await Promise.all([
      requireJava(KAFKA_JAVA, 'Kafka'),
      kafkaJars(options.progress ?? (() => undefined)),
      choosePorts(options),
    ])
    const cluster = new KafkaCluster(options, java, jars, ports)
    try {
      if (options.tls) await cluster.#makeKeystore()
      await Promise.all(ports.map((_, index) => cluster.#format(index)))
      await Promise.all(ports.map((_, index) => cluster.#launch(index)))
      await Promise.all(ports.map((_, index) => cluster.#waitUntilReady(index, ports.length)))
    } catch (error) {
      await cluster.kill()
      throw error
    }
    return cluster
  }

  get size(): number {
    return this.#ports.length
  }

  /** `host:port,…` of the plain listeners. */
  get brokers(): string {
    return this.#ports.map((ports) => `127.0.0.1:${ports.plaintext}`).join(',')
  }

  /** `host:port,…` of the SASL_PLAINTEXT listeners; only with `sasl`. */
  get saslBrokers(): string {
    return this.#ports.map((ports) => `127.0.0.1:${ports.saslPlaintext}`).join(',')
  }

  /** `host:port,…` of the SASL_SSL listeners; only with `tls`. */
  get tlsBrokers(): string {
    return this.#ports.map((ports) => `127.0.0.1:${ports.saslSsl}`).join(',')
  }

  /** PEM file to trust for the SASL_SSL listeners; only with `tls`. */
  get certificateFile(): string {
    return join(this.#options.directory, 'tls.pem')
  }

  /** `host:port` of one node (0-based). */
  broker(index: number): string {
    return `127.0.0.1:${this.#port(index).plaintext}`
  }

  /** Kafka's id of one node: 1 for index 0. */
  nodeId(index: number): number {
    return index + 1
  }

  isRunning(index: number): boolean {
    return this.#processes[index]?.alive ?? false
  }

  /** Starts a node that was stopped or killed, with its data, and waits until it answers. */
  async startNode(index: number): Promise<void> {
    if (this.isRunning(index)) return
    await this.#launch(index)
    await this.#waitUntilReady(index, 1)
  }

  /** An orderly shutdown: leaders move away first. */
  async stopNode(index: number): Promise<void> {
    await this.#processes[index]?.stop()
  }

  /** SIGKILL. */
  async killNode(index: number): Promise<void> {
    await this.#processes[index]?.kill()
  }

  /** The process of a running node, to pause and resume it. */
  process(index: number): ServerProcess {
    const process = this.#processes[index]
    if (!process?.alive) throw new ServerStartError(`Kafka node ${index + 1} is not running`)
    return process
  }

  async stop(): Promise<void> {
    await Promise.all(this.#processes.map(async (process) => process?.stop()))
  }

  async kill(): Promise<void> {
    await Promise.all(this.#processes.map(async (process) => process?.kill()))
  }

  #port(index: number): KafkaNodePorts {
    const ports = this.#ports[index]
    if (!ports) throw new ServerStartError(`there is no Kafka node ${index}: the cluster has ${this.#ports.length}`)
    return ports
  }

  #folder(index: number): string {
    return join(this.#options.directory, String(index))
  }

  #settings(index: number): KafkaNodeSettings {
    const { tls, properties } = this.#options
    return {
      index,
      nodes: this.#ports,
      dataDirectory: join(this.#folder(index), 'data'),
      ...(tls ? { keystore: this.#keystore } : {}),
      ...(properties ? { extra: properties } : {}),
    }
  }

  get #keystore(): string {
    return join(this.#options.directory, 'tls.p12')
  }

  async #format(index: number): Promise<void> {
    const folder = this.#folder(index)
    const file = join(folder, 'server.properties')
    await mkdir(folder, { recursive: true })
    await writeFile(file, kafkaProperties(this.#settings(index)))
    if (existsSync(join(folder, 'data', 'meta.properties'))) return
    const { username, password } = KAFKA_TEST_USERS.scram
    const scram = ['SCRAM-SHA-256', 'SCRAM-SHA-512'].flatMap((mechanism) => [
      '--add-scram',
      `${mechanism}=[name=${username},password=${password}]`,
    ])
    const args = ['format', '--ignore-formatted', '-t', CLUSTER_ID, '-c', file, ...scram]
    const result = await run(this.#java.path, [
      ...JVM,
      '-Xmx128m',
      ...this.#classPath('kafka.tools.StorageTool'),
      ...args,
    ])
    if (result.exitCode !== 0)
      throw new ServerStartError(
        `the storage of Kafka node ${index + 1} was not formatted:\n${lastLines(result.output, 10)}`,
      )
  }

  async #launch(index: number): Promise<void> {
    const folder = this.#folder(index)
    const heap = ['-Xms128m', `-Xmx${this.#options.maxHeapMb ?? 512}m`]
    const jvm = this.#options.optimise ? JVM.filter((option) => !option.includes('TieredStopAtLevel')) : JVM
    this.#processes[index] = await ServerProcess.spawn({
      name: `Kafka node ${index + 1}`,
      command: this.#java.path,
      args: [...jvm, ...heap, ...this.#classPath('kafka.Kafka'), join(folder, 'server.properties')],
      logFile: join(folder, 'kafka.log'),
      cwd: folder,
    })
  }

  async #waitUntilReady(index: number, brokers: number): Promise<void> {
    const { plaintext } = this.#port(index)
    await this.process(index).waitUntil(async () => {
      const answer = await askForBrokers(plaintext)
      return answer?.brokerIds.includes(index + 1) === true && answer.brokerIds.length >= brokers
    }, 90_000)
  }

  #classPath(mainClass: string): string[] {
    return ['-cp', join(this.#jars, '*'), mainClass]
  }

  async #makeKeystore(): Promise<void> {
    if (existsSync(this.#keystore)) return
    await mkdir(this.#options.directory, { recursive: true })
    const javaFolder = dirname(this.#java.path)
    const keytool = javaFolder === '.' ? 'keytool' : join(javaFolder, 'keytool')
    const store = [
      '-alias',
      'broker',
      '-keystore',
      this.#keystore,
      '-storetype',
      'PKCS12',
      '-storepass',
      KEYSTORE_PASSWORD,
    ]
    const subject = ['-dname', 'CN=127.0.0.1', '-ext', 'san=ip:127.0.0.1,dns:localhost', '-validity', '3650']
    const steps = [
      ['-genkeypair', '-keyalg', 'EC', '-groupname', 'secp256r1', ...subject, ...store],
      ['-exportcert', '-rfc', '-file', this.certificateFile, ...store],
    ]
    for (const step of steps) {
      const result = await run(keytool, step)
      if (result.exitCode !== 0) throw new ServerStartError(`keytool failed: ${lastLines(result.output, 3)}`)
    }
  }
}

async function choosePorts(options: KafkaClusterOptions): Promise<KafkaNodePorts[]> {
  const count = options.nodes ?? 1
  const perNode = 4
  const free = options.port === undefined ? await freePorts(count * perNode) : undefined
  return Array.from({ length: count }, (_, node) => {
    const port = (offset: number) => free?.[node * perNode + offset] ?? (options.port as number) + 10 * node + offset
    return {
      plaintext: port(0),
      controller: port(1),
      ...(options.sasl ? { saslPlaintext: port(2) } : {}),
      ...(options.tls ? { saslSsl: port(3) } : {}),
    }
  })
}
