import { partitionName, type TopicPartition } from '../common/record.ts'
import type { FetchedPartition } from './protocol/fetch.ts'

/** One partition as the fetcher sees it. */
export interface FetchState {
  readonly topic: string
  readonly partition: number
  readonly name: string
  /** After what was handed out; `undefined` until it is known where to start. */
  position: number | undefined
  paused: boolean
  /** An answer that was not handed out yet; it begins at `position`. */
  buffered: FetchedPartition | undefined
  /** The end of the log (or of what is stable in it), as the last answer told. */
  end: number | undefined
  /** A fetch in flight asks for this partition. */
  requested: boolean
  /** Asked for by a short fetch while the long poll runs; not again before the next long poll. */
  probed: boolean
  /** Changes with each seek, so that answers to earlier questions are told apart. */
  turn: number
  maxBytes: number
  /** Why it cannot be read; thrown by `poll` until a seek. */
  failure: Error | undefined
  /** When it was first found to be in no broker's metadata. */
  unknownSinceMs: number | undefined
}

export function newFetchState(partition: TopicPartition, position: number | undefined, maxBytes: number): FetchState {
  return {
    topic: partition.topic,
    partition: partition.partition,
    name: partitionName(partition.topic, partition.partition),
    position,
    paused: false,
    buffered: undefined,
    end: undefined,
    requested: false,
    probed: false,
    turn: 0,
    maxBytes,
    failure: undefined,
    unknownSinceMs: undefined,
  }
}

/** Whether a fetch should ask for it now. */
export function isFetchable(state: FetchState): boolean {
  return (
    state.position !== undefined && !state.paused && !state.buffered && !state.requested && state.failure === undefined
  )
}

export function moveTo(state: FetchState, position: number | undefined): void {
  state.position = position
  state.buffered = undefined
  state.failure = undefined
  state.probed = false
  state.requested = false
  state.turn++
}
