import { type Clock, systemClock } from '../../common/clock.ts'
import { type Logger, silentLogger } from '../../common/log.ts'
import type { Device, Reading } from '../../schemas/types.ts'
import { CommandConsumer, type CommandConsumerOptions } from '../command-consumer.ts'
import type { Connector, ConnectorStatus } from '../connector.ts'
import type { DeviceTable } from '../device-table.ts'
import type { Origin, ReadingPublisher } from '../publisher.ts'
import { ReadingOutbox, type ReadingOutboxOptions } from '../reading-outbox.ts'
import type { StatusTracker } from '../status.ts'
import { type ZwaveDriver, type ZwaveListener, ZwaveUnavailableError } from './driver.ts'
import { NodeRegistry, type UnclaimedValue, type ZwaveNodeStatus } from './node-registry.ts'
import { zwaveCommandHandler } from './zwave-commands.ts'

export interface ZwaveConnectorOptions {
  /** A new driver for each start: `() => new ZwaveJsDriver({ path, cacheDir })`. */
  readonly createDriver: () => ZwaveDriver
  /** Started and stopped by whoever made it. */
  readonly devices: Pick<DeviceTable, 'get' | 'onBus' | 'listen'>
  /** This connector's own; closed at the stop. */
  readonly publisher: ReadingPublisher
  /** This connector's own; names it too. */
  readonly status: StatusTracker
  /** Where commands come from. */
  readonly commands: Pick<CommandConsumerOptions, 'kafka' | 'topic' | 'key' | 'value' | 'groupId'> &
    Partial<Pick<CommandConsumerOptions, 'answersUnknownDevices' | 'maxParallel' | 'drainMs'>>
  /** A sensor of temperature, humidity or luminance that says nothing for this long is silent (default 3 hours: most report hourly). */
  readonly silentAfterMs?: number
  readonly outbox?: Pick<ReadingOutboxOptions, 'maxInFlight' | 'maxWaiting' | 'backoff'>
  readonly clock?: Clock
  readonly logger?: Logger
}

/** The status of the Z-Wave connector, with its nodes. */
export interface ZwaveConnectorStatus extends ConnectorStatus {
  readonly nodes: readonly ZwaveNodeStatus[]
  /** Nodes that report and belong to no device of the building. */
  readonly unknownNodes: readonly number[]
}

const ASSESS_INTERVAL_MS = 30_000
/** Lamps are quick; one that is not has its command again after the next start. */
const DRAIN_MS = 2_000

/**
 * Z-Wave to the log and back. What nodes tell becomes readings of the devices that stand for them, with the time the frame
 * arrived; what a node without a device tells is counted, shown in the status, and published as soon as a device claims the
 * node (its last values). `light` commands are carried out one at a time per device and confirmed by the node. A start sends
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
    this.#commands = new CommandConsumer({
      drainMs: DRAIN_MS,
      ...options.commands,
      bus: 'zwave',
      devices: options.devices,
      publisher: options.publisher,
      handler: zwaveCommandHandler(() => this.#driver, this.#clock),
      clock: this.#clock,
      logger: this.#logger,
    })
    this.#status.watchQueue(() => this.#outbox.length + this.#commands.queueLength)
  }

  async start(onFailure: (error: Error) => void): Promise<void> {
    this.#status.moveTo('connecting')
    const driver = this.#options.createDriver()
    this.#driver = driver
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
    // Commands first: those that run may still end on the bus.
    await this.#commands.stop()
    const driver = this.#driver
    this.#driver = undefined
    await driver?.close()
    this.#nodes.close()
    await this.#outbox.close()
    await this.#options.publisher.close()
    this.#status.moveTo('stopped')
  }

  status(): ZwaveConnectorStatus {
    const nodes = this.#statuses()
    const unknownNodes = nodes.filter((node) => node.deviceId === undefined && node.values > 0).map((n) => n.nodeId)
    return { ...this.#status.snapshot(), nodes, unknownNodes }
  }

  #listener(fail: (error: Error) => void): ZwaveListener {
    return {
      value: (nodeId, kind, value, unit, timeMs) => this.#heard(nodeId, { kind, value, unit, timeMs }),
      nodeState: (nodeId, state) => {
        this.#nodes.state(nodeId, state, this.#clock.nowMs())
        this.#assess()
      },
      failure: fail,
    }
  }

  #heard(nodeId: number, value: UnclaimedValue): void {
    this.#status.received()
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
    const missing = this.#statuses().filter((n) => n.deviceId !== undefined && (n.state === 'dead' || n.silent))
    if (missing.length === 0) return undefined
    const told = missing.map((n) => `node ${n.nodeId} (${n.deviceId}) is ${n.state === 'dead' ? 'dead' : 'silent'}`)
    return new Error(told.join(', '))
  }
}
