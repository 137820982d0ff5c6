const TWO_32 = 2 ** 32

/** Writes a whole number as int64, big endian; returns the offset after it. Faster than `writeBigInt64BE`, exact to 2^53. */
export function writeInt64(into: Buffer, value: number, offset: number): number {
  into.writeInt32BE(Math.floor(value / TWO_32) | 0, offset)
  return into.writeUInt32BE(value >>> 0, offset + 4)
}

/** An int64, big endian, as a number. */
export function readInt64(from: Buffer, offset: number): number {
  return from.readInt32BE(offset) * TWO_32 + from.readUInt32BE(offset + 4)
}

/** The first key after all keys that begin with `prefix`; `undefined` when there is none (all bytes are 0xff). */
export function keyAfterPrefix(prefix: Buffer): Buffer | undefined {
  for (let i = prefix.length - 1; i >= 0; i--) {
    const byte = prefix[i] as number
    if (byte === 0xff) continue
    const after = Buffer.from(prefix.subarray(0, i + 1))
    after[i] = byte + 1
    return after
  }
  return undefined
}
