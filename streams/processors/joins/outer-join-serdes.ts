import { SerdeError } from '../../../common/errors.ts'
import type { Serde } from '../../../common/serde.ts'

/** A record that waits for a partner: sorted by time, right before left, key. */
export interface OuterKey<K> {
  readonly timestampMs: number
  readonly isLeft: boolean
  readonly key: K
}

export interface OuterValue<V> {
  readonly isLeft: boolean
  readonly value: V
}

/** int64 time, one byte for the side (left 1, right 0), key bytes. @see TimestampedKeyAndJoinSideSerializer */
export function outerKeySerde<K>(inner: Serde<K>): Serde<OuterKey<K>> {
  return {
    name: `outer-join-key(${inner.name})`,
    serialize({ timestampMs, isLeft, key }, topic, headers) {
      const bytes = inner.serialize(key, topic, headers)
      const data = Buffer.allocUnsafe(9 + bytes.length)
      data.writeBigInt64BE(BigInt(timestampMs), 0)
      data[8] = isLeft ? 1 : 0
      bytes.copy(data, 9)
      return data
    },
    deserialize(data, topic, headers) {
      if (data.length < 9) throw new SerdeError(`an outer join key needs 9 bytes, got ${data.length}`)
      return {
        timestampMs: Number(data.readBigInt64BE(0)),
        isLeft: data[8] === 1,
        key: inner.deserialize(data.subarray(9), topic, headers),
      }
    },
    ...(inner.prepare ? { prepare: inner.prepare.bind(inner) } : {}),
  }
}

const VARIABLE_SIZE = 1

/**
 * A list of values: strategy byte, int32 count, then int32 length and bytes of each; a value is one byte for its side and the
 * value's bytes. @see ListSerializer, LeftOrRightValueSerializer
 */
export function outerValueSerde<V1, V2>(left: Serde<V1>, right: Serde<V2>): Serde<readonly OuterValue<V1 | V2>[]> {
  return {
    name: `outer-join-values(${left.name}, ${right.name})`,
    serialize(list, topic, headers) {
      const parts: Buffer[] = []
      const head = Buffer.allocUnsafe(5)
      head[0] = VARIABLE_SIZE
      head.writeInt32BE(list.length, 1)
      parts.push(head)
      for (const { isLeft, value } of list) {
        const bytes = isLeft
          ? left.serialize(value as V1, topic, headers)
          : right.serialize(value as V2, topic, headers)
        const item = Buffer.allocUnsafe(5)
        item.writeInt32BE(1 + bytes.length, 0)
        item[4] = isLeft ? 1 : 0
        parts.push(item, bytes)
      }
      return Buffer.concat(parts)
    },
    deserialize(data, topic, headers) {
      const values: OuterValue<V1 | V2>[] = []
      try {
        let at = 5
        for (let left_ = data.readInt32BE(1); left_ > 0; left_--) {
          const length = data.readInt32BE(at)
          const isLeft = data[at + 4] === 1
          const bytes = data.subarray(at + 5, at + 4 + length)
          values.push({
            isLeft,
            value: isLeft ? left.deserialize(bytes, topic, headers) : right.deserialize(bytes, topic, headers),
          })
          at += 4 + length
        }
      } catch (cause) {
        if (cause instanceof RangeError) throw new SerdeError('a list of outer join values ends too early', { cause })
        throw cause
      }
      return values
    },
    async prepare(topic, role) {
      await left.prepare?.(topic, role)
      await right.prepare?.(topic, role)
    },
  }
}
