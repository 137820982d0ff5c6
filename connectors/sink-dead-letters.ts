import { asError } from '../common/errors.ts'
import { partitionName, type TopicPartition } from '../common/record.ts'
import type { LogRecord } from '../kafka/port.ts'
import { type BackoffOptions, backoffMs } from './backoff.ts'
import { pause } from './pause.ts'
import type { ReadingPublisher } from './publisher.ts'
import type { Problem } from './reading-kinds.ts'
import type { Troubles } from './troubles.ts'

export interface TryingOptions {
  readonly troubles: Troubles
  readonly backoff?: BackoffOptions
}

/** Tries for as long as it takes, and tells its troubles under the name of `part`. @throws when `signal` aborts. */
export async function untilDone(
  part: string,
  attempt: () => Promise<void>,
  { troubles, backoff }: TryingOptions,
  signal: AbortSignal,
): Promise<void> {
  for (let failures = 0; ; failures++) {
    signal.throwIfAborted()
    try {
      await attempt()
      troubles.over(part)
      return
    } catch (error) {
      signal.throwIfAborted()
      troubles.has(part, asError(error))
      await pause(backoffMs(failures, backoff), signal)
    }
  }
}

export type RefusedRecord = Pick<LogRecord, 'key' | 'value' | 'offset' | 'timestampMs'>

export interface SinkDeadLettersOptions extends TryingOptions {
  readonly publisher: Pick<ReadingPublisher, 'deadLetter'>
}

/** A record that a sink cannot write, as a dead letter: resolves when that is in the log. @throws when `signal` aborts. */
export function buryRecord(
  { topic, partition }: TopicPartition,
  record: RefusedRecord,
  problem: Problem,
  options: SinkDeadLettersOptions,
  signal: AbortSignal,
): Promise<void> {
  const { key, value, offset, timestampMs } = record
  const name = `kafka:${partitionName(topic, partition)}@${offset}`
  const origin = { name, key, value, receivedAtMs: Math.max(0, timestampMs) }
  const send = (): Promise<void> =>
    new Promise((resolve, reject) => {
      options.publisher.deadLetter(problem, origin, (error) => (error ? reject(error) : resolve()))
    })
  return untilDone('dead letters', send, options, signal)
}
