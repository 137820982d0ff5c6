import type { LogRecord } from '../port.ts'
import type { PartitionLog, StoredRun } from './partition-log.ts'
import { decodeRun } from './run.ts'

/**
 * The first offset with a timestamp at or after the given one; the stable end when there is none. Each run tells the largest
 * timestamp up to it, which never falls, so the run is found by halving the range of offsets.
 */
export async function offsetForTime(log: PartitionLog, timestampMs: number): Promise<number> {
  const end = log.stableOffset
  let low = log.head.logStart
  let high = end
  while (low < high) {
    const middle = Math.floor((low + high) / 2)
    const run = await firstRun(log, middle, high)
    if (!run || run.header.prefixMaxTimestampMs >= timestampMs) high = middle
    else low = run.header.lastOffset + 1
  }
  // The record that raised the maximum may be gone (compacted, or deleted with the log's start): look on from here.
  for await (const run of log.rows(low, end)) {
    if (run.header.maxTimestampMs < timestampMs) continue
    const records: LogRecord[] = []
    decodeRun(run.bytes, Math.max(run.header.baseOffset, log.head.logStart), Number.POSITIVE_INFINITY, records)
    const found = records.find((one) => one.timestampMs >= timestampMs)
    if (found) return found.offset
  }
  return end
}

async function firstRun(log: PartitionLog, fromOffset: number, toOffset: number): Promise<StoredRun | undefined> {
  for await (const run of log.rows(fromOffset, toOffset)) return run
  return undefined
}
