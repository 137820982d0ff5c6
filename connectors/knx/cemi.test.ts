import { describe, expect, it } from 'vitest'
import * as fc from '../../test/support/property.ts'
import { type CemiFrame, decodeCemi, encodeCemi, NO_PAYLOAD } from './cemi.ts'
import { KnxFrameError } from './errors.ts'

const hex = (text: string) => Buffer.from(text.replaceAll(' ', ''), 'hex')

const vectors: readonly [string, string, CemiFrame][] = [
  [
    'a switch write indicated by 1.1.5',
    '29 00 bc e0 11 05 09 01 01 00 81',
    {
      messageCode: 'L_Data.ind',
      failed: false,
      service: 'GroupValue_Write',
      source: 0x1105,
      destination: 0x0901,
      payload: { short: true, data: Buffer.of(1) },
    },
  ],
  [
    'a read request',
    '11 00 bc e0 00 00 08 02 01 00 00',
    {
      messageCode: 'L_Data.req',
      failed: false,
      service: 'GroupValue_Read',
      source: 0,
      destination: 0x0802,
      payload: NO_PAYLOAD,
    },
  ],
  [
    'a response of one octet',
    '29 00 bc e0 11 07 08 02 02 00 40 bf',
    {
      messageCode: 'L_Data.ind',
      failed: false,
      service: 'GroupValue_Response',
      source: 0x1107,
      destination: 0x0802,
      payload: { short: false, data: Buffer.of(0xbf) },
    },
  ],
  [
    'a negative confirmation of two octets',
    '2e 00 bd e0 10 ff 08 04 03 00 80 0c 33',
    {
      messageCode: 'L_Data.con',
      failed: true,
      service: 'GroupValue_Write',
      source: 0x10ff,
      destination: 0x0804,
      payload: { short: false, data: hex('0c33') },
    },
  ],
]

describe('cEMI group telegrams', () => {
  it.each(vectors)('%s', (_, bytes, frame) => {
    expect(encodeCemi(frame)).toEqual(hex(bytes))
    expect(decodeCemi(hex(bytes))).toEqual(frame)
  })

  it('skips additional information', () => {
    expect(decodeCemi(hex('29 04 03 02 aa bb bc e0 11 05 09 01 01 00 81'))).toEqual(vectors[0]![2])
  })

  it.each([
    ['a bus monitor indication', '2b 00 bc e0 11 05 09 01 01 00 81'],
    ['a telegram to a device', '29 00 bc 60 11 05 11 06 01 00 81'],
    ['a transport control frame (T_Connect)', '29 00 b0 60 11 05 11 06 00 80'],
    ['a property read', '29 00 bc e0 11 05 09 01 05 03 d5 00 0b 10 01'],
    ['a restart', '29 00 bc e0 11 05 00 00 01 03 80'],
  ])('leaves %s to others', (_, bytes) => {
    expect(decodeCemi(hex(bytes))).toBeUndefined()
  })

  it.each([
    ['nothing', ''],
    ['only a message code', '29'],
    ['a cut frame', '29 00 bc e0 11 05 09 01 02 00 80'],
    ['a frame with octets left over', '29 00 bc e0 11 05 09 01 01 00 81 00'],
    ['additional information beyond the end', '29 ff bc e0 11 05 09 01 01 00 81'],
  ])('refuses %s', (_, bytes) => {
    expect(() => decodeCemi(hex(bytes))).toThrow(KnxFrameError)
  })

  it('refuses to write more than 14 octets, or six bits that are seven', () => {
    const frame = vectors[0]![2]
    for (const payload of [
      { short: false, data: Buffer.alloc(15) },
      { short: false, data: Buffer.alloc(0) },
      { short: true, data: Buffer.of(64) },
    ])
      expect(() => encodeCemi({ ...frame, payload })).toThrow(KnxFrameError)
  })

  it('meets any bytes with a frame, nothing or its own error', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 40 }), fc.constantFrom(0x11, 0x29, 0x2e), (bytes, code) => {
        const input = Buffer.from([code, ...bytes])
        try {
          const frame = decodeCemi(input)
          if (frame)
            expect(decodeCemi(encodeCemi(frame.payload.data.length > 14 ? vectors[0]![2] : frame))).toBeDefined()
        } catch (error) {
          expect(error).toBeInstanceOf(KnxFrameError)
        }
      }),
    )
  })
})
