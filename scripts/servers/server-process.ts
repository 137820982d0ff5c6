import { type ChildProcess, spawn } from 'node:child_process'
import { closeSync, openSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { ServerStartError } from './errors.ts'
import { lastLines } from './run.ts'

export interface ServerCommand {
  /** For messages: `Kafka node 1`. */
  readonly name: string
  readonly command: string
  readonly args: readonly string[]
  /** Standard output and error are appended here. */
  readonly logFile: string
  readonly env?: NodeJS.ProcessEnv
  readonly cwd?: string
}

/**
 * A server in a session of its own, so that a Ctrl-C in the terminal reaches us only and we stop it in order. It never
 * outlives this process: a small watcher holds the other end of a pipe and kills the server when the pipe closes, which
 * happens even when this process is killed with SIGKILL.
 */
export class ServerProcess {
  readonly name: string
  readonly pid: number
  readonly #logFile: string
  readonly #child: ChildProcess
  readonly #exited: Promise<void>
  #alive = true

  private constructor(command: ServerCommand, child: ChildProcess, pid: number) {
    this.name = command.name
    this.pid = pid
    this.#logFile = command.logFile
    this.#child = child
    const watcher = watch(pid)
    this.#exited = new Promise((resolve) => {
      child.once('exit', () => {
        this.#alive = false
        watcher.kill('SIGKILL')
        resolve()
      })
    })
  }

  /** @throws {ServerStartError} when the program cannot be started at all. */
  static async spawn(command: ServerCommand): Promise<ServerProcess> {
    const log = openSync(command.logFile, 'a')
    try {
      const child = spawn(command.command, command.args, {
        stdio: ['ignore', log, log],
        detached: true,
        ...(command.env === undefined ? {} : { env: command.env }),
        ...(command.cwd === undefined ? {} : { cwd: command.cwd }),
      })
      await new Promise<void>((resolve, reject) => {
        child.once('spawn', resolve)
        child.once('error', (error) => reject(new ServerStartError(`${command.name}: ${error.message}`)))
      })
      return new ServerProcess(command, child, child.pid as number)
    } finally {
      closeSync(log)
    }
  }

  get alive(): boolean {
    return this.#alive
  }

  /** Asks `probe` until it says yes. @throws {ServerStartError} with the end of the log when the server dies or `timeoutMs` is over. */
  async waitUntil(probe: () => Promise<boolean>, timeoutMs: number): Promise<void> {
    const deadline = performance.now() + timeoutMs
    while (!(await probe())) {
      if (!this.#alive) throw new ServerStartError(`${this.name} ended while it was starting:\n${await this.logTail()}`)
      if (performance.now() > deadline)
        throw new ServerStartError(`${this.name} was not ready within ${timeoutMs} ms:\n${await this.logTail()}`)
      await sleep(50)
    }
  }

  async logTail(lines = 20): Promise<string> {
    return lastLines(await readFile(this.#logFile, 'utf8').catch(() => ''), lines)
  }

  /** SIGTERM, and SIGKILL when it is not gone after `graceMs`. */
  async stop(graceMs = 20_000): Promise<void> {
    if (this.#alive) this.#child.kill('SIGTERM')
    const timer = setTimeout(() => this.#child.kill('SIGKILL'), graceMs)
    await this.#exited
    clearTimeout(timer)
  }

  /** SIGKILL: what a power cut or the out-of-memory killer does to it. */
  async kill(): Promise<void> {
    if (this.#alive) this.#child.kill('SIGKILL')
    await this.#exited
  }

  /** Stops the server for a while without ending it (SIGSTOP), as a long pause of its virtual machine would. */
  pause(): void {
    this.#child.kill('SIGSTOP')
  }

  resume(): void {
    this.#child.kill('SIGCONT')
  }
}

function watch(pid: number): ChildProcess {
  const watcher = spawn('sh', ['-c', 'read -r _; kill -KILL "$0" 2>/dev/null', String(pid)], {
    stdio: ['pipe', 'ignore', 'ignore'],
    detached: true,
  })
  watcher.on('error', () => undefined)
  watcher.stdin?.on('error', () => undefined)
  watcher.unref()
  if (watcher.stdin && 'unref' in watcher.stdin && typeof watcher.stdin.unref === 'function') watcher.stdin.unref()
  return watcher
}
