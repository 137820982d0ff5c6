import type { Device } from '../../schemas/types.ts'
import type { DeviceTable } from '../device-table.ts'
import type { ZwaveNodeState, ZwaveValueKind } from './driver.ts'

/** One node as the bus shows it. Times are milliseconds since the epoch. */
export interface ZwaveNodeStatus {
  readonly nodeId: number
  /** `undefined`: no device of the building has this node; its values are counted and go nowhere. */
  readonly deviceId: string | undefined
  /** The last state told; `unknown` before the first. */
  readonly state: Exclude<ZwaveNodeState, 'ready'> | 'unknown'
  readonly ready: boolean
  readonly values: number
  readonly lastSeenMs: number | undefined
  /** A sensor that has said nothing for too long. */
  readonly silent: boolean
}

export interface UnclaimedValue {
  readonly kind: ZwaveValueKind
  readonly value: number
  readonly unit: string
  readonly timeMs: number
}

interface NodeEntry {
  state: ZwaveNodeStatus['state']
  ready: boolean
  values: number
  lastSeenMs: number | undefined
  sinceMs: number
  /** The last value of each kind, while no device has the node. */
  unclaimed: Map<ZwaveValueKind, UnclaimedValue>
}

/** Kinds that a sensor reports by itself every now and then; a lamp or a motion sensor may be quiet for days. */
const PERIODIC: ReadonlySet<string> = new Set(['temperature', 'humidity', 'luminance'])

/** Which device stands behind which node, and what is known of each node. The highest device id wins where two claim one node. */
export class NodeRegistry {
  readonly #devices: Pick<DeviceTable, 'onBus' | 'listen'>
  readonly #onClaimed: (nodeId: number, device: Device, values: readonly UnclaimedValue[]) => void
  readonly #byNode = new Map<number, Device>()
  readonly #nodes = new Map<number, NodeEntry>()
  #unlisten: (() => void) | undefined

  /** `onClaimed` is told when a device comes to have a node that was nobody's, with the last values that node has told. */
  constructor(
    devices: Pick<DeviceTable, 'onBus' | 'listen'>,
    onClaimed: (nodeId: number, device: Device, values: readonly UnclaimedValue[]) => void,
  ) {
    this.#devices = devices
    this.#onClaimed = onClaimed
  }

  /** What was known of nodes' states is void: a new driver tells it anew. */
  open(): void {
    for (const entry of this.#nodes.values()) {
      entry.state = 'unknown'
      entry.ready = false
    }
    this.#index()
    this.#unlisten ??= this.#devices.listen((_, device, before) => {
      if (device?.zwave || before?.zwave) this.#index()
    })
  }

  close(): void {
    this.#unlisten?.()
    this.#unlisten = undefined
  }

  device(nodeId: number): Device | undefined {
    return this.#byNode.get(nodeId)
  }

  /** Nodes that are there whether or not they have said anything. */
  known(nodeIds: readonly number[], nowMs: number): void {
    for (const nodeId of nodeIds) this.#entry(nodeId, nowMs)
  }

  state(nodeId: number, state: ZwaveNodeState, nowMs: number): void {
    const entry = this.#entry(nodeId, nowMs)
    if (state === 'ready') entry.ready = true
    else entry.state = state
  }

  /** Counts a value; the first of a node that nobody has returns true (once per start). */
  value(nodeId: number, value: UnclaimedValue): { device: Device } | { device: undefined; first: boolean } {
    const entry = this.#entry(nodeId, value.timeMs)
    const first = entry.unclaimed.size === 0
    entry.values++
    entry.lastSeenMs = value.timeMs
    const device = this.#byNode.get(nodeId)
    if (device) return { device }
    entry.unclaimed.set(value.kind, value)
    return { device: undefined, first }
  }

  statuses(nowMs: number, silentAfterMs: number): ZwaveNodeStatus[] {
    return [...this.#nodes].map(([nodeId, entry]) => {
      const device = this.#byNode.get(nodeId)
      const periodic = device?.kinds.some((kind) => PERIODIC.has(kind)) ?? false
      const { state, ready, values, lastSeenMs, sinceMs } = entry
      const silent = periodic && nowMs - (lastSeenMs ?? sinceMs) > silentAfterMs
      return { nodeId, deviceId: device?.deviceId, state, ready, values, lastSeenMs, silent }
    })
  }

  #entry(nodeId: number, nowMs: number): NodeEntry {
    let entry = this.#nodes.get(nodeId)
    if (!entry) {
      entry = {
        state: 'unknown',
        ready: false,
        values: 0,
        lastSeenMs: undefined,
        sinceMs: nowMs,
        unclaimed: new Map(),
      }
      this.#nodes.set(nodeId, entry)
    }
    return entry
  }

  #index(): void {
    this.#byNode.clear()
    const devices = this.#devices.onBus('zwave').sort((a, b) => (a.deviceId < b.deviceId ? -1 : 1))
    for (const device of devices) if (device.zwave) this.#byNode.set(device.zwave.nodeId, device)
    for (const [nodeId, entry] of this.#nodes) {
      const device = this.#byNode.get(nodeId)
      if (!device || entry.unclaimed.size === 0) continue
      const values = [...entry.unclaimed.values()]
      entry.unclaimed.clear()
      this.#onClaimed(nodeId, device, values)
    }
  }
}
