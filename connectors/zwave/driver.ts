import { BrookError } from '../../common/errors.ts'

/** What a Z-Wave node tells that the building knows; the names are those of `ReadingKind`. */
export type ZwaveValueKind = 'temperature' | 'luminance' | 'humidity' | 'motion' | 'battery' | 'light'

/** Units by kind: temperature in celsius, luminance in lux, motion 0 or 1, the others in percent. */
export const ZWAVE_UNITS: Readonly<Record<ZwaveValueKind, string>> = {
  temperature: 'celsius',
  luminance: 'lux',
  humidity: 'percent',
  motion: 'boolean',
  battery: 'percent',
  light: 'percent',
}

/** `ready`: the driver knows what the node can do. `dead`: it does not acknowledge. `alive`: it does (again). A battery node is `asleep` but for the moments it is `awake`. */
export type ZwaveNodeState = 'alive' | 'asleep' | 'awake' | 'dead' | 'ready'

/** What is known of a node beside its values. Members are left out while they are not known. */
export interface ZwaveNodeInfo {
  /** Maker and product. */
  readonly label?: string
  /** How often a node that sleeps wakes up. */
  readonly wakeUpIntervalMs?: number
}

/**
 * How taking a device in, or letting one go, goes on: `node-found`, somebody has pressed the button of one; `stopped` at our
 * wish; `failed` otherwise. The good end is `nodeAdded` or `nodeRemoved`.
 */
export type InclusionStep = 'node-found' | 'stopped' | 'failed'

/** Called by a driver; must neither throw nor block. */
export interface ZwaveListener {
  /** A node has reported: by itself, or because it was asked. `timeMs` is when the frame arrived (the bus carries no time). */
  value(nodeId: number, kind: ZwaveValueKind, value: number, unit: string, timeMs: number): void
  nodeState(nodeId: number, state: ZwaveNodeState): void
  nodeInfo(nodeId: number, info: ZwaveNodeInfo): void
  /** After `open`: a device has joined the network; it is asked what it can do, and then `ready`. */
  nodeAdded(nodeId: number): void
  nodeRemoved(nodeId: number): void
  inclusion(step: InclusionStep): void
  /** Reports that came too fast and were given up for newer ones of the same value. */
  dropped(count: number): void
  /** The stick is gone or hangs. Told once; the driver is of no more use then and is to be closed. */
  failure(error: Error): void
}

/**
 * One Z-Wave stick. An instance is opened once and closed once; after a failure a new one is made. Calls may overlap:
 * the driver keeps the order per node.
 */
export interface ZwaveDriver {
  /** Which library is behind it. */
  readonly name: string
  /**
   * Resolves when the stick has answered and told its nodes; what they can do is found out after that and comes as `ready`.
   * Nothing is sent that would change a device. @throws {ZwaveUnavailableError}
   */
  open(listener: ZwaveListener): Promise<void>
  /** Rejects what is under way and lets go of the port. Never rejects. */
  close(): Promise<void>
  /** The nodes of the network, without the controller. Empty before `open`. */
  nodeIds(): readonly number[]
  /**
   * Dims to 0..100 percent and resolves with the level that the node itself has told afterwards. What could not be sent by
   * `expiresAtMs` is not sent, as far as the library can take it back.
   * @throws {ZwaveUnknownNodeError | ZwaveNotSupportedError | ZwaveRefusedError} it can never work, or the node said no
   * @throws {ZwaveNodeDeadError} the node did not acknowledge
   * @throws {ZwaveNotConfirmedError} acknowledged, but the node does not tell the new level in time
   * @throws {ZwaveUnavailableError} the stick is gone
   */
  setLevel(nodeId: number, percent: number, expiresAtMs?: number): Promise<number>
  /** Asks the node for its level in percent; errors as for `setLevel`. */
  readLevel(nodeId: number): Promise<number>
  /**
   * Lets the stick take a device in (without S0 and S2 security) or let one go, and resolves when it waits for somebody to press the
   * device's button. What comes of it is told to the listener. @throws {ZwaveUnavailableError}
   */
  beginInclusion(): Promise<void>
  beginExclusion(): Promise<void>
  /** Ends either; `stopped` is told. @throws {ZwaveUnavailableError} */
  stopInclusion(): Promise<void>
}

/** The stick cannot be reached, does not answer, or went away. */
export class ZwaveUnavailableError extends BrookError {
  readonly code = 'ZWAVE_UNAVAILABLE'
  readonly domain = 'external'
  readonly recovery = 'retry'
}

/** The network has no such node. */
export class ZwaveUnknownNodeError extends BrookError {
  readonly code = 'ZWAVE_UNKNOWN_NODE'
  readonly domain = 'user'
  readonly recovery = 'skip-record'
}

/** The node cannot do what is asked of it. */
export class ZwaveNotSupportedError extends BrookError {
  readonly code = 'ZWAVE_NOT_SUPPORTED'
  readonly domain = 'user'
  readonly recovery = 'skip-record'
}

/** The node has answered that it will not do it. */
export class ZwaveRefusedError extends BrookError {
  readonly code = 'ZWAVE_REFUSED'
  readonly domain = 'external'
  readonly recovery = 'skip-record'
}

/** The node does not acknowledge: no power, out of reach, or gone. */
export class ZwaveNodeDeadError extends BrookError {
  readonly code = 'ZWAVE_NODE_DEAD'
  readonly domain = 'external'
  readonly recovery = 'skip-record'
}

/** The node has acknowledged the command and yet does not tell that it has done it. */
export class ZwaveNotConfirmedError extends BrookError {
  readonly code = 'ZWAVE_NOT_CONFIRMED'
  readonly domain = 'external'
  readonly recovery = 'skip-record'
}
