import { gunzipSync, gzipSync, zstdCompressSync, zstdDecompressSync } from 'node:zlib'
import { compressFrameSync, decompressFrameSync } from 'lz4-napi'
import snappy from 'snappyjs'
import { KafkaProtocolError } from './errors.ts'

export type Compression = 'none' | 'gzip' | 'snappy' | 'lz4' | 'zstd'

/** By the three lowest bits of a batch's attributes. */
const BY_ID: readonly Compression[] = ['none', 'gzip', 'snappy', 'lz4', 'zstd']

/** Most bytes that one batch may unpack to: a batch that claims more is taken for an attack or damage. */
const MAX_UNPACKED_BYTES = 256 * 1024 * 1024

/** Xerial's stream framing of snappy, which the Java client writes: magic, version, lowest compatible version, then sized blocks. */
const XERIAL_MAGIC = Buffer.from([0x82, 0x53, 0x4e, 0x41, 0x50, 0x50, 0x59, 0x00])
const XERIAL_HEADER_BYTES = 16
const XERIAL_BLOCK_BYTES = 32 * 1024

export function compressionId(compression: Compression): number {
  return BY_ID.indexOf(compression)
}

export function compress(compression: Compression, data: Buffer): Buffer {
  switch (compression) {
    case 'none':
      return data
    case 'gzip':
      return gzipSync(data)
    case 'snappy':
      return compressXerial(data)
    case 'lz4':
      return compressFrameSync(data)
    case 'zstd':
      return zstdCompressSync(data)
  }
}

/** @throws {KafkaProtocolError} `CORRUPT_MESSAGE` when the bytes cannot be unpacked or would become unreasonably large. */
export function decompress(id: number, data: Buffer): Buffer {
  try {
    switch (BY_ID[id]) {
      case 'none':
        return data
      case 'gzip':
        return gunzipSync(data, { maxOutputLength: MAX_UNPACKED_BYTES })
      case 'snappy':
        return decompressSnappy(data)
      case 'lz4':
        return decompressFrameSync(data)
      case 'zstd':
        return zstdDecompressSync(data, { maxOutputLength: MAX_UNPACKED_BYTES })
      case undefined:
        break
    }
  } catch (cause) {
    throw new KafkaProtocolError('CORRUPT_MESSAGE', `a ${BY_ID[id]} batch cannot be unpacked`, { cause })
  }
  throw new KafkaProtocolError('UNSUPPORTED_COMPRESSION_TYPE', `compression type ${id} is not known`)
}

function compressXerial(data: Buffer): Buffer {
  const header = Buffer.alloc(XERIAL_HEADER_BYTES)
  XERIAL_MAGIC.copy(header)
  header.writeInt32BE(1, 8)
  header.writeInt32BE(1, 12)
  const parts: Buffer[] = [header]
  for (let at = 0; at < data.length; at += XERIAL_BLOCK_BYTES) {
    const block = snappy.compress(data.subarray(at, at + XERIAL_BLOCK_BYTES))
    const size = Buffer.allocUnsafe(4)
    size.writeInt32BE(block.length)
    parts.push(size, block)
  }
  return Buffer.concat(parts)
}

function decompressSnappy(data: Buffer): Buffer {
  if (!data.subarray(0, XERIAL_MAGIC.length).equals(XERIAL_MAGIC)) return snappy.uncompress(data, MAX_UNPACKED_BYTES)
  const blocks: Buffer[] = []
  for (let at = XERIAL_HEADER_BYTES; at < data.length; ) {
    const size = data.readInt32BE(at)
    at += 4
    if (size < 0 || at + size > data.length) throw new RangeError(`a block of ${size} bytes at ${at - 4}`)
    blocks.push(snappy.uncompress(data.subarray(at, at + size), MAX_UNPACKED_BYTES))
    at += size
  }
  return Buffer.concat(blocks)
}
