import type { LogRecord } from '../port.ts'
import { decodeRun } from './run.ts'
import type { TailCache, TailHolder } from './tail-cache.ts'

interface TailRun {
  readonly sequence: number
  readonly lastOffset: number
  bytes: Buffer
}

/** What a fetch found: the records, and where to go on, beyond gaps. */
export interface Fetched {
  readonly records: LogRecord[]
  readonly nextOffset: number
  /** About how much was read for it. */
  readonly sizeBytes: number
}

/** The newest runs of one partition in memory: all of them from `startOffset` on. */
export class LogTail implements TailHolder {
  readonly #cache: TailCache
  #runs: TailRun[] = []
  #first = 0
  #startOffset: number

  constructor(cache: TailCache, startOffset: number) {
    this.#cache = cache
    this.#startOffset = startOffset
  }

  get startOffset(): number {
    return this.#startOffset
  }

  push(lastOffset: number, bytes: Buffer): void {
    this.#cache.add(this, bytes.length, (sequence) => this.#runs.push({ sequence, lastOffset, bytes }))
  }

  /** A run came that is not in memory: the tail begins after it. */
  restartAfter(lastOffset: number): void {
    this.#cache.freed(this.dropBefore(Number.POSITIVE_INFINITY))
    this.#startOffset = lastOffset + 1
  }

  /** Runs that end before an offset are no longer in the log. */
  trim(logStart: number): void {
    let freedBytes = 0
    while (this.#first < this.#runs.length && this.#runs[this.#first]!.lastOffset < logStart) freedBytes += this.#drop()
    this.#cache.freed(freedBytes)
  }

  /** Compaction has rewritten a run, or taken it away. */
  replace(lastOffset: number, bytes: Buffer | null): void {
    const at = this.#indexOf(lastOffset)
    const run = this.#runs[at]
    if (run?.lastOffset !== lastOffset) return
    this.#cache.freed(run.bytes.length - (bytes?.length ?? 0))
    if (bytes) run.bytes = bytes
    else this.#runs.splice(at, 1)
  }

  dropBefore(sequence: number): number {
    let freedBytes = 0
    while (this.#first < this.#runs.length && this.#runs[this.#first]!.sequence < sequence) freedBytes += this.#drop()
    return freedBytes
  }

  forget(): void {
    this.#cache.forget(this)
  }

  /** Records from a position at or after `startOffset`; `endOffset` is where to go on after the last run. */
  fetch(position: number, maxBytes: number, endOffset: number): Fetched {
    const records: LogRecord[] = []
    let nextOffset = position
    let leftBytes = maxBytes
    for (let i = this.#indexOf(position); i < this.#runs.length; i++) {
      const run = this.#runs[i]!
      nextOffset = decodeRun(run.bytes, nextOffset, leftBytes, records)
      leftBytes -= run.bytes.length
      const ended = i === this.#runs.length - 1 && nextOffset > run.lastOffset
      if (ended) break
      if (leftBytes <= 0 || nextOffset <= run.lastOffset)
        return { records, nextOffset, sizeBytes: maxBytes - leftBytes }
    }
    return { records, nextOffset: endOffset, sizeBytes: maxBytes - leftBytes }
  }

  #drop(): number {
    const run = this.#runs[this.#first++]!
    this.#startOffset = run.lastOffset + 1
    if (this.#first > 64 && this.#first * 2 > this.#runs.length) {
      this.#runs = this.#runs.slice(this.#first)
      this.#first = 0
    }
    return run.bytes.length
  }

  /** The first run that ends at or after an offset. */
  #indexOf(offset: number): number {
    let low = this.#first
    let high = this.#runs.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if (this.#runs[middle]!.lastOffset < offset) low = middle + 1
      else high = middle
    }
    return low
  }
}
