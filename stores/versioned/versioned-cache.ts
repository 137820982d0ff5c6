import { type Awaitable, chain } from '../../common/awaitable.ts'
import type { KeyIdentity } from '../shared/key-identity.ts'
import { type Evictable, SecondChanceQueue } from '../shared/second-chance.ts'
import { type Tracked, Uncommitted } from '../shared/uncommitted.ts'
import type { TaskDatabase } from '../task-database.ts'
import type { Version, Versions } from './versioned-history.ts'
import { decodeVersions, latestRowKey, segmentRowKey } from './versioned-rows.ts'

/** So many versions of a key weigh as much in the cache as another key. */
const VERSIONS_PER_ENTRY = 16

/** The history of one key in the cache; without versions: known to have none. */
export class KeyHistory<K, V> implements Evictable, Tracked {
  readonly key: K
  readonly id: KeyIdentity
  readonly keyBytes: Buffer
  readonly versions: Versions<V>
  /** What the changelog does not have yet, and some that it need not have any more. */
  unsent: Version<V>[] = []
  /** Segments whose row of this key has changed. */
  readonly touched = new Set<number>()
  touchedLatest = false
  state = 0
  used = false
  queued = false
  gone = false
  /** It was put since it came into the cache: reads that began before may be older than it. */
  written = false
  /** As it was counted last. */
  weight = 0

  constructor(key: K, id: KeyIdentity, keyBytes: Buffer, versions: Versions<V>) {
    this.key = key
    this.id = id
    this.keyBytes = keyBytes
    this.versions = versions
  }
}

/** Histories by key, bounded by their number and length: the dirty ones stay, the others leave when they were not used. */
export class VersionedCache<K, V> {
  readonly uncommitted = new Uncommitted<KeyHistory<K, V>>()
  readonly #maxWeight: number
  readonly #entries = new Map<KeyIdentity, KeyHistory<K, V>>()
  readonly #clean = new SecondChanceQueue<KeyHistory<K, V>>((entry) => entry.state !== 0)
  #weight = 0
  /** Every row of the database is in the cache: a key that is not has none. */
  complete: boolean
  /** Keys that may stay over the bound until the next commit. */
  prefetched = 0

  constructor(maxWeight: number, complete: boolean) {
    this.#maxWeight = maxWeight
    this.complete = complete
  }

  get(id: KeyIdentity): KeyHistory<K, V> | undefined {
    const entry = this.#entries.get(id)
    if (entry !== undefined) entry.used = true
    return entry
  }

  add(entry: KeyHistory<K, V>): KeyHistory<K, V> {
    entry.gone = false
    this.#entries.set(entry.id, entry)
    this.weigh(entry)
    return entry
  }

  /** Counts an entry again. */
  weigh(entry: KeyHistory<K, V>): void {
    const weight = 1 + Math.floor(entry.versions.length / VERSIONS_PER_ENTRY)
    this.#weight += weight - entry.weight
    entry.weight = weight
  }

  /** An entry that is not dirty may leave. */
  release(entry: KeyHistory<K, V>): void {
    this.#clean.add(entry)
  }

  /** True when something left that had been written. */
  evict(): boolean {
    let writtenLeft = false
    while (this.#weight > this.#maxWeight + this.prefetched) {
      const entry = this.#clean.next()
      if (entry === undefined) break
      writtenLeft ||= entry.written
      entry.gone = true
      this.#entries.delete(entry.id)
      this.#weight -= entry.weight
      entry.weight = 0
      if (entry.versions.length > 0) this.complete = false
    }
    return writtenLeft
  }

  clear(): void {
    for (const entry of this.#entries.values()) entry.gone = true
    this.#entries.clear()
    this.uncommitted.clear()
    this.#clean.clear()
    this.#weight = 0
    this.prefetched = 0
  }
}

/** Reads the histories of keys: the newest version and the rows of all live segments. At once where the database never waits. */
export function readHistories<V>(
  database: TaskDatabase,
  storePrefix: Buffer,
  segments: readonly number[],
  keys: readonly Buffer[],
): Awaitable<Versions<V>[]> {
  const rowKeys: Buffer[] = []
  for (const key of keys) {
    rowKeys.push(latestRowKey(storePrefix, key))
    for (const segment of segments) rowKeys.push(segmentRowKey(storePrefix, segment, key))
  }
  return chain(readRows(database, rowKeys), (rows) =>
    keys.map((_, i) => {
      const at = i * (segments.length + 1)
      return decodeVersions<V>(rows[at], rows.slice(at + 1, at + 1 + segments.length))
    }),
  )
}

function readRows(database: TaskDatabase, rowKeys: readonly Buffer[]): Awaitable<readonly (Buffer | undefined)[]> {
  if (database.scanNow === undefined) return database.getMany(rowKeys)
  return rowKeys.map((rowKey) => database.get(rowKey) as Buffer | undefined)
}
