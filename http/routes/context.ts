import type { Clock } from '../../common/clock.ts'
import type { Metrics } from '../../common/metrics.ts'
import type { CommandKind } from '../../schemas/types.ts'
import type { LiveHub } from '../live/live-hub.ts'
import type { Peers } from '../query/peers.ts'
import type { StoreHub } from '../store-stream/store-hub.ts'
import type { StreamsProvider } from '../streams-view.ts'
import type { Views } from '../views.ts'

/** What a person wants a device set to; the room is what the hub knows of the device. */
export interface CommandRequest {
  readonly deviceId: string
  readonly roomId: string
  readonly kind: CommandKind
  /** 0 or 1 for a switch, otherwise 0 to 100. */
  readonly value: number
  /** `user:<name>` */
  readonly issuer: string
}

/** Publishes the command; resolves when the log has it. */
export type SendCommand = (request: CommandRequest) => Promise<{
  readonly commandId: string
  /** Where the log has it: `topic:partition:offset`, as queries take it for `minOffset`. */
  readonly position: string
}>

/** What a device that stands for a Z-Wave node is to be called, and where it is. */
export interface ZwaveNaming {
  readonly name: string
  readonly roomId: string
  readonly floor?: string
  /** Of a device that takes the node over. */
  readonly deviceId?: string
}

/** The Z-Wave network of this process. What cannot be done rejects with an `HttpProblem`. */
export interface ZwaveControl {
  /** The network as `/v1/zwave` shows it. */
  status(): object
  /** Resolve with the inclusion under way when the stick waits for a device. */
  include(timeoutMs: number): Promise<object>
  exclude(timeoutMs: number): Promise<object>
  stop(): Promise<object>
  /** Resolves with the device when the log has it. */
  name(nodeId: number, naming: ZwaveNaming): Promise<object>
}

export interface ReadinessCheck {
  readonly name: string
  /** Why this part is not ready; `undefined` when it is. */
  check(): Promise<string | undefined>
}

/** What the routes of the queries work with, in any application. */
export interface QueryContext {
  readonly streams: StreamsProvider
  readonly peers: Peers
  /** Live queries. */
  readonly stores: StoreHub
  readonly views: Views
  readonly clock: Clock
  readonly version: string
}

/** What the routes work with. */
export interface RouteContext extends QueryContext {
  readonly metrics: Metrics
  readonly live: LiveHub
  readonly sendCommand: SendCommand | undefined
  /** Asked at each request; none where the process has no Z-Wave connector. */
  readonly zwave: () => ZwaveControl | undefined
  readonly readiness: readonly ReadinessCheck[]
  readonly startedAtMs: number
  isStopping(): boolean
}
