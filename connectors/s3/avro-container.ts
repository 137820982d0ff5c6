import { createHash } from 'node:crypto'
import { deflateRawSync } from 'node:zlib'

export interface AvroContainer {
  /** The writer's schema as JSON. */
  readonly schema: string
  /** Records in Avro binary, each whole. */
  readonly records: readonly Buffer[]
  /** Names the file; the sync marker is made of it, so that the same records always give the same bytes. */
  readonly name: string
  readonly deflated: boolean
}

const MAGIC = Buffer.from('Obj\x01', 'latin1')
const SYNC_BYTES = 16
/** Readers decode block by block. */
const BLOCK_BYTES = 64 * 1024

/** An Avro object container file (specification 1.11). A sync marker by chance, as writers usually have it, would differ at each writing. */
export function avroContainer({ schema, records, name, deflated }: AvroContainer): Buffer {
  const sync = createHash('sha256').update(name).digest().subarray(0, SYNC_BYTES)
  const parts = [MAGIC, metadata({ 'avro.schema': schema, 'avro.codec': deflated ? 'deflate' : 'null' }), sync]
  for (const block of blocksOf(records)) {
    const plain = Buffer.concat(block)
    const data = deflated ? deflateRawSync(plain) : plain
    parts.push(long(block.length), long(data.length), data, sync)
  }
  return Buffer.concat(parts)
}

function* blocksOf(records: readonly Buffer[]): Generator<Buffer[]> {
  let block: Buffer[] = []
  let sizeBytes = 0
  for (const record of records) {
    block.push(record)
    sizeBytes += record.length
    if (sizeBytes < BLOCK_BYTES) continue
    yield block
    block = []
    sizeBytes = 0
  }
  if (block.length > 0) yield block
}

/** An Avro map of bytes, in one block. */
function metadata(entries: Readonly<Record<string, string>>): Buffer {
  const pairs = Object.entries(entries)
  const fields = pairs.flatMap(([key, value]) => [bytes(Buffer.from(key)), bytes(Buffer.from(value))])
  return Buffer.concat([long(pairs.length), ...fields, long(0)])
}

function bytes(data: Buffer): Buffer {
  return Buffer.concat([long(data.length), data])
}

/** A count or length, which is never negative. */
function long(value: number): Buffer {
  const encoded: number[] = []
  let rest = value * 2
  for (; rest > 0x7f; rest = Math.floor(rest / 128)) encoded.push((rest % 128) | 0x80)
  return Buffer.from([...encoded, rest])
}
