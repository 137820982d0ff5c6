import { type ChildProcess, spawn } from 'node:child_process'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { CrashPlan } from './crash-point.ts'
import type { Said, TallyAppOptions, TallyStatus } from './tally-app.ts'

const APP = join(import.meta.dirname, 'tally-app.ts')

/** How a process ended. */
export type Ended = { readonly signal: NodeJS.Signals } | { readonly code: number }

/** A process of the application, seen from outside. */
export class TallyInstance {
  readonly id: string
  readonly #process: ChildProcess
  readonly #exited: Promise<void>
  status: TallyStatus = { state: 'CREATED', tasks: [] }
  /** It has been told to stop itself, and has said that it does. */
  isStopping = false
  ended: Ended | undefined
  /** What it has warned of since `forgetWarnings`. */
  warnings: string[] = []
  stderr = ''

  constructor(options: TallyAppOptions) {
    this.id = options.instance
    this.#process = spawn(process.execPath, [APP, JSON.stringify(options)], {
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    })
    this.#exited = new Promise((resolve) =>
      this.#process.once('close', (code, signal) => {
        this.ended = signal === null ? { code: code ?? -1 } : { signal }
        resolve()
      }),
    )
    createInterface({ input: this.#process.stdout as NodeJS.ReadableStream }).on('line', (line) => this.#hear(line))
    this.#process.stderr?.on('data', (data) => (this.stderr += data))
    this.#process.on('error', (error) => (this.stderr += error.stack))
  }

  get isRunning(): boolean {
    return this.ended === undefined && this.status.state === 'RUNNING' && this.status.tasks.length > 0
  }

  arm(plan: CrashPlan): void {
    this.isStopping = false
    this.#process.send(plan)
  }

  pause(): void {
    this.#process.kill('SIGSTOP')
  }

  resume(): void {
    this.#process.kill('SIGCONT')
  }

  forgetWarnings(): void {
    this.warnings = []
  }

  /** SIGKILL, which ends a process that stands still too. */
  async kill(): Promise<void> {
    this.#process.kill('SIGKILL')
    await this.#exited
  }

  /** For messages. */
  describe(): string {
    const { id, ended, status, warnings, stderr } = this
    return [JSON.stringify({ id, ended, status }), ...warnings.slice(-12), stderr.slice(-2_000)].join('\n    ')
  }

  #hear(line: string): void {
    const said = JSON.parse(line) as Said
    if ('status' in said) this.status = said.status
    else if ('warning' in said) this.warnings.push(said.warning)
    else this.isStopping = true
  }
}
