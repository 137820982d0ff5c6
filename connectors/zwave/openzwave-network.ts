import type { Clock } from '../../common/clock.ts'
import {
  type ZwaveListener,
  ZwaveNodeDeadError,
  ZwaveNotConfirmedError,
  ZwaveNotSupportedError,
  ZwaveUnavailableError,
  ZwaveUnknownNodeError,
} from './driver.ts'
import type { LevelReport } from './level.ts'
import {
  CONTROLLER_COMMAND,
  CONTROLLER_STATE,
  NODE_NOTIFICATION,
  type OpenzwaveOrder,
  type OpenzwaveReport,
  type OpenzwaveValueReport,
} from './openzwave-messages.ts'
import {
  BINARY_SENSOR_CLASS,
  ILLUMINANCE_INDEX,
  interpretOpenzwave,
  LEVEL_CLASS,
  LEVEL_INDEX,
  NOTIFICATION_CLASS,
  SENSOR_CLASS,
  TARGET_INDEX,
  WAKE_UP_CLASS,
} from './openzwave-values.ts'

export interface OpenzwaveNetworkOptions {
  readonly send: (order: OpenzwaveOrder) => void
  readonly listener: ZwaveListener
  readonly clock: Clock
  /** How long a node may take for one answer. */
  readonly answerTimeoutMs: number
}

interface NodeEntry {
  ready: boolean
  dead: boolean
  asleep: boolean
  /** `class/index` of the values that the node has. */
  readonly has: Set<string>
  /** How often the library has given up a message for the node. */
  timeouts: number
  motionByNotification: boolean
  level: number | undefined
  target: number | undefined
}

interface Waiting<T> {
  resolve(value: T): void
  reject(error: Error): void
}

/** Margin over the library's own timeout, which tells more. */
const ANSWER_MARGIN_MS = 1_000

/** The network as the reports of the child process draw it; tells the listener, and matches answers with questions. */
export class OpenzwaveNetwork {
  readonly #options: OpenzwaveNetworkOptions
  readonly #nodes = new Map<number, NodeEntry>()
  readonly #levels = new Map<number, Set<Waiting<LevelReport>>>()
  #controllerId: number | undefined
  readonly #probes = new Set<Waiting<void>>()
  readonly #beginnings = new Set<Waiting<void>>()
  /** Which of our controller commands is under way; its end is told once. */
  #membership: 'include' | 'exclude' | undefined
  #stopped = false

  constructor(options: OpenzwaveNetworkOptions) {
    this.#options = options
  }

