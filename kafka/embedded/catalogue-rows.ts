import { readHeadKey, rowsOf } from './keys.ts'
import type { LogStore } from './log-store.ts'
import { decodeHead, type PartitionHead } from './partition-head.ts'

/** A topic's row. */
export interface StoredTopic {
  readonly id: number
  readonly partitions: number
  readonly configs: Readonly<Record<string, string>>
}

/** All partitions' heads by `<topic id>-<partition>`. A partition that nothing was ever written to has none. */
export async function decodeHeadRows(store: LogStore): Promise<ReadonlyMap<string, PartitionHead>> {
  const heads = new Map<string, PartitionHead>()
  for await (const [key, value] of store.scan(rowsOf('head'))) {
    const { topicId, partition } = readHeadKey(key)
    heads.set(`${topicId}-${partition}`, decodeHead(value))
  }
  return heads
}
