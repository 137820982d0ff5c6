import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { freePorts } from '../../scripts/servers/ports.ts'
import { freshDirectory } from './building-process.ts'
import { eventually } from './eventually.ts'

const BROOK = fileURLToPath(new URL('../../bin/brook.ts', import.meta.url))

export interface SimulatedHouseDocument {
  readonly rooms: number
  readonly floors: number
  readonly devices: number
  readonly seed: number
  /** Settings of a building on this house. */
  readonly env: Readonly<Record<string, string>>
  readonly control: string
}

/** `brook simulate` in a process of its own, as a user starts it, on free ports. */
export class SimulateProcess {
  readonly document: SimulatedHouseDocument
  readonly #child: ChildProcess
  #stderr = ''

  private constructor(child: ChildProcess, document: SimulatedHouseDocument) {
    this.#child = child
    this.document = document
    child.stderr?.on('data', (chunk: Buffer) => {
      this.#stderr += chunk.toString()
    })
  }

  /** Resolves when it says where its wires are. @throws with what it wrote when it ends before. */
  static async start(args: readonly string[], stdin: 'pipe' | 'ignore' = 'pipe'): Promise<SimulateProcess> {
    const [mqtt, knx] = await freePorts(2)
    const own = ['--json', '--knx', `127.0.0.1:${knx}`, '--control', '0', '--directory', freshDirectory()]
    const child = spawn(process.execPath, [BROOK, 'simulate', ...own, ...args], {
      env: { PATH: process.env['PATH'], HOME: process.env['HOME'], BROOK_MQTT_PORT: String(mqtt) },
      stdio: [stdin, 'pipe', 'pipe'],
    })
    process.once('exit', () => child.kill('SIGKILL'))
    let said = ''
    let complained = ''
    child.stdout?.on('data', (chunk: Buffer) => {
      said += chunk.toString()
    })
    child.stderr?.on('data', (chunk: Buffer) => {
      complained += chunk.toString()
    })
    const document = await eventually('the simulation is up', () => {
      if (child.exitCode !== null) throw new Error(`it ended with ${child.exitCode}: ${complained}`)
      return JSON.parse(said) as SimulatedHouseDocument
    })
    return new SimulateProcess(child, document)
  }

  /** What it says of faults. */
  get notes(): string {
    return this.#stderr
  }

  type(line: string): void {
    this.#child.stdin?.write(`${line}\n`)
  }

  /** The exit code after Ctrl-C, or after what a service manager sends. */
  async interrupt(signal: 'SIGINT' | 'SIGTERM' = 'SIGINT'): Promise<number | null> {
    this.#child.kill(signal)
    if (this.#child.exitCode === null) await once(this.#child, 'exit')
    return this.#child.exitCode
  }

  async kill(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return
    this.#child.kill('SIGKILL')
    await once(this.#child, 'exit')
  }
}
