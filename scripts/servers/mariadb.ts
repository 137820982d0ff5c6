import { existsSync } from 'node:fs'
import { mkdir, writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { ensureParts, findProgram } from './apt.ts'
import { ServerStartError } from './errors.ts'
import type { Progress } from './maven.ts'
import { freePort } from './ports.ts'
import { lastLines, type RunResult, run } from './run.ts'
import { ServerProcess } from './server-process.ts'

/** The binary log as a deployment has it, which change data capture reads. */
const BINARY_LOG = fileURLToPath(new URL('../../deploy/mariadb/binary-log.cnf', import.meta.url))

export interface MariadbOptions {
  /** Data, settings and log. A directory that was used before is taken up again. */
  readonly directory: string
  /** A free port where this is not given. */
  readonly port?: number
  readonly progress?: Progress
}

/** A real MariaDB on 127.0.0.1 that writes a binary log. `root` logs in without a password, over the socket only. */
export class MariadbServer {
  readonly port: number
  readonly #directory: string
  readonly #program: string
  readonly #client: string
  #process: ServerProcess | undefined

  private constructor(directory: string, port: number, program: string, client: string) {
    this.#directory = directory
    this.port = port
    this.#program = program
    this.#client = client
  }

  /** @throws {MissingPartError | ServerStartError} */
  static async start(options: MariadbOptions): Promise<MariadbServer> {
    await ensureParts(['mariadb', 'mariadb-client'], options.progress)
    const directory = resolve(options.directory)
    const port = options.port ?? (await freePort())
    const program = (await findProgram('mariadbd')) ?? 'mariadbd'
    const server = new MariadbServer(directory, port, program, (await findProgram('mariadb')) ?? 'mariadb')
    await mkdir(join(directory, 'data'), { recursive: true })
    await writeFile(server.#settingsFile, server.#settings())
    await server.#install()
    await server.restart()
    return server
  }

  /** Where `root` logs in without a password. */
  get socket(): string {
    return join(this.#directory, 'mariadb.sock')
  }

  /** Starts it again on the same port with its data, after `stop` or `kill`. */
  async restart(): Promise<void> {
    if (this.#process?.alive) return
    this.#process = await ServerProcess.spawn({
      name: 'MariaDB',
      command: this.#program,
      args: [`--defaults-file=${this.#settingsFile}`],
      logFile: join(this.#directory, 'mariadb.log'),
      cwd: this.#directory,
    })
    await this.#process.waitUntil(async () => (await this.#ask('SELECT 1')).exitCode === 0, 30_000)
  }

  /** Runs statements as `root`, and answers what they print: rows as lines, columns with tabs between. @throws with the server's message. */
  async sql(statements: string): Promise<string> {
    const { exitCode, output } = await this.#ask(statements)
    if (exitCode !== 0) throw new ServerStartError(`MariaDB refused: ${lastLines(output, 3)}`)
    return output
  }

  async stop(): Promise<void> {
    await this.#process?.stop()
  }

  async kill(): Promise<void> {
    await this.#process?.kill()
  }

  #ask(statements: string): Promise<RunResult> {
    const login = ['--no-defaults', `--socket=${this.socket}`, '--user=root', '--batch', '--skip-column-names']
    return run(this.#client, [...login, `--execute=${statements}`], { timeoutMs: 20_000 })
  }

  get #settingsFile(): string {
    return join(this.#directory, 'my.cnf')
  }

  async #install(): Promise<void> {
    if (existsSync(join(this.#directory, 'data', 'mysql'))) return
    const program = (await findProgram('mariadb-install-db')) ?? 'mariadb-install-db'
    const args = [`--defaults-file=${this.#settingsFile}`, '--auth-root-authentication-method=normal', '--skip-test-db']
    const { exitCode, output } = await run(program, args, { cwd: this.#directory, timeoutMs: 60_000 })
    if (exitCode !== 0) throw new ServerStartError(`mariadb-install-db failed:\n${lastLines(output, 10)}`)
  }

  #settings(): string {
    return `${[
      '[mysqld]',
      // As root it refuses to run unless told.
      ...(process.getuid?.() === 0 ? ['user=root'] : []),
      `datadir=${join(this.#directory, 'data')}`,
      `socket=${this.socket}`,
      `pid-file=${join(this.#directory, 'mariadb.pid')}`,
      'bind-address=127.0.0.1',
      `port=${this.port}`,
      'skip-name-resolve',
      'innodb_buffer_pool_size=64M',
      'innodb_log_file_size=16M',
      'performance_schema=OFF',
      `!include ${BINARY_LOG}`,
    ].join('\n')}\n`
  }
}
