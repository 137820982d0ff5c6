import type { StoreBuilder } from '../../stores/store-builder.ts'
import { FixedKeyProcessor } from '../processors/fixed-key-processor.ts'
import { factoryOf, type ProcessorSupplier, storesOf } from '../processors/processor-supplier.ts'
import { type DroppedOptions, handDropped } from './dropped.ts'
import type { ProcessOptions } from './options.ts'
import type { StreamNode } from './plan/nodes.ts'

/** A name that is given takes no number here, unlike everywhere else. @see KStreamImpl.process */
export function processStream<K, V, K2, V2>(
  stream: StreamNode<K, V>,
  supplier: ProcessorSupplier<K, V, K2, V2>,
  options: ProcessOptions & DroppedOptions<K, V>,
): StreamNode<K2, V2> {
  const { context, sources } = stream
  const name = options.name ?? context.names.node('KSTREAM-PROCESSOR-')
  const node = addNode(stream, name, factoryOf(supplier), supplier as ProcessorSupplier, options, 'key')
  return { context, node, serdes: { key: undefined, value: undefined }, sources, repartitionRequired: true }
}

/** @see KStreamImpl.processValues */
export function processStreamValues<K, V, V2>(
  stream: StreamNode<K, V>,
  supplier: ProcessorSupplier<K, V, K, V2>,
  options: ProcessOptions & DroppedOptions<K, V>,
): StreamNode<K, V2> {
  const { context, sources, repartitionRequired, serdes } = stream
  const name = options.name ?? context.names.node('KSTREAM-PROCESSVALUES-')
  const make = factoryOf(supplier)
  const factory = (): unknown => new FixedKeyProcessor<K, V, V2>(make())
  const node = addNode(stream, name, factory, supplier as ProcessorSupplier, options, 'value')
  return { context, node, serdes: { key: serdes.key, value: undefined }, sources, repartitionRequired }
}

function addNode<K, V>(
  stream: StreamNode<K, V>,
  name: string,
  factory: () => unknown,
  supplier: ProcessorSupplier,
  options: ProcessOptions & DroppedOptions<K, V>,
  changes: 'key' | 'value',
) {
  const { context, node } = stream
  const builders = memo(() => storesOf(supplier))
  const plan = context.processor(name, [node], factory, {
    stores: builders,
    connects: () => options.stores ?? [],
    retains: true,
    changes,
  })
  handDropped(stream, [plan], options)
  return plan
}

/** A supplier that makes its builders anew at every call means the same stores. */
function memo(make: () => readonly StoreBuilder[]): () => readonly StoreBuilder[] {
  let made: readonly StoreBuilder[] | undefined
  return () => {
    made ??= make()
    return made
  }
}
