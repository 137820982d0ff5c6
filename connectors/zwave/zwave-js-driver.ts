import { setTimeout as sleep } from 'node:timers/promises'
import type { Driver, PartialZWaveOptions, ZWaveNode } from 'zwave-js'
import { type Clock, systemClock } from '../../common/clock.ts'
import { asError } from '../../common/errors.ts'
import { type Logger, silentLogger } from '../../common/log.ts'
import {
  type ZwaveDriver,
  type ZwaveListener,
  ZwaveNodeDeadError,
  type ZwaveNodeState,
  ZwaveNotConfirmedError,
  ZwaveNotSupportedError,
  ZwaveRefusedError,
  ZwaveUnavailableError,
  ZwaveUnknownNodeError,
} from './driver.ts'
import { type LevelReport, levelOfPercent, percentOfLevel, readBack } from './level.ts'
import { StickWatchdog } from './stick-watchdog.ts'
import { isDamagedFrame, translateError, type ZwaveJsError } from './zwave-js-errors.ts'
import {
  HOME_SECURITY,
  interpretValue,
  isBinarySensor,
  isNotification,
  MOTION_STATE,
  NOTIFICATION,
  type RawValue,
  VALUE_COMMAND_CLASSES,
  WAKE_UP_INTERVAL,
} from './zwave-values.ts'

export interface ZwaveJsDriverOptions {
  /** A serial device such as `/dev/serial/by-id/…`, or `tcp://host:port`. */
  readonly path: string
  /** Where the network is remembered between starts. */
  readonly cacheDir: string
  /** Reset the stick at the start and when it hangs (default true); simulators cannot do it. */
  readonly softReset?: boolean
  /** How long the stick may take to answer and tell its nodes (default 60 s). */
  readonly openTimeoutMs?: number
  /** How long a dimmer may take to tell its new level (default 10 s). */
  readonly confirmTimeoutMs?: number
  /** How often the stick is asked whether it still lives, and one dead node whether it is back (default 30 s). */
  readonly probeIntervalMs?: number
  /** How long the stick may take for that answer (default 5 s). */
  readonly probeTimeoutMs?: number
  readonly clock?: Clock
  readonly logger?: Logger
}

/** How long a command waits for a node that is still being asked what it can do. */
const INTERVIEW_MS = 30_000
const INTERVIEW_POLL_MS = 100
/** Tries to open the port, one second apart. A stick that is reset may leave USB for a few seconds; else the supervisor tries again. */
const OPEN_ATTEMPTS = { afterReset: 10, otherwise: 1 } as const
const DAMAGED_FRAME_ATTEMPTS = 3
const DAMAGED_FRAME_WAIT_MS = 100
const LET_SLEEP_MS = 500
/** SupervisionStatus of zwave-js; the enum is of a package that is not imported here. */
const NOT_DONE: ReadonlySet<number> = new Set([0x00, 0x02])

type Library = typeof import('zwave-js')
type PortFactory = Extract<ConstructorParameters<typeof Driver>[0], () => unknown>
/** The library's own way of opening serial devices and TCP ports; private there, filled in before a port is opened. */
type Bindings = { readonly bindings: { readonly serial: { createFactoryByPath(path: string): Promise<PortFactory> } } }

/** zwave-js 15 behind our interface; the one file that imports it, and only when a driver is opened (it takes half a second to load). */
export class ZwaveJsDriver implements ZwaveDriver {
  readonly name = 'zwave-js'
  readonly #options: ZwaveJsDriverOptions
  readonly #clock: Clock
  readonly #logger: Logger
  #library: Library | undefined
  #driver: Driver | undefined
  #listener: ZwaveListener | undefined
  #watchdog: StickWatchdog | undefined
  readonly #stopping = new AbortController()
  #opened = false
  #closing: Promise<void> | undefined
  #refreshing: Promise<void> = Promise.resolve()
  readonly #told = new Set<number>()
  readonly #motionByNotification = new Set<number>()

  constructor(options: ZwaveJsDriverOptions) {
    this.#options = options
    this.#clock = options.clock ?? systemClock
    this.#logger = options.logger ?? silentLogger
  }

