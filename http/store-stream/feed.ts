import { SerdeNotReadyError } from '../../common/errors.ts'
import type { LiveStore, StoreChange, StoreRow } from '../../streams/index.ts'
import type { QueriesView } from '../streams-view.ts'

/** What one commit changed, as it is told to listeners: made once for all of them. */
export interface FeedBatch {
  readonly offset: number | undefined
  readonly changes: readonly FeedChange[]
}

export interface FeedChange {
  readonly keyId: string
  /** What a later change replaces. */
  readonly rowId: string
  /** JSON of the event; made when somebody listens. */
  readonly data: () => string
}

/** Somebody who follows a partition, all of it or one key. */
export interface FeedListener {
  readonly keyId: string | undefined
  /** Changes of interest, if any, and the offset after the commit. */
  committed(partition: number, changes: readonly FeedChange[], offset: number | undefined): void
  ended(partition: number): void
}

export interface FeedOptions {
  readonly queries: QueriesView
  readonly store: string
  readonly partition: number
  /** Changes that are remembered for those who come back. */
  readonly ringSize: number
  /** How long it goes on when nobody listens. */
  readonly lingerMs: number
  readonly show: (row: StoreRow) => string
  readonly onEnded: () => void
}

/** One tap of a store's commits, shared by all who listen on this instance. */
export class StoreFeed {
  readonly #options: FeedOptions
  readonly #live: LiveStore
  readonly #ofAll = new Set<FeedListener>()
  readonly #ofKey = new Map<string, Set<FeedListener>>()
  /** Resolves when {@link head} is known, where it can be. */
  readonly located: Promise<void>
  #ring: FeedBatch[] = []
  #ringChanges = 0
  /** The ring has everything after this offset. */
  #base: number | undefined
  #head: number | undefined
  #waiting: FeedBatch[] | undefined
  #linger: NodeJS.Timeout | undefined
  #isEnded = false

  /** @throws {StoreNotAvailableError} when the partition is not active here. */
  constructor(options: FeedOptions) {
    this.#options = options
    this.#live = options.queries.follow(options.store, options.partition, {
      changed: (changes, offset) => this.#changed(changes, offset),
      closed: () => this.end(),
    })
    this.#base = this.#live.offset
    this.#head = this.#base
    this.located = this.#live.located.then(() => {
      this.#base ??= this.#live.offset
      this.#head ??= this.#live.offset
    })
  }

  get isEnded(): boolean {
    return this.#isEnded
  }

  /** Where the partition stands, once it is {@link located}: what comes to listeners from now on is after it. */
  get head(): number | undefined {
    return this.#head
  }

  /** The committed rows, or those of one key. */
  rows(key: { readonly key: unknown } | undefined): AsyncIterable<StoreRow> {
    return this.#live.rows(key)
  }

  /** What was changed after an offset; `undefined` when that is not remembered, and the rows have to be read. */
  changesSince(offset: number | undefined, keyId: string | undefined): readonly FeedChange[] | undefined {
    const isKnown = offset !== undefined && this.#base !== undefined && this.#head !== undefined
    if (!isKnown || offset < (this.#base ?? 0) || offset > (this.#head ?? 0)) return undefined
    const missed = this.#ring.filter((batch) => (batch.offset ?? 0) > offset)
    return missed.flatMap(({ changes }) => (keyId === undefined ? changes : changes.filter((c) => c.keyId === keyId)))
  }

  add(listener: FeedListener): void {
    clearTimeout(this.#linger)
    if (listener.keyId === undefined) this.#ofAll.add(listener)
    else {
      const listeners = this.#ofKey.get(listener.keyId) ?? new Set()
      this.#ofKey.set(listener.keyId, listeners.add(listener))
    }
  }

  remove(listener: FeedListener): void {
    this.#ofAll.delete(listener)
    const ofKey = listener.keyId === undefined ? undefined : this.#ofKey.get(listener.keyId)
    ofKey?.delete(listener)
    if (ofKey?.size === 0) this.#ofKey.delete(listener.keyId as string)
    if (this.#ofAll.size > 0 || this.#ofKey.size > 0 || this.#isEnded) return
    clearTimeout(this.#linger)
    this.#linger = setTimeout(() => this.end(), this.#options.lingerMs).unref()
  }

  /** Everyone is told that it is over here. */
  end(): void {
    if (this.#isEnded) return
    this.#isEnded = true
    clearTimeout(this.#linger)
    this.#live.stop()
    this.#options.onEnded()
    const listeners = [...this.#ofAll, ...[...this.#ofKey.values()].flatMap((of) => [...of])]
    this.#ofAll.clear()
    this.#ofKey.clear()
    for (const listener of listeners) listener.ended(this.#options.partition)
  }

  #changed(changes: readonly StoreChange[], offset: number | undefined): void {
    const batch = { offset, changes: changes.map((change) => feedChange(change, this.#options.show)) }
    this.#remember(batch)
    if (this.#waiting !== undefined) this.#waiting.push(batch)
    else this.#tell([batch])
  }

  #remember(batch: FeedBatch): void {
    this.#ring.push(batch)
    this.#ringChanges += batch.changes.length
    this.#base ??= this.#live.offset ?? batch.offset
    while (this.#ringChanges > this.#options.ringSize && this.#ring.length > 0) {
      const oldest = this.#ring.shift() as FeedBatch
      this.#ringChanges -= oldest.changes.length
      this.#base = oldest.offset
    }
  }

  /** In order; a batch whose schema has to be fetched holds those after it. */
  #tell(batches: readonly FeedBatch[]): void {
    for (const [i, batch] of batches.entries()) {
      try {
        for (const change of batch.changes) if (this.#isWanted(change)) change.data()
      } catch (error) {
        if (!(error instanceof SerdeNotReadyError)) {
          this.end()
          return
        }
        this.#waiting = batches.slice(i)
        error.ready.then(
          () => this.#tellWaiting(),
          () => this.end(),
        )
        return
      }
      this.#head = batch.offset
      this.#tellBatch(batch)
    }
  }

  #tellWaiting(): void {
    const waiting = this.#waiting ?? []
    this.#waiting = undefined
    if (!this.#isEnded) this.#tell(waiting)
  }

  #tellBatch({ changes, offset }: FeedBatch): void {
    const { partition } = this.#options
    for (const listener of [...this.#ofAll]) listener.committed(partition, changes, offset)
    if (this.#ofKey.size === 0) return
    const ofKeys = new Map<string, FeedChange[]>()
    for (const change of changes) {
      if (!this.#ofKey.has(change.keyId)) continue
      const ofKey = ofKeys.get(change.keyId)
      if (ofKey) ofKey.push(change)
      else ofKeys.set(change.keyId, [change])
    }
    for (const [keyId, ofKey] of ofKeys)
      for (const listener of [...(this.#ofKey.get(keyId) ?? [])]) listener.committed(partition, ofKey, offset)
  }

  #isWanted({ keyId }: FeedChange): boolean {
    return this.#ofAll.size > 0 || this.#ofKey.has(keyId)
  }
}

export function keyIdOf(keyBytes: Buffer): string {
  return keyBytes.toString('latin1')
}

function feedChange(change: StoreChange, show: (row: StoreRow) => string): FeedChange {
  const keyId = keyIdOf(change.keyBytes)
  let data: string | undefined
  return {
    keyId,
    rowId: `${change.startMs ?? ''}/${change.endMs ?? ''}/${keyId}`,
    data: () => {
      data ??= show(change.row())
      return data
    },
  }
}
