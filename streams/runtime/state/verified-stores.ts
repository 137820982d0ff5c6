import type { StateStore } from '../../../stores/state-store.ts'
import type { StoreBuilder } from '../../../stores/store-builder.ts'

const VERIFIED: ReadonlySet<string> = new Set(['key-value', 'window', 'session', 'versioned'])
const PUTS: ReadonlySet<PropertyKey> = new Set(['put', 'putIfAbsent'])

type Put = (key: unknown, value: unknown, ...rest: readonly unknown[]) => unknown

/**
 * The store, which now encodes what is put into it at once, to see whether that can be done: what cannot be written is thrown in the processor
 * that puts it, where the record is known, and not at the commit. Buffers of operators are left as they are.
 */
export function verified<S extends StateStore>(store: S, { keySerde, valueSerde, changelogTopic }: VerifiedBy): S {
  if (!VERIFIED.has(store.type)) return store
  const methods = new Map<PropertyKey, unknown>()
  const methodOf = (name: PropertyKey, method: Put): Put => {
    if (!PUTS.has(name)) return method.bind(store) as Put
    return (key, value, ...rest) => {
      keySerde.serialize(key, changelogTopic)
      if (value !== null && value !== undefined) valueSerde.serialize(value, changelogTopic)
      return method.call(store, key, value, ...rest)
    }
  }
  return new Proxy(store, {
    get(target, name) {
      const found: unknown = Reflect.get(target, name, target)
      if (typeof found !== 'function') return found
      if (!methods.has(name)) methods.set(name, methodOf(name, found as Put))
      return methods.get(name)
    },
  })
}

export interface VerifiedBy extends Pick<StoreBuilder, 'keySerde' | 'valueSerde'> {
  readonly changelogTopic: string
}
