import { SerialPty } from '../../connectors/zwave/serial-pty.ts'
import type { SerialSimulator } from '../../connectors/zwave/serial-simulator.ts'
import type { Removable } from './fault-kinds.ts'

/** The simulated stick in its socket: behind a serial device where one is asked for, else on its TCP port. */
export class OwnStick implements Removable {
  readonly #stick: SerialSimulator
  readonly #ptyPath: string | undefined
  #pty: SerialPty | undefined

  /** The simulator runs already. */
  constructor(stick: SerialSimulator, ptyPath: string | undefined) {
    this.#stick = stick
    this.#ptyPath = ptyPath
  }

  /** What a driver opens. */
  get path(): string {
    return this.#ptyPath ?? this.#stick.path
  }

  /** @throws {PtyError} the serial device cannot be made. */
  async giveBack(): Promise<void> {
    await this.#stick.start()
    if (this.#ptyPath === undefined) return
    this.#pty = new SerialPty(this.#ptyPath, this.#stick.port)
    await this.#pty.open()
  }

  /** The serial device goes, and with it what has it open. */
  async take(): Promise<void> {
    await this.#pty?.close()
    this.#pty = undefined
    await this.#stick.unplug()
  }
}
