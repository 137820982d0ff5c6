import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { connect, createServer } from 'node:net'
import { tmpdir, userInfo } from 'node:os'
import { join } from 'node:path'

/** A mosquitto of the test's own on a free port, with sessions kept on disk at each change. */
export class Mosquitto {
  readonly url: string
  readonly #port: number
  readonly #directory: string
  #process: ChildProcess | undefined

  private constructor(port: number, directory: string) {
    this.#port = port
    this.#directory = directory
    this.url = `mqtt://127.0.0.1:${port}`
  }

  static async start(): Promise<Mosquitto> {
    const directory = await mkdtemp(join(tmpdir(), 'brook-mosquitto-'))
    const mosquitto = new Mosquitto(await freePort(), directory)
    await writeFile(
      join(directory, 'mosquitto.conf'),
      [
        ...(userInfo().uid === 0 ? ['user root'] : []),
        'allow_anonymous true',
        'persistence true',
        `persistence_location ${directory}/`,
        'autosave_interval 1',
        'autosave_on_changes true',
        'max_queued_messages 0',
        `listener ${mosquitto.#port} 127.0.0.1`,
        '',
      ].join('\n'),
    )
    await mosquitto.run()
    return mosquitto
  }

  /** Starts it (again) with what it has on disk. */
  async run(): Promise<void> {
    const child = spawn('mosquitto', ['-c', join(this.#directory, 'mosquitto.conf')], {
      stdio: ['ignore', 'ignore', 'pipe'],
      env: { ...process.env, PATH: `${process.env['PATH']}:/usr/sbin:/usr/local/sbin` },
    })
    this.#process = child
    let said = ''
    child.stderr.on('data', (chunk: Buffer) => {
      said += chunk.toString()
    })
    const failed = new Promise<never>((_, reject) => {
      child.once('error', () => reject(new Error('mosquitto is not installed: apt-get install mosquitto')))
      child.once('exit', (code) => reject(new Error(`mosquitto ended with ${code}: ${said}`)))
    })
    failed.catch(() => {})
    await Promise.race([failed, listening(this.#port)])
  }

  /** SIGTERM, or SIGKILL. */
  async kill(signal: 'SIGTERM' | 'SIGKILL' = 'SIGTERM'): Promise<void> {
    const child = this.#process
    this.#process = undefined
    if (!child || child.exitCode !== null) return
    const exited = new Promise((resolve) => child.once('exit', resolve))
    child.kill(signal)
    await exited
  }

  async stop(): Promise<void> {
    await this.kill()
    await rm(this.#directory, { recursive: true, force: true })
  }
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer()
    server.once('error', reject)
    server.listen(0, '127.0.0.1', () => {
      const address = server.address()
      server.close(() => resolve(typeof address === 'object' && address ? address.port : 0))
    })
  })
}

async function listening(port: number): Promise<void> {
  for (let attempt = 0; attempt < 200; attempt++) {
    const open = await new Promise<boolean>((resolve) => {
      const socket = connect(port, '127.0.0.1')
      socket.once('connect', () => {
        socket.destroy()
        resolve(true)
      })
      socket.once('error', () => resolve(false))
    })
    if (open) return
    await new Promise((resolve) => setTimeout(resolve, 25))
  }
  throw new Error(`nothing listens on port ${port}`)
}
