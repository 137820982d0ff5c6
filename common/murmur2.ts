const SEED = 0x9747b28c | 0
const M = 0x5bd1e995
const R = 24

/** 32-bit murmur2 of the bytes as a signed number, bit for bit Kafka's `Utils.murmur2`. */
export function murmur2(data: Uint8Array): number {
  const length = data.length
  let h = SEED ^ length
  let i = 0
  for (const last = length - 3; i < last; i += 4) {
    let k = data[i]! | (data[i + 1]! << 8) | (data[i + 2]! << 16) | (data[i + 3]! << 24)
    k = Math.imul(k, M)
    k ^= k >>> R
    k = Math.imul(k, M)
    h = Math.imul(h, M) ^ k
  }
  const rest = length - i
  if (rest === 3) h ^= data[i + 2]! << 16
  if (rest >= 2) h ^= data[i + 1]! << 8
  if (rest >= 1) h = Math.imul(h ^ data[i]!, M)
  h ^= h >>> 13
  h = Math.imul(h, M)
  return h ^ (h >>> 15)
}

/** The partition that Kafka's default partitioner gives a record with this key. */
export function partitionForKey(key: Uint8Array, partitionCount: number): number {
  return (murmur2(key) & 0x7fffffff) % partitionCount
}
