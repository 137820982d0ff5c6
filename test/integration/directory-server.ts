import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { ensureJavaAndMaven } from '../../scripts/servers/apt.ts'
import { ConnectServer } from '../../scripts/servers/connect.ts'
import { MariadbServer } from '../../scripts/servers/mariadb.ts'

const DEPLOY = join(import.meta.dirname, '..', '..', 'deploy')
const SECRET = 'mariadb_cdc_password'
const CONNECTOR = 'directory'

export interface DirectoryOptions {
  readonly directory: string
  /** What all topics begin with, so that tests can share a broker. */
  readonly name: string
  readonly brokers: string
  /** The registry's Confluent-compatible address. */
  readonly registry: string
}

/** A database of rooms and devices with the deployed connector on it. */
export class DirectoryServer {
  readonly mariadb: MariadbServer
  readonly connect: ConnectServer
  readonly #name: string

  private constructor(mariadb: MariadbServer, connect: ConnectServer, name: string) {
    this.mariadb = mariadb
    this.connect = connect
    this.#name = name
  }

  /** `tables`: statements that make the tables and their first rows, in the database `brook`. */
  static async start(options: DirectoryOptions, tables: string): Promise<DirectoryServer> {
    const { directory, name, brokers } = options
    const password = `secret-${Math.random()}`
    await ensureJavaAndMaven(console.log)
    const mariadb = await MariadbServer.start({ directory: join(directory, 'mariadb') })
    const connect = await ConnectServer.start({
      directory: join(directory, 'connect'),
      brokers,
      env: {
        CONNECT_GROUP: name,
        MARIADB_HOST: '127.0.0.1',
        MARIADB_PORT: String(mariadb.port),
        APICURIO_REGISTRY: `${new URL(options.registry).origin}/apis/registry/v2`,
      },
      secrets: { [SECRET]: password },
    })
    await mariadb.sql(`CREATE DATABASE brook; USE brook; ${tables}`)
    createUser(mariadb, join(directory, 'connect', 'secrets', SECRET))
    const settings = JSON.parse(readFileSync(join(DEPLOY, 'connect/directory.json'), 'utf8')) as Record<string, string>
    await connect.put(CONNECTOR, { ...settings, 'topic.prefix': name })
    return new DirectoryServer(mariadb, connect, name)
  }

  topic(table: string): string {
    return `${this.#name}.brook.${table}`
  }

  sql(statements: string): Promise<string> {
    return this.mariadb.sql(`USE brook; ${statements}`)
  }

  async isRunning(): Promise<boolean> {
    const report = await this.connect.report(CONNECTOR)
    for (const { state, trace } of report?.tasks ?? []) if (state === 'FAILED') throw new Error(trace)
    return report?.tasks[0]?.state === 'RUNNING'
  }

  async stop(): Promise<void> {
    await this.connect.stop()
    await this.mariadb.stop()
  }
}

/** Sources the script as the container of MariaDB does, with that container's function for SQL. */
function createUser(mariadb: MariadbServer, passwordFile: string): void {
  const client = `docker_process_sql() { mariadb --no-defaults --socket='${mariadb.socket}' --user=root; }`
  const script = join(DEPLOY, 'mariadb/create-cdc-user.sh')
  const env = { ...process.env, CDC_PASSWORD_FILE: passwordFile }
  execFileSync('bash', ['-euo', 'pipefail', '-c', `${client}; . '${script}'`], { env })
}
