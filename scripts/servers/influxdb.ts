import { mkdir, writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { ensureParts, findProgram } from './apt.ts'
import { ServerStartError } from './errors.ts'
import { freePorts } from './ports.ts'
import { ServerProcess } from './server-process.ts'

export interface InfluxdbOptions {
  /** Data, settings and log. A directory that was used before is taken up again. */
  readonly directory: string
  /** A free port where this is not given. */
  readonly port?: number
}

/** A real InfluxDB 1 on 127.0.0.1, which keeps what it has acknowledged when it is killed. */
export class InfluxdbServer {
  /** `http://127.0.0.1:<port>` */
  readonly url: string
  readonly #directory: string
  readonly #program: string
  #process: ServerProcess | undefined

  private constructor(url: string, directory: string, program: string) {
    this.url = url
    this.#directory = directory
    this.#program = program
  }

  /** @throws {MissingPartError | ServerStartError} */
  static async start(options: InfluxdbOptions): Promise<InfluxdbServer> {
    await ensureParts(['influxdb'])
    const [freePort, backupPort] = (await freePorts(2)) as [number, number]
    const port = options.port ?? freePort
    const directory = resolve(options.directory)
    const program = (await findProgram('influxd')) ?? 'influxd'
    const server = new InfluxdbServer(`http://127.0.0.1:${port}`, directory, program)
    await mkdir(directory, { recursive: true })
    await writeFile(join(directory, 'influxdb.conf'), settings(directory, port, backupPort))
    await server.restart()
    return server
  }

  /** Starts it again on the same port with its data, after `stop` or `kill`. */
  async restart(): Promise<void> {
    if (this.#process?.alive) return
    this.#process = await ServerProcess.spawn({
      name: 'InfluxDB',
      command: this.#program,
      args: ['-config', join(this.#directory, 'influxdb.conf')],
      logFile: join(this.#directory, 'influxdb.log'),
      cwd: this.#directory,
    })
    const answers = () =>
      fetch(`${this.url}/ping`).then(
        ({ ok }) => ok,
        () => false,
      )
    await this.#process.waitUntil(answers, 20_000)
  }

  /** What an InfluxQL statement answers: the rows of its series, one after the other. @throws with the server's message. */
  async query(statement: string, database = ''): Promise<(readonly unknown[])[]> {
    const answer = await fetch(
      `${this.url}/query?${new URLSearchParams({ db: database, epoch: 'ms', q: statement })}`,
      {
        method: 'POST',
      },
    )
    const { error, results = [] } = (await answer.json()) as InfluxAnswer
    const [result] = results
    const problem = error ?? result?.error
    if (problem !== undefined) throw new ServerStartError(`InfluxDB refused ${statement}: ${problem}`)
    return (result?.series ?? []).flatMap(({ values }) => values)
  }

  async stop(): Promise<void> {
    await this.#process?.stop()
  }

  async kill(): Promise<void> {
    await this.#process?.kill()
  }
}

interface InfluxAnswer {
  readonly error?: string
  readonly results?: readonly {
    readonly error?: string
    readonly series?: readonly { readonly values: readonly (readonly unknown[])[] }[]
  }[]
}

function settings(directory: string, port: number, backupPort: number): string {
  const path = (name: string): string => JSON.stringify(join(directory, name))
  return `${[
    'reporting-disabled = true',
    `bind-address = "127.0.0.1:${backupPort}"`,
    '[meta]',
    `dir = ${path('meta')}`,
    '[data]',
    `dir = ${path('data')}`,
    `wal-dir = ${path('wal')}`,
    '[monitor]',
    'store-enabled = false',
    '[http]',
    `bind-address = "127.0.0.1:${port}"`,
    'log-enabled = false',
  ].join('\n')}\n`
}
