import { type ChildProcess, fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import type { OpenzwaveOrder, OpenzwaveReport } from './openzwave-messages.ts'

export interface OpenzwaveChildOptions {
  readonly onReport: (report: OpenzwaveReport) => void
  /** It has ended without being asked to, or was ended because it hung. Told once. */
  readonly onEnd: (error: Error) => void
  /** How long it may say nothing: its event loop stands still when the native library blocks. */
  readonly hangsAfterMs: number
}

const CLOSE_MS = 3_000
const PROGRAM = fileURLToPath(new URL('./openzwave-process.ts', import.meta.url))
/** What of the last words of a crash is kept. */
const LAST_WORDS = 300

/** The process with the native library, and the watch over it. */
export class OpenzwaveChild {
  readonly #options: OpenzwaveChildOptions
  readonly #child: ChildProcess
  readonly #ended: Promise<void>
  #watch: NodeJS.Timeout | undefined
  #why: string | undefined
  #isClosing = false
  #lastWords = ''

  constructor(options: OpenzwaveChildOptions) {
    this.#options = options
    const child = fork(PROGRAM, [], { stdio: ['ignore', 'ignore', 'pipe', 'ipc'], execArgv: [] })
    this.#child = child
    child.stderr?.on('data', (chunk: Buffer) => {
      this.#lastWords = (this.#lastWords + chunk.toString()).slice(-LAST_WORDS)
    })
    child.on('message', (report: OpenzwaveReport) => {
      this.#watch?.refresh()
      if (!this.#isClosing && report.type !== 'alive') options.onReport(report)
    })
    this.#watch = setTimeout(() => this.#hangs(), options.hangsAfterMs)
    this.#ended = new Promise((resolve) => {
      child.once('error', (error) => this.#end(error.message, resolve))
      child.once('exit', (code, signal) => {
        this.#end(this.#why ?? (signal === null ? `exit code ${code}` : `signal ${signal}`), resolve)
      })
    })
  }

  get pid(): number | undefined {
    return this.#child.pid
  }

  send(order: OpenzwaveOrder): void {
    // What cannot be sent any more is answered by the end of the process.
    if (this.#child.connected) this.#child.send(order, () => {})
  }

  /** Asks it to end, and ends it when it takes too long; `atOnce` does not ask. */
  async close(atOnce = false): Promise<void> {
    this.#isClosing = true
    clearTimeout(this.#watch)
    this.send({ type: 'close' })
    if (atOnce) this.#child.kill('SIGKILL')
    const timer = setTimeout(() => this.#child.kill('SIGKILL'), CLOSE_MS)
    await this.#ended
    clearTimeout(timer)
  }

  #hangs(): void {
    this.#why = `it did nothing for ${this.#options.hangsAfterMs} ms`
    this.#child.kill('SIGKILL')
  }

  #end(why: string, resolve: () => void): void {
    clearTimeout(this.#watch)
    resolve()
    if (this.#isClosing) return
    this.#isClosing = true
    const words = this.#lastWords.trim().split('\n').at(-1)
    this.#options.onEnd(new Error(`the OpenZWave process has ended (${why})${words ? `: ${words}` : ''}`))
  }
}
