import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { promisify } from 'node:util'

const run = promisify(execFile)

/** knxd needs an interface beside the loopback and a way for multicast, or it ends with "Link down". */
const NETWORK = [
  'ip link set lo up',
  'ip link add v0 type veth peer name v1',
  'ip addr add 10.99.0.1/24 dev v0',
  'ip link set v0 up',
  'ip link set v1 up',
  'ip route add 224.0.0.0/4 dev v0',
].join(' && ')

/** With a user namespace of its own nobody has to be root. */
const WAYS = [
  { unshare: ['-rn'], enter: ['--preserve-credentials', '-U', '-n'] },
  { unshare: ['-n'], enter: ['-n'] },
] as const

/**
 * A network in which knxd's fixed port 3671 is free and nobody else hears it. Where the machine forbids such networks (some CI
 * machines do) programs run in the network of the host, whose UDP port 3671 then has to be free.
 */
export class PrivateNetwork {
  /** What to put before a program and its arguments to run it in there; its process id is the program's. */
  readonly prefix: readonly string[]
  readonly #holder: ChildProcess | undefined

  private constructor(prefix: readonly string[], holder?: ChildProcess) {
    this.prefix = prefix
    this.#holder = holder
  }

  static async open(): Promise<PrivateNetwork> {
    for (const { unshare, enter } of WAYS) {
      const works = await run('unshare', [...unshare, 'true']).then(
        () => true,
        (error: NodeJS.ErrnoException) => {
          if (error.code === 'ENOENT') throw new Error('unshare is not installed (apt-get install util-linux)')
          return false
        },
      )
      if (!works) continue
      const holder = spawn('unshare', [...unshare, 'sh', '-c', `${NETWORK} && echo ready && exec cat`])
      const ready = await Promise.race([once(holder.stdout, 'data'), once(holder, 'exit').then(() => undefined)])
      if (ready) return new PrivateNetwork(['nsenter', '-t', String(holder.pid), ...enter], holder)
    }
    console.warn('no private network can be made here: knxd runs in the network of the host')
    return new PrivateNetwork([])
  }

  async close(): Promise<void> {
    if (!this.#holder) return
    const ended = once(this.#holder, 'exit')
    this.#holder.stdin?.end()
    await ended
  }
}
