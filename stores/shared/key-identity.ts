import { InvalidArgumentError } from '../../common/errors.ts'
import type { Serde } from '../../common/serde.ts'

/** What a key is found by in the cache. */
export type KeyIdentity = string | number | bigint | boolean

/**
 * Text, numbers, bigints and booleans are their own identity (so 0 and -0 are one key); other keys are told apart by their
 * serialized bytes.
 * @throws {InvalidArgumentError} for null and undefined, which no store takes as a key.
 */
export function keyIdentity<K>(key: K, serde: Serde<K>, topic: string): KeyIdentity {
  switch (typeof key) {
    case 'string':
    case 'number':
    case 'bigint':
    case 'boolean':
      return key
  }
  if (key === null || key === undefined) throw new InvalidArgumentError('the key of a store must not be null')
  return serde.serialize(key, topic).toString('latin1')
}

/** The key's bytes. Of a key that is an object they come from its identity: the object may have changed since. */
export function keyBytesOf<K>(key: K, id: KeyIdentity, serde: Serde<K>, topic: string): Buffer {
  return typeof key === 'object' ? Buffer.from(id as string, 'latin1') : serde.serialize(key, topic)
}
