import { SerdeError } from '../../common/errors.ts'
import type { Serde } from '../../common/serde.ts'
import { readInt64, writeInt64 } from '../../stores/shared/bytes.ts'

/** Where a record that passed came from. One record read may have become several: `ordinal` tells them apart. */
export interface Origin {
  readonly topic: string
  readonly partition: number
  readonly offset: number
  readonly ordinal: number
}

const ORIGIN_BYTES = 16

/** int64 offset | int32 ordinal | int32 partition | topic in UTF-8. */
export const originSerde: Serde<Origin> = {
  name: 'record-origin',
  serialize({ topic, partition, offset, ordinal }) {
    const name = Buffer.from(topic, 'utf8')
    const data = Buffer.allocUnsafe(ORIGIN_BYTES + name.length)
    data.set(name, data.writeInt32BE(partition, data.writeInt32BE(ordinal, writeInt64(data, offset, 0))))
    return data
  },
  deserialize(data) {
    if (data.length < ORIGIN_BYTES)
      throw new SerdeError(`a record's origin needs at least 16 bytes, got ${data.length}`)
    return {
      offset: readInt64(data, 0),
      ordinal: data.readInt32BE(8),
      partition: data.readInt32BE(12),
      topic: data.toString('utf8', ORIGIN_BYTES),
    }
  },
}

/** int32 length of the first | the first | the second. */
export function pairSerde<A, B>(first: Serde<A>, second: Serde<B>): Serde<readonly [A, B]> {
  return {
    name: `pair(${first.name}, ${second.name})`,
    serialize([a, b], topic) {
      const [one, two] = [first.serialize(a, topic), second.serialize(b, topic)]
      const data = Buffer.allocUnsafe(4 + one.length + two.length)
      data.set(one, data.writeInt32BE(one.length, 0))
      data.set(two, 4 + one.length)
      return data
    },
    deserialize(data, topic) {
      const length = data.length < 4 ? -1 : data.readInt32BE(0)
      if (length < 0 || data.length < 4 + length) throw new SerdeError(`a pair of ${data.length} bytes`)
      const at = 4 + length
      return [first.deserialize(data.subarray(4, at), topic), second.deserialize(data.subarray(at), topic)]
    },
    async prepare(topic, role) {
      await first.prepare?.(topic, role)
      await second.prepare?.(topic, role)
    },
  }
}
