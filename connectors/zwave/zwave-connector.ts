import { type Clock, systemClock } from '../../common/clock.ts'
import { asError } from '../../common/errors.ts'
import { type Logger, silentLogger } from '../../common/log.ts'
import type { Device, Reading } from '../../schemas/types.ts'
import { CommandConsumer, type CommandConsumerOptions } from '../command-consumer.ts'
import type { Connector, ConnectorStatus } from '../connector.ts'
import type { DeviceTable } from '../device-table.ts'
import type { Origin, ReadingPublisher } from '../publisher.ts'
import { ReadingOutbox, type ReadingOutboxOptions } from '../reading-outbox.ts'
import type { StatusTracker } from '../status.ts'
import { type ZwaveDriver, type ZwaveListener, ZwaveUnavailableError } from './driver.ts'
import { FloodGuard } from './flood-guard.ts'
import { DEFAULT_INCLUSION_MS, Inclusion, type InclusionStatus } from './inclusion.ts'
import { NodeRegistry, type UnclaimedValue, type ZwaveNodeStatus } from './node-registry.ts'
import { watchPortReturn } from './port-watch.ts'
import { zwaveCommandHandler } from './zwave-commands.ts'

export interface ZwaveConnectorOptions {
  /** A new driver for each start: `() => new ZwaveJsDriver({ path, cacheDir })`. */
  readonly createDriver: () => ZwaveDriver
  /** The serial device of the stick: when it is back after it was away, the connector starts at once. */
  readonly port?: string
  /** Started and stopped by whoever made it. */
  readonly devices: Pick<DeviceTable, 'get' | 'onBus' | 'listen'>
  /** This connector's own; closed at the stop. */
  readonly publisher: ReadingPublisher
  /** This connector's own; names it too. */
  readonly status: StatusTracker
  /** Where commands come from. */
  readonly commands: Pick<CommandConsumerOptions, 'kafka' | 'topic' | 'key' | 'value' | 'groupId'> &
    Partial<Pick<CommandConsumerOptions, 'answersUnknownDevices' | 'maxParallel' | 'drainMs' | 'results'>>
  /**
   * A sensor of temperature, humidity or luminance that says nothing for this long is unavailable (default 3 hours: most report
   * hourly). One that sleeps and has told how often it wakes up is when it has missed three times.
   */
  readonly silentAfterMs?: number
  readonly outbox?: Pick<ReadingOutboxOptions, 'maxInFlight' | 'maxWaiting' | 'backoff'>
  readonly clock?: Clock
  readonly logger?: Logger
}

/** The status of the Z-Wave connector, with its nodes. */
export interface ZwaveConnectorStatus extends ConnectorStatus {
  /** The library behind it; `undefined` before the first start. */
  readonly driver: string | undefined
  readonly nodes: readonly ZwaveNodeStatus[]
  /** Nodes that report and belong to no device of the building. */
  readonly unknownNodes: readonly number[]
  /** Devices of the building whose node is not in the network. */
  readonly missingDevices: readonly string[]
  readonly inclusion: InclusionStatus
}

const ASSESS_INTERVAL_MS = 30_000
/** Lamps are quick; one that is not has its command again after the next start. */
const DRAIN_MS = 2_000
/** All nodes of a network: commands for those that sleep wait, and must not keep the others from theirs. */
const MAX_PARALLEL = 232

/**
 * Z-Wave to the log and back. What nodes tell becomes readings of the devices that stand for them, with the time the frame
 * arrived; what a node without a device tells is counted, shown in the status, and published as soon as a device claims the
 * node (its last values). A node that floods has its last values published at a bounded rate. `light` commands are carried out one at a time per device and confirmed by the node. A start sends
 * no command. When the stick goes, `onFailure` is told and the next start makes a new driver.
 */
export class ZwaveConnector implements Connector {
  readonly name: string
  readonly #options: ZwaveConnectorOptions
  readonly #clock: Clock
  readonly #logger: Logger
  readonly #status: StatusTracker
  readonly #nodes: NodeRegistry
  readonly #outbox: ReadingOutbox
  readonly #commands: CommandConsumer
  readonly #inclusion: Inclusion
  readonly #flood: FloodGuard<UnclaimedValue>
  #driverName: string | undefined
  #driver: ZwaveDriver | undefined
  #running = false
  #hasRun = false
  #logTrouble: Error | undefined
  #timer: NodeJS.Timeout | undefined

