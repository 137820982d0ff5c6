import { InvalidArgumentError } from '../../common/errors.ts'
import { type Logger, silentLogger } from '../../common/log.ts'
import { parseGroupAddress, parseIndividualAddress } from './addresses.ts'
import type { GroupTelegram } from './cemi.ts'
import type { Endpoint } from './knxnetip-frames.ts'
import { SimulatedDatapoint, type SimulatedDatapointOptions } from './simulated-datapoint.ts'
import { type LineCondition, SimulatedLine } from './simulated-line.ts'
import { type GatewayFaults, TunnellingServer } from './tunnelling-server.ts'

export interface GatewaySimulatorOptions {
  readonly datapoints: readonly SimulatedDatapointOptions[]
  /** Default 127.0.0.1. */
  readonly host?: string
  /** Default 0: any free port. KNXnet/IP's own is 3671. */
  readonly port?: number
  /** Default 5. */
  readonly maxTunnels?: number
  /** How long one telegram takes on the line (default 20 ms, as on TP1). */
  readonly telegramTimeMs?: number
  /** A tunnel whose client asks for no connection state for so long is ended (default 120 s). */
  readonly heartbeatTimeoutMs?: number
  /** The gateway's own; its tunnels count down from device 255 of the same line (default 1.1.0). */
  readonly individualAddress?: string
  readonly logger?: Logger
}

/** Somebody wrote this value to an actuator; `groupAddress` as it was given in the options. */
export type WriteListener = (groupAddress: string, value: number) => void

/**
 * A KNXnet/IP tunnelling gateway (UDP, link layer) with a twisted-pair line of simulated devices behind it. Serves several
 * tunnels at once, answers search and description requests that are sent to it directly, and puts in a tunnel's own address
 * for a source of 0.0.0. After `stop`, `start` brings it back on the same port; the devices keep their values.
 */
export class GatewaySimulator {
  readonly #server: TunnellingServer
  readonly #line: SimulatedLine
  readonly #datapoints: readonly SimulatedDatapoint[]
  readonly #byAddress = new Map<number, SimulatedDatapoint>()
  readonly #writeListeners = new Set<WriteListener>()

  /** @throws {KnxAddressError} {UnsupportedDptError} {InvalidArgumentError} when two datapoints share a group address. */
  constructor(options: GatewaySimulatorOptions) {
    const { telegramTimeMs } = options
    this.#line = new SimulatedLine(telegramTimeMs === undefined ? {} : { telegramTimeMs })
    this.#server = new TunnellingServer({
      host: options.host ?? '127.0.0.1',
      port: options.port ?? 0,
      maxTunnels: options.maxTunnels ?? 5,
      heartbeatTimeoutMs: options.heartbeatTimeoutMs ?? 120_000,
      individualAddress: parseIndividualAddress(options.individualAddress ?? '1.1.0'),
      line: this.#line,
      logger: options.logger ?? silentLogger,
    })
    this.#datapoints = options.datapoints.map((one) => this.#addDatapoint(one))
  }

  /** Binds and serves. Resolves with where it is. */
  async start(): Promise<Endpoint> {
    return this.#server.start()
  }

  /** Ends every tunnel (without a word when `abrupt`: as if killed) and closes. No timer is left. */
  async stop(options: { abrupt?: boolean } = {}): Promise<void> {
    await this.#server.stop(options.abrupt ?? false)
    this.#line.clear()
    for (const datapoint of this.#datapoints) datapoint.stop()
  }

  get faults(): GatewayFaults {
    return this.#server.faults
  }

  /** How many tunnels are open. */
  get tunnels(): number {
    return this.#server.tunnels
  }

  /** The line behind the gateway works, refuses every telegram, or is cut off. */
  setLine(condition: LineCondition): void {
    this.#line.condition = condition
  }

  /** Tells of every valid write to an actuator, before it moves. Returns how to stop. */
  onWrite(listener: WriteListener): () => void {
    this.#writeListeners.add(listener)
    return () => this.#writeListeners.delete(listener)
  }

  /** Tells of every telegram on the line, whoever sent it. Returns how to stop. */
  onTelegram(listener: (telegram: GroupTelegram) => void): () => void {
    return this.#line.join({ receive: listener })
  }

  /** Changes a value as a person at the device does, or as what a sensor measures does; it is reported. Takes either address. */
  setValue(groupAddress: string, value: number): void {
    this.#datapoint(groupAddress).set(value)
  }

  value(groupAddress: string): number {
    return this.#datapoint(groupAddress).value
  }

  /** Takes a device's power away, or gives it back. */
  mute(groupAddress: string, mute = true): void {
    this.#datapoint(groupAddress).mute = mute
  }

  /** Puts a telegram on the line, whatever it says. */
  inject(telegram: GroupTelegram): void {
    this.#line.send(telegram, { receive: () => {} })
  }

  /** Ends all tunnels by DISCONNECT_REQUEST. */
  disconnectAll(): void {
    this.#server.disconnectAll()
  }

  #addDatapoint(options: SimulatedDatapointOptions): SimulatedDatapoint {
    const datapoint = new SimulatedDatapoint(this.#line, options)
    for (const address of new Set([datapoint.write, datapoint.status])) {
      if (address === undefined) continue
      if (this.#byAddress.has(address))
        throw new InvalidArgumentError(`two simulated datapoints share a group address: ${JSON.stringify(options)}`)
      this.#byAddress.set(address, datapoint)
    }
    datapoint.onWrite = (value) => {
      for (const listener of this.#writeListeners) listener(options.write ?? '', value)
    }
    this.#line.join(datapoint)
    return datapoint
  }

  #datapoint(groupAddress: string): SimulatedDatapoint {
    const datapoint = this.#byAddress.get(parseGroupAddress(groupAddress))
    if (!datapoint) throw new InvalidArgumentError(`nothing simulated has the group address ${groupAddress}`)
    return datapoint
  }
}
