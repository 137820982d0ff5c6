import type { GroupPayload } from './dpt.ts'
import { KnxFrameError } from './errors.ts'

/**
 * Common EMI link-layer data frames, KNX System Specifications 03_06_03 clause 4.1.5:
 * message code, length of additional information, that information, control 1, control 2, source (2), destination (2),
 * length of the APDU without its first octet, TPCI and APCI, data.
 */
const MESSAGE_CODES = { 'L_Data.req': 0x11, 'L_Data.ind': 0x29, 'L_Data.con': 0x2e } as const
export type MessageCode = keyof typeof MESSAGE_CODES

const SERVICES = { GroupValue_Read: 0, GroupValue_Response: 1, GroupValue_Write: 2 } as const
export type GroupService = keyof typeof SERVICES
const SERVICE_NAMES = Object.keys(SERVICES) as readonly GroupService[]

/** A group telegram: what everybody on the line sees. Addresses are 16-bit numbers. */
export interface GroupTelegram {
  readonly service: GroupService
  readonly source: number
  readonly destination: number
  /** Empty for GroupValue_Read. */
  readonly payload: GroupPayload
}

export interface CemiFrame extends GroupTelegram {
  readonly messageCode: MessageCode
  /** L_Data.con only: nobody on the bus acknowledged the telegram. */
  readonly failed: boolean
}

export const NO_PAYLOAD: GroupPayload = { short: true, data: Buffer.of(0) }
const MAX_DATA_BYTES = 14
/** Standard frame, no repetition flag of a repeated frame, broadcast, low priority. */
const CONTROL_1 = 0xbc
/** Group destination, six hops. */
const CONTROL_2 = 0xe0

export function encodeCemi(frame: CemiFrame): Buffer {
  const { short, data } = frame.payload
  const size = short ? 0 : data.length
  if (short ? data.length !== 1 || data[0]! > 0x3f : size < 1 || size > MAX_DATA_BYTES)
    throw new KnxFrameError(`a group telegram carries 6 bits or 1 to ${MAX_DATA_BYTES} octets`)
  const bytes = Buffer.alloc(11 + size)
  bytes[0] = MESSAGE_CODES[frame.messageCode]
  bytes[2] = CONTROL_1 | (frame.failed ? 1 : 0)
  bytes[3] = CONTROL_2
  bytes.writeUInt16BE(frame.source, 4)
  bytes.writeUInt16BE(frame.destination, 6)
  bytes[8] = 1 + size
  bytes[10] = (SERVICES[frame.service] << 6) | (short ? data[0]! : 0)
  if (!short) data.copy(bytes, 11)
  return bytes
}

/**
 * `undefined` for frames that are well formed and none of ours: other message codes, individual destinations, other
 * transport or application services.
 * @throws {KnxFrameError} when the bytes end too early or go on too long.
 */
export function decodeCemi(bytes: Buffer): CemiFrame | undefined {
  const messageCode = messageCodeOf(bytes[0])
  if (bytes.length < 2) throw new KnxFrameError(`a cEMI frame of ${bytes.length} octets`)
  if (!messageCode) return undefined
  const at = 2 + bytes[1]!
  const length = bytes[at + 6]
  if (length === undefined || bytes.length !== at + 8 + length)
    throw new KnxFrameError(`a cEMI frame of ${bytes.length} octets whose lengths do not add up`)
  const toGroup = (bytes[at + 1]! & 0x80) !== 0
  if (!toGroup || length === 0) return undefined
  const word = bytes.readUInt16BE(at + 7)
  const service = SERVICE_NAMES[(word >> 6) & 0x0f]
  const unnumberedGroupData = (word & 0xfc00) === 0
  if (!unnumberedGroupData || !service) return undefined
  return {
    messageCode,
    failed: messageCode === 'L_Data.con' && (bytes[at]! & 1) === 1,
    service,
    source: bytes.readUInt16BE(at + 2),
    destination: bytes.readUInt16BE(at + 4),
    payload:
      length === 1
        ? { short: true, data: Buffer.of(word & 0x3f) }
        : { short: false, data: Buffer.from(bytes.subarray(at + 9)) },
  }
}

function messageCodeOf(octet: number | undefined): MessageCode | undefined {
  switch (octet) {
    case 0x11:
      return 'L_Data.req'
    case 0x29:
      return 'L_Data.ind'
    case 0x2e:
      return 'L_Data.con'
    default:
      return undefined
  }
}
