import { type Awaitable, chain } from '../../../common/awaitable.ts'
import type { Change, StreamRecord } from '../../record.ts'
import type { ProcessorContext } from '../processor.ts'
import {
  NO_UPDATE,
  type TransformedUpdate,
  transformerContext,
  type ValueTransformer,
  type ValueTransformerFactory,
} from '../value-transformer.ts'
import { TableOperator, type TableResult } from './table-operators.ts'
import { rowOf, type TableView } from './table-view.ts'

/** Unlike a mapper, the transformer is called for tombstones too (rule 27), and for old values when they are asked for. @see KTableTransformValues */
export class TableTransformValues<K, V, V2> extends TableOperator<K, V, V2> {
  readonly #transformer: ValueTransformer<K, V, V2>
  #update: TransformedUpdate = NO_UPDATE

  constructor(transformer: ValueTransformer<K, V, V2>, result: TableResult<V2>) {
    super(result)
    this.#transformer = transformer
  }

  override init(context: ProcessorContext<K, Change<V2>>): void {
    super.init(context)
    this.#transformer.init?.(
      transformerContext(
        context as ProcessorContext<never, never>,
        () => context.recordMetadata(),
        () => this.#update,
      ),
    )
  }

  process(record: StreamRecord<K, Change<V>>): Awaitable<void> {
    const { key, value: change } = record
    this.#update = record
    return chain(this.#transformer.transform(change.newValue, key), (newValue) => {
      const oldValue = this.computesOld ? this.#transformer.transform(change.oldValue, key) : null
      return chain(oldValue, (old) => {
        this.#update = NO_UPDATE
        return this.emit(record, newValue, old)
      })
    })
  }

  close(): void {
    this.#transformer.close?.()
  }
}

/** Rows that are computed when they are read, each reader with a transformer of its own, for which a row has no origin. */
export function transformedView<K, V, V2>(
  parent: TableView<K, V>,
  make: ValueTransformerFactory<K, V, V2>,
  stores: () => readonly string[],
): TableView<K, V2> {
  return {
    storeNames: () => [...new Set([...parent.storeNames(), ...stores()])],
    historyRetentionMs: parent.historyRetentionMs,
    getter: (context, _kept, lasting) => {
      const get = parent.getter(context, true, lasting)
      const transformer = make()
      let update: TransformedUpdate = NO_UPDATE
      transformer.init?.(
        transformerContext(
          context as ProcessorContext<never, never>,
          () => undefined,
          () => update,
        ),
      )
      context.onClose(() => transformer.close?.())
      return (key, asOfMs) =>
        chain(get(key, asOfMs), (row) => {
          const timestampMs = row?.timestampMs ?? NO_UPDATE.timestampMs
          update = { ...NO_UPDATE, timestampMs }
          return chain(transformer.transform(row?.value ?? null, key), (value) => rowOf(value, timestampMs))
        })
    },
  }
}
