const POLYNOMIAL = 0x82f63b78
const SLICES = 8

/** Eight tables of 256, one after the other, so that eight bytes are folded per step. */
const TABLES = buildTables()

function buildTables(): Int32Array {
  const tables = new Int32Array(SLICES * 256)
  for (let i = 0; i < 256; i++) {
    let value = i
    for (let bit = 0; bit < 8; bit++) value = value & 1 ? (value >>> 1) ^ POLYNOMIAL : value >>> 1
    tables[i] = value
  }
  for (let i = 0; i < 256; i++) {
    let value = tables[i]!
    for (let slice = 1; slice < SLICES; slice++) {
      value = (value >>> 8) ^ tables[value & 0xff]!
      tables[slice * 256 + i] = value
    }
  }
  return tables
}

/** CRC-32C (Castagnoli) of `data[start, end)` as an unsigned 32-bit number: the checksum of Kafka's record batches. */
export function crc32c(data: Uint8Array, start = 0, end = data.length): number {
  const t = TABLES
  let crc = -1
  let i = start
  for (const last = end - 7; i < last; i += 8) {
    const low = crc ^ (data[i]! | (data[i + 1]! << 8) | (data[i + 2]! << 16) | (data[i + 3]! << 24))
    crc =
      t[1792 + (low & 0xff)]! ^
      t[1536 + ((low >>> 8) & 0xff)]! ^
      t[1280 + ((low >>> 16) & 0xff)]! ^
      t[1024 + (low >>> 24)]! ^
      t[768 + data[i + 4]!]! ^
      t[512 + data[i + 5]!]! ^
      t[256 + data[i + 6]!]! ^
      t[data[i + 7]!]!
  }
  for (; i < end; i++) crc = (crc >>> 8) ^ t[(crc ^ data[i]!) & 0xff]!
  return ~crc >>> 0
}
