import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { access, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'

const run = promisify(execFile)

export interface KnxdSetup {
  /** Sections after `[main]`, whose names are listed in `connections`. */
  readonly sections: Readonly<Record<string, Readonly<Record<string, string | number>>>>
}

/** A KNXnet/IP server on UDP 3671 (knxd binds that port on all interfaces whatever it is told) over a bus that is not there. */
export const TUNNEL_SERVER: KnxdSetup = {
  sections: {
    server: { server: 'ets_router', tunnel: 'tunnel', discover: 'false', interface: 'lo' },
    bus: { driver: 'dummy' },
  },
}

/** A knxd whose bus is behind the KNXnet/IP gateway at this port. */
export const tunnelClientTo = (port: number): KnxdSetup => ({
  sections: { bus: { driver: 'ipt', filters: 'single', 'ip-address': '127.0.0.1', 'dest-port': port } },
})

/** One knxd with its configuration and its socket for knxtool in a directory of its own. */
export class Knxd {
  readonly #directory: string
  #process: ChildProcess | undefined

  readonly #prefix: readonly string[]

  private constructor(directory: string, prefix: readonly string[]) {
    this.#directory = directory
    this.#prefix = prefix
  }

  /**
   * `prefix`: what runs it in another network.
   * @throws {Error} in one line when knxd is not installed or ends at once.
   */
  static async start(setup: KnxdSetup, prefix: readonly string[] = []): Promise<Knxd> {
    const knxd = new Knxd(await mkdtemp(join(tmpdir(), 'brook-knxd-')), prefix)
    const names = ['unix', ...Object.keys(setup.sections)]
    const sections = { ...setup.sections, unix: { server: 'knxd_unix', path: knxd.#socket } }
    const lines = [
      '[main]',
      'addr=0.0.1',
      'client-addrs=0.0.10:16',
      `connections=${names.join(',')}`,
      ...Object.entries(sections).flatMap(([name, values]) => [
        `[${name}]`,
        ...Object.entries(values).map(([key, value]) => `${key}=${value}`),
      ]),
    ]
    await writeFile(join(knxd.#directory, 'knxd.ini'), `${lines.join('\n')}\n`)
    try {
      await knxd.resume()
    } catch (error) {
      await knxd.remove()
      throw error
    }
    return knxd
  }

  /** Starts it (again, after `kill`); resolves when it serves. */
  async resume(): Promise<void> {
    await rm(this.#socket, { force: true })
    let complaints = ''
    const [program, ...args] = [...this.#prefix, 'knxd', join(this.#directory, 'knxd.ini')]
    const child = spawn(program!, args, { stdio: ['ignore', 'pipe', 'pipe'] })
    const note = (bytes: Buffer): void => {
      complaints = `${complaints}${bytes.toString()}`.slice(-500)
    }
    child.stdout.on('data', note)
    child.stderr.on('data', note)
    this.#process = child
    const failed = once(child, 'exit').then(
      () => new Error(`knxd ended at its start: ${complaints.trim().replaceAll('\n', ' ')}`),
      (error: NodeJS.ErrnoException) =>
        new Error(error.code === 'ENOENT' ? 'knxd is not installed (apt-get install knxd knxd-tools)' : error.message),
    )
    for (;;) {
      const failure = await Promise.race([failed, sleep(20)])
      if (failure) throw failure
      // The socket is made last.
      if (
        await access(this.#socket).then(
          () => true,
          () => false,
        )
      )
        return
    }
  }

  /** Runs knxtool against this knxd; the arguments after its socket. */
  async tool(command: string, ...args: string[]): Promise<string> {
    const { stdout } = await run('knxtool', [command, `local:${this.#socket}`, ...args], { timeout: 5_000 })
    return stdout
  }

  /** Stops it where it is (SIGSTOP), or lets it go on (SIGCONT). */
  signal(signal: 'SIGSTOP' | 'SIGCONT'): void {
    this.#process?.kill(signal)
  }

  async kill(signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    const child = this.#process
    this.#process = undefined
    if (!child || child.exitCode !== null || child.signalCode !== null) return
    const ended = once(child, 'exit')
    child.kill(signal)
    await ended
  }

  async remove(): Promise<void> {
    await this.kill()
    await rm(this.#directory, { recursive: true, force: true })
  }

  get #socket(): string {
    return join(this.#directory, 'knxd.sock')
  }
}
