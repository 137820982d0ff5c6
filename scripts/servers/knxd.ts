import { createSocket } from 'node:dgram'
import { mkdir, writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { ensureParts, findProgram } from './apt.ts'
import { ServerStartError } from './errors.ts'
import { run } from './run.ts'
import { ServerProcess } from './server-process.ts'

/** knxd serves KNXnet/IP on this UDP port and no other. */
export const KNXD_PORT = 3671

/** A real knxd with an empty bus behind it. One at a time on a machine: its UDP port is fixed. */
export class KnxdServer {
  readonly host = '127.0.0.1'
  readonly port = KNXD_PORT
  readonly #directory: string
  readonly #program: string
  #process: ServerProcess | undefined

  private constructor(directory: string, program: string) {
    this.#directory = directory
    this.#program = program
  }

  /** @throws {MissingPartError | ServerStartError} also when something has port 3671 already. */
  static async start(options: { readonly directory: string }): Promise<KnxdServer> {
    await ensureParts(['knxd', 'knxd-tools'])
    const server = new KnxdServer(resolve(options.directory), (await findProgram('knxd')) ?? 'knxd')
    await mkdir(server.#directory, { recursive: true })
    await writeFile(join(server.#directory, 'knxd.ini'), settings(server.socketPath))
    await server.restart()
    return server
  }

  /** The Unix socket for `knxtool`. */
  get socketPath(): string {
    return join(this.#directory, 'knx.sock')
  }

  async restart(): Promise<void> {
    if (this.#process?.alive) return
    if (await answers())
      throw new ServerStartError(`UDP port ${KNXD_PORT} is in use: stop the KNX gateway or knxd that runs there`)
    this.#process = await ServerProcess.spawn({
      name: 'knxd',
      command: this.#program,
      args: [join(this.#directory, 'knxd.ini')],
      logFile: join(this.#directory, 'knxd.log'),
    })
    await this.#process.waitUntil(answers, 20_000)
  }

  /** Writes to a group from outside, as another device on the bus would. `bytes` above one byte values, such as `[80]`. */
  async groupWrite(address: string, bytes: readonly number[]): Promise<void> {
    await this.#tool('groupwrite', address, bytes)
  }

  /** As `groupWrite` for values of up to six bits, such as a switch. */
  async groupSwrite(address: string, value: number): Promise<void> {
    await this.#tool('groupswrite', address, [value])
  }

  async stop(): Promise<void> {
    await this.#process?.stop()
  }

  async kill(): Promise<void> {
    await this.#process?.kill()
  }

  async #tool(command: string, address: string, bytes: readonly number[]): Promise<void> {
    const hex = bytes.map((byte) => byte.toString(16).padStart(2, '0'))
    const result = await run('knxtool', [command, `local:${this.socketPath}`, address, ...hex], { timeoutMs: 10_000 })
    if (result.exitCode !== 0) throw new ServerStartError(`knxtool ${command} failed: ${result.output.trim()}`)
  }
}

function settings(socketPath: string): string {
  return `[main]
addr = 0.0.1
client-addrs = 0.0.10:16
connections = server,unix,bus
[bus]
driver = dummy
[unix]
server = knxd_unix
path = ${socketPath}
[server]
server = ets_router
tunnel = tunnel
discover = false
interface = lo
`
}

/** Whether a KNXnet/IP server on the port answers when asked for a connection that it does not have. */
function answers(): Promise<boolean> {
  return new Promise((done) => {
    const socket = createSocket('udp4')
    const finish = (ready: boolean) => {
      clearTimeout(timer)
      socket.close(() => done(ready))
    }
    const timer = setTimeout(() => finish(false), 300)
    socket.once('error', () => finish(false))
    socket.once('message', () => finish(true))
    socket.bind(0, '127.0.0.1', () =>
      socket.send(connectionStateRequest(socket.address().port), KNXD_PORT, '127.0.0.1'),
    )
  })
}

/** Descriptions and searches are answered only with `discover`, which would also answer the network. */
function connectionStateRequest(answerPort: number): Buffer {
  const header = [0x06, 0x10, 0x02, 0x07, 0x00, 0x10]
  const channel = [0xff, 0x00]
  const endpoint = [0x08, 0x01, 127, 0, 0, 1, answerPort >> 8, answerPort & 0xff]
  return Buffer.from([...header, ...channel, ...endpoint])
}
