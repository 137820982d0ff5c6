import { mkdir, writeFile } from 'node:fs/promises'
import { connect } from 'node:net'
import { join, resolve } from 'node:path'
import { ensureParts, findProgram } from './apt.ts'
import { freePorts } from './ports.ts'
import { ServerProcess } from './server-process.ts'

export interface MosquittoOptions {
  /** Settings, log and persisted messages. */
  readonly directory: string
  /** Free ports where not given. */
  readonly port?: number
  readonly websocketPort?: number
  /** More lines of `mosquitto.conf`, such as `allow_anonymous false`; they come before the listeners. */
  readonly settings?: readonly string[]
  /** Further listeners: the lines of each, such as `protocol websockets` and `certfile …`. */
  readonly listeners?: readonly (readonly string[])[]
}

/** A real Mosquitto on 127.0.0.1 with persistence and no limit on queued messages. */
export class MosquittoServer {
  readonly port: number
  readonly websocketPort: number
  /** Of the further listeners, in their order. */
  readonly listenerPorts: readonly number[]
  readonly #directory: string
  readonly #program: string
  #process: ServerProcess | undefined

  private constructor(directory: string, program: string, [port, websocketPort, ...more]: readonly number[]) {
    this.#directory = directory
    this.#program = program
    this.port = port as number
    this.websocketPort = websocketPort as number
    this.listenerPorts = more
  }

  /** @throws {MissingPartError | ServerStartError} */
  static async start(options: MosquittoOptions): Promise<MosquittoServer> {
    await ensureParts(['mosquitto'])
    const program = (await findProgram('mosquitto')) ?? 'mosquitto'
    const listeners = options.listeners ?? []
    const [port, websocketPort, ...more] = await freePorts(2 + listeners.length)
    const directory = resolve(options.directory)
    const ports = [options.port ?? port, options.websocketPort ?? websocketPort, ...more] as readonly number[]
    const server = new MosquittoServer(directory, program, ports)
    await mkdir(directory, { recursive: true })
    await writeFile(
      join(directory, 'mosquitto.conf'),
      server.#settings(options.settings ?? ['allow_anonymous true'], listeners),
    )
    await server.restart()
    return server
  }

  /** `mqtt://127.0.0.1:<port>` */
  get url(): string {
    return `mqtt://127.0.0.1:${this.port}`
  }

  /** `ws://127.0.0.1:<port>` */
  get websocketUrl(): string {
    return `ws://127.0.0.1:${this.websocketPort}`
  }

  /** Starts it again on the same ports with what it persisted, after `stop` or `kill`. */
  async restart(): Promise<void> {
    if (this.#process?.alive) return
    this.#process = await ServerProcess.spawn({
      name: 'mosquitto',
      command: this.#program,
      args: ['-c', join(this.#directory, 'mosquitto.conf')],
      logFile: join(this.#directory, 'mosquitto.log'),
      cwd: this.#directory,
    })
    await this.#process.waitUntil(() => acceptsMqtt(this.port), 20_000)
  }

  async stop(): Promise<void> {
    await this.#process?.stop()
  }

  async kill(): Promise<void> {
    await this.#process?.kill()
  }

  #settings(lines: readonly string[], listeners: readonly (readonly string[])[]): string {
    return `${[
      // As root it would change to the user `mosquitto`, who cannot write into our directory.
      ...(process.getuid?.() === 0 ? ['user root'] : []),
      'persistence true',
      `persistence_location ${this.#directory}/`,
      'autosave_interval 1',
      'autosave_on_changes true',
      'max_queued_messages 0',
      'log_dest stderr',
      ...lines,
      `listener ${this.port} 127.0.0.1`,
      `listener ${this.websocketPort} 127.0.0.1`,
      'protocol websockets',
      ...listeners.flatMap((own, i) => [`listener ${this.listenerPorts[i]} 127.0.0.1`, ...own]),
    ].join('\n')}\n`
  }
}

/** Any answer to a CONNECT means that it serves; it may well refuse us. */
function acceptsMqtt(port: number): Promise<boolean> {
  return new Promise((done) => {
    const socket = connect({ port, host: '127.0.0.1' })
    const finish = (ready: boolean) => {
      socket.destroy()
      done(ready)
    }
    socket.setTimeout(1_000, () => finish(false))
    socket.once('error', () => finish(false))
    socket.once('close', () => finish(false))
    // CONNECT of MQTT 3.1.1 with a clean session and an empty client id.
    socket.once('connect', () => socket.write(Buffer.from('100c00044d5154540402000a0000', 'hex')))
    socket.once('data', () => finish(true))
  })
}
