import { EMPTY_HEADERS, type Headers } from '../../common/record.ts'

/** One version of a row. It is valid from its time until that of the next version of its key. */
export class Version<V> {
  readonly timestampMs: number
  /** `null`: deleted from this time on; `undefined`: not decoded yet. */
  value: V | null | undefined
  /** The row value that it was read as, or last encoded to. */
  encoded: Buffer | undefined
  headers: Headers
  /** The changelog does not have it yet. */
  unsent: boolean

  constructor(timestampMs: number, value: V | null | undefined, headers: Headers = EMPTY_HEADERS) {
    this.timestampMs = timestampMs
    this.value = value
    this.headers = headers
    this.encoded = undefined
    this.unsent = false
  }
}

/** Versions of one key, oldest first. */
export type Versions<V> = Version<V>[]

/** Index of the version that is valid at this time; -1 when the first one is younger. */
export function indexAt<V>(versions: Versions<V>, asOfMs: number): number {
  const newest = versions.length - 1
  if (newest >= 0 && (versions[newest] as Version<V>).timestampMs <= asOfMs) return newest
  let [low, high] = [0, versions.length]
  while (low < high) {
    const middle = (low + high) >> 1
    if ((versions[middle] as Version<V>).timestampMs <= asOfMs) low = middle + 1
    else high = middle
  }
  return low - 1
}

/** Until when a version is valid: the time of the next one, infinity for the newest. */
export function validToMs<V>(versions: Versions<V>, index: number): number {
  return versions[index + 1]?.timestampMs ?? Number.POSITIVE_INFINITY
}

/** Puts a version where its time says, in place of one of the same time; gives its index. */
export function insertVersion<V>(versions: Versions<V>, version: Version<V>): number {
  const before = indexAt(versions, version.timestampMs)
  const found = versions[before]
  if (found?.timestampMs === version.timestampMs) {
    found.unsent = false
    versions[before] = version
    return before
  }
  if (before === versions.length - 1) versions.push(version)
  else versions.splice(before + 1, 0, version)
  return before + 1
}

/** Forgets versions that nobody can ask for any more: those that ended at `oldestMs` or before. The newest stays whatever its age. */
export function pruneVersions<V>(versions: Versions<V>, oldestMs: number): void {
  let expired = 0
  while (expired < versions.length - 1 && (versions[expired + 1] as Version<V>).timestampMs <= oldestMs) expired++
  const first = versions[expired]
  // Of that age, a deletion says no more than that there is no version; but the changelog has to have it.
  if (first?.value === null && first.timestampMs <= oldestMs && !first.unsent) expired++
  if (expired > 0) for (const version of versions.splice(0, expired)) version.unsent = false
}
