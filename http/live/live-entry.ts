import { toJson } from '../json.ts'
import { type LiveEvent, roomOf, slotOf } from './live-events.ts'

/** An event with its place in the feed. It is written once, however many clients get it, and not before one does. */
export class LiveEntry {
  /** Counts up by one for each event of this feed. */
  readonly sequence: number
  readonly event: LiveEvent
  readonly slot: string
  readonly roomId: string | undefined
  #frame: string | undefined

  constructor(sequence: number, event: LiveEvent, roomId = roomOf(event)) {
    this.sequence = sequence
    this.event = event
    this.slot = slotOf(event)
    this.roomId = roomId
  }

  /** As server-sent event, without the blank line that ends it. */
  get frame(): string {
    const { type, key, id, data } = this.event
    this.#frame ??= `event: ${type}\ndata: ${JSON.stringify({ key, ...(id === undefined ? {} : { id }), data: toJson(data) })}\n`
    return this.#frame
  }
}
