import type { Headers } from '../../../common/record.ts'
import type { RecordMetadata } from '../../record.ts'
import { traceIdOf } from '../../trace-context.ts'

/** What lines about a record say of it: where it was read, and the trace that it belongs to, as far as there is one. */
export function recordFields(at: RecordMetadata | undefined, headers: Headers | undefined): object {
  const traceId = traceIdOf(headers)
  const trace = traceId === undefined ? {} : { traceId }
  if (at === undefined) return trace
  const { topic, partition, offset } = at
  return { topic, partition, offset, ...trace }
}
