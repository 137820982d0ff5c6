import { SerdeError } from '../../common/errors.ts'
import { partitionForKey } from '../../common/murmur2.ts'
import type { Serde } from '../../common/serde.ts'
import { Windowed } from '../record.ts'
import type { StreamPartitioner } from '../topology-nodes.ts'

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
      key.copy(data)
      data.writeBigInt64BE(BigInt(windowed.startMs), key.length)
      return data
    },
    deserialize(data, topic, headers) {
      if (data.length < 8) throw new SerdeError(`a windowed key needs at least 8 bytes, got ${data.length}`)
      const at = data.length - 8
      const startMs = Number(data.readBigInt64BE(at))
      return new Windowed(inner.deserialize(data.subarray(0, at), topic, headers), startMs, startMs + windowSizeMs)
    },
    ...(inner.prepare ? { prepare: inner.prepare.bind(inner) } : {}),
  }
}

function isTimeWindowed(serde: Serde<unknown>): serde is TimeWindowedSerde<unknown> & Serde<unknown> {
  return 'inner' in serde
}

/** Windowed keys go to the partition of their inner key (rule 59); other keys to Kafka's default. @see WindowedStreamPartitioner */
export function defaultPartitioner(key: Serde<unknown>): StreamPartitioner | undefined {
  if (!isTimeWindowed(key)) return undefined
  const { inner } = key
  return (topic, windowed, _value, count) => [
    partitionForKey(inner.serialize((windowed as Windowed<unknown>).key, topic), count),
  ]
}
