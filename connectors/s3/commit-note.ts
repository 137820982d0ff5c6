import type { OffsetAndMetadata } from '../../kafka/port.ts'

const NOTE = /^brook-s3 cut=(\d{1,16})$/

/**
 * A cut that the clock or full memory asks for is written into the metadata of the partition's committed offset before anything is
 * stored, so that whoever has the partition next cuts at the same record.
 */
export function withCut(offset: number, cutAt: number | undefined): Required<OffsetAndMetadata> {
  return { offset, metadata: cutAt === undefined ? '' : `brook-s3 cut=${cutAt}` }
}

/** Where the chunk that begins at the committed offset must end, when that was written down. */
export function cutOf(committed: OffsetAndMetadata | undefined): number | undefined {
  const cutAt = Number(NOTE.exec(committed?.metadata ?? '')?.[1] ?? Number.NaN)
  return committed && cutAt > committed.offset ? cutAt : undefined
}
