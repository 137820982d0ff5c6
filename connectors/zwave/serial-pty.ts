import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { asError, BrookError } from '../../common/errors.ts'

/** The pseudo terminal could not be made. */
export class PtyError extends BrookError {
  readonly code = 'PTY_FAILED'
  readonly domain = 'external'
  readonly recovery = 'stop'
}

const RESTART_MS = 200
const APPEAR_MS = 3_000
const POLL_MS = 20

export interface SerialPtyOptions {
  /** Of the TCP port (default 127.0.0.1). */
  readonly host?: string
  /** Do not make the device again when either side has closed it. */
  readonly once?: boolean
}

/**
 * A serial device (pseudo terminal) in front of a TCP port, for drivers that can only open devices. Needs the program socat,
 * which ends when the driver closes the device and is then started again.
 */
export class SerialPty {
  readonly #linkPath: string
  readonly #target: string
  readonly #once: boolean
  #child: ChildProcess | undefined
  #timer: NodeJS.Timeout | undefined
  #closed = false
  #error: Error | undefined

  /** `linkPath`: where the device appears. */
  constructor(linkPath: string, port: number, { host = '127.0.0.1', once = false }: SerialPtyOptions = {}) {
    this.#linkPath = linkPath
    this.#target = `tcp:${host}:${port},nodelay`
    this.#once = once
  }

  /** Resolves when the device is there. @throws {PtyError} socat is missing or cannot make it. */
  async open(): Promise<void> {
    this.#run()
    for (let waitedMs = 0; !existsSync(this.#linkPath); waitedMs += POLL_MS) {
      if (this.#error) throw new PtyError(`socat cannot be run: ${this.#error.message}`, { cause: this.#error })
      if (waitedMs >= APPEAR_MS) throw new PtyError(`socat has not made ${this.#linkPath}`)
      await sleep(POLL_MS)
    }
  }

  /** Takes the device away: what has it open reads its end. */
  async close(): Promise<void> {
    this.#closed = true
    clearTimeout(this.#timer)
    const child = this.#child
    if (!child || child.exitCode !== null || child.signalCode !== null) return
    await new Promise<void>((resolve) => {
      child.once('exit', () => resolve())
      child.kill()
    })
  }

  #run(): void {
    const device = `pty,link=${this.#linkPath},raw,echo=0`
    const child = spawn('socat', [device, this.#target], { stdio: 'ignore' })
    this.#child = child
    child.once('error', (thrown) => {
      this.#error = asError(thrown)
      this.#child = undefined
    })
    child.once('exit', () => {
      if (!this.#closed && !this.#once) this.#timer = setTimeout(() => this.#run(), RESTART_MS)
    })
  }
}
