import { beforeEach, describe, expect, it } from 'vitest'
import { bitMask } from './simulated-command-classes.ts'
import { DIMMER, MULTISENSOR, MULTISENSOR_BINARY_FAHRENHEIT, type NodeModel, SimulatedNode } from './simulated-node.ts'

const hex = (text: string): Buffer => Buffer.from(text.replaceAll(' ', ''), 'hex')

class Air {
  readonly sent: string[] = []
  readonly levels: number[] = []
  readonly unhandled: string[] = []
  transmit(_: number, payload: Buffer): void {
    this.sent.push(payload.toString('hex'))
  }
  onLevel(_: number, level: number): void {
    this.levels.push(level)
  }
  onUnhandled(_: number, payload: Buffer): void {
    this.unhandled.push(payload.toString('hex'))
  }
}

let air: Air
beforeEach(() => {
  air = new Air()
})
const node = (model: NodeModel): SimulatedNode => new SimulatedNode(7, model, air)

describe('a simulated multisensor', () => {
  it.each([
    ['its version', '86 11', '86 12 03 04 05 01 00'],
    ['the version of a command class', '86 13 31', '86 14 31 05'],
    ['version 0 of one it does not have', '86 13 26', '86 14 26 00'],
    ['who made it', '72 04', '72 05 00 86 00 02 00 64'],
    ['which sensors it has', '31 01', '31 02 15 00'],
    ['the scale of its luminance sensor', '31 03 03', '31 06 03 02'],
    ['21.5 °C', '31 04 01 00', '31 05 01 24 00 00 00 d7'],
    ['320 lux', '31 04 03 08', '31 05 03 0c 00 00 01 40'],
    ['44 % humidity', '31 04 05 00', '31 05 05 04 00 00 00 2c'],
    ['its first sensor when none is named', '31 04', '31 05 01 24 00 00 00 d7'],
    ['that it knows home security', '71 07', '71 08 01 80'],
    ['the events of it', '71 01 07', '71 02 07 02 00 01'],
    ['no events of another type', '71 01 06', '71 02 06 00'],
    ['no motion', '71 04 00 07 00', '71 05 00 00 00 ff 07 00 01 08'],
    ['its battery', '80 02', '80 03 64'],
  ])('tells %s', (_, asked, told) => {
    node(MULTISENSOR).receive(hex(asked))
    expect(air.sent).toEqual([hex(told).toString('hex')])
    expect(air.unhandled).toEqual([])
  })

  it('tells motion while there is some', () => {
    const sensor = node(MULTISENSOR)
    sensor.motion = true
    sensor.receive(hex('71 04 00 07 00'))
    expect(air.sent).toEqual([hex('71 05 00 00 00 ff 07 08 00').toString('hex')])
  })

  it.each([
    [-12.3, 'ffffff85'],
    [0, '00000000'],
    [4000, '00009c40'],
  ])('writes %d in four bytes with the sign', (value, bytes) => {
    const sensor = node(MULTISENSOR)
    sensor.sensors.get(1)!.value = value
    sensor.receive(hex('31 04 01 00'))
    expect(air.sent[0]?.slice(-8)).toBe(bytes)
  })

  it('says which command it has no answer for', () => {
    node(MULTISENSOR).receive(hex('5e 01'))
    expect(air).toMatchObject({ sent: [], unhandled: ['5e01'] })
  })

  it('of older firmware tells motion by Binary Sensor and its temperature in °F', () => {
    const sensor = node(MULTISENSOR_BINARY_FAHRENHEIT)
    sensor.motion = true
    sensor.receive(hex('30 02'))
    sensor.receive(hex('31 04 01 08'))
    expect(air.sent).toEqual(['3003ff0c', hex('31 05 01 2c 00 00 02 c3').toString('hex')])
  })
})

describe('a simulated dimmer', () => {
  it('takes a level and tells it', () => {
    const dimmer = node(DIMMER)
    dimmer.receive(hex('26 01 2a'))
    dimmer.receive(hex('26 02'))
    expect(air).toMatchObject({ levels: [42], sent: [hex('26 03 2a 2a 00').toString('hex')] })
  })

  it.each([
    ['255 restores the level it last had', [42, 0, 255], 42],
    ['255 is full when it was never on', [255], 99],
    ['levels from 100 to 254 mean nothing', [10, 150], 10],
  ])('%s', (_, levels, expected) => {
    const dimmer = node(DIMMER)
    for (const level of levels) dimmer.receive(Buffer.of(0x26, 0x01, level))
    expect(dimmer.level).toBe(expected)
  })

  it('tells where it is and where it is going while it ramps', async () => {
    const dimmer = node(DIMMER)
    dimmer.rampMs = 20
    dimmer.receive(hex('26 01 32'))
    dimmer.receive(hex('26 02'))
    expect(air.sent).toEqual([hex('26 03 00 32 fe').toString('hex')])
    await expect.poll(() => dimmer.level).toBe(50)
  })

  it('says nothing while it is dead', () => {
    const dimmer = node(DIMMER)
    dimmer.dead = true
    dimmer.receive(hex('26 02'))
    expect(air.sent).toEqual([])
  })
})

describe('bit masks', () => {
  it.each([
    [[1, 8, 9], 2, 1, [0x81, 0x01]],
    [[232], 29, 1, [...new Array<number>(28).fill(0), 0x80]],
    [[0x0c], 2, 0, [0x00, 0x10]],
    [[233], 29, 1, new Array<number>(29).fill(0)],
  ])('of %j in %d bytes from %d', (numbers, sizeBytes, first, mask) => {
    expect(bitMask(numbers, sizeBytes, first)).toEqual(mask)
  })
})
