import { SerdeError } from '../../../common/errors.ts'
import { partitionForKey } from '../../../common/murmur2.ts'
import type { Serde } from '../../../common/serde.ts'
import { readInt64, writeInt64 } from '../../../stores/shared/bytes.ts'
import { Windowed } from '../../record.ts'
import type { StreamPartitioner } from '../../topology-nodes.ts'

export interface TimeWindowedSerde<K> extends Serde<Windowed<K>> {
  readonly inner: Serde<K>
}

/**
 * Windowed keys on topics: key bytes and int64 window start; the end follows from the size.
 * @see org.apache.kafka.streams.kstream.TimeWindowedSerializer, TimeWindowedDeserializer
 */
export function timeWindowedSerde<K>(inner: Serde<K>, windowSizeMs: number): TimeWindowedSerde<K> {
  return {
    name: `time-windowed(${inner.name}, ${windowSizeMs} ms)`,
    inner,
    serialize(windowed, topic, headers) {
      const key = inner.serialize(windowed.key, topic, headers)
      const data = Buffer.allocUnsafe(key.length + 8)
      data.set(key, 0)
      writeInt64(data, windowed.startMs, key.length)
      return data
    },
    deserialize(data, topic, headers) {
      if (data.length < 8) throw new SerdeError(`a windowed key needs at least 8 bytes, got ${data.length}`)
      const at = data.length - 8
      const startMs = readInt64(data, at)
      const endMs = Math.min(startMs + windowSizeMs, Number.MAX_SAFE_INTEGER)
      return new Windowed(inner.deserialize(data.subarray(0, at), topic, headers), startMs, endMs)
    },
    ...(inner.prepare ? { prepare: inner.prepare.bind(inner) } : {}),
  }
}

/**
 * Windowed keys whose windows are not all as long: key bytes, int64 window end, int64 window start. The layout is that of Kafka
 * Streams' session windowed keys, so that a program on the JVM can read both; but the end is the first millisecond that is not in
 * the window, where a session's is the last one that is.
 * @see org.apache.kafka.streams.state.internals.SessionKeySchema
 */
export function intervalWindowedSerde<K>(inner: Serde<K>): TimeWindowedSerde<K> {
  return {
    name: `interval-windowed(${inner.name})`,
    inner,
    serialize(windowed, topic, headers) {
      const key = inner.serialize(windowed.key, topic, headers)
      const data = Buffer.allocUnsafe(key.length + 16)
      data.set(key, 0)
      writeInt64(data, windowed.startMs, writeInt64(data, windowed.endMs, key.length))
      return data
    },
    deserialize(data, topic, headers) {
      if (data.length < 16) throw new SerdeError(`an interval windowed key needs at least 16 bytes, got ${data.length}`)
      const at = data.length - 16
      const key = inner.deserialize(data.subarray(0, at), topic, headers)
      return new Windowed(key, readInt64(data, at + 8), readInt64(data, at))
    },
    ...(inner.prepare ? { prepare: inner.prepare.bind(inner) } : {}),
  }
}

function isTimeWindowed(serde: Serde<unknown>): serde is TimeWindowedSerde<unknown> & Serde<unknown> {
  return 'inner' in serde
}

/** The partitions of a topic that has one. */
const ONLY: readonly number[] = [0]

/** Windowed keys go to the partition of their inner key (rule 59); other keys to Kafka's default. @see WindowedStreamPartitioner */
export function defaultPartitioner(key: Serde<unknown>): StreamPartitioner | undefined {
  if (!isTimeWindowed(key)) return undefined
  const { inner } = key
  return (topic, windowed, _value, count) =>
    count === 1 ? ONLY : [partitionForKey(inner.serialize((windowed as Windowed<unknown>).key, topic), count)]
}
