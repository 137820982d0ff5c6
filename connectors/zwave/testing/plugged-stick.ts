import { SerialPty } from '../serial-pty.ts'
import { SerialSimulator, type SerialSimulatorOptions } from '../serial-simulator.ts'

/** The simulated stick behind a serial device, which comes and goes with its plug. */
export class PluggedStick {
  readonly sim: SerialSimulator
  /** What a driver opens. */
  readonly path: string
  #pty: SerialPty | undefined

  private constructor(sim: SerialSimulator, path: string) {
    this.sim = sim
    this.path = path
  }

  static async start(path: string, options: SerialSimulatorOptions): Promise<PluggedStick> {
    const stick = new PluggedStick(new SerialSimulator(options), path)
    await stick.sim.start()
    await stick.plug()
    return stick
  }

  async plug(): Promise<void> {
    this.#pty = new SerialPty(this.path, this.sim.port)
    await this.#pty.open()
  }

  async unplug(): Promise<void> {
    await this.#pty?.close()
  }

  async stop(): Promise<void> {
    await this.unplug()
    await this.sim.stop()
  }
}
