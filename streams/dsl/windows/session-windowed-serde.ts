import type { Serde } from '../../../common/serde.ts'
import { intervalWindowedSerde, type TimeWindowedSerde } from './windowed-serde.ts'

/**
 * Session windowed keys on topics: key bytes, int64 session end, int64 session start; both are times of records in the session.
 * @see org.apache.kafka.streams.kstream.SessionWindowedSerializer, SessionWindowedDeserializer
 */
export function sessionWindowedSerde<K>(inner: Serde<K>): TimeWindowedSerde<K> {
  return { ...intervalWindowedSerde(inner), name: `session-windowed(${inner.name})` }
}