  async open(listener: ZwaveListener): Promise<void> {
    this.#listener = listener
    this.#library = await import('zwave-js')
    if (this.#closing) throw new ZwaveUnavailableError('the driver was closed while it was opened')
    const driver = new this.#library.Driver(() => this.#openPort(), this.#settings())
    this.#driver = driver
    try {
      await this.#start(driver)
    } catch (cause) {
      await this.close()
      throw new ZwaveUnavailableError(`no Z-Wave stick at ${this.#options.path}: ${asError(cause).message}`, { cause })
    }
    this.#opened = true
    driver.on('error', (error) => this.#failed(error))
    this.#watchdog = new StickWatchdog({
      probe: () => this.#probe(driver),
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
    const driver = this.#driver
    if (!driver?.ready) return []
    const { ownNodeId, nodes } = driver.controller
    return [...nodes.keys()].filter((id) => id !== ownNodeId)
  }

  async setLevel(nodeId: number, percent: number, expiresAtMs?: number): Promise<number> {
    const level = levelOfPercent(percent)
    await this.#untilInterviewed(nodeId)
    const node = this.#dimmer(nodeId)
    const result = await this.#asked(nodeId, () => {
      const dimmer = node.commandClasses['Multilevel Switch']
      // A node may have fallen asleep unnoticed: what is kept for it must not come to life long after.
      const expire = expiresAtMs === undefined ? undefined : Math.max(1, expiresAtMs - this.#clock.nowMs())
      return (expire === undefined ? dimmer : dimmer.withOptions({ expire })).set(level)
    })
    if (result && NOT_DONE.has(result.status))
      throw new ZwaveRefusedError(`node ${nodeId} refuses to be set to ${percent} %`)
    const reached = await readBack(level, {
      read: () => this.#report(nodeId),
      wait: (ms) => this.#wait(ms),
      clock: this.#clock,
      timeoutMs: this.#options.confirmTimeoutMs ?? 10_000,
    })
    if (!reached) throw new ZwaveNotConfirmedError(`node ${nodeId} does not come to ${percent} %`)
    return percentOfLevel(level)!
  }

  /** What a node can do is known when it has been asked: shortly after the first start that takes seconds. */
  async #untilInterviewed(nodeId: number): Promise<void> {
    const deadlineMs = this.#clock.nowMs() + INTERVIEW_MS
    for (;;) {
      const node = this.#driver?.ready ? this.#driver.controller.nodes.get(nodeId) : undefined
      if (!node || node.ready || this.#closing || node.status === this.#library?.NodeStatus.Dead) return
      if (this.#clock.nowMs() >= deadlineMs) return
      await this.#wait(INTERVIEW_POLL_MS)
    }
  }

  async readLevel(nodeId: number): Promise<number> {
    await this.#untilInterviewed(nodeId)
    const { currentValue } = await this.#report(nodeId)
    const percent = typeof currentValue === 'number' ? percentOfLevel(currentValue) : undefined
    if (percent === undefined) throw new ZwaveNotConfirmedError(`node ${nodeId} does not know its level`)
    return percent
  }

  /** Returns early when the driver is closed: whatever comes next finds the stick gone. */
  async #wait(ms: number): Promise<void> {
    await sleep(ms, undefined, { signal: this.#stopping.signal }).catch(() => {})
  }

  #settings(): PartialZWaveOptions {
    const softReset = this.#options.softReset ?? true
    const { cacheDir } = this.#options
    // `openSerialPort` is read by the library and missing in its types; a variable, so that the extra name is accepted.
    const attempts = { controller: 3, openSerialPort: softReset ? OPEN_ATTEMPTS.afterReset : OPEN_ATTEMPTS.otherwise }
    return {
      logConfig: { enabled: false, logToFile: false },
      storage: { cacheDir, lockDir: cacheDir, throttle: 'normal' },
      features: { softReset, unresponsiveControllerRecovery: softReset },
      attempts,
      disableOptimisticValueUpdate: true,
    }
  }

  /**
   * Opens the port, and never again once the network stands: a port that was lost is a failure. Left alone, zwave-js would
   * reopen it behind our back, even after it was destroyed, and take the stick away from the driver that came after.
   */
  async #openPort(): ReturnType<PortFactory> {
    if (this.#opened || this.#closing) {
      const error = new Error('the port was closed')
      this.#failed(error)
      throw error
    }
    const { serial } = (this.#driver as unknown as Bindings).bindings
    const port = await (await serial.createFactoryByPath(this.#options.path))()
    if (this.#closing) {
      await port.sink.close?.()
      throw new Error('the driver was closed while it was opened')
    }
    return port
  }

  /** Resolves when the nodes are known, with our ears on each of them. */
  async #start(driver: Driver): Promise<void> {
    const timeoutMs = this.#options.openTimeoutMs ?? 60_000
    const { signal } = this.#stopping
    let timer: NodeJS.Timeout | undefined
    let abort: (() => void) | undefined
    await new Promise<void>((resolve, reject) => {
      abort = () => reject(new Error('the driver was closed while it was opened'))
      signal.addEventListener('abort', abort)
      timer = setTimeout(() => reject(new Error(`it does not answer within ${timeoutMs} ms`)), timeoutMs)
      driver.once('error', reject)
      driver.once('driver ready', () => {
        driver.off('error', reject)
        for (const id of this.nodeIds()) this.#listenTo(driver.controller.nodes.getOrThrow(id))
        this.#listenToController(driver)
        resolve()
      })
      driver.start().catch(reject)
    }).finally(() => {
      clearTimeout(timer)
      signal.removeEventListener('abort', abort!)
    })
  }

  async #close(): Promise<void> {
    this.#stopping.abort()
    this.#watchdog?.stop()
    // Late errors of a driver that is being taken down are nobody's business any more, but need a listener.
    this.#driver?.on('error', () => {})
    await this.#driver?.destroy().catch((err: unknown) => this.#logger.warn({ err }, 'zwave-js did not close cleanly'))
    await this.#refreshing
  }

  #failed(cause: Error): void {
    if (this.#closing) return
    this.#watchdog?.stop()
    const listener = this.#listener
    this.#listener = undefined
    listener?.failure(new ZwaveUnavailableError(`the Z-Wave stick is gone: ${cause.message}`, { cause }))
  }

  #listenTo(node: ZWaveNode): void {
    const state = (next: ZwaveNodeState) => (): void => this.#listener?.nodeState(node.id, next)
    const known = this.#library && this.#stateOf(node.status, this.#library)
    if (known !== undefined) state(known)()
    node.on('alive', state('alive'))
    node.on('dead', state('dead'))
    node.on('sleep', state('asleep'))
    node.on('wake up', state('awake'))
    node.on('ready', () => {
      this.#tellInfo(node)
      this.#listener?.nodeState(node.id, 'ready')
      if (!this.#told.has(node.id) && !node.canSleep)
        this.#refreshing = this.#refreshing.then(() => this.#refresh(node))
    })
    node.on('interview completed', () => {
      this.#letSleep(node).catch((err: unknown) => this.#logger.debug({ err, nodeId: node.id }, 'a node is kept awake'))
    })
    node.on('value added', (_, args) => this.#heard(node, args))
    node.on('value updated', (_, args) => this.#heard(node, args))
  }

  #stateOf(status: number, { NodeStatus }: Library): ZwaveNodeState | undefined {
    switch (status) {
      case NodeStatus.Asleep:
        return 'asleep'
      case NodeStatus.Awake:
        return 'awake'
      case NodeStatus.Dead:
        return 'dead'
      default:
        return status === NodeStatus.Alive ? 'alive' : undefined
    }
  }

  /** An interview that was put off until the node woke up leaves it to be kept awake for ever, at the cost of its battery. */
  async #letSleep(node: ZWaveNode): Promise<void> {
    if (!node.canSleep) return
    await this.#wait(LET_SLEEP_MS)
    if (this.#closing || !node.keepAwake) return
    node.keepAwake = false
    // zwave-js looks whether a node may sleep when something for it has ended.
    await node.ping()
  }

  #tellInfo(node: ZWaveNode): void {
    const label = [node.deviceConfig?.manufacturer, node.deviceConfig?.label]
      .filter((part) => part !== undefined)
      .join(' ')
    const intervalS = node.getValue(WAKE_UP_INTERVAL)
    this.#listener?.nodeInfo(node.id, {
      ...(label === '' ? {} : { label }),
      ...(typeof intervalS === 'number' && intervalS > 0 ? { wakeUpIntervalMs: intervalS * 1000 } : {}),
    })
  }

