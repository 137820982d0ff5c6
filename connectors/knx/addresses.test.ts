import { describe, expect, it } from 'vitest'
import { formatGroupAddress, formatIndividualAddress, parseGroupAddress, parseIndividualAddress } from './addresses.ts'
import { KnxAddressError } from './errors.ts'

describe('group addresses', () => {
  it.each([
    ['0/0/1', 0x0001, '0/0/1'],
    ['1/0/2', 0x0802, '1/0/2'],
    ['1/1/1', 0x0901, '1/1/1'],
    ['31/7/255', 0xffff, '31/7/255'],
    ['1/257', 0x0901, '1/1/1'],
    ['31/2047', 0xffff, '31/7/255'],
  ])('reads %s', (text, address, formatted) => {
    expect(parseGroupAddress(text)).toBe(address)
    expect(formatGroupAddress(address)).toBe(formatted)
  })

  it.each([
    '',
    '1',
    '0/0/0',
    '0/0',
    '32/0/0',
    '1/8/0',
    '1/0/256',
    '1/2048',
    '-1/0/1',
    '1/0/1/2',
    '1.0.1',
    ' 1/0/1',
    '1/0/1e1',
    '1//2',
  ])('refuses %j', (text) => {
    expect(() => parseGroupAddress(text)).toThrow(KnxAddressError)
  })
})

describe('individual addresses', () => {
  it.each([
    ['0.0.0', 0],
    ['1.1.5', 0x1105],
    ['15.15.255', 0xffff],
  ])('reads and writes %s', (text, address) => {
    expect(parseIndividualAddress(text)).toBe(address)
    expect(formatIndividualAddress(address)).toBe(text)
  })

  it.each(['16.0.0', '0.16.0', '0.0.256', '1/1/5', '1.1'])('refuses %j', (text) => {
    expect(() => parseIndividualAddress(text)).toThrow(KnxAddressError)
  })
})
