import { serdes } from '../../common/serde.ts'
import { ContractStore } from '../../stores/contract/contract-support.ts'
import { MemoryDatabase } from '../../stores/database/memory-database.ts'
import type {
  KeyValueStore,
  RestoredRecord,
  SessionStore,
  StateStore,
  VersionedKeyValueStore,
  WindowStore,
} from '../../stores/state-store.ts'
import type { StoreBuilder } from '../../stores/store-builder.ts'
import { Stores } from '../../stores/stores.ts'

type ChangelogRecord = readonly [key: string, value: string | null, timestampMs: number]

/** A put, and the records of the changelog that Kafka Streams wrote for it. */
export type ChangelogRow = readonly [
  key: string,
  value: string | null,
  timeMs: number,
  endMs: number,
  records: readonly ChangelogRecord[],
]

interface Kind<S extends StateStore> {
  readonly builder: StoreBuilder<S>
  readonly put: (store: S, key: string, value: string | null, timeMs: number, endMs: number) => unknown
  /** Everything in the store. */
  readonly contents: (store: S, keys: readonly string[]) => Promise<readonly unknown[]>
}

const TEXT = { key: serdes.string, value: serdes.string }
const WINDOWS = { ...TEXT, retention: '2d', windowSize: '10s' } as const

function kind<S extends StateStore>(of: Kind<S>): Kind<StateStore> {
  return of as unknown as Kind<StateStore>
}

const keyValues = (name: string): Kind<StateStore> =>
  kind<KeyValueStore<string, string>>({
    builder: Stores.keyValueStore(name, TEXT),
    put: (store, key, value, timeMs) => store.put(key, value, timeMs),
    contents: (store) => all(store.range(undefined, undefined)),
  })

const windows = (name: string, retainDuplicates = false): Kind<StateStore> =>
  kind<WindowStore<string, string>>({
    builder: Stores.windowStore(name, { ...WINDOWS, retainDuplicates }),
    put: (store, key, value, timeMs, endMs) => {
      if (value !== null || !retainDuplicates) store.put(key, value, endMs, timeMs)
    },
    contents: (store) => all(store.fetchRange(undefined, undefined, 0, Number.MAX_SAFE_INTEGER)),
  })

export const CHANGELOGS: Readonly<Record<string, Kind<StateStore>>> = {
  'key-value': keyValues('key-value'),
  'timestamped-key-value': keyValues('timestamped-key-value'),
  window: windows('window'),
  'timestamped-window': windows('timestamped-window'),
  'window-with-duplicates': windows('window-with-duplicates', true),
  session: kind<SessionStore<string, string>>({
    builder: Stores.sessionStore('session', { ...TEXT, retention: '2d' }),
    put: (store, key, value, timeMs, endMs) => store.put(key, value, timeMs, endMs, timeMs),
    contents: (store) => all(store.fetchRange(undefined, undefined, 0, Number.MAX_SAFE_INTEGER)),
  }),
  versioned: kind<VersionedKeyValueStore<string, string>>({
    builder: Stores.versionedKeyValueStore('versioned', { ...TEXT, historyRetention: '2d' }),
    put: (store, key, value, timeMs) => store.put(key, value, timeMs),
    contents: async (store, keys) =>
      (await Promise.all(keys.map(async (key) => store.history(key, 0, Number.MAX_SAFE_INTEGER)))).flat(),
  }),
}

async function all<T>(rows: AsyncIterable<T>): Promise<readonly T[]> {
  const list: T[] = []
  for await (const row of rows) list.push(row)
  return list
}

function open(name: string): ContractStore<StateStore> {
  const { builder } = CHANGELOGS[name] as Kind<StateStore>
  return new ContractStore(builder, new MemoryDatabase(), {})
}

/** What our store writes to its changelog for each put, when each is a commit. */
export async function changelogOf(name: string, rows: readonly ChangelogRow[]): Promise<readonly ChangelogRecord[][]> {
  return (await putAll(name, rows)).written
}

async function putAll(name: string, rows: readonly ChangelogRow[]) {
  const opened = open(name)
  const { put } = CHANGELOGS[name] as Kind<StateStore>
  const written: ChangelogRecord[][] = []
  for (const [key, value, timeMs, endMs] of rows) {
    const from = opened.changelog.length
    await put(opened.store, key, value, timeMs, endMs)
    await opened.commit()
    written.push(opened.changelog.slice(from).map(asRecorded))
  }
  return { opened, written }
}

function asRecorded({ key, value, timestampMs }: RestoredRecord): ChangelogRecord {
  return [(key as Buffer).toString('hex'), value === null ? null : value.toString('hex'), timestampMs]
}

/** What is in our store after the puts, and in one that was restored from the records of Kafka Streams. */
export async function restored(name: string, rows: readonly ChangelogRow[]) {
  const { contents } = CHANGELOGS[name] as Kind<StateStore>
  const keys = [...new Set(rows.map(([key]) => key))]
  const { opened } = await putAll(name, rows)
  const other = open(name)
  const records = rows.flatMap((row) => row[4])
  await other.restore(
    records.map(([key, value, timestampMs]) => ({
      key: Buffer.from(key, 'hex'),
      value: value === null ? null : Buffer.from(value, 'hex'),
      timestampMs,
      headers: [],
    })),
  )
  return { ours: await contents(opened.store, keys), theirs: await contents(other.store, keys) }
}
