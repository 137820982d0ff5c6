import { BrookError } from '../common/errors.ts'
import type { Serde } from '../common/serde.ts'
import { topics } from '../schemas/topics.ts'
import type { DeadLetter as BuildingLetter } from '../schemas/types.ts'
import {
  type DeadLetter,
  type DeserializationFailure,
  type ErrorOptions,
  logAndFail,
  type ProcessingFailure,
  type ProductionFailure,
} from '../streams/index.ts'
import type { Platform } from './platform.ts'

/** More of a key or a value is left out, with a header that says how long it was. */
const MOST_ORIGINAL_BYTES = 512 * 1024
const CODES = {
  deserialization: 'UNREADABLE_RECORD',
  processing: 'PROCESSING_FAILED',
  production: 'UNWRITABLE_RECORD',
} as const

type Failure = DeserializationFailure | ProcessingFailure | ProductionFailure

/** Records that the stream application cannot use become dead letters, in the transaction that passes them over, and the application goes on. */
export async function deadLetterHandlers(
  platform: Pick<Platform, 'value'>,
): Promise<Required<Pick<ErrorOptions, 'onDeserializationError' | 'onProcessingError' | 'onProductionError'>>> {
  const { name, value } = topics.deadLetters
  const serde = platform.value(value)
  await serde.prepare?.(name, 'value')
  const goOn = (failure: Failure) => {
    const { error, log, node, topic, partition, offset } = failure
    log.warn({ reason: error.message, node, topic, partition, offset }, `${failure.kind} failed: it is a dead letter`)
    return { result: 'continue', deadLetters: [letterOf(failure, serde)] } as const
  }
  return {
    onDeserializationError: goOn,
    onProcessingError: goOn,
    onProductionError: (failure) => {
      const passes = failure.error instanceof BrookError && failure.error.recovery === 'retry'
      return passes || failure.changelog ? logAndFail(failure) : goOn(failure)
    },
  }
}

function letterOf(failure: Failure, serde: Serde<BuildingLetter>): DeadLetter {
  const { name } = topics.deadLetters
  const { error, kind, node, topic, partition, offset, sourceRawKey, sourceRawValue } = failure
  const headers: Record<string, string> = {}
  const cut = (bytes: Buffer | null, what: string): Buffer | null => {
    if (bytes === null) return null
    if (bytes.length > MOST_ORIGINAL_BYTES) headers[`${what}-size-bytes`] = String(bytes.length)
    return Buffer.from(bytes.subarray(0, MOST_ORIGINAL_BYTES))
  }
  const receivedAtMs = Date.now()
  const letter: BuildingLetter = {
    reason: error.message,
    code: CODES[kind],
    origin: topic === undefined ? `streams:${node}` : `kafka:${topic}-${partition}@${offset}`,
    originalKey: cut(sourceRawKey, 'original-key'),
    originalValue: cut(sourceRawValue, 'original-value'),
    receivedAtMs,
    headers,
  }
  return {
    topic: name,
    key: letter.originalKey,
    value: serde.serialize(letter, name),
    timestampMs: receivedAtMs,
    headers: failure.deadLetters(name)[0]?.headers ?? [],
  }
}
