import type { FoundRecord } from './log-contents.ts'

/** A row of a changelog as it is compared. */
export interface Row {
  readonly partition: number
  readonly key: string
  readonly value: string | undefined
  readonly timestampMs: number | undefined
  readonly headers: readonly string[]
}

/** The shortest of the retentions in topologies.ts, that of sessions. */
const RETENTION_MS = 9_000
const WINDOW_SUFFIX_BYTES = 12
const SESSION_SUFFIX_BYTES = 16
const SEQUENCE_BYTES = 4
const DAY_MS = 86_400_000
/** The initializer's count, which Kafka Streams gives out as the value before the first update (docs/semantics.md). */
const NO_COUNT = Buffer.from('000000080000000000000000', 'hex').toString('latin1')
/** As a length: the old value is the same as the one before. */
const SAME = Buffer.from('fffffffe', 'hex').toString('latin1')
const NOTHING = Buffer.from('ffffffff', 'hex').toString('latin1')

/**
 * What is left of a changelog after compaction, sorted. Left out: the sequence number of join windows, which begins anew with the process;
 * windows that retention has ended, which Brook does not write when they end before the commit; the time of records of buffers, which is
 * the wall clock's on the JVM, and with the record cache their values, which say what was there before. Of a versioned table every version counts.
 */
export function rowsOf(
  topic: string,
  { id, cached }: { readonly id: string; readonly cached: boolean },
  records: readonly FoundRecord[],
): readonly Row[] {
  const isJoin = /(this|other)(-\d|-join)/i.test(topic)
  const isVersioned = topic.endsWith('-versions-changelog')
  const isBuffer = /suppress-state|until-closed|later/i.test(topic)
  const isWrittenBySeveral = /KTABLE-AGGREGATE|groups|foreign|order-customer|FK-JOIN|TO-STATE/.test(topic)
  const left = new Map<string, FoundRecord>()
  for (const record of records) {
    const rowId = `${record.partition} ${record.key?.toString('hex')}${isVersioned ? ` ${record.timestampMs}` : ''}`
    left.delete(rowId)
    if (record.value !== null || isVersioned) left.set(rowId, record)
  }
  return withinRetention([...left.values()])
    .map(({ partition, key, value, timestampMs, headers }) => ({
      partition,
      key: (isJoin ? key?.subarray(0, -SEQUENCE_BYTES) : key)?.toString('hex') as string,
      value: isBuffer ? (cached ? undefined : portable(value, id)) : (value?.toString('hex') ?? 'deleted'),
      timestampMs: isBuffer || isWrittenBySeveral ? undefined : timestampMs,
      headers: headers.map((header) => `${header.key}=${header.value?.toString('hex')}`),
    }))
    .sort((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1))
}

function withinRetention(records: readonly FoundRecord[]): readonly FoundRecord[] {
  const newest = new Map<number, number>()
  for (const { partition, key } of records)
    newest.set(partition, Math.max(newest.get(partition) ?? 0, timeOf(key) ?? 0))
  return records.filter(({ partition, key }) => {
    const ms = timeOf(key)
    return ms === undefined || ms >= (newest.get(partition) as number) - RETENTION_MS
  })
}

/** The start of a window, or the end of a session. The times of these tests are of today, which tells them from other bytes. */
function timeOf(key: Buffer | null): number | undefined {
  for (const suffix of [WINDOW_SUFFIX_BYTES, SESSION_SUFFIX_BYTES]) {
    if (key === null || key.length <= suffix) continue
    const ms = Number(key.readBigInt64BE(key.length - suffix))
    if (Math.abs(ms - Date.now()) < DAY_MS) return ms
  }
}

/** A buffered record has its origin with it: the offset, which counts markers of transactions too, and the topic, whose name has the application's. */
function portable(value: Buffer | null, applicationId: string): string | undefined {
  if (value === null) return undefined
  const copy = Buffer.from(value)
  copy.fill(0, 8, 16)
  const text = copy.toString('latin1').replaceAll(applicationId, '#'.repeat(applicationId.length))
  const without = text.replaceAll(NO_COUNT, NOTHING).replaceAll(NOTHING + SAME, NOTHING + NOTHING)
  return Buffer.from(without, 'latin1').toString('hex')
}
