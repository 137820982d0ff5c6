import { type Duration, durationMs } from '../../common/duration.ts'
import { InvalidArgumentError } from '../../common/errors.ts'
import type { Serde } from '../../common/serde.ts'
import type { StoreBuilder } from '../../stores/store-builder.ts'
import { Stores } from '../../stores/stores.ts'
import { Deduplicate } from '../processors/deduplicate.ts'
import { originSerde, pairSerde } from '../processors/deduplicate-serdes.ts'
import { type DroppedOptions, handDropped } from './dropped.ts'
import type { Named } from './options.ts'
import { requireSerde } from './plan/context.ts'
import type { StreamNode } from './plan/nodes.ts'
import type { Serdes } from './plan/plan.ts'
import { storeOptions } from './plan/table-store.ts'

export interface Deduplicated<K, V, Id = never> extends Named, DroppedOptions<K, V> {
  /** Records of one key and id whose times are no further apart are duplicates: all but the first that was read go no further. */
  readonly within: Duration
  /** What is the same in duplicates, beside the key (default: the key alone). A record without one (`null`, `undefined`) passes. */
  readonly by?: (value: V, key: K) => Id | null | undefined
  /** Of what `by` gives. */
  readonly id?: Serde<Id>
  readonly key?: Serde<K>
  /** Of the stream, where it has to be repartitioned. */
  readonly value?: Serde<V>
  /** Names the store, and the repartition topic if one is needed. */
  readonly store?: string
  readonly persistent?: boolean
  readonly logging?: boolean
  readonly changelogConfigs?: Readonly<Record<string, string>>
}

/** @throws {InvalidArgumentError} when the interval is not positive; {TopologyError} when a serde is missing. */
export function deduplicateStream<K, V, Id>(
  stream: StreamNode<K, V>,
  options: Deduplicated<K, V, Id>,
): StreamNode<K, V> {
  const { context } = stream
  const name = context.names.orElse(options.name, 'KSTREAM-DEDUPLICATE-')
  const store = options.store ?? context.names.store('KSTREAM-DEDUPLICATE-')
  const withinMs = durationMs(options.within, `${name}: within`)
  if (withinMs < 1)
    throw new InvalidArgumentError(`${name}: duplicates must be within 1 ms or more, not ${withinMs} ms`)
  const serdes: Serdes<K, V> = {
    key: options.key ?? stream.serdes.key,
    value: options.value ?? stream.serdes.value,
  }
  const key = requireSerde(serdes.key, 'key', `${name} (store ${store})`)
  const { by } = options
  // A record can be out of order by the interval and still has to find what passed an interval before it.
  const retention = 2 * withinMs + 1
  const kept = { value: originSerde, windowSize: retention, retention, ...storeOptions(options) }
  const builder =
    by === undefined
      ? Stores.windowStore(store, { key, ...kept })
      : Stores.windowStore(store, { key: pairSerde(key, requireId(options.id, name)), ...kept })
  const idOf = by === undefined ? (_value: V, own: K) => own : pairOf(by)
  const repartition = stream.repartitionRequired ? context.repartition(stream.node, store, serdes as Serdes) : undefined
  const node = context.processor(
    name,
    [repartition ?? stream.node],
    () => new Deduplicate<K, V>({ store, withinMs, idOf }),
    { stores: () => [builder as unknown as StoreBuilder], takesNullKeys: true },
  )
  const sources = repartition === undefined ? stream.sources : new Set([repartition.name])
  const result: StreamNode<K, V> = { context, node, serdes, sources, repartitionRequired: false }
  handDropped(result, [node], options)
  return result
}

function pairOf<K, V, Id>(by: (value: V, key: K) => Id | null | undefined) {
  return (value: V, key: K): readonly [K, Id] | undefined => {
    const id = by(value, key)
    return id === null || id === undefined ? undefined : [key, id]
  }
}

function requireId<Id>(id: Serde<Id> | undefined, name: string): Serde<Id> {
  if (id === undefined)
    throw new InvalidArgumentError(`${name} needs a serde for what \`by\` gives: name it in the options (id: …)`)
  return id
}
