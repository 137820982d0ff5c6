import { isIPv4 } from 'node:net'
import { KnxFrameError } from './errors.ts'

/**
 * KNXnet/IP frames over UDP for discovery, connections and tunnelling: KNX System Specifications 03_08_02 (core) and
 * 03_08_04 (tunnelling), protocol version 1.0. A frame is a header (06 10, service (2), total length (2)) and a body.
 */
export interface Endpoint {
  readonly address: string
  readonly port: number
}

/** A client behind an address translation (and npm knx always) names this; answers go to where the frame came from. */
export const ANY_ENDPOINT: Endpoint = { address: '0.0.0.0', port: 0 }

export const TUNNEL_CONNECTION = 0x04
export const LINK_LAYER = 0x02

/** Status octets of 03_08_02 clause 5.6 and 03_08_04 clause 2.6. */
export const STATUS = {
  noError: 0x00,
  sequenceNumber: 0x04,
  connectionId: 0x21,
  connectionType: 0x22,
  connectionOption: 0x23,
  noMoreConnections: 0x24,
  dataConnection: 0x26,
  knxConnection: 0x27,
  tunnellingLayer: 0x29,
} as const

const STATUS_NAMES = new Map<number, string>(Object.entries(STATUS).map(([name, code]) => [code, name]))

/** For people: `noMoreConnections (0x24)`. */
export function describeStatus(status: number): string {
  return `${STATUS_NAMES.get(status) ?? 'unknown status'} (0x${status.toString(16).padStart(2, '0')})`
}

/** What a server tells about itself (description information block 0x01). */
export interface DeviceInformation {
  readonly individualAddress: number
  readonly serialNumber: Buffer
  readonly macAddress: Buffer
  readonly name: string
}

export type KnxIpFrame =
  | { readonly service: 'searchRequest'; readonly discovery: Endpoint }
  | { readonly service: 'searchResponse'; readonly control: Endpoint; readonly device: DeviceInformation }
  | { readonly service: 'descriptionRequest'; readonly control: Endpoint }
  | { readonly service: 'descriptionResponse'; readonly device: DeviceInformation }
  | {
      readonly service: 'connectRequest'
      readonly control: Endpoint
      readonly data: Endpoint
      readonly connectionType: number
      /** Tunnel connections only. */
      readonly layer?: number
    }
  | {
      readonly service: 'connectResponse'
      readonly channel: number
      readonly status: number
      /** Both only where the status is `noError`. */
      readonly data?: Endpoint
      readonly individualAddress?: number
    }
  | { readonly service: 'connectionStateRequest'; readonly channel: number; readonly control: Endpoint }
  | { readonly service: 'connectionStateResponse'; readonly channel: number; readonly status: number }
  | { readonly service: 'disconnectRequest'; readonly channel: number; readonly control: Endpoint }
  | { readonly service: 'disconnectResponse'; readonly channel: number; readonly status: number }
  | {
      readonly service: 'tunnellingRequest'
      readonly channel: number
      readonly sequence: number
      readonly cemi: Buffer
    }
  | {
      readonly service: 'tunnellingAck'
      readonly channel: number
      readonly sequence: number
      readonly status: number
    }

type Service = KnxIpFrame['service']

const SERVICE_IDS: Readonly<Record<Service, number>> = {
  searchRequest: 0x0201,
  searchResponse: 0x0202,
  descriptionRequest: 0x0203,
  descriptionResponse: 0x0204,
  connectRequest: 0x0205,
  connectResponse: 0x0206,
  connectionStateRequest: 0x0207,
  connectionStateResponse: 0x0208,
  disconnectRequest: 0x0209,
  disconnectResponse: 0x020a,
  tunnellingRequest: 0x0420,
  tunnellingAck: 0x0421,
}
const SERVICES = new Map<number, Service>(
  (Object.entries(SERVICE_IDS) as [Service, number][]).map(([service, id]) => [id, service]),
)

const HEADER_BYTES = 6
const HPAI_BYTES = 8
const DEVICE_BYTES = 54
const NAME_BYTES = 30

export function encodeFrame(frame: KnxIpFrame): Buffer {
  const body = encodeBody(frame)
  const header = Buffer.of(HEADER_BYTES, 0x10, 0, 0, 0, 0)
  header.writeUInt16BE(SERVICE_IDS[frame.service], 2)
  header.writeUInt16BE(HEADER_BYTES + body.length, 4)
  return Buffer.concat([header, body])
}

function encodeBody(frame: KnxIpFrame): Buffer {
  switch (frame.service) {
    case 'searchRequest':
      return hpai(frame.discovery)
    case 'searchResponse':
      return Buffer.concat([hpai(frame.control), deviceBlock(frame.device), SERVICE_FAMILIES])
    case 'descriptionRequest':
      return hpai(frame.control)
    case 'descriptionResponse':
      return Buffer.concat([deviceBlock(frame.device), SERVICE_FAMILIES])
    case 'connectRequest':
      return Buffer.concat([
        hpai(frame.control),
        hpai(frame.data),
        frame.layer === undefined
          ? Buffer.of(2, frame.connectionType)
          : Buffer.of(4, frame.connectionType, frame.layer, 0),
      ])
    case 'connectResponse': {
      const state = Buffer.of(frame.channel, frame.status)
      if (!frame.data) return state
      const crd = Buffer.of(4, TUNNEL_CONNECTION, 0, 0)
      crd.writeUInt16BE(frame.individualAddress ?? 0, 2)
      return Buffer.concat([state, hpai(frame.data), crd])
    }
    case 'connectionStateRequest':
    case 'disconnectRequest':
      return Buffer.concat([Buffer.of(frame.channel, 0), hpai(frame.control)])
    case 'connectionStateResponse':
    case 'disconnectResponse':
      return Buffer.of(frame.channel, frame.status)
    case 'tunnellingRequest':
      return Buffer.concat([Buffer.of(4, frame.channel, frame.sequence, 0), frame.cemi])
    case 'tunnellingAck':
      return Buffer.of(4, frame.channel, frame.sequence, frame.status)
  }
}

