import { describe, expect, it } from 'vitest'
import * as fc from '../../test/support/property.ts'
import { KnxFrameError } from './errors.ts'
import { ANY_ENDPOINT, decodeFrame, describeStatus, encodeFrame, type KnxIpFrame } from './knxnetip-frames.ts'

const hex = (text: string) => Buffer.from(text.replaceAll(' ', ''), 'hex')
const endpoint = { address: '192.168.1.20', port: 3671 }
const endpointHex = '08 01 c0 a8 01 14 0e 57'
const anyHex = '08 01 00 00 00 00 00 00'
const deviceHex =
  `36 01 02 00 10 00 00 00 00 01 02 03 04 05 e0 00 17 0c 02 00 00 00 00 01 ${Buffer.from('Brook').toString('hex')}` +
  '00'.repeat(25)
const device = {
  individualAddress: 0x1000,
  serialNumber: hex('000102030405'),
  macAddress: hex('020000000001'),
  name: 'Brook',
}

const vectors: readonly [string, KnxIpFrame][] = [
  [`06 10 02 01 00 0e ${endpointHex}`, { service: 'searchRequest', discovery: endpoint }],
  [
    `06 10 02 02 00 4a ${endpointHex} ${deviceHex} 06 02 02 01 04 01`,
    { service: 'searchResponse', control: endpoint, device },
  ],
  [`06 10 02 03 00 0e ${anyHex}`, { service: 'descriptionRequest', control: ANY_ENDPOINT }],
  [`06 10 02 04 00 42 ${deviceHex} 06 02 02 01 04 01`, { service: 'descriptionResponse', device }],
  [
    `06 10 02 05 00 1a ${endpointHex} ${anyHex} 04 04 02 00`,
    { service: 'connectRequest', control: endpoint, data: ANY_ENDPOINT, connectionType: 4, layer: 2 },
  ],
  [
    `06 10 02 05 00 18 ${anyHex} ${anyHex} 02 03`,
    { service: 'connectRequest', control: ANY_ENDPOINT, data: ANY_ENDPOINT, connectionType: 3 },
  ],
  [
    `06 10 02 06 00 14 07 00 ${endpointHex} 04 04 10 ff`,
    { service: 'connectResponse', channel: 7, status: 0, data: endpoint, individualAddress: 0x10ff },
  ],
  ['06 10 02 06 00 08 00 24', { service: 'connectResponse', channel: 0, status: 0x24 }],
  [`06 10 02 07 00 10 07 00 ${endpointHex}`, { service: 'connectionStateRequest', channel: 7, control: endpoint }],
  ['06 10 02 08 00 08 07 21', { service: 'connectionStateResponse', channel: 7, status: 0x21 }],
  [`06 10 02 09 00 10 07 00 ${anyHex}`, { service: 'disconnectRequest', channel: 7, control: ANY_ENDPOINT }],
  ['06 10 02 0a 00 08 07 00', { service: 'disconnectResponse', channel: 7, status: 0 }],
  [
    '06 10 04 20 00 15 04 07 fe 00 11 00 bc e0 00 00 09 01 01 00 81',
    { service: 'tunnellingRequest', channel: 7, sequence: 0xfe, cemi: hex('1100bce0000009010100 81') },
  ],
  ['06 10 04 21 00 0a 04 07 fe 00', { service: 'tunnellingAck', channel: 7, sequence: 0xfe, status: 0 }],
]

describe('KNXnet/IP frames', () => {
  it.each(vectors)('%s', (bytes, frame) => {
    expect(encodeFrame(frame).toString('hex')).toBe(hex(bytes).toString('hex'))
    expect(decodeFrame(hex(bytes))).toEqual(frame)
  })

  it('leaves services of others alone', () => {
    expect(decodeFrame(hex('06 10 05 30 00 07 00'))).toBeUndefined()
  })

  it.each([
    ['nothing', ''],
    ['another protocol version', '06 20 02 08 00 08 07 00'],
    ['a total length beyond the datagram', '06 10 02 08 00 09 07 00'],
    ['a datagram beyond the total length', '06 10 02 08 00 08 07 00 00'],
    ['a connect request without its request information', `06 10 02 05 00 16 ${anyHex} ${anyHex}`],
    ['an endpoint over TCP', '06 10 02 03 00 0e 08 02 00 00 00 00 00 00'],
    ['a tunnelling request without its header', '06 10 04 20 00 08 04 07'],
    ['a connection header of a wrong length', '06 10 04 21 00 0a 05 07 00 00'],
  ])('refuses %s', (_, bytes) => {
    expect(() => decodeFrame(hex(bytes))).toThrow(KnxFrameError)
  })

  it('meets any body with a frame, nothing or its own error', () => {
    const services = vectors.map(([bytes]) => hex(bytes).readUInt16BE(2))
    fc.assert(
      fc.property(fc.constantFrom(...services), fc.uint8Array({ maxLength: 80 }), (service, body) => {
        const bytes = Buffer.concat([Buffer.of(6, 0x10, service >> 8, service & 255, 0, 6 + body.length), body])
        try {
          decodeFrame(bytes)
        } catch (error) {
          expect(error).toBeInstanceOf(KnxFrameError)
        }
      }),
    )
  })

  it('names a status for people', () => {
    expect(describeStatus(0x24)).toBe('noMoreConnections (0x24)')
    expect(describeStatus(0x99)).toBe('unknown status (0x99)')
  })
})
