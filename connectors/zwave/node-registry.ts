import type { Device } from '../../schemas/types.ts'
import type { DeviceTable } from '../device-table.ts'
import type { ZwaveNodeInfo, ZwaveNodeState, ZwaveValueKind } from './driver.ts'

/** One node as the bus shows it. Times are milliseconds since the epoch. */
export interface ZwaveNodeStatus {
  readonly nodeId: number
  /** `undefined`: no device of the building has this node; its values are counted and go nowhere. */
  readonly deviceId: string | undefined
  /** The device's name and room. */
  readonly name: string | undefined
  readonly roomId: string | undefined
  /** Maker and product. */
  readonly label: string | undefined
  /** The last state told, `unknown` before the first; `unavailable`: the node has said nothing for too long. */
  readonly state: TellableState | 'unavailable'
  /** Whether it is known what the node can do. */
  readonly ready: boolean
  readonly batteryPercent: number | undefined
  /** How often a node that sleeps wakes up. */
  readonly wakeUpIntervalMs: number | undefined
  /** What the node has told so far. */
  readonly kinds: readonly ZwaveValueKind[]
  readonly values: number
  /** When the node last told a value or that it lives. */
  readonly lastSeenMs: number | undefined
}

type TellableState = Exclude<ZwaveNodeState, 'ready'> | 'unknown'

export interface UnclaimedValue {
  readonly kind: ZwaveValueKind
  readonly value: number
  readonly unit: string
  readonly timeMs: number
}

interface NodeEntry {
  state: TellableState
  info: ZwaveNodeInfo
  batteryPercent: number | undefined
  readonly kinds: Set<ZwaveValueKind>
  ready: boolean
  values: number
  lastSeenMs: number | undefined
  sinceMs: number
  /** The last value of each kind, while no device has the node. */
  unclaimed: Map<ZwaveValueKind, UnclaimedValue>
  /** Who waits for the node to hear. */
  whenAwake: Set<() => void>
}

/** Kinds that a sensor reports by itself every now and then; a lamp or a motion sensor may be quiet for days. */
const PERIODIC: ReadonlySet<string> = new Set(['temperature', 'humidity', 'luminance'])

/** A node that sleeps and has not woken up for so many of its intervals is unavailable. */
const MISSED_WAKE_UPS = 3

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
    if (state === 'ready') {
      entry.ready = true
      return
    }
    entry.state = state
    if (state === 'awake' || state === 'alive') entry.lastSeenMs = nowMs
    if (state !== 'asleep') for (const tell of [...entry.whenAwake]) tell()
  }

  info(nodeId: number, info: ZwaveNodeInfo, nowMs: number): void {
    const entry = this.#entry(nodeId, nowMs)
    entry.info = { ...entry.info, ...info }
  }

  remove(nodeId: number): void {
    const entry = this.#nodes.get(nodeId)
    this.#nodes.delete(nodeId)
    for (const tell of [...(entry?.whenAwake ?? [])]) tell()
  }

  isAsleep(nodeId: number): boolean {
    return this.#nodes.get(nodeId)?.state === 'asleep'
  }

  /** Tells when the node sleeps no longer (or is gone); the answer takes the wish back. */
  whenAwake(nodeId: number, tell: () => void): () => void {
    const entry = this.#nodes.get(nodeId)
    entry?.whenAwake.add(tell)
    return () => void entry?.whenAwake.delete(tell)
  }

  /** Counts a value; the first of a node that nobody has returns true (once per start). */
  value(nodeId: number, value: UnclaimedValue): { device: Device } | { device: undefined; first: boolean } {
    const entry = this.#entry(nodeId, value.timeMs)
    const first = entry.unclaimed.size === 0
    entry.values++
    entry.lastSeenMs = value.timeMs
    entry.kinds.add(value.kind)
    if (value.kind === 'battery') entry.batteryPercent = value.value
    const device = this.#byNode.get(nodeId)
    if (device) return { device }
    entry.unclaimed.set(value.kind, value)
    return { device: undefined, first }
  }

  statuses(nowMs: number, silentAfterMs: number): ZwaveNodeStatus[] {
    return [...this.#nodes].map(([nodeId, entry]) => {
      const device = this.#byNode.get(nodeId)
      const { state, info, batteryPercent, ready, kinds, values, lastSeenMs } = entry
      return {
        nodeId,
        deviceId: device?.deviceId,
        name: device?.name,
        roomId: device?.roomId,
        label: info.label,
        state: state !== 'dead' && isSilent(entry, device, nowMs, silentAfterMs) ? 'unavailable' : state,
        ready,
        batteryPercent,
        wakeUpIntervalMs: info.wakeUpIntervalMs,
        kinds: [...kinds],
        values,
        lastSeenMs,
      }
    })
  }

  #entry(nodeId: number, nowMs: number): NodeEntry {
    let entry = this.#nodes.get(nodeId)
    if (!entry) {
      entry = {
        state: 'unknown',
        info: {},
        batteryPercent: undefined,
        kinds: new Set(),
        whenAwake: new Set(),
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

function isSilent(entry: NodeEntry, device: Device | undefined, nowMs: number, silentAfterMs: number): boolean {
  const { info, lastSeenMs, sinceMs } = entry
  const isPeriodic = device?.kinds.some((kind) => PERIODIC.has(kind)) ?? false
  const limitMs =
    info.wakeUpIntervalMs !== undefined
      ? info.wakeUpIntervalMs * MISSED_WAKE_UPS
      : isPeriodic
        ? silentAfterMs
        : undefined
  return limitMs !== undefined && nowMs - (lastSeenMs ?? sinceMs) > limitMs
}
