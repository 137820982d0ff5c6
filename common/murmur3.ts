const SEED = 104729

/** High and low half of the last 64-bit result: a pair cannot be returned without an object. */
let hi = 0
let lo = 0

/**
 * 128-bit murmur3 of the bytes: two int64, big endian. Bit for bit the hash by which foreign-key joins of Kafka Streams tell
 * whether a row is still the one that was asked about. 64-bit numbers are kept as pairs of 32-bit ones: bigints are ten times slower.
 * @see org.apache.kafka.streams.state.internals.Murmur3.hash128
 */
export function murmur3Hash128(data: Uint8Array): Buffer {
  const length = data.length
  let [h1, l1, h2, l2] = [0, SEED, 0, SEED]
  let at = 0
  for (; at + 16 <= length; at += 16) {
    mixFirst(word(data, at + 4), word(data, at))
    rotate(h1 ^ hi, l1 ^ lo, 27)
    add(hi, lo, h2, l2)
    timesFive(hi, lo, 0x52dce729)
    h1 = hi
    l1 = lo
    mixSecond(word(data, at + 12), word(data, at + 8))
    rotate(h2 ^ hi, l2 ^ lo, 31)
    add(hi, lo, h1, l1)
    timesFive(hi, lo, 0x38495ab5)
    h2 = hi
    l2 = lo
  }
  const rest = length - at
  if (rest > 8) {
    mixSecond(tail(data, at + 12), tail(data, at + 8))
    h2 ^= hi
    l2 ^= lo
  }
  if (rest > 0) {
    mixFirst(tail(data, at + 4), tail(data, at))
    h1 ^= hi
    l1 ^= lo
  }
  return finished(h1, l1 ^ length, h2, l2 ^ length)
}

function finished(h1: number, l1: number, h2: number, l2: number): Buffer {
  add(h1, l1, h2, l2)
  const [sumHi, sumLo] = [hi, lo]
  add(h2, l2, sumHi, sumLo)
  const [otherHi, otherLo] = [hi, lo]
  finalMix(sumHi, sumLo)
  const [firstHi, firstLo] = [hi, lo]
  finalMix(otherHi, otherLo)
  const [secondHi, secondLo] = [hi, lo]
  const hash = Buffer.allocUnsafe(16)
  add(firstHi, firstLo, secondHi, secondLo)
  hash.writeInt32BE(hi | 0, 0)
  hash.writeInt32BE(lo | 0, 4)
  add(secondHi, secondLo, hi, lo)
  hash.writeInt32BE(hi | 0, 8)
  hash.writeInt32BE(lo | 0, 12)
  return hash
}

function word(data: Uint8Array, at: number): number {
  return data[at]! | (data[at + 1]! << 8) | (data[at + 2]! << 16) | (data[at + 3]! << 24)
}

/** As `word`, with zeros for what is beyond the end. */
function tail(data: Uint8Array, at: number): number {
  return (data[at] ?? 0) | ((data[at + 1] ?? 0) << 8) | ((data[at + 2] ?? 0) << 16) | ((data[at + 3] ?? 0) << 24)
}

function mixFirst(h: number, l: number): void {
  multiply(h, l, 0x87c37b91, 0x114253d5)
  rotate(hi, lo, 31)
  multiply(hi, lo, 0x4cf5ad43, 0x2745937f)
}

function mixSecond(h: number, l: number): void {
  multiply(h, l, 0x4cf5ad43, 0x2745937f)
  rotate(hi, lo, 33)
  multiply(hi, lo, 0x87c37b91, 0x114253d5)
}

function finalMix(h: number, l: number): void {
  multiply(h, l ^ (h >>> 1), 0xff51afd7, 0xed558ccd)
  multiply(hi, lo ^ (hi >>> 1), 0xc4ceb9fe, 0x1a85ec53)
  lo ^= hi >>> 1
}

function multiply(ah: number, al: number, bh: number, bl: number): void {
  const [a0, a1, b0, b1] = [al & 0xffff, al >>> 16, bl & 0xffff, bl >>> 16]
  const middle = a1 * b0 + ((a0 * b0) >>> 16)
  const carry = (middle >>> 16) + ((a0 * b1 + (middle & 0xffff)) >>> 16)
  hi = (a1 * b1 + carry + Math.imul(ah, bl) + Math.imul(al, bh)) | 0
  lo = Math.imul(al, bl)
}

function add(ah: number, al: number, bh: number, bl: number): void {
  const low = (al >>> 0) + (bl >>> 0)
  hi = (ah + bh + (low > 0xffffffff ? 1 : 0)) | 0
  lo = low | 0
}

/** `x * 5 + n`. */
function timesFive(h: number, l: number, n: number): void {
  multiply(h, l, 0, 5)
  add(hi, lo, 0, n)
}

/** To the left, by 1 to 63 bits. */
function rotate(h: number, l: number, by: number): void {
  const [high, low] = by < 32 ? [h, l] : [l, h]
  const bits = by & 31
  hi = (high << bits) | (low >>> (32 - bits))
  lo = (low << bits) | (high >>> (32 - bits))
}
