import { type Clock, systemClock } from '../../common/clock.ts'
import { asError } from '../../common/errors.ts'
import { type Logger, silentLogger } from '../../common/log.ts'
import type { Metrics } from '../../common/metrics.ts'
import type { Device, Reading } from '../../schemas/types.ts'
import { CommandConsumer, type CommandConsumerOptions } from '../command-consumer.ts'
import type { Connector, ConnectorStatus } from '../connector.ts'
import type { DeviceTable } from '../device-table.ts'
import type { Origin, ReadingPublisher } from '../publisher.ts'
import { unitOf } from '../reading-kinds.ts'
import { ReadingOutbox, type ReadingOutboxOptions } from '../reading-outbox.ts'
import type { StatusTracker } from '../status.ts'
import { formatGroupAddress, formatIndividualAddress } from './addresses.ts'
import type { GroupTelegram } from './cemi.ts'
import type { Dpt, GroupPayload } from './dpt.ts'
import { DptError, KnxLinkClosedError } from './errors.ts'
import { codecOf, type GroupEntry, GroupTable, type GroupUse } from './group-table.ts'
import { KnxCommands, type KnxCommandsOptions } from './knx-commands.ts'
import { KnxLink, type KnxLinkOptions } from './knx-link.ts'

export interface KnxConnectorOptions
  extends Pick<KnxCommandsOptions, 'confirmTimeoutMs' | 'travelTimeoutMs' | 'readBackAfterMs' | 'laneMs'> {
  /** The gateway and how to treat it. */
  readonly link: KnxLinkOptions
  /** Started and stopped by whoever made it. */
  readonly devices: Pick<DeviceTable, 'get' | 'onBus' | 'listen'>
  /** This connector's own; closed at the stop. */
  readonly publisher: ReadingPublisher
  /** This connector's own; names it too. */
  readonly status: StatusTracker
  /** Where commands come from. */
  readonly commands: Pick<CommandConsumerOptions, 'kafka' | 'topic' | 'key' | 'value' | 'groupId'> &
    Partial<Pick<CommandConsumerOptions, 'answersUnknownDevices' | 'maxParallel' | 'drainMs' | 'results'>>
  readonly outbox?: Pick<ReadingOutboxOptions, 'maxInFlight' | 'maxWaiting' | 'backoff'>
  /** How long a device may take to answer a read (default 2 s). */
  readonly readTimeoutMs?: number
  readonly metrics?: Metrics
  readonly clock?: Clock
  readonly logger?: Logger
}

/** The status of the KNX connector, with what it saw and had no use for. */
export interface KnxConnectorStatus extends ConnectorStatus {
  /** Telegrams to group addresses that no device record names. */
  readonly unknownTelegrams: number
  /** Datagrams and telegrams that are not as the specification has them. */
  readonly malformed: number
  /** Status addresses that did not answer when they were last read. */
  readonly silentAddresses: readonly string[]
}

const DRAIN_MS = 3_000
/** Waiting for the bus costs nothing; the link does the pacing. */
const MAX_PARALLEL = 256

/**
 * KNX to the log and back, through one tunnel. A write or response on a status address becomes a reading of good quality; one on
 * a write address (somebody else set it) a reading of uncertain quality, since the device has not said yet that it did. Answers to
 * reads are flagged `retained`: they tell the state, not an event. Telegrams to addresses of nobody are counted; payloads that do not
 * fit become dead letters; "no valid value" gives no reading. When the tunnel stands (again) the status addresses are read,
 * spaced; a start or reconnect writes nothing. While the gateway or the log is away the state is `degraded`.
 */
export class KnxConnector implements Connector {
  readonly name: string
  readonly #options: KnxConnectorOptions
  readonly #clock: Clock
  readonly #logger: Logger
  readonly #status: StatusTracker
  readonly #groups = new GroupTable()
  readonly #watches = new Map<number, Set<(payload: GroupPayload) => void>>()
  readonly #silent = new Set<number>()
  readonly #outbox: ReadingOutbox
  readonly #onBus: KnxCommands
  readonly #commands: CommandConsumer
  #link: KnxLink | undefined
  #unlisten: (() => void) | undefined
  #wasUp = false
  #linkTrouble: Error | undefined
  #logTrouble: Error | undefined
  #unknownTelegrams = 0
  #malformed = 0

