/** The bytes of the Z-Wave Serial API (Silicon Labs INS12350): single control bytes, and frames of SOF, length, type, function, data, checksum. */
export const SOF = 0x01
export const ACK = 0x06
export const NAK = 0x15
export const CAN = 0x18

export const REQUEST = 0x00
export const RESPONSE = 0x01

/** Length, type, function and checksum beside the data; the length byte counts all but SOF and itself. */
const MAX_DATA_BYTES = 0xff - 3
const MIN_LENGTH = 3

export interface SerialFrame {
  readonly type: typeof REQUEST | typeof RESPONSE
  /** The Serial API function, such as 0x13 for SendData. */
  readonly func: number
  readonly data: Buffer
}

export type SerialToken =
  | { readonly kind: 'ack' }
  | { readonly kind: 'nak' }
  | { readonly kind: 'can' }
  /** A frame whose checksum or length is wrong: the receiver answers NAK. */
  | { readonly kind: 'corrupt' }
  | { readonly kind: 'frame'; readonly frame: SerialFrame }

const CONTROL: Readonly<Record<number, SerialToken>> = {
  [ACK]: { kind: 'ack' },
  [NAK]: { kind: 'nak' },
  [CAN]: { kind: 'can' },
}

/** 0xff exclusive-or every byte from the length byte to the last data byte. */
export function checksum(bytes: Uint8Array): number {
  let sum = 0xff
  for (const byte of bytes) sum ^= byte
  return sum
}

/** @throws {RangeError} when the data does not fit into one frame (252 bytes). */
export function encodeFrame(frame: SerialFrame): Buffer {
  const { data } = frame
  if (data.length > MAX_DATA_BYTES) throw new RangeError(`a serial frame holds ${MAX_DATA_BYTES} bytes of data at most`)
  const bytes = Buffer.alloc(data.length + 5)
  bytes[0] = SOF
  bytes[1] = data.length + MIN_LENGTH
  bytes[2] = frame.type
  bytes[3] = frame.func
  data.copy(bytes, 4)
  bytes[bytes.length - 1] = checksum(bytes.subarray(1, -1))
  return bytes
}

/** Cuts a byte stream into tokens, however the transport has split or joined them. Bytes that begin nothing are skipped and counted. */
export class SerialFrameParser {
  #rest: Buffer = Buffer.alloc(0)
  #skippedBytes = 0

  get skippedBytes(): number {
    return this.#skippedBytes
  }

  push(chunk: Buffer): SerialToken[] {
    const bytes = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk])
    const tokens: SerialToken[] = []
    let at = 0
    while (at < bytes.length) {
      const first = bytes[at]!
      const control = CONTROL[first]
      if (control) {
        tokens.push(control)
        at++
      } else if (first !== SOF) {
        this.#skippedBytes++
        at++
      } else {
        const length = bytes[at + 1]
        if (length === undefined) break
        if (length < MIN_LENGTH) {
          tokens.push({ kind: 'corrupt' })
          at += 2
          continue
        }
        const end = at + 2 + length
        if (bytes.length < end) break
        tokens.push(decode(bytes.subarray(at, end)))
        at = end
      }
    }
    this.#rest = Buffer.from(bytes.subarray(at))
    return tokens
  }

  /** Forgets an unfinished frame: the sender has given it up. */
  reset(): void {
    this.#rest = Buffer.alloc(0)
  }
}

function decode(bytes: Buffer): SerialToken {
  const type = bytes[2]
  if (checksum(bytes.subarray(1)) !== 0 || (type !== REQUEST && type !== RESPONSE)) return { kind: 'corrupt' }
  return { kind: 'frame', frame: { type, func: bytes[3]!, data: Buffer.from(bytes.subarray(4, -1)) } }
}
