import { describeNode, FUNCTION } from './serial-functions.ts'
import type { SimulatedNode } from './simulated-node.ts'

const START_MODES = new Set([1, 2, 3])
const READY = 1
const NODE_FOUND = 2
const SLAVE = 3
const PROTOCOL_DONE = 5
const DONE = 6

type Request = (func: number, ...bytes: number[]) => void
type Mode = 'adding' | 'removing'

/** What the stick does to its network. */
interface Network {
  add(node: SimulatedNode): void
  remove(nodeId: number): void
}

/** The stick while it takes devices in or lets them go (Serial API 0x4a and 0x4b): somebody has to press the button of one. */
export class SimulatedInclusion {
  readonly #network: Network
  #mode: Mode | undefined
  #callbackId = 0
  #request: Request = () => {}
  #found: number | undefined

  constructor(network: Network) {
    this.#network = network
  }

  get mode(): Mode | undefined {
    return this.#mode
  }

  /** The host starts or stops. A callback id of 0 asks for no answer; without one the last counts, as in the buffers of real sticks. */
  asked(mode: Mode, data: Buffer, request: Request): void {
    const [how = 0, callbackId = this.#callbackId] = data
    this.#request = request
    this.#callbackId = callbackId
    if (START_MODES.has(how & 0x0f)) {
      this.#mode = mode
      this.#found = undefined
      this.#tell(READY, 0)
      return
    }
    const found = this.#found ?? 0
    this.#mode ??= mode
    this.#tell(DONE, found)
    this.#mode = undefined
    this.#found = undefined
  }

  /** The button of a device that is nowhere yet is pressed. */
  join(node: SimulatedNode): boolean {
    if (this.#mode !== 'adding') return false
    this.#tell(NODE_FOUND, 0)
    this.#network.add(node)
    this.#found = node.id
    this.#tell(SLAVE, node.id, ...describeNode(node))
    this.#tell(PROTOCOL_DONE, node.id)
    return true
  }

  /** The button of a device of the network is pressed. */
  leave(node: SimulatedNode): boolean {
    if (this.#mode !== 'removing') return false
    this.#tell(NODE_FOUND, 0)
    this.#tell(SLAVE, node.id, ...describeNode(node))
    this.#network.remove(node.id)
    this.#tell(DONE, node.id)
    this.#mode = undefined
    return true
  }

  #tell(status: number, nodeId: number, ...information: number[]): void {
    if (this.#callbackId === 0) return
    const func = this.#mode === 'removing' ? FUNCTION.removeNode : FUNCTION.addNode
    this.#request(func, this.#callbackId, status, nodeId, ...(information.length > 0 ? information : [0]))
  }
}
