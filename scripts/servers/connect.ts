import { mkdir, rm, symlink, writeFile } from 'node:fs/promises'
import { basename, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { ServerStartError } from './errors.ts'
import { KAFKA_JAVA, requireJava } from './java.ts'
import { connectJars, connectPlugins, type Progress } from './maven.ts'
import { freePort } from './ports.ts'
import { ServerProcess } from './server-process.ts'

const WORKER = fileURLToPath(new URL('../../deploy/connect/worker.properties', import.meta.url))

const JVM = [
  '-Xms64m',
  '-Xmx512m',
  '-XX:+UseSerialGC',
  '-XX:TieredStopAtLevel=1',
  '-Xshare:auto',
  '-Dorg.slf4j.simpleLogger.defaultLogLevel=warn',
  '-Dorg.slf4j.simpleLogger.showDateTime=true',
  '-Dorg.slf4j.simpleLogger.log.org.reflections=error',
]

export interface ConnectOptions {
  /** Settings, log, plugins and secrets. */
  readonly directory: string
  readonly brokers: string
  /** A free port where this is not given. */
  readonly port?: number
  /** What connectors read with `${env:…}`. */
  readonly env?: Readonly<Record<string, string>>
  /** What connectors read with `${secrets:secrets:…}`. */
  readonly secrets?: Readonly<Record<string, string>>
  readonly progress?: Progress
}

export interface ConnectorReport {
  readonly connector: { readonly state: string; readonly trace?: string }
  readonly tasks: readonly { readonly id: number; readonly state: string; readonly trace?: string }[]
}

/** A real worker of Kafka Connect on 127.0.0.1, with the settings and plugins of the deployed one. */
export class ConnectServer {
  /** `http://127.0.0.1:<port>` */
  readonly url: string
  readonly #directory: string
  readonly #start: () => Promise<ServerProcess>
  #process: ServerProcess | undefined

  private constructor(url: string, directory: string, start: () => Promise<ServerProcess>) {
    this.url = url
    this.#directory = directory
    this.#start = start
  }

  /** Resolves when it takes connectors. @throws {MissingPartError | ServerStartError} */
  static async start(options: ConnectOptions): Promise<ConnectServer> {
    const progress = options.progress ?? (() => undefined)
    const directory = resolve(options.directory)
    const [java, jars, plugins, port] = await Promise.all([
      requireJava(KAFKA_JAVA, 'Kafka Connect'),
      connectJars(progress),
      connectPlugins(progress),
      options.port ?? freePort(),
    ])
    const url = `http://127.0.0.1:${port}`
    const server = new ConnectServer(url, directory, () =>
      ServerProcess.spawn({
        name: 'Kafka Connect',
        command: java.path,
        args: [...JVM, '-cp', join(jars, '*'), 'org.apache.kafka.connect.cli.ConnectDistributed', WORKER],
        logFile: join(directory, 'connect.log'),
        cwd: directory,
        env: {
          ...process.env,
          BROOK_PARTITIONS: '4',
          CONNECT_GROUP: 'brook-connect',
          CONNECT_REPLICATION_FACTOR: '1',
          ...options.env,
          CONNECT_KAFKA_BROKERS: options.brokers,
          CONNECT_LISTENER: url,
        },
      }),
    )
    await server.#prepare(plugins, options.secrets ?? {})
    await server.restart()
    return server
  }

  /** Starts it again, after `stop` or `kill`; its connectors go on where they were. */
  async restart(): Promise<void> {
    if (this.#process?.alive) return
    this.#process = await this.#start()
    try {
      await this.#process.waitUntil(async () => (await this.#ask('GET', '/connectors'))?.ok === true, 90_000)
    } catch (error) {
      await this.kill()
      throw error
    }
  }

  /** Makes a connector, or gives one other settings. @throws {ServerStartError} with Connect's message when it refuses them. */
  async put(name: string, settings: Readonly<Record<string, string>>): Promise<void> {
    const answer = await this.#ask('PUT', `/connectors/${name}/config`, settings)
    if (answer?.ok) return
    const reason = answer === undefined ? 'it does not answer' : `${answer.status} ${await answer.text()}`
    throw new ServerStartError(`Kafka Connect refused the connector ${name}: ${reason}`)
  }

  /** How a connector and its tasks fare; `undefined` when there is no such connector, or no answer. */
  async report(name: string): Promise<ConnectorReport | undefined> {
    const answer = await this.#ask('GET', `/connectors/${name}/status`)
    return answer?.ok ? ((await answer.json()) as ConnectorReport) : undefined
  }

  async stop(): Promise<void> {
    await this.#process?.stop()
  }

  async kill(): Promise<void> {
    await this.#process?.kill()
  }

  #ask(method: string, path: string, body?: object): Promise<Response | undefined> {
    return fetch(this.url + path, {
      method,
      signal: AbortSignal.timeout(30_000),
      ...(body ? { headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) } : {}),
    }).catch(() => undefined)
  }

  async #prepare(plugins: readonly string[], secrets: Readonly<Record<string, string>>): Promise<void> {
    await rm(join(this.#directory, 'plugins'), { recursive: true, force: true })
    for (const folder of ['plugins', 'secrets']) await mkdir(join(this.#directory, folder), { recursive: true })
    for (const plugin of plugins) await symlink(plugin, join(this.#directory, 'plugins', basename(plugin)))
    for (const [name, secret] of Object.entries(secrets))
      await writeFile(join(this.#directory, 'secrets', name), secret, { mode: 0o600 })
  }
}