  nodeIds(): readonly number[] {
    return [...this.#nodes.keys()]
  }

  /** Whether it is not known yet what the node can do, and will be soon. */
  isBeingAsked(nodeId: number): boolean {
    const node = this.#nodes.get(nodeId)
    return node !== undefined && !node.ready && !node.dead
  }

  oneDeadNode(): number | undefined {
    const dead = [...this.#nodes].filter(([, node]) => node.dead).map(([id]) => id)
    return dead[Math.floor(Math.random() * dead.length)]
  }

  timeouts(nodeId: number): number {
    return this.#nodes.get(nodeId)?.timeouts ?? 0
  }

  /** @throws {ZwaveUnknownNodeError | ZwaveNodeDeadError | ZwaveNotSupportedError} */
  dimmer(nodeId: number): void {
    const node = this.#nodes.get(nodeId)
    if (!node) throw new ZwaveUnknownNodeError(`the Z-Wave network has no node ${nodeId}`)
    if (node.has.has(`${LEVEL_CLASS}/${LEVEL_INDEX}`)) return
    if (node.dead) throw new ZwaveNodeDeadError(`node ${nodeId} is dead`)
    throw new ZwaveNotSupportedError(`node ${nodeId} has no level that can be set`)
  }

  /** Asks the node where it stands; nothing is in the answer when it does not tell in time. @throws as `dimmer` */
  askLevel(nodeId: number): Promise<LevelReport> {
    this.dimmer(nodeId)
    const { send, answerTimeoutMs } = this.#options
    send({ type: 'refresh', nodeId, commandClass: LEVEL_CLASS, index: LEVEL_INDEX })
    const waiting = this.#levels.get(nodeId) ?? new Set()
    this.#levels.set(nodeId, waiting)
    const told = answer(waiting, answerTimeoutMs + ANSWER_MARGIN_MS, () => new ZwaveNotConfirmedError('no answer'))
    return told.catch((error: unknown) => {
      if (error instanceof ZwaveNotConfirmedError) return {}
      throw error
    })
  }

  /** Resolves when the stick itself has answered. While it takes devices in it has no time for that, and is alive. */
  probe(): Promise<void> {
    if (this.#membership !== undefined) return Promise.resolve()
    this.#options.send({ type: 'probe' })
    return answer(this.#probes)
  }

  begin(what: 'include' | 'exclude'): Promise<void> {
    this.#membership = what
    this.#stopped = false
    this.#options.send({ type: what })
    return answer(this.#beginnings, this.#options.answerTimeoutMs + ANSWER_MARGIN_MS, () => {
      this.#membership = undefined
      return new ZwaveUnavailableError('the Z-Wave stick does not answer')
    })
  }

  stopInclusion(): void {
    if (this.#membership === undefined) return
    this.#stopped = true
    this.#options.send({ type: 'cancel' })
  }

  /** Rejects everything that waits for an answer. */
  lost(error: Error): void {
    for (const one of this.#levels.values()) for (const waiting of [...one]) waiting.reject(error)
    for (const one of [this.#probes, this.#beginnings]) for (const waiting of [...one]) waiting.reject(error)
  }

  heard(report: OpenzwaveReport): void {
    const { listener } = this.#options
    switch (report.type) {
      case 'ready':
        this.#controllerId = report.controllerId
        return
      case 'node':
        if (report.nodeId !== this.#controllerId) this.#nodeEvent(report)
        return
      case 'has':
        this.#nodes.get(report.nodeId)?.has.add(`${report.commandClass}/${report.index}`)
        return
      case 'value':
        this.#value(report)
        return
      case 'notification':
        this.#notification(report.nodeId, report.code)
        return
      case 'controller':
        this.#controller(report.state, report.command)
        return
      case 'dropped':
        listener.dropped(report.count)
        return
    }
  }

  #nodeEvent(report: Extract<OpenzwaveReport, { type: 'node' }>): void {
    const { listener } = this.#options
    const { nodeId } = report
    if (report.event === 'removed') {
      if (!this.#nodes.delete(nodeId)) return
      listener.nodeRemoved(nodeId)
      if (this.#membership === 'exclude') this.#membership = undefined
      return
    }
    let node = this.#nodes.get(nodeId)
    if (!node) {
      node = newNode()
      this.#nodes.set(nodeId, node)
      if (this.#membership === 'include') listener.nodeAdded(nodeId)
    }
    if (report.event === 'added') return
    if (report.label !== '') listener.nodeInfo(nodeId, { label: report.label })
    if (report.event === 'available') return
    node.ready = true
    listener.nodeState(nodeId, 'ready')
    if (!node.dead && !node.asleep) listener.nodeState(nodeId, 'alive')
  }

  #value(report: OpenzwaveValueReport): void {
    const { listener, clock } = this.#options
    const { nodeId, commandClass, index, value } = report
    const node = this.#nodes.get(nodeId)
    if (!node) return
    if (commandClass === WAKE_UP_CLASS && index === 0 && typeof value === 'number')
      listener.nodeInfo(nodeId, { wakeUpIntervalMs: value * 1000 })
    if (commandClass === LEVEL_CLASS && typeof value === 'number') this.#level(nodeId, node, index, value)
    const known = interpretOpenzwave(report, sensesMotion(node))
    if (!known) return
    if (known.kind === 'motion' && commandClass === NOTIFICATION_CLASS) node.motionByNotification = true
    if (known.kind === 'motion' && commandClass === BINARY_SENSOR_CLASS && node.motionByNotification) return
    listener.value(nodeId, known.kind, known.value, known.unit, clock.nowMs())
  }

  #level(nodeId: number, node: NodeEntry, index: number, value: number): void {
    if (index === TARGET_INDEX) node.target = value
    if (index !== LEVEL_INDEX) return
    node.level = value
    for (const one of [...(this.#levels.get(nodeId) ?? [])])
      one.resolve({ currentValue: value, targetValue: node.target })
  }

  #notification(nodeId: number, code: number): void {
    const { listener, send } = this.#options
    const node = this.#nodes.get(nodeId)
    if (!node) return
    if (code === NODE_NOTIFICATION.dead)
      for (const one of [...(this.#levels.get(nodeId) ?? [])])
        one.reject(new ZwaveNodeDeadError(`node ${nodeId} does not answer`))
    if (code === NODE_NOTIFICATION.timeout) node.timeouts++
    // One frame may be lost, or the node may be gone: a ping tells.
    if (code === NODE_NOTIFICATION.timeout && !node.dead && !node.asleep) send({ type: 'ping', nodeId })
    const state = STATES.get(code)
    if (state === undefined) return
    node.dead = state === 'dead'
    if (state === 'asleep' || state === 'awake') node.asleep = state === 'asleep'
    listener.nodeState(nodeId, state)
  }

  #controller(state: number, command: number): void {
    const { listener } = this.#options
    if (command === CONTROLLER_COMMAND.hasNodeFailed) {
      if (state === CONTROLLER_STATE.nodeOk || state === CONTROLLER_STATE.nodeFailed)
        for (const one of [...this.#probes]) one.resolve()
      return
    }
    if (this.#membership === undefined) return
    if (state === CONTROLLER_STATE.waiting) {
      for (const one of [...this.#beginnings]) one.resolve()
    } else if (state === CONTROLLER_STATE.inProgress) listener.inclusion('node-found')
    else if (state === CONTROLLER_STATE.completed || state === CONTROLLER_STATE.cancelled) {
      if (this.#stopped) listener.inclusion('stopped')
      this.#membership = undefined
    } else if (state === CONTROLLER_STATE.error || state === CONTROLLER_STATE.failed) {
      listener.inclusion(this.#stopped ? 'stopped' : 'failed')
      this.#membership = undefined
    }
  }
}

const STATES = new Map([
  [NODE_NOTIFICATION.awake, 'awake'],
  [NODE_NOTIFICATION.asleep, 'asleep'],
  [NODE_NOTIFICATION.dead, 'dead'],
  [NODE_NOTIFICATION.alive, 'alive'],
] as const) as ReadonlyMap<number, 'awake' | 'asleep' | 'dead' | 'alive'>

function newNode(): NodeEntry {
  return {
    ready: false,
    dead: false,
    asleep: false,
    has: new Set(),
    timeouts: 0,
    motionByNotification: false,
    level: undefined,
    target: undefined,
  }
}

/** A Binary Sensor may as well be a door; one beside a light meter looks for people. */
function sensesMotion(node: NodeEntry): boolean {
  return node.has.has(`${SENSOR_CLASS}/${ILLUMINANCE_INDEX}`)
}

/** Joins those who wait; leaves them when it is settled either way, or late. */
function answer<T>(waiting: Set<Waiting<T>>, timeoutMs?: number, late?: () => Error): Promise<T> {
  return new Promise((resolve, reject) => {
    const leave = (): void => {
      clearTimeout(timer)
      waiting.delete(one)
    }
    const one: Waiting<T> = {
      resolve: (value) => {
        leave()
        resolve(value)
      },
      reject: (error) => {
        leave()
        reject(error)
      },
    }
    const timer = timeoutMs === undefined ? undefined : setTimeout(() => late && one.reject(late()), timeoutMs)
    waiting.add(one)
  })
}