  constructor(options: KnxConnectorOptions) {
    this.name = options.status.name
    this.#options = options
    this.#clock = options.clock ?? systemClock
    this.#logger = (options.logger ?? silentLogger).child({ connector: this.name })
    this.#status = options.status
    this.#outbox = new ReadingOutbox({
      ...options.outbox,
      publisher: options.publisher,
      status: options.status,
      onTrouble: (error) => {
        this.#logTrouble = error
        this.#assess()
      },
    })
    this.#onBus = new KnxCommands({
      ...options,
      link: () => this.#link,
      entry: (deviceId, kind) => this.#groups.entry(deviceId, kind),
      watch: (address, listener) => this.#watch(address, listener),
      onSetUnreported: (entry, payload) => this.#publish({ entry, role: 'write' }, entry.write!, payload, false),
      clock: this.#clock,
    })
    this.#commands = new CommandConsumer({
      drainMs: DRAIN_MS,
      maxParallel: MAX_PARALLEL,
      ...options.commands,
      bus: 'knx',
      devices: options.devices,
      publisher: options.publisher,
      handler: this.#onBus.handle,
      clock: this.#clock,
      logger: this.#logger,
    })
    this.#status.watchQueue(() => this.#outbox.length + this.#commands.queueLength + (this.#link?.pending ?? 0))
    if (options.metrics) this.#expose(options.metrics)
  }

  /** Resolves when the tunnel stands for the first time; until then commands stay in the log. */
  async start(onFailure: (error: Error) => void): Promise<void> {
    this.#status.moveTo('connecting')
    const link = new KnxLink(this.#options.link, {
      onTelegram: (telegram) => this.#onTelegram(telegram),
      onState: (up, reason) => this.#onLinkState(link, up, reason),
      onMalformed: (error) => {
        this.#malformed++
        this.#logger.debug({ err: error }, 'something on KNX is not as it should be')
      },
    })
    this.#link = link
    try {
      await this.#options.publisher.prepare()
      if (this.#link !== link) throw new KnxLinkClosedError('stopped while starting')
      this.#listenToDevices()
      this.#outbox.open()
      await link.open()
      if (this.#link !== link) throw new KnxLinkClosedError('stopped while starting')
    } catch (error) {
      await link.close()
      throw error
    }
    this.#commands.start(onFailure)
  }

  async stop(): Promise<void> {
    // Commands first: those that run may still end on the bus.
    await this.#commands.stop()
    const link = this.#link
    this.#link = undefined
    this.#wasUp = false
    await link?.close()
    this.#unlisten?.()
    this.#unlisten = undefined
    this.#groups.clear()
    this.#silent.clear()
    await this.#outbox.close()
    await this.#options.publisher.close()
    this.#status.moveTo('stopped')
  }

  status(): KnxConnectorStatus {
    return {
      ...this.#status.snapshot(),
      unknownTelegrams: this.#unknownTelegrams,
      malformed: this.#malformed,
      silentAddresses: [...this.#silent].map(formatGroupAddress),
    }
  }

  #listenToDevices(): void {
    for (const device of this.#options.devices.onBus('knx')) this.#learn(device)
    this.#unlisten = this.#options.devices.listen((deviceId, device) => {
      if (device?.bus === 'knx') {
        this.#learn(device)
        this.#readStatus(this.#groups.statusAddresses(deviceId))
      } else this.#groups.remove(deviceId)
    })
  }

  #learn(device: Device): void {
    for (const problem of this.#groups.put(device))
      this.#logger.warn({ deviceId: device.deviceId }, `a KNX group of a device record cannot be used: ${problem}`)
  }

  #onLinkState(link: KnxLink, up: boolean, reason: Error | undefined): void {
    if (this.#link !== link) return
    this.#linkTrouble = up ? undefined : (reason ?? new Error('the KNX link is down'))
    if (up) {
      if (this.#wasUp) this.#status.reconnected()
      this.#wasUp = true
      this.#readStatus(this.#groups.statusAddresses())
    }
    this.#assess()
  }

  /** All at once: the link sends them one by one, and shares a read with who else asks for it. */
  #readStatus(addresses: readonly number[]): void {
    const link = this.#link
    if (!link?.up) return
    for (const address of addresses)
      link.read(address, this.#options.readTimeoutMs).catch((error: unknown) => {
        // An answer takes it out again.
        if (this.#link === link && link.up && this.#groups.at(address).length > 0) this.#silent.add(address)
        this.#logger.debug({ err: asError(error), groupAddress: formatGroupAddress(address) }, 'no status from KNX')
      })
  }

  #onTelegram(telegram: GroupTelegram): void {
    if (telegram.service === 'GroupValue_Read') return
    const uses = this.#groups.at(telegram.destination)
    if (uses.length === 0) {
      this.#unknownTelegrams++
      return
    }
    this.#status.received()
    this.#silent.delete(telegram.destination)
    const isAnswer = telegram.service === 'GroupValue_Response'
    for (const use of uses) this.#publish(use, telegram.destination, telegram.payload, isAnswer, telegram)
    for (const listener of this.#watches.get(telegram.destination) ?? []) listener(telegram.payload)
  }

  #publish(use: GroupUse, address: number, payload: GroupPayload, isAnswer: boolean, telegram?: GroupTelegram): void {
    const nowMs = this.#clock.nowMs()
    const { entry, role } = use
    const { dpt, carrier } = codecOf(use)
    const origin = originOf(entry, dpt, address, payload, nowMs, telegram)
    let value: number | undefined
    try {
      value = dpt.decode(payload)
    } catch (error) {
      if (!(error instanceof DptError)) throw error
      this.#deadLetter(error, origin)
      return
    }
    if (value === undefined) return
    const reading: Reading = {
      deviceId: entry.device.deviceId,
      roomId: entry.device.roomId,
      bus: 'knx',
      kind: entry.kind,
      value: carrier.toReading(value),
      unit: unitOf(entry.kind),
      quality: role === 'status' ? 'good' : 'uncertain',
      eventTimeMs: nowMs,
      receivedAtMs: nowMs,
      sequence: null,
      retained: isAnswer,
    }
    this.#outbox.put(reading, origin)
  }

  #deadLetter(error: DptError, origin: Origin): void {
    this.#options.publisher.deadLetter({ code: error.code, reason: error.message }, origin, (failure) => {
      if (!failure) return
      this.#status.dropped()
      this.#logger.warn({ err: failure, origin: origin.name }, 'a dead letter could not be written')
    })
  }

  #watch(address: number, listener: (payload: GroupPayload) => void): () => void {
    const listeners = this.#watches.get(address) ?? new Set()
    this.#watches.set(address, listeners)
    listeners.add(listener)
    return () => {
      listeners.delete(listener)
      if (listeners.size === 0) this.#watches.delete(address)
    }
  }

  /** Running, or degraded with the reason that weighs most. */
  #assess(): void {
    if (!this.#link) return
    const trouble = this.#linkTrouble ?? this.#logTrouble
    if (!this.#status.moveTo(trouble ? 'degraded' : 'running', trouble)) return
    if (trouble) this.#logger.warn({ err: trouble }, 'KNX works in part')
    else this.#logger.info({}, 'KNX works')
  }

  #expose(metrics: Metrics): void {
    const own = [
      ['unknown_telegrams', 'KNX telegrams to group addresses of no device.', () => this.#unknownTelegrams],
      ['malformed', 'KNX datagrams and telegrams that are not as the specification has them.', () => this.#malformed],
    ] as const
    for (const [name, help, read] of own) metrics.counter(`brook_knx_${name}_total`, help, [], (total) => total(read()))
    metrics.gauge('brook_knx_silent_addresses', 'KNX status addresses that do not answer.', [], (set) =>
      set(this.#silent.size),
    )
  }
}

function originOf(
  entry: GroupEntry,
  dpt: Dpt,
  address: number,
  payload: GroupPayload,
  receivedAtMs: number,
  telegram: GroupTelegram | undefined,
): Origin {
  return {
    name: `knx:${formatGroupAddress(address)}:${entry.device.deviceId}`,
    key: Buffer.from(entry.device.deviceId),
    value: payload.data,
    receivedAtMs,
    headers: {
      'knx-group-address': formatGroupAddress(address),
      'knx-dpt': dpt.id,
      'knx-payload-form': payload.short ? 'six bits' : 'octets',
      ...(telegram ? { 'knx-service': telegram.service, 'knx-source': formatIndividualAddress(telegram.source) } : {}),
    },
  }
}
