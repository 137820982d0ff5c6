import { describe, expect, it } from 'vitest'
import { encodeFrame, REQUEST, RESPONSE, SerialFrameParser, type SerialToken } from './serial-frame.ts'

const hex = (text: string): Buffer => Buffer.from(text.replaceAll(' ', ''), 'hex')

const VECTORS = [
  { name: 'GetVersion', bytes: '01 03 00 15 e9', type: REQUEST, func: 0x15, data: '' },
  { name: 'GetHomeId', bytes: '01 03 00 20 dc', type: REQUEST, func: 0x20, data: '' },
  {
    name: 'home id and controller',
    bytes: '01 08 01 20 7e 57 00 01 01 ff',
    type: RESPONSE,
    func: 0x20,
    data: '7e57000101',
  },
  { name: 'SUC node id', bytes: '01 04 01 56 01 ad', type: RESPONSE, func: 0x56, data: '01' },
  { name: 'SetTimeouts', bytes: '01 05 00 06 a0 0f 53', type: REQUEST, func: 0x06, data: 'a00f' },
] as const

describe('a serial frame', () => {
  it.each(VECTORS)('is written as $bytes: $name', ({ bytes, type, func, data }) => {
    expect(encodeFrame({ type, func, data: hex(data) }).toString('hex')).toBe(hex(bytes).toString('hex'))
  })

  it.each(VECTORS)('is read from $bytes: $name', ({ bytes, type, func, data }) => {
    expect(new SerialFrameParser().push(hex(bytes))).toEqual([
      { kind: 'frame', frame: { type, func, data: hex(data) } },
    ])
  })

  it('holds 252 bytes of data and no more', () => {
    expect(encodeFrame({ type: REQUEST, func: 0x13, data: Buffer.alloc(252) })).toHaveLength(257)
    expect(() => encodeFrame({ type: REQUEST, func: 0x13, data: Buffer.alloc(253) })).toThrow(RangeError)
  })
})

describe('the parser', () => {
  const stream = hex('06 01 03 00 15 e9 15 01 04 01 56 01 ad 18')
  const whole = ['ack', 'frame', 'nak', 'frame', 'can']

  it('finds the same tokens however the bytes are split', () => {
    for (let at = 0; at <= stream.length; at++) {
      const parser = new SerialFrameParser()
      const tokens = [...parser.push(stream.subarray(0, at)), ...parser.push(stream.subarray(at))]
      expect(tokens.map((t) => t.kind)).toEqual(whole)
    }
  })

  it('finds them byte by byte', () => {
    const parser = new SerialFrameParser()
    const tokens: SerialToken[] = []
    for (const byte of stream) tokens.push(...parser.push(Buffer.of(byte)))
    expect(tokens.map((t) => t.kind)).toEqual(whole)
  })

  it('skips and counts bytes that begin nothing', () => {
    const parser = new SerialFrameParser()
    expect(parser.push(hex('aa bb 00 ff 01 03 00 15 e9')).map((t) => t.kind)).toEqual(['frame'])
    expect(parser.skippedBytes).toBe(4)
  })

  it.each([
    ['a wrong checksum', '01 03 00 15 e8'],
    ['a type that is neither request nor response', '01 03 02 15 eb'],
    ['a length that holds no function', '01 02'],
  ])('calls a frame with %s corrupt, and reads on', (_, bytes) => {
    const tokens = new SerialFrameParser().push(hex(`${bytes} 06`))
    expect(tokens[0]).toEqual({ kind: 'corrupt' })
    expect(tokens.at(-1)).toEqual({ kind: 'ack' })
  })

  it('forgets half a frame when it is reset', () => {
    const parser = new SerialFrameParser()
    parser.push(hex('01 03 00'))
    parser.reset()
    expect(parser.push(hex('01 03 00 15 e9')).map((t) => t.kind)).toEqual(['frame'])
  })

  it('keeps a frame apart from the buffer it came in', () => {
    const chunk = hex('01 04 01 56 01 ad')
    const [token] = new SerialFrameParser().push(chunk)
    chunk.fill(0)
    expect(token).toMatchObject({ frame: { data: Buffer.of(1) } })
  })
})
