import type { WireReader, WireWriter } from './wire.ts'

/** One request in one version, and how to read its answer. */
export interface Api<T> {
  readonly name: string
  readonly key: number
  readonly version: number
  /** Flexible versions have tagged fields in the headers of request and answer. */
  readonly flexible?: boolean
  /** How long the broker may take on purpose (long polls, joins); added to the request timeout. */
  readonly blocksMs?: number
  /** About how large the request will be, where that is a lot. */
  readonly sizeHintBytes?: number
  encode(writer: WireWriter): void
  decode(reader: WireReader): T
}

/** The answer about one partition that carries nothing but an error. */
export interface PartitionResult {
  readonly topic: string
  readonly partition: number
  readonly errorCode: number
}
