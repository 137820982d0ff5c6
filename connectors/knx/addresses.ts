import { KnxAddressError } from './errors.ts'

/**
 * KNX addresses are 16-bit numbers inside (they are map keys and go on the wire as they are) and texts for people:
 * group addresses `main/middle/sub` (5, 3 and 8 bits) or `main/sub` (5 and 11 bits), individual addresses
 * `area.line.device` (4, 4 and 8 bits). KNX System Specifications 03_03_02, clause 1.4.
 */
const THREE_LEVEL = [31, 7, 255] as const
const TWO_LEVEL = [31, 2047] as const
const INDIVIDUAL = [15, 15, 255] as const

function parts(text: string, separator: string, limits: readonly number[]): readonly number[] | undefined {
  const fields = text.split(separator)
  if (fields.length !== limits.length) return undefined
  const numbers = fields.map((field) => (/^\d{1,4}$/.test(field) ? Number(field) : Number.NaN))
  return numbers.every((n, i) => n <= limits[i]!) ? numbers : undefined
}

/** @throws {KnxAddressError} for anything but `1/2/3` or `1/515` in range; 0/0/0 is the broadcast address and refused. */
export function parseGroupAddress(text: string): number {
  const three = parts(text, '/', THREE_LEVEL)
  const two = three ? undefined : parts(text, '/', TWO_LEVEL)
  const address = three ? (three[0]! << 11) | (three[1]! << 8) | three[2]! : two ? (two[0]! << 11) | two[1]! : 0
  if (address === 0) throw new KnxAddressError(`${JSON.stringify(text)} is not a KNX group address such as 1/0/2`)
  return address
}

/** As {@link parseGroupAddress}, or a free address such as `2563`: the number itself. @throws {KnxAddressError} */
export function parseAnyGroupAddress(text: string): number {
  const free = /^\d{1,5}$/.test(text) ? Number(text) : 0
  return free > 0 && free <= 0xffff ? free : parseGroupAddress(text)
}

/** Always three levels. */
export function formatGroupAddress(address: number): string {
  return `${(address >> 11) & 31}/${(address >> 8) & 7}/${address & 255}`
}

/** @throws {KnxAddressError} for anything but `1.1.5` in range. */
export function parseIndividualAddress(text: string): number {
  const fields = parts(text, '.', INDIVIDUAL)
  if (!fields) throw new KnxAddressError(`${JSON.stringify(text)} is not a KNX individual address such as 1.1.5`)
  return (fields[0]! << 12) | (fields[1]! << 8) | fields[2]!
}

export function formatIndividualAddress(address: number): string {
  return `${(address >> 12) & 15}.${(address >> 8) & 15}.${address & 255}`
}
