import type { Header, Headers } from '../../../common/record.ts'
import type { DeadLetter, ErrorContext } from '../../error-handlers.ts'

/** Says of a dead letter that was too large for its topic how long its value was. Brook's own. */
export const CUT_VALUE_HEADER = '__brook.errors.value.bytes'

/** @see org.apache.kafka.streams.errors.internals.ExceptionHandlerUtils */
export function deadLetterOf(
  topic: string,
  context: Omit<ErrorContext, 'deadLetters' | 'log' | 'node' | 'taskId'>,
): DeadLetter {
  const { error, partition, offset, timestampMs, headers, sourceRawKey, sourceRawValue } = context
  return {
    topic,
    key: sourceRawKey && Buffer.from(sourceRawKey),
    value: sourceRawValue && Buffer.from(sourceRawValue),
    timestampMs,
    headers: [
      ...headers,
      text('__streams.errors.exception', error.name),
      text('__streams.errors.message', error.message),
      text('__streams.errors.stacktrace', stackOf(error)),
      text('__streams.errors.topic', context.topic),
      text('__streams.errors.partition', String(partition)),
      text('__streams.errors.offset', String(offset)),
    ],
  }
}

/** The letter without its value, for topics that do not take as much as the source's; `undefined` when that has been done. */
export function withoutValue(letter: DeadLetter): DeadLetter | undefined {
  if (letter.value === null || isCut(letter.headers)) return undefined
  const headers = [...letter.headers, text(CUT_VALUE_HEADER, String(letter.value.length))]
  return { ...letter, value: null, headers }
}

function isCut(headers: Headers): boolean {
  return headers.some(({ key }) => key === CUT_VALUE_HEADER)
}

/** With the causes, as Java prints them. */
function stackOf(error: Error): string {
  const lines: string[] = []
  const seen = new Set<unknown>()
  for (let at: unknown = error; at instanceof Error && !seen.has(at); at = at.cause) {
    lines.push(`${seen.size > 0 ? 'Caused by: ' : ''}${at.stack ?? String(at)}`)
    seen.add(at)
  }
  return lines.join('\n')
}

function text(key: string, value: string | undefined): Header {
  return { key, value: value === undefined ? null : Buffer.from(value, 'utf8') }
}
