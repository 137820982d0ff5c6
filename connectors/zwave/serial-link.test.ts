import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { ACK, CAN, encodeFrame, NAK, REQUEST, type SerialFrame } from './serial-frame.ts'
import { SerialLink } from './serial-link.ts'

const frame = (func: number): SerialFrame => ({ type: REQUEST, func, data: Buffer.alloc(0) })

describe('a serial link', () => {
  let written: string[]
  let received: number[]
  let link: SerialLink

  beforeEach(() => {
    vi.useFakeTimers()
    written = []
    received = []
    link = new SerialLink({
      write: (bytes) => void written.push(bytes.toString('hex')),
      onFrame: ({ func }) => void received.push(func),
      ackTimeoutMs: 1500,
    })
  })

  afterEach(() => {
    link.close()
    vi.useRealTimers()
  })

  const bytesOf = (func: number): string => encodeFrame(frame(func)).toString('hex')

  it('sends the next frame only after the one before is acknowledged', () => {
    link.send(frame(0x04))
    link.send(frame(0x49))
    expect(written).toEqual([bytesOf(0x04)])
    link.receive(Buffer.of(ACK))
    expect(written).toEqual([bytesOf(0x04), bytesOf(0x49)])
  })

  it('sends again after NAK or CAN', () => {
    link.send(frame(0x04))
    link.receive(Buffer.of(NAK))
    link.receive(Buffer.of(CAN))
    expect(written).toEqual([bytesOf(0x04), bytesOf(0x04), bytesOf(0x04)])
  })

  it('gives a frame up after three tries and goes on with the next', () => {
    link.send(frame(0x04))
    link.send(frame(0x49))
    vi.advanceTimersByTime(1500 * 3)
    expect(written).toEqual([bytesOf(0x04), bytesOf(0x04), bytesOf(0x04), bytesOf(0x49)])
    expect(link.givenUp).toEqual([0x04])
  })

  it('acknowledges a frame before it hands it over', () => {
    link.receive(encodeFrame(frame(0x15)))
    expect(written).toEqual(['06'])
    expect(received).toEqual([0x15])
  })

  it('answers a damaged frame with NAK and hands nothing over', () => {
    const damaged = encodeFrame(frame(0x15))
    damaged[4] = damaged[4]! ^ 1
    link.receive(damaged)
    expect(written).toEqual(['15'])
    expect(received).toEqual([])
  })

  it('refuses as many frames as it is told to', () => {
    link.refuseNext(2)
    for (let i = 0; i < 3; i++) link.receive(encodeFrame(frame(0x15)))
    expect(written).toEqual(['15', '15', '06'])
    expect(received).toEqual([0x15])
  })

  it('is not confused by an acknowledgement for nothing', () => {
    link.receive(Buffer.of(ACK, NAK))
    link.send(frame(0x04))
    expect(written).toEqual([bytesOf(0x04)])
  })

  it('leaves no timer behind when it is closed', () => {
    link.send(frame(0x04))
    link.close()
    expect(vi.getTimerCount()).toBe(0)
  })
})
