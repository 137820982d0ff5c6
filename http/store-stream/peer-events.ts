import type { IncomingMessage } from 'node:http'

export interface PeerEvent {
  readonly event: string
  /** `undefined` for a block that only tells an id. */
  readonly data: string | undefined
  readonly id: string | undefined
}

const MAX_EVENT_BYTES = 8 * 1024 * 1024

/** Reads server-sent events, one at a time: what is not asked for stays with the sender. @throws {Error} when an event is too large. */
export async function* peerEvents(response: IncomingMessage): AsyncGenerator<PeerEvent, void, undefined> {
  let text = ''
  const decoder = new TextDecoder()
  for await (const chunk of response as AsyncIterable<Buffer>) {
    text += decoder.decode(chunk, { stream: true })
    for (let end = text.indexOf('\n\n'); end >= 0; end = text.indexOf('\n\n')) {
      const block = text.slice(0, end)
      text = text.slice(end + 2)
      yield parse(block)
    }
    if (text.length > MAX_EVENT_BYTES) throw new Error('an event of a peer is too large')
  }
}

function parse(block: string): PeerEvent {
  let event = 'message'
  let data: string | undefined
  let id: string | undefined
  for (const line of block.split('\n')) {
    const colon = line.indexOf(':')
    const name = line.slice(0, colon)
    const value = line.slice(colon + 1).replace(/^ /, '')
    if (name === 'event') event = value
    else if (name === 'data') data = data === undefined ? value : `${data}\n${value}`
    else if (name === 'id') id = value
  }
  return { event, data, id }
}
