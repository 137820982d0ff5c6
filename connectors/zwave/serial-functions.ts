import { REQUEST, RESPONSE, type SerialFrame } from './serial-frame.ts'
import { bitMask } from './simulated-command-classes.ts'
import type { SimulatedInclusion } from './simulated-inclusion.ts'
import type { SimulatedNode } from './simulated-node.ts'

export const CONTROLLER_NODE_ID = 1
/** The highest node id of a classic Z-Wave network; node masks have a bit for each. */
export const MAX_NODE_ID = 232
const NODE_MASK_BYTES = 29

export const FUNCTION = {
  getInitData: 0x02,
  applicationNodeInformation: 0x03,
  applicationCommand: 0x04,
  getControllerCapabilities: 0x05,
  setTimeouts: 0x06,
  getCapabilities: 0x07,
  sendData: 0x13,
  getVersion: 0x15,
  sendDataAbort: 0x16,
  getHomeId: 0x20,
  getNodeProtocolInfo: 0x41,
  addNode: 0x4a,
  removeNode: 0x4b,
  applicationUpdate: 0x49,
  getSucNodeId: 0x56,
  requestNodeInfo: 0x60,
  isFailedNode: 0x62,
  getRoutingInfo: 0x80,
} as const

/** What 0x07 says that the stick can do. */
const SUPPORTED = Object.values(FUNCTION)

const TRANSMIT_OK = 0x00
const TRANSMIT_NO_ACK = 0x01
const NODE_INFO_RECEIVED = 0x84
const NODE_INFO_FAILED = 0x81
/** Listening, routing, 40 kbit/s, protocol version 4; then further speeds; the second byte of a node says it has optional functions. */
const CONTROLLER_PROTOCOL = [0xd3, 0x16, 0x00, 0x02, 0x02, 0x01]
const NODE_PROTOCOL = [0x9c, 0x00, 0x04]
const ALWAYS_LISTENING = 0xd3
const MOSTLY_ASLEEP = 0x53

/** The network as its controller sees it. */
export interface StickState {
  readonly homeId: number
  readonly nodes: ReadonlyMap<number, SimulatedNode>
  /** Functions that a host asked for and that are not implemented. */
  readonly unknownFunctions: Set<number>
  readonly inclusion: SimulatedInclusion
}

type Send = (frame: SerialFrame) => void

interface Call {
  readonly stick: StickState
  readonly data: Buffer
  /** The node that the first byte names. */
  readonly node: SimulatedNode | undefined
  readonly nodeIds: readonly number[]
  respond(...bytes: number[]): void
  request(func: number, ...bytes: number[]): void
}

type Handler = (call: Call) => void

const HANDLERS: ReadonlyMap<number, Handler> = new Map<number, Handler>([
  [
    FUNCTION.getInitData,
    ({ respond, nodeIds }) => respond(0x05, 0x08, NODE_MASK_BYTES, ...bitMask(nodeIds, NODE_MASK_BYTES), 0x05, 0x00),
  ],
  [FUNCTION.applicationNodeInformation, () => {}],
  [FUNCTION.sendDataAbort, () => {}],
  [FUNCTION.getControllerCapabilities, ({ respond }) => respond(0x1c)],
  [FUNCTION.setTimeouts, ({ respond }) => respond(0x64, 0x0f)],
  [
    FUNCTION.getCapabilities,
    ({ respond }) => respond(1, 1, 0x00, 0x86, 0x00, 0x01, 0x00, 0x5a, ...bitMask(SUPPORTED, 32)),
  ],
  [FUNCTION.getVersion, ({ respond }) => respond(...Buffer.from('Z-Wave 4.05\0'), 0x01)],
  [FUNCTION.getHomeId, ({ respond, stick }) => respond(...uint32(stick.homeId), CONTROLLER_NODE_ID)],
  [
    FUNCTION.getNodeProtocolInfo,
    ({ respond, node, data }) => {
      if (data[0] === CONTROLLER_NODE_ID) respond(...CONTROLLER_PROTOCOL)
      else if (node) respond(...protocolOf(node))
      else respond(0, 0, 0, 0, 0, 0)
    },
  ],
  [FUNCTION.getSucNodeId, ({ respond }) => respond(CONTROLLER_NODE_ID)],
  [
    FUNCTION.requestNodeInfo,
    ({ respond, request, node }) => {
      respond(1)
      request(FUNCTION.applicationUpdate, ...nodeInformation(node))
    },
  ],
  [FUNCTION.isFailedNode, ({ respond, node }) => respond(node?.dead ? 1 : 0)],
  [
    FUNCTION.getRoutingInfo,
    ({ respond, nodeIds, data }) => {
      const neighbours = nodeIds.filter((id) => id !== data[0])
      respond(...bitMask(neighbours, NODE_MASK_BYTES))
    },
  ],
  [FUNCTION.addNode, ({ stick, data, request }) => stick.inclusion.asked('adding', data, request)],
  [FUNCTION.removeNode, ({ stick, data, request }) => stick.inclusion.asked('removing', data, request)],
  [
    FUNCTION.sendData,
    ({ respond, request, node, data }) => {
      const length = data[1] ?? 0
      const callbackId = data[data.length - 1] ?? 0
      const reachable = data[0] === CONTROLLER_NODE_ID || node?.hears === true
      respond(1)
      if (callbackId !== 0)
        request(FUNCTION.sendData, callbackId, reachable ? TRANSMIT_OK : TRANSMIT_NO_ACK, 0x00, 0x02)
      if (reachable) node?.receive(Buffer.from(data.subarray(2, 2 + length)))
    },
  ],
])

/** Answers one frame of the host, as the firmware of a 500 series stick (Z-Wave 4.05) does. */
export function serveHost(stick: StickState, { func, data }: SerialFrame, send: Send): void {
  const respond = (...bytes: number[]): void => send({ type: RESPONSE, func, data: Buffer.from(bytes) })
  const handler = HANDLERS.get(func)
  if (!handler) {
    // A firmware without the function stays silent and lets the host wait; an empty answer costs nobody anything.
    stick.unknownFunctions.add(func)
    respond(0)
    return
  }
  handler({
    stick,
    data,
    node: stick.nodes.get(data[0] ?? 0),
    nodeIds: [CONTROLLER_NODE_ID, ...stick.nodes.keys()],
    respond,
    request: (requested, ...bytes) => send({ type: REQUEST, func: requested, data: Buffer.from(bytes) }),
  })
}

/** An application command as it comes in by radio. */
export function applicationCommand(nodeId: number, payload: Buffer): SerialFrame {
  return {
    type: REQUEST,
    func: FUNCTION.applicationCommand,
    data: Buffer.concat([Buffer.of(0x00, nodeId, payload.length), payload]),
  }
}

function nodeInformation(node: SimulatedNode | undefined): number[] {
  return node?.hears ? [NODE_INFO_RECEIVED, node.id, ...describeNode(node)] : [NODE_INFO_FAILED, 0, 0]
}

/** Length, classes of the device and its command classes, as node information frames have them. */
export function describeNode({ model: { commandClasses, genericClass, specificClass } }: SimulatedNode): number[] {
  return [commandClasses.size + 3, 0x04, genericClass, specificClass, ...commandClasses.keys()]
}

function protocolOf({ model }: SimulatedNode): number[] {
  const listening = model.sleeps === true ? MOSTLY_ASLEEP : ALWAYS_LISTENING
  return [listening, ...NODE_PROTOCOL, model.genericClass, model.specificClass]
}

function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32BE(value >>> 0)
  return bytes
}
