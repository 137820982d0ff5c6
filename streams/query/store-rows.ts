import { parseSessionChangelogKey } from '../../stores/session/session-keys.ts'
import type {
  ChangelogRecord,
  KeyValueStore,
  SessionStore,
  StateStore,
  VersionedKeyValueStore,
  WindowStore,
} from '../../stores/state-store.ts'
import type { StoreBuilder } from '../../stores/store-builder.ts'
import { parseWindowChangelogKey } from '../../stores/window/window-keys.ts'

/** A row of any store. A window has a start, a session a start and an end. */
export interface StoreRow {
  readonly key: unknown
  readonly startMs?: number
  readonly endMs?: number
  /** `null`: the row is deleted. */
  readonly value: unknown
  readonly timestampMs: number
}

/** A row that a commit changed. What it holds is decoded when it is asked for, and belongs to whoever asked. */
export class StoreChange {
  readonly keyBytes: Buffer
  readonly startMs: number | undefined
  readonly endMs: number | undefined
  readonly timestampMs: number
  readonly #record: ChangelogRecord
  readonly #builder: StoreBuilder
  readonly #topic: string

  constructor(record: ChangelogRecord, builder: StoreBuilder, topic: string) {
    this.#record = record
    this.#builder = builder
    this.#topic = topic
    this.timestampMs = record.timestampMs
    if (builder.type === 'window') {
      const { key, windowStartMs } = parseWindowChangelogKey(record.changelogKey)
      this.keyBytes = key
      this.startMs = windowStartMs
    } else if (builder.type === 'session') {
      const { key, startMs, endMs } = parseSessionChangelogKey(record.changelogKey)
      this.keyBytes = key
      this.startMs = startMs
      this.endMs = endMs
    } else this.keyBytes = record.changelogKey
  }

  /** @throws {SerdeNotReadyError} when a schema has to be fetched first. */
  row(): StoreRow {
    const { changelogValue, headers } = this.#record
    const { keySerde, valueSerde } = this.#builder
    return {
      key: keySerde.deserialize(this.keyBytes, this.#topic),
      ...(this.startMs === undefined ? {} : { startMs: this.startMs }),
      ...(this.endMs === undefined ? {} : { endMs: this.endMs }),
      value: changelogValue === null ? null : valueSerde.deserialize(changelogValue, this.#topic, headers),
      timestampMs: this.timestampMs,
    }
  }
}

/** Committed rows of a store, all of them or of one key. */
export async function* committedRows(
  store: StateStore,
  key: { readonly key: unknown } | undefined,
): AsyncGenerator<StoreRow, void, undefined> {
  const committed = { committedOnly: true }
  const lastMs = Number.MAX_SAFE_INTEGER
  switch (store.type) {
    case 'key-value':
    case 'versioned':
      yield* (store as KeyValueStore<unknown, unknown> | VersionedKeyValueStore<unknown, unknown>).range(
        key?.key,
        key?.key,
        committed,
      )
      return
    case 'window': {
      const windows = (store as WindowStore<unknown, unknown>).fetchRange(key?.key, key?.key, 0, lastMs, committed)
      for await (const { windowStartMs, key: k, value, timestampMs } of windows)
        yield { key: k, startMs: windowStartMs, value, timestampMs }
      return
    }
    case 'session':
      yield* (store as SessionStore<unknown, unknown>).fetchRange(key?.key, key?.key, 0, lastMs, committed)
      return
    default:
      return
  }
}
