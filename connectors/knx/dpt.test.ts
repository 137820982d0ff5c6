import { describe, expect, it } from 'vitest'
import * as fc from '../../test/support/property.ts'
import { dptOf, type GroupPayload } from './dpt.ts'
import { DptError, UnsupportedDptError } from './errors.ts'

const short = (value: number): GroupPayload => ({ short: true, data: Buffer.of(value) })
const octets = (hex: string): GroupPayload => ({ short: false, data: Buffer.from(hex, 'hex') })

describe('datapoint types on the wire', () => {
  it.each([
    ['1.001', 0, short(0)],
    ['1.001', 1, short(1)],
    ['1.008', 0, short(0)],
    ['1.008', 1, short(1)],
    ['5.001', 0, octets('00')],
    ['5.001', 20, octets('33')],
    ['5.001', 40, octets('66')],
    ['5.001', 100, octets('ff')],
    ['9.001', 0, octets('0000')],
    ['9.001', 0.01, octets('0001')],
    ['9.001', -0.01, octets('87ff')],
    ['9.001', 20.47, octets('07ff')],
    ['9.001', 20.48, octets('0c00')],
    ['9.001', 21.5, octets('0c33')],
    ['9.001', 25, octets('0ce2')],
    ['9.001', -20.48, octets('8000')],
    ['9.001', -30, octets('8a24')],
    ['9.001', 670433.28, octets('7ffe')],
    ['9.004', 100, octets('1ce2')],
    ['9.004', 0, octets('0000')],
    ['9.007', 50, octets('14e2')],
  ])('DPT %s carries %d', (id, value, payload) => {
    const dpt = dptOf(id)
    expect(dpt.encode(value)).toEqual(payload)
    expect(dpt.decode(payload)).toBeCloseTo(value, 6)
  })

  it.each([
    ['5.001', 33, '54', 33],
    ['5.001', 50, '80', 50],
    ['5.001', 0.3, '01', 0.392157],
    ['5.001', 99.7, 'fe', 99.607843],
    ['9.001', 21.51, '0c34', 21.52],
    ['9.001', 327.67, '2c00', 327.68],
    ['9.001', -273, 'a156', -272.96],
    ['9.004', 65535, '6640', 65536],
  ])('DPT %s rounds %d to its step', (id, value, hex, decoded) => {
    const dpt = dptOf(id)
    expect(dpt.encode(value).data.toString('hex')).toBe(hex)
    expect(dpt.decode(octets(hex))).toBeCloseTo(decoded, 5)
  })

  it.each(['9.001', '9.004', '9.007'])('DPT %s reads 7fff as no value', (id) => {
    expect(dptOf(id).decode(octets('7fff'))).toBeUndefined()
  })

  it.each([
    ['1.001', octets('01'), 'needs 1 bit, got 1 octets'],
    ['1.008', octets('0001'), 'needs 1 bit, got 2 octets'],
    ['1.001', short(0x09), 'six bits 0x09'],
    ['5.001', short(1), 'needs 1 octet, got 6 bits'],
    ['5.001', octets('0000'), 'needs 1 octet, got 2 octets'],
    ['5.001', octets(''), 'needs 1 octet, got 0 octets'],
    ['9.001', octets('0c'), 'needs 2 octets, got 1 octets'],
    ['9.001', octets('0c3300'), 'needs 2 octets, got 3 octets'],
    ['9.001', octets('f800'), 'carries -273 to'],
    ['9.004', octets('87ff'), 'carries 0 to'],
  ])('DPT %s refuses the payload %j', (id, payload, reason) => {
    expect(() => dptOf(id).decode(payload)).toThrow(DptError)
    expect(() => dptOf(id).decode(payload)).toThrow(reason)
  })

  it.each([
    ['1.001', 2],
    ['1.001', 0.5],
    ['5.001', -0.1],
    ['5.001', 100.1],
    ['5.001', Number.NaN],
    ['9.001', -273.01],
    ['9.001', 670761],
    ['9.004', -1],
    ['9.007', Number.POSITIVE_INFINITY],
  ])('DPT %s refuses to carry %d', (id, value) => {
    expect(() => dptOf(id).encode(value)).toThrow(DptError)
  })

  it('DPT 5.001 reads every whole percent back as it was written', () => {
    const dpt = dptOf('5.001')
    for (let value = 0; value <= 100; value++) expect(dpt.decode(dpt.encode(value))).toBe(value)
  })

  it('never writes the invalid pattern and stays within its tolerance', () => {
    fc.assert(
      fc.property(fc.double({ min: -273, max: 670433, noNaN: true }), (value) => {
        const dpt = dptOf('9.001')
        const decoded = dpt.decode(dpt.encode(value))
        expect(decoded).toBeDefined()
        expect(Math.abs(decoded! - value)).toBeLessThanOrEqual(2 * dpt.toleranceOf(value) + 0.005)
      }),
    )
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 100_000 }), (thousandths) => {
        const value = thousandths / 1_000
        const dpt = dptOf('5.001')
        expect(Math.abs(dpt.decode(dpt.encode(value))! - value)).toBeLessThanOrEqual(2 * dpt.toleranceOf(value) + 1e-9)
      }),
    )
  })
})

describe('names of datapoint types', () => {
  it.each(['5.001', 'DPT5.001', 'dpt 5.001', 'DPST-5-1', ' 5.1 '])('%j is 5.001', (name) => {
    expect(dptOf(name).id).toBe('5.001')
  })

  it.each(['', '5', '5.', '5.999', '99.001', 'percent', '16.000', '3.007'])('%j has no codec for numbers', (name) => {
    expect(() => dptOf(name)).toThrow(UnsupportedDptError)
  })
})