/**
 * `undefined` for a well-formed frame of a service that we do not speak.
 * @throws {KnxFrameError} for anything that is no KNXnet/IP 1.0 frame or is cut short.
 */
export function decodeFrame(bytes: Buffer): KnxIpFrame | undefined {
  if (bytes.length < HEADER_BYTES || bytes[0] !== HEADER_BYTES || bytes[1] !== 0x10)
    throw new KnxFrameError('not a KNXnet/IP 1.0 header')
  if (bytes.readUInt16BE(4) !== bytes.length)
    throw new KnxFrameError(`the header says ${bytes.readUInt16BE(4)} octets, the datagram has ${bytes.length}`)
  const service = SERVICES.get(bytes.readUInt16BE(2))
  return service && decodeBody(service, bytes.subarray(HEADER_BYTES))
}

function decodeBody(service: Service, body: Buffer): KnxIpFrame {
  switch (service) {
    case 'searchRequest':
      return { service, discovery: endpointAt(body, 0) }
    case 'searchResponse':
      return { service, control: endpointAt(body, 0), device: deviceAt(body, HPAI_BYTES) }
    case 'descriptionRequest':
      return { service, control: endpointAt(body, 0) }
    case 'descriptionResponse':
      return { service, device: deviceAt(body, 0) }
    case 'connectRequest': {
      const control = endpointAt(body, 0)
      const data = endpointAt(body, HPAI_BYTES)
      need(body, 2 * HPAI_BYTES + 2)
      const [length, connectionType, layer] = body.subarray(2 * HPAI_BYTES)
      need(body, 2 * HPAI_BYTES + length!)
      return { service, control, data, connectionType: connectionType!, ...(length! > 2 ? { layer: layer! } : {}) }
    }
    case 'connectResponse': {
      need(body, 2)
      const state = { service, channel: body[0]!, status: body[1]! }
      if (body.length === 2) return state
      const data = endpointAt(body, 2)
      const crd = 2 + HPAI_BYTES
      need(body, crd + 2)
      return body[crd]! >= 4 && body.length >= crd + 4
        ? { ...state, data, individualAddress: body.readUInt16BE(crd + 2) }
        : { ...state, data }
    }
    case 'connectionStateRequest':
    case 'disconnectRequest':
      need(body, 2)
      return { service, channel: body[0]!, control: endpointAt(body, 2) }
    case 'connectionStateResponse':
    case 'disconnectResponse':
      need(body, 2)
      return { service, channel: body[0]!, status: body[1]! }
    case 'tunnellingRequest':
      connectionHeader(body)
      return { service, channel: body[1]!, sequence: body[2]!, cemi: Buffer.from(body.subarray(4)) }
    case 'tunnellingAck':
      connectionHeader(body)
      return { service, channel: body[1]!, sequence: body[2]!, status: body[3]! }
  }
}

function need(body: Buffer, sizeBytes: number): void {
  if (body.length < sizeBytes) throw new KnxFrameError(`a body of ${body.length} octets where ${sizeBytes} are due`)
}

function connectionHeader(body: Buffer): void {
  need(body, 4)
  if (body[0] !== 4) throw new KnxFrameError(`a connection header of ${body[0]} octets`)
}

function hpai(endpoint: Endpoint): Buffer {
  if (!isIPv4(endpoint.address)) throw new KnxFrameError(`${endpoint.address} is not an IPv4 address`)
  const bytes = Buffer.of(HPAI_BYTES, 1, ...endpoint.address.split('.').map(Number), 0, 0)
  bytes.writeUInt16BE(endpoint.port, 6)
  return bytes
}

function endpointAt(body: Buffer, at: number): Endpoint {
  need(body, at + HPAI_BYTES)
  if (body[at] !== HPAI_BYTES || body[at + 1] !== 1) throw new KnxFrameError('an endpoint that is not IPv4 over UDP')
  return { address: body.subarray(at + 2, at + 6).join('.'), port: body.readUInt16BE(at + 6) }
}

/** Core 1 and tunnelling 1 (description information block 0x02). */
const SERVICE_FAMILIES = Buffer.of(6, 0x02, 0x02, 1, 0x04, 1)
const ROUTING_MULTICAST = [224, 0, 23, 12]

function deviceBlock(device: DeviceInformation): Buffer {
  const block = Buffer.alloc(DEVICE_BYTES)
  block[0] = DEVICE_BYTES
  block[1] = 0x01
  block[2] = 0x02 // medium TP1
  block.writeUInt16BE(device.individualAddress, 4)
  device.serialNumber.copy(block, 8, 0, 6)
  block.set(ROUTING_MULTICAST, 14)
  device.macAddress.copy(block, 18, 0, 6)
  block.write(device.name.slice(0, NAME_BYTES - 1), 24, NAME_BYTES, 'latin1')
  return block
}

function deviceAt(body: Buffer, at: number): DeviceInformation {
  need(body, at + DEVICE_BYTES)
  if (body[at] !== DEVICE_BYTES || body[at + 1] !== 0x01) throw new KnxFrameError('no device information block')
  const name = body.toString('latin1', at + 24, at + 24 + NAME_BYTES)
  return {
    individualAddress: body.readUInt16BE(at + 4),
    serialNumber: Buffer.from(body.subarray(at + 8, at + 14)),
    macAddress: Buffer.from(body.subarray(at + 18, at + 24)),
    name: name.slice(0, Math.max(0, name.indexOf('\0'))),
  }
}
