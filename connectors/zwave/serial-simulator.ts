import { createServer, type Server, type Socket } from 'node:net'
import { InvalidArgumentError } from '../../common/errors.ts'
import type { SerialFrame } from './serial-frame.ts'
import { applicationCommand, CONTROLLER_NODE_ID, MAX_NODE_ID, serveHost } from './serial-functions.ts'
import { type Refusal, SerialLink } from './serial-link.ts'
import { binarySensorReport, levelReport, notificationReport, sensorReport } from './simulated-command-classes.ts'
import { SimulatedInclusion } from './simulated-inclusion.ts'
import {
  DIMMER,
  MULTISENSOR,
  type NodeHost,
  type NodeModel,
  SENSOR_TYPE,
  type SensorName,
  SimulatedNode,
} from './simulated-node.ts'

export interface SerialSimulatorOptions {
  /** Node id (2..232) → what stands there. */
  readonly nodes: ReadonlyMap<number, NodeModel>
  /** TCP port on 127.0.0.1; 0 (default) takes a free one. */
  readonly port?: number
  readonly homeId?: number
  /** A dimmer has come to a new level (0..99), by radio or by hand. */
  readonly onLevel?: (nodeId: number, level: number) => void
  /** Every frame that the host sends, for looking at what it waits for. */
  readonly onFrame?: (frame: SerialFrame) => void
}

/**
 * A Z-Wave stick (Serial API of a 500 series controller) with its network, over TCP: hosts connect to `tcp://127.0.0.1:<port>`
 * as they would to a serial port shared by ser2net. One host at a time: a new connection takes the stick over.
 */
export class SerialSimulator {
  readonly nodes: ReadonlyMap<number, SimulatedNode>
  readonly inclusion: SimulatedInclusion
  /** Serial API functions asked for that the stick does not have; a driver that waits long may wait for one of these. */
  readonly unknownFunctions = new Set<number>()
  /** Application commands that no node had an answer for, as `node:hex`. */
  readonly unhandledCommands = new Set<string>()
  readonly #homeId: number
  readonly #host: NodeHost
  readonly #onFrame: ((frame: SerialFrame) => void) | undefined
  #port: number
  #server: Server | undefined
  #socket: Socket | undefined
  #link: SerialLink | undefined
  #silent = false

