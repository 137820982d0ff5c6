import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { freePorts } from '../../scripts/servers/ports.ts'
import { eventually } from './eventually.ts'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const READY_MS = 60_000

export type ProgramName = 'building' | 'connectors'

export interface ProgramOptions {
  /** Default `building`. */
  readonly program?: ProgramName
  readonly args?: readonly string[]
  /** Settings by their names in the environment; nothing else that begins with BROOK_ reaches the program. */
  readonly env?: Readonly<Record<string, string | number>>
}

export interface ExitReport {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  readonly afterMs: number
}

export interface LogLine {
  readonly level: number
  readonly msg: string
  readonly [field: string]: unknown
}

export interface HttpAnswer<T> {
  readonly status: number
  readonly body: T
}

const running = new Set<ChildProcess>()
const directories = new Set<string>()
process.once('exit', () => {
  for (const child of running) child.kill('SIGKILL')
})

/** Kills what still runs of this file's programs and removes their directories: for `afterEach` and `afterAll`. */
export async function cleanUp(): Promise<void> {
  await Promise.all([...running].map(kill))
  for (const directory of directories) rmSync(directory, { recursive: true, force: true, maxRetries: 5 })
  directories.clear()
}

/** A fresh directory that `cleanUp` removes. */
export function freshDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), 'brook-e2e-'))
  directories.add(directory)
  return directory
}

/** Settings of a program of its own: a fresh data directory and free ports. */
export async function freshSettings(): Promise<Record<string, string>> {
  const [http, mqtt] = await freePorts(2)
  return {
    BROOK_DATA_DIR: freshDirectory(),
    BROOK_HTTP_PORT: String(http),
    BROOK_MQTT_PORT: String(mqtt),
  }
}

/** `node bin/building.ts` (or another program) in a process of its own, as a user starts it. */
export class BuildingProcess {
  readonly url: string
  readonly mqttUrl: string
  readonly exited: Promise<ExitReport>
  readonly #child: ChildProcess
  readonly #startedMs = performance.now()
  #stdout = ''
  #stderr = ''
  #exit: ExitReport | undefined

  private constructor({ program = 'building', args = [], env = {} }: ProgramOptions) {
    const settings = Object.fromEntries(Object.entries(env).map(([name, value]) => [name, String(value)]))
    this.url = `http://127.0.0.1:${settings['BROOK_HTTP_PORT'] ?? 8080}`
    this.mqttUrl = `mqtt://127.0.0.1:${settings['BROOK_MQTT_PORT'] ?? 1883}`
    const child = spawn(process.execPath, [join(ROOT, 'bin', `${program}.ts`), ...args], {
      cwd: ROOT,
      env: { ...ownEnvironment(), ...settings },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    this.#child = child
    running.add(child)
    child.stdout.on('data', (chunk: Buffer) => {
      this.#stdout += chunk.toString()
    })
    child.stderr.on('data', (chunk: Buffer) => {
      this.#stderr += chunk.toString()
    })
    this.exited = new Promise((resolve) => {
      child.once('close', (code, signal) => {
        running.delete(child)
        this.#exit = { code, signal, afterMs: performance.now() - this.#startedMs }
        resolve(this.#exit)
      })
    })
  }

  /** Resolves at once; `ready` waits. */
  static spawn(options: ProgramOptions): BuildingProcess {
    return new BuildingProcess(options)
  }

  /** Resolves when it is ready. @throws with what it wrote when it is not within a minute, or ends before. */
  static async start(options: ProgramOptions): Promise<BuildingProcess> {
    const building = new BuildingProcess(options)
    await building.ready()
    return building
  }

  get pid(): number {
    return this.#child.pid as number
  }

  get output(): string {
    return this.#stdout + this.#stderr
  }

  get stderr(): string {
    return this.#stderr
  }

  /** What it logged, without the lines for people. */
  get logLines(): readonly LogLine[] {
    return this.#stdout.split('\n').flatMap((line) => (line.startsWith('{') ? [JSON.parse(line) as LogLine] : []))
  }

  /** Log lines of warnings and worse. */
  get complaints(): readonly LogLine[] {
    return this.logLines.filter(({ level }) => level >= 40)
  }

  async ready(timeoutMs = READY_MS): Promise<void> {
    const gone = this.exited.then(({ code, signal }) => {
      throw new Error(`it ended with ${code ?? signal} before it was ready:\n${this.output}`)
    })
    const answered = eventually(
      `${this.url} is ready`,
      async () => ((await this.get('/readyz')).status === 200 ? true : undefined),
      timeoutMs,
    )
    await Promise.race([answered, gone]).catch((error: Error) => {
      throw this.#exit ? error : new Error(`${error.message}\n${this.output}`)
    })
  }

  async get<T = unknown>(path: string): Promise<HttpAnswer<T>> {
    const answer = await fetch(`${this.url}${path}`, { signal: AbortSignal.timeout(10_000) })
    return { status: answer.status, body: (await answer.json()) as T }
  }

  async post<T = unknown>(path: string, body: object): Promise<HttpAnswer<T>> {
    const answer = await fetch(`${this.url}${path}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
      signal: AbortSignal.timeout(10_000),
    })
    return { status: answer.status, body: (await answer.json()) as T }
  }

  /** SIGKILL: what a crash or the out-of-memory killer does. */
  async kill(): Promise<void> {
    await kill(this.#child)
    await this.exited
  }

  /** Ctrl-C. */
  async interrupt(): Promise<ExitReport> {
    const sentMs = performance.now()
    this.#child.kill('SIGINT')
    const { code, signal } = await this.exited
    return { code, signal, afterMs: performance.now() - sentMs }
  }
}

/** The test runner's own settings are not the program's. */
function ownEnvironment(): NodeJS.ProcessEnv {
  const foreign = /^(BROOK_|VITEST|NODE_ENV$|NODE_OPTIONS$|TEST$|DEV$|PROD$|MODE$|BASE_URL$|SSR$)/
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !foreign.test(name)))
}

function kill(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return Promise.resolve()
  return new Promise((resolve) => {
    child.once('exit', () => resolve())
    child.kill('SIGKILL')
  })
}
