import type { Awaitable } from '../../../common/awaitable.ts'

/** `partition`: results in the order of the records. `key`: one call of a key at a time. `none`: as it comes. */
export type OrderKind = 'partition' | 'key' | 'none'

interface Place<E> {
  readonly entry: E
  finish: (() => Awaitable<void>) | undefined
}

/** Who may be called, and whose result may go on. */
export class AsyncOrder<E extends object> {
  readonly #kind: OrderKind
  /** Order `partition`: unfinished entries, oldest first. */
  readonly #line: Place<E>[] = []
  readonly #places = new Map<E, Place<E>>()
  /** Order `key`: unfinished entries of each key, the first one being called. */
  readonly #lanes = new Map<unknown, E[]>()
  readonly #laneOf = new Map<E, unknown>()

  constructor(kind: OrderKind) {
    this.#kind = kind
  }

  /** Takes an entry in; true when it may be called now. `lane` undefined: it has no key, and no order. */
  add(entry: E, lane: unknown): boolean {
    if (this.#kind === 'partition') {
      const place: Place<E> = { entry, finish: undefined }
      this.#line.push(place)
      this.#places.set(entry, place)
      return true
    }
    if (this.#kind === 'none' || lane === undefined) return true
    this.#laneOf.set(entry, lane)
    const before = this.#lanes.get(lane)
    if (before === undefined) {
      this.#lanes.set(lane, [entry])
      return true
    }
    before.push(entry)
    return false
  }

  /** The entry's call is over: whether its result goes on now (else {@link following} gives it later), and who may be called next. */
  done(entry: E, finish: () => Awaitable<void>): { readonly releases: boolean; readonly next: E | undefined } {
    if (this.#kind !== 'partition') return { releases: true, next: this.#leaveLane(entry) }
    const place = this.#places.get(entry) as Place<E>
    place.finish = finish
    return { releases: this.#line[0] === place, next: undefined }
  }

  /** The entry's result goes on. */
  released(entry: E): void {
    if (this.#kind !== 'partition') return
    this.#line.shift()
    this.#places.delete(entry)
  }

  /** After a result went on: the next one that waited for it. */
  following(): { readonly entry: E; readonly finish: () => Awaitable<void> } | undefined {
    const [first] = this.#line
    return first?.finish === undefined ? undefined : { entry: first.entry, finish: first.finish }
  }

  #leaveLane(entry: E): E | undefined {
    const lane = this.#laneOf.get(entry)
    if (lane === undefined) return undefined
    this.#laneOf.delete(entry)
    const entries = this.#lanes.get(lane) as E[]
    entries.shift()
    if (entries.length === 0) this.#lanes.delete(lane)
    return entries[0]
  }
}
