import type { StoreBuilder } from '../../stores/store-builder.ts'
import { TopologyError } from '../errors.ts'
import type { Processor, ProcessorFactory } from './processor.ts'

/** A store builder of any kind. */
export type AnyStoreBuilder = StoreBuilder | { readonly name: string }

/** Makes processors that bring stores with them: they are added to the topology and connected. @see ConnectedStoreProvider */
export interface ProcessorProvider<KIn = unknown, VIn = unknown, KOut = unknown, VOut = unknown> {
  get(): Processor<KIn, VIn, KOut, VOut>
  /** Several suppliers may bring the same builder; another builder of the same name may not be brought. */
  stores?(): readonly AnyStoreBuilder[]
}

export type ProcessorSupplier<KIn = unknown, VIn = unknown, KOut = unknown, VOut = unknown> =
  | ProcessorFactory<KIn, VIn, KOut, VOut>
  | ProcessorProvider<KIn, VIn, KOut, VOut>

/** Gives a supplier to be used in place of the one of this node; `stores` that the new one does not name are kept. @see ProcessorWrapper */
export type ProcessorWrapper = (nodeName: string, supplier: ProcessorProvider) => ProcessorSupplier

export function factoryOf<KIn, VIn, KOut, VOut>(
  supplier: ProcessorSupplier<KIn, VIn, KOut, VOut>,
): ProcessorFactory<KIn, VIn, KOut, VOut> {
  return typeof supplier === 'function' ? supplier : () => supplier.get()
}

export function storesOf(supplier: ProcessorSupplier<never, never> | ProcessorSupplier): readonly StoreBuilder[] {
  return typeof supplier === 'function' ? [] : ((supplier.stores?.() ?? []) as readonly StoreBuilder[])
}

export function wrapped(name: string, supplier: ProcessorSupplier, wrapper: ProcessorWrapper): ProcessorProvider {
  const stores = (): readonly StoreBuilder[] => storesOf(supplier)
  const around = wrapper(name, { get: factoryOf(supplier), stores })
  return {
    get: factoryOf(around),
    stores: typeof around === 'object' && around.stores !== undefined ? () => storesOf(around) : stores,
  }
}

/** @throws {TopologyError} when it gives the same processor twice: tasks would share its state. @see ApiUtils.checkSupplier */
export function checkFactory(name: string, factory: ProcessorFactory<never, never>): void {
  const first = factory()
  if (first === factory())
    throw new TopologyError(
      `the supplier of ${name} gives the same processor twice: make a new one in each call (() => new …)`,
      { code: 'shared-processor', nodes: [name] },
    )
}
