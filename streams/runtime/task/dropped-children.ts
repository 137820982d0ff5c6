import { type Awaitable, eachInOrder } from '../../../common/awaitable.ts'
import type { LogRecord } from '../../../kafka/port.ts'
import { type DropDetails, droppedRecord } from '../../dropped-record.ts'
import type { DropReason } from '../../processors/processor.ts'
import { Change, StreamRecord } from '../../record.ts'
import type { NodeHost, TaskNode } from './task-nodes.ts'

/** Hands what a node drops to the nodes that asked for it. */
export function forwardDropped(
  takers: readonly TaskNode[],
  host: Pick<NodeHost, 'recordMetadata' | 'streamTimeMs'>,
  node: string,
  record: StreamRecord<unknown, unknown>,
  reason: DropReason,
  details: DropDetails | undefined,
): Awaitable<void> {
  const { key, timestampMs, headers } = record
  const value = record.value instanceof Change ? record.value.newValue : record.value
  const at = { reason, node, timestampMs, streamTimeMs: host.streamTimeMs() }
  const dropped = new StreamRecord(key, droppedRecord(value, at, host.recordMetadata(), details), timestampMs, headers)
  return eachInOrder(takers, (taker) => taker.process(dropped))
}

/** What hands a record that its source drops to those nodes. */
export function forwardingUnread(
  takers: readonly TaskNode[],
  host: Pick<NodeHost, 'recordMetadata' | 'streamTimeMs'>,
  source: string,
  raw: LogRecord,
  reason: DropReason,
  error: Error | undefined,
): () => Awaitable<void> {
  const record = unreadRecord(raw, host.streamTimeMs())
  const details = error === undefined ? undefined : { error }
  return () => forwardDropped(takers, host, source, record, reason, details)
}

/** A record as its bytes, copied. Its time is the log's, and stream time (at least 0) where the log has none. */
function unreadRecord(raw: LogRecord, streamTimeMs: number): StreamRecord<Buffer | null, Buffer | null> {
  const timestampMs = raw.timestampMs >= 0 ? raw.timestampMs : Math.max(streamTimeMs, 0)
  return new StreamRecord(copyOf(raw.key), copyOf(raw.value), timestampMs, raw.headers)
}

function copyOf(bytes: Buffer | null): Buffer | null {
  return bytes === null ? null : Buffer.from(bytes)
}
