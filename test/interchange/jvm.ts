import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { delimiter, dirname, join } from 'node:path'
import { createInterface } from 'node:readline'
import { ensureParts } from '../../scripts/servers/apt.ts'
import { KAFKA_JAVA, requireJava } from '../../scripts/servers/java.ts'
import { kafkaStreamsJars } from '../../scripts/servers/maven.ts'
import { lastLines, run } from '../../scripts/servers/run.ts'

const SOURCES = join(import.meta.dirname, 'java')
const LOG_CHARACTERS = 200_000
const TOLD_LINES = 30

/** What a Java process needs to run `java/Interchange.java`. */
export interface JvmProgram {
  readonly java: string
  readonly classPath: string
  /** Deletes the compiled classes. */
  readonly remove: () => Promise<void>
}

/** @throws {MissingPartError} naming what is not on this machine; when it cannot be compiled. */
export async function compileProgram(): Promise<JvmProgram> {
  await ensureParts(['maven', 'javac'])
  const java = await requireJava(KAFKA_JAVA, 'Kafka Streams')
  const libraries = join(await kafkaStreamsJars(console.log), '*')
  const classes = await mkdtemp(join(tmpdir(), 'brook-interchange-java-'))
  const sources = (await readdir(SOURCES)).map((file) => join(SOURCES, file))
  const javac = join(dirname(java.path), 'javac')
  const result = await run(javac, ['-nowarn', '-d', classes, '-cp', libraries, ...sources], { timeoutMs: 120_000 })
  if (result.exitCode !== 0) throw new Error(`javac failed:\n${lastLines(result.output, 30)}`)
  return {
    java: java.path,
    classPath: [classes, libraries].join(delimiter),
    remove: () => rm(classes, { recursive: true, force: true }),
  }
}

/** A Java process with any number of KafkaStreams clients in it. */
export class Jvm {
  readonly #child: ChildProcess
  readonly #ended: Promise<void>
  readonly #waiting = new Set<() => void>()
  readonly #states = new Map<string, string>()
  readonly #failures = new Map<string, string>()
  readonly #closed = new Set<string>()
  #log = ''
  #isReady = false
  #hangs = false
  #hasEnded = false

  private constructor(child: ChildProcess) {
    this.#child = child
    this.#ended = new Promise((resolve) => {
      child.once('close', () => {
        this.#hasEnded = true
        this.#wake()
        resolve()
      })
    })
    createInterface({ input: child.stdout as NodeJS.ReadableStream }).on('line', (line) => this.#take(line))
    child.stderr?.on('data', (data) => {
      this.#log = (this.#log + String(data)).slice(-LOG_CHARACTERS)
    })
  }

  static async start({ java, classPath }: JvmProgram): Promise<Jvm> {
    const options = ['-Xmx1g', '-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1', '-Xshare:auto']
    const log = '-Dorg.slf4j.simpleLogger.defaultLogLevel=warn'
    const jvm = new Jvm(spawn(java, [...options, log, '-cp', classPath, 'Interchange']))
    await jvm.#until('the start of the JVM', () => jvm.#isReady)
    return jvm
  }

  /** Starts a client and waits until it runs. */
  async run(id: string, config: Readonly<Record<string, string | number | boolean>>): Promise<void> {
    this.start(id, config)
    await this.#until(`RUNNING of ${id}`, () => this.#states.get(id) === 'RUNNING' || this.#failures.has(id))
    this.expectHealthy(id)
  }

  start(id: string, config: Readonly<Record<string, string | number | boolean>>): void {
    this.#states.delete(id)
    this.#failures.delete(id)
    this.#closed.delete(id)
    this.#say(
      `start ${id} ${Object.entries(config)
        .map((pair) => pair.join('='))
        .join(' ')}`,
    )
  }

  /** The message of its uncaught error, as soon as it has one and its client is in the state ERROR. */
  async failure(id: string): Promise<string> {
    await this.#until(`a failure of ${id}`, () => this.#failures.has(id) && this.#states.get(id) === 'ERROR')
    return this.#failures.get(id) as string
  }

  /** Closes a client; `remain` is what Kafka Streams does by default: its member stays in the group until the session timeout. */
  async close(id: string, membership: 'leave' | 'remain'): Promise<void> {
    this.#say(`close ${id} ${membership}`)
    await this.#until(`the end of ${id}`, () => this.#closed.has(id))
    this.expectHealthy(id)
  }

  /** @throws when an uncaught error of the client has been told. */
  expectHealthy(id: string): void {
    const failure = this.#failures.get(id)
    if (failure !== undefined)
      throw new Error(`${id} failed on the JVM: ${failure}\n${lastLines(this.#log, TOLD_LINES)}`)
  }

  stateOf(id: string): string | undefined {
    return this.#states.get(id)
  }

  /** The warnings and errors of its log. */
  get log(): string {
    return this.#log
  }

  /** Stands still after so many results, with whatever transaction is open; `go` lets it go on. */
  async hangAfter(results: number): Promise<void> {
    this.#say(`hang ${results}`)
    await this.#until('the process to hang', () => this.#hangs)
  }

  go(): void {
    this.#say('go')
  }

  /** The whole process, with its heartbeats. */
  signal(signal: 'SIGSTOP' | 'SIGCONT'): void {
    this.#child.kill(signal)
  }

  async kill(): Promise<void> {
    this.#child.kill('SIGKILL')
    await this.#ended
  }

  #say(line: string): void {
    this.#child.stdin?.write(`${line}\n`)
  }

  #take(line: string): void {
    const [what, id = '', ...rest] = line.split(' ')
    if (what === 'ready') this.#isReady = true
    else if (what === 'hangs') this.#hangs = true
    else if (what === 'state') this.#states.set(id, rest[0] as string)
    else if (what === 'closed') this.#closed.add(id)
    else if (what === 'failed') this.#failures.set(id, rest.join(' '))
    this.#wake()
  }

  #wake(): void {
    for (const wake of [...this.#waiting]) wake()
  }

  async #until(what: string, look: () => boolean): Promise<void> {
    const deadline = performance.now() + 60_000
    while (!look()) {
      if (this.#hasEnded)
        throw new Error(`the JVM ended while ${what} was waited for:\n${lastLines(this.#log, TOLD_LINES)}`)
      const leftMs = deadline - performance.now()
      if (leftMs <= 0) throw new Error(`${what} took more than 60 s:\n${lastLines(this.#log, TOLD_LINES)}`)
      await new Promise<void>((resolve) => {
        const timer = setTimeout(done, leftMs)
        const waiting = this.#waiting
        function done(): void {
          clearTimeout(timer)
          waiting.delete(done)
          resolve()
        }
        waiting.add(done)
      })
    }
  }
}
