import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Clock, systemClock } from '../../common/clock.ts'
import { asError } from '../../common/errors.ts'
import { type Logger, silentLogger } from '../../common/log.ts'
import { type ZwaveDriver, type ZwaveListener, ZwaveNotConfirmedError, ZwaveUnavailableError } from './driver.ts'
import { levelOfPercent, percentOfLevel, readBack } from './level.ts'
import { OpenzwaveChild } from './openzwave-child.ts'
import type { OpenzwaveOrder, OpenzwaveReport } from './openzwave-messages.ts'
import { OpenzwaveNetwork } from './openzwave-network.ts'
import { PortWatch, portIsThere } from './port-watch.ts'
import { SerialPty } from './serial-pty.ts'
import { StickWatchdog } from './stick-watchdog.ts'

export interface OpenzwaveDriverOptions {
  /** A serial device such as `/dev/serial/by-id/…`, or `tcp://host:port`, for which the program socat makes one. */
  readonly path: string
  /** Where the network is remembered between starts. */
  readonly cacheDir: string
  /** The device files of the library (default: where distributions put them). */
  readonly configPath?: string
  /** How long the stick may take to answer and tell its nodes (default 60 s). */
  readonly openTimeoutMs?: number
  /** How long a dimmer may take to tell its new level (default 10 s). */
  readonly confirmTimeoutMs?: number
  /** How long a node may take for one answer (default 5 s). */
  readonly answerTimeoutMs?: number
  /** How long the child process may stand still before it is killed (default 10 s). */
  readonly hangsAfterMs?: number
  /** How often the stick is asked whether it still lives, and one dead node whether it is back (default 30 s). */
  readonly probeIntervalMs?: number
  /** How long the stick may take for that answer (default 5 s). */
  readonly probeTimeoutMs?: number
  readonly clock?: Clock
  readonly logger?: Logger
}

const INTERVIEW_MS = 30_000
const INTERVIEW_POLL_MS = 100
const LOST_FRAME_ATTEMPTS = 3
const CONFIG_PATHS = ['/etc/openzwave/', '/usr/local/etc/openzwave/', '/usr/share/openzwave/config/']

/** Why the native driver cannot be used by a module at `from`, with the way out; `undefined` when it can. */
export function openzwaveProblem(from: string = import.meta.url): string | undefined {
  const wayOut = 'install libopenzwave1.6-dev and g++, then run npm run openzwave; or set BROOK_ZWAVE_DRIVER=zwave-js'
  try {
    const manifest = createRequire(from).resolve('openzwave-shared/package.json')
    if (existsSync(join(dirname(manifest), 'build', 'Release', 'openzwave_shared.node'))) return undefined
  } catch {
    return `the package openzwave-shared is not installed: ${wayOut}`
  }
  return `the native driver OpenZWave has not been built: ${wayOut}`
}

/**
 * OpenZWave 1.6 behind our interface. The native library is in a child process: when it blocks, crashes or loses the stick, the
 * child is killed, `failure` is told, and the next driver starts a new one.
 */
export class OpenzwaveDriver implements ZwaveDriver {
  readonly name = 'openzwave'
  readonly #options: OpenzwaveDriverOptions
  readonly #clock: Clock
  readonly #logger: Logger
  readonly #stopping = new AbortController()
  #network: OpenzwaveNetwork | undefined
  #listener: ZwaveListener | undefined
  #child: OpenzwaveChild | undefined
  #pty: SerialPty | undefined
  #ptyDirectory: string | undefined
  #watchdog: StickWatchdog | undefined
  #watch: PortWatch | undefined
  #opening: { resolve(): void; reject(error: Error): void } | undefined
  #failure: Error | undefined
  #closing: Promise<void> | undefined

  constructor(options: OpenzwaveDriverOptions) {
    this.#options = options
    this.#clock = options.clock ?? systemClock
    this.#logger = options.logger ?? silentLogger
  }

