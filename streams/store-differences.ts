import type { StoreBuilder } from '../stores/store-builder.ts'
import { TopologyError } from './errors.ts'

/** What tells two plans of a store apart, in words; empty when they say the same. */
export function differencesOf(a: StoreBuilder, b: StoreBuilder): readonly string[] {
  const aspects: readonly (readonly [what: string, of: (store: StoreBuilder) => unknown])[] = [
    ['type', (s) => s.type],
    ['key serde', (s) => s.keySerde.name],
    ['value serde', (s) => s.valueSerde.name],
    ['persistent', (s) => s.persistent],
    ['logging', (s) => s.logging],
    ['window size', (s) => s.windowSizeMs],
    ['retention', (s) => s.retentionMs],
    ['duplicates', (s) => s.retainDuplicates],
    ['most entries', (s) => s.maxEntries],
  ]
  return aspects.flatMap(([what, of]) => (of(a) === of(b) ? [] : [`${what} ${of(a)} and ${of(b)}`]))
}

/** A name that two plans of a store claim; `users` are the processors that want it. */
export function duplicateStore(
  store: StoreBuilder,
  known: StoreBuilder,
  isGlobal: boolean,
  users: readonly string[],
): TopologyError {
  const kind = isGlobal ? 'global store' : 'store'
  const differences = differencesOf(known, store)
  const how = differences.length > 0 ? `, differently: ${differences.join('; ')}` : ' by two builders'
  const by = users.length > 0 ? ` (used by ${[...new Set(users)].join(', ')})` : ''
  return new TopologyError(
    `${kind} ${store.name} is defined twice${by}${how}. Give one of them another name, or use one builder for both`,
    { code: 'duplicate-store', nodes: [store.name, ...new Set(users)] },
  )
}
