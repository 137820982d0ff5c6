import type { KeyIdentity } from '../shared/key-identity.ts'

/** A key of the store, or one that was in it at the last commit. */
class Place<K> {
  readonly id: KeyIdentity
  readonly key: K
  older: Place<K> | undefined
  newer: Place<K> | undefined
  isPresent = false
  /** It differs, or did, from what it was at the last commit. */
  isTouched = false
  /** Number of its last use; more is later. */
  usedAt = 0
  /** The same as of the last commit, and of the drain that waits for one; 0 where it was not in the store. */
  committedAt = 0
  drainedAt = 0

  constructor(id: KeyIdentity, key: K) {
    this.id = id
    this.key = key
  }
}

/**
 * The keys of a store in the order of their last use. A use costs the same however many keys there are. What was used, added and removed
 * since the last commit can be taken back, which costs a look at every key.
 */
export class UseOrder<K> {
  readonly #places = new Map<KeyIdentity, Place<K>>()
  #oldest: Place<K> | undefined
  #newest: Place<K> | undefined
  #size = 0
  #uses = 0
  /** Each place once; the first `#drained` of them wait for the commit that they were drained for. */
  #touched: Place<K>[] = []
  #drained = 0

  get size(): number {
    return this.#size
  }

  /** Number of the last use of a key; 0 when it is not there. */
  usedAt(id: KeyIdentity): number {
    const place = this.#places.get(id)
    return place?.isPresent ? place.usedAt : 0
  }

  /** False when the key is not there. */
  use(id: KeyIdentity): boolean {
    const place = this.#places.get(id)
    if (place === undefined || !place.isPresent) return false
    if (place === this.#newest) return true
    this.#unlink(place)
    this.#append(place)
    return true
  }

  /** Uses a key that is there, or adds it. */
  add(id: KeyIdentity, key: K): void {
    if (this.use(id)) return
    let place = this.#places.get(id)
    if (place === undefined) {
      place = new Place(id, key)
      this.#places.set(id, place)
    }
    place.isPresent = true
    this.#size++
    this.#append(place)
  }

  remove(id: KeyIdentity): void {
    const place = this.#places.get(id)
    if (place?.isPresent) this.#remove(place)
  }

  /** Removes the key whose last use is longest ago. */
  takeOldest(): { readonly id: KeyIdentity; readonly key: K } | undefined {
    const oldest = this.#oldest
    if (oldest !== undefined) this.#remove(oldest)
    return oldest
  }

  /** The order as it is now waits for `committed`. */
  drain(): void {
    for (const place of this.#touched) place.drainedAt = place.isPresent ? place.usedAt : 0
    this.#drained = this.#touched.length
  }

  committed(): void {
    const touched = this.#touched
    const drained = this.#drained
    let kept = 0
    for (let i = 0; i < touched.length; i++) {
      const place = touched[i] as Place<K>
      if (i < drained) place.committedAt = place.drainedAt
      if (i >= drained || (place.isPresent ? place.usedAt : 0) !== place.committedAt) touched[kept++] = place
      else {
        place.isTouched = false
        if (!place.isPresent) this.#places.delete(place.id)
      }
    }
    touched.length = kept
    this.#drained = 0
  }

  /** Makes the order that of the last commit again. */
  discard(): void {
    const back: Place<K>[] = []
    for (const place of this.#touched) {
      if (place.isPresent) this.#unlink(place)
      place.isTouched = false
      place.isPresent = place.committedAt > 0
      place.usedAt = place.committedAt
      if (place.isPresent) back.push(place)
      else this.#places.delete(place.id)
    }
    this.#touched = []
    this.#drained = 0
    back.sort((a, b) => b.usedAt - a.usedAt)
    let newer: Place<K> | undefined
    let older = this.#newest
    for (const place of back) {
      while (older !== undefined && older.usedAt > place.usedAt) {
        newer = older
        older = older.older
      }
      this.#link(older, place, newer)
      newer = place
    }
    this.#size = 0
    for (const place of this.#places.values()) if (place.isPresent) this.#size++
  }

  #append(place: Place<K>): void {
    this.#touch(place)
    place.usedAt = ++this.#uses
    this.#link(this.#newest, place, undefined)
  }

  #remove(place: Place<K>): void {
    this.#touch(place)
    this.#unlink(place)
    place.isPresent = false
    this.#size--
  }

  #touch(place: Place<K>): void {
    if (place.isTouched) return
    place.isTouched = true
    this.#touched.push(place)
  }

  #link(older: Place<K> | undefined, place: Place<K>, newer: Place<K> | undefined): void {
    place.older = older
    place.newer = newer
    if (older === undefined) this.#oldest = place
    else older.newer = place
    if (newer === undefined) this.#newest = place
    else newer.older = place
  }

  #unlink({ older, newer }: Place<K>): void {
    if (older === undefined) this.#oldest = newer
    else older.newer = newer
    if (newer === undefined) this.#newest = older
    else newer.older = older
  }
}
