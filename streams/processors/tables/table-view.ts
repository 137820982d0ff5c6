import { type Awaitable, chain } from '../../../common/awaitable.ts'
import type {
  KeyValueStore,
  SessionStore,
  ValueAndTimestamp,
  VersionedKeyValueStore,
  WindowStore,
} from '../../../stores/state-store.ts'
import { changelogTopicName } from '../../internal-topic-names.ts'
import type { Windowed } from '../../record.ts'
import type { ProcessorContext } from '../processor.ts'
import { readsOf } from './held-back.ts'
import type { CopyOf } from './table-forwarder.ts'

/** Reads the current row of a table, or of a versioned one the row as of a time; `undefined` when there is none. */
export type RowGetter<K, V> = (key: K, asOfMs?: number) => Awaitable<ValueAndTimestamp<V> | undefined>

/** How joins read a table: the stores they must be connected to, and the getter inside a task. @see KTableValueGetterSupplier */
export interface TableView<K, V> {
  storeNames(): readonly string[]
  /** How far back rows can be read as of a time; `undefined`: only as they are now. */
  readonly historyRetentionMs?: number | undefined
  /**
   * `kept`: somebody may hold on to what is read, so a row that its table changes in place is given as a copy. `lasting`: what is made of a row
   * has to go when the row goes, so the table tells of that in any case.
   */
  getter(context: ProcessorContext, kept: boolean, lasting?: boolean): RowGetter<K, V>
}

/** `copy` is given for tables whose rows are changed in place: aggregates. */
export function keyValueView<K, V>(store: string, copy?: CopyOf<V>): TableView<K, V> {
  return {
    storeNames: () => [store],
    getter: (context, kept, lasting) => {
      const rows = context.getStateStore<KeyValueStore<K, V>>(store)
      const isRead = lasting ? readsOf(rows) : undefined
      return copied(context, store, kept ? copy : undefined, (key) => {
        isRead?.(key, 0)
        return rows.getEntry(key)
      })
    },
  }
}

/** Rows with a history. Versions are never changed in place. */
export function versionedView<K, V>(store: string, historyRetentionMs: number): TableView<K, V> {
  return {
    storeNames: () => [store],
    historyRetentionMs,
    getter: (context) => {
      const rows = context.getStateStore<VersionedKeyValueStore<K, V>>(store)
      return (key, asOfMs) => rows.getEntry(key, asOfMs)
    },
  }
}

export function windowView<K, V>(store: string, copy: CopyOf<V>): TableView<Windowed<K>, V> {
  return {
    storeNames: () => [store],
    getter: (context, kept, lasting) => {
      const rows = context.getStateStore<WindowStore<K, V>>(store)
      const isRead = lasting ? readsOf(rows) : undefined
      return copied(context, store, kept ? copy : undefined, (key) => {
        isRead?.(key.key, key.startMs)
        return rows.getEntry(key.key, key.startMs)
      })
    },
  }
}

/** A session's time is its end. */
export function sessionView<K, V>(store: string, copy: CopyOf<V>): TableView<Windowed<K>, V> {
  return {
    storeNames: () => [store],
    getter: (context, kept) => {
      const rows = context.getStateStore<SessionStore<K, V>>(store)
      return copied(context, store, kept ? copy : undefined, ({ key, startMs, endMs }) =>
        chain(rows.fetchSession(key, startMs, endMs), (value) => rowOf(value, endMs)),
      )
    },
  }
}

/** A table that is computed from its parent's rows instead of being stored. `undefined` or `null` from `map` = no row. */
export function mappedView<K, V, V2>(
  parent: TableView<K, V>,
  map: (value: V, key: K) => V2 | null | undefined,
): TableView<K, V2> {
  return {
    storeNames: () => parent.storeNames(),
    historyRetentionMs: parent.historyRetentionMs,
    getter: (context, kept, lasting) => {
      const get = parent.getter(context, kept, lasting)
      return (key, asOfMs) => chain(get(key, asOfMs), (row) => row && rowOf(map(row.value, key), row.timestampMs))
    },
  }
}

/** No row where there is no value. */
export function rowOf<V>(value: V | null | undefined, timestampMs: number): ValueAndTimestamp<V> | undefined {
  return value === null || value === undefined ? undefined : { value, timestampMs }
}

function copied<K, V>(
  context: ProcessorContext,
  store: string,
  copy: CopyOf<V> | undefined,
  get: RowGetter<K, V>,
): RowGetter<K, V> {
  if (copy === undefined) return get
  const topic = changelogTopicName(context.applicationId, store)
  return (key) => chain(get(key), (row) => row && { value: copy(row.value, topic), timestampMs: row.timestampMs })
}