  constructor(options: ZwaveConnectorOptions) {
    this.name = options.status.name
    this.#options = options
    this.#clock = options.clock ?? systemClock
    this.#logger = (options.logger ?? silentLogger).child({ connector: this.name })
    this.#status = options.status
    this.#nodes = new NodeRegistry(options.devices, (nodeId, device, values) => {
      for (const value of values) this.#publish(nodeId, device, value)
    })
    this.#outbox = new ReadingOutbox({
      ...options.outbox,
      publisher: options.publisher,
      status: options.status,
      onTrouble: (error) => {
        this.#logTrouble = error
        this.#assess()
      },
    })
    this.#inclusion = new Inclusion({
      clock: this.#clock,
      stopStick: () => void this.#stopStick(),
      onChange: (status) => this.#logger.info({ ...status }, 'inclusion or exclusion of a Z-Wave device'),
    })
    this.#flood = new FloodGuard({
      clock: this.#clock,
      pass: (nodeId, value) => this.#passOn(nodeId, value),
      onDropped: () => this.#status.dropped(),
      onFlood: () => this.#assess(),
    })
    this.#commands = new CommandConsumer({
      drainMs: DRAIN_MS,
      maxParallel: MAX_PARALLEL,
      ...options.commands,
      bus: 'zwave',
      devices: options.devices,
      publisher: options.publisher,
      handler: zwaveCommandHandler(() => this.#driver, this.#nodes, this.#clock),
      clock: this.#clock,
      logger: this.#logger,
    })
    this.#status.watchQueue(() => this.#outbox.length + this.#flood.length + this.#commands.queueLength)
  }

  async start(onFailure: (error: Error) => void): Promise<void> {
    this.#status.moveTo('connecting')
    const driver = this.#options.createDriver()
    this.#driver = driver
    this.#driverName = driver.name
    let failed: Error | undefined
    const fail = (error: Error): void => {
      if (failed || this.#driver !== driver) return
      failed = error
      if (this.#running) this.#fail(error, onFailure)
    }
    try {
      await this.#options.publisher.prepare()
      this.#nodes.open()
      this.#outbox.open()
      if (this.#driver === driver) await driver.open(this.#listener(fail))
      if (failed) throw failed
      if (this.#driver !== driver) throw new ZwaveUnavailableError('stopped while starting')
    } catch (error) {
      if (this.#driver === driver) this.#driver = undefined
      this.#nodes.close()
      await driver.close()
      throw error
    }
    this.#nodes.known(driver.nodeIds(), this.#clock.nowMs())
    this.#commands.start(fail)
    if (this.#hasRun) this.#status.reconnected()
    this.#hasRun = true
    this.#running = true
    this.#assess()
    this.#timer = setInterval(() => this.#assess(), ASSESS_INTERVAL_MS)
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer)
    this.#running = false
    this.#inclusion.fail('the connector is stopping')
    // Commands first: those that run may still end on the bus.
    await this.#commands.stop()
    const driver = this.#driver
    this.#driver = undefined
    await driver?.close()
    this.#flood.close()
    this.#nodes.close()
    await this.#outbox.close()
    await this.#options.publisher.close()
    this.#status.moveTo('stopped')
  }

  status(): ZwaveConnectorStatus {
    const nodes = this.#statuses()
    const unknownNodes = nodes.filter((node) => node.deviceId === undefined && node.values > 0).map((n) => n.nodeId)
    const present = new Set(nodes.map((node) => node.nodeId))
    const missingDevices = this.#options.devices
      .onBus('zwave')
      .flatMap(({ deviceId, zwave }) => (zwave === null || present.has(zwave.nodeId) ? [] : [deviceId]))
    const { status: inclusion } = this.#inclusion
    return {
      ...this.#status.snapshot(),
      driver: this.#driverName,
      nodes,
      unknownNodes,
      missingDevices,
      inclusion,
    }
  }

  /**
   * Lets the stick take in the next device whose button is pressed (`exclude`: let it go), for `timeoutMs` at most. Resolves when the
   * stick waits for it; `status` tells how it goes on. @throws {ZwaveBusyError | ZwaveUnavailableError}
   */
  async include(timeoutMs: number = DEFAULT_INCLUSION_MS): Promise<InclusionStatus> {
    return this.#begin('include', timeoutMs)
  }

  async exclude(timeoutMs: number = DEFAULT_INCLUSION_MS): Promise<InclusionStatus> {
    return this.#begin('exclude', timeoutMs)
  }

  /** Ends the inclusion or exclusion under way, if there is one. @throws {ZwaveUnavailableError} */
  async stopInclusion(): Promise<InclusionStatus> {
    if (this.#inclusion.isUnderWay) {
      this.#inclusion.stop()
      await this.#usableDriver().stopInclusion()
    }
    return this.#inclusion.status
  }

  async #begin(what: 'include' | 'exclude', timeoutMs: number): Promise<InclusionStatus> {
    const driver = this.#usableDriver()
    this.#inclusion.begin(what, timeoutMs)
    try {
      await (what === 'include' ? driver.beginInclusion() : driver.beginExclusion())
    } catch (error) {
      this.#inclusion.fail(asError(error).message)
      throw error
    }
    return this.#inclusion.status
  }

  #usableDriver(): ZwaveDriver {
    if (!this.#driver || !this.#running) throw new ZwaveUnavailableError('the Z-Wave stick is not there')
    return this.#driver
  }

  async #stopStick(): Promise<void> {
    await this.#driver?.stopInclusion().catch((error: unknown) => {
      this.#logger.warn({ err: asError(error) }, 'the stick could not be told to take no more devices')
    })
  }

  watchReturn(back: () => void): () => void {
    const { port } = this.#options
    return port === undefined ? () => {} : watchPortReturn(port, back)
  }

  #listener(fail: (error: Error) => void): ZwaveListener {
    return {
      value: (nodeId, kind, value, unit, timeMs) => this.#heard(nodeId, { kind, value, unit, timeMs }),
      nodeState: (nodeId, state) => {
        this.#nodes.state(nodeId, state, this.#clock.nowMs())
        if (state === 'ready') this.#inclusion.ready(nodeId)
        this.#assess()
      },
      nodeInfo: (nodeId, info) => this.#nodes.info(nodeId, info, this.#clock.nowMs()),
      nodeAdded: (nodeId) => {
        this.#nodes.known([nodeId], this.#clock.nowMs())
        this.#inclusion.added(nodeId)
      },
      nodeRemoved: (nodeId) => {
        this.#nodes.remove(nodeId)
        this.#inclusion.removed(nodeId)
        this.#assess()
      },
      inclusion: (step) => {
        if (step === 'node-found') this.#inclusion.found()
        else if (step === 'failed') this.#inclusion.fail('the stick has given up')
      },
      dropped: (count) => this.#status.dropped(count),
      failure: fail,
    }
  }

  #heard(nodeId: number, value: UnclaimedValue): void {
    this.#status.received()
    this.#flood.put(nodeId, value)
  }

  #passOn(nodeId: number, value: UnclaimedValue): void {
    const known = this.#nodes.value(nodeId, value)
    if (known.device) this.#publish(nodeId, known.device, value)
    else if (known.first) this.#logger.warn({ nodeId }, 'a Z-Wave node reports that belongs to no device')
  }

  #publish(nodeId: number, device: Device, { kind, value, unit, timeMs }: UnclaimedValue): void {
    const reading: Reading = {
      deviceId: device.deviceId,
      roomId: device.roomId,
      bus: 'zwave',
      kind,
      value,
      unit,
      quality: 'good',
      eventTimeMs: timeMs,
      receivedAtMs: timeMs,
      sequence: null,
      retained: false,
    }
    const origin: Origin = {
      name: `zwave:${nodeId}/${kind}`,
      key: null,
      value: Buffer.from(JSON.stringify({ nodeId, kind, value, unit })),
      receivedAtMs: timeMs,
      headers: { 'zwave-node': String(nodeId) },
    }
    this.#outbox.put(reading, origin)
  }

  #fail(error: Error, onFailure: (error: Error) => void): void {
    clearInterval(this.#timer)
    this.#running = false
    this.#inclusion.fail(error.message)
    // The driver is closed by `stop`; commands that come until then are held back and not lost.
    this.#status.moveTo('failed', error)
    onFailure(error)
  }

  #statuses(): ZwaveNodeStatus[] {
    return this.#nodes.statuses(this.#clock.nowMs(), this.#options.silentAfterMs ?? 3 * 3_600_000)
  }

  /** Running, or degraded with the reason that weighs most. */
  #assess(): void {
    if (!this.#running) return
    const trouble = this.#logTrouble ?? this.#nodeTrouble()
    const changed = this.#status.moveTo(trouble ? 'degraded' : 'running', trouble)
    if (!changed) return
    if (trouble) this.#logger.warn({ err: trouble }, 'Z-Wave works in part')
    else this.#logger.info({}, 'Z-Wave works')
  }

  #nodeTrouble(): Error | undefined {
    const told = this.#statuses().flatMap(({ nodeId, deviceId, state }) => {
      const isAway = deviceId !== undefined && (state === 'dead' || state === 'unavailable')
      const troubles = [...(isAway ? [state] : []), ...(this.#flood.isFlooding(nodeId) ? ['flooding'] : [])]
      return troubles.map((trouble) => `node ${nodeId}${deviceId === undefined ? '' : ` (${deviceId})`} is ${trouble}`)
    })
    if (told.length === 0) return undefined
    return new Error(told.join(', '))
  }
}
