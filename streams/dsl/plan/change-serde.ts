import { SerdeError } from '../../../common/errors.ts'
import type { Serde } from '../../../common/serde.ts'
import { Change } from '../../record.ts'

const OLD_ONLY = 0
const NEW_ONLY = 1
const BOTH = 2

/**
 * Changes on the repartition topic of a grouped table: old bytes and 0, new bytes and 1, or varint length of new, new, old and 2.
 * @see org.apache.kafka.streams.kstream.internals.ChangedSerializer, ChangedDeserializer
 */
export function changeSerde<V>(inner: Serde<V>): Serde<Change<V>> {
  return {
    name: `change(${inner.name})`,
    serialize({ newValue, oldValue }, topic, headers) {
      const newBytes = newValue === null ? undefined : inner.serialize(newValue, topic, headers)
      const oldBytes = oldValue === null ? undefined : inner.serialize(oldValue, topic, headers)
      if (newBytes && oldBytes)
        return Buffer.concat([zigzagVarint(newBytes.length), newBytes, oldBytes, Buffer.of(BOTH)])
      if (newBytes) return Buffer.concat([newBytes, Buffer.of(NEW_ONLY)])
      if (oldBytes) return Buffer.concat([oldBytes, Buffer.of(OLD_ONLY)])
      throw new SerdeError('a change has an old or a new value')
    },
    deserialize(data, topic, headers) {
      const body = data.subarray(0, data.length - 1)
      const read = (bytes: Buffer): V => inner.deserialize(bytes, topic, headers)
      switch (data.at(-1)) {
        case OLD_ONLY:
          return new Change<V>(null, read(body))
        case NEW_ONLY:
          return new Change<V>(read(body), null)
        case BOTH: {
          const { value: length, size } = readZigzagVarint(body)
          if (length < 0 || size + length > body.length) throw new SerdeError('a change with a length beyond its bytes')
          return new Change(read(body.subarray(size, size + length)), read(body.subarray(size + length)))
        }
        default:
          throw new SerdeError(`unknown encoding ${data.at(-1)} of a change`)
      }
    },
    ...(inner.prepare ? { prepare: inner.prepare.bind(inner) } : {}),
  }
}

function zigzagVarint(value: number): Buffer {
  const bytes: number[] = []
  let rest = (value << 1) ^ (value >> 31)
  while ((rest & ~0x7f) !== 0) {
    bytes.push((rest & 0x7f) | 0x80)
    rest >>>= 7
  }
  bytes.push(rest)
  return Buffer.from(bytes)
}

function readZigzagVarint(data: Buffer): { value: number; size: number } {
  let rest = 0
  for (let size = 0; size < Math.min(5, data.length); size++) {
    const byte = data[size] as number
    rest |= (byte & 0x7f) << (7 * size)
    if ((byte & 0x80) === 0) return { value: (rest >>> 1) ^ -(rest & 1), size: size + 1 }
  }
  throw new SerdeError('a change with a length that does not end')
}