  constructor(options: SerialSimulatorOptions) {
    this.#port = options.port ?? 0
    this.#homeId = options.homeId ?? 0x7e570001
    this.#onFrame = options.onFrame
    this.#host = {
      transmit: (nodeId: number, payload: Buffer) => this.#link?.send(applicationCommand(nodeId, payload)),
      onLevel: (nodeId: number, level: number) => options.onLevel?.(nodeId, level),
      onUnhandled: (nodeId: number, payload: Buffer) =>
        void this.unhandledCommands.add(`${nodeId}:${payload.toString('hex')}`),
    }
    const nodes = new Map<number, SimulatedNode>()
    for (const [id, model] of options.nodes) {
      if (!Number.isInteger(id) || id <= CONTROLLER_NODE_ID || id > MAX_NODE_ID)
        throw new InvalidArgumentError(`node id ${id} is not within 2..${MAX_NODE_ID}`)
      nodes.set(id, new SimulatedNode(id, model, this.#host))
    }
    this.nodes = nodes
    this.inclusion = new SimulatedInclusion({
      add: (node) => void nodes.set(node.id, node),
      remove: (nodeId) => {
        nodes.get(nodeId)?.stop()
        nodes.delete(nodeId)
      },
    })
  }

  get port(): number {
    return this.#port
  }

  /** What a driver connects to. */
  get path(): string {
    return `tcp://127.0.0.1:${this.#port}`
  }

  get connected(): boolean {
    return this.#socket !== undefined
  }

  /** Plugs the stick in (again: the port stays the same). */
  async start(): Promise<void> {
    if (this.#server) return
    const server = createServer((socket) => this.#accept(socket))
    this.#server = server
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject)
      server.listen(this.#port, '127.0.0.1', resolve)
    })
    const address = server.address()
    if (address !== null && typeof address === 'object') this.#port = address.port
  }

  /** Pulls the stick: the connection breaks, and new ones are refused until `start`. Nodes keep their state. */
  async unplug(): Promise<void> {
    const server = this.#server
    this.#server = undefined
    this.#drop()
    if (server) await new Promise<void>((resolve) => server.close(() => resolve()))
  }

  async stop(): Promise<void> {
    for (const node of this.nodes.values()) node.stop()
    await this.unplug()
  }

  /** The sensor's value from now on; told when asked for, not before. */
  setSensor(nodeId: number, name: SensorName, value: number): void {
    const sensor = this.node(nodeId).sensors.get(SENSOR_TYPE[name])
    if (!sensor) throw new InvalidArgumentError(`node ${nodeId} has no ${name} sensor`)
    sensor.value = value
  }

  /** The sensor reports by itself, with a new value when one is given (in the sensor's own scale). */
  report(nodeId: number, name: SensorName, value?: number): void {
    if (value !== undefined) this.setSensor(nodeId, name, value)
    const node = this.node(nodeId)
    node.transmit(sensorReport(node, SENSOR_TYPE[name]))
  }

  /** All sensors of a node report, as most do every few minutes. */
  reportAll(nodeId: number): void {
    const node = this.node(nodeId)
    for (const type of node.sensors.keys()) node.transmit(sensorReport(node, type))
  }

  setMotion(nodeId: number, on: boolean): void {
    const node = this.node(nodeId)
    node.motion = on
    if (node.supports(0x30)) node.transmit(binarySensorReport(node))
    if (node.supports(0x71)) node.transmit(notificationReport(node))
  }

  setBattery(nodeId: number, percent: number): void {
    const node = this.node(nodeId)
    node.batteryPercent = percent
    if (node.supports(0x80)) node.transmit([0x80, 0x03, percent])
  }

  /** Somebody turns the dimmer by hand (0..99): it changes at once and reports. */
  turnByHand(nodeId: number, level: number): void {
    const node = this.node(nodeId)
    node.rampMs = 0
    node.changeLevel(level)
    node.transmit(levelReport(node))
  }

  level(nodeId: number): number {
    return this.node(nodeId).level
  }

  /** Out of reach, or back; a node that comes back says nothing by itself. */
  setDead(nodeId: number, dead: boolean): void {
    this.node(nodeId).dead = dead
  }

  /** A battery node wakes up, says so, and hears until it is told that there is nothing more. */
  wakeUp(nodeId: number): void {
    const node = this.node(nodeId)
    node.awake = true
    node.transmit([0x84, 0x07])
  }

  /** Somebody presses the button of a new device: its node id when the stick takes devices in, else `undefined`. */
  pressNewDevice(model: NodeModel): number | undefined {
    const nodeId = Math.max(CONTROLLER_NODE_ID, ...this.nodes.keys()) + 1
    const node = new SimulatedNode(nodeId, model, this.#host)
    // The button wakes the device up.
    node.awake = true
    return this.inclusion.join(node) ? nodeId : undefined
  }

  /** Somebody presses the button of a device of the network; whether it has left it. */
  pressDevice(nodeId: number): boolean {
    return this.inclusion.leave(this.node(nodeId))
  }

  /** The firmware hangs: bytes are taken and nothing is answered, not even with an acknowledgement. */
  setSilent(silent: boolean): void {
    this.#silent = silent
  }

  /** Bytes on the line that belong to nothing. */
  sendGarbage(bytes: Buffer): void {
    this.#socket?.write(bytes)
  }

  /** Does not take the next frames of the host. */
  refuseNext(count: number, how?: Refusal): void {
    this.#link?.refuseNext(count, how)
  }

  node(nodeId: number): SimulatedNode {
    const node = this.nodes.get(nodeId)
    if (!node) throw new InvalidArgumentError(`there is no node ${nodeId}`)
    return node
  }

  #accept(socket: Socket): void {
    this.#drop()
    socket.setNoDelay(true)
    const link = new SerialLink({
      write: (bytes) => void (this.#silent || socket.write(bytes)),
      onFrame: (frame) => {
        this.#onFrame?.(frame)
        const { nodes, unknownFunctions, inclusion } = this
        const stick = { homeId: this.#homeId, nodes, unknownFunctions, inclusion }
        serveHost(stick, frame, (answer) => link.send(answer))
      },
    })
    this.#socket = socket
    this.#link = link
    socket.on('data', (chunk) => void (this.#silent || link.receive(chunk)))
    socket.on('error', () => socket.destroy())
    socket.on('close', () => {
      link.close()
      if (this.#socket === socket) this.#drop()
    })
  }

  #drop(): void {
    this.#link?.close()
    this.#socket?.destroy()
    this.#link = undefined
    this.#socket = undefined
  }
}

/** A multisensor and a dimmer for each room: nodes 2 and 3 for the first, 4 and 5 for the second, and so on. */
export function roomNodes(rooms: number): Map<number, NodeModel> {
  const nodes = new Map<number, NodeModel>()
  for (let room = 0; room < rooms; room++) {
    nodes.set(2 + room * 2, MULTISENSOR)
    nodes.set(3 + room * 2, DIMMER)
  }
  return nodes
}
