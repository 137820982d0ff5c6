/** One record header. Keys may repeat; `null` is a header without a value. */
export interface Header {
  readonly key: string
  readonly value: Buffer | null
}

/** The headers of a record in their order on the wire. Never changed in place: build a new array. */
export type Headers = readonly Header[]

export const EMPTY_HEADERS: Headers = Object.freeze([])

/** The value of the last header with this key, as Kafka's `lastHeader` has it. */
export function lastHeader(headers: Headers, key: string): Buffer | null | undefined {
  for (let i = headers.length - 1; i >= 0; i--) {
    const header = headers[i]
    if (header?.key === key) return header.value
  }
  return undefined
}

export interface TopicPartition {
  readonly topic: string
  readonly partition: number
}

/** `topic-partition`, the way Kafka prints it; used as a map key. */
export function partitionName(topic: string, partition: number): string {
  return `${topic}-${partition}`
}