  /** Of the child process. */
  get pid(): number | undefined {
    return this.#child?.pid
  }

  async open(listener: ZwaveListener): Promise<void> {
    const problem = openzwaveProblem()
    if (problem !== undefined) throw new ZwaveUnavailableError(problem)
    this.#listener = listener
    try {
      const device = await this.#device()
      if (this.#closing) throw new Error('the driver was closed while it was opened')
      await this.#start(device, listener)
    } catch (cause) {
      await this.close()
      throw new ZwaveUnavailableError(`no Z-Wave stick at ${this.#options.path}: ${asError(cause).message}`, { cause })
    }
    this.#watchdog = new StickWatchdog({
      probe: () => this.#probe(),
      onSilent: (error) => this.#failed(error),
      intervalMs: this.#options.probeIntervalMs ?? 30_000,
      timeoutMs: this.#options.probeTimeoutMs ?? 5_000,
    })
    this.#watchdog.start()
  }

  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  nodeIds(): readonly number[] {
    return this.#network?.nodeIds() ?? []
  }

  async setLevel(nodeId: number, percent: number): Promise<number> {
    const level = levelOfPercent(percent)
    const network = await this.#interviewed(nodeId)
    network.dimmer(nodeId)
    let sent = 0
    let timeouts = 0
    const send = (): void => {
      timeouts = network.timeouts(nodeId)
      if (sent++ < LOST_FRAME_ATTEMPTS) this.#send({ type: 'set-level', nodeId, level })
    }
    send()
    const reached = await readBack(level, {
      read: () => {
        // The library gives up a frame that the stick does not acknowledge.
        if (network.timeouts(nodeId) !== timeouts) send()
        return this.#usable().askLevel(nodeId)
      },
      wait: (ms) => this.#wait(ms),
      clock: this.#clock,
      timeoutMs: this.#options.confirmTimeoutMs ?? 10_000,
    })
    if (!reached) throw new ZwaveNotConfirmedError(`node ${nodeId} does not come to ${percent} %`)
    return percentOfLevel(level)!
  }

  async readLevel(nodeId: number): Promise<number> {
    const { currentValue } = await (await this.#interviewed(nodeId)).askLevel(nodeId)
    const percent = typeof currentValue === 'number' ? percentOfLevel(currentValue) : undefined
    if (percent === undefined) throw new ZwaveNotConfirmedError(`node ${nodeId} does not know its level`)
    return percent
  }

  async beginInclusion(): Promise<void> {
    await this.#usable().begin('include')
  }

  async beginExclusion(): Promise<void> {
    await this.#usable().begin('exclude')
  }

  async stopInclusion(): Promise<void> {
    this.#usable().stopInclusion()
  }

  /** What the library opens: it knows serial devices only. */
  async #device(): Promise<string> {
    const { path } = this.#options
    const [, host, port] = /^tcp:\/\/([^:]+):(\d+)$/.exec(path) ?? []
    if (host === undefined) {
      if (!(await portIsThere(path))) throw new Error('there is no such device')
      return path
    }
    this.#ptyDirectory = await mkdtemp(join(tmpdir(), 'brook-zwave-'))
    const device = join(this.#ptyDirectory, 'tty')
    this.#pty = new SerialPty(device, Number(port), { host, once: true })
    await this.#pty.open()
    return device
  }

  async #start(device: string, listener: ZwaveListener): Promise<void> {
    const timeoutMs = this.#options.openTimeoutMs ?? 60_000
    const userPath = join(this.#options.cacheDir, 'openzwave')
    await mkdir(userPath, { recursive: true })
    this.#watch = new PortWatch(device, (error) => this.#failed(error))
    await this.#watch.start()
    const opened = new Promise<void>((resolve, reject) => {
      this.#opening = { resolve, reject }
    })
    const child = new OpenzwaveChild({
      onReport: (report) => this.#heard(report),
      onEnd: (error) => this.#failed(error),
      hangsAfterMs: this.#options.hangsAfterMs ?? 10_000,
    })
    this.#child = child
    const answerTimeoutMs = this.#options.answerTimeoutMs ?? 5_000
    this.#network = new OpenzwaveNetwork({
      send: (order) => this.#send(order),
      listener,
      clock: this.#clock,
      answerTimeoutMs,
    })
    const configPath = this.#options.configPath ?? CONFIG_PATHS.find((path) => existsSync(path)) ?? CONFIG_PATHS[0]!
    child.send({ type: 'open', path: device, userPath: `${userPath}/`, configPath, answerTimeoutMs })
    const timer = setTimeout(() => {
      this.#opening?.reject(new Error(`it does not answer within ${timeoutMs} ms`))
    }, timeoutMs)
    try {
      await opened
    } finally {
      clearTimeout(timer)
      this.#opening = undefined
    }
  }

  #heard(report: OpenzwaveReport): void {
    if (this.#failure) return
    if (report.type === 'failed') this.#failed(new Error(report.reason))
    else {
      if (report.type === 'value') this.#watchdog?.heard()
      this.#network?.heard(report)
      // What the stick answers now stands behind the nodes that it has told.
      if (report.type === 'ready')
        this.#network?.probe().then(
          () => this.#opening?.resolve(),
          (error: unknown) => this.#opening?.reject(asError(error)),
        )
    }
  }

  #failed(cause: Error): void {
    if (this.#closing || this.#failure) return
    this.#failure = cause
    this.#watchdog?.stop()
    this.#watch?.stop()
    this.#network?.lost(new ZwaveUnavailableError(`the Z-Wave stick is gone: ${cause.message}`, { cause }))
    const opening = this.#opening
    if (opening) {
      opening.reject(cause)
      return
    }
    this.#logger.debug({ err: cause }, 'the OpenZWave driver has failed')
    this.#listener?.failure(new ZwaveUnavailableError(`the Z-Wave stick is gone: ${cause.message}`, { cause }))
  }

  async #close(): Promise<void> {
    this.#stopping.abort()
    this.#watchdog?.stop()
    this.#watch?.stop()
    this.#opening?.reject(new Error('the driver was closed while it was opened'))
    this.#network?.lost(new ZwaveUnavailableError('the Z-Wave driver is being closed'))
    // A library that has lost its stick spins and does not listen.
    await this.#child?.close(this.#failure !== undefined)
    await this.#pty?.close()
    if (this.#ptyDirectory !== undefined) await rm(this.#ptyDirectory, { recursive: true, force: true })
  }

  #send(order: OpenzwaveOrder): void {
    this.#child?.send(order)
  }

  /** @throws {ZwaveUnavailableError} */
  #usable(): OpenzwaveNetwork {
    if (!this.#network || this.#closing || this.#failure || this.#opening)
      throw new ZwaveUnavailableError('the Z-Wave stick is not there')
    return this.#network
  }

  /** What a node can do is known when it has been asked: shortly after the first start that takes seconds. */
  async #interviewed(nodeId: number): Promise<OpenzwaveNetwork> {
    const deadlineMs = this.#clock.nowMs() + INTERVIEW_MS
    while (this.#usable().isBeingAsked(nodeId) && this.#clock.nowMs() < deadlineMs) await this.#wait(INTERVIEW_POLL_MS)
    return this.#usable()
  }

  async #wait(ms: number): Promise<void> {
    await sleep(ms, undefined, { signal: this.#stopping.signal }).catch(() => {})
  }

  /** The stick itself must answer; one dead node is asked along the way, so that it is noticed when it is back. */
  async #probe(): Promise<void> {
    const network = this.#usable()
    const next = network.oneDeadNode()
    if (next !== undefined) this.#send({ type: 'ping', nodeId: next })
    await network.probe()
  }
}
