const SIGN_BIT = 1n << 63n

/** Bytes by which rows of windows and sessions are ordered: their times, then the bytes of their keys. Times are ms since the epoch. */
export function timeOrder(times: readonly number[], keyBytes: Buffer): Buffer {
  const order = Buffer.alloc(times.length * 8 + keyBytes.length)
  // The sign bit is turned, so that times before the epoch come first.
  for (const [i, time] of times.entries()) order.writeBigUInt64BE(BigInt.asUintN(64, BigInt(time) ^ -SIGN_BIT), i * 8)
  order.set(keyBytes, times.length * 8)
  return order
}