  #listenToController({ controller }: Driver): void {
    controller.on('node added', (node) => {
      this.#listenTo(node)
      this.#listener?.nodeAdded(node.id)
    })
    controller.on('node removed', (node) => {
      this.#told.delete(node.id)
      this.#motionByNotification.delete(node.id)
      this.#listener?.nodeRemoved(node.id)
    })
    controller.on('node found', () => this.#listener?.inclusion('node-found'))
    for (const kind of ['inclusion', 'exclusion'] as const) {
      controller.on(`${kind} failed`, () => this.#listener?.inclusion('failed'))
      controller.on(`${kind} stopped`, () => this.#listener?.inclusion('stopped'))
    }
  }

  async beginInclusion(): Promise<void> {
    const { controller, library } = this.#usable()
    await this.#begun(controller.beginInclusion({ strategy: library.InclusionStrategy.Insecure }))
  }

  async beginExclusion(): Promise<void> {
    await this.#begun(this.#usable().controller.beginExclusion())
  }

  async stopInclusion(): Promise<void> {
    const { controller } = this.#usable()
    await this.#begun(controller.stopInclusion().then(async (stopped) => stopped || controller.stopExclusion()))
  }

  async #begun(answer: Promise<boolean>): Promise<void> {
    try {
      await answer
    } catch (cause) {
      throw new ZwaveUnavailableError(`the Z-Wave stick does not do it: ${asError(cause).message}`, { cause })
    }
  }

  #heard(node: ZWaveNode, raw: RawValue & Parameters<ZWaveNode['getValueMetadata']>[0]): void {
    this.#watchdog?.heard()
    const value = interpretValue(raw, () => {
      const metadata = node.getValueMetadata(raw)
      return 'unit' in metadata ? metadata.unit : undefined
    })
    if (!value) return
    this.#told.add(node.id)
    if (value.kind === 'motion') {
      if (isNotification(raw)) this.#motionByNotification.add(node.id)
      else if (isBinarySensor(raw) && this.#motionByNotification.has(node.id)) return
    }
    this.#listener?.value(node.id, value.kind, value.value, value.unit, this.#clock.nowMs())
  }

  /** After a start from the cache nothing has been asked yet: reads what the node measures and where it stands. */
  async #refresh(node: ZWaveNode): Promise<void> {
    for (const commandClass of VALUE_COMMAND_CLASSES) {
      if (this.#closing) return
      if (!node.supportsCC(commandClass)) continue
      const read = this.#read(node, commandClass)
      await read.catch((err: unknown) => this.#logger.debug({ err, nodeId: node.id }, 'a value could not be read'))
    }
  }

  /**
   * zwave-js does not ask devices that push their notifications, and says nothing when one that was idle is idle: yet whether
   * somebody is there now must be known after a start.
   */
  async #read(node: ZWaveNode, commandClass: (typeof VALUE_COMMAND_CLASSES)[number]): Promise<void> {
    if (commandClass !== NOTIFICATION) return node.refreshCCValues(commandClass)
    const answer = await node.commandClasses.Notification.get({ notificationType: HOME_SECURITY })
    if (answer && !this.#motionByNotification.has(node.id))
      this.#heard(node, { ...MOTION_STATE, newValue: node.getValue(MOTION_STATE) })
  }

  /** The stick itself must answer; one dead node is asked along the way, so that it is noticed when it is back. */
  async #probe(driver: Driver): Promise<void> {
    const { controller } = driver
    await controller.isFailedNode(controller.ownNodeId ?? 1)
    const dead = [...controller.nodes.values()].filter((node) => node.status === this.#library?.NodeStatus.Dead)
    const next = dead[Math.floor(Math.random() * dead.length)]
    // Not waited for: reaching out for a node that is gone takes seconds.
    next?.ping().catch(() => {})
  }

  async #report(nodeId: number): Promise<LevelReport> {
    const node = this.#dimmer(nodeId)
    const report = await this.#asked(nodeId, () => node.commandClasses['Multilevel Switch'].get())
    if (!report) throw new ZwaveNotConfirmedError(`node ${nodeId} does not tell its level`)
    return report
  }

  #dimmer(nodeId: number): ZWaveNode {
    const { controller } = this.#usable()
    const node = controller.nodes.get(nodeId)
    if (!node || nodeId === controller.ownNodeId)
      throw new ZwaveUnknownNodeError(`the Z-Wave network has no node ${nodeId}`)
    if (!node.commandClasses['Multilevel Switch'].isSupported()) {
      if (node.status === this.#library?.NodeStatus.Dead) throw new ZwaveNodeDeadError(`node ${nodeId} is dead`)
      throw new ZwaveNotSupportedError(`node ${nodeId} has no level that can be set`)
    }
    return node
  }

  #usable(): { readonly controller: Driver['controller']; readonly library: Library } {
    const driver = this.#driver
    const library = this.#library
    if (!driver?.ready || !library || this.#closing || !this.#listener)
      throw new ZwaveUnavailableError('the Z-Wave stick is not there')
    return { controller: driver.controller, library }
  }

  /** Asks again where a frame was damaged on its way to the stick: zwave-js gives up at the first NAK. */
  async #asked<T>(nodeId: number, ask: () => Promise<T>): Promise<T> {
    for (let attempt = 1; ; attempt++) {
      try {
        return await ask()
      } catch (thrown) {
        const error: ZwaveJsError = asError(thrown)
        if (this.#closing) throw new ZwaveUnavailableError('the Z-Wave driver is being closed', { cause: error })
        if (attempt >= DAMAGED_FRAME_ATTEMPTS || !isDamagedFrame(error))
          throw translateError(nodeId, error, this.#library!.ZWaveErrorCodes)
        await this.#wait(DAMAGED_FRAME_WAIT_MS)
      }
    }
  }
}
