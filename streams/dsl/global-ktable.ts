import type { TableView } from '../processors/tables/table-view.ts'

/**
 * A table that every instance holds in full, so that streams of any partitioning can look rows up under any key. It has no time
 * relation to the streams: rows are those that have arrived.
 * @see org.apache.kafka.streams.kstream.GlobalKTable
 */
export class GlobalKTable<K, V> {
  readonly queryableStoreName: string
  readonly view: TableView<K, V>

  constructor(store: string, view: TableView<K, V>) {
    this.queryableStoreName = store
    this.view = view
  }
}
